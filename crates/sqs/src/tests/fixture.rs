//! A cloud with SQS alone, and short helpers for what its tests do.

use crate::{Sqs, Urls};
use cloudlet_api_sqs::*;
use cloudlet_aws::{Account, Arn, Caller, Fault};
use cloudlet_engine::Origin;
use cloudlet_shape::{Map, Operation, Protocol};
pub use cloudlet_testing::other_account;
use cloudlet_testing::{Builder, Request};
use std::{ops::Deref, sync::Arc};

pub struct TestCloud(cloudlet_testing::TestCloud<Arc<Sqs>>);

impl Deref for TestCloud {
    type Target = cloudlet_testing::TestCloud<Arc<Sqs>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// With SQS in it.
pub fn builder() -> Builder<Arc<Sqs>> {
    cloudlet_testing::TestCloud::builder().engine(|parts| {
        let sqs = Sqs::new(&parts.journal, Urls::default());
        (sqs.clone(), sqs.service())
    })
}

impl TestCloud {
    pub fn new() -> TestCloud {
        TestCloud::of(builder())
    }

    pub fn of(builder: Builder<Arc<Sqs>>) -> TestCloud {
        TestCloud(builder.build())
    }

    /// One that can be restarted.
    pub fn journaled() -> TestCloud {
        TestCloud::of(builder().journaled())
    }

    pub fn restarted(&self) -> TestCloud {
        TestCloud(self.restart())
    }

    /// As root, by a request of another origin.
    pub async fn call_from<O: Operation>(&self, origin: Origin, input: O::Input) -> Result<O::Output, Fault> {
        let request = Request { origin, ..self.request(&root()) };
        self.answer::<O>(request, input).await.map(|answer| answer.output)
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
    cloudlet_testing::root(Account::default())
}

pub fn bob() -> Caller {
    cloudlet_testing::user(Account::default(), "bob")
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
