//! Batches of a queue's messages: how they are put together, what the function sees of them, and which of them it has handled.

use crate::state::Mapping;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_sqs::Message;
use cloudlet_aws::Arn;
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, VecDeque};

/// Batches one after the other: those of a queue with an order that have a message group in common, or one.
pub type Lane = VecDeque<Vec<Message>>;

fn group_of(message: &Message) -> Option<&str> {
    message.attributes.as_ref()?.get("MessageGroupId").map(String::as_str)
}

/// AWS: of each message group, one batch is worked on at a time. <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>
pub fn lanes(batches: Vec<Vec<Message>>) -> Vec<Lane> {
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
pub fn record(mapping: &Mapping, queue: &Arn, message: &Message) -> Value {
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
pub fn filtered(record: &Value) -> Value {
    let mut document = record.clone();
    let body = record.get("body").and_then(Value::as_str).and_then(|text| serde_json::from_str::<Value>(text).ok()).filter(Value::is_object);
    if let (Some(body), Value::Object(fields)) = (body, &mut document) {
        fields.insert("body".into(), body);
    }
    document
}

/// The messages of a batch that the function reports as not handled. `None`: all of them.
pub fn failures(payload: &[u8], ids: &BTreeSet<&str>) -> Option<BTreeSet<String>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use cloudlet_aws::Timestamp;

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
