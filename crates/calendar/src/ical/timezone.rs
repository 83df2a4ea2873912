//! A time zone that a calendar defines: VTIMEZONE.

use super::{civil::civil, content::Component, rule::Rule};
use crate::{Invalid, Zone, invalid};
use cloudlet_aws::Timestamp;
use jiff::civil::DateTime;

/// A zone that a calendar defines: from when on which offset counts.
#[derive(Debug, PartialEq)]
pub(crate) struct TimeZone {
    observances: Vec<Observance>,
}

#[derive(Debug, PartialEq)]
struct Observance {
    /// By the clock that counted before.
    start: DateTime,
    rule: Option<Rule>,
    from_seconds: i64,
    to_seconds: i64,
}

impl TimeZone {
    pub fn parse(component: &Component) -> Result<TimeZone, Invalid> {
        let observance = |component: &Component| -> Result<Observance, Invalid> {
            let start = match component.text("DTSTART") {
                Some(text) => civil(text)?.0,
                None => return invalid("an observance of a time zone has no DTSTART"),
            };
            let rule = component.text("RRULE").map(Rule::parse).transpose()?;
            if rule.as_ref().is_some_and(|rule| !rule.is_yearly()) {
                return invalid("an observance of a time zone is not repeated by years");
            }
            Ok(Observance { start, rule, from_seconds: offset(component.text("TZOFFSETFROM"))?, to_seconds: offset(component.text("TZOFFSETTO"))? })
        };
        let parts = component.components.iter().filter(|part| ["STANDARD", "DAYLIGHT"].contains(&part.name.as_str()));
        let observances: Vec<Observance> = parts.take(20).map(observance).collect::<Result<_, _>>()?;
        if observances.is_empty() {
            return invalid("a time zone has no offset");
        }
        Ok(TimeZone { observances })
    }

    /// The seconds to UTC at a civil time: those of the observance that began last.
    fn offset(&self, civil: DateTime) -> i64 {
        let began = |observance: &Observance| match &observance.rule {
            Some(rule) => rule.last_until(observance.start, civil),
            None => Some(observance.start).filter(|start| *start <= civil),
        };
        let last = self.observances.iter().filter_map(|observance| Some((began(observance)?, observance.to_seconds))).max();
        let first = || self.observances.iter().min_by_key(|observance| observance.start).map(|observance| observance.from_seconds);
        last.map(|(_, seconds)| seconds).or_else(first).unwrap_or_default()
    }

    pub fn instant(&self, civil: DateTime) -> Option<Timestamp> {
        Zone::default().instant(civil).map(|at| at.plus_secs(-self.offset(civil)))
    }

    pub fn civil(&self, at: Timestamp) -> DateTime {
        let utc = Zone::default();
        utc.civil(at.plus_secs(self.offset(utc.civil(at))))
    }
}

/// `+0900`, `-0330`.
fn offset(text: Option<&str>) -> Result<i64, Invalid> {
    let text = text.unwrap_or_default();
    let wrong = || Invalid(format!("{:?} is no offset", text.chars().take(20).collect::<String>()));
    let (sign, digits) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (_, Some(digits)) => (-1, digits),
        _ => return Err(wrong()),
    };
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let part = |at: usize| digits.get(at..at + 2).map_or(0, |text| text.parse::<i64>().unwrap_or_default());
    let (hours, minutes, seconds) = (part(0), part(2), part(4));
    if hours > 23 || minutes > 59 || seconds > 59 {
        return Err(wrong());
    }
    Ok(sign * (hours * 3_600 + minutes * 60 + seconds))
}
