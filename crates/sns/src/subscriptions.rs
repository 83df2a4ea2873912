//! Subscriptions: created, shown, changed, listed, ended.

use crate::{
    Sns, access, arns,
    deliveries::is_chatbot,
    faults, limits, pages, phones,
    state::{Confirmation, MessageType, Protocol, State, Subscription, SubscriptionAttributes, Topic},
    subscription_attributes::{self, AttributeContext},
    topic_attributes::AttributeError,
};
use cloudlet_api_sns::{
    GetSubscriptionAttributes, GetSubscriptionAttributesInput, GetSubscriptionAttributesResponse, ListSubscriptions, ListSubscriptionsByTopic,
    ListSubscriptionsByTopicInput, ListSubscriptionsByTopicResponse, ListSubscriptionsInput, ListSubscriptionsResponse, SetSubscriptionAttributes,
    SetSubscriptionAttributesInput, Subscribe, SubscribeInput, SubscribeResponse, Subscription as Listed, Unsubscribe, UnsubscribeInput,
};
use cloudlet_aws::{Account, Arn, Caller, Fault, Identity};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, roles, without_password};
use cloudlet_shape::{Empty, Map};
use std::{ops::Bound, sync::Arc};

/// Answered instead of the ARN of a subscription that is not confirmed.
const PENDING: &str = "pending confirmation";

/// Checks an endpoint. Answers its account, if it is a resource of one.
fn endpoint(protocol: Protocol, endpoint: &str, topic: &Topic) -> Result<Option<Account>, Fault> {
    if topic.is_fifo() && protocol != Protocol::Sqs {
        // AWS: recorded by cdk-preflight (`rules/sns/pf-sns-fifo-topic-protocol`).
        return Err(faults::invalid(format_args!("Invalid protocol type: {}", protocol.name())));
    }
    let arn = |service: &str, message: &str| {
        let arn = Arn::parse(endpoint).filter(|arn| arn.service() == service && arn.scope().is_some());
        arn.ok_or_else(|| faults::invalid(message))
    };
    let arn = match protocol {
        Protocol::Http | Protocol::Https => {
            let rest = endpoint.strip_prefix(protocol.name()).and_then(|rest| rest.strip_prefix("://"));
            if rest.is_none_or(|rest| rest.is_empty() || rest.chars().any(|character| character.is_whitespace() || character.is_control())) {
                return Err(faults::invalid("Endpoint must match the specified protocol"));
            }
            return Ok(None);
        }
        Protocol::Email | Protocol::EmailJson => {
            let has_name_and_host = endpoint.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
            let is_plain = !endpoint.chars().any(|character| character.is_whitespace() || character.is_control());
            return if has_name_and_host && is_plain { Ok(None) } else { Err(faults::invalid("Email address")) };
        }
        Protocol::Sms => return phones::check_endpoint(endpoint).map(|()| None),
        Protocol::Sqs => {
            let queue = arn("sqs", "SQS endpoint ARN")?;
            if queue.resource().ends_with(".fifo") && !topic.is_fifo() {
                return Err(faults::invalid("Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"));
            }
            queue
        }
        Protocol::Lambda => arn("lambda", "Lambda endpoint ARN")?,
        Protocol::Firehose => arn("firehose", "Firehose endpoint ARN")?,
        // AWS: the message begins so in the tests of module-ballerinax-aws.sns; how it ends is unverified.
        Protocol::Application => arn("sns", &format!("Application endpoint arn invalid:{endpoint}"))?,
    };
    Ok(Account::parse(arn.account()))
}

/// The attributes of a new subscription.
fn attributes(given: &Map<String>, context: &AttributeContext<'_>) -> Result<SubscriptionAttributes, Fault> {
    let mut attributes = SubscriptionAttributes::default();
    // The scope first, since the policy is checked for it.
    let scope = given.get_key_value("FilterPolicyScope").into_iter();
    for (name, value) in scope.chain(given.iter().filter(|(name, _)| *name != "FilterPolicyScope")) {
        subscription_attributes::set(&mut attributes, name, value, context).map_err(|error| match error {
            // AWS: unverified message.
            AttributeError::UnknownName => faults::reason("Attributes", format_args!("Unknown attribute: {name}")),
            AttributeError::InvalidValue(why) => faults::reason("Attributes", why),
        })?;
    }
    if context.protocol == Protocol::Firehose && attributes.role.is_none() {
        // AWS: recorded by cdk-preflight (`rules/sns/pf-sns-firehose-subscription-role`).
        return Err(faults::invalid("Delivery protocol firehose can only be subscribed with subscription role arn"));
    }
    Ok(attributes)
}

