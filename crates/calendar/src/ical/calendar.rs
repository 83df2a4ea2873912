//! A whole calendar, and whether it is open.

use super::{content::Component, event::Event, zones::Zones};
use crate::{Invalid, invalid};
use cloudlet_aws::Timestamp;
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Closed,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Open => "OPEN",
            State::Closed => "CLOSED",
        }
    }

    fn other(self) -> State {
        match self {
            State::Open => State::Closed,
            State::Closed => State::Open,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Calendar {
    /// What it is while no event takes place.
    default: State,
    events: Vec<Event>,
}

/// How far a change is looked for, in days: a near one is found at little cost. AWS: unverified that there is a horizon.
const HORIZONS: [i64; 3] = [40, 400, 1_900];
const DAY: i64 = 86_400;
const MOST_EVENTS: usize = 2_000;
/// How many changes of several calendars are followed until they differ together.
const MOST_CHANGES: usize = 5_000;

impl Calendar {
    pub fn parse(text: &str) -> Result<Calendar, Invalid> {
        let whole = Component::parse(text)?;
        if whole.name != "VCALENDAR" {
            return invalid("the text is no VCALENDAR");
        }
        let default = match whole.text("X-CALENDAR-TYPE").map(str::to_ascii_uppercase).as_deref() {
            Some("DEFAULT_OPEN") => State::Open,
            Some("DEFAULT_CLOSED") => State::Closed,
            Some(_) => return invalid("X-CALENDAR-TYPE is neither DEFAULT_OPEN nor DEFAULT_CLOSED"),
            None => return invalid("the calendar has no X-CALENDAR-TYPE"),
        };
        let zones = Zones::parse(&whole)?;
        let events = whole.components.iter().filter(|component| component.name == "VEVENT");
        if events.clone().nth(MOST_EVENTS).is_some() {
            return invalid("the calendar has too many events");
        }
        let mut events: Vec<Event> = events.map(|event| Event::parse(event, &zones)).collect::<Result<_, _>>()?;
        // What is in place of a repetition is an event of its own, and the repetition is left out.
        let replaced: Vec<(String, Timestamp)> = events.iter().filter_map(|event| Some((event.uid.clone(), event.instead_of?))).collect();
        for event in events.iter_mut().filter(|event| event.instead_of.is_none()) {
            for (_, at) in replaced.iter().filter(|(uid, _)| *uid == event.uid).cloned().collect::<Vec<_>>() {
                event.exclude(at);
            }
        }
        events.retain(|event| !event.cancelled);
        Ok(Calendar { default, events })
    }

    /// The summaries of its events, in the order of the document.
    pub fn summaries(&self) -> impl Iterator<Item = &str> {
        self.events.iter().filter_map(|event| event.summary.as_deref())
    }

    /// When events take place within a span: in order, and joined where they touch.
    fn spans(&self, span: &Range<Timestamp>) -> Vec<Range<Timestamp>> {
        let mut found = vec![];
        self.events.iter().for_each(|event| event.within(span, &mut found));
        found.sort_unstable_by_key(|span| (span.start, span.end));
        let mut joined: Vec<Range<Timestamp>> = vec![];
        for span in found {
            match joined.last_mut().filter(|last| last.end >= span.start) {
                Some(last) => last.end = last.end.max(span.end),
                None => joined.push(span),
            }
        }
        joined
    }

    pub fn state(&self, at: Timestamp) -> State {
        let taken = self.spans(&(at..at.plus_millis(1))).iter().any(|span| span.contains(&at));
        if taken { self.default.other() } else { self.default }
    }

    /// The first instant after another at which the state changes.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        HORIZONS.iter().find_map(|days| self.change_within(at, at.plus_secs(days * DAY)))
    }

    fn change_within(&self, at: Timestamp, horizon: Timestamp) -> Option<Timestamp> {
        let spans = self.spans(&(at..horizon));
        let change = spans.into_iter().find(|span| span.end > at).map(|span| if span.start > at { span.start } else { span.end });
        change.filter(|change| *change < horizon)
    }

    /// Several calendars at once are open when all of them are.
    pub fn state_of(calendars: &[Calendar], at: Timestamp) -> State {
        if calendars.iter().all(|calendar| calendar.state(at) == State::Open) { State::Open } else { State::Closed }
    }

    /// The same of their next change together.
    pub fn next_change_of(calendars: &[Calendar], at: Timestamp) -> Option<Timestamp> {
        let state = Calendar::state_of(calendars, at);
        let mut at = at;
        for _ in 0..MOST_CHANGES {
            at = calendars.iter().filter_map(|calendar| calendar.next_change(at)).min()?;
            if Calendar::state_of(calendars, at) != state {
                return Some(at);
            }
        }
        None
    }
}
