use super::fixture::*;
use cloudlet_api_sns::*;

const FIFO: [(&str, &str); 2] = [("FifoTopic", "true"), ("ContentBasedDeduplication", "true")];

#[tokio::test]
async fn messages_of_a_group_reach_every_queue_in_their_order() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &FIFO).await;
    for name in ["a.fifo", "b.fifo", "plain"] {
        let queue = cloud.queue(name).await;
        cloud.subscribe(&topic, "sqs", &queue, &[("RawMessageDelivery", "true")]).await;
    }
    let mut last = String::new();
    for number in 0..5 {
        let sequence = cloud.publish_to(&topic, "g", &number.to_string()).await.sequence_number.unwrap();
        assert!(sequence.len() == 20 && sequence > last);
        last = sequence;
    }
    for name in ["a.fifo", "b.fifo", "plain"] {
        assert_eq!(cloud.texts(name).await, ["0", "1", "2", "3", "4"], "{name}");
    }
}

#[tokio::test]
async fn a_duplicate_within_five_minutes_is_not_published() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &FIFO).await;
    let queue = cloud.queue("q.fifo").await;
    cloud.subscribe(&topic, "sqs", &queue, &[]).await;
    let first = cloud.publish_to(&topic, "g", "hello").await;
    cloud.pass(299).await;
    let duplicate = cloud.publish_to(&topic, "g", "hello").await;
    assert_eq!((&first.message_id, &first.sequence_number), (&duplicate.message_id, &duplicate.sequence_number));
    let other_group = cloud.publish_to(&topic, "h", "hello").await;
    assert_eq!(first.message_id, other_group.message_id, "deduplication is for the whole topic");
    cloud.pass(1).await;
    assert_ne!(cloud.publish_to(&topic, "g", "hello").await.message_id, first.message_id);
    assert_eq!(cloud.texts("q.fifo").await, ["hello", "hello"], "the first and the last");
}

#[tokio::test]
async fn deduplication_is_by_message_group_if_the_topic_says_so() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &[FIFO[0], FIFO[1], ("FifoThroughputScope", "MessageGroup")]).await;
    let one = cloud.publish_to(&topic, "g", "hello").await;
    assert_ne!(cloud.publish_to(&topic, "h", "hello").await.message_id, one.message_id);
    assert_eq!(cloud.publish_to(&topic, "g", "hello").await.message_id, one.message_id);
}

#[tokio::test]
async fn a_fifo_topic_needs_a_message_group_and_a_deduplication_id() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &[("FifoTopic", "true")]).await;
    let fault = cloud.call::<Publish>(message(&topic, "x")).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: The MessageGroupId parameter is required for FIFO topics");
    let fault = cloud.call::<Publish>(PublishInput { message_group_id: Some("g".into()), ..message(&topic, "x") }).await.unwrap_err();
    assert_eq!(
        fault.message(),
        "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    );
    let fault = cloud.try_subscribe(&topic, "sms", "+15550001", &[]).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: Invalid protocol type: sms");
}

#[tokio::test]
async fn an_envelope_of_a_fifo_topic_has_a_sequence_and_no_signature() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &FIFO).await;
    let queue = cloud.queue("q.fifo").await;
    cloud.subscribe(&topic, "sqs", &queue, &[]).await;
    let sequence = cloud.publish_to(&topic, "g", "hello").await.sequence_number.unwrap();
    let body = envelope(&cloud.received("q.fifo").await[0]);
    assert_eq!(body["SequenceNumber"], sequence);
    assert!(body.get("Signature").is_none());
}

#[tokio::test]
async fn a_standard_queue_receives_no_message_groups_of_a_fifo_topic() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &FIFO).await;
    for name in ["q.fifo", "plain"] {
        let queue = cloud.queue(name).await;
        cloud.subscribe(&topic, "sqs", &queue, &[]).await;
    }
    cloud.publish_to(&topic, "g", "hello").await;
    assert_eq!(cloud.received("q.fifo").await[0].message_group_id.as_deref(), Some("g"));
    assert_eq!(cloud.received("plain").await[0].message_group_id, None);
}
