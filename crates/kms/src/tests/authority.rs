//! The key policy is the root of all authority.

use super::fixture::{OTHER_ACCOUNT, TestCloud, assert_fault, map, other_account, user};
use crate::faults;
use cloudlet_api_kms::*;
use cloudlet_aws::Account;

fn allow(principal: &str, action: &str, condition: &str) -> String {
    let condition = if condition.is_empty() { String::new() } else { format!(r#","Condition":{condition}"#) };
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"{action}","Resource":"*"{condition}}}]}}"#
    )
}

const ROOT: &str = "arn:aws:iam::000000000000:root";
const BOB: &str = "arn:aws:iam::000000000000:user/bob";

#[tokio::test]
async fn whom_the_key_policy_names_may_and_nobody_else() {
    let cloud = TestCloud::new();
    let arn = cloud.with_policy(&allow(BOB, "kms:Encrypt", "")).await;
    let bob = user(cloud.owner(), "bob");
    let blob = cloud.try_encrypt(bob.clone(), &arn, "text", None).await.unwrap();
    let denied = format!(
        "User: {BOB} is not authorized to perform: kms:Decrypt on resource: {arn} because no resource-based policy allows the kms:Decrypt action"
    );
    assert_fault(cloud.try_decrypt(bob, &blob, None).await, &faults::ACCESS_DENIED, &denied);
    // Not even root of the account, whom the policy does not name.
    assert!(cloud.decrypt(&blob).await.unwrap_err().is(&faults::ACCESS_DENIED));
    assert!(cloud.expect_fault::<DescribeKey>(DescribeKeyRequest { key_id: arn, ..Default::default() }).await.is(&faults::ACCESS_DENIED));
}

#[tokio::test]
async fn a_policy_that_locks_its_writer_out_is_refused() {
    let cloud = TestCloud::new();
    let text = "The new key policy will not allow you to update the key policy in the future.";
    let policy = allow(BOB, "kms:*", "");
    let input = CreateKeyRequest { policy: Some(policy.clone()), ..Default::default() };
    assert_fault(cloud.call::<CreateKey>(input).await, &faults::MALFORMED_POLICY_DOCUMENT, text);
    let arn = cloud.symmetric().await;
    let put = |policy: String, bypass| PutKeyPolicyRequest {
        key_id: arn.clone(),
        policy,
        bypass_policy_lockout_safety_check: bypass,
        ..Default::default()
    };
    assert_fault(cloud.call::<PutKeyPolicy>(put(policy.clone(), None)).await, &faults::MALFORMED_POLICY_DOCUMENT, text);
    cloud.ok::<PutKeyPolicy>(put(allow(ROOT, "kms:*", ""), None)).await;
    let read = cloud.ok::<GetKeyPolicy>(GetKeyPolicyRequest { key_id: arn.clone(), ..Default::default() }).await;
    assert_eq!((read.policy, read.policy_name.as_deref()), (Some(allow(ROOT, "kms:*", "")), Some("default")));
    cloud.ok::<PutKeyPolicy>(put(policy, Some(true))).await;
    assert!(cloud.call::<PutKeyPolicy>(put(allow(ROOT, "kms:*", ""), None)).await.unwrap_err().is(&faults::ACCESS_DENIED));
}

#[tokio::test]
async fn conditions_on_the_encryption_context_hold() {
    let cloud = TestCloud::new();
    let condition = r#"{"StringEquals":{"kms:EncryptionContext:team":"red"},"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["team"]}}"#;
    let arn = cloud.with_policy(&allow(BOB, "kms:Encrypt", condition)).await;
    let bob = || user(cloud.owner(), "bob");
    assert!(cloud.try_encrypt(bob(), &arn, "text", Some(map(&[("team", "red")]))).await.is_ok());
    for context in [None, Some(map(&[("team", "blue")])), Some(map(&[("team", "red"), ("more", "x")]))] {
        assert!(cloud.try_encrypt(bob(), &arn, "text", context).await.unwrap_err().is(&faults::ACCESS_DENIED));
    }
}

