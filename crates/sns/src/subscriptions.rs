//! Subscriptions: made, confirmed, shown, changed, listed, ended.

use crate::{
    Sns, access, arns,
    deliveries::{Delivery, ForgetUnconfirmed, PRINCIPAL, SubscriptionInput, is_chatbot},
    faults, limits,
    notifications::{Question, confirmation, subscribe_url},
    pages, phones,
    state::{Confirmation, Protocol, Settings, State, Subscription, Token, Topic},
    subscription_attributes::{self, Surroundings},
    topic_attributes::Trouble,
};
use cloudlet_api_sns::{
    ConfirmSubscription, ConfirmSubscriptionInput, ConfirmSubscriptionResponse, GetSubscriptionAttributes, GetSubscriptionAttributesInput,
    GetSubscriptionAttributesResponse, ListSubscriptions, ListSubscriptionsByTopic, ListSubscriptionsByTopicInput, ListSubscriptionsByTopicResponse,
    ListSubscriptionsInput, ListSubscriptionsResponse, SetSubscriptionAttributes, SetSubscriptionAttributesInput, Subscribe, SubscribeInput,
    SubscribeResponse, Subscription as Listed, Unsubscribe, UnsubscribeInput,
};
use cloudlet_aws::{Account, Arn, Caller, Fault, Identity};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, roles};
use cloudlet_shape::{Empty, Map};
use std::{ops::Bound, sync::Arc};

/// What stands for the ARN of a subscription that is not confirmed.
const PENDING: &str = "pending confirmation";
/// Letters of a token.
const TOKEN: usize = 288;

