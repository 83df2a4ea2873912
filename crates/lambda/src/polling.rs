//! What mappings of queues do: they receive messages, hand them to the function in batches, and delete what it has handled.
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

use crate::{
    Lambda,
    batches::{Lane, failures, filtered, lanes, record},
    code::PRINCIPAL,
    names,
    outcomes::{Event, Outcome},
    patterns::Pattern,
    runs::Completion,
    scheduled::PollQueue,
    state::Mapping,
};
use bytes::Bytes;
use cloudlet_api_sqs::{
    DeleteMessageBatch, DeleteMessageBatchRequest, DeleteMessageBatchRequestEntry, Message, ReceiveMessage, ReceiveMessageRequest,
};
use cloudlet_aws::{Arn, Caller, Fault, Timestamp};
use cloudlet_engine::{
    Cx, Permission, handler,
    roles::{self, RoleSession},
};
use cloudlet_shape::Empty;
use futures_util::{StreamExt, stream::FuturesUnordered};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Batches that a mapping works on at the same time: as many in the beginning, as many more each time that the queue has enough for all, and
/// at most so many. AWS: five, three hundred more a minute, a thousand and more.
const FIRST_BATCHES: usize = 5;
const MORE_BATCHES: usize = 5;
const MOST_BATCHES: usize = 64;
/// Messages of one receive.
const RECEIVED: i32 = 10;
/// Milliseconds after which an empty queue is looked at again, and a mapping that failed is tried again.
const EMPTY: i64 = 500;
const FAILED: i64 = 5_000;
/// AWS: a batch is full at 6 MB.
const BATCH_BYTES: usize = 6_000_000;

/// What mappings have in hand. A restart forgets it: the messages come back to the queue by themselves.
#[derive(Default)]
pub struct Hands(Mutex<BTreeMap<String, Hand>>);

#[derive(Default)]
struct Hand {
    session: Option<RoleSession>,
    messages: Vec<Message>,
    /// When the first of them was received.
    since: Option<Timestamp>,
    /// Somebody works on it.
    is_active: bool,
}

impl Lambda {
    async fn poller(&self, cx: &Cx, id: &str, mapping: &Mapping) -> Result<Caller, Fault> {
        let now = cx.clock().now();
        let known = self.hands.0.lock().get(id).and_then(|hand| hand.session.clone());
        if let Some(session) = known.filter(|session| session.usable_until > now) {
            return Ok(session.caller);
        }
        let role = self.latest(&mapping.function)?;
        let role = Arn::parse(role.role()).ok_or_else(|| Fault::internal("a function without a role"))?;
        let session = roles::assume_role(cx, &role, &mapping.function.name, PRINCIPAL, &mapping.function.arn()).await?;
        let caller = session.caller.clone();
        self.hands.0.lock().entry(id.to_owned()).or_default().session = Some(session);
        Ok(caller)
    }

    async fn receive(&self, cx: &Cx, caller: &Caller, queue: &Arn) -> Result<Vec<Message>, Fault> {
        let input = ReceiveMessageRequest {
            queue_url: names::queue_url(cx, queue),
            message_system_attribute_names: Some(vec!["All".into()]),
            message_attribute_names: Some(vec!["All".into()]),
            max_number_of_messages: Some(RECEIVED),
            wait_time_seconds: Some(0),
            ..ReceiveMessageRequest::default()
        };
        let scope = queue.scope().unwrap_or_else(|| cx.scope.clone());
        Ok(cx.call::<ReceiveMessage>(caller.clone(), scope, input).await?.messages.unwrap_or_default())
    }

    async fn delete(&self, cx: &Cx, caller: &Caller, queue: &Arn, messages: &[&Message]) {
        for chunk in messages.chunks(10) {
            let entries = chunk.iter().enumerate().filter_map(|(index, message)| {
                Some(DeleteMessageBatchRequestEntry { id: index.to_string(), receipt_handle: message.receipt_handle.clone()? })
            });
            let input = DeleteMessageBatchRequest { queue_url: names::queue_url(cx, queue), entries: entries.collect() };
            let scope = queue.scope().unwrap_or_else(|| cx.scope.clone());
            if let Err(fault) = cx.call::<DeleteMessageBatch>(caller.clone(), scope, input).await {
                tracing::warn!(%fault, queue = queue.as_str(), "handled messages are not deleted");
            }
        }
    }

