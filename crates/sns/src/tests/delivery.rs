use super::fixture::*;
use cloudlet_api_sns::*;
use cloudlet_api_sqs::{self as sqs, SendMessage, SendMessageRequest, SendMessageResult};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permission, Permissions, Service};
use cloudlet_shape::Map;
use parking_lot::Mutex;
use std::sync::Arc;

/// An SQS that is broken as often as a test wants, and what it took in between.
#[derive(Default)]
struct Broken {
    failures: Mutex<usize>,
    taken: Mutex<Vec<String>>,
}

impl Handle<SendMessage> for Broken {
    fn permissions(&self, _: &Cx, _: &SendMessageRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: SendMessageRequest) -> Result<SendMessageResult, Fault> {
        let mut failures = self.failures.lock();
        if *failures > 0 {
            *failures -= 1;
            return Err(Fault::internal("broken"));
        }
        self.taken.lock().push(input.message_body);
        Ok(SendMessageResult::default())
    }
}

fn broken(failures: usize) -> (TestCloud, Arc<Broken>) {
    let sqs = Arc::new(Broken { failures: Mutex::new(failures), ..Broken::default() });
    let fake = sqs.clone();
    (TestCloud::of(builder().service(move |_| Service::of(&sqs::SERVICE, fake.clone()).handles::<SendMessage>().build())), sqs)
}

#[tokio::test]
async fn a_broken_queue_is_tried_at_once_then_after_seconds_then_less_and_less_often() {
    let (cloud, sqs) = broken(7);
    let topic = cloud.topic("news", &[]).await;
    cloud.subscribe(&topic, "sqs", &queue_arn("q"), &[("RawMessageDelivery", "true")]).await;
    cloud.publish(&topic, "hello").await;
    cloud.settle().await;
    assert_eq!(*sqs.failures.lock(), 3, "the attempt itself, and three retries at once");
    cloud.pass(1).await;
    cloud.pass(1).await;
    assert_eq!(*sqs.failures.lock(), 1, "two more after a second each");
    cloud.pass(1).await;
    assert_eq!((*sqs.failures.lock(), sqs.taken.lock().len()), (0, 0), "and one that begins to back off");
    cloud.pass(2).await;
    assert_eq!(sqs.taken.lock().len(), 1);
}

#[tokio::test]
async fn behind_a_delivery_that_failed_its_group_waits_and_no_other() {
    let (cloud, sqs) = broken(1);
    let topic = cloud.topic("news.fifo", &[("FifoTopic", "true"), ("ContentBasedDeduplication", "true")]).await;
    cloud.subscribe(&topic, "sqs", &queue_arn("q.fifo"), &[("RawMessageDelivery", "true")]).await;
    cloud.publish_to(&topic, "g", "g1").await;
    cloud.publish_to(&topic, "g", "g2").await;
    cloud.publish_to(&topic, "h", "h1").await;
    assert_eq!(*sqs.taken.lock(), ["h1"]);
    cloud.settle().await;
    cloud.publish_to(&topic, "g", "g3").await;
    assert_eq!(*sqs.taken.lock(), ["h1", "g1", "g2", "g3"]);
}

#[tokio::test]
async fn a_queue_that_lets_nobody_in_gets_nothing() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let queue = cloud.closed_queue("q").await;
    cloud.subscribe(&topic, "sqs", &queue, &[]).await;
    cloud.publish(&topic, "hello").await;
    cloud.pass(3_600).await;
    assert!(cloud.texts("q").await.is_empty());
    let refused = cloud.calls().into_iter().find(|call| call.operation == "SendMessage").unwrap();
    assert_eq!((&*refused.principal, refused.auth_records.len()), ("sns.amazonaws.com", 1));
}

#[tokio::test]
async fn what_a_queue_refuses_becomes_a_dead_letter_as_it_would_have_arrived() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let (queue, _dead) = (cloud.closed_queue("q").await, cloud.queue("dead").await);
    let policy = format!(r#"{{"deadLetterTargetArn": "{}"}}"#, queue_arn("dead"));
    let arn = cloud.subscribe(&topic, "sqs", &queue, &[("RedrivePolicy", &policy)]).await;
    cloud.publish(&topic, "in an envelope").await;
    cloud.set(&arn, "RawMessageDelivery", "true").await.unwrap();
    let attributes: Map<_> = [("size".to_owned(), attribute("Number", "1"))].into();
    cloud.call::<Publish>(PublishInput { message_attributes: Some(attributes), ..message(&topic, "raw") }).await.unwrap();
    let dead = cloud.received("dead").await;
    assert_eq!(envelope(&dead[0])["Message"], "in an envelope");
    assert_eq!(dead[1].message_body, "raw");
    assert!(dead[1].message_attributes.as_ref().unwrap().contains_key("size"));
}

#[tokio::test]
async fn eleven_attributes_are_too_many_for_a_raw_delivery() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let (queue, dead) = (cloud.queue("q").await, cloud.queue("dead").await);
    let policy = format!(r#"{{"deadLetterTargetArn": "{dead}"}}"#);
    cloud.subscribe(&topic, "sqs", &queue, &[("RawMessageDelivery", "true")]).await;
    let arn = cloud.subscribe(&topic, "sqs", &queue, &[]).await;
    cloud.set(&arn, "RedrivePolicy", &policy).await.unwrap();
    let attributes: Map<_> = (0..11).map(|number| (format!("a{number}"), attribute("String", "x"))).collect();
    cloud.call::<Publish>(PublishInput { message_attributes: Some(attributes), ..message(&topic, "raw") }).await.unwrap();
    assert!(cloud.texts("q").await.is_empty());
    let dead = cloud.received("dead").await;
    assert_eq!((dead[0].message_body.as_str(), dead[0].message_attributes.as_ref().unwrap().len()), ("raw", 10));
}

#[tokio::test]
async fn a_redrive_policy_must_name_a_queue_of_the_right_kind() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &[("FifoTopic", "true")]).await;
    let arn = cloud.subscribe(&topic, "sqs", &queue_arn("q.fifo"), &[]).await;
    for (policy, expected) in [
        (r#"{"deadLetterTargetArn": "nowhere"}"#.to_owned(), "Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        (r#"{"maxReceiveCount": 3}"#.to_owned(), "Invalid parameter: RedrivePolicy: Missing deadLetterTargetArn attribute"),
        (format!(r#"{{"deadLetterTargetArn": "{topic}"}}"#), "Invalid parameter: RedrivePolicy: deadLetterTargetArn must be a SQS queue"),
        (
            r#"{"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:000000000000:dead.fifo"}"#.to_owned(),
            "Invalid parameter: RedrivePolicy: deadLetterTargetArn must be in the same region as the subscription",
        ),
        (
            format!(r#"{{"deadLetterTargetArn": "{}"}}"#, queue_arn("dead")),
            "Invalid parameter: RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
        ),
        (
            "{invalid".to_owned(),
            "Invalid parameter: RedrivePolicy: failed to parse JSON. Unexpected character ('i' (code 105)): was expecting double-quote to start \
             field name\n at [Source: (String)\"{invalid\"; line: 1, column: 3]",
        ),
    ] {
        assert_eq!(cloud.set(&arn, "RedrivePolicy", &policy).await.unwrap_err().message(), expected);
    }
}
