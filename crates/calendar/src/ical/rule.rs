//! Recurrence rules: which days an event is repeated on. Built are the frequencies from DAILY to YEARLY; a rule with a part that is not
//! built (BYHOUR, BYWEEKNO, …) is refused, since a calendar that is read wrongly would open when it should be closed.

use super::civil::civil;
use crate::{Invalid, Zone, invalid};
use cloudlet_aws::Timestamp;
use jiff::{
    ToSpan,
    civil::{Date, DateTime, Weekday},
};
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    frequency: Frequency,
    interval: i32,
    count: Option<u32>,
    until: Option<Until>,
    months: BTreeSet<i8>,
    month_days: Vec<i8>,
    /// With the number of the weekday in its month or year: 1 is the first, -1 the last, 0 each.
    week_days: Vec<(i16, Weekday)>,
    positions: Vec<i16>,
    week_start: Weekday,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Until {
    /// By the event's own clock; of a date, the whole day.
    Civil(DateTime),
    Instant(Timestamp),
}

/// How many days, weeks, months or years are looked at for one question.
const MOST_PERIODS: usize = 50_000;
/// How many repetitions are counted.
const MOST_COUNTED: u32 = 20_000;

fn weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}

impl Rule {
    pub fn parse(text: &str) -> Result<Rule, Invalid> {
        let mut rule = Rule {
            frequency: Frequency::Daily,
            interval: 1,
            count: None,
            until: None,
            months: BTreeSet::new(),
            month_days: vec![],
            week_days: vec![],
            positions: vec![],
            week_start: Weekday::Monday,
        };
        let mut frequency = None;
        for part in text.to_ascii_uppercase().split(';').filter(|part| !part.trim().is_empty()) {
            let Some((name, value)) = part.split_once('=') else { return invalid("a part of a recurrence rule has no value") };
            let wrong = || Invalid(format!("{:?} is no {name} of a recurrence rule", value.chars().take(40).collect::<String>()));
            let numbers = |most: i16| -> Result<Vec<i16>, Invalid> {
                let number = |text: &str| text.parse::<i16>().ok().filter(|number| *number != 0 && number.abs() <= most).ok_or_else(wrong);
                value.split(',').take(400).map(|text| number(text.trim())).collect()
            };
            match name.trim() {
                "FREQ" => {
                    frequency = Some(match value.trim() {
                        "DAILY" => Frequency::Daily,
                        "WEEKLY" => Frequency::Weekly,
                        "MONTHLY" => Frequency::Monthly,
                        "YEARLY" => Frequency::Yearly,
                        _ => return Err(wrong()),
                    });
                }
                "INTERVAL" => rule.interval = value.trim().parse().ok().filter(|interval| (1..=10_000).contains(interval)).ok_or_else(wrong)?,
                "COUNT" => rule.count = Some(value.trim().parse().ok().filter(|count| *count > 0 && *count <= MOST_COUNTED).ok_or_else(wrong)?),
                "UNTIL" => {
                    let (at, is_date, utc) = civil(value.trim())?;
                    rule.until = Some(if utc {
                        Until::Instant(Zone::default().instant(at).ok_or_else(wrong)?)
                    } else if is_date {
                        Until::Civil(at.date().to_datetime(jiff::civil::Time::MAX))
                    } else {
                        Until::Civil(at)
                    });
                }
                "BYMONTH" => rule.months = numbers(12)?.into_iter().map(|month| i8::try_from(month).unwrap_or_default()).collect(),
                "BYMONTHDAY" => rule.month_days = numbers(31)?.into_iter().map(|day| i8::try_from(day).unwrap_or_default()).collect(),
                "BYSETPOS" => rule.positions = numbers(366)?,
                "BYDAY" => {
                    let day = |text: &str| {
                        let at = text.len().checked_sub(2).filter(|_| text.is_ascii())?;
                        let (nth, name) = (text.get(..at)?, text.get(at..)?);
                        let nth = if nth.is_empty() { 0 } else { nth.parse::<i16>().ok().filter(|nth| *nth != 0 && nth.abs() <= 53)? };
                        Some((nth, weekday(name)?))
                    };
                    rule.week_days = value.split(',').take(400).map(|text| day(text.trim()).ok_or_else(wrong)).collect::<Result<_, _>>()?;
                }
                "WKST" => rule.week_start = weekday(value.trim()).ok_or_else(wrong)?,
                other => return invalid(format!("{} of a recurrence rule is not supported", other.chars().take(40).collect::<String>())),
            }
        }
        rule.frequency = frequency.ok_or_else(|| Invalid("a recurrence rule has no FREQ".into()))?;
        let counted = rule.week_days.iter().any(|(nth, _)| *nth != 0);
        if counted && matches!(rule.frequency, Frequency::Daily | Frequency::Weekly) {
            return invalid("a recurrence rule that is daily or weekly has no numbers in BYDAY");
        }
        if rule.frequency == Frequency::Weekly && !rule.month_days.is_empty() {
            return invalid("a weekly recurrence rule has no BYMONTHDAY");
        }
        if rule.count.is_some() && rule.until.is_some() {
            return invalid("a recurrence rule has COUNT or UNTIL, not both");
        }
        Ok(rule)
    }

