use super::fixture::{DAY, TestCloud, assert_fault};
use crate::faults;
use cloudlet_api_kms::*;

async fn rotations(cloud: &TestCloud, key: &str) -> Vec<RotationsListEntry> {
    cloud.ok::<ListKeyRotations>(ListKeyRotationsRequest { key_id: key.into(), ..Default::default() }).await.rotations.unwrap()
}

async fn status(cloud: &TestCloud, key: &str) -> GetKeyRotationStatusResponse {
    cloud.ok::<GetKeyRotationStatus>(GetKeyRotationStatusRequest { key_id: key.into() }).await
}

#[tokio::test]
async fn a_key_rotates_by_itself_and_its_old_ciphertexts_open() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let old = cloud.encrypt(&arn, "old").await;
    let material = cloud.describe(&arn).await.current_key_material_id;
    cloud.ok::<EnableKeyRotation>(EnableKeyRotationRequest { key_id: arn.clone(), rotation_period_in_days: Some(90) }).await;
    let next = status(&cloud, &arn).await.next_rotation_date.unwrap();
    assert_eq!(next, cloud.now().plus_secs(90 * DAY as i64));
    cloud.pass(89 * DAY).await;
    assert_eq!(rotations(&cloud, &arn).await.len(), 0);
    cloud.pass(DAY).await;
    let done = rotations(&cloud, &arn).await;
    assert_eq!((done.len(), done[0].rotation_type.as_deref(), done[0].rotation_date), (1, Some("AUTOMATIC"), Some(next)));
    assert_ne!(cloud.describe(&arn).await.current_key_material_id, material);
    let new = cloud.encrypt(&arn, "new").await;
    assert_ne!(old[..37], new[..37]);
    assert_eq!((cloud.decrypt(&old).await.unwrap(), cloud.decrypt(&new).await.unwrap()), ("old".into(), "new".into()));
    cloud.pass(181 * DAY).await;
    assert_eq!(rotations(&cloud, &arn).await.len(), 3);
    cloud.ok::<DisableKeyRotation>(DisableKeyRotationRequest { key_id: arn.clone() }).await;
    cloud.pass(365 * DAY).await;
    assert_eq!((rotations(&cloud, &arn).await.len(), status(&cloud, &arn).await.key_rotation_enabled), (3, Some(false)));
}

#[tokio::test]
async fn a_disabled_key_rotates_when_it_is_enabled_again() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    cloud.ok::<EnableKeyRotation>(EnableKeyRotationRequest { key_id: arn.clone(), rotation_period_in_days: Some(90) }).await;
    cloud.disable(&arn).await;
    cloud.pass(100 * DAY).await;
    assert_eq!(rotations(&cloud, &arn).await.len(), 0);
    cloud.enable(&arn).await;
    cloud.settle().await;
    assert_eq!(rotations(&cloud, &arn).await.len(), 1);
}

#[tokio::test]
async fn a_key_rotates_on_demand_twenty_five_times() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let blob = cloud.encrypt(&arn, "text").await;
    let rotate = || cloud.call::<RotateKeyOnDemand>(RotateKeyOnDemandRequest { key_id: arn.clone() });
    for _ in 0..25 {
        assert_eq!(rotate().await.unwrap().key_id.as_deref(), Some(&*arn));
    }
    let message = format!(
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: {arn}"
    );
    assert_fault(rotate().await, &faults::LIMIT_EXCEEDED, &message);
    assert_eq!(cloud.decrypt(&blob).await.unwrap(), "text");
    assert_eq!(rotations(&cloud, &arn).await.len(), 25);
    let all = ListKeyRotationsRequest { key_id: arn.clone(), include_key_material: Some("ALL_KEY_MATERIAL".into()), ..Default::default() };
    let all = cloud.ok::<ListKeyRotations>(all).await.rotations.unwrap();
    assert_eq!(all.iter().filter(|entry| entry.key_material_state.as_deref() == Some("CURRENT")).count(), 1);
    assert_eq!(all.len(), 26);
}

#[tokio::test]
async fn keys_of_other_kinds_do_not_rotate() {
    let cloud = TestCloud::new();
    let rsa = cloud.of_spec("RSA_2048", "ENCRYPT_DECRYPT").await;
    assert_fault(cloud.call::<RotateKeyOnDemand>(RotateKeyOnDemandRequest { key_id: rsa.clone() }).await, &faults::UNSUPPORTED_OPERATION, "");
    let enable = EnableKeyRotationRequest { key_id: rsa.clone(), ..Default::default() };
    assert_fault(cloud.call::<EnableKeyRotation>(enable).await, &faults::UNSUPPORTED_OPERATION, "");
    cloud.disable(&rsa).await;
    let disabled = cloud.call::<RotateKeyOnDemand>(RotateKeyOnDemandRequest { key_id: rsa.clone() }).await;
    assert_fault(disabled, &faults::DISABLED, &format!("{rsa} is disabled."));
}
