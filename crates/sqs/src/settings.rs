//! A queue's attributes as rules: what may be set, to what, on which kind of queue, and how each one reads.
//! Deliberately no state and no other queue: whether a dead-letter queue exists is asked elsewhere.

use crate::{
    addresses::Kind,
    faults, limits,
    policy::QueuePolicy,
    redrive::{AllowPolicy, RedrivePolicy},
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_shape::Map;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Seconds, all of them.
    pub visibility: u32,
    pub retention: u32,
    pub delay: u32,
    pub wait: u32,
    /// Bytes.
    pub message_size: u32,
    pub fifo: Option<Fifo>,
    pub encryption: Encryption,
    pub policy: Option<QueuePolicy>,
    pub redrive: Option<RedrivePolicy>,
    pub allow: Option<AllowPolicy>,
}

/// What only a FIFO queue has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fifo {
    pub content_based: bool,
    pub scope: DeduplicationScope,
    pub throughput: ThroughputLimit,
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
    /// By a key of SQS: what new queues have.
    Managed,
    Kms {
        key: String,
        reuse: u32,
    },
}

/// Seconds for which SQS uses a data key again, unless said otherwise.
const KEY_REUSE: u32 = 300;

/// When attributes are given: some may be said only once, or only later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Creation,
    Change,
}