#[tokio::test]
async fn conditions_of_the_key_and_of_the_caller_hold() {
    let cloud = TestCloud::new();
    for (condition, allowed) in [
        (r#"{"StringEquals":{"kms:CallerAccount":"000000000000"}}"#, true),
        (r#"{"StringEquals":{"kms:CallerAccount":"111111111111"}}"#, false),
        (r#"{"StringEquals":{"kms:KeySpec":"SYMMETRIC_DEFAULT","kms:KeyOrigin":"AWS_KMS","kms:KeyUsage":"ENCRYPT_DECRYPT"}}"#, true),
        (r#"{"Bool":{"kms:MultiRegion":"true"}}"#, false),
        (r#"{"StringEquals":{"kms:EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}}"#, true),
        (r#"{"StringEquals":{"kms:ViaService":"sqs.us-east-1.amazonaws.com"}}"#, false),
        (r#"{"StringEquals":{"kms:RequestAlias":"alias/x"}}"#, false),
    ] {
        let arn = cloud.with_policy(&allow(BOB, "kms:Encrypt", condition)).await;
        assert_eq!(cloud.try_encrypt(user(cloud.owner(), "bob"), &arn, "text", None).await.is_ok(), allowed, "{condition}");
    }
}

#[tokio::test]
async fn a_call_through_a_service_is_known_as_such() {
    let cloud = TestCloud::new();
    let arn = cloud.with_policy(&allow(BOB, "kms:Encrypt", r#"{"StringEquals":{"kms:ViaService":"sqs.us-east-1.amazonaws.com"}}"#)).await;
    let input = || EncryptRequest { key_id: arn.clone(), plaintext: "text".into(), ..Default::default() };
    let mut request = cloud.request(&user(cloud.owner(), "bob"));
    assert!(cloud.answer::<Encrypt>(request.clone(), input()).await.is_err());
    request.origin.via.push("sqs.amazonaws.com".into());
    assert!(cloud.answer::<Encrypt>(request, input()).await.is_ok());
}

#[tokio::test]
async fn another_account_needs_the_keys_policy_and_may_not_administer() {
    let cloud = TestCloud::new();
    let own = cloud.symmetric().await;
    assert!(cloud.try_encrypt(other_account(), &own, "text", None).await.unwrap_err().is(&faults::ACCESS_DENIED));
    let shared = cloud.with_policy(&allow(&format!("arn:aws:iam::{OTHER_ACCOUNT}:root"), "kms:*", "")).await;
    let blob = cloud.try_encrypt(other_account(), &shared, "text", None).await.unwrap();
    assert_eq!(cloud.try_decrypt(other_account(), &blob, None).await.unwrap(), "text");
    let disable = cloud.expect_fault_as::<DisableKey>(other_account(), DisableKeyRequest { key_id: shared.clone() }).await;
    assert!(disable.is(&faults::ACCESS_DENIED));
    // A user of the other account needs its own account's policies too.
    let user = user(Account::parse(OTHER_ACCOUNT).unwrap(), "carol");
    assert!(cloud.try_encrypt(user, &shared, "text", None).await.unwrap_err().is(&faults::ACCESS_DENIED));
}

/// Every combination of policy, grant, context and state: a ciphertext opens when all of them say so, and never else.
#[tokio::test]
async fn nothing_opens_what_it_must_not() {
    let cloud = TestCloud::new();
    let bob = || user(cloud.owner(), "bob");
    let right = map(&[("team", "red")]);
    for policy in [allow(ROOT, "kms:*", ""), allow(BOB, "kms:Decrypt", ""), allow(BOB, "kms:Encrypt", "")] {
        for constraint in [None, Some(None), Some(Some("red")), Some(Some("blue"))] {
            for context in [None, Some(right.clone()), Some(map(&[("team", "blue")]))] {
                for state in ["Enabled", "Disabled", "PendingDeletion"] {
                    let arn = cloud.symmetric().await;
                    let blob = cloud.try_encrypt(cloud.root(), &arn, "text", Some(right.clone())).await.unwrap();
                    if let Some(team) = constraint {
                        let constraints = team
                            .map(|team| GrantConstraints { encryption_context_subset: Some(map(&[("team", team)])), ..GrantConstraints::default() });
                        let grant = CreateGrantRequest {
                            key_id: arn.clone(),
                            grantee_principal: Some(BOB.into()),
                            operations: vec!["Decrypt".into()],
                            constraints,
                            ..CreateGrantRequest::default()
                        };
                        cloud.ok::<CreateGrant>(grant).await;
                    }
                    match state {
                        "Disabled" => cloud.disable(&arn).await,
                        "PendingDeletion" => drop(cloud.delete(&arn, 7).await),
                        _ => {}
                    }
                    let put = PutKeyPolicyRequest {
                        key_id: arn.clone(),
                        policy: policy.clone(),
                        bypass_policy_lockout_safety_check: Some(true),
                        ..PutKeyPolicyRequest::default()
                    };
                    cloud.ok::<PutKeyPolicy>(put).await;
                    let team = context.as_ref().map(|context| context["team"].as_str());
                    let granted = constraint.is_some_and(|constraint| constraint.is_none() || constraint == team);
                    let may = policy.contains("kms:Decrypt") || granted;
                    let opens = may && state == "Enabled" && team == Some("red");
                    let answer = cloud.try_decrypt(bob(), &blob, context.clone()).await;
                    assert_eq!(answer.is_ok(), opens, "{policy} {constraint:?} {context:?} {state}: {answer:?}");
                }
            }
        }
    }
}
