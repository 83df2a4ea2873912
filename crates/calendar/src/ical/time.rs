//! Dates, date-times and durations.

use super::{content::Line, timezone::Zones};
use crate::{Invalid, Zone, invalid, zone};
use cloudlet_aws::Timestamp;
use jiff::civil::{Date, DateTime, Time};

/// A time as a calendar writes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct When {
    pub civil: DateTime,
    pub clock: Clock,
    /// A date without a time: the whole day.
    pub is_date: bool,
}

/// What turns a civil time into an instant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Clock {
    Zone(Zone),
    /// A VTIMEZONE of the calendar.
    Own(std::sync::Arc<super::timezone::TimeZone>),
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
        Clock::Zone(zone::Zone::default())
    }
}

/// `20260101T090000`, `20260101T090000Z`, `20260101`.
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

impl When {
    /// All times of a line: EXDATE and RDATE have several.
    pub fn all(line: &Line, zones: &Zones) -> Result<Vec<When>, Invalid> {
        let clock = match line.parameter("TZID") {
            Some(name) => zones.clock(name)?,
            None => zones.floating.clone(),
        };
        line.value.split(',').map(|text| When::of(text.trim(), &clock)).collect()
    }

    /// The only time of a line.
    pub fn parse(line: &Line, zones: &Zones) -> Result<When, Invalid> {
        match When::all(line, zones)?.as_slice() {
            [only] => Ok(only.clone()),
            _ => invalid(format!("{} has one time", line.name)),
        }
    }

    fn of(text: &str, clock: &Clock) -> Result<When, Invalid> {
        // The start of a period is what counts of it.
        let text = text.split('/').next().unwrap_or_default();
        let (civil, is_date, utc) = civil(text)?;
        Ok(When { civil, is_date, clock: if utc { Clock::default() } else { clock.clone() } })
    }

    pub fn instant(&self) -> Option<Timestamp> {
        self.clock.instant(self.civil)
    }
}

/// `P1D`, `PT8H30M`, `P2W`: days, which are those of the calendar, and seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Duration {
    pub days: i32,
    pub seconds: i32,
}

/// Ten years.
const LONGEST_DAYS: i64 = 3_660;

impl Duration {
    pub fn parse(text: &str) -> Result<Duration, Invalid> {
        let wrong = || Invalid(format!("{:?} is no duration", text.chars().take(40).collect::<String>()));
        let rest = text.strip_prefix('+').unwrap_or(text).strip_prefix('P').ok_or_else(wrong)?;
        let (mut days, mut seconds, mut number, mut in_time, mut any) = (0i64, 0i64, String::new(), false, false);
        for letter in rest.chars() {
            let of = |number: &str| number.parse::<i64>().ok().filter(|_| number.len() <= 9).ok_or_else(wrong);
            match letter {
                '0'..='9' => {
                    number.push(letter);
                    continue;
                }
                'T' if number.is_empty() && !in_time => {
                    in_time = true;
                    continue;
                }
                'W' if !in_time => days += of(&number)? * 7,
                'D' if !in_time => days += of(&number)?,
                'H' if in_time => seconds += of(&number)? * 3_600,
                'M' if in_time => seconds += of(&number)? * 60,
                'S' if in_time => seconds += of(&number)?,
                _ => return Err(wrong()),
            }
            number.clear();
            any = true;
        }
        if !any || !number.is_empty() || days > LONGEST_DAYS || seconds > LONGEST_DAYS * 86_400 {
            return Err(wrong());
        }
        Ok(Duration { days: i32::try_from(days).map_err(|_| wrong())?, seconds: i32::try_from(seconds).map_err(|_| wrong())? })
    }

    /// Not less than it lasts.
    pub fn most_seconds(self) -> i64 {
        (i64::from(self.days) + 1) * 86_400 + i64::from(self.seconds)
    }
}