/// What GetQueueAttributes computes.
pub const COMPUTED: &[&str] = &[
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

/// What can be set.
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
            visibility: 30,
            retention: 345_600,
            delay: 0,
            wait: 0,
            message_size: *limits::MESSAGE_SIZE.end(),
            fifo: (kind == Kind::Fifo).then_some(Fifo {
                content_based: false,
                scope: DeduplicationScope::Queue,
                throughput: ThroughputLimit::PerQueue,
            }),
            encryption: Encryption::Managed,
            policy: None,
            redrive: None,
            allow: None,
        }
    }

    pub fn kind(&self) -> Kind {
        if self.fifo.is_some() { Kind::Fifo } else { Kind::Standard }
    }

    /// The kind of queue that a creation's attributes ask for.
    pub fn kind_wanted(given: &Map<String>) -> Result<Kind, Fault> {
        match given.get("FifoQueue") {
            None => Ok(Kind::Standard),
            Some(text) if boolean("FifoQueue", text)? => Ok(Kind::Fifo),
            // AWS: a standard queue does not even know the attribute (recorded).
            Some(_) => Err(faults::unknown_attribute("FifoQueue")),
        }
    }

    /// These settings with the given attributes, all checked.
    pub fn with(&self, given: &Map<String>, stage: Stage, arn: &Arn) -> Result<Settings, Fault> {
        let mut settings = self.clone();
        for (name, value) in given {
            settings.set(name, value, stage, arn)?;
        }
        settings.encrypt(given)?;
        if let Some(Fifo { scope: DeduplicationScope::Queue, throughput: ThroughputLimit::PerMessageGroup, .. }) = settings.fifo {
            // AWS: unverified sentence; the rule is https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
            return Err(faults::INVALID_ATTRIBUTE_VALUE
                .says("The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup."));
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str, stage: Stage, arn: &Arn) -> Result<(), Fault> {
        match name {
            "VisibilityTimeout" => self.visibility = number(name, value, &limits::VISIBILITY)?,
            "MessageRetentionPeriod" => self.retention = number(name, value, &limits::RETENTION)?,
            "DelaySeconds" => self.delay = number(name, value, &limits::DELAY)?,
            "ReceiveMessageWaitTimeSeconds" => self.wait = number(name, value, &limits::WAIT)?,
            "MaximumMessageSize" => self.message_size = number(name, value, &limits::MESSAGE_SIZE)?,
            "Policy" => self.policy = if value.is_empty() { None } else { Some(QueuePolicy::read(value, arn)?) },
            "RedrivePolicy" => self.redrive = if value.is_empty() { None } else { Some(RedrivePolicy::read(value)?) },
            "RedriveAllowPolicy" => self.allow = if value.is_empty() { None } else { Some(AllowPolicy::read(value)?) },
            "FifoQueue" => self.fifo_queue(value, stage)?,
            "ContentBasedDeduplication" => {
                let fifo = self.fifo.as_mut().ok_or_else(|| faults::unknown_attribute(name))?;
                fifo.content_based = boolean(name, value)?;
            }
            "DeduplicationScope" => {
                let fifo = self.fifo_only(name)?;
                fifo.scope = match value {
                    "queue" => DeduplicationScope::Queue,
                    "messageGroup" => DeduplicationScope::MessageGroup,
                    _ => return Err(faults::invalid_attribute(name)),
                }
            }
            "FifoThroughputLimit" => {
                let fifo = self.fifo_only(name)?;
                fifo.throughput = match value {
                    "perQueue" => ThroughputLimit::PerQueue,
                    "perMessageGroupId" => ThroughputLimit::PerMessageGroup,
                    _ => return Err(faults::invalid_attribute(name)),
                }
            }
            // The three together, in `encrypt`.
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

    /// One kind of encryption at a time: setting one ends the other.
    fn encrypt(&mut self, given: &Map<String>) -> Result<(), Fault> {
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
                // AWS: unverified sentence; the rule is https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
                return Err(faults::INVALID_ATTRIBUTE_VALUE
                    .says("You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."));
            }
            Some(key) => {
                let before = match &self.encryption {
                    Encryption::Kms { reuse, .. } => *reuse,
                    Encryption::Off | Encryption::Managed => KEY_REUSE,
                };
                self.encryption = Encryption::Kms { key: key.to_owned(), reuse: before };
            }
            None => {}
        }
        match (managed, &mut self.encryption) {
            (Some(true), _) => self.encryption = Encryption::Managed,
            (Some(false), Encryption::Managed) => self.encryption = Encryption::Off,
            (_, Encryption::Kms { reuse: period, .. }) => *period = reuse.unwrap_or(*period),
            (_, Encryption::Off | Encryption::Managed) => {}
        }
        Ok(())
    }

    /// An attribute as GetQueueAttributes shows it; nothing where this queue has none.
    pub fn get(&self, name: &str) -> Option<String> {
        let kms = match &self.encryption {
            Encryption::Kms { key, reuse } => Some((key, reuse)),
            Encryption::Off | Encryption::Managed => None,
        };
        match name {
            "VisibilityTimeout" => Some(self.visibility.to_string()),
            "MessageRetentionPeriod" => Some(self.retention.to_string()),
            "DelaySeconds" => Some(self.delay.to_string()),
            "ReceiveMessageWaitTimeSeconds" => Some(self.wait.to_string()),
            "MaximumMessageSize" => Some(self.message_size.to_string()),
            "Policy" => self.policy.as_ref().map(|policy| policy.text().to_owned()),
            "RedrivePolicy" => self.redrive.as_ref().map(RedrivePolicy::shown),
            "RedriveAllowPolicy" => self.allow.as_ref().map(|policy| policy.text().to_owned()),
            "FifoQueue" => self.fifo.map(|_| "true".to_owned()),
            "ContentBasedDeduplication" => self.fifo.map(|fifo| fifo.content_based.to_string()),
            "DeduplicationScope" => self.fifo.map(|fifo| {
                match fifo.scope {
                    DeduplicationScope::Queue => "queue",
                    DeduplicationScope::MessageGroup => "messageGroup",
                }
                .to_owned()
            }),
            "FifoThroughputLimit" => self.fifo.map(|fifo| {
                match fifo.throughput {
                    ThroughputLimit::PerQueue => "perQueue",
                    ThroughputLimit::PerMessageGroup => "perMessageGroupId",
                }
                .to_owned()
            }),
            "KmsMasterKeyId" => kms.map(|(key, _)| key.clone()),
            "KmsDataKeyReusePeriodSeconds" => kms.map(|(_, reuse)| reuse.to_string()),
            "SqsManagedSseEnabled" => Some((self.encryption == Encryption::Managed).to_string()),
            _ => None,
        }
    }

    /// Whether an attribute says the same in both: what a creation that finds its queue there already compares.
    pub fn agrees(&self, other: &Settings, name: &str) -> bool {
        match name {
            "RedrivePolicy" => self.redrive == other.redrive,
            "RedriveAllowPolicy" => self.allow == other.allow,
            _ => self.get(name) == other.get(name),
        }
    }
}

fn number(name: &str, text: &str, range: &RangeInclusive<u32>) -> Result<u32, Fault> {
    let number = text.trim().parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| faults::invalid_attribute(name))
}

/// AWS: `True` and `False`, as Python prints them, are taken too (recorded).
fn boolean(name: &str, text: &str) -> Result<bool, Fault> {
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(faults::invalid_attribute(name))
    }
}
