use super::fixture::*;
use cloudlet_api_logs::*;
use cloudlet_testing::service;

const DELIVERY: &str = "delivery.logs.amazonaws.com";

async fn policy(cloud: &TestCloud, name: &str, statement: &str) {
    let document = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
    let input = PutResourcePolicyRequest { policy_name: Some(name.into()), policy_document: Some(document), ..Default::default() };
    cloud.ok::<PutResourcePolicy>(input).await;
}

#[tokio::test]
async fn a_user_without_policies_is_denied_with_the_resource_that_aws_names() {
    let cloud = TestCloud::with_stream().await;
    let bob = user(cloud.account(), "bob");
    let fault = cloud.expect_fault_as::<PutLogEvents>(&bob, put("g", "s", &[(0, "x")])).await;
    assert_eq!(fault.name(), "AccessDeniedException");
    assert!(fault.message().contains("logs:PutLogEvents on resource: arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:s "), "{fault:?}");
    let fault = cloud.expect_fault_as::<CreateLogGroup>(&bob, CreateLogGroupRequest { log_group_name: "h".into(), ..Default::default() }).await;
    assert!(fault.message().contains("log-group:h:log-stream: "), "{fault:?}");
    let fault = cloud.expect_fault_as::<DescribeLogGroups>(&bob, Default::default()).await;
    assert!(fault.message().contains("log-group::log-stream: "), "{fault:?}");
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g".to_owned();
    let fault = cloud.expect_fault_as::<ListTagsForResource>(&bob, ListTagsForResourceRequest { resource_arn: arn }).await;
    assert!(fault.message().contains("on resource: arn:aws:logs:us-east-1:000000000000:log-group:g "), "{fault:?}");
}

#[tokio::test]
async fn resource_policies_let_services_and_users_in() {
    let cloud = TestCloud::with_stream().await;
    let writer = service(DELIVERY, "arn:aws:s3:::bucket");
    assert_eq!(cloud.expect_fault_as::<PutLogEvents>(&writer, put("g", "s", &[(0, "x")])).await.name(), "AccessDeniedException");
    let allow = format!(
        r#"{{"Effect":"Allow","Principal":{{"Service":"{DELIVERY}"}},"Action":["logs:PutLogEvents","logs:CreateLogStream"],
           "Resource":"arn:aws:logs:us-east-1:000000000000:log-group:g:*"}}"#
    );
    policy(&cloud, "one", &allow).await;
    cloud.call_as::<PutLogEvents>(&writer, put("g", "s", &[(0, "x")])).await.unwrap();
    // Two policies are as one, and a denial wins.
    let bob = user(cloud.account(), "bob");
    policy(&cloud, "two", &format!(r#"[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"logs:*","Resource":"*"}}]"#, bob.arn)).await;
    cloud.call_as::<PutLogEvents>(&bob, put("g", "s", &[(0, "y")])).await.unwrap();
    cloud.call_as::<PutLogEvents>(&writer, put("g", "s", &[(0, "z")])).await.unwrap();
    policy(&cloud, "three", r#"{"Effect":"Deny","Principal":"*","Action":"logs:PutLogEvents","Resource":"*"}"#).await;
    assert!(cloud.call_as::<PutLogEvents>(&writer, put("g", "s", &[(0, "x")])).await.is_err());
    let delete = DeleteResourcePolicyRequest { policy_name: Some("three".into()), ..Default::default() };
    cloud.ok::<DeleteResourcePolicy>(delete.clone()).await;
    let fault = cloud.expect_fault::<DeleteResourcePolicy>(delete).await;
    assert_eq!(said(&fault), ("ResourceNotFoundException", "Policy with name [three] does not exist."));
    cloud.call_as::<PutLogEvents>(&writer, put("g", "s", &[(0, "x")])).await.unwrap();
}

#[tokio::test]
async fn a_group_may_have_a_policy_of_its_own() {
    let cloud = TestCloud::with_stream().await;
    cloud.group("h").await;
    cloud.stream("h", "s").await;
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"delivery.logs.amazonaws.com"},"Action":"logs:*","Resource":"*"}}"#;
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g".to_owned();
    let input = PutResourcePolicyRequest { resource_arn: Some(arn.clone()), policy_document: Some(document.into()), ..Default::default() };
    let made = cloud.ok::<PutResourcePolicy>(input).await;
    let writer = service(DELIVERY, "arn:aws:s3:::bucket");
    cloud.call_as::<PutLogEvents>(&writer, put("g", "s", &[(0, "x")])).await.unwrap();
    assert!(cloud.call_as::<PutLogEvents>(&writer, put("h", "s", &[(0, "x")])).await.is_err());
    let list = DescribeResourcePoliciesRequest { policy_scope: Some("RESOURCE".into()), ..Default::default() };
    let listed = cloud.ok::<DescribeResourcePolicies>(list).await.resource_policies.unwrap();
    assert_eq!((listed.len(), &listed[0].revision_id), (1, &made.revision_id));
    let delete = |revision: Option<String>| DeleteResourcePolicyRequest {
        resource_arn: Some(arn.clone()),
        expected_revision_id: revision,
        ..Default::default()
    };
    assert_eq!(cloud.expect_fault::<DeleteResourcePolicy>(delete(Some("1".into()))).await.name(), "OperationAbortedException");
    cloud.ok::<DeleteResourcePolicy>(delete(made.revision_id)).await;
}

#[tokio::test]
async fn another_account_needs_a_policy() {
    let cloud = TestCloud::with_stream().await;
    let read =
        || FilterLogEventsRequest { log_group_identifier: Some("arn:aws:logs:us-east-1:000000000000:log-group:g".into()), ..Default::default() };
    assert_eq!(cloud.expect_fault_as::<FilterLogEvents>(other_account(), read()).await.name(), "AccessDeniedException");
}

#[tokio::test]
async fn there_are_ten_policies_at_most() {
    let cloud = TestCloud::new();
    let allow = r#"{"Effect":"Allow","Principal":{"Service":"es.amazonaws.com"},"Action":"logs:PutLogEvents","Resource":"log_arn"}"#;
    for number in 0..10 {
        policy(&cloud, &number.to_string(), allow).await;
    }
    let document = format!(r#"{{"Version":"2012-10-17","Statement":{allow}}}"#);
    let put = |name: &str| PutResourcePolicyRequest { policy_name: Some(name.into()), policy_document: Some(document.clone()), ..Default::default() };
    let fault = cloud.expect_fault::<PutResourcePolicy>(put("more")).await;
    assert_eq!(said(&fault), ("LimitExceededException", "Resource limit exceeded."));
    cloud.ok::<PutResourcePolicy>(put("3")).await;
}
