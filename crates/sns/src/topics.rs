//! Topics: created, shown, changed, listed, deleted.

use crate::{
    Sns, access, arns, faults, limits, pages,
    policy::TopicPolicy,
    state::{FifoAttributes, FifoState, Topic},
    subscriptions::check_large,
    tags, topic_attributes,
};
use cloudlet_api_sns::{
    CreateTopic, CreateTopicInput, CreateTopicResponse, DeleteTopic, DeleteTopicInput, GetTopicAttributes, GetTopicAttributesInput,
    GetTopicAttributesResponse, ListTopics, ListTopicsInput, ListTopicsResponse, SetTopicAttributes, SetTopicAttributesInput, Topic as Listed,
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Empty, Map};
use std::{collections::BTreeMap, ops::Bound, sync::Arc};
use topic_attributes::{AttributeError, Stage};

/// Checks the name of a new topic.
fn check_name(name: &str, fifo: Option<FifoAttributes>) -> Result<(), Fault> {
    let stem = match fifo {
        None => Some(name),
        Some(_) => name.strip_suffix(".fifo"),
    };
    let is_valid = |stem: &str| !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if name.len() <= limits::TOPIC_NAME && stem.is_some_and(is_valid) { Ok(()) } else { Err(faults::invalid("Topic Name")) }
}

/// The topic that a request describes.
fn described(cx: &Cx, arn: &Arn, input: &CreateTopicInput) -> Result<Topic, Fault> {
    let given = input.attributes.clone().unwrap_or_default();
    let fifo = given.get("FifoTopic").is_some_and(|value| value.eq_ignore_ascii_case("true")).then(FifoAttributes::default);
    check_name(&input.name, fifo)?;
    let mut topic = Topic {
        arn: arn.clone(),
        owner: cx.scope.account,
        display_name: String::new(),
        policy: TopicPolicy::of_new_topic(arn)?,
        delivery_policy: None,
        fifo,
        signature_version: None,
        kms_key: None,
        tracing_config: None,
        maximum_message_size: None,
        archive_days: None,
        archive_begins: None,
        feedback: BTreeMap::new(),
        tags: BTreeMap::new(),
        data_protection_policy: None,
        subscriptions_deleted: 0,
    };
    for (name, value) in &given {
        topic_attributes::set(&mut topic, name, value, Stage::Creation, cx.now).map_err(|error| match error {
            // AWS: in the rules of cdk-preflight (`rules/sns/pf-sns-fifo-only-attributes`), which were tried on it.
            AttributeError::UnknownName => faults::reason("Attributes", format_args!("Unknown attribute {name}")),
            AttributeError::InvalidValue(why) => faults::reason("Attributes", why),
        })?;
    }
    tags::add(&mut topic.tags, input.tags.as_deref().unwrap_or_default())?;
    topic.data_protection_policy = input.data_protection_policy.clone();
    if let Some(policy) = &topic.data_protection_policy {
        crate::data_protection::check(policy)?;
    }
    Ok(topic)
}

/// AWS: creating a topic again is no error if nothing differs of what is given.
fn check_same(existing: &Topic, wanted: &Topic, given: &Map<String>) -> Result<(), Fault> {
    if !wanted.tags.iter().all(|(key, value)| existing.tags.get(key) == Some(value)) {
        return Err(faults::reason("Tags", "Topic already exists with different tags"));
    }
    let (is, should_be) = (topic_attributes::all(existing, (0, 0)), topic_attributes::all(wanted, (0, 0)));
    let same = given.keys().all(|name| is.get(name) == should_be.get(name));
    if same && existing.is_fifo() == wanted.is_fifo() {
        return Ok(());
    }
    Err(faults::reason("Attributes", "Topic already exists with different attributes"))
}

impl Handle<CreateTopic> for Sns {
    fn permissions(&self, cx: &Cx, input: &CreateTopicInput) -> Result<Permissions, Fault> {
        faults::check_missing(cx)?;
        let arn = Arn::new("sns", &cx.scope, if input.name.is_empty() { "*" } else { &input.name });
        let permission = Permission::action("SNS:CreateTopic", arn);
        Ok(match input.tags.as_ref().filter(|tags| !tags.is_empty()) {
            Some(tags) => permission.with_request_tags(tags.iter().map(|tag| (&tag.key, tag.value.clone()))).and([Some("SNS:TagResource")]),
            None => permission.into(),
        })
    }

    async fn handle(&self, cx: &Cx, input: CreateTopicInput) -> Result<CreateTopicResponse, Fault> {
        let arn = Arn::new("sns", &cx.scope, &input.name);
        let topic = described(cx, &arn, &input)?;
        let (fifo, prefix) = (topic.is_fifo(), format!("{}", Arn::new("sns", &cx.scope, "")));
        let given = input.attributes.unwrap_or_default();
        self.store.write(|state| {
            if let Some(existing) = state.topics.get(&arn) {
                return check_same(existing, &topic, &given);
            }
            // AWS: a limit for each kind.
            let most = if fifo { limits::FIFO_TOPICS } else { limits::STANDARD_TOPICS };
            if state.topics.len() >= most {
                let from = (std::ops::Bound::Included(prefix.as_str()), std::ops::Bound::Unbounded);
                let mine = state.topics.range::<str, _>(from).take_while(|(arn, _)| arn.as_str().starts_with(&prefix));
                if mine.filter(|(_, topic)| topic.is_fifo() == fifo).count() >= most {
                    // AWS: unverified message.
                    return Err(faults::TOPIC_LIMIT_EXCEEDED.says("The account has reached its limit of topics."));
                }
            }
            state.topics.insert(arn.clone(), Arc::new(topic));
            Ok(())
        })?;
        if fifo {
            // A topic that existed already has its state.
            let _ = self.fifo_topics.create(arn.clone(), FifoState::default());
        }
        Ok(CreateTopicResponse { topic_arn: Some(arn.to_string()) })
    }
}

