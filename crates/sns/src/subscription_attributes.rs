//! The attributes of a subscription, by the names clients give them.
//! <https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html>

use crate::{
    archive,
    delivery_policy::{self, DeliveryPolicy, Whose},
    filter::{FilterPolicy, FilterScope},
    state::{Confirmation, Protocol, Redrive, ReplayStatus, Settings, Subscription, Topic},
    topic_attributes::Trouble,
};
use cloudlet_aws::Arn;
use cloudlet_shape::Map;

/// What a setting is held against.
pub struct Surroundings<'a> {
    pub topic: &'a Topic,
    pub protocol: Protocol,
    pub endpoint: &'a str,
}

fn wrong(why: impl Into<String>) -> Trouble {
    Trouble::Value(why.into())
}

pub fn set(settings: &mut Settings, name: &str, value: &str, around: &Surroundings<'_>) -> Result<(), Trouble> {
    match name {
        "RawMessageDelivery" => settings.raw = raw(value, around)?,
        "FilterPolicyScope" => {
            let refusal = || wrong(format!("FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"));
            let scope = FilterScope::read(value).ok_or_else(refusal)?;
            if let Some(filter) = &settings.filter {
                settings.filter = Some(FilterPolicy::read(filter.text(), scope).map_err(Trouble::Value)?);
            }
            settings.scope = Some(scope);
        }
        "FilterPolicy" if value.is_empty() || value == "{}" => settings.filter = None,
        "FilterPolicy" => settings.filter = Some(FilterPolicy::read(value, settings.scope.unwrap_or_default()).map_err(Trouble::Value)?),
        "DeliveryPolicy" if value.is_empty() => settings.delivery = None,
        "DeliveryPolicy" => settings.delivery = Some(DeliveryPolicy::read(value, Whose::Subscription).map_err(Trouble::Value)?),
        "RedrivePolicy" if value.is_empty() => settings.redrive = None,
        "RedrivePolicy" => settings.redrive = redrive(value, around)?,
        "SubscriptionRoleArn" => {
            let role = Arn::parse(value).filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"));
            // AWS: unverified sentence.
            settings.role = Some(role.ok_or_else(|| wrong("SubscriptionRoleArn"))?.to_string());
        }
        "ReplayPolicy" if value.is_empty() || value == "{}" => settings.replay = None,
        "ReplayPolicy" => {
            if around.topic.archive.is_none() {
                // AWS: unverified sentence.
                return Err(wrong("ReplayPolicy: the topic has no ArchivePolicy"));
            }
            settings.replay = Some(archive::read(value).map_err(Trouble::Value)?);
        }
        _ => return Err(Trouble::Name),
    }
    Ok(())
}

fn raw(value: &str, around: &Surroundings<'_>) -> Result<bool, Trouble> {
    let wanted = match value.to_ascii_lowercase().as_str() {
        "true" => true,
        "false" => false,
        _ => return Err(wrong(format!("RawMessageDelivery: Invalid value [{value}]. Must be true or false."))),
    };
    let able = around.protocol.is_http() || matches!(around.protocol, Protocol::Sqs | Protocol::Firehose);
    if wanted && !able {
        // AWS: recorded by cdk-preflight (`rules/sns/pf-sns-raw-message-delivery`), and in module-ballerinax-aws.sns.
        let protocol = around.protocol.name();
        return Err(wrong(format!("Delivery protocol [{protocol}] does not support raw message delivery.")));
    }
    Ok(wanted)
}

/// <https://docs.aws.amazon.com/sns/latest/dg/sns-configure-dead-letter-queue.html>
/// AWS: the sentences are those of the rules of cdk-preflight (`rules/sns/pf-sns-subscription-redrive`), which were tried on it.
fn redrive(value: &str, around: &Surroundings<'_>) -> Result<Option<Redrive>, Trouble> {
    let map = delivery_policy::object(value).map_err(|why| wrong(format!("RedrivePolicy: {why}")))?;
    if map.is_empty() {
        return Ok(None);
    }
    let target = map.get("deadLetterTargetArn").ok_or_else(|| wrong("RedrivePolicy: Missing deadLetterTargetArn attribute"))?;
    let target = target.as_str().and_then(Arn::parse).filter(|arn| arn.scope().is_some());
    let target = target.ok_or_else(|| wrong("RedrivePolicy: deadLetterTargetArn is an invalid arn"))?;
    if target.service() != "sqs" {
        return Err(wrong("RedrivePolicy: deadLetterTargetArn must be a SQS queue"));
    }
    if target.region() != around.topic.arn.region() {
        return Err(wrong("RedrivePolicy: deadLetterTargetArn must be in the same region as the subscription"));
    }
    let fifo = around.topic.is_fifo() && around.endpoint.ends_with(".fifo");
    if fifo && !target.resource().ends_with(".fifo") {
        return Err(wrong("RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."));
    }
    if !around.topic.is_fifo() && target.resource().ends_with(".fifo") {
        // AWS: unverified sentence.
        return Err(wrong("RedrivePolicy: must use a standard queue as DLQ for a Subscription to a Standard Topic."));
    }
    Ok(Some(Redrive { text: value.to_owned(), target }))
}

/// All that GetSubscriptionAttributes shows.
pub fn all(subscription: &Subscription, topic: Option<&Topic>) -> Map<String> {
    let settings = &subscription.settings;
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
    show("RawMessageDelivery", Some(settings.raw.to_string()));
    show("FilterPolicy", settings.filter.as_ref().map(|filter| filter.text().to_owned()));
    show("FilterPolicyScope", settings.filter.as_ref().map(|filter| filter.scope().name().to_owned()));
    show("RedrivePolicy", settings.redrive.as_ref().map(|redrive| redrive.text.clone()));
    show("SubscriptionRoleArn", settings.role.clone());
    show("DeliveryPolicy", settings.delivery.as_ref().map(|policy| policy.text(Whose::Subscription)));
    if subscription.protocol.is_http() {
        let topics = topic.and_then(|topic| topic.delivery.as_ref());
        show("EffectiveDeliveryPolicy", Some(delivery_policy::shown_of_subscription(topics, settings.delivery.as_ref())));
    }
    show("ReplayPolicy", settings.replay.as_ref().map(|replay| replay.text.clone()));
    show(
        "ReplayStatus",
        settings.replay.as_ref().map(|replay| {
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