/// AWS: subscribing again is no error if nothing differs of what is given.
fn check_same(existing: &Subscription, wanted: &Subscription, given: &Map<String>) -> Result<(), Fault> {
    let (is, should_be) = (subscription_attributes::all(existing, None), subscription_attributes::all(wanted, None));
    if given.iter().all(|(name, value)| value.is_empty() || is.get(name) == should_be.get(name)) {
        return Ok(());
    }
    Err(faults::reason("Attributes", "Subscription already exists with different attributes"))
}

/// Checks that a topic can have one more subscription.
fn check_limits(state: &State, topic: &Topic, wanted: &Subscription) -> Result<(), Fault> {
    let most = if topic.is_fifo() { limits::FIFO_SUBSCRIPTIONS } else { limits::STANDARD_SUBSCRIPTIONS };
    // They are counted only where there are enough.
    if state.subscriptions.len() >= most && state.subscriptions_of(&topic.arn, None).count() >= most {
        // AWS: unverified message.
        return Err(faults::SUBSCRIPTION_LIMIT_EXCEEDED.says("The maximum number of subscriptions for this topic has been reached."));
    }
    if topic.takes_large_messages() {
        check_large(state.subscriptions_of(&topic.arn, None).map(|subscription| subscription.protocol).chain([wanted.protocol]))?;
    }
    if wanted.attributes.filter_policy.is_some() { check_filters(state, &wanted.topic, wanted.owner) } else { Ok(()) }
}

/// A topic that takes large messages has few subscriptions, of protocols that can carry them.
/// AWS: unverified messages; the rules: <https://docs.aws.amazon.com/sns/latest/dg/large-message-payloads.html>
pub fn check_large(protocols: impl Iterator<Item = Protocol>) -> Result<(), Fault> {
    for (index, protocol) in protocols.enumerate() {
        if !matches!(protocol, Protocol::Sqs | Protocol::Lambda | Protocol::Firehose) {
            let message = format!("MaximumMessageSize Reason: above 256 KiB, protocol {} is not supported", protocol.name());
            return Err(faults::invalid(message));
        }
        if index >= limits::LARGE_SUBSCRIPTIONS {
            return Err(faults::reason("MaximumMessageSize", "above 256 KiB, a topic can have 100 subscriptions at most"));
        }
    }
    Ok(())
}

fn check_filters(state: &State, topic: &Arn, owner: Account) -> Result<(), Fault> {
    let filtered = |subscription: &&Arc<Subscription>| subscription.attributes.filter_policy.is_some();
    let of_topic = state.subscriptions_of(topic, None).filter(filtered).count();
    let of_account = || state.subscriptions.values().filter(|subscription| subscription.owner == owner).filter(filtered).count();
    let account_is_full = state.subscriptions.len() >= limits::FILTERS_OF_ACCOUNT && of_account() >= limits::FILTERS_OF_ACCOUNT;
    if of_topic >= limits::FILTERS_OF_TOPIC || account_is_full {
        // AWS: unverified message.
        return Err(faults::FILTER_POLICY_LIMIT_EXCEEDED.says("The maximum number of filter policies has been reached."));
    }
    Ok(())
}

/// AWS: for a role's session, the role.
fn principal(caller: &Caller) -> String {
    match &caller.identity {
        Identity::AssumedRole { role, .. } => role.to_string(),
        _ => caller.arn.to_string(),
    }
}

const ROLE: &str = "SubscriptionRoleArn";

/// A caller that names a role for deliveries to Firehose must be allowed to pass it to SNS. What is no role is refused when the attribute is
/// read. AWS: unverified for SetSubscriptionAttributes; the page names the permission for subscribing.
/// <https://docs.aws.amazon.com/sns/latest/dg/prereqs-kinesis-data-firehose.html>
fn pass_role(role: &str) -> Option<Permission> {
    let role = Arn::parse(role).filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"))?;
    Some(roles::pass_role(role, access::PRINCIPAL, None))
}

