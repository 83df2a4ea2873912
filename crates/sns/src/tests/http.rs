use super::house::*;
use cloudlet_api_sns::*;
use cloudlet_aws::Caller;
use cloudlet_engine::{Letter, Lost};
use serde_json::Value;

const HOOK: &str = "http://localhost:9000/hook";

fn field<'a>(letter: &'a Letter, name: &str) -> Option<&'a str> {
    letter.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

fn body(letter: &Letter) -> Value {
    serde_json::from_slice(&letter.body).unwrap()
}

#[tokio::test]
async fn an_endpoint_is_asked_then_notified_then_told_of_the_end() {
    let house = House::new();
    let topic = house.topic("news", &[]).await;
    let arn = house.subscribe(&topic, "http", HOOK, &[]).await;
    house.publish(&topic, "too early").await;
    house.cloud.settle().await;
    let letters = house.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(field(&letters[0], "x-amz-sns-message-type"), Some("SubscriptionConfirmation"));
    assert_eq!((field(&letters[0], "x-amz-sns-subscription-arn"), field(&letters[0], "content-type")), (None, Some("text/plain; charset=UTF-8")));
    let question = body(&letters[0]);
    let token = question["Token"].as_str().unwrap();
    assert_eq!(question["SubscribeURL"], format!("http://localhost:4566/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}"));
    house.confirm(&topic, token).await.unwrap();
    assert_eq!(house.attributes(&arn).await["ConfirmationWasAuthenticated"], "false");

    house.publish(&topic, "hello").await;
    house.cloud.settle().await;
    let letters = house.letters();
    assert_eq!((letters[0].to.as_str(), field(&letters[0], "x-amz-sns-subscription-arn")), (HOOK, Some(arn.as_str())));
    assert_eq!(body(&letters[0])["Message"], "hello");

    house.call_as::<Unsubscribe>(Caller::anonymous(), UnsubscribeInput { subscription_arn: arn.clone() }).await.unwrap();
    house.publish(&topic, "unheard").await;
    house.cloud.settle().await;
    let letters = house.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(body(&letters[0])["Type"], "UnsubscribeConfirmation");
    assert!(body(&letters[0])["Message"].as_str().unwrap().starts_with(&format!("You have chosen to deactivate subscription {arn}.\n")));
}

#[tokio::test]
async fn a_raw_delivery_says_so_and_has_the_content_type_that_was_asked_for() {
    let house = House::new();
    let topic = house.topic("news", &[]).await;
    let policy = r#"{"requestPolicy": {"headerContentType": "application/json"}}"#;
    house.subscribe(&topic, "http", HOOK, &[("RawMessageDelivery", "true"), ("DeliveryPolicy", policy)]).await;
    house.cloud.settle().await;
    let question = house.letters().remove(0);
    assert_eq!(field(&question, "content-type"), Some("text/plain; charset=UTF-8"), "the question is no notification");
    house.confirm(&topic, body(&question)["Token"].as_str().unwrap()).await.unwrap();
    house.publish(&topic, "hello").await;
    house.cloud.settle().await;
    let letter = house.letters().remove(0);
    assert_eq!(letter.body, "hello");
    assert_eq!((field(&letter, "x-amz-sns-rawdelivery"), field(&letter, "content-type")), (Some("true"), Some("application/json")));
}

#[tokio::test]
async fn a_failing_endpoint_is_tried_again_at_the_times_of_its_policy_and_then_the_letter_is_dead() {
    let house = House::new();
    let topic = house.topic("news", &[]).await;
    let dead = house.queue("dead").await;
    let retries = r#"{"healthyRetryPolicy": {"minDelayTarget": 10, "maxDelayTarget": 30, "numRetries": 5, "numNoDelayRetries": 1, "numMinDelayRetries": 1, "numMaxDelayRetries": 1}}"#;
    let redrive = format!(r#"{{"deadLetterTargetArn": "{dead}"}}"#);
    house.endpoint(&topic, HOOK, &[("DeliveryPolicy", retries), ("RedrivePolicy", &redrive)]).await;
    house.answers(&[500; 6]);
    house.publish(&topic, "hello").await;
    house.cloud.settle().await;
    // The first attempt, and one at once; then 10, then 10 and 30 backing off, then 30 again.
    assert_eq!(house.letters().len(), 2);
    let mut attempts = vec![];
    for second in 1..=120u64 {
        house.pass(1).await;
        attempts.extend(house.letters().iter().map(|_| second));
    }
    assert_eq!(attempts, [10, 20, 50, 80]);
    assert_eq!(house.texts("dead").await, ["hello"]);
}

#[tokio::test]
async fn a_refusal_is_final_and_silence_is_not() {
    let house = House::new();
    let topic = house.topic("news", &[]).await;
    house.endpoint(&topic, HOOK, &[]).await;
    house.answers(&[403]);
    house.publish(&topic, "refused").await;
    house.pass(3_600).await;
    assert_eq!(house.letters().len(), 1);
    house.world.answers.lock().extend([Err(Lost::TooSlow), Ok(429), Ok(200)]);
    house.publish(&topic, "slow").await;
    house.pass(3_600).await;
    house.pass(3_600).await;
    house.pass(3_600).await;
    assert_eq!(house.letters().len(), 3);
}

#[tokio::test]
async fn an_endpoint_gets_no_more_in_a_second_than_it_wants() {
    let house = House::new();
    let topic = house.topic("news", &[]).await;
    house.endpoint(&topic, HOOK, &[("DeliveryPolicy", r#"{"throttlePolicy": {"maxReceivesPerSecond": 2}}"#)]).await;
    // The question was a letter, too.
    house.pass(1).await;
    for number in 0..5 {
        house.publish(&topic, &number.to_string()).await;
    }
    house.cloud.settle().await;
    let mut arrived = vec![house.letters().len()];
    for _ in 0..3 {
        house.pass(1).await;
        arrived.push(house.letters().len());
    }
    assert_eq!(arrived, [2, 2, 1, 0]);
}

#[tokio::test]
async fn the_chat_room_of_aws_is_the_mailbox() {
    let house = House::new();
    let topic = house.topic("news", &[]).await;
    house.subscribe(&topic, "https", "https://global.sns-api.chatbot.amazonaws.com", &[]).await;
    house.publish(&topic, "hello").await;
    house.cloud.settle().await;
    assert!(house.letters().is_empty());
    assert_eq!(house.mail()[0].channel, cloudlet_mailbox::Channel::Chat);
}

#[tokio::test]
async fn what_waits_for_a_subscription_that_ended_is_not_sent() {
    let house = House::new();
    let topic = house.topic("news", &[]).await;
    let arn = house.endpoint(&topic, HOOK, &[]).await;
    house.answers(&[500]);
    house.publish(&topic, "hello").await;
    house.cloud.settle().await;
    house.letters();
    house.call::<Unsubscribe>(UnsubscribeInput { subscription_arn: arn }).await.unwrap();
    house.pass(3_600).await;
    assert!(house.letters().is_empty());
}
