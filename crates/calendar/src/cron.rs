//! Cron expressions of six fields (minutes, hours, day of the month, month, day of the week, year), or of seven with seconds in front.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/reference-cron-and-rate-expressions.html>

use crate::{
    Invalid,
    field::{Field, Range},
    invalid,
};
use jiff::civil::{Date, DateTime, Time};

const SECONDS: Range = Range { name: "seconds", first: 0, last: 59, names: &[] };
const MINUTES: Range = Range { name: "minutes", first: 0, last: 59, names: &[] };
const HOURS: Range = Range { name: "hours", first: 0, last: 23, names: &[] };
const DAYS_OF_MONTH: Range = Range { name: "the day of the month", first: 1, last: 31, names: &[] };
const MONTHS: Range =
    Range { name: "the month", first: 1, last: 12, names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"] };
const DAYS_OF_WEEK: Range = Range { name: "the day of the week", first: 1, last: 7, names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };
const YEARS: Range = Range { name: "the year", first: 1970, last: 2199, names: &[] };

/// How many parts a field may have, so that a text of any length costs little.
const MOST_PARTS: usize = 100;

/// What the text between the parentheses of `cron(…)` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    seconds: Field,
    minutes: Field,
    hours: Field,
    days: Days,
    months: Field,
    years: Field,
}

