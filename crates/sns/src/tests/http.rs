use super::fixture::*;
use cloudlet_api_sns::*;
use cloudlet_aws::Caller;
use cloudlet_engine::{HttpRequest, SendError};
use serde_json::Value;

const HOOK: &str = "http://localhost:9000/hook";

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

fn body(request: &HttpRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[tokio::test]
async fn an_endpoint_confirms_is_notified_and_can_restore_its_subscription() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let arn = cloud.subscribe(&topic, "http", HOOK, &[]).await;
    cloud.publish(&topic, "too early").await;
    cloud.settle().await;
    let requests = cloud.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(header(&requests[0], "x-amz-sns-message-type"), Some("SubscriptionConfirmation"));
    assert_eq!((header(&requests[0], "x-amz-sns-subscription-arn"), header(&requests[0], "content-type")), (None, Some("text/plain; charset=UTF-8")));
    let confirmation = body(&requests[0]);
    let token = confirmation["Token"].as_str().unwrap();
    assert_eq!(confirmation["SubscribeURL"], format!("http://localhost:4566/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}"));
    cloud.confirm(&topic, token).await.unwrap();
    assert_eq!(cloud.attributes(&arn).await["ConfirmationWasAuthenticated"], "false");

    cloud.publish(&topic, "hello").await;
    cloud.settle().await;
    let requests = cloud.requests();
    assert_eq!((requests[0].to.as_str(), header(&requests[0], "x-amz-sns-subscription-arn")), (HOOK, Some(arn.as_str())));
    assert_eq!(body(&requests[0])["Message"], "hello");

    cloud.call_as::<Unsubscribe>(Caller::anonymous(), UnsubscribeInput { subscription_arn: arn.clone() }).await.unwrap();
    cloud.publish(&topic, "after the end").await;
    cloud.settle().await;
    let requests = cloud.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(body(&requests[0])["Type"], "UnsubscribeConfirmation");
    assert!(body(&requests[0])["Message"].as_str().unwrap().starts_with(&format!("You have chosen to deactivate subscription {arn}.\n")));
}

#[tokio::test]
async fn a_raw_delivery_has_its_header_and_the_content_type_of_the_policy() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let policy = r#"{"requestPolicy": {"headerContentType": "application/json"}}"#;
    cloud.subscribe(&topic, "http", HOOK, &[("RawMessageDelivery", "true"), ("DeliveryPolicy", policy)]).await;
    cloud.settle().await;
    let confirmation = cloud.requests().remove(0);
    assert_eq!(header(&confirmation, "content-type"), Some("text/plain; charset=UTF-8"), "a confirmation is no notification");
    cloud.confirm(&topic, body(&confirmation)["Token"].as_str().unwrap()).await.unwrap();
    cloud.publish(&topic, "hello").await;
    cloud.settle().await;
    let request = cloud.requests().remove(0);
    assert_eq!(request.body, "hello");
    assert_eq!((header(&request, "x-amz-sns-rawdelivery"), header(&request, "content-type")), (Some("true"), Some("application/json")));
}

#[tokio::test]
async fn a_failing_endpoint_is_retried_as_its_policy_says_then_the_message_goes_to_the_dead_letter_queue() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let dead = cloud.queue("dead").await;
    let retries = r#"{"healthyRetryPolicy": {"minDelayTarget": 10, "maxDelayTarget": 30, "numRetries": 5, "numNoDelayRetries": 1, "numMinDelayRetries": 1, "numMaxDelayRetries": 1}}"#;
    let redrive = format!(r#"{{"deadLetterTargetArn": "{dead}"}}"#);
    cloud.endpoint(&topic, HOOK, &[("DeliveryPolicy", retries), ("RedrivePolicy", &redrive)]).await;
    cloud.answers(&[500; 6]);
    cloud.publish(&topic, "hello").await;
    cloud.settle().await;
    // The first attempt, and one at once; then 10, then 10 and 30 backing off, then 30 again.
    assert_eq!(cloud.requests().len(), 2);
    let mut attempts = vec![];
    for second in 1..=120u64 {
        cloud.pass(1).await;
        attempts.extend(cloud.requests().iter().map(|_| second));
    }
    assert_eq!(attempts, [10, 20, 50, 80]);
    assert_eq!(cloud.texts("dead").await, ["hello"]);
}

#[tokio::test]
async fn client_errors_are_final_and_timeouts_are_retried() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    cloud.endpoint(&topic, HOOK, &[]).await;
    cloud.answers(&[403]);
    cloud.publish(&topic, "refused").await;
    cloud.pass(3_600).await;
    assert_eq!(cloud.requests().len(), 1);
    cloud.endpoints.will_answer([Err(SendError::TimedOut), Ok(429), Ok(200)]);
    cloud.publish(&topic, "slow").await;
    cloud.pass(3_600).await;
    cloud.pass(3_600).await;
    cloud.pass(3_600).await;
    assert_eq!(cloud.requests().len(), 3);
}

#[tokio::test]
async fn deliveries_are_limited_per_second() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    cloud.endpoint(&topic, HOOK, &[("DeliveryPolicy", r#"{"throttlePolicy": {"maxReceivesPerSecond": 2}}"#)]).await;
    // The confirmation counts, too.
    cloud.pass(1).await;
    for number in 0..5 {
        cloud.publish(&topic, &number.to_string()).await;
    }
    cloud.settle().await;
    let mut arrived = vec![cloud.requests().len()];
    for _ in 0..3 {
        cloud.pass(1).await;
        arrived.push(cloud.requests().len());
    }
    assert_eq!(arrived, [2, 2, 1, 0]);
}

#[tokio::test]
async fn posts_to_chatbot_go_into_the_mailbox() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    cloud.subscribe(&topic, "https", "https://global.sns-api.chatbot.amazonaws.com", &[]).await;
    cloud.publish(&topic, "hello").await;
    cloud.settle().await;
    assert!(cloud.requests().is_empty());
    assert_eq!(cloud.mail()[0].channel, cloudlet_mailbox::Channel::Chat);
}

#[tokio::test]
async fn a_retry_is_dropped_when_the_subscription_has_ended() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let arn = cloud.endpoint(&topic, HOOK, &[]).await;
    cloud.answers(&[500]);
    cloud.publish(&topic, "hello").await;
    cloud.settle().await;
    cloud.requests();
    cloud.call::<Unsubscribe>(UnsubscribeInput { subscription_arn: arn }).await.unwrap();
    cloud.pass(3_600).await;
    assert!(cloud.requests().is_empty());
}
