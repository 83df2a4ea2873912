//! The attributes of a topic, by the names clients give them.
//! <https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html>

use crate::{
    delivery_policy::{self, DeliveryPolicy, Whose},
    limits,
    policy::TopicPolicy,
    signing::SignatureVersion,
    state::{Fifo, ThroughputScope, Topic},
};
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_shape::{Map, TimestampFormat};
use serde_json::json;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Creation,
    Change,
}

/// What is wrong: with the name, or with the value and why.
pub enum Trouble {
    Name,
    Value(String),
}

fn wrong(why: impl Into<String>) -> Trouble {
    Trouble::Value(why.into())
}

/// `HTTPSuccessFeedbackRoleArn`, `SQSSuccessFeedbackSampleRate` and their like.
fn is_feedback(name: &str) -> bool {
    let protocols = ["HTTP", "Firehose", "Lambda", "Application", "SQS"];
    let tails = ["SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn"];
    protocols.iter().any(|protocol| name.strip_prefix(protocol).is_some_and(|tail| tails.contains(&tail)))
}

pub fn set(topic: &mut Topic, name: &str, value: &str, stage: Stage, now: Timestamp) -> Result<(), Trouble> {
    let refused = || wrong(name);
    match name {
        "DisplayName" if value.chars().count() <= limits::DISPLAY_NAME => value.clone_into(&mut topic.display_name),
        "DisplayName" => return Err(refused()),
        "Policy" if value.is_empty() => topic.policy = TopicPolicy::of_new_topic(&topic.arn).map_err(|_| refused())?,
        "Policy" => {
            let read = TopicPolicy::read(value, &topic.arn);
            topic.policy = read.map_err(|fault| wrong(fault.message().trim_start_matches("Invalid parameter: ")))?;
        }
        "DeliveryPolicy" if value.is_empty() => topic.delivery = None,
        "DeliveryPolicy" => topic.delivery = Some(DeliveryPolicy::read(value, Whose::Topic).map_err(Trouble::Value)?),
        "FifoTopic" if stage == Stage::Creation => drop(boolean(value).ok_or_else(refused)?),
        "ContentBasedDeduplication" => {
            let wanted = boolean(value).ok_or_else(refused)?;
            fifo(topic)?.content_based = wanted;
        }
        "FifoThroughputScope" => {
            let scope = match value {
                "Topic" => ThroughputScope::Topic,
                "MessageGroup" => ThroughputScope::MessageGroup,
                _ => return Err(refused()),
            };
            fifo(topic)?.scope = Some(scope);
        }
        "KmsMasterKeyId" => topic.kms_key = Some(value.to_owned()).filter(|key| !key.is_empty()),
        // AWS: these two sentences are in the rules of cdk-preflight, which were tried on it.
        "SignatureVersion" => {
            let version = SignatureVersion::read(value).ok_or_else(|| wrong("SignatureVersion: Invalid value. Must be 1 or 2."));
            topic.signature = Some(version?);
        }
        "TracingConfig" if matches!(value, "PassThrough" | "Active") => topic.tracing = Some(value.to_owned()),
        "TracingConfig" => return Err(wrong(format!("Invalid tracing config value: {value}"))),
        "MaximumMessageSize" => {
            let size = value.parse().ok().filter(|size| limits::MESSAGE_SIZE.contains(size));
            topic.message_size = Some(size.ok_or_else(refused)?);
        }
        "ArchivePolicy" => archive(topic, value, now)?,
        _ if is_feedback(name) => feedback(topic, name, value)?,
        _ => return Err(Trouble::Name),
    }
    Ok(())
}

fn fifo(topic: &mut Topic) -> Result<&mut Fifo, Trouble> {
    // AWS: unverified; the name is one that a standard topic does not have.
    topic.fifo.as_mut().ok_or(Trouble::Name)
}

fn boolean(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

/// `{"MessageRetentionPeriod": "30"}`, or `{}` to end it.
fn archive(topic: &mut Topic, value: &str, now: Timestamp) -> Result<(), Trouble> {
    fifo(topic)?;
    let map = if value.is_empty() {
        serde_json::Map::new()
    } else {
        delivery_policy::object(value).map_err(|why| wrong(format!("ArchivePolicy: {why}")))?
    };
    let Some(days) = map.get("MessageRetentionPeriod") else {
        if !map.is_empty() {
            return Err(wrong("ArchivePolicy: MessageRetentionPeriod is expected"));
        }
        (topic.archive, topic.archive_since) = (None, None);
        return Ok(());
    };
    let days = days.as_str().and_then(|days| days.parse().ok()).or_else(|| days.as_u64().and_then(|days| u32::try_from(days).ok()));
    let days = days.filter(|days| limits::ARCHIVE_DAYS.contains(days));
    // AWS: the sentence was recorded by cdk-preflight (`rules/sns/pf-sns-fifo-only-attributes`).
    topic.archive = Some(days.ok_or_else(|| wrong("ArchivePolicy: MessageRetentionPeriod value is invalid"))?);
    topic.archive_since = topic.archive_since.or(Some(now));
    Ok(())
}

/// What is wrong with an attribute that says how deliveries are logged, of a topic or of an application.
/// AWS: in the tests of module-ballerinax-aws.sns, which run against it, and known to terraform-provider-aws.
pub fn check_feedback(name: &str, value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Ok(());
    }
    if name.ends_with("SampleRate") {
        let well = value.parse::<u32>().is_ok_and(|rate| rate <= 100);
        return if well { Ok(()) } else { Err(format!("{value} value provided is not an integer between 0-100")) };
    }
    let well = Arn::parse(value).is_some_and(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"));
    if well { Ok(()) } else { Err(format!("{value} is not a valid role to allow SNS to write to Cloudwatch Logs")) }
}

fn feedback(topic: &mut Topic, name: &str, value: &str) -> Result<(), Trouble> {
    check_feedback(name, value).map_err(|why| wrong(format!("{name}: {why}")))?;
    if value.is_empty() {
        topic.feedback.remove(name);
    } else {
        topic.feedback.insert(name.to_owned(), value.to_owned());
    }
    Ok(())
}

/// All that GetTopicAttributes shows. `subscriptions`: how many are confirmed, and how many pend.
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
    show("Policy", Some(topic.policy.text().to_owned()));
    show("SubscriptionsConfirmed", Some(subscriptions.0.to_string()));
    show("SubscriptionsPending", Some(subscriptions.1.to_string()));
    show("SubscriptionsDeleted", Some(topic.deleted.to_string()));
    show("DeliveryPolicy", topic.delivery.as_ref().map(|policy| policy.text(Whose::Topic)));
    show("EffectiveDeliveryPolicy", Some(delivery_policy::shown_of_topic(topic.delivery.as_ref())));
    show("FifoTopic", topic.fifo.map(|_| "true".to_owned()));
    show("ContentBasedDeduplication", topic.fifo.map(|fifo| fifo.content_based.to_string()));
    let scope = topic.fifo.and_then(|fifo| fifo.scope);
    show("FifoThroughputScope", scope.map(|scope| format!("{scope:?}")));
    show("KmsMasterKeyId", topic.kms_key.clone());
    show("SignatureVersion", topic.signature.map(|version| version.name().to_owned()));
    show("TracingConfig", topic.tracing.clone());
    show("MaximumMessageSize", topic.message_size.map(|size| size.to_string()));
    show("ArchivePolicy", topic.archive.map(|days| json!({ "MessageRetentionPeriod": days.to_string() }).to_string()));
    show("BeginningArchiveTime", topic.archive_since.map(|since| since.text(TimestampFormat::DateTime)));
    all
}
