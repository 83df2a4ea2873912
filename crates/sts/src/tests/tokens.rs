use super::fixture::*;
use cloudlet_api_sts::*;
use cloudlet_aws::{Account, Arn};
use cloudlet_identity::{
    EntityKey, Secret,
    mfa::{MfaDevice, MfaOwner},
    organization::{MemberAccount, Organization},
};

const INFO: &str = "ASIAY34FZKBOKMUTVV7A";

fn info() -> GetAccessKeyInfoRequest {
    GetAccessKeyInfoRequest { access_key_id: INFO.into() }
}

#[tokio::test]
async fn a_session_token_has_the_identity_of_its_user_and_gets_no_further_tokens() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob", Some(ALLOW_ALL));
    let credentials = cloud.call_as::<GetSessionToken>(&bob, GetSessionTokenRequest::default()).await.unwrap().credentials.unwrap();
    assert_eq!(credentials.expiration, cloud.now().plus_secs(43_200));
    let session = cloud.caller_of(&credentials).unwrap();
    let who = cloud.call_as::<GetCallerIdentity>(&session, GetCallerIdentityRequest {}).await.unwrap();
    assert_eq!(who.arn.as_deref(), Some("arn:aws:iam::123456789012:user/bob"));
    let fault = cloud.call_as::<GetSessionToken>(&session, GetSessionTokenRequest::default()).await.err().unwrap();
    assert_eq!((fault.code(), fault.message()), ("AccessDenied", "Cannot call GetSessionToken with session credentials"));
    let fault = cloud.call_as::<GetAccessKeyInfo>(&session, info()).await.err().unwrap();
    assert_eq!(fault.code(), "InvalidClientTokenId");
    let root = cloud.call::<GetSessionToken>(GetSessionTokenRequest { duration_seconds: Some(86_400), ..Default::default() });
    assert_eq!(root.await.unwrap().credentials.unwrap().expiration, cloud.now().plus_secs(3_600));
}

#[tokio::test]
async fn a_trust_policy_may_require_mfa_and_a_code_works_once() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob", None);
    let serial = Arn::parse("arn:aws:iam::123456789012:mfa/phone").unwrap();
    let device = MfaDevice {
        account: account(),
        name: "phone".into(),
        path: "/".into(),
        seed: Secret::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
        created: cloud.now(),
        tags: vec![],
        owner: Some(MfaOwner { user: Some("bob".into()), enabled: cloud.now() }),
        drift: 0,
        last_step: i64::MIN,
    };
    let code = device.code(cloud.now().secs() / 30).unwrap();
    cloud.put(|state| {
        state.mfa_devices.insert(serial.clone(), device);
        state.users.get_mut(&EntityKey::new(account(), "bob")).unwrap().mfa_devices.push(serial.clone());
    });
    let condition = r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#;
    let role = cloud.role("r", &trust(&bob.arn, r#""sts:AssumeRole""#, condition), None);
    let plain = AssumeRoleRequest { role_arn: role, role_session_name: "s1".into(), ..Default::default() };
    assert!(cloud.call_as::<AssumeRole>(&bob, plain.clone()).await.is_err());
    let refused = async |serial: Option<&str>, code: Option<&str>| {
        let input = AssumeRoleRequest { serial_number: serial.map(Into::into), token_code: code.map(Into::into), ..plain.clone() };
        let fault = cloud.call_as::<AssumeRole>(&bob, input).await.err().unwrap();
        (fault.code().to_owned(), fault.message().to_owned())
    };
    let both = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";
    assert_eq!(refused(Some(serial.as_str()), None).await, ("AccessDenied".into(), both.into()));
    assert_eq!(refused(None, Some("123456")).await.1, both);
    let unknown = refused(Some("arn:aws:iam::123456789012:mfa/other"), Some("123456")).await.1;
    assert!(unknown.starts_with("MultiFactorAuthentication failed, unable to validate MFA code.  Please verify"), "{unknown}");
    let with_code = AssumeRoleRequest { serial_number: Some(serial.to_string()), token_code: Some(code), ..plain };
    assert!(cloud.call_as::<AssumeRole>(&bob, with_code.clone()).await.is_ok());
    let fault = cloud.call_as::<AssumeRole>(&bob, with_code).await.err().unwrap();
    assert_eq!((fault.code(), fault.message()), ("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. "));
}

#[tokio::test]
async fn a_federated_user_may_call_no_sts_operation_but_get_caller_identity() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob", Some(ALLOW_ALL));
    let get = async |policy: Option<&str>| {
        let input = GetFederationTokenRequest { name: "Fred".into(), policy: policy.map(str::to_owned), ..Default::default() };
        let answer = cloud.call_as::<GetFederationToken>(&bob, input).await.unwrap();
        assert_eq!(answer.packed_policy_size.map(|percent| percent > 0), Some(policy.is_some()));
        let user = answer.federated_user.unwrap();
        assert_eq!((user.arn.as_str(), user.federated_user_id.as_str()), ("arn:aws:sts::123456789012:federated-user/Fred", "123456789012:Fred"));
        cloud.caller_of(&answer.credentials.unwrap()).unwrap()
    };
    for policy in [None, Some(ALLOW_ALL)] {
        let fred = get(policy).await;
        assert!(cloud.call_as::<GetCallerIdentity>(&fred, GetCallerIdentityRequest {}).await.is_ok());
        assert_eq!(cloud.call_as::<GetAccessKeyInfo>(&fred, info()).await.err().unwrap().code(), "InvalidClientTokenId");
    }
}

