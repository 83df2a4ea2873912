//! Inventory reports, written when the clock passes midnight.

use super::fixture::*;
use crate::api::*;
use cloudlet_cloud::Mode;

const DAY: u64 = 86_400;

#[tokio::test]
async fn a_report_has_a_manifest_a_checksum_and_rows() {
    let cloud = TestCloud::of(builder().mode(Mode::Off));
    cloud.create(BUCKET).await;
    cloud.create("reports").await;
    for key in ["a b", "other", "a\"c"] {
        cloud.put(key, "text").await;
    }
    let destination = InventoryS3BucketDestination {
        bucket: "arn:aws:s3:::reports".into(),
        format: "CSV".into(),
        prefix: Some("here".into()),
        ..Default::default()
    };
    let inventory_configuration = InventoryConfiguration {
        id: "list".into(),
        is_enabled: true,
        destination: InventoryDestination { s3_bucket_destination: destination },
        filter: Some(InventoryFilter { prefix: "a".into() }),
        included_object_versions: "Current".into(),
        optional_fields: Some(vec!["StorageClass".into(), "Size".into()]),
        schedule: InventorySchedule { frequency: "Daily".into() },
    };
    let put = PutBucketInventoryConfigurationRequest { bucket: BUCKET.into(), id: "list".into(), inventory_configuration, ..Default::default() };
    cloud.call::<PutBucketInventoryConfiguration>(put).await.unwrap();
    cloud.pass(DAY).await;
    let list = ListObjectsV2Request { bucket: "reports".into(), ..Default::default() };
    let keys: Vec<_> = cloud.call::<ListObjectsV2>(list).await.unwrap().contents.unwrap().into_iter().map(|object| object.key.unwrap()).collect();
    assert_eq!(keys.len(), 4, "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("here/test-bucket/list/")), "{keys:?}");
    let read = async |key: &str| {
        let get = GetObjectRequest { bucket: "reports".into(), key: key.into(), ..Default::default() };
        bytes(cloud.call::<GetObject>(get).await.unwrap().body).await
    };
    let manifest = keys.iter().find(|key| key.ends_with("/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&read(manifest).await).unwrap();
    assert_eq!(manifest["fileSchema"], "Bucket, Key, Size, StorageClass");
    let file = read(manifest["files"][0]["key"].as_str().unwrap()).await;
    let rows = String::from_utf8_lossy(&file);
    assert!(rows.contains("\"test-bucket\",\"a%20b\",\"4\",\"STANDARD\"\n\"test-bucket\",\"a%22c\""), "{rows}");
    assert!(!rows.contains("other"));
    cloud.pass(DAY).await;
    let list = ListObjectsV2Request { bucket: "reports".into(), ..Default::default() };
    assert_eq!(cloud.call::<ListObjectsV2>(list).await.unwrap().contents.unwrap().len(), 8, "one report a day");
}