    pub fn is_yearly(&self) -> bool {
        self.frequency == Frequency::Yearly
    }

    /// Whether a repetition is within UNTIL. `instant` says when it is.
    fn is_within(&self, at: DateTime, instant: &dyn Fn(DateTime) -> Option<Timestamp>) -> bool {
        match self.until {
            None => true,
            Some(Until::Civil(until)) => at <= until,
            Some(Until::Instant(until)) => instant(at).is_some_and(|at| at <= until),
        }
    }

    /// The repetitions from one civil time to another, in order. The event itself is the first, whether the rule matches it or not.
    pub fn between(&self, start: DateTime, from: DateTime, to: DateTime, instant: &dyn Fn(DateTime) -> Option<Timestamp>) -> Vec<DateTime> {
        let mut found = vec![];
        let mut left = self.count;
        let mut take = |at: DateTime| {
            if at > to || left == Some(0) || !self.is_within(at, instant) {
                return false;
            }
            left = left.map(|left| left - 1);
            if at >= from {
                found.push(at);
            }
            true
        };
        if !take(start) {
            return found;
        }
        // Without a count, periods that end before `from` need not be looked at.
        let first = if self.count.is_some() { 0 } else { self.periods_before(start.date(), from.date()) };
        for period in (first..).take(MOST_PERIODS) {
            let Some(days) = self.days_of(start.date(), period) else { break };
            let begins_after = self.begin(start.date(), period).is_none_or(|begin| begin > to.date());
            if begins_after {
                break;
            }
            for day in days {
                let at = day.to_datetime(start.time());
                if at > start && !take(at) {
                    return found;
                }
            }
        }
        found
    }

    /// The last repetition that is not after a civil time: when an observance of a time zone began.
    pub fn last_until(&self, start: DateTime, civil: DateTime) -> Option<DateTime> {
        if start > civil {
            return None;
        }
        let from = civil.checked_sub(800.days()).unwrap_or(start).max(start);
        // UNTIL of an observance is in UTC: a day more or less is not seen, since observances change twice a year.
        let utc = Zone::default();
        let found = self.between(start, from, civil, &|at| utc.instant(at)).pop();
        // A rule that has ended began last when it did so long ago.
        found.or_else(|| self.between(start, start, civil, &|at| utc.instant(at)).pop())
    }

    fn periods_before(&self, start: Date, from: Date) -> i32 {
        let days = start.until(from).map_or(0, |span| span.get_days());
        let passed = match self.frequency {
            Frequency::Daily => days,
            Frequency::Weekly => days / 7,
            // Not more than there were.
            Frequency::Monthly => days / 31,
            Frequency::Yearly => days / 366,
        };
        (passed / self.interval - 2).max(0)
    }

    /// The first day of a period.
    fn begin(&self, start: Date, period: i32) -> Option<Date> {
        let steps = i64::from(period) * i64::from(self.interval);
        match self.frequency {
            Frequency::Daily => start.checked_add(steps.days()).ok(),
            Frequency::Weekly => {
                let back = i64::from(self.week_start.until(start.weekday()));
                start.checked_sub(back.days()).ok()?.checked_add((steps * 7).days()).ok()
            }
            Frequency::Monthly => start.first_of_month().checked_add(i32::try_from(steps).ok()?.months()).ok(),
            Frequency::Yearly => Date::new(i16::try_from(i64::from(start.year()) + steps).ok()?, 1, 1).ok(),
        }
    }

