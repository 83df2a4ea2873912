use super::fixture::*;
use cloudlet_api_sns::*;
use cloudlet_aws::Caller;

#[tokio::test]
async fn a_queue_of_the_same_account_is_confirmed_at_once() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let queue = cloud.queue("q").await;
    let arn = cloud.subscribe(&topic, "sqs", &queue, &[("RawMessageDelivery", "TrUe"), ("FilterPolicy", "")]).await;
    let shown = cloud.attributes(&arn).await;
    assert_eq!((shown["PendingConfirmation"].as_str(), shown["ConfirmationWasAuthenticated"].as_str()), ("false", "true"));
    assert_eq!((shown["RawMessageDelivery"].as_str(), shown.get("FilterPolicy")), ("true", None));
    assert_eq!(cloud.subscribe(&topic, "sqs", &queue, &[]).await, arn);
    let fault = cloud.try_subscribe(&topic, "sqs", &queue, &[("RawMessageDelivery", "false")]).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: Attributes Reason: Subscription already exists with different attributes");
}

#[tokio::test]
async fn endpoints_must_fit_their_protocol() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    for (protocol, endpoint, expected) in [
        ("pigeon", "x", "Invalid parameter: Amazon SNS does not support this protocol string: pigeon"),
        ("sqs", "http://localhost/000000000000/q", "Invalid parameter: SQS endpoint ARN"),
        (
            "sqs",
            "arn:aws:sqs:us-east-1:000000000000:q.fifo",
            "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        ),
        ("sms", "NAA+15551234567", "Invalid SMS endpoint: NAA+15551234567"),
        ("http", "https://example.com", "Invalid parameter: Endpoint must match the specified protocol"),
        ("email", "nobody", "Invalid parameter: Email address"),
        ("application", "nowhere", "Invalid parameter: Application endpoint arn invalid:nowhere"),
        (
            "application",
            "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/app/1",
            "Invalid parameter: Endpoint Reason: Endpoint does not exist for endpoint arnarn:aws:sns:us-east-1:000000000000:endpoint/GCM/app/1",
        ),
        (
            "firehose",
            "arn:aws:firehose:us-east-1:000000000000:deliverystream/s",
            "Invalid parameter: Delivery protocol firehose can only be subscribed with subscription role arn",
        ),
    ] {
        assert_eq!(cloud.try_subscribe(&topic, protocol, endpoint, &[]).await.unwrap_err().message(), expected);
    }
    let fault = cloud.try_subscribe(&topic, "sqs", &queue_arn("q"), &[("RawMessageDelivery", "maybe")]).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [maybe]. Must be true or false.");
    let fault = cloud.try_subscribe(&topic, "email", "ann@example.com", &[("RawMessageDelivery", "true")]).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: Attributes Reason: Delivery protocol [email] does not support raw message delivery.");
    let phone = cloud.subscribe(&topic, "sms", "+15550001", &[]).await;
    let fault = cloud.set(&phone, "RawMessageDelivery", "true").await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: Delivery protocol [sms] does not support raw message delivery.");
}

#[tokio::test]
async fn a_link_does_not_unsubscribe_a_queue() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let arn = cloud.subscribe(&topic, "sqs", &queue_arn("q"), &[]).await;
    let end = UnsubscribeInput { subscription_arn: arn };
    assert_eq!(cloud.call_as::<Unsubscribe>(Caller::anonymous(), end.clone()).await.unwrap_err().code(), "AuthorizationError");
    cloud.call::<Unsubscribe>(end).await.unwrap();
}

#[tokio::test]
async fn a_subscription_of_no_account_cannot_be_ended() {
    let cloud = TestCloud::new();
    let end = UnsubscribeInput { subscription_arn: "arn:aws:sns:us-east-1:nobody:news:45f03920-f890-4a2f-bd77-32f9689b8013".into() };
    let fault = cloud.call::<Unsubscribe>(end).await.unwrap_err();
    assert_eq!(fault.code(), "AuthorizationError");
    assert!(fault.message().contains("is not authorized to perform: SNS:Unsubscribe on resource: arn:aws:sns:us-east-1:nobody:news"));
}

#[tokio::test]
async fn the_links_in_mail_confirm_and_unsubscribe() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[("DisplayName", "News")]).await;
    let input = SubscribeInput { return_subscription_arn: None, ..subscription(&topic, "email", "ann@example.com", &[]) };
    assert_eq!(cloud.call::<Subscribe>(input).await.unwrap().subscription_arn.as_deref(), Some("pending confirmation"));
    cloud.publish(&topic, "too early").await;
    let request = cloud.mail().remove(0);
    assert_eq!(request.subject.as_deref(), Some("AWS Notification - Subscription Confirmation"));
    let arn = cloud.confirm(&topic, &parameter(&request.body, "Token")).await.unwrap();
    cloud.publish(&topic, "hello").await;
    let mail = cloud.mail().remove(0);
    assert!(mail.body.starts_with("hello\n\n--\n") && mail.subject.as_deref() == Some("AWS Notification Message"));
    assert_eq!(mail.from, "News <no-reply@sns.amazonaws.com>");
    let end = UnsubscribeInput { subscription_arn: parameter(&mail.body, "SubscriptionArn") };
    assert_eq!(end.subscription_arn, arn);
    cloud.call_as::<Unsubscribe>(Caller::anonymous(), end).await.unwrap();
    let request = cloud.mail().remove(0);
    cloud.publish(&topic, "after the end").await;
    assert!(cloud.mail().remove(0).body == request.body, "nothing is sent after the end");
    assert_eq!(cloud.confirm(&topic, &parameter(&request.body, "Token")).await.unwrap(), arn, "and the subscription can be restored");
}

