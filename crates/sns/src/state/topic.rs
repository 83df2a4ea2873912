//! A topic and its attributes.

use crate::{delivery_policy::DeliveryPolicy, limits, policy::TopicPolicy, signing::SignatureVersion};
use cloudlet_aws::{Account, Arn, Timestamp};
use cloudlet_shape::Map;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThroughputScope {
    #[default]
    Topic,
    MessageGroup,
}

/// The attributes that only a FIFO topic has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FifoAttributes {
    pub content_based_deduplication: bool,
    /// Shown only after it was set.
    pub throughput_scope: Option<ThroughputScope>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Topic {
    pub arn: Arn,
    pub owner: Account,
    pub display_name: String,
    pub policy: TopicPolicy,
    pub delivery_policy: Option<DeliveryPolicy>,
    pub fifo: Option<FifoAttributes>,
    pub signature_version: Option<SignatureVersion>,
    pub kms_key: Option<String>,
    pub tracing_config: Option<String>,
    pub maximum_message_size: Option<usize>,
    /// Days for which messages are archived.
    pub archive_days: Option<u32>,
    pub archive_begins: Option<Timestamp>,
    /// The delivery status attributes: `SQSSuccessFeedbackRoleArn` and so on.
    pub feedback: Map<String>,
    pub tags: Map<String>,
    pub data_protection_policy: Option<String>,
    pub subscriptions_deleted: u64,
}

impl Topic {
    pub fn is_fifo(&self) -> bool {
        self.fifo.is_some()
    }

    pub fn message_size_limit(&self) -> usize {
        self.maximum_message_size.unwrap_or(limits::MESSAGE)
    }

    /// Whether it takes messages that only some protocols can carry.
    pub fn takes_large_messages(&self) -> bool {
        self.message_size_limit() > limits::MESSAGE
    }

    pub fn signature_version(&self) -> SignatureVersion {
        self.signature_version.unwrap_or_default()
    }
}
