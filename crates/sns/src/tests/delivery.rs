use super::fixture::*;
use cloudlet_api_sns::*;
use cloudlet_api_sqs::{self as sqs, SendMessage, SendMessageRequest, SendMessageResult};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permission, Permissions, Service};
use cloudlet_shape::Map;
use parking_lot::Mutex;
use std::sync::Arc;

/// An SQS that fails a number of times, and the messages that it accepted.
#[derive(Default)]
struct FailingQueue {
    failures: Mutex<usize>,
    accepted: Mutex<Vec<String>>,
}

impl Handle<SendMessage> for FailingQueue {
    fn permissions(&self, _: &Cx, _: &SendMessageRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: SendMessageRequest) -> Result<SendMessageResult, Fault> {
        let mut failures = self.failures.lock();
        if *failures > 0 {
            *failures -= 1;
            return Err(Fault::internal("failing"));
        }
        self.accepted.lock().push(input.message_body);
        Ok(SendMessageResult::default())
    }
}

fn failing(failures: usize) -> (TestCloud, Arc<FailingQueue>) {
    let sqs = Arc::new(FailingQueue { failures: Mutex::new(failures), ..FailingQueue::default() });
    let queue = sqs.clone();
    (TestCloud::of(builder().service(move |_| Service::of(&sqs::SERVICE, queue.clone()).handles::<SendMessage>().build())), sqs)
}

#[tokio::test]
async fn a_failing_queue_is_retried_at_once_then_every_second_then_with_backoff() {
    let (cloud, sqs) = failing(7);
    let topic = cloud.topic("news", &[]).await;
    cloud.subscribe(&topic, "sqs", &queue_arn("q"), &[("RawMessageDelivery", "true")]).await;
    cloud.publish(&topic, "hello").await;
    cloud.settle().await;
    assert_eq!(*sqs.failures.lock(), 3, "the attempt itself, and three retries at once");
    cloud.pass(1).await;
    cloud.pass(1).await;
    assert_eq!(*sqs.failures.lock(), 1, "two more after a second each");
    cloud.pass(1).await;
    assert_eq!((*sqs.failures.lock(), sqs.accepted.lock().len()), (0, 0), "and the first of the backoff");
    cloud.pass(2).await;
    assert_eq!(sqs.accepted.lock().len(), 1);
}

#[tokio::test]
async fn a_failed_delivery_delays_its_message_group_only() {
    let (cloud, sqs) = failing(1);
    let topic = cloud.topic("news.fifo", &[("FifoTopic", "true"), ("ContentBasedDeduplication", "true")]).await;
    cloud.subscribe(&topic, "sqs", &queue_arn("q.fifo"), &[("RawMessageDelivery", "true")]).await;
    cloud.publish_to(&topic, "g", "g1").await;
    cloud.publish_to(&topic, "g", "g2").await;
    cloud.publish_to(&topic, "h", "h1").await;
    assert_eq!(*sqs.accepted.lock(), ["h1"]);
    cloud.settle().await;
    cloud.publish_to(&topic, "g", "g3").await;
    assert_eq!(*sqs.accepted.lock(), ["h1", "g1", "g2", "g3"]);
}

#[tokio::test]
async fn a_queue_without_a_policy_for_sns_receives_nothing() {
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
async fn what_a_queue_refuses_goes_to_the_dead_letter_queue_unchanged() {
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
async fn a_redrive_policy_names_a_queue_of_the_right_kind() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &[("FifoTopic", "true")]).await;
    let arn = cloud.subscribe(&topic, "sqs", &queue_arn("q.fifo"), &[]).await;
    for (policy, expected) in [
        (r#"{"deadLetterTargetArn": "nowhere"}"#.to_owned(), "Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        (r#"{"maxReceiveCount": 3}"#.to_owned(), "Invalid parameter: RedrivePolicy: invalid JSON. Attribute maxReceiveCount is unknown."),
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
             field name\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]",
        ),
    ] {
        assert_eq!(cloud.set(&arn, "RedrivePolicy", &policy).await.unwrap_err().message(), expected);
    }
}
