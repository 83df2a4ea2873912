//! GetDelegatedAccessToken: exchanging the token of a delegation request.

use super::fixture::*;
use cloudlet_api_sts::*;
use cloudlet_aws::{Account, Arn, Caller, Fault, Timestamp};
use cloudlet_identity::{
    Secret, Session, SessionKind, StoredPolicy,
    delegations::{Delegation, DelegationOwner, DelegationState, ReleasedToken},
};
use cloudlet_policy::Kind;
use cloudlet_store::Persistent;
use std::sync::Arc;

const HOUR: i64 = 3_600;

fn partner() -> Caller {
    Caller::root(Account::parse("222222222222").unwrap(), "aws", None)
}

fn policy(action: &str) -> StoredPolicy {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#);
    StoredPolicy::parse(&text, Kind::Identity).unwrap()
}

/// A request whose token was released now, for an hour. `session_action` is the action that the approver's session policy allows.
fn released(cloud: &TestCloud, approver: &Caller, delegated: &str, session_action: Option<&str>) -> String {
    let now = cloud.now();
    let token = Delegation::token("dr-0123456789", "secret");
    let approved = Session {
        caller: Caller { access_key: None, ..approver.clone() },
        issuer: None,
        secret: Secret::new(""),
        token: Secret::new(""),
        kind: SessionKind::Delegation,
        issued: now,
        expires: now,
        policies: vec![policy(delegated).named("delegation request")].into(),
        tags: vec![("team".into(), "blue".into())],
        transitive_tag_keys: vec![],
        source_identity: None,
        mfa_at: None,
        federated_provider: None,
        claims: vec![],
        approver_policies: session_action.map(|action| policy(action).named("session policy")).into_iter().collect(),
        delegate: partner().account,
    };
    let request = Delegation {
        id: "dr-0123456789".into(),
        requestor: partner().account.unwrap(),
        requestor_name: "Example Corp".into(),
        requestor_workflow_id: "workflow-1".into(),
        owner_account: approver.account,
        owner: Some(DelegationOwner { arn: approver.arn.clone(), unique_id: approver.unique_id.clone() }),
        description: String::new(),
        message: None,
        redirect_url: None,
        notification_channel: Arn::parse("arn:aws:sns:us-east-1:222222222222:notices").unwrap(),
        session_duration: 3_600,
        only_send_by_owner: None,
        policy_template_arn: String::new(),
        parameters: vec![],
        policy: policy(delegated),
        permissions_boundaries: vec![],
        state: DelegationState::Finalized,
        expires: now.plus_secs(7 * 86_400),
        created: now,
        updated: now,
        notes: None,
        rejection_reason: None,
        approved: Some(Box::new(approved)),
        released_token: Some(ReleasedToken { token: token.clone(), expires: now.plus_secs(HOUR) }),
    };
    cloud.put(|state| state.delegation_requests.insert(request.id.clone(), request));
    token.reveal().to_owned()
}

fn exchange(token: &str) -> GetDelegatedAccessTokenRequest {
    GetDelegatedAccessTokenRequest { trade_in_token: token.into() }
}

/// The caller of exchanged credentials.
async fn delegate(cloud: &TestCloud, token: &str) -> Caller {
    let credentials = cloud.call_as::<GetDelegatedAccessToken>(partner(), exchange(token)).await.unwrap().credentials.unwrap();
    cloud.caller_of(&credentials).unwrap()
}

async fn get_access_key_info(cloud: &TestCloud, caller: &Caller) -> Result<(), Fault> {
    let input = GetAccessKeyInfoRequest { access_key_id: "AKIAIOSFODNN7EXAMPLE".into() };
    cloud.call_as::<GetAccessKeyInfo>(caller, input).await.map(drop)
}

fn fault_of(result: Result<impl Sized, Fault>) -> (String, String) {
    result.err().map(|fault| (fault.code().to_owned(), fault.message().to_owned())).unwrap_or_default()
}

#[tokio::test]
async fn a_token_can_be_exchanged_repeatedly_and_all_credentials_expire_together() {
    let cloud = TestCloud::new();
    let approver = cloud.user("admin", Some(ALLOW_ALL));
    let token = released(&cloud, &approver, "sts:GetAccessKeyInfo", None);
    let first = cloud.call_as::<GetDelegatedAccessToken>(partner(), exchange(&token)).await.unwrap();
    assert_eq!((first.assumed_principal.as_deref(), first.packed_policy_size), (Some(&*approver.arn), None));
    cloud.advance(1_200);
    let second = cloud.call_as::<GetDelegatedAccessToken>(partner(), exchange(&token)).await.unwrap().credentials.unwrap();
    let first = first.credentials.unwrap();
    assert_ne!(first.access_key_id, second.access_key_id);
    assert_eq!((first.expiration, second.expiration), (Timestamp::from_secs(1_800_000_000 + HOUR), Timestamp::from_secs(1_800_000_000 + HOUR)));
    let caller = cloud.caller_of(&second).unwrap();
    assert_eq!((&caller.arn, &caller.unique_id), (&approver.arn, &approver.unique_id));
    assert_eq!(cloud.identity.session_of(&caller).unwrap().delegate, partner().account);
    cloud.advance(2_400);
    assert!(cloud.caller_of(&first).is_err() && cloud.caller_of(&second).is_err());
    assert_eq!(fault_of(cloud.call_as::<GetDelegatedAccessToken>(partner(), exchange(&token)).await).0, "ExpiredTradeInTokenException");
}

