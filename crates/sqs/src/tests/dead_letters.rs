use super::fixture::{TestCloud, arn, bodies, map, receive, redrive};
use cloudlet_api_sqs::*;

#[tokio::test]
async fn a_message_moves_on_the_receive_that_would_be_one_too_many() {
    let cloud = TestCloud::new();
    let dead = cloud.create("dead", &[]).await;
    let url = cloud.create("q", &[("RedrivePolicy", &redrive("dead", 2)), ("VisibilityTimeout", "5")]).await;
    let sent = cloud.send(&url, "m").await;
    for _ in 0..2 {
        cloud.advance(5);
        assert_eq!(cloud.receive(&url).await.len(), 1);
    }
    cloud.advance(5);
    assert!(cloud.receive(&dead).await.is_empty(), "not before a receive");
    assert!(cloud.receive(&url).await.is_empty());
    assert_eq!(cloud.counts(&url).await, ["0", "0", "0"]);
    let input = ReceiveMessageRequest { attribute_names: Some(vec!["All".into()]), ..receive(&dead) };
    let dead_letter = cloud.receive_with(input).await.pop().unwrap();
    assert_eq!(dead_letter.message_id, sent.message_id);
    let attributes = dead_letter.attributes.unwrap();
    let expected = map(&[
        ("ApproximateFirstReceiveTimestamp", "1764000005000"),
        ("ApproximateReceiveCount", "3"),
        ("DeadLetterQueueSourceArn", arn("q").as_str()),
        ("SenderId", "000000000000"),
        ("SentTimestamp", "1764000000000"),
    ]);
    assert_eq!(attributes, expected);
}

#[tokio::test]
async fn a_receive_finds_the_messages_behind_dead_letters() {
    let cloud = TestCloud::new();
    let dead = cloud.create("dead", &[]).await;
    let url = cloud.create("q", &[("RedrivePolicy", &redrive("dead", 1)), ("VisibilityTimeout", "0")]).await;
    for body in 0..25 {
        cloud.send(&url, &body.to_string()).await;
    }
    for _ in 0..3 {
        cloud.receive(&url).await;
    }
    cloud.send(&url, "good").await;
    assert_eq!(bodies(&cloud.receive(&url).await), ["good"]);
    assert_eq!(cloud.counts(&dead).await, ["25", "0", "0"]);
}

#[tokio::test]
async fn retention_counts_from_sending_in_a_standard_dead_letter_queue() {
    let cloud = TestCloud::new();
    let dead = cloud.create("dead", &[("MessageRetentionPeriod", "100")]).await;
    let url = cloud.create("q", &[("RedrivePolicy", &redrive("dead", 1)), ("VisibilityTimeout", "0")]).await;
    cloud.send(&url, "m").await;
    cloud.advance(60);
    cloud.receive(&url).await;
    cloud.receive(&url).await;
    cloud.advance(39);
    assert_eq!(cloud.counts(&dead).await, ["1", "0", "0"]);
    cloud.advance(1);
    assert_eq!(cloud.counts(&dead).await, ["0", "0", "0"]);
}

#[tokio::test]
async fn retention_starts_again_in_a_fifo_dead_letter_queue_and_order_remains() {
    let cloud = TestCloud::new();
    let fifo = [("FifoQueue", "true"), ("ContentBasedDeduplication", "true"), ("VisibilityTimeout", "0")];
    let dead = cloud.create("dead.fifo", &[&fifo[..], &[("MessageRetentionPeriod", "100")]].concat()).await;
    let policy = redrive("dead.fifo", 1);
    let url = cloud.create("q.fifo", &[&fifo[..], &[("RedrivePolicy", policy.as_str())]].concat()).await;
    for body in ["1", "2", "3"] {
        cloud.send_to(&url, "g", body).await;
    }
    cloud.advance(60);
    assert_eq!(bodies(&cloud.receive(&url).await), ["1", "2", "3"]);
    assert!(cloud.receive(&url).await.is_empty());
    cloud.advance(99);
    assert_eq!(bodies(&cloud.receive(&dead).await), ["1", "2", "3"]);
    cloud.advance(1);
    assert!(cloud.receive(&dead).await.is_empty());
}

#[tokio::test]
async fn a_group_continues_behind_its_dead_letter() {
    let cloud = TestCloud::new();
    let fifo = [("FifoQueue", "true"), ("ContentBasedDeduplication", "true")];
    cloud.create("dead.fifo", &fifo).await;
    let policy = redrive("dead.fifo", 1);
    let url = cloud.create("q.fifo", &[&fifo[..], &[("RedrivePolicy", policy.as_str()), ("VisibilityTimeout", "5")]].concat()).await;
    for body in ["bad", "good"] {
        cloud.send_to(&url, "g", body).await;
    }
    cloud.receive_one(&url).await.unwrap();
    cloud.advance(5);
    assert_eq!(bodies(&cloud.receive(&url).await), ["good"]);
}