impl Handle<Subscribe> for Sns {
    fn permissions(&self, cx: &Cx, input: &SubscribeInput) -> Result<Permissions, Fault> {
        faults::check_missing(cx)?;
        let topic = arns::topic(cx, "TopicArn", &input.topic_arn)?;
        let permission = access::on_topic(self, cx, "SNS:Subscribe", topic).with_key("sns:Protocol", input.protocol.as_str());
        let mut permissions = Permissions::from(permission.with_key("sns:Endpoint", input.endpoint.as_deref().unwrap_or_default()));
        permissions.extend(input.attributes.as_ref().and_then(|given| pass_role(given.get(ROLE)?)));
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: SubscribeInput) -> Result<SubscribeResponse, Fault> {
        let arn = arns::topic(cx, "TopicArn", &input.topic_arn)?;
        let unknown = || faults::invalid(format_args!("Amazon SNS does not support this protocol string: {}", input.protocol));
        let protocol = Protocol::read(&input.protocol).ok_or_else(unknown)?;
        let topic = self.store.read(|state| state.topics.get(&arn).cloned()).ok_or_else(faults::no_topic)?;
        let to = input.endpoint.as_deref().unwrap_or_default();
        if to.is_empty() {
            // AWS: unverified message.
            return Err(faults::invalid("Endpoint"));
        }
        let account = endpoint(protocol, to, &topic)?;
        let given = input.attributes.unwrap_or_default();
        let attributes = attributes(&given, &AttributeContext { topic: &topic, protocol, endpoint: to })?;
        let caller = cx.caller.account.unwrap_or(cx.scope.account);
        // The caller's own resources need no confirmation; phones and devices cannot confirm.
        let is_confirmed = is_chatbot(to) || matches!(protocol, Protocol::Sms | Protocol::Application) || account == Some(caller);
        let wanted = Subscription {
            arn: arn.clone(),
            topic: arn.clone(),
            owner: caller,
            region: cx.scope.region.clone(),
            principal: principal(&cx.caller),
            protocol,
            endpoint: to.to_owned(),
            confirmation: if is_confirmed { Confirmation::Authenticated } else { Confirmation::Pending },
            authenticate_on_unsubscribe: false,
            attributes,
        };
        let (subscription, is_new) = self.store.write(|state| {
            let key = (arn.clone(), protocol, to.to_owned());
            if let Some(existing) = state.by_endpoint.get(&key).and_then(|existing| state.subscriptions.get(existing)) {
                return check_same(existing, &wanted, &given).map(|()| (existing.as_ref().clone(), false));
            }
            let topic = state.topics.get(&arn).ok_or_else(faults::no_topic)?;
            if protocol == Protocol::Application && !state.endpoints.contains(to) {
                // AWS: recorded by moto, the missing space included (`tests/test_sns/test_application_boto3.py`).
                return Err(faults::reason("Endpoint", format_args!("Endpoint does not exist for endpoint arn{to}")));
            }
            check_limits(state, topic, &wanted)?;
            let name = format!("{arn}:{}", cx.ids().uuid());
            let created = Subscription { arn: Arn::parse(&name).ok_or_else(|| Fault::internal("a subscription without an ARN"))?, ..wanted };
            state.insert_subscription(created.clone());
            Ok((created, true))
        })?;
        if subscription.is_confirmed() {
            self.begin_replay(cx, &subscription.arn);
        } else {
            if is_new {
                self.schedule_expiry(cx, &subscription)?;
            }
            self.request_confirmation(cx, MessageType::SubscriptionConfirmation, &subscription, &topic).await;
        }
        let shown = subscription.is_confirmed() || input.return_subscription_arn == Some(true);
        Ok(SubscribeResponse { subscription_arn: Some(if shown { subscription.arn.to_string() } else { PENDING.to_owned() }) })
    }
}

