use super::fixture::*;
use cloudlet_api_iam::*;

#[tokio::test]
async fn a_user_has_an_arn_with_its_path_and_cannot_be_deleted_with_access_keys() {
    let cloud = TestCloud::new();
    let input = CreateUserRequest { user_name: "Ada".into(), path: Some("/team/".into()), ..Default::default() };
    let user = cloud.ok::<CreateUser>(input).await.user.unwrap();
    assert_eq!(user.arn, "arn:aws:iam::123456789012:user/team/Ada");
    assert!(user.user_id.starts_with("AIDA") && user.user_id.len() == 21);
    let again = CreateUserRequest { user_name: "ADA".into(), ..Default::default() };
    assert_eq!(cloud.fails::<CreateUser>(again).await, ("EntityAlreadyExists".into(), "User with name ADA already exists.".into()));
    cloud.ok::<CreateAccessKey>(CreateAccessKeyRequest { user_name: Some("Ada".into()) }).await;
    let delete = DeleteUserRequest { user_name: "Ada".into() };
    assert_eq!(
        cloud.fails::<DeleteUser>(delete.clone()).await,
        ("DeleteConflict".into(), "Cannot delete entity, must delete access keys first.".into())
    );
    let keys = cloud.ok::<ListAccessKeys>(ListAccessKeysRequest { user_name: Some("Ada".into()), ..Default::default() }).await;
    let id = keys.access_key_metadata[0].access_key_id.clone().unwrap();
    cloud.ok::<DeleteAccessKey>(DeleteAccessKeyRequest { user_name: Some("Ada".into()), access_key_id: id }).await;
    cloud.ok::<DeleteUser>(delete.clone()).await;
    assert_eq!(cloud.fails::<DeleteUser>(delete).await, ("NoSuchEntity".into(), "The user with name Ada cannot be found.".into()));
}

/// `openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test`
const CERTIFICATE: &str = include_str!("certificate.pem");
const SSH_KEY: &str = include_str!("ssh_key.pub");

#[tokio::test]
async fn a_user_with_references_cannot_be_deleted() {
    let cloud = TestCloud::new();
    cloud.user("u").await;
    let name = || Some("u".to_owned());
    let conflict = async |what: &str| {
        let fault = cloud.fails::<DeleteUser>(DeleteUserRequest { user_name: "u".into() }).await;
        assert_eq!(fault, ("DeleteConflict".into(), format!("Cannot delete entity, must {what} first.")));
    };
    let input =
        CreateServiceSpecificCredentialRequest { user_name: "u".into(), service_name: "codecommit.amazonaws.com".into(), credential_age_days: None };
    let credential = cloud.ok::<CreateServiceSpecificCredential>(input).await.service_specific_credential.unwrap();
    conflict("remove referenced objects").await;
    let input =
        DeleteServiceSpecificCredentialRequest { user_name: name(), service_specific_credential_id: credential.service_specific_credential_id };
    cloud.ok::<DeleteServiceSpecificCredential>(input).await;
    let input = UploadSSHPublicKeyRequest { user_name: "u".into(), ssh_public_key_body: SSH_KEY.into() };
    cloud.ok::<UploadSSHPublicKey>(input).await;
    conflict("remove referenced objects").await;
    cloud.ok::<UploadSigningCertificate>(UploadSigningCertificateRequest { user_name: name(), certificate_body: CERTIFICATE.into() }).await;
    conflict("delete certificates").await;
    cloud.enable_mfa("u").await;
    conflict("delete MFA device").await;
    cloud.ok::<CreateAccessKey>(CreateAccessKeyRequest { user_name: name() }).await;
    conflict("delete access keys").await;
    let input = CreateLoginProfileRequest { user_name: name(), password: Some("Secret12345!".into()), password_reset_required: None };
    cloud.ok::<CreateLoginProfile>(input).await;
    conflict("delete login profile").await;
    let input = PutUserPolicyRequest { user_name: "u".into(), policy_name: "p".into(), policy_document: ALLOW_ALL.into() };
    cloud.ok::<PutUserPolicy>(input).await;
    conflict("delete policies").await;
    let policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned();
    cloud.ok::<AttachUserPolicy>(AttachUserPolicyRequest { user_name: "u".into(), policy_arn }).await;
    conflict("detach all policies").await;
    cloud.ok::<CreateGroup>(CreateGroupRequest { group_name: "g".into(), path: None }).await;
    cloud.ok::<AddUserToGroup>(AddUserToGroupRequest { group_name: "g".into(), user_name: "u".into() }).await;
    conflict("remove users from group").await;
}

