//! What topics are told of the devices of an application.

use super::house::*;
use cloudlet_api_sns::*;
use cloudlet_aws::Fault;
use serde_json::{Value, json};

const APPLICATION: &str = "arn:aws:sns:us-east-1:000000000000:app/GCM/shop";
const EVENTS: [&str; 4] = ["EventEndpointCreated", "EventEndpointUpdated", "EventEndpointDeleted", "EventDeliveryFailure"];

async fn application(house: &House, attributes: &[(&str, &str)]) -> Result<(), Fault> {
    let input = CreatePlatformApplicationInput {
        name: "shop".into(),
        platform: "GCM".into(),
        attributes: [map(&[("PlatformCredential", "key")]), map(attributes)].into_iter().flatten().collect(),
    };
    house.call::<CreatePlatformApplication>(input).await.map(|made| assert_eq!(made.platform_application_arn.as_deref(), Some(APPLICATION)))
}

async fn set_application(house: &House, attributes: &[(&str, &str)]) -> Result<(), Fault> {
    let input = SetPlatformApplicationAttributesInput { platform_application_arn: APPLICATION.into(), attributes: map(attributes) };
    house.call::<SetPlatformApplicationAttributes>(input).await.map(drop)
}

async fn device(house: &House) -> String {
    let input =
        CreatePlatformEndpointInput { platform_application_arn: APPLICATION.into(), token: "token".into(), ..CreatePlatformEndpointInput::default() };
    house.call::<CreatePlatformEndpoint>(input).await.unwrap().endpoint_arn.unwrap()
}

async fn set_device(house: &House, device: &str, name: &str, value: &str) {
    let input = SetEndpointAttributesInput { endpoint_arn: device.into(), attributes: map(&[(name, value)]) };
    house.call::<SetEndpointAttributes>(input).await.unwrap();
}

async fn delete(house: &House, device: &str) {
    house.call::<DeleteEndpoint>(DeleteEndpointInput { endpoint_arn: device.into() }).await.unwrap();
}

/// An application whose events all go through one topic into the queue `told`.
async fn told_house() -> (House, String) {
    let house = House::new();
    let topic = house.topic("events", &[]).await;
    let queue = house.queue("told").await;
    house.subscribe(&topic, "sqs", &queue, &[]).await;
    application(&house, &EVENTS.map(|name| (name, topic.as_str()))).await.unwrap();
    (house, topic)
}

/// Subjects and events that came since one last looked.
async fn told(house: &House) -> Vec<(String, Value)> {
    house.cloud.settle().await;
    let read =
        |envelope: Value| (envelope["Subject"].as_str().unwrap().to_owned(), serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap());
    house.received("told").await.iter().map(envelope).map(read).collect()
}

