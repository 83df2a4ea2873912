use super::fixture::{TestCloud, assert_fault, map, other_account, user};
use crate::faults;
use cloudlet_api_kms::*;
use cloudlet_aws::{Arn, Caller, Identity};

fn grant(key: &str, grantee: &str, operations: &[&str]) -> CreateGrantRequest {
    CreateGrantRequest {
        key_id: key.into(),
        grantee_principal: Some(grantee.into()),
        operations: operations.iter().map(|operation| (*operation).to_owned()).collect(),
        ..Default::default()
    }
}

fn bob(cloud: &TestCloud) -> Caller {
    user(cloud.owner(), "bob")
}

const BOB: &str = "arn:aws:iam::000000000000:user/bob";

#[tokio::test]
async fn a_grantee_may_what_the_grant_says_until_it_is_revoked() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    assert!(cloud.try_encrypt(bob(&cloud), &arn, "text", None).await.unwrap_err().is(&faults::ACCESS_DENIED));
    let made = cloud.ok::<CreateGrant>(grant(&arn, BOB, &["Encrypt", "DescribeKey"])).await;
    let blob = cloud.try_encrypt(bob(&cloud), &arn, "text", None).await.unwrap();
    assert!(cloud.try_decrypt(bob(&cloud), &blob, None).await.unwrap_err().is(&faults::ACCESS_DENIED));
    assert!(cloud.call_as::<DescribeKey>(bob(&cloud), DescribeKeyRequest { key_id: arn.clone(), ..Default::default() }).await.is_ok());
    assert!(cloud.try_encrypt(user(cloud.owner(), "carol"), &arn, "text", None).await.is_err());
    let listed = cloud.ok::<ListGrants>(ListGrantsRequest { key_id: arn.clone(), ..Default::default() }).await.grants.unwrap();
    assert_eq!((listed.len(), listed[0].grant_id.clone(), listed[0].grantee_principal.as_deref()), (1, made.grant_id.clone(), Some(BOB)));
    cloud.ok::<RevokeGrant>(RevokeGrantRequest { key_id: arn.clone(), grant_id: made.grant_id.unwrap(), ..Default::default() }).await;
    assert!(cloud.try_encrypt(bob(&cloud), &arn, "text", None).await.is_err());
}

#[tokio::test]
async fn constraints_on_the_context_hold() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let constraints = GrantConstraints { encryption_context_equals: Some(map(&[("team", "red")])), ..Default::default() };
    cloud.ok::<CreateGrant>(CreateGrantRequest { constraints: Some(constraints), ..grant(&arn, BOB, &["Encrypt"]) }).await;
    assert!(cloud.try_encrypt(bob(&cloud), &arn, "text", Some(map(&[("team", "red")]))).await.is_ok());
    for context in [None, Some(map(&[("team", "blue")])), Some(map(&[("team", "red"), ("more", "x")]))] {
        assert!(cloud.try_encrypt(bob(&cloud), &arn, "text", context).await.is_err());
    }
}

#[tokio::test]
async fn a_grantee_that_may_create_grants_gives_no_more_than_it_has() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    cloud.ok::<CreateGrant>(grant(&arn, BOB, &["Encrypt", "CreateGrant"])).await;
    let carol = "arn:aws:iam::000000000000:user/carol";
    assert!(cloud.call_as::<CreateGrant>(bob(&cloud), grant(&arn, carol, &["Decrypt"])).await.unwrap_err().is(&faults::ACCESS_DENIED));
    cloud.call_as::<CreateGrant>(bob(&cloud), grant(&arn, carol, &["Encrypt"])).await.unwrap();
    assert!(cloud.try_encrypt(user(cloud.owner(), "carol"), &arn, "text", None).await.is_ok());
}

#[tokio::test]
async fn the_retiring_principal_retires_and_others_do_not() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let retirer = "arn:aws:iam::000000000000:user/carol";
    let made = cloud.ok::<CreateGrant>(CreateGrantRequest { retiring_principal: Some(retirer.into()), ..grant(&arn, BOB, &["Encrypt"]) }).await;
    let listed = cloud.ok::<ListRetirableGrants>(ListRetirableGrantsRequest { retiring_principal: Some(retirer.into()), ..Default::default() }).await;
    assert_eq!(listed.grants.unwrap()[0].grant_id, made.grant_id);
    let retire = || RetireGrantRequest { grant_token: made.grant_token.clone(), ..Default::default() };
    assert!(cloud.call_as::<RetireGrant>(bob(&cloud), retire()).await.unwrap_err().is(&faults::ACCESS_DENIED));
    assert!(cloud.call_as::<RetireGrant>(other_account(), retire()).await.unwrap_err().is(&faults::ACCESS_DENIED));
    cloud.call_as::<RetireGrant>(user(cloud.owner(), "carol"), retire()).await.unwrap();
    assert!(cloud.call::<RetireGrant>(retire()).await.unwrap_err().is(&faults::INVALID_GRANT_TOKEN));
    assert!(cloud.try_encrypt(bob(&cloud), &arn, "text", None).await.is_err());
}

#[tokio::test]
async fn a_named_grant_that_is_made_again_is_the_same() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let named = || CreateGrantRequest { name: Some("mine".into()), ..grant(&arn, BOB, &["Encrypt"]) };
    let first = cloud.ok::<CreateGrant>(named()).await.grant_id;
    assert_eq!(cloud.ok::<CreateGrant>(named()).await.grant_id, first);
    assert_ne!(cloud.ok::<CreateGrant>(grant(&arn, BOB, &["Encrypt"])).await.grant_id, first);
}

#[tokio::test]
async fn a_session_has_the_grants_of_its_role() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let role = "arn:aws:iam::000000000000:role/worker";
    let session = Caller {
        identity: Identity::AssumedRole { role: Arn::parse(role).unwrap(), session: "s".into() },
        arn: "arn:aws:sts::000000000000:assumed-role/worker/s".into(),
        unique_id: "AROAWORKER:s".into(),
        ..cloud.root()
    };
    assert!(cloud.try_encrypt(session.clone(), &arn, "text", None).await.is_err());
    cloud.ok::<CreateGrant>(grant(&arn, role, &["Encrypt"])).await;
    assert!(cloud.try_encrypt(session, &arn, "text", None).await.is_ok());
}

#[tokio::test]
async fn what_is_no_grant_is_refused() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    assert!(cloud.call::<CreateGrant>(grant("invalid", BOB, &["Encrypt"])).await.unwrap_err().is(&faults::NOT_FOUND));
    assert!(cloud.call::<CreateGrant>(grant(&arn, "nobody", &["Encrypt"])).await.unwrap_err().is(&faults::INVALID_ARN));
    let dry = CreateGrantRequest { dry_run: Some(true), ..grant(&arn, BOB, &["Encrypt"]) };
    assert!(cloud.call::<CreateGrant>(dry).await.unwrap_err().is(&faults::DRY_RUN_OPERATION));
    cloud.disable(&arn).await;
    assert_fault(cloud.call::<CreateGrant>(grant(&arn, BOB, &["Encrypt"])).await, &faults::DISABLED, &format!("{arn} is disabled."));
}
