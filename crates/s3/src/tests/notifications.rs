//! Events reach the queue in the order in which they happened, whatever comes between.

use super::fixture::*;
use crate::{S3, api::*};
use cloudlet_api_sqs::{self as sqs, SendMessage, SendMessageRequest, SendMessageResult};
use cloudlet_aws::{Arn, Fault, FaultKind, Identity};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, Service};
use cloudlet_testing::Builder;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";

/// A queue that takes what S3 sends for the test's bucket, and remembers it.
#[derive(Default)]
struct Queue {
    messages: Mutex<Vec<Value>>,
    failures: Mutex<u32>,
}

impl Handle<SendMessage> for Queue {
    fn permissions(&self, cx: &Cx, input: &SendMessageRequest) -> Result<Permissions, Fault> {
        let is_s3 = matches!(&cx.caller.identity, Identity::Service { principal, source: Some(source) }
            if &**principal == "s3.amazonaws.com" && source.as_str() == format!("arn:aws:s3:::{BUCKET}"));
        assert!(is_s3 && cx.caller.account == Some(cloudlet_aws::Account::default()), "{:?}", cx.caller);
        match input.queue_url.rsplit('/').next() {
            Some("q") => Ok(Permission::none()),
            Some("closed") => Err(FaultKind::sender("AccessDenied", 403).says("no")),
            _ => Err(sqs::faults::QUEUE_DOES_NOT_EXIST.says("The specified queue does not exist.")),
        }
    }

    async fn handle(&self, _: &Cx, input: SendMessageRequest) -> Result<SendMessageResult, Fault> {
        let mut failures = self.failures.lock();
        if *failures > 0 {
            *failures -= 1;
            return Err(FaultKind::receiver("Unavailable", 503).says("later"));
        }
        self.messages.lock().push(serde_json::from_str(&input.message_body).unwrap());
        Ok(SendMessageResult::default())
    }
}

impl Queue {
    fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.messages.lock())
    }

    /// Names and keys of the events.
    fn events(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let each = |message: Value| (text(&message["Records"][0]["eventName"]), text(&message["Records"][0]["s3"]["object"]["key"]));
        self.take().into_iter().map(each).collect()
    }
}

fn with_queue(queue: Arc<Queue>) -> Builder<Arc<S3>> {
    builder().service(move |_| Service::of(&sqs::SERVICE, queue.clone()).handles::<SendMessage>().build())
}

fn configuration(queues: &[(&str, &[&str], &str)]) -> PutBucketNotificationConfigurationRequest {
    let queue = |(arn, events, prefix): &(&str, &[&str], &str)| QueueConfiguration {
        id: None,
        queue_arn: (*arn).into(),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        filter: Some(NotificationConfigurationFilter {
            key: Some(S3KeyFilter { filter_rules: Some(vec![FilterRule { name: Some("prefix".into()), value: Some((*prefix).into()) }]) }),
        }),
    };
    let configuration = NotificationConfiguration { queue_configurations: Some(queues.iter().map(queue).collect()), ..Default::default() };
    PutBucketNotificationConfigurationRequest { bucket: BUCKET.into(), notification_configuration: configuration, ..Default::default() }
}

async fn configured(queue: &Arc<Queue>) -> TestCloud {
    let cloud = TestCloud::of(with_queue(queue.clone()).journaled());
    cloud.create(BUCKET).await;
    cloud.call::<PutBucketNotificationConfiguration>(configuration(&[(QUEUE, &["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], "in/")])).await.unwrap();
    let test = queue.take();
    assert_eq!((test.len(), &test[0]["Event"], &test[0]["Bucket"]), (1, &"s3:TestEvent".into(), &BUCKET.into()));
    cloud
}

#[tokio::test]
async fn events_of_matching_keys_arrive_in_their_order() {
    let queue = Arc::new(Queue::default());
    let cloud = configured(&queue).await;
    cloud.put("in/a b", "12").await;
    cloud.put("out/a", "1").await;
    cloud.call::<CopyObject>(copy("in/a b", "in/c")).await.unwrap();
    cloud.delete("in/c").await;
    assert!(queue.take().is_empty(), "the writer does not wait for the delivery");
    cloud.settle().await;
    let first = queue.messages.lock()[0]["Records"][0].clone();
    let names = [("ObjectCreated:Put", "in/a+b"), ("ObjectCreated:Copy", "in/c"), ("ObjectRemoved:Delete", "in/c")];
    assert_eq!(queue.events(), names.map(|(name, key)| (name.to_owned(), key.to_owned())));
    assert_eq!((&first["eventVersion"], &first["s3"]["object"]["size"], &first["awsRegion"]), (&"2.1".into(), &2.into(), &"us-east-1".into()));
    assert_eq!(first["s3"]["object"]["sequencer"].as_str().unwrap().len(), 18);
}

#[tokio::test]
async fn what_was_not_delivered_is_delivered_after_a_restart() {
    let queue = Arc::new(Queue::default());
    let cloud = configured(&queue).await;
    cloud.put("in/a", "1").await;
    cloud.put("in/b", "1").await;
    let restarted = cloud.restart();
    restarted.settle().await;
    assert_eq!(queue.events().into_iter().map(|(_, key)| key).collect::<Vec<_>>(), ["in/a", "in/b"]);
}

#[tokio::test]
async fn a_failure_of_the_service_delays_and_a_refusal_ends_a_delivery() {
    let queue = Arc::new(Queue::default());
    let cloud = configured(&queue).await;
    *queue.failures.lock() = 2;
    cloud.put("in/a", "1").await;
    cloud.put("in/b", "1").await;
    cloud.settle().await;
    assert!(queue.take().is_empty());
    cloud.pass(2).await;
    cloud.pass(4).await;
    assert_eq!(queue.events().into_iter().map(|(_, key)| key).collect::<Vec<_>>(), ["in/a", "in/b"]);
}

#[tokio::test]
async fn destinations_are_asked_before_the_configuration_is_stored() {
    let queue = Arc::new(Queue::default());
    let cloud = TestCloud::of(with_queue(queue.clone()));
    cloud.create(BUCKET).await;
    let (missing, closed) = ("arn:aws:sqs:us-east-1:000000000000:none", "arn:aws:sqs:us-east-1:000000000000:closed");
    let put = configuration(&[(missing, &["s3:ObjectCreated:*"], "a"), (closed, &["s3:ObjectCreated:*"], "b")]);
    let fault = cloud.call::<PutBucketNotificationConfiguration>(put.clone()).await.unwrap_err();
    assert_eq!(fault.message(), "Unable to validate the following destination configurations");
    assert_eq!(
        fault.members().iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>(),
        [
            ("ArgumentName1", missing),
            ("ArgumentValue1", "The destination queue does not exist"),
            ("ArgumentName2", closed),
            ("ArgumentValue2", "Permissions on the destination queue do not allow S3 to publish notifications from this bucket"),
        ]
    );
    let get = || GetBucketNotificationConfigurationRequest { bucket: BUCKET.into(), ..Default::default() };
    assert!(cloud.call::<GetBucketNotificationConfiguration>(get()).await.unwrap().queue_configurations.is_none());
    let skip = PutBucketNotificationConfigurationRequest { skip_destination_validation: Some(true), ..put };
    cloud.call::<PutBucketNotificationConfiguration>(skip).await.unwrap();
    assert_eq!(cloud.call::<GetBucketNotificationConfiguration>(get()).await.unwrap().queue_configurations.unwrap().len(), 2);
    let _ = Arn::parse(QUEUE);
}
