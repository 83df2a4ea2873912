//! What topics are told of the devices of an application.

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

/// An application whose events all go through one topic into the queue `told`.
async fn told_house() -> (TestCloud, String) {
    let cloud = TestCloud::new();
    let topic = cloud.topic("events", &[]).await;
    let queue = cloud.queue("told").await;
    cloud.subscribe(&topic, "sqs", &queue, &[]).await;
    application(&cloud, &EVENTS.map(|name| (name, topic.as_str()))).await.unwrap();
    (cloud, topic)
}

/// Subjects and events that came since one last looked.
async fn told(cloud: &TestCloud) -> Vec<(String, Value)> {
    cloud.settle().await;
    let read =
        |envelope: Value| (envelope["Subject"].as_str().unwrap().to_owned(), serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap());
    cloud.received("told").await.iter().map(envelope).map(read).collect()
}

async fn kinds(cloud: &TestCloud) -> Vec<String> {
    told(cloud).await.iter().map(|(_, event)| event["EventType"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_topic_is_told_of_the_life_of_a_device() {
    let (cloud, _) = told_house().await;
    let device = device(&cloud).await;
    let event = json!({
        "EndpointArn": device,
        "EventType": "EndpointCreated",
        "Resource": APPLICATION,
        "Service": "SNS",
        "Time": "2025-11-24T16:00:00.000Z",
    });
    assert_eq!(told(&cloud).await, [("EndpointCreated event for app shop (GCM)".to_owned(), event)]);
    set_device(&cloud, &device, "Token", "newer").await;
    set_device(&cloud, &device, "Enabled", "false").await;
    assert_eq!(kinds(&cloud).await, ["EndpointUpdated", "EndpointUpdated"]);
    delete(&cloud, &device).await;
    assert_eq!(kinds(&cloud).await, ["EndpointDeleted"]);
}

#[tokio::test]
async fn nobody_is_told_of_what_changes_nothing() {
    let (cloud, _) = told_house().await;
    let one = device(&cloud).await;
    assert_eq!(kinds(&cloud).await, ["EndpointCreated"]);
    assert_eq!(device(&cloud).await, one);
    set_device(&cloud, &one, "Enabled", "true").await;
    let mut other = one.clone();
    other.replace_range(one.len() - 1.., if one.ends_with('0') { "1" } else { "0" });
    delete(&cloud, &other).await;
    assert!(told(&cloud).await.is_empty());
}

#[tokio::test]
async fn each_event_has_its_own_topic_or_none() {
    let (cloud, topic) = told_house().await;
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
async fn a_topic_is_told_when_a_device_cannot_be_reached_and_the_message_is_a_dead_letter() {
    let (cloud, _) = told_house().await;
    let device = device(&cloud).await;
    let news = cloud.topic("news", &[]).await;
    let dead = cloud.queue("dead").await;
    let redrive = json!({ "deadLetterTargetArn": dead }).to_string();
    cloud.subscribe(&news, "application", &device, &[("RedrivePolicy", &redrive)]).await;
    set_device(&cloud, &device, "Enabled", "false").await;
    told(&cloud).await;

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
    assert_eq!(told(&cloud).await, [(subject.clone(), event.clone())]);
    assert_eq!(cloud.texts("dead").await, ["hello"]);
    assert!(cloud.mail().is_empty());

    delete(&cloud, &device).await;
    told(&cloud).await;
    let message = cloud.publish(&news, "hello?").await.message_id.unwrap();
    event["MessageId"] = message.into();
    event["FailureMessage"] = "Endpoint was not found".into();
    event["FailureType"] = "EndpointNotFound".into();
    assert_eq!(told(&cloud).await, [(subject, event)]);
    assert_eq!(cloud.texts("dead").await, ["hello?"]);
}

#[tokio::test]
async fn the_failure_to_tell_a_device_of_a_failure_is_told_to_nobody() {
    let (cloud, topic) = told_house().await;
    let device = device(&cloud).await;
    cloud.subscribe(&topic, "application", &device, &[]).await;
    set_device(&cloud, &device, "Enabled", "false").await;
    kinds(&cloud).await;
    cloud.publish(&topic, "{}").await;
    cloud.settle().await;
    let told = cloud.texts("told").await;
    assert_eq!(told.len(), 2, "the message, and that the device did not get it: {told:?}");
}

#[tokio::test]
async fn the_policy_of_a_topic_decides_whether_it_is_told() {
    let (cloud, topic) = told_house().await;
    let letting = |source: &str| {
        json!({ "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "SNS:Publish", "Resource": topic,
            "Condition": { "ArnEquals": { "aws:SourceArn": source } },
        }]})
        .to_string()
    };
    cloud.set_topic(&topic, "Policy", &letting("arn:aws:sns:us-east-1:000000000000:app/GCM/other")).await.unwrap();
    let one = device(&cloud).await;
    assert!(told(&cloud).await.is_empty());
    cloud.set_topic(&topic, "Policy", &letting(APPLICATION)).await.unwrap();
    delete(&cloud, &one).await;
    assert_eq!(kinds(&cloud).await, ["EndpointDeleted"]);
}

#[tokio::test]
async fn the_topic_of_another_account_is_told_nothing_unless_it_says_so() {
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
async fn an_event_wants_a_topic_that_there_is() {
    let cloud = TestCloud::new();
    let refused = |name: &str, what: &str| format!("Invalid parameter: Attributes Reason: {name} {what}");
    for name in EVENTS {
        for wrong in ["topic", "arn:aws:sns:us-east-1:000000000000:app/GCM/shop", "arn:aws:sqs:us-east-1:000000000000:queue"] {
            let fault = application(&cloud, &[(name, wrong)]).await.unwrap_err();
            assert_eq!((fault.message(), fault.status()), (refused(name, "has invalid ARN format").as_str(), 400));
        }
    }
    application(&cloud, &[]).await.unwrap();
    for name in EVENTS {
        let fault = set_application(&cloud, &[(name, "arn:aws:sns:us-east-1:000000000000:none")]).await.unwrap_err();
        assert_eq!((fault.code(), fault.message()), ("InvalidParameter", refused(name, "is not an existing topic").as_str()));
    }
}

#[tokio::test]
async fn the_longest_name_of_an_application_still_makes_a_subject() {
    let (cloud, topic) = told_house().await;
    let name = "n".repeat(256);
    let attributes = map(&[("PlatformCredential", "key"), ("EventEndpointCreated", &topic)]);
    let input = CreatePlatformApplicationInput { name, platform: "GCM".into(), attributes };
    let platform_application_arn = cloud.call::<CreatePlatformApplication>(input).await.unwrap().platform_application_arn.unwrap();
    let input = CreatePlatformEndpointInput { platform_application_arn, token: "token".into(), ..CreatePlatformEndpointInput::default() };
    cloud.call::<CreatePlatformEndpoint>(input).await.unwrap();
    let subjects: Vec<String> = told(&cloud).await.into_iter().map(|(subject, _)| subject).collect();
    assert_eq!(subjects, [format!("EndpointCreated event for app {} (GCM)", "n".repeat(64))]);
}