async fn kinds(house: &House) -> Vec<String> {
    told(house).await.iter().map(|(_, event)| event["EventType"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_topic_is_told_of_the_life_of_a_device() {
    let (house, _) = told_house().await;
    let device = device(&house).await;
    let event = json!({
        "EndpointArn": device,
        "EventType": "EndpointCreated",
        "Resource": APPLICATION,
        "Service": "SNS",
        "Time": "2025-11-24T16:00:00.000Z",
    });
    assert_eq!(told(&house).await, [("EndpointCreated event for app shop (GCM)".to_owned(), event)]);
    set_device(&house, &device, "Token", "newer").await;
    set_device(&house, &device, "Enabled", "false").await;
    assert_eq!(kinds(&house).await, ["EndpointUpdated", "EndpointUpdated"]);
    delete(&house, &device).await;
    assert_eq!(kinds(&house).await, ["EndpointDeleted"]);
}

#[tokio::test]
async fn nobody_is_told_of_what_changes_nothing() {
    let (house, _) = told_house().await;
    let one = device(&house).await;
    assert_eq!(kinds(&house).await, ["EndpointCreated"]);
    assert_eq!(device(&house).await, one);
    set_device(&house, &one, "Enabled", "true").await;
    let mut other = one.clone();
    other.replace_range(one.len() - 1.., if one.ends_with('0') { "1" } else { "0" });
    delete(&house, &other).await;
    assert!(told(&house).await.is_empty());
}

#[tokio::test]
async fn each_event_has_its_own_topic_or_none() {
    let (house, topic) = told_house().await;
    set_application(&house, &[("EventEndpointCreated", "")]).await.unwrap();
    let one = device(&house).await;
    delete(&house, &one).await;
    assert_eq!(kinds(&house).await, ["EndpointDeleted"]);
    let input = GetPlatformApplicationAttributesInput { platform_application_arn: APPLICATION.into() };
    let shown = house.call::<GetPlatformApplicationAttributes>(input).await.unwrap().attributes.unwrap();
    assert_eq!(shown.get("EventEndpointCreated"), None);
    assert_eq!(shown.get("EventEndpointDeleted"), Some(&topic));
}

#[tokio::test]
async fn a_topic_is_told_when_a_device_cannot_be_reached_and_the_message_is_a_dead_letter() {
    let (house, _) = told_house().await;
    let device = device(&house).await;
    let news = house.topic("news", &[]).await;
    let dead = house.queue("dead").await;
    let redrive = json!({ "deadLetterTargetArn": dead }).to_string();
    house.subscribe(&news, "application", &device, &[("RedrivePolicy", &redrive)]).await;
    set_device(&house, &device, "Enabled", "false").await;
    told(&house).await;

    let message = house.publish(&news, "hello").await.message_id.unwrap();
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
    assert_eq!(told(&house).await, [(subject.clone(), event.clone())]);
    assert_eq!(house.texts("dead").await, ["hello"]);
    assert!(house.mail().is_empty());

    delete(&house, &device).await;
    told(&house).await;
    let message = house.publish(&news, "hello?").await.message_id.unwrap();
    event["MessageId"] = message.into();
    event["FailureMessage"] = "Endpoint was not found".into();
    event["FailureType"] = "EndpointNotFound".into();
    assert_eq!(told(&house).await, [(subject, event)]);
    assert_eq!(house.texts("dead").await, ["hello?"]);
}

#[tokio::test]
async fn the_failure_to_tell_a_device_of_a_failure_is_told_to_nobody() {
    let (house, topic) = told_house().await;
    let device = device(&house).await;
    house.subscribe(&topic, "application", &device, &[]).await;
    set_device(&house, &device, "Enabled", "false").await;
    kinds(&house).await;
    house.publish(&topic, "{}").await;
    house.cloud.settle().await;
    let told = house.texts("told").await;
    assert_eq!(told.len(), 2, "the message, and that the device did not get it: {told:?}");
}

#[tokio::test]
async fn the_policy_of_a_topic_decides_whether_it_is_told() {
    let (house, topic) = told_house().await;
    let letting = |source: &str| {
        json!({ "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "SNS:Publish", "Resource": topic,
            "Condition": { "ArnEquals": { "aws:SourceArn": source } },
        }]})
        .to_string()
    };
    house.set_topic(&topic, "Policy", &letting("arn:aws:sns:us-east-1:000000000000:app/GCM/other")).await.unwrap();
    let one = device(&house).await;
    assert!(told(&house).await.is_empty());
    house.set_topic(&topic, "Policy", &letting(APPLICATION)).await.unwrap();
    delete(&house, &one).await;
    assert_eq!(kinds(&house).await, ["EndpointDeleted"]);
}

#[tokio::test]
async fn the_topic_of_another_account_is_told_nothing_unless_it_says_so() {
    let house = House::new();
    let input = CreateTopicInput { name: "theirs".into(), ..CreateTopicInput::default() };
    let topic = house.call_as::<CreateTopic>(stranger(), input).await.unwrap().topic_arn.unwrap();
    house.call_as::<Subscribe>(stranger(), subscription(&topic, "sms", "+15551234567", &[])).await.unwrap();
    application(&house, &[("EventEndpointCreated", &topic), ("EventEndpointDeleted", &topic)]).await.unwrap();
    let device = device(&house).await;
    house.cloud.settle().await;
    assert!(house.mail().is_empty());
    let policy = json!({ "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "SNS:Publish", "Resource": topic,
        "Condition": { "StringEquals": { "aws:SourceAccount": "000000000000" } },
    }]});
    let input = SetTopicAttributesInput { topic_arn: topic, attribute_name: "Policy".into(), attribute_value: Some(policy.to_string()) };
    house.call_as::<SetTopicAttributes>(stranger(), input).await.unwrap();
    delete(&house, &device).await;
    house.cloud.settle().await;
    assert!(house.mail()[0].body.contains("EndpointDeleted"));
}

#[tokio::test]
async fn an_event_wants_a_topic_that_there_is() {
    let house = House::new();
    let refused = |name: &str, what: &str| format!("Invalid parameter: Attributes Reason: {name} {what}");
    for name in EVENTS {
        for wrong in ["topic", "arn:aws:sns:us-east-1:000000000000:app/GCM/shop", "arn:aws:sqs:us-east-1:000000000000:queue"] {
            let fault = application(&house, &[(name, wrong)]).await.unwrap_err();
            assert_eq!((fault.message(), fault.status()), (refused(name, "has invalid ARN format").as_str(), 400));
        }
    }
    application(&house, &[]).await.unwrap();
    for name in EVENTS {
        let fault = set_application(&house, &[(name, "arn:aws:sns:us-east-1:000000000000:none")]).await.unwrap_err();
        assert_eq!((fault.code(), fault.message()), ("InvalidParameter", refused(name, "is not an existing topic").as_str()));
    }
}

#[tokio::test]
async fn the_longest_name_of_an_application_still_makes_a_subject() {
    let (house, topic) = told_house().await;
    let name = "n".repeat(256);
    let attributes = map(&[("PlatformCredential", "key"), ("EventEndpointCreated", &topic)]);
    let input = CreatePlatformApplicationInput { name, platform: "GCM".into(), attributes };
    let platform_application_arn = house.call::<CreatePlatformApplication>(input).await.unwrap().platform_application_arn.unwrap();
    let input = CreatePlatformEndpointInput { platform_application_arn, token: "token".into(), ..CreatePlatformEndpointInput::default() };
    house.call::<CreatePlatformEndpoint>(input).await.unwrap();
    let subjects: Vec<String> = told(&house).await.into_iter().map(|(subject, _)| subject).collect();
    assert_eq!(subjects, [format!("EndpointCreated event for app {} (GCM)", "n".repeat(64))]);
}