/// Checks an endpoint, and says whose it is where that matters.
fn endpoint(protocol: Protocol, endpoint: &str, topic: &Topic) -> Result<Option<Account>, Fault> {
    if topic.is_fifo() && protocol != Protocol::Sqs {
        // AWS: recorded by cdk-preflight (`rules/sns/pf-sns-fifo-topic-protocol`).
        return Err(faults::invalid(format_args!("Invalid protocol type: {}", protocol.name())));
    }
    let arn = |service: &str, sentence: &str| {
        let arn = Arn::parse(endpoint).filter(|arn| arn.service() == service && arn.scope().is_some());
        arn.ok_or_else(|| faults::invalid(sentence))
    };
    let arn = match protocol {
        Protocol::Http | Protocol::Https => {
            let rest = endpoint.strip_prefix(protocol.name()).and_then(|rest| rest.strip_prefix("://"));
            if rest.is_none_or(|rest| rest.is_empty() || rest.chars().any(|letter| letter.is_whitespace() || letter.is_control())) {
                return Err(faults::invalid("Endpoint must match the specified protocol"));
            }
            return Ok(None);
        }
        Protocol::Email | Protocol::EmailJson => {
            let well = endpoint.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
            let plain = !endpoint.chars().any(|letter| letter.is_whitespace() || letter.is_control());
            return if well && plain { Ok(None) } else { Err(faults::invalid("Email address")) };
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
        // AWS: what follows the endpoint is unknown (module-ballerinax-aws.sns knows how the sentence begins).
        Protocol::Application => arn("sns", &format!("Application endpoint arn invalid:{endpoint}"))?,
    };
    Ok(Account::parse(arn.account()))
}

fn settings(given: &Map<String>, around: &Surroundings<'_>) -> Result<Settings, Fault> {
    let mut settings = Settings::default();
    // The scope first: it says how the policy is to be read.
    let scope = given.get_key_value("FilterPolicyScope").into_iter();
    for (name, value) in scope.chain(given.iter().filter(|(name, _)| *name != "FilterPolicyScope")) {
        subscription_attributes::set(&mut settings, name, value, around).map_err(|trouble| match trouble {
            // AWS: unverified sentence.
            Trouble::Name => faults::reason("Attributes", format_args!("Unknown attribute: {name}")),
            Trouble::Value(why) => faults::reason("Attributes", why),
        })?;
    }
    if around.protocol == Protocol::Firehose && settings.role.is_none() {
        // AWS: recorded by cdk-preflight (`rules/sns/pf-sns-firehose-subscription-role`).
        return Err(faults::invalid("Delivery protocol firehose can only be subscribed with subscription role arn"));
    }
    Ok(settings)
}

/// AWS: of a subscription that is there already only what is given is compared.
fn check_same(there: &Subscription, wanted: &Subscription, given: &Map<String>) -> Result<(), Fault> {
    let (ours, theirs) = (subscription_attributes::all(there, None), subscription_attributes::all(wanted, None));
    if given.iter().all(|(name, value)| value.is_empty() || ours.get(name) == theirs.get(name)) {
        return Ok(());
    }
    Err(faults::reason("Attributes", "Subscription already exists with different attributes"))
}

/// Whether a topic takes one more subscription.
fn check_room(state: &State, topic: &Topic, wanted: &Subscription) -> Result<(), Fault> {
    let most = if topic.is_fifo() { limits::FIFO_SUBSCRIPTIONS } else { limits::STANDARD_SUBSCRIPTIONS };
    // Counting what cannot be too much is not worth its time.
    if state.subscriptions.len() >= most && state.of_topic(&topic.arn, None).count() >= most {
        // AWS: unverified sentence.
        return Err(faults::SUBSCRIPTION_LIMIT_EXCEEDED.says("The maximum number of subscriptions for this topic has been reached."));
    }
    if topic.takes_large() {
        check_large(state.of_topic(&topic.arn, None).map(|subscription| subscription.protocol).chain([wanted.protocol]))?;
    }
    if wanted.settings.filter.is_some() { check_filters(state, &wanted.topic, wanted.owner) } else { Ok(()) }
}

/// Of a topic that takes large messages, the subscriptions are few, and each can carry them.
/// AWS: unverified sentences; the rules: <https://docs.aws.amazon.com/sns/latest/dg/large-message-payloads.html>
pub fn check_large(protocols: impl Iterator<Item = Protocol>) -> Result<(), Fault> {
    for (at, protocol) in protocols.enumerate() {
        if !matches!(protocol, Protocol::Sqs | Protocol::Lambda | Protocol::Firehose) {
            let sentence = format!("MaximumMessageSize Reason: above 256 KiB, protocol {} is not supported", protocol.name());
            return Err(faults::invalid(sentence));
        }
        if at >= limits::LARGE_SUBSCRIPTIONS {
            return Err(faults::reason("MaximumMessageSize", "above 256 KiB, a topic can have 100 subscriptions at most"));
        }
    }
    Ok(())
}

fn check_filters(state: &State, topic: &Arn, owner: Account) -> Result<(), Fault> {
    let filtered = |subscription: &&Arc<Subscription>| subscription.settings.filter.is_some();
    let of_topic = state.of_topic(topic, None).filter(filtered).count();
    let of_account = || state.subscriptions.values().filter(|subscription| subscription.owner == owner).filter(filtered).count();
    let full = state.subscriptions.len() >= limits::FILTERS_OF_ACCOUNT && of_account() >= limits::FILTERS_OF_ACCOUNT;
    if of_topic >= limits::FILTERS_OF_TOPIC || full {
        // AWS: unverified sentence.
        return Err(faults::FILTER_POLICY_LIMIT_EXCEEDED.says("The maximum number of filter policies has been reached."));
    }
    Ok(())
}

/// AWS: of a role's session the role.
fn principal(caller: &Caller) -> String {
    match &caller.identity {
        Identity::AssumedRole { role, .. } => role.to_string(),
        _ => caller.arn.to_string(),
    }
}

/// A token says its region, so that links work which say no other.
fn new_token(cx: &Cx) -> String {
    let region: String = cx.scope.region.as_str().bytes().map(|byte| format!("{byte:02x}")).collect();
    let head = format!("{:02x}{region}", region.len() / 2);
    format!("{head}{}", cx.ids().hex(TOKEN.saturating_sub(head.len())))
}

fn region_of(token: &str) -> Option<String> {
    if token.len() != TOKEN || !token.bytes().all(|letter| letter.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(token.get(at..at + 2)?, 16).ok();
    let length = usize::from(byte(0)?);
    String::from_utf8((1..=length).map(|at| byte(at * 2)).collect::<Option<_>>()?).ok()
}

impl Sns {
    /// Asks a subscriber to confirm the subscription, or its end.
    async fn permission(&self, cx: &Cx, question: Question, subscription: &Subscription, topic: Option<&Topic>) {
        let (token, id) = (new_token(cx), cx.ids().uuid());
        let as_it_will_be = Subscription { confirmation: Confirmation::Unauthenticated, ..subscription.clone() };
        self.store.update(|state| {
            let row = Token { until: cx.now.plus_secs(limits::TOKEN), subscription: as_it_will_be };
            state.put_token(token.as_str().into(), row, cx.now);
        });
        let version = topic.map(Topic::signature).unwrap_or_default();
        let body = if subscription.protocol == Protocol::Email {
            let (topic, url) = (&subscription.topic, subscribe_url(cx, &subscription.topic, &token));
            match question {
                Question::Subscribe => format!(
                    "You have chosen to subscribe to the topic:\n{topic}\n\nTo confirm this subscription, click or visit the link below \
                     (If this was in error no action is necessary):\n{url}\n"
                ),
                Question::Unsubscribe => format!(
                    "Your subscription to the topic below has been deactivated:\n{topic}\n\nIf this was in error, click or visit the link below \
                     to resubscribe:\n{url}\n"
                ),
            }
        } else {
            confirmation(self, cx, question, &id, version, subscription, &token)
        };
        let delivery = Delivery::question(question, &id, subscription, body);
        match subscription.protocol {
            Protocol::Http | Protocol::Https => self.schedule(cx, &delivery, cx.clock().now()),
            _ => self.deliver(cx, delivery).await,
        }
    }
}

const ROLE: &str = "SubscriptionRoleArn";

/// Who names a role for deliveries to Firehose must be allowed to pass it to SNS. What is no role is refused when the attribute is read.
/// <https://docs.aws.amazon.com/sns/latest/dg/prereqs-kinesis-data-firehose.html>
fn pass_role(role: &str) -> Option<Permission> {
    let role = Arn::parse(role).filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"))?;
    Some(roles::pass_role(role, PRINCIPAL, None))
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
            // AWS: unverified sentence.
            return Err(faults::invalid("Endpoint"));
        }
        let holder = endpoint(protocol, to, &topic)?;
        let given = input.attributes.unwrap_or_default();
        let settings = settings(&given, &Surroundings { topic: &topic, protocol, endpoint: to })?;
        let caller = cx.caller.account.unwrap_or(cx.scope.account);
        // Whose endpoint it is need not be asked; nor can a phone or a device answer.
        let at_once = is_chatbot(to) || matches!(protocol, Protocol::Sms | Protocol::Application) || holder == Some(caller);
        let wanted = Subscription {
            arn: arn.clone(),
            topic: arn.clone(),
            owner: caller,
            region: cx.scope.region.clone(),
            principal: principal(&cx.caller),
            protocol,
            endpoint: to.to_owned(),
            confirmation: if at_once { Confirmation::Authenticated } else { Confirmation::Pending },
            guarded: false,
            settings,
        };
        let (subscription, is_new) = self.store.write(|state| {
            if let Some(there) = state.by_endpoint.get(&(arn.clone(), protocol, to.to_owned())).and_then(|there| state.subscriptions.get(there)) {
                return check_same(there, &wanted, &given).map(|()| (there.as_ref().clone(), false));
            }
            let topic = state.topics.get(&arn).ok_or_else(faults::no_topic)?;
            if protocol == Protocol::Application && !state.endpoints.contains(to) {
                // AWS: recorded by moto, the missing space included (`tests/test_sns/test_application_boto3.py`).
                return Err(faults::reason("Endpoint", format_args!("Endpoint does not exist for endpoint arn{to}")));
            }
            check_room(state, topic, &wanted)?;
            let name = format!("{arn}:{}", cx.ids().uuid());
            let made = Subscription { arn: Arn::parse(&name).ok_or_else(|| Fault::internal("a subscription without a name"))?, ..wanted };
            state.put_subscription(made.clone());
            Ok((made, true))
        })?;
        if subscription.is_confirmed() {
            self.begin_replay(cx, &subscription.arn);
        } else {
            if is_new {
                let input = SubscriptionInput { subscription: subscription.arn.to_string() };
                cx.schedule::<ForgetUnconfirmed>(cx.now.plus_secs(limits::TOKEN), PRINCIPAL, arn, cx.scope.clone(), input)?;
            }
            self.permission(cx, Question::Subscribe, &subscription, Some(&topic)).await;
        }
        let shown = subscription.is_confirmed() || input.return_subscription_arn == Some(true);
        Ok(SubscribeResponse { subscription_arn: Some(if shown { subscription.arn.to_string() } else { PENDING.to_owned() }) })
    }
}

