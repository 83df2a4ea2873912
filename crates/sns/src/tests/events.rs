//! Events of platform applications.

use super::fixture::*;
use cloudlet_api_sns::*;
use cloudlet_aws::Fault;
use serde_json::{Value, json};

const APPLICATION: &str = "arn:aws:sns:us-east-1:000000000000:app/GCM/shop";
const EVENTS: [&str; 4] = ["EventEndpointCreated", "EventEndpointUpdated", "EventEndpointDeleted", "EventDeliveryFailure"];

async fn application(cloud: &TestCloud, attributes: &[(&str, &str)]) -> Result<(), Fault> {
    let input = CreatePlatformApplicationInput {
        name: "shop".into(),
        platform: "GCM".into(),
        attributes: [map(&[("PlatformCredential", "key")]), map(attributes)].into_iter().flatten().collect(),
    };
    cloud.call::<CreatePlatformApplication>(input).await.map(|made| assert_eq!(made.platform_application_arn.as_deref(), Some(APPLICATION)))
}

async fn set_application(cloud: &TestCloud, attributes: &[(&str, &str)]) -> Result<(), Fault> {
    let input = SetPlatformApplicationAttributesInput { platform_application_arn: APPLICATION.into(), attributes: map(attributes) };
    cloud.call::<SetPlatformApplicationAttributes>(input).await.map(drop)
}

async fn device(cloud: &TestCloud) -> String {
    let input =
        CreatePlatformEndpointInput { platform_application_arn: APPLICATION.into(), token: "token".into(), ..CreatePlatformEndpointInput::default() };
    cloud.call::<CreatePlatformEndpoint>(input).await.unwrap().endpoint_arn.unwrap()
}

async fn set_device(cloud: &TestCloud, device: &str, name: &str, value: &str) {
    let input = SetEndpointAttributesInput { endpoint_arn: device.into(), attributes: map(&[(name, value)]) };
    cloud.call::<SetEndpointAttributes>(input).await.unwrap();
}

async fn delete(cloud: &TestCloud, device: &str) {
    cloud.call::<DeleteEndpoint>(DeleteEndpointInput { endpoint_arn: device.into() }).await.unwrap();
}

/// An application whose events all go through one topic into the queue `events`.
async fn with_events() -> (TestCloud, String) {
    let cloud = TestCloud::new();
    let topic = cloud.topic("events", &[]).await;
    let queue = cloud.queue("events").await;
    cloud.subscribe(&topic, "sqs", &queue, &[]).await;
    application(&cloud, &EVENTS.map(|name| (name, topic.as_str()))).await.unwrap();
    (cloud, topic)
}

/// Subjects and events that were published since the last call.
async fn published(cloud: &TestCloud) -> Vec<(String, Value)> {
    cloud.settle().await;
    let read =
        |envelope: Value| (envelope["Subject"].as_str().unwrap().to_owned(), serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap());
    cloud.received("events").await.iter().map(envelope).map(read).collect()
}

