use super::fixture::{TestCloud, map};
use cloudlet_api_sqs::*;

#[tokio::test]
async fn a_new_standard_queue_has_the_defaults_of_aws() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    cloud.advance(5);
    let all = cloud.attributes(&url).await;
    let expected = map(&[
        ("ApproximateNumberOfMessages", "0"),
        ("ApproximateNumberOfMessagesDelayed", "0"),
        ("ApproximateNumberOfMessagesNotVisible", "0"),
        ("CreatedTimestamp", "1764000000"),
        ("DelaySeconds", "0"),
        ("LastModifiedTimestamp", "1764000000"),
        ("MaximumMessageSize", "1048576"),
        ("MessageRetentionPeriod", "345600"),
        ("QueueArn", "arn:aws:sqs:us-east-1:000000000000:q"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("SqsManagedSseEnabled", "true"),
        ("VisibilityTimeout", "30"),
    ]);
    assert_eq!(all, expected);
    let named = GetQueueAttributesRequest { queue_url: url.clone(), attribute_names: Some(vec!["DelaySeconds".into()]) };
    assert_eq!(cloud.call::<GetQueueAttributes>(named).await.unwrap().attributes, Some(map(&[("DelaySeconds", "0")])));
    let fifo_only = GetQueueAttributesRequest { queue_url: url.clone(), attribute_names: Some(vec!["FifoQueue".into()]) };
    assert_eq!(cloud.call::<GetQueueAttributes>(fifo_only).await.unwrap_err().message(), "Unknown Attribute FifoQueue.");
    let none = GetQueueAttributesRequest { queue_url: url, attribute_names: None };
    assert_eq!(cloud.call::<GetQueueAttributes>(none).await.unwrap().attributes, None);
}

#[tokio::test]
async fn a_new_fifo_queue_has_the_defaults_of_aws() {
    let cloud = TestCloud::new();
    let url = cloud.create("q.fifo", &[("FifoQueue", "True")]).await;
    let all = cloud.attributes(&url).await;
    for (name, value) in
        [("FifoQueue", "true"), ("ContentBasedDeduplication", "false"), ("DeduplicationScope", "queue"), ("FifoThroughputLimit", "perQueue")]
    {
        assert_eq!(all[name], value);
    }
}

#[tokio::test]
async fn values_out_of_range_are_refused_and_change_nothing() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let before = cloud.attributes(&url).await;
    for (name, value) in [
        ("VisibilityTimeout", "43201"),
        ("VisibilityTimeout", "-1"),
        ("VisibilityTimeout", "soon"),
        ("DelaySeconds", "901"),
        ("MaximumMessageSize", "1023"),
        ("MaximumMessageSize", "1048577"),
        ("MessageRetentionPeriod", "59"),
        ("MessageRetentionPeriod", "1209601"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
        ("KmsDataKeyReusePeriodSeconds", "59"),
        ("SqsManagedSseEnabled", "maybe"),
        ("Policy", "no policy"),
    ] {
        let fault = cloud.set(&url, &[("DelaySeconds", "7"), (name, value)]).await.unwrap_err();
        assert_eq!((fault.code(), fault.message()), ("InvalidAttributeValue", format!("Invalid value for the parameter {name}.").as_str()));
    }
    for name in ["QueueArn", "All", "CreatedTimestamp", "Nonsense", "FifoQueue", "ContentBasedDeduplication"] {
        let fault = cloud.set(&url, &[(name, "true")]).await.unwrap_err();
        assert_eq!((fault.code(), fault.message()), ("InvalidAttributeName", format!("Unknown Attribute {name}.").as_str()));
    }
    for name in ["DeduplicationScope", "FifoThroughputLimit"] {
        let fault = cloud.set(&url, &[(name, "queue")]).await.unwrap_err();
        assert_eq!(fault.message(), format!("You can specify the {name} only when FifoQueue is set to true."));
    }
    assert_eq!(cloud.attributes(&url).await, before);
    cloud.advance(3);
    cloud.set(&url, &[("DelaySeconds", "900"), ("VisibilityTimeout", "0")]).await.unwrap();
    let after = cloud.attributes(&url).await;
    assert_eq!((after["DelaySeconds"].as_str(), after["LastModifiedTimestamp"].as_str()), ("900", "1764000003"));
}

