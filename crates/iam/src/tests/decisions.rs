use super::fixture::*;
use cloudlet_api_iam::*;

async fn put_policy(cloud: &TestCloud, policy: &str) {
    let input = PutUserPolicyRequest { user_name: "bob".into(), policy_name: "p".into(), policy_document: policy.into() };
    cloud.ok::<PutUserPolicy>(input).await;
}

#[tokio::test]
async fn policy_changes_take_effect_at_once() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob").await;
    let list = || cloud.call_as::<ListUsers>(&bob, ListUsersRequest::default());
    let fault = list().await.err().unwrap();
    assert_eq!((fault.code(), fault.status()), ("AccessDenied", 403));
    assert_eq!(
        fault.message(),
        "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: iam:ListUsers on resource: \
         arn:aws:iam::123456789012:user/ because no identity-based policy allows the iam:ListUsers action"
    );
    put_policy(&cloud, r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:List*","Resource":"*"}}"#).await;
    assert!(list().await.is_ok());
    cloud.ok::<DeleteUserPolicy>(DeleteUserPolicyRequest { user_name: "bob".into(), policy_name: "p".into() }).await;
    assert!(list().await.is_err());
    cloud.ok::<CreateGroup>(CreateGroupRequest { group_name: "g".into(), path: None }).await;
    cloud.ok::<AddUserToGroup>(AddUserToGroupRequest { group_name: "g".into(), user_name: "bob".into() }).await;
    let admin = AttachGroupPolicyRequest { group_name: "g".into(), policy_arn: "arn:aws:iam::aws:policy/IAMReadOnlyAccess".into() };
    cloud.ok::<AttachGroupPolicy>(admin).await;
    assert!(list().await.is_ok());
}

#[tokio::test]
async fn a_denial_by_a_boundary_says_so() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob").await;
    put_policy(&cloud, ALLOW_ALL).await;
    let boundary = "arn:aws:iam::aws:policy/AmazonS3FullAccess";
    let input = PutUserPermissionsBoundaryRequest { user_name: "bob".into(), permissions_boundary: boundary.into() };
    cloud.ok::<PutUserPermissionsBoundary>(input).await;
    let fault = cloud.call_as::<ListUsers>(&bob, ListUsersRequest::default()).await.err().unwrap();
    assert!(fault.message().ends_with("because no permissions boundary allows the iam:ListUsers action"), "{fault}");
}

#[tokio::test]
async fn policies_can_use_variables_and_tags() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob").await;
    cloud.user("eve").await;
    let own = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:CreateAccessKey","Resource":"arn:aws:iam::*:user/${aws:username}"},
        {"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"${aws:PrincipalTag/team}"}}}]}"#;
    put_policy(&cloud, own).await;
    assert!(cloud.call_as::<CreateAccessKey>(&bob, CreateAccessKeyRequest { user_name: Some("bob".into()) }).await.is_ok());
    assert!(cloud.call_as::<CreateAccessKey>(&bob, CreateAccessKeyRequest { user_name: Some("eve".into()) }).await.is_err());
    let get = || cloud.call_as::<GetUser>(&bob, GetUserRequest { user_name: Some("eve".into()) });
    let fault = get().await.err().unwrap();
    assert!(fault.message().contains("iam:GetUser on resource: user eve because no identity-based policy allows"), "{fault}");
    for (name, team) in [("bob", "red"), ("eve", "blue")] {
        let tags = vec![Tag { key: "team".into(), value: team.into() }];
        cloud.ok::<TagUser>(TagUserRequest { user_name: name.into(), tags }).await;
    }
    assert!(get().await.is_err());
    let tags = vec![Tag { key: "team".into(), value: "red".into() }];
    cloud.ok::<TagUser>(TagUserRequest { user_name: "eve".into(), tags }).await;
    assert!(get().await.is_ok());
}

#[tokio::test]
async fn a_user_that_is_created_again_does_not_inherit_policies() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob").await;
    put_policy(&cloud, ALLOW_ALL).await;
    cloud.ok::<DeleteUserPolicy>(DeleteUserPolicyRequest { user_name: "bob".into(), policy_name: "p".into() }).await;
    cloud.ok::<DeleteUser>(DeleteUserRequest { user_name: "bob".into() }).await;
    let new = cloud.user("bob").await;
    put_policy(&cloud, ALLOW_ALL).await;
    assert!(cloud.call_as::<ListUsers>(&bob, ListUsersRequest::default()).await.is_err());
    assert!(cloud.call_as::<ListUsers>(&new, ListUsersRequest::default()).await.is_ok());
}

#[tokio::test]
async fn adding_a_role_to_an_instance_profile_needs_pass_role() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob").await;
    cloud.role("r", LAMBDA_TRUST).await;
    cloud.ok::<CreateInstanceProfile>(CreateInstanceProfileRequest { instance_profile_name: "p".into(), ..Default::default() }).await;
    put_policy(&cloud, r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"*"}}"#).await;
    let add = AddRoleToInstanceProfileRequest { instance_profile_name: "p".into(), role_name: "r".into() };
    let fault = cloud.call_as::<AddRoleToInstanceProfile>(&bob, add).await.err().unwrap();
    assert!(fault.message().contains("iam:PassRole on resource: arn:aws:iam::123456789012:role/r"), "{fault}");
}
