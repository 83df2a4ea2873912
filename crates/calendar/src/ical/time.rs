//! Dates, date-times and durations.

use super::{
    civil::civil,
    content::Line,
    zones::{Clock, Zones},
};
use crate::{Invalid, invalid};
use cloudlet_aws::Timestamp;
use jiff::civil::DateTime;

/// A time as a calendar writes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct When {
    pub civil: DateTime,
    pub clock: Clock,
    /// A date without a time: the whole day.
    pub is_date: bool,
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
