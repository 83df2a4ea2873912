use super::fixture::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_ses::*;
use cloudlet_api_sesv2 as v2;
use cloudlet_dns::Dns;
use cloudlet_mail::dkim::{self, KeyLength, Outcome, SigningKey};
use std::sync::Arc;

const IN_PRODUCTION: crate::Options =
    crate::Options { sandbox: crate::Sandbox::Off, auto_verify: crate::AutoVerify::Off, review_seconds: 0, ..crate::Options::DEFAULT };

fn cloud() -> (TestCloud, Arc<Dns>) {
    let (builder, dns) = builder_with_dns(IN_PRODUCTION);
    let cloud = builder.journaled().build();
    let dns = dns.lock().unwrap().clone().unwrap();
    (cloud, dns)
}

async fn signatures(cloud: &TestCloud, dns: &Dns) -> Vec<(String, Outcome)> {
    let raw = cloud.mailbox.raw(&newest_mail(cloud)).await.unwrap();
    dkim::verify(&raw, dns, cloud.now().secs()).into_iter().map(|one| (one.domain, one.outcome)).collect()
}

async fn status(cloud: &TestCloud) -> String {
    let input = GetIdentityVerificationAttributesRequest { identities: vec!["example.com".into()] };
    let found = cloud.ok::<GetIdentityVerificationAttributes>(input).await.verification_attributes;
    found.get("example.com").unwrap().verification_status.clone()
}

#[tokio::test]
async fn a_domain_is_verified_by_its_record() {
    let (cloud, dns) = cloud();
    let token = cloud.ok::<VerifyDomainIdentity>(VerifyDomainIdentityRequest { domain: "example.com".into() }).await.verification_token;
    assert_eq!(status(&cloud).await, "Pending");
    assert_eq!(send(&cloud, "a@example.com", &["b@other.com"]).await.unwrap_err().code(), "MessageRejected");
    dns.add("_amazonses.example.com TXT \"wrong\"").unwrap();
    assert_eq!(status(&cloud).await, "Pending");
    dns.add(&format!("_amazonses.example.com TXT \"{token}\"")).unwrap();
    send(&cloud, "a@example.com", &["b@other.com"]).await.unwrap();
    assert_eq!(status(&cloud).await, "Success");
    assert_eq!(signatures(&cloud, &dns).await, [("amazonses.com".to_owned(), Outcome::Pass)]);
}

#[tokio::test]
async fn a_domain_without_its_record_fails_after_three_days() {
    let (cloud, _) = cloud();
    let verify = || VerifyDomainIdentityRequest { domain: "example.com".into() };
    cloud.ok::<VerifyDomainIdentity>(verify()).await;
    cloud.pass(3 * DAY).await;
    assert_eq!(status(&cloud).await, "Failed");
    cloud.ok::<VerifyDomainIdentity>(verify()).await;
    assert_eq!(status(&cloud).await, "Pending");
}

#[tokio::test]
async fn mails_of_a_domain_with_its_aliases_are_signed_for_it() {
    let (cloud, dns) = cloud();
    let created =
        cloud.ok::<v2::CreateEmailIdentity>(v2::CreateEmailIdentityRequest { email_identity: "example.com".into(), ..Default::default() }).await;
    let attributes = created.dkim_attributes.unwrap();
    assert_eq!((created.verified_for_sending_status, attributes.status.as_deref()), (Some(false), Some("PENDING")));
    for token in attributes.tokens.unwrap() {
        dns.add(&format!("{token}._domainkey.example.com CNAME {token}.dkim.amazonses.com.")).unwrap();
    }
    let found = cloud.ok::<v2::GetEmailIdentity>(v2::GetEmailIdentityRequest { email_identity: "example.com".into() }).await;
    assert_eq!((found.verified_for_sending_status, found.dkim_attributes.unwrap().status.as_deref()), (Some(true), Some("SUCCESS")));
    send(&cloud, "a@deep.example.com", &["b@other.com"]).await.unwrap();
    let both = [("example.com".to_owned(), Outcome::Pass), ("amazonses.com".to_owned(), Outcome::Pass)];
    assert_eq!(signatures(&cloud, &dns).await, both);
    // The key survives, and so do the records.
    let again = cloud.restart();
    assert_eq!(signatures(&again, &dns).await, both);
    let off = SetIdentityDkimEnabledRequest { identity: "example.com".into(), dkim_enabled: false };
    cloud.ok::<SetIdentityDkimEnabled>(off).await;
    send(&cloud, "a@example.com", &["b@other.com"]).await.unwrap();
    assert_eq!(signatures(&cloud, &dns).await.len(), 1);
}

