//! GetLogEvents: pages of one stream, in both directions. A token is a boundary between events, so that what comes later is seen, and nothing twice.

use crate::{
    Logs,
    blocks::Position,
    encryption, faults, limits,
    names::{digits, group_of, place_of},
    scan::{Direction, Scan},
};
use cloudlet_api_logs::*;
use cloudlet_engine::handler;
use std::ops::ControlFlow;

/// Where a page begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Boundary {
    /// `f/…`: the page begins after this place.
    After(Position),
    /// `b/…`: the page ends before this place.
    Before(Position),
}

impl Boundary {
    fn parse(token: &str) -> Option<Boundary> {
        let (kind, rest) = token.split_once('/')?;
        let place = place_of(rest.strip_suffix("/s").unwrap_or(rest))?;
        match kind {
            "f" => Some(Boundary::After(place)),
            "b" => Some(Boundary::Before(place)),
            _ => None,
        }
    }

    fn token(self) -> String {
        match self {
            Boundary::After(place) => format!("f/{}/s", digits(place)),
            Boundary::Before(place) => format!("b/{}/s", digits(place)),
        }
    }
}

handler!(
    Logs,
    GetLogEvents,
    |logs, cx, input| {
        let group = group_of(cx, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        Ok(logs.on_stream::<GetLogEvents>(&group, &input.log_stream_name).into())
    },
    |logs, cx, input| {
        let key = group_of(cx, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        let group = logs.group(&key)?;
        encryption::check(cx, &key, &group).await?;
        let boundary = match input.next_token.as_deref() {
            Some(token) => Some(Boundary::parse(token).ok_or_else(faults::invalid_token)?),
            None => None,
        };
        let mut from = Position::new(input.start_time.unwrap_or(0).max(group.oldest(cx.now)).max(0), 0);
        let mut to = input.end_time.map_or(Position::LAST, |end| Position::new(end, 0));
        let first = from;
        let direction = match boundary {
            Some(Boundary::After(place)) => {
                from = from.max(place.after());
                Direction::Forward
            }
            Some(Boundary::Before(place)) => {
                to = to.min(place);
                Direction::Backward
            }
            None if input.start_from_head.unwrap_or(false) => Direction::Forward,
            None => Direction::Backward,
        };
        let read = logs.events.read(&key, |events| events.sources_of(&input.log_stream_name, from, to));
        let sources = read.ok_or_else(faults::no_such_group)?.ok_or_else(faults::no_such_stream)?;
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(limits::PAGE_EVENTS);
        let (mut found, mut bytes) = (Vec::new(), 0);
        Scan::new(sources, from, to, direction).run(usize::MAX, |event| {
            bytes += event.message.len() + limits::EVENT_OVERHEAD;
            if found.len() >= limit || (bytes > limits::PAGE_BYTES && !found.is_empty()) {
                return ControlFlow::Break(());
            }
            found.extend(event.event().map(|event| {
                let output = OutputLogEvent {
                    timestamp: Some(event.place.time),
                    message: Some(event.message.to_owned()),
                    ingestion_time: Some(event.ingested),
                };
                (event.place, output)
            }));
            ControlFlow::Continue(())
        });
        if direction == Direction::Backward {
            found.reverse();
        }
        // At an end the token is the one that was given.
        let (forward, backward) = match (found.first(), found.last(), boundary) {
            (Some((first, _)), Some((last, _)), _) => (Boundary::After(*last), Boundary::Before(*first)),
            (_, _, Some(Boundary::After(place))) => (Boundary::After(place), Boundary::Before(place.after())),
            (_, _, Some(Boundary::Before(place))) => (Boundary::After(place.before()), Boundary::Before(place)),
            _ => (Boundary::After(first.before()), Boundary::Before(first)),
        };
        Ok(GetLogEventsResponse {
            events: Some(found.into_iter().map(|(_, event)| event).collect()),
            next_forward_token: Some(forward.token()),
            next_backward_token: Some(backward.token()),
        })
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_with_and_without_their_end() {
        for boundary in [Boundary::After(Position::new(1_764_000_000_000, 3)), Boundary::Before(Position::new(7, 0))] {
            let token = boundary.token();
            assert_eq!(Boundary::parse(&token), Some(boundary));
            assert_eq!(Boundary::parse(token.trim_end_matches("/s")), Some(boundary));
        }
        for token in ["", "f", "f/", "x/1", "f/x", "invalid-token"] {
            assert_eq!(Boundary::parse(token), None, "{token}");
        }
    }
}
