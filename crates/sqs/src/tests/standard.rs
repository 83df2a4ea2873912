use super::fixture::{TestCloud, bodies, by_query, handle, message, receive};
use cloudlet_api_sqs::*;
use cloudlet_engine::Origin;
use cloudlet_shape::Map;

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry { id: id.into(), message_body: body.into(), ..SendMessageBatchRequestEntry::default() }
}

fn text(value: &str) -> MessageAttributeValue {
    MessageAttributeValue { data_type: "String".into(), string_value: Some(value.into()), ..MessageAttributeValue::default() }
}

#[tokio::test]
async fn a_received_message_is_invisible_until_its_timeout() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("VisibilityTimeout", "10")]).await;
    let sent = cloud.send(&url, "hello").await;
    let first = cloud.receive_one(&url).await.unwrap();
    assert_eq!((first.message_id.as_ref(), first.body.as_deref()), (sent.message_id.as_ref(), Some("hello")));
    assert_eq!(first.md5_of_body.as_deref(), Some("5d41402abc4b2a76b9719d911017c592"));
    cloud.advance_millis(9_999);
    assert!(cloud.receive_one(&url).await.is_none());
    cloud.advance_millis(1);
    let second = cloud.receive_one(&url).await.unwrap();
    assert_eq!(second.message_id, first.message_id);
    assert_ne!(second.receipt_handle, first.receipt_handle);
}

#[tokio::test]
async fn a_receive_may_set_another_timeout_and_a_change_may_end_it() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    cloud.send(&url, "m").await;
    let input = ReceiveMessageRequest { visibility_timeout: Some(3), ..receive(&url) };
    let held = cloud.receive_with(input.clone()).await.pop().unwrap();
    cloud.change(&url, &held, 60).await.unwrap();
    cloud.advance(59);
    assert!(cloud.receive_one(&url).await.is_none());
    cloud.change(&url, &held, 0).await.unwrap();
    let again = cloud.receive_with(input).await.pop().unwrap();
    cloud.advance(3);
    // AWS: a change after the timeout succeeds.
    cloud.change(&url, &again, 5).await.unwrap();
    assert!(cloud.receive_one(&url).await.is_some());
}

#[tokio::test]
async fn a_visibility_timeout_ends_after_twelve_hours() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("VisibilityTimeout", "43200")]).await;
    cloud.send(&url, "m").await;
    let held = cloud.receive_one(&url).await.unwrap();
    cloud.advance(100);
    cloud.change(&url, &held, 43_100).await.unwrap();
    let fault = cloud.change(&url, &held, 43_101).await.unwrap_err();
    assert_eq!(
        fault.message(),
        "Value 43101 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."
    );
    assert!(cloud.change(&url, &held, 43_201).await.is_err());
}

#[tokio::test]
async fn a_delayed_message_is_received_after_its_delay() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("DelaySeconds", "5")]).await;
    cloud.send(&url, "by the queue").await;
    cloud.call::<SendMessage>(SendMessageRequest { delay_seconds: Some(0), ..message(&url, "at once") }).await.unwrap();
    cloud.call::<SendMessage>(SendMessageRequest { delay_seconds: Some(900), ..message(&url, "late") }).await.unwrap();
    assert_eq!(bodies(&cloud.receive(&url).await), ["at once"]);
    // In a standard queue a new delay applies to new messages alone.
    cloud.set(&url, &[("DelaySeconds", "0")]).await.unwrap();
    assert!(cloud.receive(&url).await.is_empty());
    cloud.advance(5);
    assert_eq!(bodies(&cloud.receive(&url).await), ["by the queue"]);
    cloud.advance(895);
    assert!(bodies(&cloud.receive(&url).await).contains(&"late"));
    let fault = cloud.call::<SendMessage>(SendMessageRequest { delay_seconds: Some(901), ..message(&url, "m") }).await.unwrap_err();
    assert_eq!(fault.message(), "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.");
}

#[tokio::test]
async fn a_message_expires_in_every_state() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("MessageRetentionPeriod", "60"), ("VisibilityTimeout", "43200")]).await;
    cloud.send(&url, "held").await;
    cloud.receive_one(&url).await.unwrap();
    cloud.send(&url, "waiting").await;
    cloud.advance(59);
    assert_eq!(cloud.counts(&url).await, ["1", "0", "1"]);
    cloud.advance(1);
    assert_eq!(cloud.counts(&url).await, ["0", "0", "0"]);
    assert!(cloud.receive(&url).await.is_empty());
    cloud.send(&url, "new").await;
    cloud.advance(30);
    cloud.set(&url, &[("MessageRetentionPeriod", "120")]).await.unwrap();
    cloud.advance(60);
    assert_eq!(bodies(&cloud.receive(&url).await), ["new"], "a longer retention applies to messages in the queue as well");
}