    /// Receives until batches are full or the queue is empty; what the filters refuse is deleted. Whether anything was received.
    async fn fill(&self, cx: &Cx, id: &str, mapping: &Mapping, caller: &Caller, queue: &Arn, most: usize) -> Result<bool, Fault> {
        let filters: Vec<Pattern> = mapping.filters.iter().filter_map(|text| Pattern::parse(text)).collect();
        let mut any = false;
        loop {
            let in_hand = self.hands.0.lock().get(id).map_or(0, |hand| hand.messages.len());
            if in_hand >= most {
                return Ok(any);
            }
            let messages = self.receive(cx, caller, queue).await?;
            if messages.is_empty() {
                return Ok(any);
            }
            any = true;
            let takes = |message: &Message| {
                let document = filtered(&record(mapping, queue, message));
                filters.is_empty() || filters.iter().any(|filter| filter.matches(&document))
            };
            let (taken, refused): (Vec<Message>, Vec<Message>) = messages.into_iter().partition(takes);
            self.delete(cx, caller, queue, &refused.iter().collect::<Vec<_>>()).await;
            let now = cx.clock().now();
            let mut hands = self.hands.0.lock();
            let hand = hands.entry(id.to_owned()).or_default();
            if !taken.is_empty() {
                hand.since.get_or_insert(now);
                hand.messages.extend(taken);
            }
        }
    }

    /// The batches that are due.
    fn batches(&self, cx: &Cx, id: &str, mapping: &Mapping) -> Vec<Vec<Message>> {
        let size = usize::try_from(mapping.batch).unwrap_or(1).max(1);
        let now = cx.clock().now();
        let mut hands = self.hands.0.lock();
        let Some(hand) = hands.get_mut(id) else { return Vec::new() };
        let is_due = hand.since.is_some_and(|since| now >= since.plus_secs(i64::from(mapping.window)));
        let mut batches = Vec::new();
        while hand.messages.len() >= size || (is_due && !hand.messages.is_empty()) {
            let mut bytes = 0;
            let fits = hand.messages.iter().take(size).take_while(|message| {
                bytes += message.body.as_ref().map_or(0, String::len) + 1_024;
                bytes <= BATCH_BYTES
            });
            let fits = fits.count().max(1);
            batches.push(hand.messages.drain(..fits).collect());
        }
        if hand.messages.is_empty() {
            hand.since = None;
        }
        batches
    }

    /// Works on the batches of a lane in turn. Once one is not handled, those after it go back to the queue with it.
    async fn handle_lane(&self, cx: &Cx, mapping: &Mapping, caller: &Caller, queue: &Arn, mut lane: Lane) {
        while let Some(batch) = lane.pop_front() {
            if !self.handle_batch(cx, mapping, caller, queue, batch).await {
                return;
            }
        }
    }

    /// Whether every message was handled.
    async fn handle_batch(&self, cx: &Cx, mapping: &Mapping, caller: &Caller, queue: &Arn, batch: Vec<Message>) -> bool {
        let records: Vec<Value> = batch.iter().map(|message| record(mapping, queue, message)).collect();
        let payload = Bytes::from(json!({ "Records": records }).to_string());
        let named = mapping.named();
        let Some((resolved, function)) = self.found(cx, &named) else { return false };
        let trace = batch.first().and_then(|message| message.attributes.as_ref()?.get("AWSTraceHeader").cloned());
        let event = Event { request_id: cx.ids().uuid(), payload, client_context: None, trace };
        match self.run(cx, &named, &resolved, &function, event, Completion::Log).await {
            Ok(Outcome { failed: false, payload, .. }) => {
                let ids: BTreeSet<&str> = batch.iter().filter_map(|message| message.message_id.as_deref()).collect();
                let failed = if mapping.partial { failures(&payload, &ids) } else { Some(BTreeSet::new()) };
                let Some(failed) = failed else { return false };
                let handled = batch.iter().filter(|message| !message.message_id.as_ref().is_some_and(|id| failed.contains(id)));
                self.delete(cx, caller, queue, &handled.collect::<Vec<_>>()).await;
                failed.is_empty()
            }
            // The messages come back when their visibility timeout ends.
            Ok(_) => false,
            Err(fault) => {
                tracing::debug!(%fault, queue = queue.as_str(), "a batch is not handled");
                false
            }
        }
    }

