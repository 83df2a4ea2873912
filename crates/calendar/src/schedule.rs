//! Schedule expressions: `cron(…)`, `rate(…)`, `at(…)`, and when they are due.

use crate::{Cron, Invalid, Zone, invalid};
use cloudlet_aws::Timestamp;
use jiff::{ToSpan, civil::DateTime};

/// What can be read of an expression without knowing where and since when it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    Cron(Box<Cron>),
    Rate {
        every: u32,
        unit: Unit,
    },
    /// Once.
    At(DateTime),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Minutes,
    Hours,
    Days,
}

impl Unit {
    fn seconds(self) -> i64 {
        match self {
            Unit::Minutes => 60,
            Unit::Hours => 3_600,
            Unit::Days => 86_400,
        }
    }
}

/// The longest expression: AWS takes 256 characters.
const LONGEST: usize = 256;

impl Expression {
    pub fn parse(text: &str) -> Result<Expression, Invalid> {
        let text = text.trim();
        if text.len() > LONGEST {
            return invalid("the expression is longer than 256 characters");
        }
        let Some((kind, inner)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) else {
            return invalid("an expression is cron(…), rate(…) or at(…)");
        };
        match kind {
            "cron" => Ok(Expression::Cron(Box::new(Cron::parse(inner)?))),
            "rate" => Expression::rate(inner),
            "at" => match inner.trim().parse::<DateTime>() {
                Ok(at) if inner.contains('T') && at.subsec_nanosecond() == 0 => Ok(Expression::At(at)),
                _ => invalid(format!("{inner:?} is no time: it is written yyyy-mm-ddThh:mm:ss")),
            },
            _ => invalid("an expression is cron(…), rate(…) or at(…)"),
        }
    }

    fn rate(inner: &str) -> Result<Expression, Invalid> {
        let mut words = inner.split_ascii_whitespace();
        let (Some(every), Some(unit), None) = (words.next(), words.next(), words.next()) else {
            return invalid("a rate is a number and a unit");
        };
        let every = match every.parse::<u32>() {
            Ok(number) if number > 0 && every.len() <= 9 && every.bytes().all(|byte| byte.is_ascii_digit()) => number,
            _ => return invalid(format!("{every:?} is no positive number")),
        };
        // AWS: unverified that the unit need not agree with the number in number.
        let unit = match unit {
            "minute" | "minutes" => Unit::Minutes,
            "hour" | "hours" => Unit::Hours,
            "day" | "days" => Unit::Days,
            _ => return invalid(format!("{unit:?} is no unit: a rate is in minutes, hours or days")),
        };
        Ok(Expression::Rate { every, unit })
    }

    /// The seconds between two runs of a rate.
    pub fn period(&self) -> Option<i64> {
        match self {
            Expression::Rate { every, unit } => Some(i64::from(*every) * unit.seconds()),
            _ => None,
        }
    }
}

/// An expression in a time zone, from an instant on.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub expression: Expression,
    pub zone: Zone,
    /// A rate is counted from here; a cron expression that matched before it is not moved past it by the offset.
    pub since: Timestamp,
    /// Days to wait after each time of a cron expression.
    pub offset_days: u8,
}

impl Schedule {
    /// The first instant after another at which it is due.
    pub fn after(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.expression {
            Expression::At(at) => self.zone.instant(*at).filter(|at| *at > after),
            Expression::Rate { .. } => {
                let period = self.expression.period()?.checked_mul(1_000)?;
                let passed = after.0.checked_sub(self.since.0)?;
                let runs = if passed < 0 { 0 } else { passed / period + 1 };
                Some(Timestamp(self.since.0.checked_add(runs.checked_mul(period)?)?))
            }
            Expression::Cron(cron) => self.cron(cron, after),
        }
    }

    /// Clocks that are put forward skip the times between; a time that they show twice counts once.
    /// AWS: as EventBridge Scheduler documents it; unverified for Systems Manager.
    /// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time>
    fn cron(&self, cron: &Cron, after: Timestamp) -> Option<Timestamp> {
        let offset = i64::from(self.offset_days).days();
        // The day more makes up for clocks that were put back in between.
        let before = after.plus_secs(-(i64::from(self.offset_days) + 1) * 86_400);
        let base = if self.offset_days == 0 { after } else { before.max(self.since) };
        let mut from = whole_seconds(self.zone.civil(base))?.checked_add(1.second()).ok()?;
        loop {
            let found = cron.from(from)?;
            if let Some(at) = self.zone.shown(found).filter(|at| *at > base) {
                let at = if self.offset_days == 0 { Some(at) } else { self.zone.instant(found.checked_add(offset).ok()?) };
                if let Some(at) = at.filter(|at| *at > after) {
                    return Some(at);
                }
            }
            from = found.checked_add(1.second()).ok()?;
        }
    }
}

fn whole_seconds(civil: DateTime) -> Option<DateTime> {
    civil.with().subsec_nanosecond(0).build().ok()
}
