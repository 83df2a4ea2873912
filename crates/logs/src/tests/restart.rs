use super::fixture::*;
use cloudlet_api_logs::*;

#[tokio::test]
async fn groups_events_filters_and_tasks_survive() {
    let cloud = TestCloud::journaled();
    cloud.group("g").await;
    cloud.stream("g", "s").await;
    for number in 0..40 {
        cloud.put("g", "s", &[(number, &format!("event {number} \"quoted\"\n"))]).await;
    }
    let page = cloud.get(GetLogEventsRequest { limit: Some(3), ..Default::default() }).await;
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned();
    let subscription = PutSubscriptionFilterRequest {
        log_group_name: "g".into(),
        filter_name: "f".into(),
        filter_pattern: "ERROR".into(),
        destination_arn: arn,
        ..Default::default()
    };
    cloud.ok::<PutSubscriptionFilter>(subscription).await;
    cloud.ok::<PutRetentionPolicy>(PutRetentionPolicyRequest { log_group_name: "g".into(), retention_in_days: 1 }).await;
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"logs:PutLogEvents","Resource":"*"}}"#;
    let policy = PutResourcePolicyRequest { policy_name: Some("p".into()), policy_document: Some(policy.into()), ..Default::default() };
    cloud.ok::<PutResourcePolicy>(policy).await;
    let query = StartQueryRequest {
        log_group_name: Some("g".into()),
        start_time: 0,
        end_time: cloudlet_testing::START.secs() + 1,
        query_string: "stats count(*) as n".into(),
        ..Default::default()
    };
    let query_id = cloud.ok::<StartQuery>(query).await.query_id.unwrap();
    cloud.others.take();
    cloud.put("g", "s", &[(100, "ERROR")]).await;

    let again = cloud.restarted();
    let total = |groups: DescribeLogGroupsResponse| groups.log_groups.unwrap()[0].stored_bytes;
    let (before, after) = (cloud.ok::<DescribeLogGroups>(Default::default()).await, again.ok::<DescribeLogGroups>(Default::default()).await);
    assert_eq!(total(before), total(after));
    assert_eq!(again.filter("").await, cloud.filter("").await);
    assert_eq!(again.filter("").await.len(), 41);
    let next = again.get(GetLogEventsRequest { next_token: page.next_forward_token, ..Default::default() }).await;
    assert_eq!(messages(&next), ["ERROR"], "tokens go on");
    again.settle().await;
    assert_eq!(again.others.take().len(), 1, "what was to be sent is sent");
    let results = again.ok::<GetQueryResults>(GetQueryResultsRequest { query_id, ..Default::default() }).await.results.unwrap();
    assert_eq!(results[0][0].value.as_deref(), Some("40"));
    let bob = user(again.account(), "bob");
    again.call_as::<PutLogEvents>(&bob, put("g", "s", &[(200, "by bob")])).await.unwrap();
    assert_eq!(again.streams(DescribeLogStreamsRequest { order_by: Some("LastEventTime".into()), ..Default::default() }).await, ["s"]);
    again.advance(DAY + 1);
    assert!(again.filter("").await.is_empty());
}
