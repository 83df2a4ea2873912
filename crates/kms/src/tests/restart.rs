use super::fixture::{DAY, TestCloud, user};
use cloudlet_api_kms::*;

#[tokio::test]
async fn keys_grants_rotations_and_deletions_survive() {
    let cloud = TestCloud::journaled();
    let arn = cloud.symmetric().await;
    let old = cloud.encrypt(&arn, "old").await;
    cloud.alias("alias/mine", &arn).await;
    cloud.ok::<EnableKeyRotation>(EnableKeyRotationRequest { key_id: arn.clone(), rotation_period_in_days: Some(90) }).await;
    cloud.ok::<RotateKeyOnDemand>(RotateKeyOnDemandRequest { key_id: arn.clone() }).await;
    let grant = CreateGrantRequest {
        key_id: arn.clone(),
        grantee_principal: Some("arn:aws:iam::000000000000:user/bob".into()),
        operations: vec!["Decrypt".into()],
        ..Default::default()
    };
    let token = cloud.ok::<CreateGrant>(grant).await.grant_token;
    let rsa = cloud.of_spec("RSA_2048", "SIGN_VERIFY").await;
    let sign = |message: &str| SignRequest {
        key_id: rsa.clone(),
        message: message.to_owned().into(),
        signing_algorithm: "RSASSA_PSS_SHA_256".into(),
        ..Default::default()
    };
    let signature = cloud.ok::<Sign>(sign("text")).await.signature.unwrap();
    let doomed = cloud.symmetric().await;
    cloud.delete(&doomed, 7).await;

    let again = TestCloud(cloud.restart());
    assert_eq!(again.describe("alias/mine").await.current_key_material_id, cloud.describe(&arn).await.current_key_material_id);
    assert_eq!(again.try_decrypt(user(again.owner(), "bob"), &old, None).await.unwrap(), "old");
    let verify = VerifyRequest {
        key_id: rsa.clone(),
        message: "text".into(),
        signature,
        signing_algorithm: "RSASSA_PSS_SHA_256".into(),
        ..Default::default()
    };
    assert_eq!(again.ok::<Verify>(verify).await.signature_valid, Some(true));
    again.ok::<RetireGrant>(RetireGrantRequest { grant_token: token, ..Default::default() }).await;
    again.pass(90 * DAY).await;
    let rotations = again.ok::<ListKeyRotations>(ListKeyRotationsRequest { key_id: arn.clone(), ..Default::default() }).await.rotations.unwrap();
    assert_eq!(rotations.len(), 2);
    assert!(again.call::<DescribeKey>(DescribeKeyRequest { key_id: doomed, ..Default::default() }).await.is_err());
}

#[tokio::test]
async fn the_last_use_is_known_after_a_restart() {
    let cloud = TestCloud::journaled();
    let arn = cloud.symmetric().await;
    let used = cloud.now();
    cloud.encrypt(&arn, "text").await;
    let last = async |cloud: &TestCloud| {
        let usage = cloud.ok::<GetKeyLastUsage>(GetKeyLastUsageRequest { key_id: arn.clone() }).await.key_last_usage.unwrap();
        (usage.operation.unwrap(), usage.timestamp.unwrap())
    };
    let again = TestCloud(cloud.restart());
    assert_eq!(last(&again).await, ("Encrypt".to_owned(), used));
    // Uses that follow closely are not written; the next one after a quarter of an hour is.
    for (seconds, written) in [(60, false), (15 * 60, true)] {
        again.advance(seconds);
        let blob = again.encrypt(&arn, "text").await;
        again.decrypt(&blob).await.unwrap();
        assert_eq!(last(&again).await, ("Decrypt".to_owned(), again.now()));
        assert_eq!(last(&TestCloud(again.restart())).await.1 == again.now(), written, "after {seconds} s");
    }
}

#[tokio::test]
async fn secrets_are_not_shown_by_inspection() {
    let cloud = TestCloud::journaled();
    cloud.symmetric().await;
    let stores = cloud.stores();
    let store = stores.iter().find(|store| &**store.path() == "kms").unwrap();
    let shown = serde_json::to_string(&store.page(None, "keys", None, 10).unwrap()).unwrap();
    assert!(shown.contains("(redacted)"), "{shown}");
}
