use super::fixture::{DAY, TestCloud, assert_fault};
use crate::faults;
use cloudlet_api_kms::*;

async fn primary(cloud: &TestCloud) -> KeyMetadata {
    cloud.create(CreateKeyRequest { multi_region: Some(true), ..Default::default() }).await
}

async fn replicate(cloud: &TestCloud, key: &str, region: &str) -> KeyMetadata {
    let input = ReplicateKeyRequest { key_id: key.into(), replica_region: region.into(), ..Default::default() };
    cloud.ok::<ReplicateKey>(input).await.replica_key_metadata.unwrap()
}

fn describe(id: &str) -> DescribeKeyRequest {
    DescribeKeyRequest { key_id: id.into(), ..Default::default() }
}

#[tokio::test]
async fn what_one_region_encrypts_the_other_decrypts() {
    let cloud = TestCloud::new();
    let key = primary(&cloud).await;
    assert!(key.key_id.starts_with("mrk-"));
    let replica = replicate(&cloud, &key.key_id, "eu-west-1").await;
    assert_eq!(replica.key_id, key.key_id);
    let regions = replica.multi_region_configuration.unwrap();
    assert_eq!((regions.multi_region_key_type.as_deref(), regions.primary_key.unwrap().arn), (Some("REPLICA"), key.arn.clone()));
    let blob = cloud.encrypt(&key.key_id, "text").await;
    cloud.ok::<RotateKeyOnDemand>(RotateKeyOnDemandRequest { key_id: key.key_id.clone() }).await;
    let newer = cloud.encrypt(&key.key_id, "newer").await;
    for (blob, text) in [(blob, "text"), (newer, "newer")] {
        let input = DecryptRequest { ciphertext_blob: Some(blob.clone()), ..Default::default() };
        let decrypted = cloud.call_in::<Decrypt>("eu-west-1", input.clone()).await.unwrap();
        assert_eq!((&decrypted.plaintext.unwrap()[..], decrypted.key_id), (text.as_bytes(), replica.arn.clone()));
        assert!(cloud.call_in::<Decrypt>("eu-central-1", input).await.unwrap_err().is(&faults::ACCESS_DENIED));
    }
}

#[tokio::test]
async fn only_a_primary_key_is_replicated_and_once_to_a_region() {
    let cloud = TestCloud::new();
    let key = primary(&cloud).await;
    let replica = replicate(&cloud, &key.key_id, "eu-west-1").await;
    let input = |region: &str| ReplicateKeyRequest { key_id: key.key_id.clone(), replica_region: region.into(), ..Default::default() };
    let message = format!("{} is not a multi-region primary key.", replica.arn.unwrap());
    assert_fault(cloud.call_in::<ReplicateKey>("eu-west-1", input("eu-west-1")).await, &faults::UNSUPPORTED_OPERATION, &message);
    for region in ["eu-west-1", "us-east-1"] {
        assert!(cloud.call::<ReplicateKey>(input(region)).await.unwrap_err().is(&faults::ALREADY_EXISTS));
    }
    let single = cloud.symmetric().await;
    let single = ReplicateKeyRequest { key_id: single, replica_region: "eu-west-1".into(), ..Default::default() };
    assert!(cloud.call::<ReplicateKey>(single).await.unwrap_err().is(&faults::UNSUPPORTED_OPERATION));
}

#[tokio::test]
async fn a_primary_key_waits_for_its_replicas() {
    let cloud = TestCloud::new();
    let key = primary(&cloud).await;
    replicate(&cloud, &key.key_id, "eu-west-1").await;
    let scheduled = cloud.delete(&key.key_id, 10).await;
    assert_eq!((scheduled.key_state.as_deref(), scheduled.deletion_date), (Some("PendingReplicaDeletion"), None));
    cloud.pass(30 * DAY).await;
    let input = ScheduleKeyDeletionRequest { key_id: key.key_id.clone(), pending_window_in_days: Some(7) };
    cloud.call_in::<ScheduleKeyDeletion>("eu-west-1", input).await.unwrap();
    cloud.pass(7 * DAY).await;
    assert!(cloud.call_in::<DescribeKey>("eu-west-1", describe(&key.key_id)).await.is_err());
    assert_eq!(cloud.state_of(&key.key_id).await, "PendingDeletion");
    cloud.pass(10 * DAY).await;
    assert!(cloud.call::<DescribeKey>(describe(&key.key_id)).await.unwrap_err().is(&faults::NOT_FOUND));
}

#[tokio::test]
async fn the_primary_region_moves_and_rotation_with_it() {
    let cloud = TestCloud::new();
    let key = primary(&cloud).await;
    replicate(&cloud, &key.key_id, "eu-west-1").await;
    cloud.ok::<EnableKeyRotation>(EnableKeyRotationRequest { key_id: key.key_id.clone(), rotation_period_in_days: Some(90) }).await;
    cloud.ok::<UpdatePrimaryRegion>(UpdatePrimaryRegionRequest { key_id: key.key_id.clone(), primary_region: "eu-west-1".into() }).await;
    let configuration = cloud.describe(&key.key_id).await.multi_region_configuration.unwrap();
    assert_eq!(configuration.multi_region_key_type.as_deref(), Some("REPLICA"));
    assert_eq!(configuration.replica_keys.unwrap()[0].region.as_deref(), Some("us-east-1"));
    cloud.pass(90 * DAY).await;
    let material = cloud.describe(&key.key_id).await.current_key_material_id;
    assert_ne!(material, key.current_key_material_id);
    let there = cloud.call_in::<DescribeKey>("eu-west-1", describe(&key.key_id)).await.unwrap().key_metadata.unwrap();
    assert_eq!(there.current_key_material_id, material);
}
