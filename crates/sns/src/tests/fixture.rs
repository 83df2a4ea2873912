//! A cloud with SNS and queues that take what they are sent, and short helpers for what its tests do.

use crate::{Options, service};
use cloudlet_api_sns::*;
use cloudlet_api_sqs::{self as sqs, SendMessage, SendMessageRequest, SendMessageResult};
use cloudlet_aws::{Account, Arn, Caller, Fault};
use cloudlet_engine::{Cx, Document, Handle, HttpRequest, Permission, Permissions, Policy, Service};
use cloudlet_policy::Kind;
use cloudlet_shape::Map;
use cloudlet_testing::Builder;
pub use cloudlet_testing::other_account;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{collections::BTreeMap, ops::Deref, sync::Arc};

/// Queues as SNS knows them: they let somebody in or nobody, and keep what they were sent.
#[derive(Default)]
pub struct Queues(Mutex<BTreeMap<String, Queue>>);

/// A queue's policy, and what it was sent.
type Queue = (Option<Policy>, Vec<SendMessageRequest>);

fn name_in(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

impl Handle<SendMessage> for Queues {
    fn permissions(&self, _: &Cx, input: &SendMessageRequest) -> Result<Permissions, Fault> {
        let queues = self.0.lock();
        let name = name_in(&input.queue_url);
        let (policy, _) = queues.get(name).ok_or_else(|| sqs::faults::QUEUE_DOES_NOT_EXIST.says("The specified queue does not exist."))?;
        Ok(Permission::of::<SendMessage>(Arn::parse(&queue_arn(name)).unwrap()).with_policy(policy.clone()).into())
    }

    async fn handle(&self, _: &Cx, input: SendMessageRequest) -> Result<SendMessageResult, Fault> {
        let name = name_in(&input.queue_url).to_owned();
        self.0.lock().get_mut(&name).unwrap().1.push(input);
        Ok(SendMessageResult::default())
    }
}

pub struct TestCloud {
    cloud: cloudlet_testing::TestCloud,
    pub queues: Arc<Queues>,
}

impl Deref for TestCloud {
    type Target = cloudlet_testing::TestCloud;

    fn deref(&self) -> &Self::Target {
        &self.cloud
    }
}

/// With SNS in it.
pub fn builder() -> Builder {
    cloudlet_testing::TestCloud::builder().service(|parts| service(&parts.journal, parts.mailbox.clone(), Options::default()))
}

impl TestCloud {
    pub fn new() -> TestCloud {
        TestCloud::with_queues(builder())
    }

    pub fn with_queues(builder: Builder) -> TestCloud {
        let queues = Arc::new(Queues::default());
        let sqs = queues.clone();
        let cloud = builder.service(move |_| Service::of(&sqs::SERVICE, sqs.clone()).handles::<SendMessage>().build()).build();
        TestCloud { cloud, queues }
    }

    /// With another SQS, which the builder has.
    pub fn of(builder: Builder) -> TestCloud {
        TestCloud { cloud: builder.build(), queues: Arc::default() }
    }

    pub async fn topic(&self, name: &str, attributes: &[(&str, &str)]) -> String {
        self.try_topic(name, attributes).await.unwrap()
    }

    pub async fn try_topic(&self, name: &str, attributes: &[(&str, &str)]) -> Result<String, Fault> {
        let input = CreateTopicInput { name: name.into(), attributes: Some(map(attributes)), ..CreateTopicInput::default() };
        Ok(self.call::<CreateTopic>(input).await?.topic_arn.unwrap())
    }

    pub async fn topic_attributes(&self, topic: &str) -> Map<String> {
        self.call::<GetTopicAttributes>(GetTopicAttributesInput { topic_arn: topic.into() }).await.unwrap().attributes.unwrap()
    }

    pub async fn set_topic(&self, topic: &str, name: &str, value: &str) -> Result<(), Fault> {
        let input = SetTopicAttributesInput { topic_arn: topic.into(), attribute_name: name.into(), attribute_value: Some(value.into()) };
        self.call::<SetTopicAttributes>(input).await.map(drop)
    }

    /// A queue that any topic may send to.
    pub async fn queue(&self, name: &str) -> String {
        let policy = json!({ "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": queue_arn(name),
        }]});
        let document = Document::parse(&policy.to_string(), Kind::Resource).unwrap();
        self.queues.0.lock().insert(name.into(), (Some(Policy { name: queue_arn(name).into(), document }), vec![]));
        queue_arn(name)
    }

    /// A queue that lets nobody in.
    pub async fn closed_queue(&self, name: &str) -> String {
        self.queues.0.lock().insert(name.into(), (None, vec![]));
        queue_arn(name)
    }

    /// What a queue was sent since one last looked.
    pub async fn received(&self, name: &str) -> Vec<SendMessageRequest> {
        std::mem::take(&mut self.queues.0.lock().get_mut(name).unwrap().1)
    }

    /// The texts of the messages in a queue: of envelopes, what is in them.
    pub async fn texts(&self, name: &str) -> Vec<String> {
        let text = |message: &SendMessageRequest| {
            let body = message.message_body.clone();
            let envelope: Option<Value> = serde_json::from_str(&body).ok().filter(|body: &Value| body.get("TopicArn").is_some());
            envelope.map_or(body, |envelope| envelope["Message"].as_str().unwrap().to_owned())
        };
        self.received(name).await.iter().map(text).collect()
    }

    pub async fn subscribe(&self, topic: &str, protocol: &str, endpoint: &str, attributes: &[(&str, &str)]) -> String {
        self.try_subscribe(topic, protocol, endpoint, attributes).await.unwrap()
    }

    pub async fn try_subscribe(&self, topic: &str, protocol: &str, endpoint: &str, attributes: &[(&str, &str)]) -> Result<String, Fault> {
        Ok(self.call::<Subscribe>(subscription(topic, protocol, endpoint, attributes)).await?.subscription_arn.unwrap())
    }

    pub async fn set(&self, subscription: &str, name: &str, value: &str) -> Result<(), Fault> {
        let input = SetSubscriptionAttributesInput {
            subscription_arn: subscription.into(),
            attribute_name: name.into(),
            attribute_value: Some(value.into()),
        };
        self.call::<SetSubscriptionAttributes>(input).await.map(drop)
    }

    pub async fn attributes(&self, subscription: &str) -> Map<String> {
        let input = GetSubscriptionAttributesInput { subscription_arn: subscription.into() };
        self.call::<GetSubscriptionAttributes>(input).await.unwrap().attributes.unwrap()
    }

    pub async fn publish(&self, topic: &str, text: &str) -> PublishResponse {
        self.call::<Publish>(message(topic, text)).await.unwrap()
    }

    pub async fn publish_to(&self, topic: &str, group: &str, text: &str) -> PublishResponse {
        self.call::<Publish>(PublishInput { message_group_id: Some(group.into()), ..message(topic, text) }).await.unwrap()
    }

    pub fn requests(&self) -> Vec<HttpRequest> {
        self.endpoints.take_requests()
    }

    pub fn answers(&self, statuses: &[u16]) {
        self.endpoints.will_answer(statuses.iter().copied().map(Ok));
    }

    /// An endpoint that has confirmed.
    pub async fn endpoint(&self, topic: &str, url: &str, attributes: &[(&str, &str)]) -> String {
        let arn = self.subscribe(topic, "http", url, attributes).await;
        self.settle().await;
        let requests = self.requests();
        let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
        self.confirm(topic, body["Token"].as_str().unwrap()).await.unwrap();
        arn
    }

    pub async fn confirm(&self, topic: &str, token: &str) -> Result<String, Fault> {
        let input = ConfirmSubscriptionInput { topic_arn: topic.into(), token: token.into(), authenticate_on_unsubscribe: None };
        Ok(self.call_as::<ConfirmSubscription>(Caller::anonymous(), input).await?.subscription_arn.unwrap())
    }
}

