//! Which attributes of a message ReceiveMessage returns, and a message in its form.

use crate::{
    addresses::Kind,
    contents, faults,
    receipt_handles::ReceiptHandle,
    receiving::ReceivedMessage,
    state::{Attribute, Message},
};
use cloudlet_api_sqs::{self as api, MessageAttributeValue, ReceiveMessageRequest};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::Cx;
use cloudlet_shape::{Map, Protocol};

const SYSTEM_ATTRIBUTES: &[&str] = &[
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

#[derive(Debug)]
pub struct AttributeSelection {
    system: Vec<String>,
    attributes: Vec<String>,
}

impl AttributeSelection {
    pub fn everything() -> AttributeSelection {
        AttributeSelection { system: vec!["All".into()], attributes: vec!["All".into()] }
    }

    pub fn take_from(input: &mut ReceiveMessageRequest, cx: &Cx) -> Result<AttributeSelection, Fault> {
        let older = input.attribute_names.take().unwrap_or_default();
        let newer = input.message_system_attribute_names.take().unwrap_or_default();
        // AWS: if both are given, the query protocol uses AttributeNames, JSON uses MessageSystemAttributeNames (recorded).
        let query = cx.origin.protocol == Some(Protocol::Query);
        let system = match (older.is_empty(), newer.is_empty()) {
            (false, false) => {
                if query {
                    older
                } else {
                    newer
                }
            }
            (_, true) => older,
            (true, false) => newer,
        };
        if let Some(unknown) = system.iter().find(|name| !SYSTEM_ATTRIBUTES.contains(&name.as_str())) {
            return Err(faults::unknown_attribute(unknown));
        }
        Ok(AttributeSelection { system, attributes: input.message_attribute_names.take().unwrap_or_default() })
    }

    fn has_system(&self, name: &str) -> bool {
        self.system.iter().any(|selected| selected == name || selected == "All")
    }

    /// `All`, a name, or `prefix.*`.
    fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|selected| match selected.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => selected == name || selected == "All" || selected == "*",
        })
    }

    pub fn message(&self, queue: &Arn, kind: Kind, received: &ReceivedMessage) -> api::Message {
        let ReceivedMessage { message, .. } = received;
        let system = self.system_attributes(kind, received);
        let selected: Vec<(&String, &Attribute)> = message.attributes.iter().filter(|(name, _)| self.has(name)).collect();
        // The digest covers the returned attributes alone: SDKs compute it again.
        let md5 = contents::md5(selected.iter().copied().map(contents::md5_input));
        let attributes: Map<MessageAttributeValue> = selected.into_iter().map(|(name, attribute)| (name.clone(), attribute.to_api())).collect();
        api::Message {
            message_id: Some(message.id.text()),
            receipt_handle: Some(ReceiptHandle::new(received.number, message, &received.flight).encode(queue)),
            md5_of_body: Some(message.md5().text()),
            body: Some(message.body.to_string()),
            attributes: (!system.is_empty()).then_some(system),
            md5_of_message_attributes: md5,
            message_attributes: (!attributes.is_empty()).then_some(attributes),
        }
    }

    fn system_attributes(&self, kind: Kind, ReceivedMessage { number, message, flight }: &ReceivedMessage) -> Map<String> {
        let Message { sent, sender_id, group_id, deduplication_id, trace_header, dead_letter, .. } = message.as_ref();
        let mut selected = Map::new();
        if self.system.is_empty() {
            return selected;
        }
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|_| self.has_system(name)) {
                selected.insert(name.to_owned(), value);
            }
        };
        // The receives in the source queue count as well.
        let receive_count = flight.receive_count.saturating_add(dead_letter.as_ref().map_or(0, |history| history.receive_count));
        let first_received = dead_letter.as_ref().map_or(flight.first_received, |history| history.first_received);
        let first_received = (receive_count > 0).then(|| first_received.millis().to_string());
        let fifo = kind == Kind::Fifo;
        add("SenderId", Some(sender_id.to_string()));
        add("SentTimestamp", Some(sent.millis().to_string()));
        add("ApproximateReceiveCount", Some(receive_count.to_string()));
        add("ApproximateFirstReceiveTimestamp", first_received);
        add("SequenceNumber", fifo.then(|| number.to_string()));
        add("MessageDeduplicationId", deduplication_id.as_ref().filter(|_| fifo).map(ToString::to_string));
        add("MessageGroupId", group_id.as_ref().map(ToString::to_string));
        add("AWSTraceHeader", trace_header.as_ref().map(ToString::to_string));
        add("DeadLetterQueueSourceArn", dead_letter.as_ref().map(|history| history.source_queue.to_string()));
        selected
    }
}