#[tokio::test]
async fn the_management_account_may_assume_root_of_a_member_for_a_task() {
    let cloud = TestCloud::new();
    let member = Account::parse("222233334444").unwrap();
    let input = AssumeRootRequest {
        target_principal: member.to_string(),
        task_policy_arn: PolicyDescriptorType { arn: Some("arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy".into()) },
        ..Default::default()
    };
    assert_eq!(cloud.call::<AssumeRoot>(input.clone()).await.err().unwrap().code(), "AccessDenied");
    cloud.put(|state| {
        let mut organization = Organization::new("o-1".into(), "r-1".into(), account(), cloud.now());
        let row = MemberAccount { name: "m".into(), email: "m@example.com".into(), parent: "r-1".into(), joined: cloud.now() };
        organization.accounts.insert(member, row);
        organization.enabled_features.push("RootSessions".into());
        state.organization.insert((), organization);
    });
    let credentials = cloud.call::<AssumeRoot>(input).await.unwrap().credentials.unwrap();
    let root = cloud.caller_of(&credentials).unwrap();
    assert_eq!(&*root.arn, "arn:aws:iam::222233334444:root");
    let fault = cloud.call_as::<GetAccessKeyInfo>(&root, info()).await.err().unwrap();
    assert!(fault.message().contains("with an explicit deny in a session policy"), "{fault}");
}

#[tokio::test]
async fn service_control_policies_limit_members_and_their_root_but_not_the_management_account() {
    let cloud = TestCloud::new();
    let member = Account::parse("222233334444").unwrap();
    let root = cloudlet_aws::Caller::root(member, "aws", None);
    assert!(cloud.call_as::<GetAccessKeyInfo>(&root, info()).await.is_ok());
    cloud.put(|state| {
        use cloudlet_identity::{StoredPolicy, organization::*};
        let mut organization = Organization::new("o-1".into(), "r-1".into(), account(), cloud.now());
        let row = MemberAccount { name: "m".into(), email: "m@example.com".into(), parent: "r-1".into(), joined: cloud.now() };
        organization.accounts.insert(member, row);
        organization.attach_full_access(member.as_str());
        organization.enabled_policy_types.push(PolicyKind::ServiceControl);
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"sts:*","Resource":"*"}}"#;
        let policy = OrganizationPolicy {
            name: "no-sts".into(),
            description: String::new(),
            kind: PolicyKind::ServiceControl,
            content: StoredPolicy::parse(text, PolicyKind::ServiceControl.document()).unwrap(),
            aws_managed: false,
        };
        organization.policies.insert("p-12345678".into(), policy);
        organization.attached.get_mut("r-1").unwrap().push("p-12345678".into());
        state.organization.insert((), organization);
    });
    let fault = cloud.call_as::<GetAccessKeyInfo>(&root, info()).await.err().unwrap();
    let arn = "arn:aws:organizations::123456789012:policy/o-1/service_control_policy/p-12345678";
    assert!(fault.message().ends_with(&format!("with an explicit deny in a service control policy: {arn}")), "{fault}");
    assert!(cloud.call::<GetAccessKeyInfo>(info()).await.is_ok());
}