/// The days are given by one of two fields; the other is `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth {
        numbers: Field,
        special: Vec<OfMonth>,
    },
    /// 1 is Sunday.
    OfWeek {
        numbers: Field,
        special: Vec<OfWeek>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OfMonth {
    /// `L`, `L-3`: the last day, or so many before it.
    Last { before: i8 },
    /// `LW`: the last day from Monday to Friday.
    LastWeekday,
    /// `15W`: the day from Monday to Friday that is nearest, in the same month.
    Nearest { day: i8 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OfWeek {
    /// `6L`: the last of the month.
    Last { day: u16 },
    /// `TUE#3`: the third of the month.
    Nth { day: u16, nth: i8 },
}

impl Cron {
    pub fn parse(text: &str) -> Result<Cron, Invalid> {
        let fields: Vec<&str> = text.split_ascii_whitespace().take(8).collect();
        if fields.iter().any(|field| field.split(',').nth(MOST_PARTS).is_some()) {
            return invalid("a field of a cron expression has too many parts");
        }
        let (seconds, rest) = match fields.as_slice() {
            [seconds, rest @ ..] if rest.len() == 6 => (*seconds, rest),
            all => ("0", all),
        };
        let [minutes, hours, of_month, month, of_week, year] = rest else {
            return invalid("a cron expression has six fields, or seven with seconds");
        };
        let days = match (*of_month, *of_week) {
            ("?", "?") => return invalid("the day of the month and the day of the week are both '?'"),
            (days, "?") => Days::of_month(days)?,
            ("?", days) => Days::of_week(days)?,
            _ => return invalid("one of the day of the month and the day of the week must be '?'"),
        };
        Ok(Cron {
            seconds: SECONDS.field(seconds)?,
            minutes: MINUTES.field(minutes)?,
            hours: HOURS.field(hours)?,
            days,
            months: MONTHS.field(month)?,
            years: YEARS.field(year)?,
        })
    }

    /// The first time that the expression matches and that is not before another. None: there is none until 2199.
    pub fn from(&self, from: DateTime) -> Option<DateTime> {
        let first = from.date();
        let mut year = self.years.from(u16::try_from(first.year()).unwrap_or_default())?;
        loop {
            let mut month = self.months.from(if i16::try_from(year) == Ok(first.year()) { number(first.month()) } else { 1 });
            while let Some(this) = month {
                let begin = Date::new(i16::try_from(year).ok()?, i8::try_from(this).ok()?, 1).ok()?;
                if let Some(found) = self.in_month(begin, from) {
                    return Some(found);
                }
                month = self.months.from(this + 1);
            }
            year = self.years.from(year + 1)?;
        }
    }

    fn in_month(&self, begin: Date, from: DateTime) -> Option<DateTime> {
        (1..=begin.days_in_month()).find_map(|day| {
            let date = Date::new(begin.year(), begin.month(), day).ok()?;
            if date < from.date() || !self.days.have(date) {
                return None;
            }
            let time = self.time_from(if date == from.date() { from.time() } else { Time::midnight() })?;
            Some(date.to_datetime(time))
        })
    }

    fn time_from(&self, from: Time) -> Option<Time> {
        let (hour, minute, second) = (number(from.hour()), number(from.minute()), number(from.second()));
        let mut next = self.hours.from(hour);
        while let Some(found) = next {
            let (minute, second) = if found == hour { (minute, second) } else { (0, 0) };
            if let Some((minute, second)) = self.in_hour(minute, second) {
                return Time::new(i8::try_from(found).ok()?, i8::try_from(minute).ok()?, i8::try_from(second).ok()?, 0).ok();
            }
            next = self.hours.from(found + 1);
        }
        None
    }

    fn in_hour(&self, minute: u16, second: u16) -> Option<(u16, u16)> {
        let same = self.minutes.has(minute).then(|| self.seconds.from(second)).flatten().map(|second| (minute, second));
        same.or_else(|| Some((self.minutes.from(minute + 1)?, self.seconds.from(0)?)))
    }

    /// Whether a time matches: what `from` finds, decided for one time. The slow way, for tests.
    #[cfg(test)]
    pub(crate) fn matches(&self, at: DateTime) -> bool {
        self.seconds.has(number(at.second()))
            && self.minutes.has(number(at.minute()))
            && self.hours.has(number(at.hour()))
            && self.months.has(number(at.month()))
            && self.years.has(u16::try_from(at.year()).unwrap_or_default())
            && self.days.have(at.date())
    }
}

fn number(of: i8) -> u16 {
    u16::from(of.unsigned_abs())
}

impl Days {
    fn of_month(text: &str) -> Result<Days, Invalid> {
        let (mut numbers, mut special) = (DAYS_OF_MONTH.none(), vec![]);
        for part in text.split(',') {
            let upper = part.to_ascii_uppercase();
            if upper == "LW" {
                special.push(OfMonth::LastWeekday);
            } else if upper == "L" {
                special.push(OfMonth::Last { before: 0 });
            } else if let Some(before) = upper.strip_prefix("L-") {
                special.push(OfMonth::Last { before: i8::try_from(DAYS_OF_MONTH.number(before)?).unwrap_or_default() });
            } else if let Some(day) = upper.strip_suffix('W') {
                special.push(OfMonth::Nearest { day: i8::try_from(DAYS_OF_MONTH.number(day)?).unwrap_or_default() });
            } else {
                DAYS_OF_MONTH.part(part, &mut numbers)?;
            }
        }
        Ok(Days::OfMonth { numbers, special })
    }

    fn of_week(text: &str) -> Result<Days, Invalid> {
        let (mut numbers, mut special) = (DAYS_OF_WEEK.none(), vec![]);
        for part in text.split(',') {
            let upper = part.to_ascii_uppercase();
            if upper == "L" {
                // Alone, it is the last day of the week: Saturday.
                numbers.add(7);
            } else if let Some((day, nth)) = upper.split_once('#') {
                let day = DAYS_OF_WEEK.number(day)?;
                match nth.parse() {
                    Ok(nth @ 1..=5) if nth.to_string() == *upper.rsplit('#').next().unwrap_or_default() => special.push(OfWeek::Nth { day, nth }),
                    _ => return invalid(format!("{nth:?} is no number of a week")),
                }
            } else if let Some(day) = upper.strip_suffix('L') {
                special.push(OfWeek::Last { day: DAYS_OF_WEEK.number(day)? });
            } else {
                DAYS_OF_WEEK.part(part, &mut numbers)?;
            }
        }
        Ok(Days::OfWeek { numbers, special })
    }

    fn have(&self, date: Date) -> bool {
        match self {
            Days::OfMonth { numbers, special } => numbers.has(number(date.day())) || special.iter().any(|special| special.is(date)),
            Days::OfWeek { numbers, special } => numbers.has(day_of_week(date)) || special.iter().any(|special| special.is(date)),
        }
    }
}

/// 1 is Sunday.
fn day_of_week(date: Date) -> u16 {
    number(date.weekday().to_sunday_one_offset())
}

fn is_weekday(date: Date) -> bool {
    (2..=6).contains(&day_of_week(date))
}

impl OfMonth {
    fn is(self, date: Date) -> bool {
        let last = date.days_in_month();
        match self {
            OfMonth::Last { before } => date.day() == last - before,
            OfMonth::LastWeekday => {
                is_weekday(date) && (date.day() + 1..=last).all(|day| date.with().day(day).build().is_ok_and(|later| !is_weekday(later)))
            }
            OfMonth::Nearest { day } => {
                let Ok(wanted) = date.with().day(day).build() else { return false };
                let day = match day_of_week(wanted) {
                    // Saturday: Friday before it, or Monday after it when the month begins with it.
                    7 if day == 1 => 3,
                    7 => day - 1,
                    1 if day == last => day - 2,
                    1 => day + 1,
                    _ => day,
                };
                date.day() == day
            }
        }
    }
}

impl OfWeek {
    fn is(self, date: Date) -> bool {
        match self {
            OfWeek::Last { day } => day_of_week(date) == day && date.day() + 7 > date.days_in_month(),
            OfWeek::Nth { day, nth } => day_of_week(date) == day && (date.day() - 1) / 7 + 1 == nth,
        }
    }
}