fn with_own_key(key: &str) -> v2::CreateEmailIdentityRequest {
    v2::CreateEmailIdentityRequest {
        email_identity: "example.com".into(),
        dkim_signing_attributes: Some(v2::DkimSigningAttributes {
            domain_signing_selector: Some("mine".into()),
            domain_signing_private_key: Some(key.into()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The key in base64, and its record.
fn own_key() -> (String, String) {
    let (key, der) = SigningKey::generate(KeyLength::Bits2048).unwrap();
    (STANDARD.encode(der), format!("mine._domainkey.example.com TXT \"{}\"", key.record().unwrap()))
}

#[tokio::test]
async fn a_key_of_ones_own_signs() {
    let (cloud, dns) = cloud();
    let (text, record) = own_key();
    assert_eq!(cloud.expect_fault::<v2::CreateEmailIdentity>(with_own_key("bm8ga2V5")).await.code(), "BadRequestException");
    let created = cloud.ok::<v2::CreateEmailIdentity>(with_own_key(&text)).await.dkim_attributes.unwrap();
    assert_eq!((created.signing_attributes_origin.as_deref(), created.tokens), (Some("EXTERNAL"), Some(vec!["mine".to_owned()])));
    dns.add(&record).unwrap();
    send(&cloud, "a@example.com", &["b@other.com"]).await.unwrap();
    assert_eq!(signatures(&cloud, &dns).await[0], ("example.com".to_owned(), Outcome::Pass));
    for table in ["identities", "signers", "mail"] {
        let rows = cloud.stores().iter().map(|store| format!("{:?}", store.page(None, table, None, 10))).collect::<String>();
        assert!(!rows.contains(&text), "{rows}");
    }
    let easy = v2::PutEmailIdentityDkimSigningAttributesRequest {
        email_identity: "example.com".into(),
        signing_attributes_origin: "AWS_SES".into(),
        signing_attributes: None,
    };
    let tokens = cloud.ok::<v2::PutEmailIdentityDkimSigningAttributes>(easy.clone()).await.dkim_tokens.unwrap();
    assert_eq!(tokens.len(), 3);
    for token in tokens {
        dns.add(&format!("{token}._domainkey.example.com CNAME {token}.dkim.amazonses.com.")).unwrap();
    }
    let mut lengths = vec![];
    for length in ["RSA_1024_BIT", "RSA_2048_BIT"] {
        let attributes = v2::DkimSigningAttributes { next_signing_key_length: Some(length.into()), ..Default::default() };
        let easy = v2::PutEmailIdentityDkimSigningAttributesRequest { signing_attributes: Some(attributes), ..easy.clone() };
        cloud.ok::<v2::PutEmailIdentityDkimSigningAttributes>(easy).await;
        let found = cloud.ok::<v2::GetEmailIdentity>(v2::GetEmailIdentityRequest { email_identity: "example.com".into() }).await;
        assert_eq!(found.dkim_attributes.unwrap().current_signing_key_length.as_deref(), Some(length));
        send(&cloud, "a@example.com", &["b@other.com"]).await.unwrap();
        assert_eq!(signatures(&cloud, &dns).await[0], ("example.com".to_owned(), Outcome::Pass));
        let raw = cloud.mailbox.raw(&newest_mail(&cloud)).await.unwrap();
        lengths.push(String::from_utf8_lossy(&raw).split("DKIM-Signature").nth(1).unwrap().len());
    }
    assert!(lengths[0] + 150 < lengths[1], "{lengths:?}");
}

#[tokio::test]
async fn a_mail_is_signed_with_the_key_of_its_time_whenever_it_is_read() {
    let (cloud, dns) = cloud();
    let (text, record) = own_key();
    cloud.ok::<v2::CreateEmailIdentity>(with_own_key(&text)).await;
    dns.add(&record).unwrap();
    send(&cloud, "a@example.com", &["b@other.com"]).await.unwrap();
    let (next, _) = own_key();
    let rotate = v2::PutEmailIdentityDkimSigningAttributesRequest {
        email_identity: "example.com".into(),
        signing_attributes_origin: "EXTERNAL".into(),
        signing_attributes: with_own_key(&next).dkim_signing_attributes,
    };
    cloud.ok::<v2::PutEmailIdentityDkimSigningAttributes>(rotate).await;
    cloud.ok::<v2::DeleteEmailIdentity>(v2::DeleteEmailIdentityRequest { email_identity: "example.com".into() }).await;
    cloud.advance(100);
    let both = [("example.com".to_owned(), Outcome::Pass), ("amazonses.com".to_owned(), Outcome::Pass)];
    assert_eq!(signatures(&cloud, &dns).await, both);
    let read = async |cloud: &TestCloud| cloud.mailbox.raw(&newest_mail(cloud)).await.unwrap();
    let again = cloud.restart();
    assert_eq!(read(&again).await, read(&cloud).await);
    assert_eq!(signatures(&again, &dns).await, both);
}

#[tokio::test]
async fn a_mail_from_domain_needs_its_records() {
    let (cloud, dns) = cloud();
    let token = cloud.ok::<VerifyDomainIdentity>(VerifyDomainIdentityRequest { domain: "example.com".into() }).await.verification_token;
    dns.add(&format!("_amazonses.example.com TXT \"{token}\"")).unwrap();
    let set = SetIdentityMailFromDomainRequest {
        identity: "example.com".into(),
        mail_from_domain: Some("bounce.example.com".into()),
        behavior_on_mx_failure: Some("RejectMessage".into()),
    };
    cloud.ok::<SetIdentityMailFromDomain>(set).await;
    let fault = send(&cloud, "a@example.com", &["b@other.com"]).await.unwrap_err();
    assert_eq!(error(&fault), ("MailFromDomainNotVerifiedException".into(), "DNS setup for MAIL FROM domain is invalid.".into()));
    dns.add("bounce.example.com MX 10 feedback-smtp.us-east-1.amazonses.com.\nbounce.example.com TXT \"v=spf1 include:amazonses.com ~all\"").unwrap();
    let found = cloud.ok::<v2::GetEmailIdentity>(v2::GetEmailIdentityRequest { email_identity: "example.com".into() }).await;
    assert_eq!(found.mail_from_attributes.unwrap().mail_from_domain_status.as_deref(), Some("SUCCESS"));
    send(&cloud, "a@example.com", &["b@other.com"]).await.unwrap();
    assert!(newest_mail(&cloud).fields.iter().any(|(name, value)| name == "MailFrom" && value.ends_with("@bounce.example.com")));
}