pub fn bob() -> Caller {
    cloudlet_testing::user(Account::default(), "bob")
}

pub fn map(pairs: &[(&str, &str)]) -> Map<String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub fn message(topic: &str, text: &str) -> PublishInput {
    PublishInput { topic_arn: Some(topic.into()), message: text.into(), ..PublishInput::default() }
}

pub fn subscription(topic: &str, protocol: &str, endpoint: &str, attributes: &[(&str, &str)]) -> SubscribeInput {
    SubscribeInput {
        topic_arn: topic.into(),
        protocol: protocol.into(),
        endpoint: Some(endpoint.into()),
        attributes: Some(map(attributes)),
        return_subscription_arn: Some(true),
    }
}

pub fn attribute(kind: &str, text: &str) -> MessageAttributeValue {
    MessageAttributeValue { data_type: kind.into(), string_value: Some(text.into()), binary_value: None }
}

pub fn queue_arn(name: &str) -> String {
    Arn::build("aws", "sqs", "us-east-1", "000000000000", name).to_string()
}

pub fn envelope(message: &SendMessageRequest) -> Value {
    serde_json::from_str(&message.message_body).unwrap()
}

/// What a link in a text says of a parameter.
pub fn parameter(text: &str, name: &str) -> String {
    let rest = text.split(&format!("{name}=")).nth(1).unwrap();
    rest.split(['&', '\n', '"', ' ']).next().unwrap().to_owned()
}