/// The permission for an action on a subscription. Its owner needs none of the topic's policy.
fn on_subscription(sns: &Sns, cx: &Cx, action: &'static str, arn: &str) -> Result<Permissions, Fault> {
    faults::check_missing(cx)?;
    let (arn, topic) = arns::subscription(cx, arn)?;
    if Account::parse(topic.account()).is_none() {
        // AWS: the message begins so in the tests of module-ballerinax-aws.sns.
        let message = format!("User: {} is not authorized to perform: {action} on resource: {topic}", cx.caller.arn);
        return Err(faults::AUTHORIZATION_ERROR.says(message));
    }
    let owner = sns.store.read(|state| state.subscriptions.get(&arn).map(|subscription| subscription.owner));
    if owner.is_some() && owner == cx.caller.account {
        return Ok(owner.into_iter().map(|owner| Permission::action(action, topic.clone()).owned_by(owner)).collect());
    }
    Ok(access::on_topic(sns, cx, action, topic).into())
}

impl Handle<Unsubscribe> for Sns {
    fn permissions(&self, cx: &Cx, input: &UnsubscribeInput) -> Result<Permissions, Fault> {
        if cx.caller.is_anonymous() {
            faults::check_missing(cx)?;
            return Ok(Permission::none());
        }
        on_subscription(self, cx, "SNS:Unsubscribe", &input.subscription_arn)
    }

    /// AWS: ending a subscription that does not exist is no error.
    async fn handle(&self, cx: &Cx, input: UnsubscribeInput) -> Result<Empty, Fault> {
        let (arn, _) = arns::subscription(cx, &input.subscription_arn)?;
        let anonymous = cx.caller.is_anonymous();
        let ended = self.store.write(|state| {
            if state.subscriptions.get(&arn).is_some_and(|subscription| !subscription.is_confirmed()) {
                // AWS: the message is known to terraform-provider-aws (`internal/service/sns/topic_subscription.go`).
                return Err(faults::reason("SubscriptionArn", "Cannot unsubscribe a subscription that is pending confirmation"));
            }
            if anonymous && state.subscriptions.get(&arn).is_some_and(|subscription| subscription.needs_signed_unsubscribe()) {
                // AWS: unverified message.
                return Err(faults::AUTHORIZATION_ERROR.says("This subscription requires authentication to unsubscribe"));
            }
            let ended = state.remove_subscription(arn.as_str());
            if let Some(ended) = &ended {
                state.change_topic(ended.topic.as_str(), |topic| topic.subscriptions_deleted += 1);
            }
            Ok(ended.and_then(|ended| Some((ended.clone(), state.topics.get(&ended.topic)?.clone()))))
        })?;
        // AWS: when the call was not the subscriber's, the subscriber is asked, and can restore the subscription.
        let is_asked = |ended: &Subscription| {
            let can_answer = ended.protocol.is_http() || ended.protocol.is_email();
            can_answer && !ended.authenticate_on_unsubscribe && (anonymous || cx.caller.account != Some(ended.owner))
        };
        if let Some((ended, topic)) = ended.filter(|(ended, _)| is_asked(ended)) {
            self.request_confirmation(cx, MessageType::UnsubscribeConfirmation, &ended, &topic).await;
        }
        Ok(Empty {})
    }
}

impl Handle<GetSubscriptionAttributes> for Sns {
    fn permissions(&self, cx: &Cx, input: &GetSubscriptionAttributesInput) -> Result<Permissions, Fault> {
        on_subscription(self, cx, "SNS:GetSubscriptionAttributes", &input.subscription_arn)
    }

    async fn handle(&self, cx: &Cx, input: GetSubscriptionAttributesInput) -> Result<GetSubscriptionAttributesResponse, Fault> {
        let (arn, topic) = arns::subscription(cx, &input.subscription_arn)?;
        self.store.read(|state| {
            let subscription = state.subscriptions.get(&arn).ok_or_else(faults::no_subscription)?;
            let topic = state.topics.get(&topic).map(AsRef::as_ref);
            Ok(GetSubscriptionAttributesResponse { attributes: Some(subscription_attributes::all(subscription, topic)) })
        })
    }
}