#[tokio::test]
async fn any_handle_of_a_message_deletes_it() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("VisibilityTimeout", "0")]).await;
    cloud.send(&url, "m").await;
    let old = cloud.receive_one(&url).await.unwrap();
    cloud.receive_one(&url).await.unwrap();
    cloud.delete(&url, &old).await.unwrap();
    assert!(cloud.receive_one(&url).await.is_none());
    cloud.delete(&url, &old).await.unwrap();
    let fault = cloud.change(&url, &old, 1).await.unwrap_err();
    assert_eq!(
        fault.message(),
        format!(
            "Value {} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.",
            handle(&old)
        )
    );
}

#[tokio::test]
async fn an_invalid_handle_is_refused() {
    let cloud = TestCloud::new();
    let (one, two) = (cloud.create("one", &[]).await, cloud.create("two", &[]).await);
    cloud.send(&one, "m").await;
    let held = cloud.receive_one(&one).await.unwrap();
    let delete = |handle: &str| cloud.call::<DeleteMessage>(DeleteMessageRequest { queue_url: two.clone(), receipt_handle: handle.into() });
    for handle in ["garbage", "AQEB", &"A".repeat(100_000)] {
        let fault = delete(handle).await.unwrap_err();
        assert_eq!(fault.message(), format!("The input receipt handle \"{handle}\" is not a valid receipt handle."));
    }
    let fault = cloud.delete(&two, &held).await.unwrap_err();
    assert_eq!(fault.code(), "ReceiptHandleIsInvalid");
    assert_eq!(fault.message(), format!("The receipt handle \"{}\" is not valid for this queue.", handle(&held)));
    assert_eq!(delete("").await.unwrap_err().code(), "MissingParameter");
}

#[tokio::test]
async fn system_and_message_attributes_are_returned_as_selected() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("VisibilityTimeout", "0")]).await;
    let trace = MessageSystemAttributeValue { data_type: "String".into(), string_value: Some("Root=1".into()), ..Default::default() };
    let input = SendMessageRequest {
        message_system_attributes: Some(Map::from([("AWSTraceHeader".into(), trace)])),
        message_attributes: Some(Map::from([("a.x".into(), text("1")), ("a.y".into(), text("2")), ("b".into(), text("3"))])),
        ..message(&url, "m")
    };
    let sent = cloud.call::<SendMessage>(input).await.unwrap();
    assert!(sent.md5_of_message_system_attributes.is_some() && sent.sequence_number.is_none());
    cloud.advance(1);
    cloud.receive_one(&url).await.unwrap();
    cloud.advance(1);
    let input = ReceiveMessageRequest {
        message_system_attribute_names: Some(vec!["All".into()]),
        message_attribute_names: Some(vec!["a.*".into()]),
        ..receive(&url)
    };
    let seen = cloud.receive_with(input).await.pop().unwrap();
    let expected = super::fixture::map(&[
        ("AWSTraceHeader", "Root=1"),
        ("ApproximateFirstReceiveTimestamp", "1764000001000"),
        ("ApproximateReceiveCount", "2"),
        ("SenderId", "000000000000"),
        ("SentTimestamp", "1764000000000"),
    ]);
    assert_eq!(seen.attributes, Some(expected));
    assert_eq!(seen.message_attributes.unwrap().keys().collect::<Vec<_>>(), ["a.x", "a.y"]);
    assert_ne!(seen.md5_of_message_attributes, sent.md5_of_message_attributes, "the digest covers the returned attributes");
    let all = ReceiveMessageRequest { message_attribute_names: Some(vec!["All".into()]), ..receive(&url) };
    let seen = cloud.receive_with(all).await.pop().unwrap();
    assert_eq!((seen.md5_of_message_attributes, seen.attributes), (sent.md5_of_message_attributes, None));
}

