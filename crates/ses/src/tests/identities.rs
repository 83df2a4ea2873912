use super::fixture::*;
use cloudlet_api_ses::*;
use cloudlet_api_sesv2 as v2;

async fn status(cloud: &TestCloud, identity: &str) -> Option<String> {
    let input = GetIdentityVerificationAttributesRequest { identities: vec![identity.into()] };
    let mut shown = cloud.ok::<GetIdentityVerificationAttributes>(input).await.verification_attributes;
    shown.remove(identity).map(|attributes| attributes.verification_status)
}

#[tokio::test]
async fn an_address_is_verified_by_the_link_in_a_mail() {
    let cloud = cloud();
    cloud.ok::<VerifyEmailIdentity>(VerifyEmailIdentityRequest { email_address: "ann@Example.com".into() }).await;
    assert_eq!(newest_mail(&cloud).to, ["ann@example.com"]);
    assert_eq!(status(&cloud, "ann@example.com").await.as_deref(), Some("Pending"));
    let token = token(&cloud);
    cloud.ok::<crate::links::VisitLink>(crate::links::VisitLinkRequest { token, ..Default::default() }).await;
    assert_eq!(status(&cloud, "ann@example.com").await.as_deref(), Some("Success"));
    let found = cloud.ok::<v2::GetEmailIdentity>(v2::GetEmailIdentityRequest { email_identity: "ann@example.com".into() }).await;
    assert_eq!((found.identity_type.as_deref(), found.verified_for_sending_status), (Some("EMAIL_ADDRESS"), Some(true)));
}

#[tokio::test]
async fn a_link_is_valid_for_a_day_and_an_unknown_one_is_not() {
    let cloud = cloud();
    cloud.ok::<VerifyEmailIdentity>(VerifyEmailIdentityRequest { email_address: "ann@example.com".into() }).await;
    let token = token(&cloud);
    cloud.expect_fault::<crate::links::VisitLink>(crate::links::VisitLinkRequest { token: "x".into(), ..Default::default() }).await;
    cloud.pass(DAY).await;
    cloud.expect_fault::<crate::links::VisitLink>(crate::links::VisitLinkRequest { token, ..Default::default() }).await;
    assert_eq!(status(&cloud, "ann@example.com").await.as_deref(), Some("Pending"));
}

#[tokio::test]
async fn both_apis_have_the_same_identities() {
    let cloud = cloud();
    let created =
        cloud.ok::<v2::CreateEmailIdentity>(v2::CreateEmailIdentityRequest { email_identity: "example.com".into(), ..Default::default() }).await;
    let tokens = created.dkim_attributes.unwrap().tokens.unwrap();
    assert_eq!(tokens.len(), 3);
    let again = cloud.ok::<VerifyDomainDkim>(VerifyDomainDkimRequest { domain: "EXAMPLE.com".into() }).await;
    assert_eq!(again.dkim_tokens, tokens);
    cloud.ok::<VerifyEmailIdentity>(VerifyEmailIdentityRequest { email_address: "b@example.com".into() }).await;
    let listed = cloud.ok::<ListIdentities>(ListIdentitiesRequest::default()).await.identities;
    assert_eq!(listed, ["b@example.com", "example.com"]);
    let domains = ListIdentitiesRequest { identity_type: Some("Domain".into()), ..ListIdentitiesRequest::default() };
    assert_eq!(cloud.ok::<ListIdentities>(domains).await.identities, ["example.com"]);
    let first = cloud.ok::<ListIdentities>(ListIdentitiesRequest { max_items: Some(1), ..Default::default() }).await;
    let next = ListIdentitiesRequest { max_items: Some(1), next_token: first.next_token, ..Default::default() };
    assert_eq!(cloud.ok::<ListIdentities>(next).await.identities, ["example.com"]);
    let fault = cloud
        .expect_fault::<v2::CreateEmailIdentity>(v2::CreateEmailIdentityRequest { email_identity: "example.com".into(), ..Default::default() })
        .await;
    assert_eq!(error(&fault), ("AlreadyExistsException".into(), "Email identity example.com already exist.".into()));
    cloud.ok::<DeleteIdentity>(DeleteIdentityRequest { identity: "example.com".into() }).await;
    let fault = cloud.expect_fault::<v2::GetEmailIdentity>(v2::GetEmailIdentityRequest { email_identity: "example.com".into() }).await;
    assert_eq!((fault.status(), fault.message()), (404, "Email identity example.com does not exist."));
}

#[tokio::test]
async fn a_wrong_name_is_refused() {
    let cloud = cloud();
    let fault = cloud.expect_fault::<VerifyEmailIdentity>(VerifyEmailIdentityRequest { email_address: "no address".into() }).await;
    assert_eq!(fault.code(), "InvalidParameterValue");
    let fault = cloud.expect_fault::<VerifyDomainIdentity>(VerifyDomainIdentityRequest { domain: "exa mple".into() }).await;
    assert_eq!(fault.code(), "InvalidParameterValue");
}

#[tokio::test]
async fn forwarding_ends_only_with_topics() {
    let cloud = cloud();
    verified(&cloud, "ann@example.com").await;
    let off = || SetIdentityFeedbackForwardingEnabledRequest { identity: "ann@example.com".into(), forwarding_enabled: false };
    assert_eq!(cloud.expect_fault::<SetIdentityFeedbackForwardingEnabled>(off()).await.code(), "InvalidParameterValue");
    for kind in ["Bounce", "Complaint"] {
        let topic = Some("arn:aws:sns:us-east-1:000000000000:t".into());
        let input = SetIdentityNotificationTopicRequest { identity: "ann@example.com".into(), notification_type: kind.into(), sns_topic: topic };
        cloud.ok::<SetIdentityNotificationTopic>(input).await;
    }
    cloud.ok::<SetIdentityFeedbackForwardingEnabled>(off()).await;
}
