//! Change calendars: iCalendar documents whose events close a calendar that is open otherwise, or open one that is closed otherwise.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-change-calendar.html>,
//! <https://www.rfc-editor.org/rfc/rfc5545>
//!
//! Read are VEVENT with DTSTART, DTEND or DURATION, RRULE, RDATE, EXDATE and RECURRENCE-ID, and VTIMEZONE for zones that are not IANA's.

mod calendar;
mod civil;
mod content;
mod event;
mod rule;
mod time;
mod timezone;
mod zones;

pub use calendar::{Calendar, State};

/// The repetitions of a rule, for tests of rules alone.
#[cfg(test)]
pub(crate) fn rule_days(
    rule: &str,
    start: jiff::civil::DateTime,
    from: jiff::civil::DateTime,
    to: jiff::civil::DateTime,
) -> Result<Vec<jiff::civil::DateTime>, crate::Invalid> {
    let utc = crate::Zone::default();
    Ok(rule::Rule::parse(rule)?.between(start, from, to, &|at| utc.instant(at)))
}