#[tokio::test]
async fn the_trace_of_a_request_is_the_trace_header_of_its_message() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let origin = Origin { trace: Some("Root=2".into()), ..Origin::default() };
    cloud.call_from::<SendMessage>(origin, message(&url, "m")).await.unwrap();
    let input = ReceiveMessageRequest { attribute_names: Some(vec!["AWSTraceHeader".into()]), ..receive(&url) };
    let seen = cloud.receive_with(input).await.pop().unwrap();
    assert_eq!(seen.attributes, Some(super::fixture::map(&[("AWSTraceHeader", "Root=2")])));
}

#[tokio::test]
async fn each_protocol_uses_one_of_the_two_lists_of_attribute_names() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("VisibilityTimeout", "0")]).await;
    cloud.send(&url, "m").await;
    let input = ReceiveMessageRequest {
        attribute_names: Some(vec!["SenderId".into()]),
        message_system_attribute_names: Some(vec!["SentTimestamp".into()]),
        ..receive(&url)
    };
    for (origin, name) in [(by_query(), "SenderId"), (Origin::default(), "SentTimestamp")] {
        let seen = cloud.call_from::<ReceiveMessage>(origin, input.clone()).await.unwrap().messages.unwrap().pop().unwrap();
        assert_eq!(seen.attributes.unwrap().keys().collect::<Vec<_>>(), [name]);
    }
    let unknown = ReceiveMessageRequest { attribute_names: Some(vec!["Foo".into()]), ..receive(&url) };
    assert_eq!(cloud.call::<ReceiveMessage>(unknown).await.unwrap_err().message(), "Unknown Attribute Foo.");
}

#[tokio::test]
async fn the_message_size_includes_attributes() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("MaximumMessageSize", "1024")]).await;
    cloud.send(&url, &"a".repeat(1024)).await;
    let attributes = || Some(Map::from([("k".to_owned(), text("x"))]));
    let fits = SendMessageRequest { message_attributes: attributes(), ..message(&url, &"a".repeat(1024 - 8)) };
    cloud.call::<SendMessage>(fits).await.unwrap();
    let over = SendMessageRequest { message_attributes: attributes(), ..message(&url, &"a".repeat(1024 - 7)) };
    let fault = cloud.call::<SendMessage>(over).await.unwrap_err();
    assert_eq!(fault.message(), "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.");
    let big = cloud.create("big", &[]).await;
    let half = "a".repeat(524_288);
    let batch = |tail: &str| SendMessageBatchRequest {
        queue_url: big.clone(),
        entries: vec![entry("1", &half), entry("2", &format!("{}{tail}", &half[1..]))],
    };
    cloud.call::<SendMessageBatch>(batch("a")).await.unwrap();
    let fault = cloud.call::<SendMessageBatch>(batch("aa")).await.unwrap_err();
    assert_eq!(fault.message(), "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.");
}

#[tokio::test]
async fn a_batch_is_checked_as_a_whole_and_its_entries_fail_separately() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let batch =
        |entries: Vec<SendMessageBatchRequestEntry>| cloud.call::<SendMessageBatch>(SendMessageBatchRequest { queue_url: url.clone(), entries });
    let eleven = (0..11).map(|id| entry(&id.to_string(), "m")).collect();
    for (entries, name, message) in [
        (vec![], "EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request."),
        (eleven, "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 11."),
        (vec![entry("1", "m"), entry("1", "m")], "BatchEntryIdsNotDistinct", "Id 1 repeated."),
        (
            vec![entry("a b", "m")],
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
        ),
    ] {
        let fault = batch(entries).await.unwrap_err();
        assert_eq!((fault.name(), fault.message()), (name, message));
    }
    let invalid = SendMessageBatchRequestEntry { message_deduplication_id: Some("d".into()), ..entry("4", "m") };
    let result = batch(vec![entry("1", "valid"), entry("2", "\u{1}"), entry("3", ""), invalid]).await.unwrap();
    assert_eq!(result.successful.unwrap().iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["1"]);
    let failed = result.failed.unwrap();
    let messages: Vec<_> = failed.iter().filter_map(|entry| entry.message.clone()).collect();
    let failed: Vec<_> = failed.iter().map(|entry| (entry.id.as_str(), entry.code.as_str(), entry.sender_fault)).collect();
    assert_eq!(failed, [("2", "InvalidMessageContents", true), ("3", "MissingParameter", true), ("4", "InvalidParameterValue", true)]);
    assert_eq!(messages.last().unwrap(), "The request includes a parameter that is not valid for this queue type");
    assert_eq!(bodies(&cloud.receive(&url).await), ["valid"]);
}

