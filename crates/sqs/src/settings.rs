//! A queue's attributes: which can be set on which kind of queue, their valid values, and their text in answers.
//! No other queue is looked at here: whether a dead-letter queue exists is checked in `dead_letters`.

use crate::{
    addresses::Kind,
    faults, limits, policy,
    redrive::{RedriveAllowPolicy, RedrivePolicy},
};
use cloudlet_aws::Fault;
use cloudlet_engine::StoredPolicy;
use cloudlet_shape::Map;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Seconds, as the three that follow.
    pub visibility_timeout: u32,
    pub retention_period: u32,
    pub delay: u32,
    pub receive_wait_time: u32,
    /// Bytes.
    pub max_message_size: u32,
    pub fifo: Option<Fifo>,
    pub encryption: Encryption,
    pub policy: Option<StoredPolicy>,
    pub redrive_policy: Option<RedrivePolicy>,
    pub redrive_allow_policy: Option<RedriveAllowPolicy>,
}

/// The settings of a FIFO queue alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fifo {
    pub content_based_deduplication: bool,
    pub deduplication_scope: DeduplicationScope,
    pub throughput_limit: ThroughputLimit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeduplicationScope {
    Queue,
    MessageGroup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThroughputLimit {
    PerQueue,
    PerMessageGroup,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encryption {
    Off,
    /// With a key of SQS. New queues have it.
    SqsManaged,
    Kms {
        key_id: String,
        /// Seconds.
        data_key_reuse_period: u32,
    },
}

/// Seconds for which SQS uses a data key again.
const DEFAULT_KEY_REUSE: u32 = 300;

/// Whether attributes are given to CreateQueue or to SetQueueAttributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Creation,
    Change,
}

/// The attributes that cannot be set.
pub const COMPUTED: &[&str] = &[
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

pub const SETTABLE: &[&str] = &[
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

impl Settings {
    pub fn new(kind: Kind) -> Settings {
        Settings {
            visibility_timeout: 30,
            retention_period: 345_600,
            delay: 0,
            receive_wait_time: 0,
            max_message_size: *limits::MESSAGE_SIZE.end(),
            fifo: (kind == Kind::Fifo).then_some(Fifo {
                content_based_deduplication: false,
                deduplication_scope: DeduplicationScope::Queue,
                throughput_limit: ThroughputLimit::PerQueue,
            }),
            encryption: Encryption::SqsManaged,
            policy: None,
            redrive_policy: None,
            redrive_allow_policy: None,
        }
    }

    pub fn kind(&self) -> Kind {
        if self.fifo.is_some() { Kind::Fifo } else { Kind::Standard }
    }

    /// The kind of queue to create.
    pub fn requested_kind(given: &Map<String>) -> Result<Kind, Fault> {
        match given.get("FifoQueue") {
            None => Ok(Kind::Standard),
            Some(text) if boolean("FifoQueue", text)? => Ok(Kind::Fifo),
            // AWS: for a standard queue the attribute is unknown (recorded).
            Some(_) => Err(faults::unknown_attribute("FifoQueue")),
        }
    }

    /// These settings with the given attributes, which are checked.
    pub fn with(&self, given: &Map<String>, stage: Stage) -> Result<Settings, Fault> {
        let mut settings = self.clone();
        for (name, value) in given {
            settings.set(name, value, stage)?;
        }
        settings.set_encryption(given)?;
        if let Some(Fifo { deduplication_scope: DeduplicationScope::Queue, throughput_limit: ThroughputLimit::PerMessageGroup, .. }) = settings.fifo {
            // AWS: unverified message; the rule is https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
            return Err(faults::INVALID_ATTRIBUTE_VALUE
                .says("The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup."));
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str, stage: Stage) -> Result<(), Fault> {
        match name {
            "VisibilityTimeout" => self.visibility_timeout = number(name, value, &limits::VISIBILITY)?,
            "MessageRetentionPeriod" => self.retention_period = number(name, value, &limits::RETENTION)?,
            "DelaySeconds" => self.delay = number(name, value, &limits::DELAY)?,
            "ReceiveMessageWaitTimeSeconds" => self.receive_wait_time = number(name, value, &limits::WAIT)?,
            "MaximumMessageSize" => self.max_message_size = number(name, value, &limits::MESSAGE_SIZE)?,
            "Policy" => self.policy = if value.is_empty() { None } else { Some(policy::parse(value)?) },
            "RedrivePolicy" => self.redrive_policy = if value.is_empty() { None } else { Some(RedrivePolicy::parse(value)?) },
            "RedriveAllowPolicy" => self.redrive_allow_policy = if value.is_empty() { None } else { Some(RedriveAllowPolicy::parse(value)?) },
            "FifoQueue" => self.fifo_queue(value, stage)?,
            "ContentBasedDeduplication" => {
                let fifo = self.fifo.as_mut().ok_or_else(|| faults::unknown_attribute(name))?;
                fifo.content_based_deduplication = boolean(name, value)?;
            }
            "DeduplicationScope" => {
                let fifo = self.fifo_only(name)?;
                fifo.deduplication_scope = match value {
                    "queue" => DeduplicationScope::Queue,
                    "messageGroup" => DeduplicationScope::MessageGroup,
                    _ => return Err(faults::invalid_attribute(name)),
                }
            }
            "FifoThroughputLimit" => {
                let fifo = self.fifo_only(name)?;
                fifo.throughput_limit = match value {
                    "perQueue" => ThroughputLimit::PerQueue,
                    "perMessageGroupId" => ThroughputLimit::PerMessageGroup,
                    _ => return Err(faults::invalid_attribute(name)),
                }
            }
            // The three together, in `set_encryption`.
            "KmsMasterKeyId" | "KmsDataKeyReusePeriodSeconds" | "SqsManagedSseEnabled" => {}
            _ => return Err(faults::unknown_attribute(name)),
        }
        Ok(())
    }

    fn fifo_queue(&self, value: &str, stage: Stage) -> Result<(), Fault> {
        let wanted = boolean("FifoQueue", value)?;
        match (self.kind(), stage) {
            (Kind::Standard, Stage::Change) => Err(faults::unknown_attribute("FifoQueue")),
            (Kind::Fifo, Stage::Change) if !wanted => {
                Err(faults::INVALID_ATTRIBUTE_VALUE.says("Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."))
            }
            _ => Ok(()),
        }
    }

    fn fifo_only(&mut self, name: &str) -> Result<&mut Fifo, Fault> {
        let refusal = || faults::INVALID_ATTRIBUTE_NAME.says(format!("You can specify the {name} only when FifoQueue is set to true."));
        self.fifo.as_mut().ok_or_else(refusal)
    }

    /// There is one kind of encryption at a time: setting one unsets the other.
    fn set_encryption(&mut self, given: &Map<String>) -> Result<(), Fault> {
        let managed = given.get("SqsManagedSseEnabled").map(|value| boolean("SqsManagedSseEnabled", value)).transpose()?;
        let reuse =
            given.get("KmsDataKeyReusePeriodSeconds").map(|value| number("KmsDataKeyReusePeriodSeconds", value, &limits::KEY_REUSE)).transpose()?;
        match given.get("KmsMasterKeyId").map(String::as_str) {
            Some("") => {
                if matches!(self.encryption, Encryption::Kms { .. }) {
                    self.encryption = Encryption::Off;
                }
            }
            Some(_) if managed == Some(true) => {
                // AWS: unverified message; the rule is https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
                return Err(faults::INVALID_ATTRIBUTE_VALUE
                    .says("You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."));
            }
            Some(key_id) => {
                let before = match &self.encryption {
                    Encryption::Kms { data_key_reuse_period, .. } => *data_key_reuse_period,
                    Encryption::Off | Encryption::SqsManaged => DEFAULT_KEY_REUSE,
                };
                self.encryption = Encryption::Kms { key_id: key_id.to_owned(), data_key_reuse_period: before };
            }
            None => {}
        }
        match (managed, &mut self.encryption) {
            (Some(true), _) => self.encryption = Encryption::SqsManaged,
            (Some(false), Encryption::SqsManaged) => self.encryption = Encryption::Off,
            (_, Encryption::Kms { data_key_reuse_period: period, .. }) => *period = reuse.unwrap_or(*period),
            (_, Encryption::Off | Encryption::SqsManaged) => {}
        }
        Ok(())
    }

    /// The value of an attribute as GetQueueAttributes returns it.
    pub fn get(&self, name: &str) -> Option<String> {
        let kms = match &self.encryption {
            Encryption::Kms { key_id, data_key_reuse_period } => Some((key_id, data_key_reuse_period)),
            Encryption::Off | Encryption::SqsManaged => None,
        };
        match name {
            "VisibilityTimeout" => Some(self.visibility_timeout.to_string()),
            "MessageRetentionPeriod" => Some(self.retention_period.to_string()),
            "DelaySeconds" => Some(self.delay.to_string()),
            "ReceiveMessageWaitTimeSeconds" => Some(self.receive_wait_time.to_string()),
            "MaximumMessageSize" => Some(self.max_message_size.to_string()),
            "Policy" => self.policy.as_ref().map(|policy| policy.text.to_string()),
            "RedrivePolicy" => self.redrive_policy.as_ref().map(RedrivePolicy::text),
            "RedriveAllowPolicy" => self.redrive_allow_policy.as_ref().map(|policy| policy.text().to_owned()),
            "FifoQueue" => self.fifo.map(|_| "true".to_owned()),
            "ContentBasedDeduplication" => self.fifo.map(|fifo| fifo.content_based_deduplication.to_string()),
            "DeduplicationScope" => self.fifo.map(|fifo| {
                match fifo.deduplication_scope {
                    DeduplicationScope::Queue => "queue",
                    DeduplicationScope::MessageGroup => "messageGroup",
                }
                .to_owned()
            }),
            "FifoThroughputLimit" => self.fifo.map(|fifo| {
                match fifo.throughput_limit {
                    ThroughputLimit::PerQueue => "perQueue",
                    ThroughputLimit::PerMessageGroup => "perMessageGroupId",
                }
                .to_owned()
            }),
            "KmsMasterKeyId" => kms.map(|(key_id, _)| key_id.clone()),
            "KmsDataKeyReusePeriodSeconds" => kms.map(|(_, period)| period.to_string()),
            "SqsManagedSseEnabled" => Some((self.encryption == Encryption::SqsManaged).to_string()),
            _ => None,
        }
    }

    /// Whether an attribute has the same value in both, as CreateQueue compares them for a queue that exists.
    pub fn has_same(&self, other: &Settings, name: &str) -> bool {
        match name {
            "RedrivePolicy" => self.redrive_policy == other.redrive_policy,
            "RedriveAllowPolicy" => self.redrive_allow_policy == other.redrive_allow_policy,
            _ => self.get(name) == other.get(name),
        }
    }
}

fn number(name: &str, text: &str, range: &RangeInclusive<u32>) -> Result<u32, Fault> {
    let number = text.trim().parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| faults::invalid_attribute(name))
}

/// AWS: `True` and `False`, as Python prints them, are accepted (recorded).
fn boolean(name: &str, text: &str) -> Result<bool, Fault> {
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(faults::invalid_attribute(name))
    }
}
