//! The attributes of a topic, by name.
//! <https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html>

use crate::{
    delivery_policy::{self, DeliveryPolicy, PolicyOwner},
    json, limits,
    policy::TopicPolicy,
    signing::SignatureVersion,
    state::{FifoAttributes, ThroughputScope, Topic},
};
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_shape::{Map, TimestampFormat};
use serde_json::json;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Creation,
    Change,
}

/// Why an attribute cannot be set. The message lacks `Invalid parameter: `.
pub enum AttributeError {
    UnknownName,
    InvalidValue(String),
}

fn invalid(why: impl Into<String>) -> AttributeError {
    AttributeError::InvalidValue(why.into())
}

/// `HTTPSuccessFeedbackRoleArn`, `SQSSuccessFeedbackSampleRate` and their like.
fn is_feedback(name: &str) -> bool {
    let protocols = ["HTTP", "Firehose", "Lambda", "Application", "SQS"];
    let tails = ["SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn"];
    protocols.iter().any(|protocol| name.strip_prefix(protocol).is_some_and(|tail| tails.contains(&tail)))
}

pub fn set(topic: &mut Topic, name: &str, value: &str, stage: Stage, now: Timestamp) -> Result<(), AttributeError> {
    let refused = || invalid(name);
    match name {
        "DisplayName" if value.chars().count() <= limits::DISPLAY_NAME => value.clone_into(&mut topic.display_name),
        "DisplayName" => return Err(refused()),
        "Policy" if value.is_empty() => topic.policy = TopicPolicy::of_new_topic(&topic.arn).map_err(|_| refused())?,
        "Policy" => {
            let read = TopicPolicy::read(value);
            topic.policy = read.map_err(|fault| invalid(fault.message().trim_start_matches("Invalid parameter: ")))?;
        }
        "DeliveryPolicy" if value.is_empty() => topic.delivery_policy = None,
        "DeliveryPolicy" => topic.delivery_policy = Some(DeliveryPolicy::parse(value, PolicyOwner::Topic).map_err(AttributeError::InvalidValue)?),
        "FifoTopic" if stage == Stage::Creation => drop(boolean(value).ok_or_else(refused)?),
        "ContentBasedDeduplication" => {
            let wanted = boolean(value).ok_or_else(refused)?;
            fifo(topic)?.content_based_deduplication = wanted;
        }
        "FifoThroughputScope" => {
            let scope = match value {
                "Topic" => ThroughputScope::Topic,
                "MessageGroup" => ThroughputScope::MessageGroup,
                _ => return Err(refused()),
            };
            fifo(topic)?.throughput_scope = Some(scope);
        }
        "KmsMasterKeyId" => topic.kms_key = Some(value.to_owned()).filter(|key| !key.is_empty()),
        // AWS: these two messages are in the rules of cdk-preflight, which were tried on it.
        "SignatureVersion" => {
            let version = SignatureVersion::read(value).ok_or_else(|| invalid("SignatureVersion: Invalid value. Must be 1 or 2."));
            topic.signature_version = Some(version?);
        }
        "TracingConfig" if matches!(value, "PassThrough" | "Active") => topic.tracing_config = Some(value.to_owned()),
        "TracingConfig" => return Err(invalid(format!("Invalid tracing config value: {value}"))),
        "MaximumMessageSize" => {
            let size = value.parse().ok().filter(|size| limits::MESSAGE_SIZE.contains(size));
            topic.maximum_message_size = Some(size.ok_or_else(refused)?);
        }
        "ArchivePolicy" => archive(topic, value, now)?,
        _ if is_feedback(name) => feedback(topic, name, value)?,
        _ => return Err(AttributeError::UnknownName),
    }
    Ok(())
}

fn fifo(topic: &mut Topic) -> Result<&mut FifoAttributes, AttributeError> {
    // AWS: unverified.
    topic.fifo.as_mut().ok_or(AttributeError::UnknownName)
}

