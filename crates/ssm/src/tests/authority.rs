//! Permissions with an IAM-less user: what nobody allows is denied, and the message names the action and the resource.

use super::fixture::*;
use cloudlet_api_ssm::*;

const PARAMETER: &str = "arn:aws:ssm:us-east-1:000000000000:parameter/a/b";

fn denied(action: &str, resource: &str) -> String {
    format!(
        "User: arn:aws:iam::000000000000:user/bob is not authorized to perform: ssm:{action} on resource: {resource} because no identity-based policy \
         allows the ssm:{action} action"
    )
}

#[tokio::test]
async fn each_operation_has_its_own_action_and_resource() {
    let cloud = TestCloud::new();
    let bob = || user(cloud.account(), "bob");
    let name = || "/a/b".to_owned();
    let get = cloud.expect_fault_as::<GetParameter>(bob(), GetParameterRequest { name: "/a/b:3".into(), ..Default::default() }).await;
    let get_all = cloud.expect_fault_as::<GetParameters>(bob(), GetParametersRequest { names: vec![name()], ..Default::default() }).await;
    let history = cloud.expect_fault_as::<GetParameterHistory>(bob(), GetParameterHistoryRequest { name: name(), ..Default::default() }).await;
    let by_path = cloud.expect_fault_as::<GetParametersByPath>(bob(), by_path("/a/b")).await;
    let root = cloud.expect_fault_as::<GetParametersByPath>(bob(), recursively("/")).await;
    let describe = cloud.expect_fault_as::<DescribeParameters>(bob(), DescribeParametersRequest::default()).await;
    let put = cloud.expect_fault_as::<PutParameter>(bob(), string("/a/b", "v")).await;
    let delete = cloud.expect_fault_as::<DeleteParameter>(bob(), DeleteParameterRequest { name: name() }).await;
    let public = GetParameterRequest { name: "/aws/service/global-infrastructure/regions/us-east-1".into(), ..Default::default() };
    let public = cloud.expect_fault_as::<GetParameter>(bob(), public).await;
    for (fault, action, resource) in [
        (get, "GetParameter", PARAMETER),
        (get_all, "GetParameters", PARAMETER),
        (history, "GetParameterHistory", PARAMETER),
        (by_path, "GetParametersByPath", PARAMETER),
        (root, "GetParametersByPath", "arn:aws:ssm:us-east-1:000000000000:parameter/"),
        (describe, "DescribeParameters", "arn:aws:ssm:us-east-1:000000000000:*"),
        (put, "PutParameter", PARAMETER),
        (delete, "DeleteParameter", PARAMETER),
        (public, "GetParameter", "arn:aws:ssm:us-east-1::parameter/aws/service/global-infrastructure/regions/us-east-1"),
    ] {
        assert_eq!(said(&fault), ("AccessDeniedException".into(), denied(action, resource)));
    }
}

fn policy(action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":{action},"Resource":"{PARAMETER}"}}]}}"#
    )
}

fn share(text: String) -> PutResourcePolicyRequest {
    PutResourcePolicyRequest { resource_arn: PARAMETER.into(), policy: text, ..Default::default() }
}

