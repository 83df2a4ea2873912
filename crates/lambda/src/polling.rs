//! What mappings of queues do: they receive messages, hand them to the function in batches, and delete what it has handled.
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

use crate::{
    Lambda,
    code::PRINCIPAL,
    names,
    outcomes::{Event, Outcome},
    patterns::Pattern,
    scheduled::PollQueue,
    state::Mapping,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
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
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
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

/// Batches one after the other: those of a queue with an order that have a message group in common, or one.
type Lane = VecDeque<Vec<Message>>;

fn group_of(message: &Message) -> Option<&str> {
    message.attributes.as_ref()?.get("MessageGroupId").map(String::as_str)
}

/// AWS: of each message group, one batch is worked on at a time. <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>
fn lanes(batches: Vec<Vec<Message>>) -> Vec<Lane> {
    let mut lanes: Vec<(BTreeSet<String>, Lane)> = Vec::new();
    for batch in batches {
        let groups: BTreeSet<String> = batch.iter().filter_map(group_of).map(str::to_owned).collect();
        let (shared, apart): (Vec<_>, Vec<_>) = lanes.into_iter().partition(|(of, _)| !of.is_disjoint(&groups));
        lanes = apart;
        let mut joined = (groups, Lane::new());
        for (of, batches) in shared {
            joined.0.extend(of);
            joined.1.extend(batches);
        }
        joined.1.push_back(batch);
        lanes.push(joined);
    }
    lanes.into_iter().map(|(_, lane)| lane).collect()
}

/// A message as the function sees it.
fn record(mapping: &Mapping, queue: &Arn, message: &Message) -> Value {
    let attributes: Map<String, Value> = message
        .message_attributes
        .iter()
        .flatten()
        .map(|(name, value)| {
            let mut shown = Map::new();
            if let Some(text) = &value.string_value {
                shown.insert("stringValue".into(), json!(text));
            }
            if let Some(bytes) = &value.binary_value {
                shown.insert("binaryValue".into(), json!(STANDARD.encode(bytes)));
            }
            shown.insert("stringListValues".into(), json!([]));
            shown.insert("binaryListValues".into(), json!([]));
            shown.insert("dataType".into(), json!(value.data_type));
            (name.clone(), shown.into())
        })
        .collect();
    let mut record = json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": message.attributes.clone().unwrap_or_default(),
        "messageAttributes": attributes,
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.as_str(),
        "awsRegion": queue.region(),
    });
    let digest = &message.md5_of_message_attributes;
    // AWS: recorded: with a batching window it is there without attributes, too.
    if let (true, Value::Object(members)) = (digest.is_some() || mapping.window > 0, &mut record) {
        members.insert("md5OfMessageAttributes".into(), json!(digest));
    }
    record
}

/// What a filter looks at: the message, its body read as JSON if it is.
fn filtered(record: &Value) -> Value {
    let mut document = record.clone();
    let body = record.get("body").and_then(Value::as_str).and_then(|text| serde_json::from_str::<Value>(text).ok()).filter(Value::is_object);
    if let (Some(body), Value::Object(fields)) = (body, &mut document) {
        fields.insert("body".into(), body);
    }
    document
}

/// The messages of a batch that the function reports as not handled. `None`: all of them.
fn failures(payload: &[u8], ids: &BTreeSet<&str>) -> Option<BTreeSet<String>> {
    let value: Value = serde_json::from_slice(payload).ok()?;
    let list = match value.get("batchItemFailures") {
        None | Some(Value::Null) => return Some(BTreeSet::new()),
        Some(list) => list.as_array()?,
    };
    let mut failed = BTreeSet::new();
    for item in list {
        let id = item.get("itemIdentifier").and_then(Value::as_str).filter(|id| ids.contains(id))?;
        failed.insert(id.to_owned());
    }
    Some(failed)
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
        match self.run(cx, &named, &resolved, &function, event).await {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(groups: &[&str]) -> Vec<Message> {
        let message = |group: &&str| Message {
            attributes: Some([("MessageGroupId".to_owned(), (*group).to_owned())].into_iter().collect()),
            ..Message::default()
        };
        groups.iter().map(message).collect()
    }

    #[test]
    fn a_window_shows_the_absent_digest() {
        let queue = Arn::parse("arn:aws:sqs:us-east-1:000000000000:q").unwrap();
        let key =
            crate::state::FunctionKey { account: cloudlet_aws::Account::default(), region: cloudlet_aws::Region::new("us-east-1"), name: "f".into() };
        let mapping = |window| Mapping {
            function: key.clone(),
            qualifier: None,
            source: queue.to_string(),
            batch: 10,
            window,
            filters: vec![],
            partial: false,
            concurrency: None,
            enabled: true,
            modified: Timestamp(0),
            tags: cloudlet_shape::Map::new(),
        };
        let shown = |window| record(&mapping(window), &queue, &Message::default()).get("md5OfMessageAttributes").cloned();
        assert_eq!((shown(0), shown(1)), (None, Some(Value::Null)));
    }

    #[test]
    fn batches_with_a_group_in_common_wait_for_each_other() {
        let lengths = |batches: Vec<Vec<Message>>| lanes(batches).iter().map(VecDeque::len).collect::<Vec<_>>();
        assert_eq!(lengths(vec![messages(&["a"]), messages(&["b"]), messages(&["c"])]), [1, 1, 1]);
        assert_eq!(lengths(vec![messages(&["a", "b"]), messages(&["c"]), messages(&["b", "d"])]), [1, 2]);
        assert_eq!(lengths(vec![messages(&["a"]), messages(&["b"]), messages(&["a", "b"])]), [3]);
    }

    #[test]
    fn a_function_reports_what_it_has_not_handled() {
        let ids = BTreeSet::from(["a", "b"]);
        let failed = |text: &str| failures(text.as_bytes(), &ids).map(|failed| failed.into_iter().collect::<Vec<_>>());
        assert_eq!(failed(r#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#), Some(vec!["a".to_owned()]));
        for all_handled in ["null", "{}", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#] {
            assert_eq!(failed(all_handled), Some(vec![]), "{all_handled}");
        }
        for none_handled in
            [r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, r#"{"batchItemFailures":[{"itemIdentifier":"c"}]}"#, r#"{"batchItemFailures":[{}]}"#]
        {
            assert_eq!(failed(none_handled), None, "{none_handled}");
        }
    }
}
