//! Events: from when to when, and how often.

use super::{
    content::Component,
    rule::Rule,
    time::{Duration, When},
    zones::Zones,
};
use crate::{Invalid, invalid};
use cloudlet_aws::Timestamp;
use jiff::{ToSpan, civil::DateTime};
use std::{collections::BTreeSet, ops::Range};

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub uid: String,
    start: When,
    lasts: Lasts,
    rule: Option<Rule>,
    more: Vec<When>,
    excluded: BTreeSet<Timestamp>,
    /// Days on which it is not repeated.
    excluded_days: BTreeSet<jiff::civil::Date>,
    /// The repetition that this event is in place of.
    pub instead_of: Option<Timestamp>,
    pub cancelled: bool,
    pub summary: Option<String>,
}

#[derive(Clone, Debug)]
enum Lasts {
    Duration(Duration),
    /// By DTEND: as many seconds as between the two instants.
    Seconds(i64),
}

const MOST_DATES: usize = 5_000;
const FIRST_YEAR: i16 = 1900;
/// Ten years.
const LONGEST_SECONDS: i64 = 3_660 * 86_400;

impl Event {
    pub fn parse(component: &Component, zones: &Zones) -> Result<Event, Invalid> {
        let Some(start) = component.line("DTSTART") else { return invalid("an event has no DTSTART") };
        let start = When::parse(start, zones)?;
        let begin = start.instant().ok_or_else(|| Invalid("the start of an event is no time".into()))?;
        if start.civil.year() < FIRST_YEAR {
            return invalid("an event starts too long ago");
        }
        let lasts = match (component.line("DTEND"), component.text("DURATION")) {
            (Some(_), Some(_)) => return invalid("an event has DTEND or DURATION, not both"),
            (None, Some(text)) => Lasts::Duration(Duration::parse(text)?),
            (None, None) if start.is_date => Lasts::Duration(Duration { days: 1, seconds: 0 }),
            (None, None) => Lasts::Seconds(0),
            (Some(line), None) => {
                let end = When::parse(line, zones)?;
                let at = end.instant().ok_or_else(|| Invalid("the end of an event is no time".into()))?;
                let seconds = at.secs() - begin.secs();
                if !(0..=LONGEST_SECONDS).contains(&seconds) {
                    return invalid("an event ends before it starts, or lasts longer than ten years");
                }
                if start.is_date && end.is_date {
                    let days = start.civil.date().until(end.civil.date()).map_or(0, |span| span.get_days());
                    Lasts::Duration(Duration { days, seconds: 0 })
                } else {
                    Lasts::Seconds(seconds)
                }
            }
        };
        let dates = |name| -> Result<Vec<When>, Invalid> {
            let mut all = vec![];
            for line in component.all(name) {
                all.extend(When::all(line, zones)?);
                if all.len() > MOST_DATES {
                    return invalid(format!("an event has more than {MOST_DATES} {name}"));
                }
            }
            Ok(all)
        };
        let (mut excluded, mut excluded_days) = (BTreeSet::new(), BTreeSet::new());
        for when in dates("EXDATE")? {
            if when.is_date && !start.is_date {
                excluded_days.insert(when.civil.date());
            } else {
                excluded.extend(when.instant());
            }
        }
        let mut rules = component.all("RRULE");
        let rule = rules.next().map(|line| Rule::parse(&line.value)).transpose()?;
        if rules.next().is_some() || component.line("EXRULE").is_some() {
            return invalid("an event has one RRULE, and no EXRULE");
        }
        let instead_of = component.line("RECURRENCE-ID").map(|line| When::parse(line, zones)).transpose()?.and_then(|when| when.instant());
        Ok(Event {
            uid: component.text("UID").unwrap_or_default().to_owned(),
            more: dates("RDATE")?,
            cancelled: component.text("STATUS").is_some_and(|status| status.eq_ignore_ascii_case("CANCELLED")),
            summary: component.text("SUMMARY").map(str::to_owned),
            start,
            lasts,
            rule,
            excluded,
            excluded_days,
            instead_of,
        })
    }

    pub fn exclude(&mut self, at: Timestamp) {
        self.excluded.insert(at);
    }

    fn longest(&self) -> i64 {
        match &self.lasts {
            Lasts::Duration(duration) => duration.most_seconds(),
            Lasts::Seconds(seconds) => *seconds,
        }
    }

    fn end(&self, start: DateTime, begin: Timestamp) -> Option<Timestamp> {
        match &self.lasts {
            Lasts::Seconds(seconds) => Some(begin.plus_secs(*seconds)),
            Lasts::Duration(Duration { days, seconds }) => {
                let end = start.checked_add(i64::from(*days).days()).ok()?;
                Some(self.start.clock.instant(end)?.plus_secs(i64::from(*seconds)))
            }
        }
    }

    /// When it takes place within a span, in no order.
    pub fn within(&self, span: &Range<Timestamp>, found: &mut Vec<Range<Timestamp>>) {
        let clock = &self.start.clock;
        let mut add = |civil: DateTime| {
            let Some(begin) = clock.instant(civil) else { return };
            if self.excluded.contains(&begin) || self.excluded_days.contains(&civil.date()) {
                return;
            }
            if let Some(end) = self.end(civil, begin).filter(|end| *end > begin && *end > span.start && begin < span.end) {
                found.push(begin..end);
            }
        };
        match &self.rule {
            None => add(self.start.civil),
            Some(rule) => {
                // A day more on both sides, for zones.
                let from = clock.civil(span.start.plus_secs(-self.longest() - 86_400));
                let to = clock.civil(span.end.plus_secs(86_400));
                rule.between(self.start.civil, from, to, &|at| clock.instant(at)).into_iter().for_each(&mut add);
            }
        }
        for when in &self.more {
            if let (Some(at), false) = (when.instant(), when.is_date) {
                add(clock.civil(at));
            } else {
                add(when.civil.date().to_datetime(self.start.civil.time()));
            }
        }
    }
}
