use super::fixture::*;
use cloudlet_api_iam::*;

const ARN: &str = "arn:aws:iam::123456789012:policy/p";

async fn with_policy() -> TestCloud {
    let cloud = TestCloud::new();
    let input = CreatePolicyRequest { policy_name: "p".into(), policy_document: ALLOW_ALL.into(), ..Default::default() };
    assert_eq!(cloud.ok::<CreatePolicy>(input).await.policy.unwrap().arn.as_deref(), Some(ARN));
    cloud
}

#[tokio::test]
async fn a_policy_has_at_most_five_versions_and_one_default() {
    let cloud = with_policy().await;
    let version = |default| CreatePolicyVersionRequest { policy_arn: ARN.into(), policy_document: ALLOW_ALL.into(), set_as_default: Some(default) };
    for default in [true, false, false, false] {
        cloud.ok::<CreatePolicyVersion>(version(default)).await;
    }
    assert_eq!(
        cloud.fails::<CreatePolicyVersion>(version(true)).await,
        (
            "LimitExceeded".into(),
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.".into()
        )
    );
    let delete = |version: &str| DeletePolicyVersionRequest { policy_arn: ARN.into(), version_id: version.into() };
    assert_eq!(
        cloud.fails::<DeletePolicyVersion>(delete("v2")).await,
        ("DeleteConflict".into(), "Cannot delete the default version of a policy.".into())
    );
    cloud.ok::<DeletePolicyVersion>(delete("v1")).await;
    // Version numbers are not reused.
    let sixth = cloud.ok::<CreatePolicyVersion>(version(true)).await.policy_version.unwrap();
    assert_eq!(sixth.version_id.as_deref(), Some("v6"));
    let listed = cloud.ok::<ListPolicyVersions>(ListPolicyVersionsRequest { policy_arn: ARN.into(), ..Default::default() }).await;
    let shown: Vec<_> = listed.versions.unwrap().into_iter().map(|one| (one.version_id.unwrap(), one.is_default_version.unwrap())).collect();
    assert_eq!(shown[0], ("v6".into(), true));
    assert!(
        cloud.fails::<DeletePolicy>(DeletePolicyRequest { policy_arn: ARN.into() }).await.1.starts_with("This policy has more than one version.")
    );
}

#[tokio::test]
async fn only_existing_policies_can_be_attached_and_only_detached_ones_deleted() {
    let cloud = with_policy().await;
    cloud.role("r", LAMBDA_TRUST).await;
    let attach = |arn: &str| AttachRolePolicyRequest { role_name: "r".into(), policy_arn: arn.into() };
    assert_eq!(
        cloud.fails::<AttachRolePolicy>(attach("longpolicynamebutnoarn")).await,
        ("ValidationError".into(), "Invalid ARN:  Could not be parsed!".into())
    );
    assert_eq!(
        cloud.fails::<AttachRolePolicy>(attach(&format!("{ARN}123"))).await,
        ("NoSuchEntity".into(), format!("Policy {ARN}123 does not exist or is not attachable."))
    );
    assert_eq!(
        cloud.fails::<AttachRolePolicy>(attach("arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy")).await,
        ("PolicyNotAttachable".into(), "Cannot attach a Service Role Policy to a Customer Role.".into())
    );
    cloud.ok::<AttachRolePolicy>(attach(ARN)).await;
    cloud.ok::<AttachRolePolicy>(attach("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")).await;
    let listed = cloud.ok::<ListAttachedRolePolicies>(ListAttachedRolePoliciesRequest { role_name: "r".into(), ..Default::default() }).await;
    let names: Vec<_> = listed.attached_policies.unwrap().into_iter().filter_map(|one| one.policy_name).collect();
    assert_eq!(names, ["p", "AWSLambdaBasicExecutionRole"]);
    let policy = cloud.ok::<GetPolicy>(GetPolicyRequest { policy_arn: ARN.into() }).await.policy.unwrap();
    assert_eq!(policy.attachment_count, Some(1));
    assert_eq!(
        cloud.fails::<DeletePolicy>(DeletePolicyRequest { policy_arn: ARN.into() }).await,
        ("DeleteConflict".into(), "Cannot delete a policy attached to entities.".into())
    );
    assert_eq!(
        cloud.fails::<DeleteRole>(DeleteRoleRequest { role_name: "r".into() }).await.1,
        "Cannot delete entity, must detach all policies first."
    );
    let detach = DetachRolePolicyRequest { role_name: "r".into(), policy_arn: ARN.into() };
    cloud.ok::<DetachRolePolicy>(detach.clone()).await;
    assert_eq!(cloud.fails::<DetachRolePolicy>(detach).await, ("NoSuchEntity".into(), format!("Policy {ARN} was not found.")));
    cloud.ok::<DeletePolicy>(DeletePolicyRequest { policy_arn: ARN.into() }).await;
}

