//! The time zones of a calendar: IANA's by their names, and those that the calendar defines.

use super::{content::Component, timezone::TimeZone};
use crate::{Invalid, Zone, invalid};
use cloudlet_aws::Timestamp;
use jiff::civil::DateTime;
use std::{collections::BTreeMap, sync::Arc};

/// What turns a civil time into an instant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Clock {
    Zone(Zone),
    /// A VTIMEZONE of the calendar.
    Own(Arc<TimeZone>),
}

impl Clock {
    pub fn instant(&self, civil: DateTime) -> Option<Timestamp> {
        match self {
            Clock::Zone(zone) => zone.instant(civil),
            Clock::Own(zone) => zone.instant(civil),
        }
    }

    /// What the clock shows at an instant, a little more or less where the zone is the calendar's own.
    pub fn civil(&self, at: Timestamp) -> DateTime {
        match self {
            Clock::Zone(zone) => zone.civil(at),
            Clock::Own(zone) => zone.civil(at),
        }
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::Zone(Zone::default())
    }
}

/// What TZID parameters name.
#[derive(Debug, Default)]
pub(crate) struct Zones {
    own: BTreeMap<String, Arc<TimeZone>>,
    /// The zone of times without one: that of X-WR-TIMEZONE, else UTC.
    pub floating: Clock,
}

const MOST_ZONES: usize = 100;

impl Zones {
    pub fn parse(calendar: &Component) -> Result<Zones, Invalid> {
        let mut zones = Zones::default();
        for component in calendar.components.iter().filter(|component| component.name == "VTIMEZONE").take(MOST_ZONES) {
            if let Some(name) = component.text("TZID")
                && Zone::named(name).is_none()
            {
                zones.own.insert(name.to_owned(), Arc::new(TimeZone::parse(component)?));
            }
        }
        if let Some(name) = calendar.text("X-WR-TIMEZONE").filter(|name| !name.is_empty()) {
            zones.floating = zones.clock(name)?;
        }
        Ok(zones)
    }

    pub fn clock(&self, name: &str) -> Result<Clock, Invalid> {
        // Some programs write a path in front: /freeassociation.sourceforge.net/Europe/Berlin.
        let known = Zone::named(name).or_else(|| name.strip_prefix('/').and_then(|path| Zone::named(path.split_once('/')?.1)));
        match (known, self.own.get(name)) {
            (Some(zone), _) => Ok(Clock::Zone(zone)),
            (None, Some(own)) => Ok(Clock::Own(own.clone())),
            (None, None) => invalid(format!("the time zone {name:?} is not known")),
        }
    }
}