    fn enabled(&self, id: &str) -> Option<Arc<Mapping>> {
        self.store.read(|state| state.mappings.get(id).filter(|mapping| mapping.enabled).cloned())
    }

    /// Takes a mapping's work on, unless somebody has it.
    fn begin(&self, id: &str) -> bool {
        let mut hands = self.hands.0.lock();
        !std::mem::replace(&mut hands.entry(id.to_owned()).or_default().is_active, true)
    }

    async fn poll(&self, cx: &Cx, id: &str) -> Result<(), Fault> {
        if !self.begin(id) {
            return Ok(());
        }
        let outcome = match self.enabled(id) {
            Some(mapping) => self.work(cx, id, &mapping).await,
            None => Ok(()),
        };
        let mapping = self.enabled(id);
        let wait = {
            let mut hands = self.hands.0.lock();
            if mapping.is_none() {
                hands.remove(id);
            }
            let hand = hands.get_mut(id);
            match outcome {
                Ok(()) => {
                    hand.into_iter().for_each(|hand| hand.is_active = false);
                    EMPTY
                }
                Err(fault) => {
                    tracing::debug!(%fault, mapping = id, "a mapping cannot read its queue");
                    hand.into_iter().for_each(|hand| (hand.is_active, hand.session) = (false, None));
                    FAILED
                }
            }
        };
        match mapping {
            Some(mapping) => self.schedule_poll(cx, id, &mapping, Timestamp(cx.clock().now().millis() + wait)),
            None => Ok(()),
        }
    }

    /// Works until the queue is empty and everything that was received is over. What is changed meanwhile counts from the next batch on.
    async fn work(&self, cx: &Cx, id: &str, mapping: &Mapping) -> Result<(), Fault> {
        let queue = Arn::parse(&mapping.source).ok_or_else(|| Fault::internal("a mapping without a source"))?;
        let size = usize::try_from(mapping.batch).unwrap_or(1).max(1);
        let most = mapping.concurrency.and_then(|most| usize::try_from(most).ok()).unwrap_or(MOST_BATCHES).min(MOST_BATCHES);
        let mut width = FIRST_BATCHES.min(most);
        let mut working = FuturesUnordered::new();
        loop {
            let is_current = self.enabled(id).is_some_and(|current| *current == *mapping);
            let free = if is_current { width.saturating_sub(working.len()) } else { 0 };
            let mut received = false;
            if free > 0 {
                let caller = self.poller(cx, id, mapping).await?;
                received = self.fill(cx, id, mapping, &caller, &queue, size.saturating_mul(free)).await?;
                let batches = self.batches(cx, id, mapping);
                if batches.len() >= free {
                    width = (width + MORE_BATCHES).min(most);
                }
                let lanes =
                    if mapping.source.ends_with(".fifo") { lanes(batches) } else { batches.into_iter().map(|batch| Lane::from([batch])).collect() };
                for lane in lanes {
                    let (caller, queue) = (caller.clone(), queue.clone());
                    working.push(async move { self.handle_lane(cx, mapping, &caller, &queue, lane).await });
                }
            }
            if working.is_empty() {
                return Ok(());
            }
            if received && working.len() < width {
                // There may be more.
                continue;
            }
            let again = Timestamp(cx.clock().now().millis() + EMPTY);
            tokio::select! {
                _ = working.next() => {}
                () = cx.clock().sleep_until(again), if is_current && working.len() < width => {}
            }
        }
    }
}

handler!(Lambda, PollQueue, |lambda, cx, input| Ok(Permission::none()), |lambda, cx, input| {
    lambda.poll(cx, &input.id).await?;
    Ok(Empty {})
});