#[tokio::test]
async fn fifo_queue_false_is_unknown() {
    let cloud = TestCloud::new();
    let fault = cloud.try_create("q", &[("FifoQueue", "false")]).await.unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("InvalidAttributeName", "Unknown Attribute FifoQueue."));
}

#[tokio::test]
async fn a_fifo_queue_cannot_become_a_standard_queue() {
    let cloud = TestCloud::new();
    let url = cloud.create("q.fifo", &[("FifoQueue", "true")]).await;
    cloud.set(&url, &[("FifoQueue", "true")]).await.unwrap();
    let fault = cloud.set(&url, &[("FifoQueue", "false")]).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.");
}

#[tokio::test]
async fn throughput_by_group_requires_deduplication_by_group() {
    let cloud = TestCloud::new();
    let url = cloud.create("q.fifo", &[("FifoQueue", "true")]).await;
    assert_eq!(cloud.set(&url, &[("FifoThroughputLimit", "perMessageGroupId")]).await.unwrap_err().code(), "InvalidAttributeValue");
    cloud.set(&url, &[("DeduplicationScope", "messageGroup"), ("FifoThroughputLimit", "perMessageGroupId")]).await.unwrap();
    assert_eq!(cloud.set(&url, &[("DeduplicationScope", "queue")]).await.unwrap_err().code(), "InvalidAttributeValue");
    cloud.set(&url, &[("DeduplicationScope", "queue"), ("FifoThroughputLimit", "perQueue")]).await.unwrap();
}

#[tokio::test]
async fn one_kind_of_encryption_unsets_the_other() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let encryption = async |cloud: &TestCloud| {
        let all = cloud.attributes(&url).await;
        ["SqsManagedSseEnabled", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"].map(|name| all.get(name).cloned().unwrap_or_default())
    };
    assert_eq!(encryption(&cloud).await, ["true", "", ""]);
    cloud.set(&url, &[("KmsMasterKeyId", "alias/mine")]).await.unwrap();
    assert_eq!(encryption(&cloud).await, ["false", "alias/mine", "300"]);
    cloud.set(&url, &[("KmsDataKeyReusePeriodSeconds", "60")]).await.unwrap();
    assert_eq!(encryption(&cloud).await, ["false", "alias/mine", "60"]);
    cloud.set(&url, &[("SqsManagedSseEnabled", "true")]).await.unwrap();
    assert_eq!(encryption(&cloud).await, ["true", "", ""]);
    cloud.set(&url, &[("SqsManagedSseEnabled", "false")]).await.unwrap();
    assert_eq!(encryption(&cloud).await, ["false", "", ""]);
    assert!(cloud.set(&url, &[("KmsMasterKeyId", "k"), ("SqsManagedSseEnabled", "true")]).await.is_err());
}

#[tokio::test]
async fn an_empty_value_removes_a_policy() {
    let cloud = TestCloud::new();
    cloud.create("dead", &[]).await;
    let url = cloud.create("q", &[]).await;
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"'$arn'"}}"#;
    let redrive = super::fixture::redrive("dead", 5);
    let allow = r#"{"redrivePermission":"denyAll"}"#;
    for (name, value) in [("Policy", policy), ("RedrivePolicy", redrive.as_str()), ("RedriveAllowPolicy", allow)] {
        cloud.set(&url, &[(name, value)]).await.unwrap();
        assert_eq!(cloud.attributes(&url).await[name], value);
        cloud.set(&url, &[(name, "")]).await.unwrap();
        assert!(!cloud.attributes(&url).await.contains_key(name));
    }
}

#[tokio::test]
async fn counts_follow_the_states_of_messages() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("VisibilityTimeout", "10")]).await;
    cloud.call::<SendMessage>(SendMessageRequest { delay_seconds: Some(5), ..super::fixture::message(&url, "later") }).await.unwrap();
    cloud.send(&url, "a").await;
    cloud.send(&url, "b").await;
    assert_eq!(cloud.counts(&url).await, ["2", "1", "0"]);
    cloud.receive_one(&url).await.unwrap();
    assert_eq!(cloud.counts(&url).await, ["1", "1", "1"]);
    cloud.advance(5);
    assert_eq!(cloud.counts(&url).await, ["2", "0", "1"]);
    cloud.advance(5);
    assert_eq!(cloud.counts(&url).await, ["3", "0", "0"]);
}
