//! The attributes of a subscription, by name.
//! <https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html>

use crate::{
    delivery_policy::{self, DeliveryPolicy, PolicyOwner},
    filter::{FilterPolicy, FilterScope},
    json,
    state::{Confirmation, Protocol, RedrivePolicy, Replay, ReplayStatus, Subscription, SubscriptionAttributes, Topic},
    topic_attributes::AttributeError,
};
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_shape::{Map, TimestampFormat};

/// What the attributes of a subscription depend on.
pub struct AttributeContext<'a> {
    pub topic: &'a Topic,
    pub protocol: Protocol,
    pub endpoint: &'a str,
}

fn invalid(why: impl Into<String>) -> AttributeError {
    AttributeError::InvalidValue(why.into())
}

pub fn set(attributes: &mut SubscriptionAttributes, name: &str, value: &str, context: &AttributeContext<'_>) -> Result<(), AttributeError> {
    match name {
        "RawMessageDelivery" => attributes.raw_message_delivery = raw_message_delivery(value, context)?,
        "FilterPolicyScope" => {
            let refusal = || invalid(format!("FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"));
            let scope = FilterScope::read(value).ok_or_else(refusal)?;
            if let Some(filter) = &attributes.filter_policy {
                attributes.filter_policy = Some(FilterPolicy::parse(filter.text(), scope).map_err(AttributeError::InvalidValue)?);
            }
            attributes.filter_policy_scope = Some(scope);
        }
        "FilterPolicy" if value.is_empty() || value == "{}" => attributes.filter_policy = None,
        "FilterPolicy" => {
            attributes.filter_policy =
                Some(FilterPolicy::parse(value, attributes.filter_policy_scope.unwrap_or_default()).map_err(AttributeError::InvalidValue)?)
        }
        "DeliveryPolicy" if value.is_empty() => attributes.delivery_policy = None,
        "DeliveryPolicy" => {
            attributes.delivery_policy = Some(DeliveryPolicy::parse(value, PolicyOwner::Subscription).map_err(AttributeError::InvalidValue)?)
        }
        "RedrivePolicy" if value.is_empty() => attributes.redrive_policy = None,
        "RedrivePolicy" => attributes.redrive_policy = redrive_policy(value, context)?,
        "SubscriptionRoleArn" => {
            let role = Arn::parse(value).filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"));
            // AWS: unverified message.
            attributes.role = Some(role.ok_or_else(|| invalid("SubscriptionRoleArn"))?.to_string());
        }
        "ReplayPolicy" if value.is_empty() || value == "{}" => attributes.replay = None,
        "ReplayPolicy" => {
            if context.topic.archive_days.is_none() {
                // AWS: unverified message.
                return Err(invalid("ReplayPolicy: the topic has no ArchivePolicy"));
            }
            attributes.replay = Some(replay_policy(value)?);
        }
        _ => return Err(AttributeError::UnknownName),
    }
    Ok(())
}

fn raw_message_delivery(value: &str, context: &AttributeContext<'_>) -> Result<bool, AttributeError> {
    let wanted = match value.to_ascii_lowercase().as_str() {
        "true" => true,
        "false" => false,
        _ => return Err(invalid(format!("RawMessageDelivery: Invalid value [{value}]. Must be true or false."))),
    };
    let is_supported = context.protocol.is_http() || matches!(context.protocol, Protocol::Sqs | Protocol::Firehose);
    if wanted && !is_supported {
        // AWS: recorded by cdk-preflight (`rules/sns/pf-sns-raw-message-delivery`), and in module-ballerinax-aws.sns.
        let protocol = context.protocol.name();
        return Err(invalid(format!("Delivery protocol [{protocol}] does not support raw message delivery.")));
    }
    Ok(wanted)
}

