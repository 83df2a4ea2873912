use super::fixture::*;
use cloudlet_api_logs::*;
use cloudlet_shape::Map;

fn describe() -> DescribeLogGroupsRequest {
    DescribeLogGroupsRequest::default()
}

async fn names(cloud: &TestCloud, input: DescribeLogGroupsRequest) -> Vec<String> {
    cloud.ok::<DescribeLogGroups>(input).await.log_groups.unwrap().into_iter().map(|group| group.log_group_name.unwrap()).collect()
}

#[tokio::test]
async fn groups_are_listed_by_prefix_and_pattern_in_pages() {
    let cloud = TestCloud::new();
    for name in ["b", "/a/x", "/a/y", "c"] {
        cloud.group(name).await;
    }
    assert_eq!(names(&cloud, describe()).await, ["/a/x", "/a/y", "b", "c"]);
    let prefix = DescribeLogGroupsRequest { log_group_name_prefix: Some("/a/".into()), ..describe() };
    assert_eq!(names(&cloud, prefix.clone()).await, ["/a/x", "/a/y"]);
    let pattern = DescribeLogGroupsRequest { log_group_name_pattern: Some("y".into()), ..describe() };
    assert_eq!(names(&cloud, pattern).await, ["/a/y"]);
    let both = DescribeLogGroupsRequest { log_group_name_pattern: Some("y".into()), ..prefix };
    let fault = cloud.expect_fault::<DescribeLogGroups>(both).await;
    assert_eq!(fault.message(), "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
    let first = cloud.ok::<DescribeLogGroups>(DescribeLogGroupsRequest { limit: Some(3), ..describe() }).await;
    let second = DescribeLogGroupsRequest { limit: Some(3), next_token: first.next_token, ..describe() };
    assert_eq!(names(&cloud, second).await, ["c"]);
    let list = ListLogGroupsRequest { log_group_name_pattern: Some("^/a/x|^bbb".into()), ..Default::default() };
    assert_eq!(cloud.ok::<ListLogGroups>(list).await.log_groups.unwrap().len(), 1);
    let group = &cloud.ok::<DescribeLogGroups>(describe()).await.log_groups.unwrap()[0];
    assert_eq!(group.arn.as_deref(), Some("arn:aws:logs:us-east-1:000000000000:log-group:/a/x:*"));
    assert_eq!((group.log_group_class.as_deref(), group.metric_filter_count, group.stored_bytes), (Some("STANDARD"), Some(0), None));
}

#[tokio::test]
async fn a_group_is_made_once_and_deleted_with_all_it_has() {
    let cloud = TestCloud::with_stream().await;
    let fault = cloud.expect_fault::<CreateLogGroup>(CreateLogGroupRequest { log_group_name: "g".into(), ..Default::default() }).await;
    assert_eq!(said(&fault), ("ResourceAlreadyExistsException", "The specified log group already exists"));
    let fault = cloud.expect_fault::<CreateLogStream>(CreateLogStreamRequest { log_group_name: "g".into(), log_stream_name: "s".into() }).await;
    assert_eq!(said(&fault), ("ResourceAlreadyExistsException", "The specified log stream already exists"));
    cloud.put("g", "s", &[(0, "text")]).await;
    let group = &cloud.ok::<DescribeLogGroups>(describe()).await.log_groups.unwrap()[0];
    assert_eq!(group.stored_bytes, Some(30));
    let protect = |on| PutLogGroupDeletionProtectionRequest { log_group_identifier: "g".into(), deletion_protection_enabled: on };
    cloud.ok::<PutLogGroupDeletionProtection>(protect(true)).await;
    let delete = || DeleteLogGroupRequest { log_group_name: "g".into() };
    assert_eq!(cloud.expect_fault::<DeleteLogGroup>(delete()).await.name(), "ValidationException");
    cloud.ok::<PutLogGroupDeletionProtection>(protect(false)).await;
    cloud.ok::<DeleteLogGroup>(delete()).await;
    assert_eq!(cloud.expect_fault::<DeleteLogGroup>(delete()).await.name(), "ResourceNotFoundException");
    cloud.group("g").await;
    assert!(cloud.streams(Default::default()).await.is_empty() && cloud.filter("").await.is_empty());
}

#[tokio::test]
async fn streams_are_listed_by_name_and_by_their_last_events() {
    let cloud = TestCloud::with_stream().await;
    for name in ["a1", "a2", "b"] {
        cloud.stream("g", name).await;
    }
    cloud.put("g", "a2", &[(500, "x")]).await;
    cloud.put("g", "b", &[(100, "x")]).await;
    let list = DescribeLogStreamsRequest::default;
    assert_eq!(cloud.streams(list()).await, ["a1", "a2", "b", "s"]);
    assert_eq!(cloud.streams(DescribeLogStreamsRequest { descending: Some(true), ..list() }).await, ["s", "b", "a2", "a1"]);
    assert_eq!(cloud.streams(DescribeLogStreamsRequest { log_stream_name_prefix: Some("a".into()), ..list() }).await, ["a1", "a2"]);
    let prefix = DescribeLogStreamsRequest { log_stream_name_prefix: Some("a".into()), descending: Some(true), ..list() };
    assert_eq!(cloud.streams(prefix).await, ["a2", "a1"]);
    let by_time = || DescribeLogStreamsRequest { order_by: Some("LastEventTime".into()), descending: Some(true), limit: Some(2), ..list() };
    assert_eq!(cloud.streams(by_time()).await, ["a2", "b"]);
    let page = DescribeLogStreamsRequest { log_group_name: Some("g".into()), ..by_time() };
    let token = cloud.ok::<DescribeLogStreams>(page).await.next_token;
    assert_eq!(cloud.streams(DescribeLogStreamsRequest { next_token: token, ..by_time() }).await, ["s", "a1"]);
    let both = DescribeLogStreamsRequest { log_group_name: Some("g".into()), log_stream_name_prefix: Some("a".into()), ..by_time() };
    let fault = cloud.expect_fault::<DescribeLogStreams>(both).await;
    assert_eq!(fault.message(), "Cannot order by LastEventTime with a logStreamNamePrefix.");
}

#[tokio::test]
async fn tags_are_the_same_in_the_old_and_the_new_operations() {
    let cloud = TestCloud::new();
    let tags = |pairs: &[(&str, &str)]| -> Map<String> { pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect() };
    let input = CreateLogGroupRequest { log_group_name: "g".into(), tags: Some(tags(&[("a", "1")])), ..Default::default() };
    cloud.ok::<CreateLogGroup>(input).await;
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g".to_owned();
    cloud.ok::<TagResource>(TagResourceRequest { resource_arn: arn.clone(), tags: tags(&[("b", "2")]) }).await;
    cloud.ok::<TagLogGroup>(TagLogGroupRequest { log_group_name: "g".into(), tags: tags(&[("c", "3")]) }).await;
    cloud.ok::<UntagLogGroup>(UntagLogGroupRequest { log_group_name: "g".into(), tags: vec!["a".into()] }).await;
    let listed = cloud.ok::<ListTagsForResource>(ListTagsForResourceRequest { resource_arn: arn }).await.tags.unwrap();
    assert_eq!(listed, tags(&[("b", "2"), ("c", "3")]));
    assert_eq!(cloud.ok::<ListTagsLogGroup>(ListTagsLogGroupRequest { log_group_name: "g".into() }).await.tags.unwrap(), listed);
}

#[tokio::test]
async fn a_group_under_a_key_is_read_and_written_while_the_key_may_be_used() {
    let cloud = TestCloud::with_stream().await;
    let associate = || AssociateKmsKeyRequest { log_group_name: Some("g".into()), kms_key_id: "arn:aws:kms:::key/k".into(), ..Default::default() };
    *cloud.others.refuses.lock() = true;
    let fault = cloud.expect_fault::<AssociateKmsKey>(associate()).await;
    assert!(fault.message().starts_with("The specified KMS key does not exist or is not allowed to be used with Arn"), "{fault:?}");
    *cloud.others.refuses.lock() = false;
    cloud.ok::<AssociateKmsKey>(associate()).await;
    let seen = cloud.others.take();
    assert!(seen[0].starts_with("logs.us-east-1.amazonaws.com") && seen[0].contains("log-group:g"), "{seen:?}");
    cloud.put("g", "s", &[(0, "x")]).await;
    *cloud.others.refuses.lock() = true;
    assert!(cloud.try_put("g", "s", &[(0, "x")]).await.is_err());
    cloud.ok::<DisassociateKmsKey>(DisassociateKmsKeyRequest { log_group_name: Some("g".into()), ..Default::default() }).await;
    assert_eq!(cloud.filter("").await, ["x"]);
}

#[tokio::test]
async fn only_standard_groups_have_filters() {
    let cloud = TestCloud::new();
    for class in ["INFREQUENT_ACCESS", "DELIVERY"] {
        let input = CreateLogGroupRequest { log_group_name: class.into(), log_group_class: Some(class.into()), ..Default::default() };
        cloud.ok::<CreateLogGroup>(input).await;
        let tail = StartLiveTailRequest { log_group_identifiers: vec![class.into()], ..Default::default() };
        assert_eq!(cloud.expect_fault::<StartLiveTail>(tail).await.message(), "Only Standard log class is supported.");
        cloud.stream(class, "s").await;
        cloud.put(class, "s", &[(0, "x")]).await;
    }
    cloud.advance(DAY + 1);
    let count = async |group: &str| {
        let input = FilterLogEventsRequest { log_group_name: Some(group.into()), ..Default::default() };
        cloud.ok::<FilterLogEvents>(input).await.events.unwrap().len()
    };
    assert_eq!((count("INFREQUENT_ACCESS").await, count("DELIVERY").await), (1, 0));
}