#[tokio::test]
async fn a_message_stays_when_its_dead_letter_queue_is_deleted() {
    let cloud = TestCloud::new();
    let dead = cloud.create("dead", &[]).await;
    let url = cloud.create("q", &[("RedrivePolicy", &redrive("dead", 1)), ("VisibilityTimeout", "0")]).await;
    cloud.call::<DeleteQueue>(DeleteQueueRequest { queue_url: dead }).await.unwrap();
    cloud.send(&url, "m").await;
    for _ in 0..5 {
        assert_eq!(cloud.receive(&url).await.len(), 1);
    }
}

#[tokio::test]
async fn a_dead_letter_queue_must_exist_have_the_same_type_and_allow_it() {
    let cloud = TestCloud::new();
    cloud.create("dead", &[]).await;
    cloud.create("dead.fifo", &[("FifoQueue", "true")]).await;
    let closed = cloud.create("closed", &[("RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#)]).await;
    let only = format!(r#"{{"redrivePermission":"byQueue","sourceQueueArns":["{}"]}}"#, arn("other"));
    cloud.create("only", &[("RedriveAllowPolicy", &only)]).await;
    let url = cloud.create("q", &[]).await;
    let elsewhere = r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":1}"#.to_owned();
    for policy in [redrive("absent", 1), redrive("dead.fifo", 1), redrive("closed", 1), redrive("only", 1), elsewhere] {
        let fault = cloud.set(&url, &[("RedrivePolicy", &policy)]).await.unwrap_err();
        assert_eq!(fault.code(), "InvalidParameterValue");
        assert!(fault.message().starts_with(&format!("Value {policy} for parameter RedrivePolicy is invalid. Reason: ")), "{fault}");
    }
    cloud.create("other", &[("RedrivePolicy", &redrive("only", 1))]).await;
    cloud.set(&closed, &[("RedriveAllowPolicy", r#"{"redrivePermission":"allowAll"}"#)]).await.unwrap();
    cloud.set(&url, &[("RedrivePolicy", &redrive("closed", 1))]).await.unwrap();
}

#[tokio::test]
async fn redrive_policies_are_validated() {
    let cloud = TestCloud::new();
    cloud.create("dead", &[]).await;
    let url = cloud.create("q", &[]).await;
    let target = arn("dead");
    for (policy, reason) in [
        ("nonsense".to_owned(), "Redrive policy is not a valid JSON map."),
        ("[]".to_owned(), "Redrive policy is not a valid JSON map."),
        ("{}".to_owned(), "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        (r#"{"MaxReceiveCount":"4"}"#.to_owned(), "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        (r#"{"maxReceiveCount":1}"#.to_owned(), "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
        (format!(r#"{{"deadLetterTargetArn":"{target}"}}"#), "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        (redrive("dead", 0), "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive."),
        (redrive("dead", 1001), "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive."),
    ] {
        let fault = cloud.set(&url, &[("RedrivePolicy", &policy)]).await.unwrap_err();
        assert_eq!(fault.message(), format!("Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}"));
    }
    cloud.set(&url, &[("RedrivePolicy", &format!(r#"{{ "maxReceiveCount": "4", "deadLetterTargetArn": "{target}" }}"#))]).await.unwrap();
    assert_eq!(cloud.attributes(&url).await["RedrivePolicy"], redrive("dead", 4), "whatever its form in the request");
    for allow in [
        "x",
        "{}",
        r#"{"redrivePermission":"some"}"#,
        r#"{"redrivePermission":"byQueue"}"#,
        r#"{"redrivePermission":"byQueue","sourceQueueArns":[]}"#,
        r#"{"redrivePermission":"allowAll","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:q"]}"#,
    ] {
        assert_eq!(cloud.set(&url, &[("RedriveAllowPolicy", allow)]).await.unwrap_err().code(), "InvalidParameterValue", "{allow}");
    }
}

#[tokio::test]
async fn the_sources_of_a_dead_letter_queue_are_listed_in_pages() {
    let cloud = TestCloud::new();
    let dead = cloud.create("dead", &[]).await;
    for name in ["a", "b", "c"] {
        cloud.create(name, &[("RedrivePolicy", &redrive("dead", 1))]).await;
    }
    let mut input = ListDeadLetterSourceQueuesRequest { queue_url: dead, max_results: Some(2), next_token: None };
    let page = cloud.call::<ListDeadLetterSourceQueues>(input.clone()).await.unwrap();
    assert_eq!(page.queue_urls.len(), 2);
    input.next_token = page.next_token;
    let rest = cloud.call::<ListDeadLetterSourceQueues>(input).await.unwrap();
    assert_eq!((rest.queue_urls, rest.next_token), (vec!["http://localhost:4566/000000000000/c".to_owned()], None));
}
