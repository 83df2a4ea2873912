use super::fixture::*;
use cloudlet_api_sns::*;

#[tokio::test]
async fn creating_a_topic_again_answers_the_same_if_nothing_differs() {
    let cloud = TestCloud::new();
    let arn = cloud.topic("news", &[("DisplayName", "News")]).await;
    assert_eq!(arn, "arn:aws:sns:us-east-1:000000000000:news");
    assert_eq!(cloud.topic("news", &[]).await, arn);
    let fault = cloud.try_topic("news", &[("DisplayName", "Other")]).await.unwrap_err();
    assert_eq!(
        (fault.code(), fault.message()),
        ("InvalidParameter", "Invalid parameter: Attributes Reason: Topic already exists with different attributes")
    );
    let tagged =
        CreateTopicInput { name: "news".into(), tags: Some(vec![Tag { key: "a".into(), value: "b".into() }]), ..CreateTopicInput::default() };
    let fault = cloud.call::<CreateTopic>(tagged).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: Tags Reason: Topic already exists with different tags");
}

#[tokio::test]
async fn a_name_must_fit_the_type_of_topic() {
    let cloud = TestCloud::new();
    let long = "n".repeat(257);
    for (name, fifo) in [("a b", "false"), ("news.fifo", "false"), ("news", "true"), (".fifo", "true"), ("", "false"), (long.as_str(), "false")] {
        let fault = cloud.try_topic(name, &[("FifoTopic", fifo)]).await.unwrap_err();
        assert_eq!(fault.message(), "Invalid parameter: Topic Name", "{name}");
    }
    assert!(cloud.try_topic("news.fifo", &[("FifoTopic", "true")]).await.is_ok());
}

#[tokio::test]
async fn a_new_topic_has_the_attributes_of_aws() {
    let cloud = TestCloud::new();
    let arn = cloud.topic("news", &[]).await;
    let shown = cloud.topic_attributes(&arn).await;
    let names: Vec<_> = shown.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "DisplayName",
            "EffectiveDeliveryPolicy",
            "Owner",
            "Policy",
            "SubscriptionsConfirmed",
            "SubscriptionsDeleted",
            "SubscriptionsPending",
            "TopicArn"
        ]
    );
    assert!(shown["Policy"].contains("__default_statement_ID"));
}

#[tokio::test]
async fn a_topic_of_another_region_is_invalid() {
    let cloud = TestCloud::new();
    let elsewhere = GetTopicAttributesInput { topic_arn: "arn:aws:sns:eu-west-1:000000000000:news".into() };
    assert_eq!(cloud.call::<GetTopicAttributes>(elsewhere).await.unwrap_err().message(), "Invalid parameter: TopicArn");
    let absent = GetTopicAttributesInput { topic_arn: "arn:aws:sns:us-east-1:000000000000:news".into() };
    let fault = cloud.call::<GetTopicAttributes>(absent).await.unwrap_err();
    assert_eq!((fault.code(), fault.status(), fault.message()), ("NotFound", 404, "Topic does not exist"));
}

#[tokio::test]
async fn a_permission_admits_another_account_until_it_is_removed() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let denied = cloud.call_as::<Publish>(other_account(), message(&topic, "hello")).await.unwrap_err();
    assert_eq!((denied.code(), denied.status()), ("AuthorizationError", 403));
    assert!(denied.message().contains("is not authorized to perform: SNS:Publish on resource: arn:aws:sns:us-east-1:000000000000:news"));
    let grant = |action: &str| AddPermissionInput {
        topic_arn: topic.clone(),
        label: "partner".into(),
        aws_account_id: vec!["111111111111".into()],
        action_name: vec![action.into()],
    };
    assert_eq!(
        cloud.call::<AddPermission>(grant("Fly")).await.unwrap_err().message(),
        "Invalid parameter: Policy statement action out of service scope!"
    );
    cloud.call::<AddPermission>(grant("Publish")).await.unwrap();
    assert_eq!(cloud.call::<AddPermission>(grant("Publish")).await.unwrap_err().message(), "Invalid parameter: Statement already exists");
    assert!(cloud.call_as::<Publish>(other_account(), message(&topic, "hello")).await.is_ok());
    cloud.call::<RemovePermission>(RemovePermissionInput { topic_arn: topic.clone(), label: "partner".into() }).await.unwrap();
    assert!(cloud.call_as::<Publish>(other_account(), message(&topic, "hello")).await.is_err());
}

#[tokio::test]
async fn the_default_policy_gives_a_user_of_the_account_nothing() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let fault = cloud.call_as::<Publish>(bob(), message(&topic, "hello")).await.unwrap_err();
    assert!(fault.message().ends_with("because no identity-based policy allows the SNS:Publish action"), "{}", fault.message());
}

