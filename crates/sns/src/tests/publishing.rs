use super::fixture::*;
use cloudlet_api_sns::*;
use cloudlet_shape::Map;

#[tokio::test]
async fn a_queue_receives_a_notification() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let queue = cloud.queue("q").await;
    let subscription = cloud.subscribe(&topic, "sqs", &queue, &[]).await;
    let attributes: Map<_> = [("size".to_owned(), attribute("Number", "1"))].into();
    let input = PublishInput { subject: Some("greeting".into()), message_attributes: Some(attributes), ..message(&topic, "hello \"world\"") };
    let id = cloud.call::<Publish>(input).await.unwrap().message_id.unwrap();
    let body = envelope(&cloud.received("q").await[0]);
    assert_eq!((body["Type"].as_str(), body["MessageId"].as_str()), (Some("Notification"), Some(id.as_str())));
    assert_eq!((body["Message"].as_str(), body["Subject"].as_str()), (Some("hello \"world\""), Some("greeting")));
    assert_eq!(body["Timestamp"], "2025-11-24T16:00:00.000Z");
    assert_eq!(body["MessageAttributes"]["size"], serde_json::json!({"Type": "Number", "Value": "1"}));
    assert_eq!(body["UnsubscribeURL"], format!("http://localhost:4566/?Action=Unsubscribe&SubscriptionArn={subscription}"));
    assert!(body["SigningCertURL"].as_str().unwrap().ends_with(".pem") && body["SignatureVersion"] == "1");
}

#[tokio::test]
async fn a_raw_delivery_is_the_message_and_its_attributes() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let queue = cloud.queue("q").await;
    cloud.subscribe(&topic, "sqs", &queue, &[("RawMessageDelivery", "true")]).await;
    let attributes: Map<_> = [("size".to_owned(), attribute("Number", "1"))].into();
    cloud.call::<Publish>(PublishInput { message_attributes: Some(attributes), ..message(&topic, "hello") }).await.unwrap();
    let received = cloud.received("q").await;
    assert_eq!(received[0].message_body, "hello");
    assert_eq!(received[0].message_attributes.as_ref().unwrap()["size"].string_value.as_deref(), Some("1"));
}

#[tokio::test]
async fn each_protocol_receives_its_own_text() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let queue = cloud.queue("q").await;
    cloud.subscribe(&topic, "sqs", &queue, &[("RawMessageDelivery", "true")]).await;
    cloud.subscribe(&topic, "sms", "+15550001", &[]).await;
    let text = r#"{"default": "to all", "sqs": "to queues", "email": 7}"#;
    cloud.call::<Publish>(PublishInput { message_structure: Some("json".into()), ..message(&topic, text) }).await.unwrap();
    assert_eq!(cloud.texts("q").await, ["to queues"]);
    assert_eq!(cloud.mail()[0].body, "to all");
    for (text, expected) in [
        ("{} }", "Invalid parameter: Message Structure - JSON message body failed to parse"),
        (r#"{"sqs": "x"}"#, "Invalid parameter: Message Structure - No default entry in JSON message body"),
        (r#"{"default": {"a": 1}}"#, "Invalid parameter: Message Structure - No default entry in JSON message body"),
    ] {
        let fault = cloud.call::<Publish>(PublishInput { message_structure: Some("json".into()), ..message(&topic, text) }).await.unwrap_err();
        assert_eq!(fault.message(), expected);
    }
}

#[tokio::test]
async fn what_cannot_be_published_has_awss_message() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let long = "x".repeat(262_145);
    for (input, expected) in [
        (message(&topic, ""), "Invalid parameter: Empty message"),
        (message(&topic, &long), "Invalid parameter: Message too long"),
        (message("randomstring:1", "x"), "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 2"),
        (message(&format!("{topic}-fake"), "x"), "Topic does not exist"),
        (PublishInput { subject: Some("two\nlines".into()), ..message(&topic, "x") }, "Invalid parameter: Subject"),
        (
            PublishInput { phone_number: Some("+1a234".into()), message: "x".into(), ..PublishInput::default() },
            "Invalid parameter: PhoneNumber Reason: +1a234 is not valid to publish to",
        ),
        (
            PublishInput { message_deduplication_id: Some("d".into()), ..message(&topic, "x") },
            "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
        ),
    ] {
        assert_eq!(cloud.call::<Publish>(input).await.unwrap_err().message(), expected);
    }
}

