use super::fixture::{TestCloud, bodies, message, receive};
use cloudlet_api_sqs::*;

const FIFO: &[(&str, &str)] = &[("FifoQueue", "true"), ("ContentBasedDeduplication", "true")];

async fn fifo(cloud: &TestCloud) -> String {
    cloud.create("q.fifo", FIFO).await
}

fn in_group(url: &str, group: &str, id: &str, body: &str) -> SendMessageRequest {
    SendMessageRequest { message_group_id: Some(group.into()), message_deduplication_id: Some(id.into()), ..message(url, body) }
}

#[tokio::test]
async fn messages_of_a_group_are_ordered_and_other_groups_are_independent() {
    let cloud = TestCloud::new();
    let url = fifo(&cloud).await;
    for (group, body) in [("a", "a1"), ("b", "b1"), ("a", "a2")] {
        cloud.send_to(&url, group, body).await;
    }
    let a1 = cloud.receive_one(&url).await.unwrap();
    let b1 = cloud.receive_one(&url).await.unwrap();
    assert_eq!(bodies(&[a1.clone(), b1]), ["a1", "b1"]);
    assert!(cloud.receive(&url).await.is_empty());
    cloud.delete(&url, &a1).await.unwrap();
    assert_eq!(bodies(&cloud.receive(&url).await), ["a2"]);
}

#[tokio::test]
async fn one_receive_returns_several_messages_of_a_group() {
    let cloud = TestCloud::new();
    let url = fifo(&cloud).await;
    for (group, body) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("a", "a3")] {
        cloud.send_to(&url, group, body).await;
    }
    assert_eq!(bodies(&cloud.receive(&url).await), ["a1", "a2", "a3", "b1"]);
}

#[tokio::test]
async fn a_group_continues_with_the_message_that_became_visible_again() {
    let cloud = TestCloud::new();
    let url = fifo(&cloud).await;
    for (group, body) in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1")] {
        cloud.send_to(&url, group, body).await;
    }
    let two = ReceiveMessageRequest { max_number_of_messages: Some(2), ..receive(&url) };
    let held = cloud.receive_with(two).await;
    cloud.change(&url, &held[0], 1).await.unwrap();
    cloud.advance(1);
    // Only the first is back, and the second, still held, keeps the third back.
    assert_eq!(bodies(&cloud.receive(&url).await), ["b1", "a1"]);
}

#[tokio::test]
async fn a_later_message_waits_for_an_earlier_one_in_flight() {
    let cloud = TestCloud::new();
    let url = fifo(&cloud).await;
    for body in ["1", "2"] {
        cloud.send_to(&url, "g", body).await;
    }
    let held = cloud.receive(&url).await;
    cloud.change(&url, &held[1], 0).await.unwrap();
    assert!(cloud.receive(&url).await.is_empty());
    cloud.delete(&url, &held[0]).await.unwrap();
    assert_eq!(bodies(&cloud.receive(&url).await), ["2"]);
}

#[tokio::test]
async fn a_timeout_does_not_change_the_order() {
    let cloud = TestCloud::new();
    let url = cloud.create("q.fifo", &[FIFO, &[("VisibilityTimeout", "5")]].concat()).await;
    for body in ["1", "2"] {
        cloud.send_to(&url, "g", body).await;
    }
    cloud.receive_one(&url).await.unwrap();
    cloud.advance(5);
    assert_eq!(bodies(&cloud.receive(&url).await), ["1", "2"]);
}

#[tokio::test]
async fn a_duplicate_within_five_minutes_is_accepted_and_not_delivered() {
    let cloud = TestCloud::new();
    let url = fifo(&cloud).await;
    let first = cloud.call::<SendMessage>(in_group(&url, "g", "d", "first")).await.unwrap();
    let held = cloud.receive_one(&url).await.unwrap();
    cloud.delete(&url, &held).await.unwrap();
    cloud.advance(299);
    let second = cloud.call::<SendMessage>(in_group(&url, "other", "d", "second")).await.unwrap();
    assert_eq!((&second.message_id, &second.sequence_number), (&first.message_id, &first.sequence_number));
    assert_ne!(second.md5_of_message_body, first.md5_of_message_body, "SDKs verify the digest of what they sent");
    assert!(cloud.receive(&url).await.is_empty(), "although the first is deleted");
    cloud.advance(1);
    let third = cloud.call::<SendMessage>(in_group(&url, "g", "d", "third")).await.unwrap();
    assert_ne!(third.message_id, first.message_id);
    assert_eq!(bodies(&cloud.receive(&url).await), ["third"]);
}

#[tokio::test]
async fn content_based_deduplication_ignores_attributes() {
    let cloud = TestCloud::new();
    let url = fifo(&cloud).await;
    let first = cloud.send_to(&url, "g", "same").await;
    let value = MessageAttributeValue { data_type: "String".into(), string_value: Some("x".into()), ..Default::default() };
    let input = SendMessageRequest {
        message_group_id: Some("g".into()),
        message_attributes: Some([("a".to_owned(), value)].into()),
        ..message(&url, "same")
    };
    assert_eq!(cloud.call::<SendMessage>(input).await.unwrap().message_id, first.message_id);
    assert_ne!(cloud.call::<SendMessage>(in_group(&url, "g", "own-id", "same")).await.unwrap().message_id, first.message_id);
}

