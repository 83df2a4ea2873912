//! The token of a delegation request, and what it is exchanged for.

use super::fixture::*;
use cloudlet_api_sts::*;
use cloudlet_aws::{Account, Arn, Caller, Fault, Timestamp};
use cloudlet_identity::{
    Origin, Secret, Session, StoredPolicy,
    delegations::{Delegation, Owner, Release, Stage},
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

/// As IAM keeps a request whose token was released now, for an hour; `within` is what limited the approver's own session.
fn released(cloud: &TestCloud, approver: &Caller, delegated: &str, within: Option<&str>) -> String {
    let now = cloud.now();
    let token = Delegation::token("dr-0123456789", "secret");
    let approved = Session {
        caller: Caller { access_key: None, ..approver.clone() },
        issuer: None,
        secret: Secret::new(""),
        token: Secret::new(""),
        origin: Origin::Delegation,
        issued: now,
        expires: now,
        policies: vec![policy(delegated).named("delegation request")].into(),
        tags: vec![("team".into(), "blue".into())],
        transitive: vec![],
        source_identity: None,
        mfa: None,
        provider: None,
        claims: vec![],
        within: within.map(|action| policy(action).named("session policy")).into_iter().collect(),
        delegate: partner().account,
    };
    let request = Delegation {
        id: "dr-0123456789".into(),
        requestor: partner().account.unwrap(),
        requestor_name: "Example Corp".into(),
        workflow: "workflow-1".into(),
        owner_account: approver.account,
        owner: Some(Owner { arn: approver.arn.clone(), unique_id: approver.unique_id.clone() }),
        description: String::new(),
        message: None,
        redirect_url: None,
        channel: Arn::parse("arn:aws:sns:us-east-1:222222222222:notices").unwrap(),
        duration: 3_600,
        only_send_by_owner: None,
        template: String::new(),
        parameters: vec![],
        policy: policy(delegated),
        boundaries: vec![],
        stage: Stage::Finalized,
        expires: now.plus_secs(7 * 86_400),
        created: now,
        updated: now,
        notes: None,
        rejection: None,
        approved: Some(Box::new(approved)),
        release: Some(Release { token: token.clone(), until: now.plus_secs(HOUR) }),
    };
    cloud.put(|state| state.delegations.insert(request.id.clone(), request));
    token.reveal().to_owned()
}

fn exchange(token: &str) -> GetDelegatedAccessTokenRequest {
    GetDelegatedAccessTokenRequest { trade_in_token: token.into() }
}

/// Whom the credentials stand for.
async fn delegate(cloud: &TestCloud, token: &str) -> Caller {
    let credentials = cloud.call_as::<GetDelegatedAccessToken>(partner(), exchange(token)).await.unwrap().credentials.unwrap();
    cloud.bearer(&credentials).unwrap()
}

async fn looks_up(cloud: &TestCloud, caller: &Caller) -> Result<(), Fault> {
    let input = GetAccessKeyInfoRequest { access_key_id: "AKIAIOSFODNN7EXAMPLE".into() };
    cloud.call_as::<GetAccessKeyInfo>(caller, input).await.map(drop)
}

fn says(result: Result<impl Sized, Fault>) -> (String, String) {
    result.err().map(|fault| (fault.code().to_owned(), fault.message().to_owned())).unwrap_or_default()
}

#[tokio::test]
async fn a_token_is_exchanged_for_the_approver_as_often_as_wanted_and_all_ends_at_once() {
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
    let caller = cloud.bearer(&second).unwrap();
    assert_eq!((&caller.arn, &caller.unique_id), (&approver.arn, &approver.unique_id));
    assert_eq!(cloud.identity.session_of(&caller).unwrap().delegate, partner().account);
    cloud.advance(2_400);
    assert!(cloud.bearer(&first).is_err() && cloud.bearer(&second).is_err());
    assert_eq!(says(cloud.call_as::<GetDelegatedAccessToken>(partner(), exchange(&token)).await).0, "ExpiredTradeInTokenException");
}

#[tokio::test]
async fn a_token_is_worth_nothing_to_anybody_but_the_partner_it_was_made_for() {
    let cloud = TestCloud::new();
    let token = released(&cloud, &cloud.root(), "*", None);
    let stranger = Caller::root(Account::parse("333333333333").unwrap(), "aws", None);
    let invalid = ("ValidationError".to_owned(), "Invalid trade-in token".to_owned());
    assert_eq!(says(cloud.call_as::<GetDelegatedAccessToken>(&stranger, exchange(&token)).await), invalid);
    for wrong in ["nonsense", "", ".", "dr-0123456789.", "dr-0123456789.secrets", "dr-9.secret"] {
        assert_eq!(says(cloud.call_as::<GetDelegatedAccessToken>(partner(), exchange(wrong)).await), invalid, "{wrong}");
    }
    let nobody = cloud.user("nobody", None);
    assert_eq!(says(cloud.call_as::<GetDelegatedAccessToken>(&nobody, exchange(&token)).await).0, "AccessDenied");
}

#[tokio::test]
async fn a_delegate_may_do_what_was_delegated_and_the_approver_may_do_and_nothing_else() {
    let cloud = TestCloud::new();
    let decode = || DecodeAuthorizationMessageRequest { encoded_message: "x".into() };
    // Root, whom nothing limits at home, is limited too.
    for approver in [cloud.root(), cloud.user("admin", Some(ALLOW_ALL))] {
        let caller = delegate(&cloud, &released(&cloud, &approver, "sts:GetAccessKeyInfo", None)).await;
        looks_up(&cloud, &caller).await.unwrap();
        let (code, message) = says(cloud.call_as::<DecodeAuthorizationMessage>(&caller, decode()).await);
        assert_eq!(
            (code.as_str(), message.contains("no session policy allows the sts:DecodeAuthorizationMessage action")),
            ("AccessDenied", true),
            "{message}"
        );
        // Nor can it prolong itself.
        assert_eq!(says(cloud.call_as::<GetSessionToken>(&caller, GetSessionTokenRequest::default()).await).0, "AccessDenied");
    }
    let weak = cloud.user("weak", None);
    let caller = delegate(&cloud, &released(&cloud, &weak, "*", None)).await;
    assert_eq!(says(looks_up(&cloud, &caller).await).0, "AccessDenied");
}

#[tokio::test]
async fn a_delegate_of_a_limited_session_is_limited_as_that_was() {
    let cloud = TestCloud::new();
    let approver = cloud.user("admin", Some(ALLOW_ALL));
    let caller = delegate(&cloud, &released(&cloud, &approver, "sts:*", Some("sts:GetCallerIdentity"))).await;
    assert_eq!(says(looks_up(&cloud, &caller).await).0, "AccessDenied");
    let caller = delegate(&cloud, &released(&cloud, &approver, "sts:*", Some("sts:GetAccessKeyInfo"))).await;
    looks_up(&cloud, &caller).await.unwrap();
    let session = cloud.identity.session_of(&caller).unwrap();
    assert_eq!(session.tags, [(Arc::<str>::from("team"), Arc::<str>::from("blue"))]);
}

#[tokio::test]
async fn a_token_and_what_it_was_exchanged_for_survive_a_restart() {
    let cloud = TestCloud::new();
    let approver = cloud.user("admin", Some(ALLOW_ALL));
    let token = released(&cloud, &approver, "sts:*", Some("sts:GetCallerIdentity"));
    let credentials = cloud.call_as::<GetDelegatedAccessToken>(partner(), exchange(&token)).await.unwrap().credentials.unwrap();
    let mut records = vec![];
    for kept in cloud.identity.stores() {
        kept.snapshot(&mut |record| records.push(record));
    }
    let again = TestCloud::new();
    let kept = again.identity.stores();
    let stores: Vec<&dyn Persistent> = kept.iter().map(AsRef::as_ref).collect();
    cloudlet_store::replay(&stores, &records).unwrap();
    let caller = again.bearer(&credentials).unwrap();
    assert_eq!(says(looks_up(&again, &caller).await).0, "AccessDenied");
    let caller = delegate(&again, &token).await;
    assert_eq!(again.identity.session_of(&caller).unwrap().delegate, partner().account);
}
