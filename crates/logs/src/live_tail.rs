//! StartLiveTail: the events of groups as they are written, as a stream. A session ends after three hours, or with its client.

use crate::{
    Logs,
    blocks::Block,
    faults, limits,
    names::{group_arn, group_of_identifier},
    patterns::Pattern,
    state::GroupKey,
};
use cloudlet_api_logs::*;
use cloudlet_aws::Timestamp;
use cloudlet_engine::{Runtime, handler};
use cloudlet_shape::{Events, Struct};
use futures_util::stream;
use std::sync::Arc;
use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};

/// So many writes may wait for a slow client; it misses what is beyond.
const WAITING: usize = 1024;

/// What one PutLogEvents brought.
#[derive(Debug)]
pub struct NewEvents {
    pub group: GroupKey,
    pub stream: Arc<str>,
    pub block: Arc<Block>,
}

/// Tells the sessions of what is written.
pub struct Tail(Sender<Arc<NewEvents>>);

impl Default for Tail {
    fn default() -> Self {
        Tail(Sender::new(WAITING))
    }
}

impl Tail {
    pub fn tell(&self, written: impl FnOnce() -> NewEvents) {
        if self.0.receiver_count() > 0 {
            let _ = self.0.send(Arc::new(written()));
        }
    }
}

struct Session {
    groups: Vec<GroupKey>,
    streams: Option<Vec<String>>,
    prefixes: Option<Vec<String>>,
    pattern: Arc<Pattern>,
    written: Receiver<Arc<NewEvents>>,
    runtime: Arc<Runtime>,
    until: Timestamp,
    /// What the first event says.
    start: Option<LiveTailSessionStart>,
    is_over: bool,
}

impl Session {
    fn events_of(&self, written: &NewEvents, into: &mut Vec<LiveTailSessionLogEvent>) {
        let is_named = self.streams.as_ref().is_none_or(|names| names.iter().any(|name| **name == *written.stream));
        let begins = self.prefixes.as_ref().is_none_or(|prefixes| prefixes.iter().any(|prefix| written.stream.starts_with(prefix.as_str())));
        if !is_named || !begins || !self.groups.contains(&written.group) {
            return;
        }
        let identifier = format!("{}:{}", written.group.0.account, written.group.1);
        for event in written.block.iter().filter(|event| self.pattern.matches(event.message)) {
            into.push(LiveTailSessionLogEvent {
                log_stream_name: Some(written.stream.to_string()),
                log_group_identifier: Some(identifier.clone()),
                message: Some(event.message.to_owned()),
                timestamp: Some(event.place.time),
                ingestion_time: Some(event.ingested),
            });
        }
    }

    /// The next event of the stream.
    async fn next(mut self) -> Option<(StartLiveTailResponseStream, Session)> {
        if let Some(start) = self.start.take() {
            return Some((StartLiveTailResponseStream { session_start: Some(start), ..Default::default() }, self));
        }
        if self.is_over {
            return None;
        }
        let mut found = Vec::new();
        let mut sampled = false;
        let second = self.runtime.clock.now().plus_secs(1).min(self.until);
        while found.is_empty() {
            tokio::select! {
                received = self.written.recv() => match received {
                    Ok(written) => self.events_of(&written, &mut found),
                    Err(RecvError::Lagged(_)) => sampled = true,
                    Err(RecvError::Closed) => return None,
                },
                () = self.runtime.clock.sleep_until(second) => break,
            }
        }
        while let Ok(written) = self.written.try_recv() {
            self.events_of(&written, &mut found);
        }
        if self.runtime.clock.now() >= self.until {
            self.is_over = true;
            let message = Some("The session has ended.".to_owned());
            let timeout = StartLiveTailResponseStream { session_timeout_exception: Some(SessionTimeoutException { message }), ..Default::default() };
            return Some((timeout, self));
        }
        // AWS: so many events a second are shown, and a sample of more.
        sampled |= found.len() > limits::LIVE_TAIL_EVENTS;
        found.truncate(limits::LIVE_TAIL_EVENTS);
        let update =
            LiveTailSessionUpdate { session_metadata: Some(LiveTailSessionMetadata { sampled: Some(sampled) }), session_results: Some(found) };
        Some((StartLiveTailResponseStream { session_update: Some(update), ..Default::default() }, self))
    }
}

handler!(
    Logs,
    StartLiveTail,
    |logs, cx, input| {
        if input.log_group_identifiers.is_empty() {
            return Err(faults::invalid("At least one log group must be specified."));
        }
        let groups = input.log_group_identifiers.iter().map(|identifier| group_of_identifier(cx, identifier));
        groups.map(|group| Ok(logs.on_group::<StartLiveTail>(&group?))).collect()
    },
    |logs, cx, input| {
        let names = input.log_stream_names.filter(|names| !names.is_empty());
        let prefixes = input.log_stream_name_prefixes.filter(|prefixes| !prefixes.is_empty());
        if names.is_some() && prefixes.is_some() {
            // AWS: unverified message.
            return Err(faults::invalid("logStreamNames and logStreamNamePrefixes are mutually exclusive parameters."));
        }
        if (names.is_some() || prefixes.is_some()) && input.log_group_identifiers.len() != 1 {
            // AWS: unverified message.
            return Err(faults::invalid("Log streams can be named for one log group only."));
        }
        let mut groups = Vec::new();
        for identifier in &input.log_group_identifiers {
            let group = group_of_identifier(cx, identifier)?;
            logs.standard_group(&group)?;
            groups.push(group);
        }
        let pattern = logs.pattern(input.log_event_filter_pattern.as_deref().unwrap_or_default())?;
        let start = LiveTailSessionStart {
            request_id: Some(cx.request_id.to_string()),
            session_id: Some(cx.ids().uuid()),
            log_group_identifiers: Some(groups.iter().map(|group| group_arn(group).to_string()).collect()),
            log_stream_names: names.clone(),
            log_stream_name_prefixes: prefixes.clone(),
            log_event_filter_pattern: input.log_event_filter_pattern,
        };
        let session = Session {
            groups,
            streams: names,
            prefixes,
            pattern,
            written: logs.tail.0.subscribe(),
            runtime: cx.runtime().clone(),
            until: cx.now.plus_millis(limits::LIVE_TAIL_HOURS * limits::HOUR),
            start: Some(start),
            is_over: false,
        };
        let events = stream::unfold(session, |session| async move {
            let (event, session) = session.next().await?;
            Some((Ok(Box::new(event) as Box<dyn Struct>), session))
        });
        Ok(StartLiveTailResponse { response_stream: Some(Events::new(Box::pin(events))) })
    }
);
