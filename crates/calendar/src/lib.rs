//! When something is due, and whether a calendar is open: schedule expressions as AWS writes them, time zones, and iCalendar documents.
//! Time is always an argument. Time zones are those of the IANA database that is built in, never the machine's.

mod cron;
mod field;
pub mod ical;
mod schedule;
mod zone;

#[cfg(test)]
mod tests;

pub use cron::Cron;
pub use schedule::{Expression, Schedule, Unit};
pub use zone::Zone;

use std::fmt;

/// Why a text is no expression or no calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

pub(crate) fn invalid<T>(why: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid(why.into()))
}