#[tokio::test]
async fn deduplication_by_group_ignores_other_groups() {
    let cloud = TestCloud::new();
    let scope = [("DeduplicationScope", "messageGroup"), ("FifoThroughputLimit", "perMessageGroupId")];
    let url = cloud.create("q.fifo", &[FIFO, &scope].concat()).await;
    let ids = [
        cloud.call::<SendMessage>(in_group(&url, "a", "d", "1")).await.unwrap().message_id,
        cloud.call::<SendMessage>(in_group(&url, "b", "d", "2")).await.unwrap().message_id,
        cloud.call::<SendMessage>(in_group(&url, "a", "d", "3")).await.unwrap().message_id,
    ];
    assert_eq!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[1]);
    // AWS: right after a change the scope is the previous one (recorded).
    cloud.set(&url, &[("DeduplicationScope", "queue"), ("FifoThroughputLimit", "perQueue")]).await.unwrap();
    let other = cloud.call::<SendMessage>(in_group(&url, "c", "d", "4")).await.unwrap().message_id;
    assert!(!ids.contains(&other));
}

#[tokio::test]
async fn sequence_numbers_have_twenty_digits_and_grow() {
    let cloud = TestCloud::new();
    let url = fifo(&cloud).await;
    let mut last = String::new();
    for body in ["1", "2", "3"] {
        let number = cloud.send_to(&url, "g", body).await.sequence_number.unwrap();
        assert!(number.len() == 20 && number > last, "{number} after {last}");
        last = number;
        if body == "2" {
            cloud.advance(1);
        }
    }
    let input = ReceiveMessageRequest { attribute_names: Some(vec!["All".into()]), max_number_of_messages: Some(10), ..receive(&url) };
    let seen = cloud.receive_with(input).await.pop().unwrap().attributes.unwrap();
    assert_eq!((seen["SequenceNumber"].as_str(), seen["MessageGroupId"].as_str()), (last.as_str(), "g"));
    assert_eq!(seen["MessageDeduplicationId"].len(), 64, "the digest of the body");
}

#[tokio::test]
async fn fifo_parameters_are_required() {
    let cloud = TestCloud::new();
    let url = cloud.create("q.fifo", &[("FifoQueue", "true")]).await;
    let fault = cloud.call::<SendMessage>(message(&url, "m")).await.unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("MissingParameter", "The request must contain the parameter MessageGroupId."));
    let no_id = SendMessageRequest { message_group_id: Some("g".into()), ..message(&url, "m") };
    let needs_id = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
    assert_eq!(cloud.call::<SendMessage>(no_id).await.unwrap_err().message(), needs_id);
    let delayed = SendMessageRequest { delay_seconds: Some(2), ..in_group(&url, "g", "d", "m") };
    assert_eq!(
        cloud.call::<SendMessage>(delayed).await.unwrap_err().message(),
        "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type."
    );
    let entry = |id: &str, group: Option<&str>, dedup: Option<&str>| SendMessageBatchRequestEntry {
        id: id.into(),
        message_body: "m".into(),
        message_group_id: group.map(Into::into),
        message_deduplication_id: dedup.map(Into::into),
        ..Default::default()
    };
    for (bad, message) in
        [(entry("2", Some("g"), None), needs_id), (entry("2", None, Some("e")), "The request must contain the parameter MessageGroupId.")]
    {
        let entries = vec![entry("1", Some("g"), Some("d")), bad];
        let fault = cloud.call::<SendMessageBatch>(SendMessageBatchRequest { queue_url: url.clone(), entries }).await.unwrap_err();
        assert_eq!((fault.code(), fault.message()), ("InvalidParameterValue", message));
    }
    assert!(cloud.receive(&url).await.is_empty(), "nothing of a refused batch is sent");
}

#[tokio::test]
async fn only_the_latest_handle_is_valid_and_only_until_its_timeout() {
    let cloud = TestCloud::new();
    let url = cloud.create("q.fifo", &[FIFO, &[("VisibilityTimeout", "5")]].concat()).await;
    cloud.send_to(&url, "g", "m").await;
    let old = cloud.receive_one(&url).await.unwrap();
    cloud.advance(5);
    let expired = |message: &Message| {
        format!(
            "Value {} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
            message.receipt_handle.as_deref().unwrap()
        )
    };
    assert_eq!(cloud.delete(&url, &old).await.unwrap_err().message(), expired(&old));
    let new = cloud.receive_one(&url).await.unwrap();
    assert_eq!(cloud.delete(&url, &old).await.unwrap_err().message(), expired(&old));
    let entries = vec![DeleteMessageBatchRequestEntry { id: "1".into(), receipt_handle: old.receipt_handle.clone().unwrap() }];
    let result = cloud.call::<DeleteMessageBatch>(DeleteMessageBatchRequest { queue_url: url.clone(), entries }).await.unwrap();
    let failed = result.failed.unwrap().pop().unwrap();
    assert_eq!((failed.code.as_str(), failed.message.as_deref()), ("ReceiptHandleIsInvalid", Some("The receipt handle has expired")));
    assert!(cloud.change(&url, &old, 10).await.is_err());
    cloud.delete(&url, &new).await.unwrap();
    cloud.delete(&url, &new).await.unwrap();
}