#[tokio::test]
async fn messages_are_deleted_and_made_visible_in_batches() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    for body in ["a", "b"] {
        cloud.send(&url, body).await;
    }
    let held = cloud.receive(&url).await;
    let entry =
        |id: &str, handle: String| ChangeMessageVisibilityBatchRequestEntry { id: id.into(), receipt_handle: handle, visibility_timeout: Some(0) };
    let entries = vec![entry("1", handle(&held[0])), entry("2", "garbage".into())];
    let result = cloud.call::<ChangeMessageVisibilityBatch>(ChangeMessageVisibilityBatchRequest { queue_url: url.clone(), entries }).await.unwrap();
    assert_eq!((result.successful.unwrap()[0].id.as_str(), result.failed.unwrap()[0].code.as_str()), ("1", "ReceiptHandleIsInvalid"));
    assert_eq!(bodies(&cloud.receive(&url).await), ["a"]);
    let entries =
        held.iter().enumerate().map(|(id, message)| DeleteMessageBatchRequestEntry { id: id.to_string(), receipt_handle: handle(message) }).collect();
    let result = cloud.call::<DeleteMessageBatch>(DeleteMessageBatchRequest { queue_url: url.clone(), entries }).await.unwrap();
    assert_eq!((result.successful.unwrap().len(), result.failed.is_none()), (2, true));
    assert_eq!(cloud.counts(&url).await, ["0", "0", "0"]);
}

#[tokio::test]
async fn invalid_parameters_of_a_standard_queue_are_refused() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let fault = cloud.call::<SendMessage>(SendMessageRequest { message_deduplication_id: Some("d".into()), ..message(&url, "m") }).await.unwrap_err();
    assert_eq!(
        fault.message(),
        "Value d for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type."
    );
    let input = ReceiveMessageRequest { receive_request_attempt_id: Some("r".into()), ..receive(&url) };
    assert_eq!(cloud.call::<ReceiveMessage>(input).await.unwrap_err().code(), "InvalidParameterValue");
    for most in [0, 11] {
        let input = ReceiveMessageRequest { max_number_of_messages: Some(most), ..receive(&url) };
        let message = format!("Value {most} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.");
        assert_eq!(cloud.call::<ReceiveMessage>(input).await.unwrap_err().message(), message);
    }
    for wait in [-1, 21] {
        let input = ReceiveMessageRequest { wait_time_seconds: Some(wait), ..receive(&url) };
        let message = format!("Value {wait} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.");
        assert_eq!(cloud.call::<ReceiveMessage>(input).await.unwrap_err().message(), message);
    }
}

#[tokio::test]
async fn a_message_whose_timeout_ended_comes_before_those_sent_after_its_receive() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("VisibilityTimeout", "5")]).await;
    cloud.send(&url, "first").await;
    cloud.advance(1);
    let held = cloud.receive_one(&url).await.unwrap();
    cloud.advance(1);
    cloud.send(&url, "meanwhile").await;
    cloud.advance(4);
    assert_eq!(bodies(&cloud.receive(&url).await), ["first", "meanwhile"]);
    cloud.advance(5);
    cloud.change(&url, &held, 0).await.unwrap();
    cloud.send(&url, "last").await;
    assert_eq!(bodies(&cloud.receive(&url).await), ["first", "meanwhile", "last"]);
}

#[tokio::test]
async fn a_message_made_visible_again_and_again_does_not_starve_the_others() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("VisibilityTimeout", "0")]).await;
    cloud.send(&url, "a").await;
    cloud.send(&url, "b").await;
    let mut received = vec![];
    for _ in 0..4 {
        cloud.advance(1);
        received.push(cloud.receive_one(&url).await.unwrap().body.unwrap());
    }
    assert_eq!(received, ["a", "b", "a", "b"]);
}

#[tokio::test]
async fn a_message_of_a_batch_that_is_too_long_fails_alone() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("MaximumMessageSize", "1024")]).await;
    let entries = vec![entry("1", "m"), entry("2", &"a".repeat(1025))];
    let result = cloud.call::<SendMessageBatch>(SendMessageBatchRequest { queue_url: url.clone(), entries }).await.unwrap();
    assert_eq!(result.successful.unwrap()[0].id, "1");
    let failed = result.failed.unwrap().pop().unwrap();
    assert_eq!((failed.id.as_str(), failed.code.as_str(), failed.sender_fault), ("2", "InvalidParameterValue", true));
    assert_eq!(failed.message.unwrap(), "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.");
}