#[tokio::test]
async fn only_the_partner_can_exchange_a_token() {
    let cloud = TestCloud::new();
    let token = released(&cloud, &cloud.root(), "*", None);
    let other = Caller::root(Account::parse("333333333333").unwrap(), "aws", None);
    let invalid = ("ValidationError".to_owned(), "Invalid trade-in token".to_owned());
    assert_eq!(fault_of(cloud.call_as::<GetDelegatedAccessToken>(&other, exchange(&token)).await), invalid);
    for wrong in ["nonsense", "", ".", "dr-0123456789.", "dr-0123456789.secrets", "dr-9.secret"] {
        assert_eq!(fault_of(cloud.call_as::<GetDelegatedAccessToken>(partner(), exchange(wrong)).await), invalid, "{wrong}");
    }
    let powerless = cloud.user("powerless", None);
    assert_eq!(fault_of(cloud.call_as::<GetDelegatedAccessToken>(&powerless, exchange(&token)).await).0, "AccessDenied");
}

#[tokio::test]
async fn a_delegate_has_the_permissions_that_both_the_request_and_the_approver_have() {
    let cloud = TestCloud::new();
    let decode = || DecodeAuthorizationMessageRequest { encoded_message: "x".into() };
    // Delegated sessions of root are limited too.
    for approver in [cloud.root(), cloud.user("admin", Some(ALLOW_ALL))] {
        let caller = delegate(&cloud, &released(&cloud, &approver, "sts:GetAccessKeyInfo", None)).await;
        get_access_key_info(&cloud, &caller).await.unwrap();
        let (code, message) = fault_of(cloud.call_as::<DecodeAuthorizationMessage>(&caller, decode()).await);
        assert_eq!(
            (code.as_str(), message.contains("no session policy allows the sts:DecodeAuthorizationMessage action")),
            ("AccessDenied", true),
            "{message}"
        );
        // A delegate cannot extend its session.
        assert_eq!(fault_of(cloud.call_as::<GetSessionToken>(&caller, GetSessionTokenRequest::default()).await).0, "AccessDenied");
    }
    let weak = cloud.user("weak", None);
    let caller = delegate(&cloud, &released(&cloud, &weak, "*", None)).await;
    assert_eq!(fault_of(get_access_key_info(&cloud, &caller).await).0, "AccessDenied");
}

#[tokio::test]
async fn the_session_policies_of_the_approver_limit_the_delegate() {
    let cloud = TestCloud::new();
    let approver = cloud.user("admin", Some(ALLOW_ALL));
    let caller = delegate(&cloud, &released(&cloud, &approver, "sts:*", Some("sts:GetCallerIdentity"))).await;
    assert_eq!(fault_of(get_access_key_info(&cloud, &caller).await).0, "AccessDenied");
    let caller = delegate(&cloud, &released(&cloud, &approver, "sts:*", Some("sts:GetAccessKeyInfo"))).await;
    get_access_key_info(&cloud, &caller).await.unwrap();
    let session = cloud.identity.session_of(&caller).unwrap();
    assert_eq!(session.tags, [(Arc::<str>::from("team"), Arc::<str>::from("blue"))]);
}

#[tokio::test]
async fn tokens_and_delegated_credentials_survive_a_restart() {
    let cloud = TestCloud::new();
    let approver = cloud.user("admin", Some(ALLOW_ALL));
    let token = released(&cloud, &approver, "sts:*", Some("sts:GetCallerIdentity"));
    let credentials = cloud.call_as::<GetDelegatedAccessToken>(partner(), exchange(&token)).await.unwrap().credentials.unwrap();
    let mut records = vec![];
    for store in cloud.identity.stores() {
        store.snapshot(&mut |record| records.push(record));
    }
    let again = TestCloud::new();
    let stores = again.identity.stores();
    let stores: Vec<&dyn Persistent> = stores.iter().map(AsRef::as_ref).collect();
    cloudlet_store::replay(&stores, &records).unwrap();
    let caller = again.caller_of(&credentials).unwrap();
    assert_eq!(fault_of(get_access_key_info(&again, &caller).await).0, "AccessDenied");
    let caller = delegate(&again, &token).await;
    assert_eq!(again.identity.session_of(&caller).unwrap().delegate, partner().account);
}