async fn kinds(cloud: &TestCloud) -> Vec<String> {
    published(cloud).await.iter().map(|(_, event)| event["EventType"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn creating_updating_and_deleting_a_device_publishes_events() {
    let (cloud, _) = with_events().await;
    let device = device(&cloud).await;
    let event = json!({
        "EndpointArn": device,
        "EventType": "EndpointCreated",
        "Resource": APPLICATION,
        "Service": "SNS",
        "Time": "2025-11-24T16:00:00.000Z",
    });
    assert_eq!(published(&cloud).await, [("EndpointCreated event for app shop (GCM)".to_owned(), event)]);
    set_device(&cloud, &device, "Token", "newer").await;
    set_device(&cloud, &device, "Enabled", "false").await;
    assert_eq!(kinds(&cloud).await, ["EndpointUpdated", "EndpointUpdated"]);
    delete(&cloud, &device).await;
    assert_eq!(kinds(&cloud).await, ["EndpointDeleted"]);
}

#[tokio::test]
async fn what_changes_nothing_publishes_no_event() {
    let (cloud, _) = with_events().await;
    let one = device(&cloud).await;
    assert_eq!(kinds(&cloud).await, ["EndpointCreated"]);
    assert_eq!(device(&cloud).await, one);
    set_device(&cloud, &one, "Enabled", "true").await;
    let mut other = one.clone();
    other.replace_range(one.len() - 1.., if one.ends_with('0') { "1" } else { "0" });
    delete(&cloud, &other).await;
    assert!(published(&cloud).await.is_empty());
}

#[tokio::test]
async fn each_event_has_a_topic_of_its_own_or_none() {
    let (cloud, topic) = with_events().await;
    set_application(&cloud, &[("EventEndpointCreated", "")]).await.unwrap();
    let one = device(&cloud).await;
    delete(&cloud, &one).await;
    assert_eq!(kinds(&cloud).await, ["EndpointDeleted"]);
    let input = GetPlatformApplicationAttributesInput { platform_application_arn: APPLICATION.into() };
    let shown = cloud.call::<GetPlatformApplicationAttributes>(input).await.unwrap().attributes.unwrap();
    assert_eq!(shown.get("EventEndpointCreated"), None);
    assert_eq!(shown.get("EventEndpointDeleted"), Some(&topic));
}

#[tokio::test]
async fn a_failed_push_publishes_an_event_and_goes_to_the_dead_letter_queue() {
    let (cloud, _) = with_events().await;
    let device = device(&cloud).await;
    let news = cloud.topic("news", &[]).await;
    let dead = cloud.queue("dead").await;
    let redrive = json!({ "deadLetterTargetArn": dead }).to_string();
    cloud.subscribe(&news, "application", &device, &[("RedrivePolicy", &redrive)]).await;
    set_device(&cloud, &device, "Enabled", "false").await;
    published(&cloud).await;

    let message = cloud.publish(&news, "hello").await.message_id.unwrap();
    let mut event = json!({
        "DeliveryAttempts": 1,
        "EndpointArn": device,
        "EventType": "DeliveryFailure",
        "FailureMessage": "Endpoint is disabled",
        "FailureType": "EndpointDisabled",
        "MessageId": message,
        "Resource": APPLICATION,
        "Service": "SNS",
        "Time": "2025-11-24T16:00:00.000Z",
    });
    let subject = "DeliveryFailure event for app shop (GCM)".to_owned();
    assert_eq!(published(&cloud).await, [(subject.clone(), event.clone())]);
    assert_eq!(cloud.texts("dead").await, ["hello"]);
    assert!(cloud.mail().is_empty());

    delete(&cloud, &device).await;
    published(&cloud).await;
    let message = cloud.publish(&news, "hello?").await.message_id.unwrap();
    event["MessageId"] = message.into();
    event["FailureMessage"] = "Endpoint was not found".into();
    event["FailureType"] = "EndpointNotFound".into();
    assert_eq!(published(&cloud).await, [(subject, event)]);
    assert_eq!(cloud.texts("dead").await, ["hello?"]);
}

#[tokio::test]
async fn a_failed_push_of_an_event_publishes_no_event() {
    let (cloud, topic) = with_events().await;
    let device = device(&cloud).await;
    cloud.subscribe(&topic, "application", &device, &[]).await;
    set_device(&cloud, &device, "Enabled", "false").await;
    kinds(&cloud).await;
    cloud.publish(&topic, "{}").await;
    cloud.settle().await;
    let texts = cloud.texts("events").await;
    assert_eq!(texts.len(), 2, "the message, and the event of its failure: {texts:?}");
}

#[tokio::test]
async fn the_policy_of_the_topic_decides_about_events() {
    let (cloud, topic) = with_events().await;
    let allowing = |source: &str| {
        json!({ "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "SNS:Publish", "Resource": topic,
            "Condition": { "ArnEquals": { "aws:SourceArn": source } },
        }]})
        .to_string()
    };
    cloud.set_topic(&topic, "Policy", &allowing("arn:aws:sns:us-east-1:000000000000:app/GCM/other")).await.unwrap();
    let one = device(&cloud).await;
    assert!(published(&cloud).await.is_empty());
    cloud.set_topic(&topic, "Policy", &allowing(APPLICATION)).await.unwrap();
    delete(&cloud, &one).await;
    assert_eq!(kinds(&cloud).await, ["EndpointDeleted"]);
}

#[tokio::test]
async fn the_topic_of_another_account_receives_events_only_if_its_policy_allows_it() {
    let cloud = TestCloud::new();
    let input = CreateTopicInput { name: "theirs".into(), ..CreateTopicInput::default() };
    let topic = cloud.call_as::<CreateTopic>(other_account(), input).await.unwrap().topic_arn.unwrap();
    cloud.call_as::<Subscribe>(other_account(), subscription(&topic, "sms", "+15551234567", &[])).await.unwrap();
    application(&cloud, &[("EventEndpointCreated", &topic), ("EventEndpointDeleted", &topic)]).await.unwrap();
    let device = device(&cloud).await;
    cloud.settle().await;
    assert!(cloud.mail().is_empty());
    let policy = json!({ "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "SNS:Publish", "Resource": topic,
        "Condition": { "StringEquals": { "aws:SourceAccount": "000000000000" } },
    }]});
    let input = SetTopicAttributesInput { topic_arn: topic, attribute_name: "Policy".into(), attribute_value: Some(policy.to_string()) };
    cloud.call_as::<SetTopicAttributes>(other_account(), input).await.unwrap();
    delete(&cloud, &device).await;
    cloud.settle().await;
    assert!(cloud.mail()[0].body.contains("EndpointDeleted"));
}

#[tokio::test]
async fn an_event_attribute_names_an_existing_topic() {
    let cloud = TestCloud::new();
    let message = |name: &str, what: &str| format!("Invalid parameter: Attributes Reason: {name} {what}");
    for name in EVENTS {
        for wrong in ["topic", "arn:aws:sns:us-east-1:000000000000:app/GCM/shop", "arn:aws:sqs:us-east-1:000000000000:queue"] {
            let fault = application(&cloud, &[(name, wrong)]).await.unwrap_err();
            assert_eq!((fault.message(), fault.status()), (message(name, "has invalid ARN format").as_str(), 400));
        }
    }
    application(&cloud, &[]).await.unwrap();
    for name in EVENTS {
        let fault = set_application(&cloud, &[(name, "arn:aws:sns:us-east-1:000000000000:none")]).await.unwrap_err();
        assert_eq!((fault.code(), fault.message()), ("InvalidParameter", message(name, "is not an existing topic").as_str()));
    }
}

#[tokio::test]
async fn the_subject_is_shortened_for_a_long_name() {
    let (cloud, topic) = with_events().await;
    let name = "n".repeat(256);
    let attributes = map(&[("PlatformCredential", "key"), ("EventEndpointCreated", &topic)]);
    let input = CreatePlatformApplicationInput { name, platform: "GCM".into(), attributes };
    let platform_application_arn = cloud.call::<CreatePlatformApplication>(input).await.unwrap().platform_application_arn.unwrap();
    let input = CreatePlatformEndpointInput { platform_application_arn, token: "token".into(), ..CreatePlatformEndpointInput::default() };
    cloud.call::<CreatePlatformEndpoint>(input).await.unwrap();
    let subjects: Vec<String> = published(&cloud).await.into_iter().map(|(subject, _)| subject).collect();
    assert_eq!(subjects, [format!("EndpointCreated event for app {} (GCM)", "n".repeat(64))]);
}