    /// The days of a period on which the event is repeated, in order.
    fn days_of(&self, start: Date, period: i32) -> Option<Vec<Date>> {
        let begin = self.begin(start, period)?;
        let mut days = match self.frequency {
            Frequency::Daily => vec![begin].into_iter().filter(|day| self.limits(*day)).collect(),
            Frequency::Weekly => {
                let wanted = |day: Date| {
                    if self.week_days.is_empty() {
                        day.weekday() == start.weekday()
                    } else {
                        self.week_days.iter().any(|(_, weekday)| *weekday == day.weekday())
                    }
                };
                let week = (0..7i64).filter_map(|more| begin.checked_add(more.days()).ok());
                week.filter(|day| wanted(*day) && (self.months.is_empty() || self.months.contains(&day.month()))).collect()
            }
            Frequency::Monthly => {
                if !self.months.is_empty() && !self.months.contains(&begin.month()) {
                    vec![]
                } else {
                    self.days_of_month(begin, start)
                }
            }
            Frequency::Yearly => self.days_of_year(begin, start),
        };
        days.sort_unstable();
        days.dedup();
        if !self.positions.is_empty() {
            let length = days.len();
            let place = |position: i16| {
                let back = usize::from(position.unsigned_abs());
                if position > 0 { back.checked_sub(1) } else { length.checked_sub(back) }
            };
            let places: BTreeSet<usize> = self.positions.iter().filter_map(|position| place(*position)).collect();
            days = places.into_iter().filter_map(|place| days.get(place).copied()).collect();
        }
        Some(days)
    }

    /// What a daily rule leaves out.
    fn limits(&self, day: Date) -> bool {
        let last = day.days_in_month();
        (self.months.is_empty() || self.months.contains(&day.month()))
            && (self.month_days.is_empty() || self.month_days.iter().any(|wanted| day.day() == if *wanted > 0 { *wanted } else { last + 1 + wanted }))
            && (self.week_days.is_empty() || self.week_days.iter().any(|(_, weekday)| *weekday == day.weekday()))
    }

    fn days_of_month(&self, begin: Date, start: Date) -> Vec<Date> {
        let all: Vec<Date> = (1..=begin.days_in_month()).filter_map(|day| begin.with().day(day).build().ok()).collect();
        if self.month_days.is_empty() && self.week_days.is_empty() {
            return all.into_iter().filter(|day| day.day() == start.day()).collect();
        }
        let last = begin.days_in_month();
        let in_month = |day: &Date| {
            self.month_days.is_empty() || self.month_days.iter().any(|wanted| day.day() == if *wanted > 0 { *wanted } else { last + 1 + wanted })
        };
        let in_week = |day: &Date| self.week_days.is_empty() || is_nth(&self.week_days, *day, i16::from(day.day()), i16::from(last));
        all.into_iter().filter(|day| in_month(day) && in_week(day)).collect()
    }

    fn days_of_year(&self, begin: Date, start: Date) -> Vec<Date> {
        let month = |month: i8| Date::new(begin.year(), month, 1).ok();
        if !self.months.is_empty() {
            return self.months.iter().filter_map(|number| month(*number)).flat_map(|begin| self.days_of_month(begin, start)).collect();
        }
        if !self.month_days.is_empty() {
            return (1..=12).filter_map(month).flat_map(|begin| self.days_of_month(begin, start)).collect();
        }
        if self.week_days.is_empty() {
            // A 29th of February is in leap years alone.
            return Date::new(begin.year(), start.month(), start.day()).into_iter().collect();
        }
        let last = begin.days_in_year();
        let all = (0..i64::from(last)).filter_map(|more| begin.checked_add(more.days()).ok());
        all.filter(|day| is_nth(&self.week_days, *day, day.day_of_year(), last)).collect()
    }
}

/// Whether a day, which is the `number`th of a month or year of `last` days, is one of these weekdays.
fn is_nth(week_days: &[(i16, Weekday)], day: Date, number: i16, last: i16) -> bool {
    week_days.iter().any(|(nth, weekday)| {
        *weekday == day.weekday()
            && match *nth {
                0 => true,
                nth if nth > 0 => (number - 1) / 7 + 1 == nth,
                nth => (last - number) / 7 + 1 == -nth,
            }
    })
}