#[tokio::test]
async fn a_token_is_valid_for_two_days() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    cloud.subscribe(&topic, "email", "ann@example.com", &[]).await;
    let token = parameter(&cloud.mail()[0].body, "Token");
    assert_eq!(cloud.confirm(&topic, "short").await.unwrap_err().message(), "Invalid token");
    let of_another_server = "51b2ff3edb475b7d".repeat(18);
    assert_eq!(cloud.confirm(&topic, &of_another_server).await.unwrap_err().message(), "Invalid parameter: Token");
    let other_topic = cloud.topic("other", &[]).await;
    assert_eq!(cloud.confirm(&other_topic, &token).await.unwrap_err().message(), "Invalid parameter: Token");
    for topic in ["arn:aws:sns:eu-west-1:000000000000:news", "arn:aws:sns:us-east-1:news", "news"] {
        assert_eq!(cloud.confirm(topic, &token).await.unwrap_err().message(), "Invalid parameter: Topic");
    }
    let mut other = token.clone();
    other.replace_range(280.., "00000000");
    assert_eq!(cloud.confirm(&topic, &other).await.unwrap_err().message(), "Invalid parameter: Token");
    cloud.pass(2 * 86_400).await;
    assert_eq!(cloud.confirm(&topic, &token).await.unwrap_err().message(), "Invalid parameter: Token");
}

#[tokio::test]
async fn a_link_does_not_unsubscribe_where_authentication_is_required() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let arn = cloud.subscribe(&topic, "email", "ann@example.com", &[]).await;
    let token = parameter(&cloud.mail()[0].body, "Token");
    let input = ConfirmSubscriptionInput { topic_arn: topic.clone(), token, authenticate_on_unsubscribe: Some("true".into()) };
    cloud.call::<ConfirmSubscription>(input).await.unwrap();
    let end = UnsubscribeInput { subscription_arn: arn };
    assert_eq!(cloud.call_as::<Unsubscribe>(Caller::anonymous(), end.clone()).await.unwrap_err().code(), "AuthorizationError");
    cloud.call::<Unsubscribe>(end.clone()).await.unwrap();
    cloud.call::<Unsubscribe>(end).await.unwrap();
    assert_eq!(cloud.topic_attributes(&topic).await["SubscriptionsDeleted"], "1");
}

#[tokio::test]
async fn an_invalid_subscription_arn_has_awss_message() {
    let cloud = TestCloud::new();
    for (arn, expected) in [
        ("randomstring", "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
        ("arn:aws:sns:us-east-1:random", "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 5"),
        ("arn:aws:sns:us-east-1:000000000000:random", "Invalid parameter: SubscriptionId"),
    ] {
        let fault = cloud.call::<Unsubscribe>(UnsubscribeInput { subscription_arn: arn.into() }).await.unwrap_err();
        assert_eq!(fault.message(), expected);
    }
}

#[tokio::test]
async fn an_invalid_filter_policy_is_refused() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let arn = cloud.subscribe(&topic, "sms", "+15550001", &[]).await;
    let nested = r#"{"object": {"key": [{"prefix": "auto-"}]}}"#;
    let fault = cloud.set(&arn, "FilterPolicy", nested).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy");
    cloud.set(&arn, "FilterPolicyScope", "MessageBody").await.unwrap();
    cloud.set(&arn, "FilterPolicy", nested).await.unwrap();
    let shown = cloud.attributes(&arn).await;
    assert_eq!((shown["FilterPolicy"].as_str(), shown["FilterPolicyScope"].as_str()), (nested, "MessageBody"));
    let fault = cloud.set(&arn, "FilterPolicyScope", "Mood").await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: FilterPolicyScope: Invalid value [Mood]. Please use either MessageBody or MessageAttributes");
}

#[tokio::test]
async fn lists_show_no_passwords() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    for (endpoint, shown) in [
        ("http://ann:secret@example.com/a?b=c:d@e", "http://ann:****@example.com/a?b=c:d@e"),
        ("http://ann@example.com/", "http://ann@example.com/"),
        ("http://example.com/a:b@c", "http://example.com/a:b@c"),
    ] {
        let arn = cloud.subscribe(&topic, "http", endpoint, &[]).await;
        assert_eq!(cloud.attributes(&arn).await["Endpoint"], endpoint);
        let listed = cloud.call::<ListSubscriptionsByTopic>(ListSubscriptionsByTopicInput { topic_arn: topic.clone(), next_token: None }).await;
        let endpoints: Vec<_> = listed.unwrap().subscriptions.unwrap().into_iter().filter_map(|row| row.endpoint).collect();
        assert!(endpoints.contains(&shown.to_owned()), "{endpoints:?}");
    }
}

