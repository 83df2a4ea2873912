use super::house::*;
use cloudlet_api_sns::*;
use cloudlet_shape::TimestampFormat;

const FIFO: [(&str, &str); 3] =
    [("FifoTopic", "true"), ("ContentBasedDeduplication", "true"), ("ArchivePolicy", r#"{"MessageRetentionPeriod": "30"}"#)];

fn replay(house: &House, from: i64, until: Option<i64>) -> String {
    let at = |seconds| house.now().plus_secs(seconds).text(TimestampFormat::DateTime);
    let end = until.map(|until| format!(r#", "EndingPoint": "{}""#, at(until))).unwrap_or_default();
    format!(r#"{{"PointType": "Timestamp", "StartingPoint": "{}"{end}}}"#, at(from))
}

#[tokio::test]
async fn a_new_queue_gets_what_was_published_before_it_came() {
    let house = House::new();
    let topic = house.topic("news.fifo", &FIFO).await;
    let first = house.publish_to(&topic, "g", "1").await;
    house.pass(60).await;
    house.publish_to(&topic, "g", "2").await;
    house.pass(60).await;
    house.publish_to(&topic, "g", "3").await;
    let queue = house.queue("q.fifo").await;
    let policy = replay(&house, -90, None);
    let arn = house.subscribe(&topic, "sqs", &queue, &[("ReplayPolicy", &policy)]).await;
    assert_eq!(house.attributes(&arn).await["ReplayStatus"], "Pending");
    house.publish_to(&topic, "g", "4").await;
    assert!(house.texts("q.fifo").await.is_empty(), "what is new waits for what is old");
    house.cloud.settle().await;
    assert_eq!(house.attributes(&arn).await["ReplayStatus"], "Completed");
    assert_eq!(house.texts("q.fifo").await, ["2", "3", "4"]);
    house.publish_to(&topic, "g", "5").await;
    assert_eq!(house.texts("q.fifo").await, ["5"]);

    house.pass(600).await;
    house.set(&arn, "ReplayPolicy", &replay(&house, -86_400, Some(-700))).await.unwrap();
    house.cloud.settle().await;
    let again = envelope(&house.received("q.fifo").await[0]);
    assert_eq!((again["MessageId"].as_str(), again["Timestamp"].as_str()), (first.message_id.as_deref(), Some("2025-11-24T16:00:00.000Z")));
    assert_eq!(again["Replayed"], true);
}

#[tokio::test]
async fn a_replay_minds_the_filter() {
    let house = House::new();
    let topic = house.topic("news.fifo", &FIFO).await;
    for text in [r#"{"kind": "a"}"#, r#"{"kind": "b"}"#] {
        house.publish_to(&topic, "g", text).await;
    }
    let queue = house.queue("q.fifo").await;
    let policy = replay(&house, -60, None);
    let attributes = [("ReplayPolicy", policy.as_str()), ("FilterPolicyScope", "MessageBody"), ("FilterPolicy", r#"{"kind": ["b"]}"#)];
    house.subscribe(&topic, "sqs", &queue, &attributes).await;
    house.cloud.settle().await;
    assert_eq!(house.texts("q.fifo").await, [r#"{"kind": "b"}"#]);
}

#[tokio::test]
async fn the_archive_forgets_after_its_days() {
    let house = House::new();
    let topic = house.topic("news.fifo", &FIFO).await;
    house.publish_to(&topic, "g", "old").await;
    house.pass(30 * 86_400).await;
    house.publish_to(&topic, "g", "new").await;
    let queue = house.queue("q.fifo").await;
    let policy = replay(&house, -60 * 86_400, None);
    house.subscribe(&topic, "sqs", &queue, &[("ReplayPolicy", &policy)]).await;
    house.cloud.settle().await;
    assert_eq!(house.texts("q.fifo").await, ["new"]);
}

#[tokio::test]
async fn a_topic_with_an_archive_is_not_deleted() {
    let house = House::new();
    let topic = house.topic("news.fifo", &FIFO).await;
    let end = DeleteTopicInput { topic_arn: topic.clone() };
    assert_eq!(house.call::<DeleteTopic>(end.clone()).await.unwrap_err().code(), "InvalidState");
    house.set_topic(&topic, "ArchivePolicy", "{}").await.unwrap();
    house.call::<DeleteTopic>(end).await.unwrap();
    let plain = house.topic("plain.fifo", &FIFO[..2]).await;
    let arn = house.subscribe(&plain, "sqs", &queue_arn("q.fifo"), &[]).await;
    assert!(house.set(&arn, "ReplayPolicy", &replay(&house, -60, None)).await.is_err(), "without an archive there is nothing to replay");
}