/// <https://docs.aws.amazon.com/sns/latest/dg/sns-configure-dead-letter-queue.html>
/// AWS: the messages are those in the rules of cdk-preflight (`rules/sns/pf-sns-subscription-redrive`), which were tried on it.
fn redrive_policy(value: &str, context: &AttributeContext<'_>) -> Result<Option<RedrivePolicy>, AttributeError> {
    let map = json::object(value).map_err(|why| invalid(format!("RedrivePolicy: {why}")))?;
    if map.is_empty() {
        return Ok(None);
    }
    check_members("RedrivePolicy", &map, &["deadLetterTargetArn"])?;
    let target = map.get("deadLetterTargetArn").ok_or_else(|| invalid("RedrivePolicy: Missing deadLetterTargetArn attribute"))?;
    let target = target.as_str().and_then(Arn::parse).filter(|arn| arn.scope().is_some());
    let target = target.ok_or_else(|| invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn"))?;
    if target.service() != "sqs" {
        return Err(invalid("RedrivePolicy: deadLetterTargetArn must be a SQS queue"));
    }
    if target.region() != context.topic.arn.region() {
        return Err(invalid("RedrivePolicy: deadLetterTargetArn must be in the same region as the subscription"));
    }
    let fifo = context.topic.is_fifo() && context.endpoint.ends_with(".fifo");
    if fifo && !target.resource().ends_with(".fifo") {
        return Err(invalid("RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."));
    }
    if !context.topic.is_fifo() && target.resource().ends_with(".fifo") {
        // AWS: unverified message.
        return Err(invalid("RedrivePolicy: must use a standard queue as DLQ for a Subscription to a Standard Topic."));
    }
    Ok(Some(RedrivePolicy { text: value.to_owned(), dead_letter_target: target }))
}

fn check_members(policy: &str, map: &serde_json::Map<String, serde_json::Value>, known: &[&str]) -> Result<(), AttributeError> {
    match map.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(invalid(format!("{policy}: invalid JSON. Attribute {name} is unknown."))),
        None => Ok(()),
    }
}

/// AWS: unverified messages.
fn replay_policy(text: &str) -> Result<Replay, AttributeError> {
    let map = json::object(text).map_err(|why| invalid(format!("ReplayPolicy: {why}")))?;
    check_members("ReplayPolicy", &map, &["PointType", "StartingPoint", "EndingPoint"])?;
    if map.get("PointType").and_then(|kind| kind.as_str()) != Some("Timestamp") {
        return Err(invalid("ReplayPolicy: PointType must be Timestamp"));
    }
    let point = |name: &str| {
        let Some(value) = map.get(name) else { return Ok(None) };
        let read = value.as_str().and_then(|text| Timestamp::parse(text, TimestampFormat::DateTime));
        read.map(Some).ok_or_else(|| invalid(format!("ReplayPolicy: {name} must be a timestamp")))
    };
    let starting_point = point("StartingPoint")?.ok_or_else(|| invalid("ReplayPolicy: StartingPoint is required"))?;
    let ending_point = point("EndingPoint")?;
    if ending_point.is_some_and(|end| end <= starting_point) {
        return Err(invalid("ReplayPolicy: EndingPoint must be later than StartingPoint"));
    }
    Ok(Replay { text: text.to_owned(), starting_point, ending_point, status: ReplayStatus::Pending, last_replayed: 0 })
}

/// The answer of GetSubscriptionAttributes.
pub fn all(subscription: &Subscription, topic: Option<&Topic>) -> Map<String> {
    let attributes = &subscription.attributes;
    let mut all = Map::new();
    let mut show = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            all.insert(name.to_owned(), value);
        }
    };
    show("SubscriptionArn", Some(subscription.arn.to_string()));
    show("TopicArn", Some(subscription.topic.to_string()));
    show("Owner", Some(subscription.owner.to_string()));
    show("SubscriptionPrincipal", Some(subscription.principal.clone()));
    show("Protocol", Some(subscription.protocol.name().to_owned()));
    show("Endpoint", Some(subscription.endpoint.clone()));
    show("PendingConfirmation", Some((!subscription.is_confirmed()).to_string()));
    show("ConfirmationWasAuthenticated", Some((subscription.confirmation == Confirmation::Authenticated).to_string()));
    show("RawMessageDelivery", Some(attributes.raw_message_delivery.to_string()));
    show("FilterPolicy", attributes.filter_policy.as_ref().map(|filter| filter.text().to_owned()));
    show("FilterPolicyScope", attributes.filter_policy.as_ref().map(|filter| filter.scope().name().to_owned()));
    show("RedrivePolicy", attributes.redrive_policy.as_ref().map(|policy| policy.text.clone()));
    show("SubscriptionRoleArn", attributes.role.clone());
    show("DeliveryPolicy", attributes.delivery_policy.as_ref().map(|policy| policy.text(PolicyOwner::Subscription)));
    if subscription.protocol.is_http() {
        let topics = topic.and_then(|topic| topic.delivery_policy.as_ref());
        show("EffectiveDeliveryPolicy", Some(delivery_policy::shown_of_subscription(topics, attributes.delivery_policy.as_ref())));
    }
    show("ReplayPolicy", attributes.replay.as_ref().map(|replay| replay.text.clone()));
    show(
        "ReplayStatus",
        attributes.replay.as_ref().map(|replay| {
            match replay.status {
                ReplayStatus::Pending => "Pending",
                ReplayStatus::InProgress => "In progress",
                ReplayStatus::Completed => "Completed",
            }
            .to_owned()
        }),
    );
    all
}