#[tokio::test]
async fn a_receive_is_repeated_by_its_attempt_id() {
    let cloud = TestCloud::new();
    let url = cloud.create("q.fifo", &[FIFO, &[("VisibilityTimeout", "10")]].concat()).await;
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1")] {
        cloud.send_to(&url, group, body).await;
    }
    let attempt = |id: &str| ReceiveMessageRequest { receive_request_attempt_id: Some(id.into()), max_number_of_messages: Some(2), ..receive(&url) };
    let first = cloud.receive_with(attempt("r")).await;
    assert_eq!(bodies(&first), ["a1", "a2"]);
    cloud.advance(6);
    let again = cloud.receive_with(attempt("r")).await;
    let handles = |messages: &[Message]| messages.iter().map(|message| message.receipt_handle.clone()).collect::<Vec<_>>();
    assert_eq!((bodies(&again), handles(&again)), (bodies(&first), handles(&first)));
    cloud.advance(6);
    assert_eq!(bodies(&cloud.receive_with(attempt("other")).await), ["b1"], "the repeated receive began a new timeout");
    cloud.delete(&url, &first[0]).await.unwrap();
    let fault = cloud.call::<ReceiveMessage>(attempt("r")).await.unwrap_err();
    assert_eq!(fault.code(), "InvalidParameterValue");
    assert_eq!(
        fault.message(),
        "Value r for parameter ReceiveRequestAttemptId is invalid. Reason: The receiveRequestAttemptId is not valid anymore since the receive call is not retryable."
    );
}

#[tokio::test]
async fn an_attempt_id_is_valid_for_five_minutes_and_until_visibility_changes() {
    let cloud = TestCloud::new();
    let url = cloud.create("q.fifo", &[FIFO, &[("VisibilityTimeout", "600")]].concat()).await;
    cloud.send_to(&url, "g", "m").await;
    let attempt = ReceiveMessageRequest { receive_request_attempt_id: Some("r".into()), ..receive(&url) };
    cloud.receive_with(attempt.clone()).await;
    cloud.advance(299);
    assert_eq!(cloud.receive_with(attempt.clone()).await.len(), 1);
    cloud.advance(1);
    assert!(cloud.receive_with(attempt.clone()).await.is_empty());
    cloud.advance(600);
    let held = cloud.receive_with(attempt.clone()).await;
    cloud.change(&url, &held[0], 500).await.unwrap();
    assert_eq!(cloud.call::<ReceiveMessage>(attempt).await.unwrap_err().code(), "InvalidParameterValue");
}

#[tokio::test]
async fn a_new_delay_applies_to_messages_in_the_queue() {
    let cloud = TestCloud::new();
    let url = fifo(&cloud).await;
    cloud.send_to(&url, "g", "m").await;
    cloud.set(&url, &[("DelaySeconds", "10")]).await.unwrap();
    assert_eq!(cloud.counts(&url).await, ["0", "1", "0"]);
    assert!(cloud.receive(&url).await.is_empty());
    cloud.set(&url, &[("DelaySeconds", "5")]).await.unwrap();
    cloud.advance(5);
    assert_eq!(bodies(&cloud.receive(&url).await), ["m"]);
}

#[tokio::test]
async fn a_purge_forgets_deduplication_ids() {
    let cloud = TestCloud::new();
    let url = fifo(&cloud).await;
    cloud.send_to(&url, "g", "m").await;
    cloud.call::<PurgeQueue>(PurgeQueueRequest { queue_url: url.clone() }).await.unwrap();
    cloud.send_to(&url, "g", "m").await;
    assert_eq!(bodies(&cloud.receive(&url).await), ["m"]);
}

#[tokio::test]
async fn a_changed_deduplication_scope_applies_after_a_minute_to_new_ids() {
    let cloud = TestCloud::new();
    let url = fifo(&cloud).await;
    let send = async |group: &str, id: &str| cloud.call::<SendMessage>(in_group(&url, group, id, "m")).await.unwrap().message_id.unwrap();
    let first = send("a", "before").await;
    cloud.set(&url, &[("DeduplicationScope", "messageGroup")]).await.unwrap();
    assert_eq!(send("b", "before").await, first, "the scope is still the queue");
    let second = send("a", "after").await;
    assert_eq!(send("b", "after").await, second);
    cloud.advance(59);
    assert_eq!(send("c", "after").await, second);
    cloud.advance(1);
    let third = send("a", "later").await;
    assert_ne!(send("b", "later").await, third);
    assert_eq!(send("a", "later").await, third);
}
