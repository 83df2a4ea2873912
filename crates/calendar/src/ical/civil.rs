//! Dates and times as calendars write them, by no clock yet.

use crate::Invalid;
use jiff::civil::{Date, DateTime, Time};

/// `20260101T090000`, `20260101T090000Z`, `20260101`: the time, whether it is a date alone, and whether it is in UTC.
pub(crate) fn civil(text: &str) -> Result<(DateTime, bool, bool), Invalid> {
    let wrong = || Invalid(format!("{:?} is no date or time", text.chars().take(40).collect::<String>()));
    let utc = text.ends_with('Z');
    let bare = text.strip_suffix('Z').unwrap_or(text);
    if !bare.is_ascii() {
        return Err(wrong());
    }
    let (date, time) = bare.split_once('T').map_or((bare, None), |(date, time)| (date, Some(time)));
    let digits = |text: &str, at: std::ops::Range<usize>| -> Option<i16> {
        let part = text.get(at)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten()
    };
    let small = |text: &str, at: usize| digits(text, at..at + 2).and_then(|number| i8::try_from(number).ok());
    if date.len() != 8 || time.is_some_and(|time| time.len() != 6) {
        return Err(wrong());
    }
    let day = (|| Date::new(digits(date, 0..4)?, small(date, 4)?, small(date, 6)?).ok())().ok_or_else(wrong)?;
    let clock = match time {
        // A leap second is the one before it.
        Some(time) => (|| Time::new(small(time, 0)?, small(time, 2)?, small(time, 4)?.min(59), 0).ok())().ok_or_else(wrong)?,
        None => Time::midnight(),
    };
    Ok((day.to_datetime(clock), time.is_none(), utc))
}
