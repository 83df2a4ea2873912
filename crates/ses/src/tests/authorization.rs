use super::fixture::*;
use cloudlet_api_ses::*;
use serde_json::json;

#[tokio::test]
async fn an_identity_s_policy_lets_another_account_send() {
    let cloud =
        builder(crate::Options { sandbox: crate::Sandbox::Off, auto_verify: crate::AutoVerify::All, review_seconds: 0, ..crate::Options::DEFAULT })
            .build();
    for address in ["ann@example.com", "bob@example.com"] {
        cloud.ok::<VerifyEmailIdentity>(VerifyEmailIdentityRequest { email_address: address.into() }).await;
    }
    let arn = "arn:aws:ses:us-east-1:000000000000:identity/ann@example.com";
    let as_other = |from: &str| SendEmailRequest { source_arn: Some(arn.into()), ..mail(from, &["x@other.com"]) };
    let fault = cloud.expect_fault_as::<SendEmail>(other_account(), as_other("ann@example.com")).await;
    assert_eq!(fault.code(), "AccessDenied");
    let policy = |resource: &str| {
        json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": other_account().account.unwrap().as_str() }, "Action": "ses:SendEmail", "Resource": resource,
            "Condition": { "ForAllValues:StringLike": { "ses:Recipients": ["*@other.com"] } },
        }]})
        .to_string()
    };
    let put = |resource: &str| PutIdentityPolicyRequest { identity: "ann@example.com".into(), policy_name: "p".into(), policy: policy(resource) };
    assert_eq!(cloud.expect_fault::<PutIdentityPolicy>(put("*")).await.code(), "InvalidPolicy");
    cloud.ok::<PutIdentityPolicy>(put(arn)).await;
    cloud.call_as::<SendEmail>(other_account(), as_other("ann@example.com")).await.unwrap();
    // The policy is about one identity, and its conditions hold.
    let fault = cloud.expect_fault_as::<SendEmail>(other_account(), as_other("bob@example.com")).await;
    assert_eq!(error(&fault).0, "MessageRejected");
    let elsewhere = SendEmailRequest { source_arn: Some(arn.into()), ..mail("ann@example.com", &["x@elsewhere.com"]) };
    assert_eq!(cloud.expect_fault_as::<SendEmail>(other_account(), elsewhere).await.code(), "AccessDenied");
    let without = cloud.expect_fault_as::<SendEmail>(other_account(), mail("ann@example.com", &["x@other.com"])).await;
    assert_eq!(without.code(), "MessageRejected");
}

#[tokio::test]
async fn a_user_needs_permission_for_the_identity() {
    let cloud = cloud();
    verified(&cloud, "ann@example.com").await;
    let nobody = user(cloud.account(), "nobody");
    let fault = cloud.expect_fault_as::<SendEmail>(nobody, mail("ann@example.com", &["ann@example.com"])).await;
    assert_eq!(fault.code(), "AccessDenied");
    assert!(fault.message().contains("identity/ann@example.com"), "{}", fault.message());
}
