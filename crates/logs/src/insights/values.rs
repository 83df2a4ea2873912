//! Values of fields: texts, numbers, times, or nothing.

use cloudlet_aws::Timestamp;
use std::{borrow::Cow, cmp::Ordering};

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Missing,
    Text(String),
    Number(f64),
    Bool(bool),
    /// Milliseconds.
    Time(i64),
}

/// `2026-11-24 09:30:00.000`
pub fn time_text(millis: i64) -> String {
    let mut text = Timestamp(millis).with_millis().replace('T', " ");
    text.truncate(text.trim_end_matches('Z').len());
    text
}

impl Value {
    pub fn is_missing(&self) -> bool {
        matches!(self, Value::Missing)
    }

    #[expect(clippy::cast_precision_loss, reason = "times and numbers of AWS are floats")]
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Time(millis) => Some(*millis as f64),
            Value::Text(text) if text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => {
                text.trim().parse().ok().filter(|number: &f64| number.is_finite())
            }
            _ => None,
        }
    }

    pub fn truth(&self) -> bool {
        match self {
            Value::Missing => false,
            Value::Bool(truth) => *truth,
            Value::Number(number) => *number != 0.0,
            Value::Text(text) => text.eq_ignore_ascii_case("true"),
            Value::Time(_) => true,
        }
    }

    /// As results show it.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Value::Missing => Cow::Borrowed(""),
            Value::Text(text) => Cow::Borrowed(text),
            // AWS: conditions show as numbers.
            Value::Bool(truth) => Cow::Borrowed(if *truth { "1" } else { "0" }),
            Value::Time(millis) => Cow::Owned(time_text(*millis)),
            Value::Number(number) => Cow::Owned(number_text(*number)),
        }
    }

    /// Numbers by size, other texts by their characters; what is missing comes last.
    pub fn order(&self, other: &Value) -> Ordering {
        match (self.is_missing(), other.is_missing()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        match (self.number(), other.number()) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => self.text().cmp(&other.text()),
        }
    }

    pub fn equals(&self, other: &Value) -> bool {
        match (self.number(), other.number()) {
            (Some(one), Some(other)) => one == other,
            _ => !self.is_missing() && !other.is_missing() && self.text() == other.text(),
        }
    }
}

/// Whole numbers without a point, others with four digits after it at most.
pub fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