#[tokio::test]
async fn lists_show_pending_subscriptions_without_their_arn() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let arn = cloud.subscribe(&topic, "sms", "+15550001", &[]).await;
    cloud.subscribe(&topic, "email", "ann@example.com", &[]).await;
    let listed = cloud.call::<ListSubscriptionsByTopic>(ListSubscriptionsByTopicInput { topic_arn: topic.clone(), next_token: None }).await.unwrap();
    let mut arns: Vec<_> = listed.subscriptions.unwrap().into_iter().filter_map(|row| row.subscription_arn).collect();
    arns.sort();
    assert_eq!(arns, ["PendingConfirmation".to_owned(), arn]);
    assert_eq!(cloud.call::<ListSubscriptions>(ListSubscriptionsInput::default()).await.unwrap().subscriptions.unwrap().len(), 2);
    cloud.call::<DeleteTopic>(DeleteTopicInput { topic_arn: topic }).await.unwrap();
    assert!(cloud.call::<ListSubscriptions>(ListSubscriptionsInput::default()).await.unwrap().subscriptions.unwrap().is_empty());
}

#[tokio::test]
async fn unsubscribing_for_another_account_asks_the_subscriber() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let grant = AddPermissionInput {
        topic_arn: topic.clone(),
        label: "partner".into(),
        aws_account_id: vec!["111111111111".into()],
        action_name: vec!["Subscribe".into()],
    };
    cloud.call::<AddPermission>(grant).await.unwrap();
    let input = subscription(&topic, "email", "ann@example.com", &[]);
    let theirs = cloud.call_as::<Subscribe>(other_account(), input).await.unwrap().subscription_arn.unwrap();
    cloud.confirm(&topic, &parameter(&cloud.mail()[0].body, "Token")).await.unwrap();
    cloud.call::<Unsubscribe>(UnsubscribeInput { subscription_arn: theirs }).await.unwrap();
    assert_eq!(cloud.mail()[0].subject.as_deref(), Some("AWS Notification - Unsubscribe Confirmation"));
    let own = cloud.subscribe(&topic, "email", "bob@example.com", &[]).await;
    cloud.confirm(&topic, &parameter(&cloud.mail()[0].body, "Token")).await.unwrap();
    let count = cloud.mail().len();
    cloud.call::<Unsubscribe>(UnsubscribeInput { subscription_arn: own }).await.unwrap();
    assert_eq!(cloud.mail().len(), count, "the owner is not asked");
}

#[tokio::test]
async fn an_unconfirmed_subscription_cannot_be_ended_and_is_deleted_after_two_days() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let pending = cloud.subscribe(&topic, "email", "ann@example.com", &[]).await;
    let fault = cloud.call::<Unsubscribe>(UnsubscribeInput { subscription_arn: pending }).await.unwrap_err();
    let expected = "Invalid parameter: SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation";
    assert_eq!((fault.code(), fault.message()), ("InvalidParameter", expected));
    let confirmed = cloud.subscribe(&topic, "email", "bob@example.com", &[]).await;
    cloud.confirm(&topic, &parameter(&cloud.mail()[0].body, "Token")).await.unwrap();
    let counts = |shown: &std::collections::BTreeMap<String, String>| {
        ["Confirmed", "Pending", "Deleted"].map(|kind| shown[&format!("Subscriptions{kind}")].clone())
    };
    assert_eq!(counts(&cloud.topic_attributes(&topic).await), ["1", "1", "0"]);
    cloud.pass(2 * 86_400).await;
    assert_eq!(counts(&cloud.topic_attributes(&topic).await), ["1", "0", "1"]);
    assert_eq!(cloud.attributes(&confirmed).await["PendingConfirmation"], "false");
}

#[tokio::test]
async fn a_topic_of_large_messages_limits_its_subscriptions() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let phone = cloud.subscribe(&topic, "sms", "+15550001", &[]).await;
    assert_eq!(cloud.set_topic(&topic, "MaximumMessageSize", "262145").await.unwrap_err().code(), "InvalidParameter");
    assert!(!cloud.topic_attributes(&topic).await.contains_key("MaximumMessageSize"));
    cloud.set_topic(&topic, "MaximumMessageSize", "262144").await.unwrap();
    cloud.call::<Unsubscribe>(UnsubscribeInput { subscription_arn: phone }).await.unwrap();
    cloud.set_topic(&topic, "MaximumMessageSize", "1048576").await.unwrap();
    assert_eq!(cloud.try_subscribe(&topic, "email", "ann@example.com", &[]).await.unwrap_err().code(), "InvalidParameter");
    for number in 0..100 {
        cloud.subscribe(&topic, "sqs", &queue_arn(&format!("q{number}")), &[]).await;
    }
    assert_eq!(cloud.try_subscribe(&topic, "sqs", &queue_arn("q100"), &[]).await.unwrap_err().code(), "InvalidParameter");
    assert!(cloud.try_subscribe(&topic, "sqs", &queue_arn("q99"), &[]).await.is_ok(), "it exists already");
}