#[tokio::test]
async fn a_resource_policy_shares_a_parameter_for_reading() {
    let cloud = TestCloud::new();
    cloud.put(advanced(string("/a/b", "v"))).await;
    let read = || GetParameterRequest { name: PARAMETER.into(), ..Default::default() };
    assert_eq!(cloud.expect_fault_as::<GetParameter>(other_account(), read()).await.name(), "AccessDeniedException");
    let put = cloud.ok::<PutResourcePolicy>(share(policy(r#"["ssm:GetParameter","ssm:DescribeParameters"]"#))).await;
    let shared = cloud.call_as::<GetParameter>(other_account(), read()).await.unwrap().parameter.unwrap();
    assert_eq!((shared.value.as_deref(), shared.arn.as_deref(), shared.name.as_deref()), (Some("v"), Some(PARAMETER), Some("/a/b")));
    let history = GetParameterHistoryRequest { name: PARAMETER.into(), ..Default::default() };
    assert_eq!(cloud.expect_fault_as::<GetParameterHistory>(other_account(), history).await.name(), "AccessDeniedException");
    let listed = GetResourcePoliciesRequest { resource_arn: PARAMETER.into(), ..Default::default() };
    assert_eq!(cloud.expect_fault_as::<GetResourcePolicies>(other_account(), listed.clone()).await.name(), "AccessDeniedException");
    let policies = cloud.ok::<GetResourcePolicies>(listed).await.policies.unwrap();
    assert_eq!((policies.len(), &policies[0].policy_id, &policies[0].policy_hash), (1, &put.policy_id, &put.policy_hash));

    let again = share(policy(r#""ssm:GetParameter""#));
    assert_eq!(cloud.expect_fault::<PutResourcePolicy>(again.clone()).await.name(), "ResourcePolicyLimitExceededException");
    let wrong = PutResourcePolicyRequest { policy_id: put.policy_id.clone(), policy_hash: Some("x".into()), ..again.clone() };
    assert_eq!(cloud.expect_fault::<PutResourcePolicy>(wrong).await.name(), "ResourcePolicyConflictException");
    let unknown = PutResourcePolicyRequest { policy_id: Some("x".into()), policy_hash: put.policy_hash.clone(), ..again.clone() };
    assert_eq!(cloud.expect_fault::<PutResourcePolicy>(unknown).await.name(), "ResourcePolicyNotFoundException");
    let changed = PutResourcePolicyRequest { policy_id: put.policy_id.clone(), policy_hash: put.policy_hash, ..again };
    let changed = cloud.ok::<PutResourcePolicy>(changed).await;
    let delete = |hash: Option<String>| DeleteResourcePolicyRequest {
        resource_arn: PARAMETER.into(),
        policy_id: put.policy_id.clone().unwrap(),
        policy_hash: hash.unwrap(),
        ..Default::default()
    };
    assert_eq!(cloud.expect_fault::<DeleteResourcePolicy>(delete(Some("x".into()))).await.name(), "ResourcePolicyConflictException");
    cloud.ok::<DeleteResourcePolicy>(delete(changed.policy_hash)).await;
    assert_eq!(cloud.expect_fault_as::<GetParameter>(other_account(), read()).await.name(), "AccessDeniedException");
}

#[tokio::test]
async fn what_cannot_be_shared() {
    let cloud = TestCloud::new();
    assert_eq!(cloud.expect_fault::<PutResourcePolicy>(share(policy(r#""ssm:GetParameter""#))).await.name(), "ResourceNotFoundException");
    cloud.put(string("/a/b", "v")).await;
    let standard = cloud.expect_fault::<PutResourcePolicy>(share(policy(r#""ssm:GetParameter""#))).await;
    assert_eq!(standard.name(), "ResourcePolicyInvalidParameterException");
    cloud.put(advanced(overwrite("/a/b", "v"))).await;
    let elsewhere = policy(r#""ssm:GetParameter""#).replace("parameter/a/b", "parameter/a/*");
    for text in ["{}".to_owned(), "nonsense".to_owned(), policy(r#""ssm:PutParameter""#), policy(r#""ssm:*""#), elsewhere] {
        assert_eq!(cloud.expect_fault::<PutResourcePolicy>(share(text.clone())).await.name(), "MalformedResourcePolicyDocumentException", "{text}");
    }
    cloud.ok::<PutResourcePolicy>(share(policy(r#""ssm:GetParameter""#))).await;
    // Deleted with the parameter: a new one of the name is not shared.
    cloud.ok::<DeleteParameter>(DeleteParameterRequest { name: "/a/b".into() }).await;
    cloud.put(advanced(string("/a/b", "new"))).await;
    let read = GetParameterRequest { name: PARAMETER.into(), ..Default::default() };
    assert_eq!(cloud.expect_fault_as::<GetParameter>(other_account(), read).await.name(), "AccessDeniedException");
}