#[tokio::test]
async fn a_page_has_a_hundred_topics() {
    let cloud = TestCloud::new();
    for number in 0..101 {
        cloud.topic(&format!("t{number:03}"), &[]).await;
    }
    let first = cloud.call::<ListTopics>(ListTopicsInput::default()).await.unwrap();
    assert_eq!(first.topics.unwrap().len(), 100);
    // What was listed already may be gone.
    cloud.call::<DeleteTopic>(DeleteTopicInput { topic_arn: "arn:aws:sns:us-east-1:000000000000:t099".into() }).await.unwrap();
    let second = cloud.call::<ListTopics>(ListTopicsInput { next_token: first.next_token.clone() }).await.unwrap();
    assert!(second.next_token.is_none());
    assert_eq!(second.topics.unwrap()[0].topic_arn.as_deref(), Some("arn:aws:sns:us-east-1:000000000000:t100"));
    for refused in [
        cloud.call::<ListTopics>(ListTopicsInput { next_token: Some("?".into()) }).await.unwrap_err(),
        cloud.call::<ListSubscriptions>(ListSubscriptionsInput { next_token: first.next_token }).await.unwrap_err(),
    ] {
        assert_eq!((refused.code(), refused.message()), ("InvalidParameter", "Invalid parameter: NextToken"));
    }
}

#[tokio::test]
async fn a_delivery_policy_is_shown_with_the_effective_one() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let policy = r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":6,"numRetries":1}}}"#;
    cloud.set_topic(&topic, "DeliveryPolicy", policy).await.unwrap();
    let shown: serde_json::Value = serde_json::from_str(&cloud.topic_attributes(&topic).await["EffectiveDeliveryPolicy"]).unwrap();
    assert_eq!(shown["http"]["defaultHealthyRetryPolicy"]["maxDelayTarget"], 6);
    cloud.set_topic(&topic, "DeliveryPolicy", "").await.unwrap();
    assert!(!cloud.topic_attributes(&topic).await.contains_key("DeliveryPolicy"));
    let fault = cloud.set_topic(&topic, "FifoTopic", "false").await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: AttributeName");
}

#[tokio::test]
async fn invalid_topic_attributes_have_awss_messages() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news.fifo", &[("FifoTopic", "true")]).await;
    for (name, value, expected) in [
        ("SignatureVersion", "3", "SignatureVersion: Invalid value. Must be 1 or 2."),
        ("TracingConfig", "Loud", "Invalid tracing config value: Loud"),
        ("SQSSuccessFeedbackSampleRate", "500", "SQSSuccessFeedbackSampleRate: 500 value provided is not an integer between 0-100"),
        ("LambdaSuccessFeedbackRoleArn", "r", "LambdaSuccessFeedbackRoleArn: r is not a valid role to allow SNS to write to Cloudwatch Logs"),
        ("ArchivePolicy", r#"{"MessageRetentionPeriod": "366"}"#, "ArchivePolicy: MessageRetentionPeriod value is invalid"),
    ] {
        assert_eq!(cloud.set_topic(&topic, name, value).await.unwrap_err().message(), format!("Invalid parameter: {expected}"));
        let fault = cloud.try_topic("other.fifo", &[("FifoTopic", "true"), (name, value)]).await.unwrap_err();
        assert_eq!(fault.message(), format!("Invalid parameter: Attributes Reason: {expected}"));
    }
}

#[tokio::test]
async fn a_topic_policy_names_actions_on_topics_without_wildcards() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let policy = |action: &str| {
        format!(r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": "*", "Action": "{action}", "Resource": "{topic}"}}]}}"#)
    };
    for action in ["sns:*", "*", "sns:Pub*", "SNS:Publishx", "sns:CreateTopic", "sns:SetSubscriptionAttributes", "sqs:SendMessage"] {
        let fault = cloud.set_topic(&topic, "Policy", &policy(action)).await.unwrap_err();
        assert_eq!(fault.message(), "Invalid parameter: Policy statement action out of service scope!", "{action}");
    }
    for action in ["sns:Publish", "SNS:PutDataProtectionPolicy", "SNS:Receive"] {
        cloud.set_topic(&topic, "Policy", &policy(action)).await.unwrap();
    }
    let grant = |account: &str, action: &str| AddPermissionInput {
        topic_arn: topic.clone(),
        label: "partner".into(),
        aws_account_id: vec![account.into()],
        action_name: vec![action.into()],
    };
    let fault = cloud.call::<AddPermission>(grant("somebody", "Publish")).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: A provided account ID is not valid");
    let fault = cloud.call::<AddPermission>(grant("111111111111", "*")).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: Policy statement action out of service scope!");
}

#[tokio::test]
async fn a_data_protection_policy_has_a_direction() {
    let cloud = TestCloud::new();
    let topic = cloud.topic("news", &[]).await;
    let put = |direction: &str| {
        let policy = format!(r#"{{"Name": "a", "Version": "2021-06-01", "Statement": [{{"DataDirection": "{direction}"}}]}}"#);
        cloud.call::<PutDataProtectionPolicy>(PutDataProtectionPolicyInput { resource_arn: topic.clone(), data_protection_policy: policy })
    };
    put("Inbound").await.unwrap();
    let expected = "Invalid parameter: DataProtectionPolicy Reason: Statement DataDirection must be either Inbound or Outbound";
    assert_eq!(put("Sideways").await.unwrap_err().message(), expected);
}