#[tokio::test]
async fn inline_policies_share_a_quota_that_ignores_white_space() {
    let cloud = TestCloud::new();
    cloud.user("u").await;
    let put = |name: &str, document: String| PutUserPolicyRequest { user_name: "u".into(), policy_name: name.into(), policy_document: document };
    let padded = ALLOW_ALL.replace("\"Statement\"", &format!("{}\"Statement\"", " ".repeat(4000)));
    cloud.ok::<PutUserPolicy>(put("padded", padded)).await;
    let long = ALLOW_ALL.replace("\"Action\":\"*\"", &format!("\"Action\":\"s3:{}\"", "x".repeat(1_950)));
    assert_eq!(
        cloud.fails::<PutUserPolicy>(put("long", long)).await,
        ("LimitExceeded".into(), "Maximum policy size of 2048 bytes exceeded for user u".into())
    );
    let got = cloud.ok::<GetUserPolicy>(GetUserPolicyRequest { user_name: "u".into(), policy_name: "padded".into() }).await;
    assert!(got.policy_document.starts_with("%7B%22Version%22%3A%222012-10-17%22"));
    assert_eq!(
        cloud.fails::<GetUserPolicy>(GetUserPolicyRequest { user_name: "u".into(), policy_name: "none".into() }).await,
        ("NoSuchEntity".into(), "The user policy with name none cannot be found.".into())
    );
}

#[tokio::test]
async fn aws_managed_policies_cannot_be_changed() {
    let cloud = TestCloud::new();
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
    let input = GetPolicyVersionRequest { policy_arn: arn.into(), version_id: "v1".into() };
    let version = cloud.ok::<GetPolicyVersion>(input).await.policy_version.unwrap();
    assert!(version.document.unwrap().contains("%22Action%22%3A%22%2A%22"));
    assert_eq!(cloud.fails::<DeletePolicy>(DeletePolicyRequest { policy_arn: arn.into() }).await.0, "AccessDenied");
    let tags = vec![Tag { key: "a".into(), value: "b".into() }];
    assert_eq!(cloud.fails::<TagPolicy>(TagPolicyRequest { policy_arn: arn.into(), tags }).await.0, "AccessDenied");
    let listed = cloud.ok::<ListPolicies>(ListPoliciesRequest { scope: Some("AWS".into()), max_items: Some(1000), ..Default::default() }).await;
    assert_eq!((listed.policies.unwrap().len(), listed.is_truncated), (1000, Some(true)));
}

#[tokio::test]
async fn tag_keys_are_compared_without_case() {
    let cloud = TestCloud::new();
    cloud.user("u").await;
    let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
    let input = |tags| TagUserRequest { user_name: "u".into(), tags };
    cloud.ok::<TagUser>(input(vec![tag("Team", "red")])).await;
    cloud.ok::<TagUser>(input(vec![tag("team", "blue")])).await;
    let listed = cloud.ok::<ListUserTags>(ListUserTagsRequest { user_name: "u".into(), ..Default::default() }).await.tags;
    assert_eq!((listed.len(), listed[0].key.as_str(), listed[0].value.as_str()), (1, "team", "blue"));
    assert_eq!(
        cloud.fails::<TagUser>(input(vec![tag("a", "1"), tag("A", "2")])).await.1,
        "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    );
    cloud.ok::<UntagUser>(UntagUserRequest { user_name: "u".into(), tag_keys: vec!["TEAM".into()] }).await;
    assert!(cloud.ok::<ListUserTags>(ListUserTagsRequest { user_name: "u".into(), ..Default::default() }).await.tags.is_empty());
}