impl Handle<DeleteTopic> for Sns {
    fn permissions(&self, cx: &Cx, input: &DeleteTopicInput) -> Result<Permissions, Fault> {
        access::topic(self, cx, "SNS:DeleteTopic", &input.topic_arn)
    }

    /// AWS: deleting a topic that does not exist is no error.
    async fn handle(&self, cx: &Cx, input: DeleteTopicInput) -> Result<Empty, Fault> {
        let arn = arns::topic(cx, "TopicArn", &input.topic_arn)?;
        self.store.write(|state| {
            let Some(topic) = state.topics.get(&arn) else { return Ok(()) };
            if topic.archive_days.is_some() {
                // AWS: recorded by cdk-preflight (`rules/sns/pf-sns-fifo-only-attributes`), and in terraform-provider-aws.
                return Err(faults::INVALID_STATE.says("Invalid state: Cannot delete a topic with an ArchivePolicy"));
            }
            let subscriptions: Vec<_> = state.subscriptions_of(&arn, None).map(|subscription| subscription.arn.clone()).collect();
            for subscription in subscriptions {
                state.remove_subscription(subscription.as_str());
            }
            state.topics.remove(&arn);
            Ok(())
        })?;
        self.fifo_topics.remove(&arn);
        Ok(Empty {})
    }
}

impl Handle<GetTopicAttributes> for Sns {
    fn permissions(&self, cx: &Cx, input: &GetTopicAttributesInput) -> Result<Permissions, Fault> {
        access::topic(self, cx, "SNS:GetTopicAttributes", &input.topic_arn)
    }

    async fn handle(&self, cx: &Cx, input: GetTopicAttributesInput) -> Result<GetTopicAttributesResponse, Fault> {
        let arn = arns::topic(cx, "TopicArn", &input.topic_arn)?;
        self.store.read(|state| {
            let topic = state.topics.get(&arn).ok_or_else(faults::no_topic)?;
            let (mut confirmed, mut pending) = (0, 0);
            for subscription in state.subscriptions_of(&arn, None) {
                *if subscription.is_confirmed() { &mut confirmed } else { &mut pending } += 1;
            }
            Ok(GetTopicAttributesResponse { attributes: Some(topic_attributes::all(topic, (confirmed, pending))) })
        })
    }
}

impl Handle<SetTopicAttributes> for Sns {
    fn permissions(&self, cx: &Cx, input: &SetTopicAttributesInput) -> Result<Permissions, Fault> {
        access::topic(self, cx, "SNS:SetTopicAttributes", &input.topic_arn)
    }

    async fn handle(&self, cx: &Cx, input: SetTopicAttributesInput) -> Result<Empty, Fault> {
        let arn = arns::topic(cx, "TopicArn", &input.topic_arn)?;
        let value = input.attribute_value.unwrap_or_default();
        let archived = self.store.write(|state| {
            let change = |topic: &mut Topic| {
                topic_attributes::set(topic, &input.attribute_name, &value, Stage::Change, cx.now)
                    .map(|()| (topic.archive_days.is_some(), topic.takes_large_messages()))
            };
            let (archived, takes_large) = match state.change_topic(arn.as_str(), change) {
                None => return Err(faults::no_topic()),
                Some(Err(AttributeError::UnknownName)) => return Err(faults::invalid("AttributeName")),
                Some(Err(AttributeError::InvalidValue(why))) => return Err(faults::invalid(why)),
                Some(Ok(changed)) => changed,
            };
            if takes_large {
                check_large(state.subscriptions_of(&arn, None).map(|subscription| subscription.protocol))?;
            }
            Ok(archived)
        })?;
        if input.attribute_name == "ArchivePolicy" && !archived {
            self.fifo_topics.update(&arn, |fifo| fifo.archive.clear());
        }
        Ok(Empty {})
    }
}

impl Handle<ListTopics> for Sns {
    fn permissions(&self, cx: &Cx, _: &ListTopicsInput) -> Result<Permissions, Fault> {
        Ok(Permission::action("SNS:ListTopics", Arn::new("sns", &cx.scope, "*")).into())
    }

    async fn handle(&self, cx: &Cx, input: ListTopicsInput) -> Result<ListTopicsResponse, Fault> {
        let prefix = Arn::new("sns", &cx.scope, "").to_string();
        let page = self.store.read(|state| {
            pages::page::<ListTopics, _, _, _>(cx, &input, limits::PAGE, |after: Option<Arn>| {
                let from = pages::start(after.as_ref().map(Arn::as_str), &prefix);
                let topics = state.topics.range::<str, _>((from, Bound::Unbounded)).map(|(arn, _)| arn);
                let topics = topics.take_while(|arn| arn.as_str().starts_with(&prefix));
                topics.map(|arn| (arn.clone(), Listed { topic_arn: Some(arn.to_string()) }))
            })
        })?;
        Ok(ListTopicsResponse { topics: Some(page.items), next_token: page.next_token })
    }
}