#[tokio::test]
async fn message_attributes_are_checked() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    for (name, value, expected) in [
        (
            "a",
            attribute("String", ""),
            "The message attribute 'a' must contain non-empty message attribute value for message attribute type 'String'.",
        ),
        ("a", attribute("Binary", "x"), "The message attribute 'a' with type 'Binary' must use field 'Binary'."),
        (
            "a",
            attribute("Odd", "x"),
            "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
        (
            "a^",
            attribute("String", "x"),
            "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.",
        ),
        (".a", attribute("String", "x"), "Invalid message attribute name starting with character '.' was found."),
        ("a..b", attribute("String", "x"), "Message attribute name can not have successive '.' character."),
        (
            "a",
            attribute("String.", "x"),
            "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
        (
            "a",
            attribute("Stringprefixed", "x"),
            "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
        ("a", attribute("Number", "inf"), "Could not cast message attribute 'a' value to number."),
        ("a", attribute("Number", "NaN"), "Could not cast message attribute 'a' value to number."),
    ] {
        let attributes: Map<_> = [(name.to_owned(), value)].into();
        let fault = cloud.call::<Publish>(PublishInput { message_attributes: Some(attributes), ..message(&topic, "x") }).await.unwrap_err();
        assert_eq!((fault.code(), fault.message()), ("ParameterValueInvalid", expected));
    }
}

#[tokio::test]
async fn filter_policies_select_messages() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let (by_attribute, by_body) = (cloud.queue("a").await, cloud.queue("b").await);
    cloud.subscribe(&topic, "sqs", &by_attribute, &[("FilterPolicy", r#"{"size": [{"numeric": [">", 5]}]}"#)]).await;
    let body = [("FilterPolicyScope", "MessageBody"), ("FilterPolicy", r#"{"order": {"state": ["paid"]}}"#)];
    cloud.subscribe(&topic, "sqs", &by_body, &body).await;
    for (text, size) in [("plain", "6"), ("plain", "5"), (r#"{"order": {"state": "paid"}}"#, "1")] {
        let attributes: Map<_> = [("size".to_owned(), attribute("Number", size))].into();
        cloud.call::<Publish>(PublishInput { message_attributes: Some(attributes), ..message(&topic, text) }).await.unwrap();
    }
    assert_eq!(cloud.texts("a").await, ["plain"]);
    assert_eq!(cloud.texts("b").await, [r#"{"order": {"state": "paid"}}"#]);
}

#[tokio::test]
async fn a_batch_may_fail_in_part() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let queue = cloud.queue("q").await;
    cloud.subscribe(&topic, "sqs", &queue, &[]).await;
    let entry = |id: &str, text: &str| PublishBatchRequestEntry { id: id.into(), message: text.into(), ..PublishBatchRequestEntry::default() };
    let batch = |entries| PublishBatchInput { topic_arn: topic.clone(), publish_batch_request_entries: entries };
    let answer = cloud.call::<PublishBatch>(batch(vec![entry("1", "good"), entry("2", "")])).await.unwrap();
    let (good, bad) = (answer.successful.unwrap(), answer.failed.unwrap());
    assert_eq!(good.iter().filter_map(|entry| entry.id.as_deref()).collect::<Vec<_>>(), ["1"]);
    assert_eq!((bad[0].id.as_str(), bad[0].code.as_str(), bad[0].sender_fault), ("2", "InvalidParameter", true));
    assert_eq!(cloud.texts("q").await, ["good"]);
    for (entries, code) in [
        (vec![], "EmptyBatchRequest"),
        (vec![entry("1", "a"), entry("1", "b")], "BatchEntryIdsNotDistinct"),
        (vec![entry("a.b", "a")], "InvalidBatchEntryId"),
        ((0..11).map(|number| entry(&number.to_string(), "a")).collect(), "TooManyEntriesInBatchRequest"),
        (vec![entry("1", &"x".repeat(131_072)), entry("2", &"x".repeat(131_073))], "BatchRequestTooLong"),
    ] {
        assert_eq!(cloud.call::<PublishBatch>(batch(entries)).await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn a_data_type_may_have_a_custom_part() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let binary = MessageAttributeValue { data_type: "Binary.png".into(), binary_value: Some("x".into()), string_value: None };
    let values = [attribute("String.anything", "x"), attribute("String.a.b", "x"), attribute("Number.float", "1.5"), binary];
    for value in values {
        let attributes: Map<_> = [("a".to_owned(), value)].into();
        cloud.call::<Publish>(PublishInput { message_attributes: Some(attributes), ..message(&topic, "x") }).await.unwrap();
    }
}

#[tokio::test]
async fn the_trace_header_of_a_publish_reaches_the_queue() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let queue = cloud.queue("q").await;
    cloud.subscribe(&topic, "sqs", &queue, &[]).await;
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let origin = cloudlet_engine::Origin { trace: Some(trace.into()), ..cloudlet_engine::Origin::default() };
    let scope = cloudlet_aws::Scope::new(cloudlet_aws::Account::default(), cloudlet_aws::Region::new("us-east-1"));
    let call = cloudlet_engine::Call::of::<Publish>(cloud.root(), scope, origin, message(&topic, "traced"));
    cloud.perform(call, "r".into(), cloudlet_cloud::EntryPoint::Gateway).await.answer.unwrap();
    cloud.publish(&topic, "untraced").await;
    let received = cloud.received("q").await;
    let header = |message: &cloudlet_api_sqs::SendMessageRequest| message.message_system_attributes.clone()?.remove("AWSTraceHeader")?.string_value;
    assert_eq!(received.iter().map(header).collect::<Vec<_>>(), [Some(trace.to_owned()), None]);
}

#[tokio::test]
async fn a_bad_message_structure_is_reported_before_a_missing_group() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &[("FifoTopic", "true")]).await;
    let expected = "Invalid parameter: Message Structure - JSON message body failed to parse";
    let input = PublishInput { message_structure: Some("json".into()), ..message(&topic, "{") };
    assert_eq!(cloud.call::<Publish>(input).await.unwrap_err().message(), expected);
    let entry = PublishBatchRequestEntry {
        id: "1".into(),
        message: "{".into(),
        message_structure: Some("json".into()),
        ..PublishBatchRequestEntry::default()
    };
    let input = PublishBatchInput { topic_arn: topic, publish_batch_request_entries: vec![entry] };
    assert_eq!(cloud.call::<PublishBatch>(input).await.unwrap_err().message(), expected);
}
