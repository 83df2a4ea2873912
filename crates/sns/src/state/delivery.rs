//! A message, or a request for confirmation, that is being delivered to one subscription.

use super::{Attribute, Message, Protocol, Subscription, Topic};
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_shape::Map;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The `Type` of what a subscriber is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageType {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

impl MessageType {
    pub fn name(self) -> &'static str {
        match self {
            MessageType::Notification => "Notification",
            MessageType::SubscriptionConfirmation => "SubscriptionConfirmation",
            MessageType::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// Everything that a delivery attempt needs. It stays the same for all attempts, but for their number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    pub message_type: MessageType,
    pub topic: Arn,
    pub subscription: Arn,
    pub protocol: Protocol,
    #[serde(serialize_with = "super::subscription::endpoint_without_password")]
    pub endpoint: String,
    pub message_id: Arc<str>,
    pub raw: bool,
    pub body: String,
    /// Those that a raw delivery to SQS carries.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<Attribute>,
    pub subject: Option<String>,
    /// The sender that mail and text messages show.
    pub sender: String,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
    pub sequence_number: Option<u64>,
    pub trace_header: Option<Arc<str>>,
    pub failed_attempts: u32,
    /// When the message was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
}

impl Delivery {
    /// A message for a subscriber, with the body that was made for it.
    pub fn of_message(topic: &Topic, message: &Message, to: &Subscription, body: String) -> Delivery {
        let raw = to.attributes.raw_message_delivery;
        Delivery {
            message_type: MessageType::Notification,
            topic: topic.arn.clone(),
            subscription: to.arn.clone(),
            protocol: to.protocol,
            endpoint: to.endpoint.clone(),
            message_id: message.id.clone(),
            raw,
            body,
            attributes: if raw && to.protocol == Protocol::Sqs { message.attributes.clone() } else { Map::new() },
            subject: message.subject.clone(),
            sender: topic.display_name.clone(),
            group: message.group.clone(),
            deduplication_id: message.deduplication_id.clone(),
            sequence_number: message.sequence_number,
            trace_header: message.trace_header.clone(),
            failed_attempts: 0,
            published: Some(message.at),
        }
    }

    /// A request to confirm a subscription, or its end.
    pub fn of_confirmation(message_type: MessageType, id: &str, to: &Subscription, body: String) -> Delivery {
        Delivery {
            message_type,
            topic: to.topic.clone(),
            subscription: to.arn.clone(),
            protocol: to.protocol,
            endpoint: to.endpoint.clone(),
            message_id: id.into(),
            raw: false,
            body,
            attributes: Map::new(),
            subject: None,
            sender: String::new(),
            group: None,
            deduplication_id: None,
            sequence_number: None,
            trace_header: None,
            failed_attempts: 0,
            published: None,
        }
    }
}
