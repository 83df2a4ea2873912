//! A message as it was published.

use cloudlet_api_sns::MessageAttributeValue;
use cloudlet_aws::Timestamp;
use cloudlet_shape::{Blob, Map};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// A message attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    pub data_type: String,
    pub value: AttributeValue,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttributeValue {
    Text(String),
    Binary(#[serde(with = "cloudlet_store::as_base64")] Blob),
}

impl AttributeValue {
    pub fn text(&self) -> Option<&str> {
        match self {
            AttributeValue::Text(text) => Some(text),
            AttributeValue::Binary(_) => None,
        }
    }
}

impl From<MessageAttributeValue> for Attribute {
    fn from(value: MessageAttributeValue) -> Attribute {
        let content = match value.binary_value {
            Some(bytes) => AttributeValue::Binary(bytes),
            None => AttributeValue::Text(value.string_value.unwrap_or_default()),
        };
        Attribute { data_type: value.data_type, value: content }
    }
}

/// The text of a message: one for all protocols, or one for each (`MessageStructure` is `json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Content {
    Plain(String),
    PerProtocol { default: String, others: BTreeMap<String, String> },
}

impl Content {
    /// The text for a protocol, or for a platform (`GCM`).
    pub fn text(&self, protocol: &str) -> &str {
        match self {
            Content::Plain(text) => text,
            Content::PerProtocol { default, others } => others.get(protocol).unwrap_or(default),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: Arc<str>,
    pub content: Content,
    pub subject: Option<String>,
    pub attributes: Map<Attribute>,
    pub at: Timestamp,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
    /// In a FIFO topic.
    pub sequence_number: Option<u64>,
    /// The `X-Amzn-Trace-Id` of the Publish call.
    pub trace_header: Option<Arc<str>>,
}