/// AWS: what nobody has confirmed is gone after 48 hours. <https://docs.aws.amazon.com/sns/latest/dg/sns-delete-subscription-topic.html>
impl Handle<ForgetUnconfirmed> for Sns {
    fn permissions(&self, _: &Cx, _: &SubscriptionInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: SubscriptionInput) -> Result<Empty, Fault> {
        self.store.update(|state| {
            let pends = state.subscriptions.get(input.subscription.as_str()).is_some_and(|subscription| !subscription.is_confirmed());
            if let Some(gone) = pends.then(|| state.drop_subscription(&input.subscription)).flatten() {
                state.change_topic(gone.topic.as_str(), |topic| topic.deleted += 1);
            }
        });
        Ok(Empty {})
    }
}

impl Handle<ConfirmSubscription> for Sns {
    /// Whoever has the token may use it: links in mails are visited without a signature.
    fn permissions(&self, cx: &Cx, input: &ConfirmSubscriptionInput) -> Result<Permissions, Fault> {
        faults::check_missing(cx)?;
        if cx.caller.is_anonymous() {
            return Ok(Permission::none());
        }
        let arn = Arn::parse(&input.topic_arn).ok_or_else(|| faults::invalid("Topic"))?;
        Ok(access::on_topic(self, cx, "SNS:ConfirmSubscription", arn).into())
    }