#[tokio::test]
async fn get_user_without_a_name_returns_the_caller() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob").await;
    cloud.ok::<PutUserPolicy>(PutUserPolicyRequest { user_name: "bob".into(), policy_name: "all".into(), policy_document: ALLOW_ALL.into() }).await;
    assert_eq!(cloud.call_as::<GetUser>(&bob, GetUserRequest::default()).await.unwrap().user.user_name, "bob");
    assert_eq!(cloud.ok::<GetUser>(GetUserRequest::default()).await.user.arn, "arn:aws:iam::123456789012:root");
    let role = cloudlet_aws::Caller {
        identity: cloudlet_aws::Identity::AssumedRole {
            role: cloudlet_aws::Arn::parse("arn:aws:iam::123456789012:role/r").unwrap(),
            session: "s".into(),
        },
        ..bob
    };
    let fault = cloud.call_as::<GetUser>(&role, GetUserRequest::default()).await.err().unwrap();
    assert_eq!((fault.code(), fault.message()), ("ValidationError", "Must specify userName when calling with non-User credentials"));
}

#[tokio::test]
async fn a_renamed_user_keeps_its_keys_groups_and_trust() {
    let cloud = TestCloud::new();
    cloud.user("old").await;
    cloud.ok::<CreateGroup>(CreateGroupRequest { group_name: "devs".into(), path: None }).await;
    cloud.ok::<AddUserToGroup>(AddUserToGroupRequest { group_name: "devs".into(), user_name: "old".into() }).await;
    let key = cloud.ok::<CreateAccessKey>(CreateAccessKeyRequest { user_name: Some("old".into()) }).await.access_key;
    let trust = LAMBDA_TRUST.replace(r#""Service":"lambda.amazonaws.com""#, r#""AWS":"arn:aws:iam::123456789012:user/old""#);
    cloud.role("r", &trust).await;
    cloud.ok::<UpdateUser>(UpdateUserRequest { user_name: "old".into(), new_user_name: Some("new".into()), new_path: Some("/x/".into()) }).await;
    let groups = cloud.ok::<ListGroupsForUser>(ListGroupsForUserRequest { user_name: "new".into(), ..Default::default() }).await;
    assert_eq!(groups.groups[0].group_name, "devs");
    let caller = cloud.identity.credential(&key.access_key_id, None, cloud.now()).unwrap().caller;
    assert_eq!(&*caller.arn, "arn:aws:iam::123456789012:user/x/new");
    let role = cloud.ok::<GetRole>(GetRoleRequest { role_name: "r".into() }).await.role;
    assert!(role.assume_role_policy_document.unwrap().contains("user%2Fx%2Fnew"));
}

#[tokio::test]
async fn a_deleted_principal_is_replaced_by_its_id_in_trust_policies() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob").await;
    let trust = LAMBDA_TRUST.replace(r#""Service":"lambda.amazonaws.com""#, r#""AWS":"arn:aws:iam::123456789012:user/bob""#);
    cloud.role("r", &trust).await;
    cloud.ok::<DeleteUser>(DeleteUserRequest { user_name: "bob".into() }).await;
    cloud.user("bob").await;
    let role = cloud.ok::<GetRole>(GetRoleRequest { role_name: "r".into() }).await.role;
    let document = role.assume_role_policy_document.unwrap();
    assert!(document.contains(&*bob.unique_id) && !document.contains("user%2Fbob"));
}

#[tokio::test]
async fn the_principals_of_a_trust_policy_must_exist() {
    let cloud = TestCloud::new();
    let input = |document: &str| CreateRoleRequest { role_name: "r".into(), assume_role_policy_document: document.into(), ..Default::default() };
    let nobody = LAMBDA_TRUST.replace(r#""Service":"lambda.amazonaws.com""#, r#""AWS":"arn:aws:iam::123456789012:user/nobody""#);
    cloud.user("somebody").await;
    assert_eq!(
        cloud.fails::<CreateRole>(input(&nobody)).await,
        ("MalformedPolicyDocument".into(), r#"Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/nobody""#.into())
    );
    let mistyped = LAMBDA_TRUST.replace("lambda.amazonaws.com", "lambda.amazonws.com");
    assert_eq!(cloud.fails::<CreateRole>(input(&mistyped)).await.1, r#"Invalid principal in policy: "SERVICE":"lambda.amazonws.com""#);
    assert_eq!(cloud.fails::<CreateRole>(input(ALLOW_ALL)).await.0, "MalformedPolicyDocument");
    assert_eq!(cloud.fails::<CreateRole>(input("{")).await.1, "This policy contains invalid Json");
    // Accounts without principals on this server are not checked.
    let other_account = nobody.replace("123456789012", "999988887777");
    cloud.ok::<CreateRole>(input(&other_account)).await;
}

#[tokio::test]
async fn a_role_in_an_instance_profile_cannot_be_deleted() {
    let cloud = TestCloud::new();
    cloud.role("r", LAMBDA_TRUST).await;
    cloud.ok::<CreateInstanceProfile>(CreateInstanceProfileRequest { instance_profile_name: "p".into(), ..Default::default() }).await;
    let add = AddRoleToInstanceProfileRequest { instance_profile_name: "p".into(), role_name: "r".into() };
    let other_case = AddRoleToInstanceProfileRequest { instance_profile_name: "P".into(), ..add.clone() };
    assert_eq!(cloud.fails::<AddRoleToInstanceProfile>(other_case).await, ("NoSuchEntity".into(), "Instance Profile P cannot be found.".into()));
    cloud.ok::<AddRoleToInstanceProfile>(add.clone()).await;
    assert_eq!(
        cloud.fails::<AddRoleToInstanceProfile>(add).await,
        ("LimitExceeded".into(), "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1".into())
    );
    let delete = DeleteRoleRequest { role_name: "r".into() };
    assert_eq!(cloud.fails::<DeleteRole>(delete.clone()).await.1, "Cannot delete entity, must remove roles from instance profile first.");
    let profile = cloud.ok::<GetInstanceProfile>(GetInstanceProfileRequest { instance_profile_name: "p".into() }).await.instance_profile;
    assert_eq!(profile.roles[0].role_name, "r");
    cloud
        .ok::<RemoveRoleFromInstanceProfile>(RemoveRoleFromInstanceProfileRequest { instance_profile_name: "p".into(), role_name: "r".into() })
        .await;
    cloud.ok::<DeleteRole>(delete).await;
}

#[tokio::test]
async fn lists_have_pages_and_path_prefixes() {
    let cloud = TestCloud::new();
    for name in ["a", "b", "c"] {
        let path = if name == "c" { "/far/" } else { "/" };
        cloud.ok::<CreateUser>(CreateUserRequest { user_name: name.into(), path: Some(path.into()), ..Default::default() }).await;
    }
    let one = cloud.ok::<ListUsers>(ListUsersRequest { max_items: Some(2), ..Default::default() }).await;
    assert_eq!((one.users.len(), one.is_truncated), (2, Some(true)));
    let two = cloud.ok::<ListUsers>(ListUsersRequest { marker: one.marker, ..Default::default() }).await;
    assert_eq!((two.users[0].user_name.as_str(), two.is_truncated), ("c", Some(false)));
    let far = cloud.ok::<ListUsers>(ListUsersRequest { path_prefix: Some("/far/".into()), ..Default::default() }).await;
    assert_eq!(far.users.len(), 1);
}

#[tokio::test]
async fn a_service_linked_role_can_only_be_deleted_as_such() {
    let cloud = TestCloud::new();
    let input = CreateServiceLinkedRoleRequest { aws_service_name: "batch.amazonaws.com".into(), ..Default::default() };
    let role = cloud.ok::<CreateServiceLinkedRole>(input.clone()).await.role.unwrap();
    assert_eq!(role.arn, "arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch");
    let name = role.role_name;
    assert_eq!(
        cloud.fails::<CreateServiceLinkedRole>(input).await,
        ("InvalidInput".into(), format!("Service role name {name} has been taken in this account, please try a different suffix."))
    );
    assert_eq!(cloud.fails::<DeleteRole>(DeleteRoleRequest { role_name: name.clone() }).await.0, "UnmodifiableEntity");
    let task = cloud.ok::<DeleteServiceLinkedRole>(DeleteServiceLinkedRoleRequest { role_name: name }).await.deletion_task_id;
    let input = GetServiceLinkedRoleDeletionStatusRequest { deletion_task_id: task };
    assert_eq!(cloud.ok::<GetServiceLinkedRoleDeletionStatus>(input).await.status, "SUCCEEDED");
}