impl Handle<SetSubscriptionAttributes> for Sns {
    fn permissions(&self, cx: &Cx, input: &SetSubscriptionAttributesInput) -> Result<Permissions, Fault> {
        let mut permissions = on_subscription(self, cx, "SNS:SetSubscriptionAttributes", &input.subscription_arn)?;
        permissions.extend(input.attribute_value.as_deref().filter(|_| input.attribute_name == ROLE).and_then(pass_role));
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: SetSubscriptionAttributesInput) -> Result<Empty, Fault> {
        let (arn, _) = arns::subscription(cx, &input.subscription_arn)?;
        let value = input.attribute_value.unwrap_or_default();
        self.store.write(|state| {
            let existing = state.subscriptions.get(&arn).ok_or_else(faults::no_subscription)?.clone();
            let topic = state.topics.get(&existing.topic).ok_or_else(faults::no_topic)?.clone();
            let context = AttributeContext { topic: &topic, protocol: existing.protocol, endpoint: &existing.endpoint };
            let mut attributes = existing.attributes.clone();
            subscription_attributes::set(&mut attributes, &input.attribute_name, &value, &context).map_err(|error| match error {
                AttributeError::UnknownName => faults::invalid("AttributeName"),
                AttributeError::InvalidValue(why) => faults::invalid(why),
            })?;
            if attributes.filter_policy.is_some() && existing.attributes.filter_policy.is_none() {
                check_filters(state, &existing.topic, existing.owner)?;
            }
            state.change_subscription(arn.as_str(), |subscription| subscription.attributes = attributes);
            Ok::<_, Fault>(())
        })?;
        if input.attribute_name == "ReplayPolicy" {
            self.begin_replay(cx, &arn);
        }
        Ok(Empty {})
    }
}

/// AWS: a list shows an endpoint without its password (known to terraform-provider-aws, `obfuscateEndpoint`), GetSubscriptionAttributes with
/// it. <https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html>
fn listed(subscription: &Subscription) -> Listed {
    let arn = if subscription.is_confirmed() { subscription.arn.to_string() } else { "PendingConfirmation".to_owned() };
    Listed {
        subscription_arn: Some(arn),
        owner: Some(subscription.owner.to_string()),
        protocol: Some(subscription.protocol.name().to_owned()),
        endpoint: Some(if subscription.protocol.is_http() { without_password(&subscription.endpoint) } else { subscription.endpoint.clone() }),
        topic_arn: Some(subscription.topic.to_string()),
    }
}

impl Handle<ListSubscriptions> for Sns {
    fn permissions(&self, cx: &Cx, _: &ListSubscriptionsInput) -> Result<Permissions, Fault> {
        Ok(Permission::action("SNS:ListSubscriptions", Arn::new("sns", &cx.scope, "*")).into())
    }

    async fn handle(&self, cx: &Cx, input: ListSubscriptionsInput) -> Result<ListSubscriptionsResponse, Fault> {
        let (account, region) = (cx.scope.account, cx.scope.region.clone());
        let key = |arn: Arn| (account, region.clone(), arn);
        let page = self.store.read(|state| {
            pages::page::<ListSubscriptions, _, _, _>(cx, &input, limits::PAGE, |after: Option<Arn>| {
                let from = after.map_or_else(|| Bound::Included(key(Arn::any())), |after| Bound::Excluded(key(after)));
                let range = state.by_owner.range((from, Bound::Unbounded)).take_while(|((owner, of, _), ())| *owner == account && *of == region);
                range.filter_map(|((_, _, arn), ())| Some((arn.clone(), listed(state.subscriptions.get(arn)?))))
            })
        })?;
        Ok(ListSubscriptionsResponse { subscriptions: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<ListSubscriptionsByTopic> for Sns {
    fn permissions(&self, cx: &Cx, input: &ListSubscriptionsByTopicInput) -> Result<Permissions, Fault> {
        access::topic(self, cx, "SNS:ListSubscriptionsByTopic", &input.topic_arn)
    }

    async fn handle(&self, cx: &Cx, input: ListSubscriptionsByTopicInput) -> Result<ListSubscriptionsByTopicResponse, Fault> {
        let arn = arns::topic(cx, "TopicArn", &input.topic_arn)?;
        let page = self.store.read(|state| {
            if !state.topics.contains(&arn) {
                return Err(faults::no_topic());
            }
            pages::page::<ListSubscriptionsByTopic, _, _, _>(cx, &input, limits::PAGE, |after: Option<Arn>| {
                let subscriptions = state.subscriptions_of(&arn, after.as_ref().map(Arn::as_str));
                subscriptions.map(|subscription| (subscription.arn.clone(), listed(subscription)))
            })
        })?;
        Ok(ListSubscriptionsByTopicResponse { subscriptions: Some(page.items), next_token: page.next_token })
    }
}
