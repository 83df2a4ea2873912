//! FilterLogEvents: the events of a group that match a pattern, over all its streams in the order of their times.

use crate::{
    Logs,
    blocks::Position,
    encryption, faults, limits,
    names::{digits, group_of},
    scan::{Direction, Scan},
};
use cloudlet_api_logs::*;
use cloudlet_engine::{
    handler,
    paging::{InvalidToken, Paging},
};
use std::{collections::BTreeSet, ops::ControlFlow};

/// So many events are looked at before others get a turn.
const TURN: usize = 16 * 1024;

handler!(
    Logs,
    FilterLogEvents,
    |logs, cx, input| {
        let group = group_of(cx, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        Ok(logs.on_group::<FilterLogEvents>(&group).into())
    },
    |logs, cx, input| {
        let key = group_of(cx, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        let group = logs.group(&key)?;
        encryption::check(cx, &key, &group).await?;
        let names: Option<BTreeSet<&str>> = input.log_stream_names.as_ref().map(|names| names.iter().map(String::as_str).collect());
        if names.is_some() && input.log_stream_name_prefix.is_some() {
            // AWS: unverified message.
            return Err(faults::invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters."));
        }
        let pattern = logs.pattern(input.filter_pattern.as_deref().unwrap_or_default())?;
        let direction = if input.start_from_head == Some(false) { Direction::Backward } else { Direction::Forward };
        let list = Paging::of::<FilterLogEvents>(cx, &input);
        let after: Option<Position> = list.after().map_err(|InvalidToken| faults::invalid_token())?;
        let mut from = Position::new(input.start_time.unwrap_or(0).max(group.oldest(cx.now)).max(0), 0);
        let mut to = input.end_time.map_or(Position::LAST, |end| Position::new(end.saturating_add(1), 0));
        match (after, direction) {
            (Some(place), Direction::Forward) => from = from.max(place.after()),
            (Some(place), Direction::Backward) => to = to.min(place),
            (None, _) => {}
        }
        let read = logs.events.read(&key, |events| {
            if names.iter().flatten().any(|name| !events.streams.contains(*name)) {
                return Err(faults::no_such_stream());
            }
            let prefix = input.log_stream_name_prefix.as_deref().unwrap_or_default();
            Ok(events.sources(from, to, &|name| name.starts_with(prefix) && names.as_ref().is_none_or(|names| names.contains(name))))
        });
        let mut scan = Scan::new(read.ok_or_else(faults::no_such_group)??, from, to, direction);
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(limits::PAGE_EVENTS);
        let (mut found, mut bytes, mut last, mut scanned) = (Vec::new(), 0, None, 0);
        let mut done = false;
        while !done && found.len() < limit && bytes < limits::PAGE_BYTES && scanned < limits::SCANNED_EVENTS {
            done = scan.run(TURN, |event| {
                last = Some(event.place);
                if !pattern.matches(event.message) {
                    return ControlFlow::Continue(());
                }
                bytes += event.message.len() + limits::EVENT_OVERHEAD;
                found.extend(event.event().map(|of| FilteredLogEvent {
                    log_stream_name: Some(event.stream().to_string()),
                    timestamp: Some(of.place.time),
                    message: Some(of.message.to_owned()),
                    ingestion_time: Some(of.ingested),
                    event_id: Some(digits(of.place)),
                }));
                if found.len() >= limit || bytes >= limits::PAGE_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            scanned += TURN;
            if !done {
                tokio::task::yield_now().await;
            }
        }
        Ok(FilterLogEventsResponse {
            events: Some(found),
            // AWS: nothing is told here any more.
            searched_log_streams: Some(vec![]),
            next_token: last.filter(|_| !done).map(|place| list.token(&place)),
        })
    }
);
