//! A house with SQS alone, and short words for what tests do with it.

use crate::{Sqs, Urls};
use cloudlet_api_sqs::*;
use cloudlet_aws::{Account, Arn, Caller, Fault, Identity as Who, Region, Scope, Timestamp};
use cloudlet_cloud::{Cloud, EntryPoint, Settings};
use cloudlet_engine::{Call, Clock, Ids, Origin, Runtime, Service};
use cloudlet_identity::{Identity, Root, Secret};
use cloudlet_shape::{Map, Operation, Protocol};
use cloudlet_store::{InMemory, Journal};
use std::{sync::Arc, time::Duration};

pub const START: Timestamp = Timestamp(1_764_000_000_000);

pub struct TestCloud {
    pub inner: Arc<Cloud>,
    pub sqs: Arc<Sqs>,
    pub journal: Option<Arc<InMemory>>,
}

impl TestCloud {
    pub fn new() -> TestCloud {
        TestCloud::with(&Journal::off(), START)
    }

    pub fn with(journal: &Journal, now: Timestamp) -> TestCloud {
        TestCloud::beside(vec![], journal, now)
    }

    /// With other services in it.
    pub fn beside(mut others: Vec<Service>, journal: &Journal, now: Timestamp) -> TestCloud {
        let root = Root { account: Account::default(), partition: "aws", access_key: "test".into(), secret: Secret::new("test") };
        let sqs = Sqs::new(journal, Urls::default());
        let runtime = Runtime::new(Clock::stopped_at(now), Ids::seeded(1));
        others.push(sqs.service());
        TestCloud { inner: Cloud::new(runtime, Identity::new(root), others, Settings::default()), sqs, journal: None }
    }

    /// One whose journal can be replayed.
    pub fn journaled() -> TestCloud {
        let backend = InMemory::new();
        TestCloud { journal: Some(backend.clone()), ..TestCloud::with(&Journal::to(backend), START) }
    }

    /// What a restart makes of this house, at the same time.
    pub fn restarted(&self) -> TestCloud {
        let cloud = TestCloud::with(&Journal::off(), self.now());
        let records = self.journal.as_ref().unwrap().records();
        cloudlet_store::replay(&[cloud.sqs.queues.as_ref(), cloud.sqs.move_tasks.as_ref(), cloud.sqs.deleted_queues.as_ref()], &records).unwrap();
        cloud
    }

    pub fn now(&self) -> Timestamp {
        self.inner.runtime.clock.now()
    }

    pub fn pass(&self, seconds: u64) {
        self.inner.runtime.clock.advance(Duration::from_secs(seconds));
    }

    pub fn pass_millis(&self, millis: u64) {
        self.inner.runtime.clock.advance(Duration::from_millis(millis));
    }

    pub async fn call<O: Operation>(&self, input: O::Input) -> Result<O::Output, Fault> {
        self.call_as::<O>(root(), Origin::default(), input).await
    }

    pub async fn call_as<O: Operation>(&self, caller: Caller, origin: Origin, input: O::Input) -> Result<O::Output, Fault> {
        let scope = Scope::new(caller.account.unwrap_or_default(), Region::new("us-east-1"));
        let call = Call::of::<O>(caller, scope, origin, input);
        let answer = self.inner.perform(call, "r".into(), EntryPoint::Gateway).await.answer?;
        Ok(*answer.into_any().downcast::<O::Output>().unwrap_or_else(|_| panic!("{} answers its output", O::SCHEMA.name)))
    }

    pub async fn create(&self, name: &str, attributes: &[(&str, &str)]) -> String {
        self.try_create(name, attributes).await.unwrap()
    }

    pub async fn try_create(&self, name: &str, attributes: &[(&str, &str)]) -> Result<String, Fault> {
        let input = CreateQueueRequest { queue_name: name.into(), attributes: Some(map(attributes)), tags: None };
        Ok(self.call::<CreateQueue>(input).await?.queue_url.unwrap())
    }

    pub async fn set(&self, url: &str, attributes: &[(&str, &str)]) -> Result<(), Fault> {
        let input = SetQueueAttributesRequest { queue_url: url.into(), attributes: map(attributes) };
        self.call::<SetQueueAttributes>(input).await.map(|_| ())
    }

    pub async fn attributes(&self, url: &str) -> Map<String> {
        let input = GetQueueAttributesRequest { queue_url: url.into(), attribute_names: Some(vec!["All".into()]) };
        self.call::<GetQueueAttributes>(input).await.unwrap().attributes.unwrap_or_default()
    }

    /// Visible, delayed, in flight.
    pub async fn counts(&self, url: &str) -> [String; 3] {
        let all = self.attributes(url).await;
        ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible"].map(|name| all[name].clone())
    }

    pub async fn send(&self, url: &str, body: &str) -> SendMessageResult {
        self.call::<SendMessage>(message(url, body)).await.unwrap()
    }

    pub async fn send_to(&self, url: &str, group: &str, body: &str) -> SendMessageResult {
        let input = SendMessageRequest { message_group_id: Some(group.into()), ..message(url, body) };
        self.call::<SendMessage>(input).await.unwrap()
    }

    pub async fn receive(&self, url: &str) -> Vec<Message> {
        self.receive_with(ReceiveMessageRequest { max_number_of_messages: Some(10), ..receive(url) }).await
    }

    pub async fn receive_one(&self, url: &str) -> Option<Message> {
        self.receive_with(receive(url)).await.pop()
    }

    pub async fn receive_with(&self, input: ReceiveMessageRequest) -> Vec<Message> {
        self.call::<ReceiveMessage>(input).await.unwrap().messages.unwrap_or_default()
    }

    pub async fn delete(&self, url: &str, message: &Message) -> Result<(), Fault> {
        let input = DeleteMessageRequest { queue_url: url.into(), receipt_handle: handle(message) };
        self.call::<DeleteMessage>(input).await.map(|_| ())
    }

    pub async fn change(&self, url: &str, message: &Message, seconds: i32) -> Result<(), Fault> {
        let input = ChangeMessageVisibilityRequest { queue_url: url.into(), receipt_handle: handle(message), visibility_timeout: seconds };
        self.call::<ChangeMessageVisibility>(input).await.map(|_| ())
    }
}

pub fn root() -> Caller {
    Caller::root(Account::default(), "aws", None)
}

pub fn other_account() -> Caller {
    Caller::root(Account::parse("111111111111").unwrap(), "aws", None)
}

pub fn bob() -> Caller {
    Caller { identity: Who::User { name: "bob".into() }, arn: "arn:aws:iam::000000000000:user/bob".into(), unique_id: "AIDABOB".into(), ..root() }
}

pub fn by_query() -> Origin {
    Origin { protocol: Some(Protocol::Query), ..Origin::default() }
}

pub fn map(pairs: &[(&str, &str)]) -> Map<String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub fn message(url: &str, body: &str) -> SendMessageRequest {
    SendMessageRequest { queue_url: url.into(), message_body: body.into(), ..SendMessageRequest::default() }
}

pub fn receive(url: &str) -> ReceiveMessageRequest {
    ReceiveMessageRequest { queue_url: url.into(), ..ReceiveMessageRequest::default() }
}

pub fn handle(message: &Message) -> String {
    message.receipt_handle.clone().unwrap()
}

pub fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_deref().unwrap()).collect()
}

pub fn arn(name: &str) -> Arn {
    Arn::build("aws", "sqs", "us-east-1", "000000000000", name)
}

pub fn redrive(target: &str, most: u32) -> String {
    format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":{most}}}"#, arn(target))
}
