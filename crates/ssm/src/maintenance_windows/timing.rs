//! The schedule of a window: when it opens.

use crate::faults;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_calendar::{Expression, Schedule, Zone};
use serde::{Deserialize, Serialize};

/// The schedule of a window as it was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    pub schedule: String,
    pub zone: Option<String>,
    pub offset: Option<i32>,
    pub start: Option<String>,
    pub end: Option<String>,
    /// When it was given: rates are counted from here.
    pub since: Timestamp,
}

impl Timing {
    /// AWS: unverified messages.
    pub fn check(&self) -> Result<(), Fault> {
        let expression =
            Expression::parse(&self.schedule).map_err(|why| faults::validation(format!("Invalid schedule {}: {why}.", self.schedule)))?;
        if self.offset.is_some() && !matches!(expression, Expression::Cron(_)) {
            return Err(faults::validation("ScheduleOffset can only be specified with a cron expression."));
        }
        if let Some(name) = &self.zone
            && Zone::named(name).is_none()
        {
            return Err(faults::validation(format!("Invalid time zone: {name}.")));
        }
        let date = |name: &str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => {
                Timestamp::parse_any(text).map(Some).ok_or_else(|| faults::validation(format!("{name} {text} is not an ISO-8601 date and time.")))
            }
        };
        match (date("StartDate", &self.start)?, date("EndDate", &self.end)?) {
            (Some(start), Some(end)) if end <= start => Err(faults::validation("EndDate must be later than StartDate.")),
            _ => Ok(()),
        }
    }

    /// AWS: "a date and time in the future"; unverified that another one is refused.
    pub fn check_end(&self, now: Timestamp) -> Result<(), Fault> {
        let is_past = self.end.as_deref().and_then(Timestamp::parse_any).is_some_and(|end| end <= now);
        if is_past { Err(faults::validation("EndDate must be in the future.")) } else { Ok(()) }
    }

    pub fn zone(&self) -> Zone {
        self.zone.as_deref().and_then(Zone::named).unwrap_or_default()
    }

    /// The first time after another at which the window opens.
    pub fn after(&self, after: Timestamp) -> Option<Timestamp> {
        let start = self.start.as_deref().and_then(Timestamp::parse_any);
        let end = self.end.as_deref().and_then(Timestamp::parse_any);
        let since = start.map_or(self.since, |start| start.max(self.since));
        let schedule = Schedule {
            expression: Expression::parse(&self.schedule).ok()?,
            zone: self.zone(),
            since,
            offset_days: self.offset.and_then(|days| u8::try_from(days).ok()).unwrap_or_default(),
        };
        // A time that is exactly the start counts.
        let after = start.map_or(after, |start| after.max(start.plus_millis(-1)));
        schedule.after(after).filter(|at| end.is_none_or(|end| *at <= end))
    }

    pub fn text(&self, at: Timestamp) -> String {
        self.zone().text(at)
    }
}