    async fn handle(&self, cx: &Cx, input: ConfirmSubscriptionInput) -> Result<ConfirmSubscriptionResponse, Fault> {
        let topic = Arn::parse(&input.topic_arn).filter(|arn| arn.service() == "sns").ok_or_else(|| faults::invalid("Topic"))?;
        let region = region_of(&input.token).ok_or_else(|| faults::INVALID_PARAMETER.says("Invalid token"))?;
        if topic.region() != region {
            return Err(faults::invalid("Topic"));
        }
        let guarded = input.authenticate_on_unsubscribe.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let signed = !cx.caller.is_anonymous();
        let arn = self.store.write(|state| {
            let unknown = || faults::invalid("Token");
            let token = state.tokens.get(input.token.as_str()).filter(|token| token.until > cx.now).cloned().ok_or_else(unknown)?;
            let arn = token.subscription.arn.clone();
            if !state.topics.contains(&token.subscription.topic) {
                return Err(faults::no_topic());
            }
            let there = state.subscriptions.get(&arn).map(|there| there.as_ref().clone());
            // AWS: confirming twice is no error, and changes nothing.
            if there.as_ref().is_some_and(Subscription::is_confirmed) {
                return Ok(arn);
            }
            let confirmation = if signed { Confirmation::Authenticated } else { Confirmation::Unauthenticated };
            let back = there.unwrap_or(token.subscription);
            state.put_subscription(Subscription { confirmation, guarded: guarded && signed, ..back });
            Ok(arn)
        })?;
        self.begin_replay(cx, &arn);
        Ok(ConfirmSubscriptionResponse { subscription_arn: Some(arn.to_string()) })
    }
}

/// The permission for an action on a subscription: of its owner, and of its topic's.
fn on_subscription(sns: &Sns, cx: &Cx, action: &'static str, arn: &str) -> Result<Permissions, Fault> {
    faults::check_missing(cx)?;
    let (arn, topic) = arns::subscription(cx, arn)?;
    if Account::parse(topic.account()).is_none() {
        // AWS: nobody's topic is not the caller's (module-ballerinax-aws.sns knows how the sentence begins).
        let sentence = format!("User: {} is not authorized to perform: {action} on resource: {topic}", cx.caller.arn);
        return Err(faults::AUTHORIZATION_ERROR.says(sentence));
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

    /// AWS: ending what is not there is no error.
    async fn handle(&self, cx: &Cx, input: UnsubscribeInput) -> Result<Empty, Fault> {
        let (arn, _) = arns::subscription(cx, &input.subscription_arn)?;
        let anonymous = cx.caller.is_anonymous();
        let gone = self.store.write(|state| {
            if state.subscriptions.get(&arn).is_some_and(|subscription| !subscription.is_confirmed()) {
                // AWS: as infrastructure tools know it (terraform-provider-aws, `internal/service/sns/topic_subscription.go`).
                return Err(faults::reason("SubscriptionArn", "Cannot unsubscribe a subscription that is pending confirmation"));
            }
            if anonymous && state.subscriptions.get(&arn).is_some_and(|subscription| subscription.is_guarded()) {
                // AWS: unverified sentence.
                return Err(faults::AUTHORIZATION_ERROR.says("This subscription requires authentication to unsubscribe"));
            }
            let gone = state.drop_subscription(arn.as_str());
            if let Some(gone) = &gone {
                state.change_topic(gone.topic.as_str(), |topic| topic.deleted += 1);
            }
            Ok(gone.and_then(|gone| Some((gone.clone(), state.topics.get(&gone.topic)?.clone()))))
        })?;
        // AWS: who neither owns it nor was kept from ending it may not speak for the subscriber, who can take it back.
        let answers = |gone: &Subscription| gone.protocol.is_http() || matches!(gone.protocol, Protocol::Email | Protocol::EmailJson);
        let asked = |gone: &Subscription| answers(gone) && !gone.guarded && (anonymous || cx.caller.account != Some(gone.owner));
        if let Some((gone, topic)) = gone.filter(|(gone, _)| asked(gone)) {
            self.permission(cx, Question::Unsubscribe, &gone, Some(&topic)).await;
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
            let there = state.subscriptions.get(&arn).ok_or_else(faults::no_subscription)?.clone();
            let topic = state.topics.get(&there.topic).ok_or_else(faults::no_topic)?.clone();
            let around = Surroundings { topic: &topic, protocol: there.protocol, endpoint: &there.endpoint };
            let mut settings = there.settings.clone();
            subscription_attributes::set(&mut settings, &input.attribute_name, &value, &around).map_err(|trouble| match trouble {
                Trouble::Name => faults::invalid("AttributeName"),
                Trouble::Value(why) => faults::invalid(why),
            })?;
            if settings.filter.is_some() && there.settings.filter.is_none() {
                check_filters(state, &there.topic, there.owner)?;
            }
            state.change_subscription(arn.as_str(), |subscription| subscription.settings = settings);
            Ok::<_, Fault>(())
        })?;
        if input.attribute_name == "ReplayPolicy" {
            self.begin_replay(cx, &arn);
        }
        Ok(Empty {})
    }
}