fn boolean(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

/// `{"MessageRetentionPeriod": "30"}`, or `{}` to end it.
fn archive(topic: &mut Topic, value: &str, now: Timestamp) -> Result<(), AttributeError> {
    fifo(topic)?;
    let map = if value.is_empty() { serde_json::Map::new() } else { json::object(value).map_err(|why| invalid(format!("ArchivePolicy: {why}")))? };
    let Some(days) = map.get("MessageRetentionPeriod") else {
        if !map.is_empty() {
            return Err(invalid("ArchivePolicy: MessageRetentionPeriod is expected"));
        }
        (topic.archive_days, topic.archive_begins) = (None, None);
        return Ok(());
    };
    let days = days.as_str().and_then(|days| days.parse().ok()).or_else(|| days.as_u64().and_then(|days| u32::try_from(days).ok()));
    let days = days.filter(|days| limits::ARCHIVE_DAYS.contains(days));
    // AWS: the message was recorded by cdk-preflight (`rules/sns/pf-sns-fifo-only-attributes`).
    topic.archive_days = Some(days.ok_or_else(|| invalid("ArchivePolicy: MessageRetentionPeriod value is invalid"))?);
    topic.archive_begins = topic.archive_begins.or(Some(now));
    Ok(())
}

/// Checks a delivery status attribute of a topic or an application.
/// AWS: in the tests of module-ballerinax-aws.sns, which run against it, and known to terraform-provider-aws.
pub fn check_feedback(name: &str, value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Ok(());
    }
    if name.ends_with("SampleRate") {
        let is_valid = value.parse::<u32>().is_ok_and(|rate| rate <= 100);
        return if is_valid { Ok(()) } else { Err(format!("{value} value provided is not an integer between 0-100")) };
    }
    let is_valid = Arn::parse(value).is_some_and(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"));
    if is_valid { Ok(()) } else { Err(format!("{value} is not a valid role to allow SNS to write to Cloudwatch Logs")) }
}

fn feedback(topic: &mut Topic, name: &str, value: &str) -> Result<(), AttributeError> {
    check_feedback(name, value).map_err(|why| invalid(format!("{name}: {why}")))?;
    if value.is_empty() {
        topic.feedback.remove(name);
    } else {
        topic.feedback.insert(name.to_owned(), value.to_owned());
    }
    Ok(())
}

/// The answer of GetTopicAttributes. `subscriptions`: how many are confirmed, and how many are pending.
pub fn all(topic: &Topic, subscriptions: (usize, usize)) -> Map<String> {
    let mut all = topic.feedback.clone();
    let mut show = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            all.insert(name.to_owned(), value);
        }
    };
    show("TopicArn", Some(topic.arn.to_string()));
    show("Owner", Some(topic.owner.to_string()));
    show("DisplayName", Some(topic.display_name.clone()));
    show("Policy", Some(topic.policy.policy.text.to_string()));
    show("SubscriptionsConfirmed", Some(subscriptions.0.to_string()));
    show("SubscriptionsPending", Some(subscriptions.1.to_string()));
    show("SubscriptionsDeleted", Some(topic.subscriptions_deleted.to_string()));
    show("DeliveryPolicy", topic.delivery_policy.as_ref().map(|policy| policy.text(PolicyOwner::Topic)));
    show("EffectiveDeliveryPolicy", Some(delivery_policy::shown_of_topic(topic.delivery_policy.as_ref())));
    show("FifoTopic", topic.fifo.map(|_| "true".to_owned()));
    show("ContentBasedDeduplication", topic.fifo.map(|fifo| fifo.content_based_deduplication.to_string()));
    let scope = topic.fifo.and_then(|fifo| fifo.throughput_scope);
    show("FifoThroughputScope", scope.map(|scope| format!("{scope:?}")));
    show("KmsMasterKeyId", topic.kms_key.clone());
    show("SignatureVersion", topic.signature_version.map(|version| version.name().to_owned()));
    show("TracingConfig", topic.tracing_config.clone());
    show("MaximumMessageSize", topic.maximum_message_size.map(|size| size.to_string()));
    show("ArchivePolicy", topic.archive_days.map(|days| json!({ "MessageRetentionPeriod": days.to_string() }).to_string()));
    show("BeginningArchiveTime", topic.archive_begins.map(|begins| begins.text(TimestampFormat::DateTime)));
    all
}
