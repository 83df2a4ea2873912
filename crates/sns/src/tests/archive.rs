use super::fixture::*;
use cloudlet_api_sns::*;
use cloudlet_shape::TimestampFormat;

const FIFO: [(&str, &str); 3] =
    [("FifoTopic", "true"), ("ContentBasedDeduplication", "true"), ("ArchivePolicy", r#"{"MessageRetentionPeriod": "30"}"#)];

fn replay(cloud: &TestCloud, from: i64, until: Option<i64>) -> String {
    let at = |seconds| cloud.now().plus_secs(seconds).text(TimestampFormat::DateTime);
    let end = until.map(|until| format!(r#", "EndingPoint": "{}""#, at(until))).unwrap_or_default();
    format!(r#"{{"PointType": "Timestamp", "StartingPoint": "{}"{end}}}"#, at(from))
}

#[tokio::test]
async fn a_new_subscription_receives_what_was_published_before() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &FIFO).await;
    let first = cloud.publish_to(&topic, "g", "1").await;
    cloud.pass(60).await;
    cloud.publish_to(&topic, "g", "2").await;
    cloud.pass(60).await;
    cloud.publish_to(&topic, "g", "3").await;
    let queue = cloud.queue("q.fifo").await;
    let policy = replay(&cloud, -90, None);
    let arn = cloud.subscribe(&topic, "sqs", &queue, &[("ReplayPolicy", &policy)]).await;
    assert_eq!(cloud.attributes(&arn).await["ReplayStatus"], "Pending");
    cloud.publish_to(&topic, "g", "4").await;
    assert!(cloud.texts("q.fifo").await.is_empty(), "new messages wait for the replay");
    cloud.settle().await;
    assert_eq!(cloud.attributes(&arn).await["ReplayStatus"], "Completed");
    assert_eq!(cloud.texts("q.fifo").await, ["2", "3", "4"]);
    cloud.publish_to(&topic, "g", "5").await;
    assert_eq!(cloud.texts("q.fifo").await, ["5"]);

    cloud.pass(600).await;
    cloud.set(&arn, "ReplayPolicy", &replay(&cloud, -86_400, Some(-700))).await.unwrap();
    cloud.settle().await;
    let again = envelope(&cloud.received("q.fifo").await[0]);
    assert_eq!((again["MessageId"].as_str(), again["Timestamp"].as_str()), (first.message_id.as_deref(), Some("2025-11-24T16:00:00.000Z")));
    assert_eq!(again["Replayed"], true);
}

#[tokio::test]
async fn a_replay_applies_the_filter_policy() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &FIFO).await;
    for text in [r#"{"kind": "a"}"#, r#"{"kind": "b"}"#] {
        cloud.publish_to(&topic, "g", text).await;
    }
    let queue = cloud.queue("q.fifo").await;
    let policy = replay(&cloud, -60, None);
    let attributes = [("ReplayPolicy", policy.as_str()), ("FilterPolicyScope", "MessageBody"), ("FilterPolicy", r#"{"kind": ["b"]}"#)];
    cloud.subscribe(&topic, "sqs", &queue, &attributes).await;
    cloud.settle().await;
    assert_eq!(cloud.texts("q.fifo").await, [r#"{"kind": "b"}"#]);
}

#[tokio::test]
async fn archived_messages_expire() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &FIFO).await;
    cloud.publish_to(&topic, "g", "old").await;
    cloud.pass(30 * 86_400).await;
    cloud.publish_to(&topic, "g", "new").await;
    let queue = cloud.queue("q.fifo").await;
    let policy = replay(&cloud, -60 * 86_400, None);
    cloud.subscribe(&topic, "sqs", &queue, &[("ReplayPolicy", &policy)]).await;
    cloud.settle().await;
    assert_eq!(cloud.texts("q.fifo").await, ["new"]);
}

#[tokio::test]
async fn a_topic_with_an_archive_is_not_deleted() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &FIFO).await;
    let end = DeleteTopicInput { topic_arn: topic.clone() };
    assert_eq!(cloud.call::<DeleteTopic>(end.clone()).await.unwrap_err().code(), "InvalidState");
    cloud.set_topic(&topic, "ArchivePolicy", "{}").await.unwrap();
    cloud.call::<DeleteTopic>(end).await.unwrap();
    let plain = cloud.topic("plain.fifo", &FIFO[..2]).await;
    let arn = cloud.subscribe(&plain, "sqs", &queue_arn("q.fifo"), &[]).await;
    assert!(cloud.set(&arn, "ReplayPolicy", &replay(&cloud, -60, None)).await.is_err(), "without an archive there is nothing to replay");
}