/// An endpoint as lists show it. AWS: without its password, as infrastructure tools know
/// (`obfuscateEndpoint` of terraform-provider-aws); GetSubscriptionAttributes shows it.
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html>
fn without_password(endpoint: &str) -> String {
    let masked = || {
        let (scheme, rest) = endpoint.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (login, host) = authority.rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:****@{host}{path}"))
    };
    masked().unwrap_or_else(|| endpoint.to_owned())
}

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

fn page(rows: Vec<Arc<Subscription>>) -> (Option<Vec<Listed>>, Option<String>) {
    let (rows, token) = pages::cut(rows, |subscription| subscription.arn.to_string());
    (Some(rows.iter().map(|subscription| listed(subscription)).collect()), token)
}

impl Handle<ListSubscriptions> for Sns {
    fn permissions(&self, cx: &Cx, _: &ListSubscriptionsInput) -> Result<Permissions, Fault> {
        Ok(Permission::action("SNS:ListSubscriptions", Arn::new("sns", &cx.scope, "*")).into())
    }

    async fn handle(&self, cx: &Cx, input: ListSubscriptionsInput) -> Result<ListSubscriptionsResponse, Fault> {
        let after = pages::after(input.next_token.as_deref())?.and_then(|arn| Arn::parse(&arn));
        let (account, region) = (cx.scope.account, cx.scope.region.clone());
        let key = |arn: Arn| (account, region.clone(), arn);
        let rows = self.store.read(|state| {
            let from = after.map_or_else(|| Bound::Included(key(Arn::any())), |after| Bound::Excluded(key(after)));
            let range = state.owned.range((from, Bound::Unbounded)).take_while(|((owner, place, _), ())| *owner == account && *place == region);
            range.take(limits::PAGE + 1).filter_map(|((_, _, arn), ())| state.subscriptions.get(arn).cloned()).collect()
        });
        let (subscriptions, next_token) = page(rows);
        Ok(ListSubscriptionsResponse { subscriptions, next_token })
    }
}

impl Handle<ListSubscriptionsByTopic> for Sns {
    fn permissions(&self, cx: &Cx, input: &ListSubscriptionsByTopicInput) -> Result<Permissions, Fault> {
        access::topic(self, cx, "SNS:ListSubscriptionsByTopic", &input.topic_arn)
    }

    async fn handle(&self, cx: &Cx, input: ListSubscriptionsByTopicInput) -> Result<ListSubscriptionsByTopicResponse, Fault> {
        let arn = arns::topic(cx, "TopicArn", &input.topic_arn)?;
        let after = pages::after(input.next_token.as_deref())?;
        let rows = self.store.read(|state| {
            if !state.topics.contains(&arn) {
                return Err(faults::no_topic());
            }
            Ok(state.of_topic(&arn, after.as_deref()).take(limits::PAGE + 1).cloned().collect())
        })?;
        let (subscriptions, next_token) = page(rows);
        Ok(ListSubscriptionsByTopicResponse { subscriptions, next_token })
    }
}
