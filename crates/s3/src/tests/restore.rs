//! Archived objects are readable for some days after a restore.

use super::fixture::*;
use crate::api::*;

const HOUR: u64 = 3_600;

async fn archive(cloud: &TestCloud, class: &str) {
    cloud.call::<PutObject>(PutObjectRequest { storage_class: Some(class.into()), ..put("a", "x") }).await.unwrap();
}

fn restore(days: Option<i32>, tier: Option<&str>) -> RestoreObjectRequest {
    let glacier_job_parameters = tier.map(|tier| GlacierJobParameters { tier: tier.into() });
    let restore_request = Some(RestoreRequest { days, glacier_job_parameters, ..Default::default() });
    RestoreObjectRequest { bucket: BUCKET.into(), key: "a".into(), restore_request, ..Default::default() }
}

async fn status(cloud: &TestCloud, request: RestoreObjectRequest) -> u16 {
    cloud.answered::<RestoreObject>(request).await.unwrap().status.unwrap_or(200)
}

async fn listed(cloud: &TestCloud) -> Option<RestoreStatus> {
    let optional_object_attributes = Some(vec!["RestoreStatus".to_owned()]);
    let list = ListObjectsV2Request { bucket: BUCKET.into(), optional_object_attributes, ..Default::default() };
    cloud.call::<ListObjectsV2>(list).await.unwrap().contents.unwrap().remove(0).restore_status
}

#[tokio::test]
async fn a_restored_object_can_be_read_until_its_days_are_over() {
    let cloud = TestCloud::with_bucket().await;
    archive(&cloud, "GLACIER").await;
    assert_eq!((cloud.head("a").await.restore, listed(&cloud).await.is_none()), (None, true));
    assert_eq!(status(&cloud, restore(Some(2), None)).await, 202);
    assert_eq!(cloud.head("a").await.restore.as_deref(), Some("ongoing-request=\"true\""));
    assert_eq!(listed(&cloud).await.unwrap().is_restore_in_progress, Some(true));
    assert_eq!(code(cloud.get("a").await), "InvalidObjectState");
    cloud.pass(5 * HOUR).await;
    // The clock started on 24 November 2025 at 16:00: two days after 21:00, rounded up to midnight.
    let header = "ongoing-request=\"false\", expiry-date=\"Thu, 27 Nov 2025 00:00:00 GMT\"";
    assert_eq!(cloud.head("a").await.restore.as_deref(), Some(header));
    assert_eq!(cloud.get("a").await.unwrap().restore.as_deref(), Some(header));
    assert_eq!((cloud.text("a").await.as_str(), cloud.head("a").await.storage_class.as_deref()), ("x", Some("GLACIER")));
    assert_eq!(listed(&cloud).await.unwrap().is_restore_in_progress, Some(false));
    // A copy of it is an object of its own, which is not restored.
    cloud.call::<CopyObject>(copy("a", "b")).await.unwrap();
    assert_eq!((cloud.text("b").await.as_str(), cloud.head("b").await.restore), ("x", None));
    // Once more: the days count from now.
    assert_eq!(status(&cloud, restore(Some(5), None)).await, 200);
    assert!(cloud.head("a").await.restore.unwrap().contains("Sun, 30 Nov 2025"));
    cloud.pass(6 * 24 * HOUR).await;
    assert_eq!((code(cloud.get("a").await).as_str(), cloud.head("a").await.restore), ("InvalidObjectState", None));
    assert_eq!(status(&cloud, restore(Some(1), None)).await, 202);
}

#[tokio::test]
async fn only_a_faster_restore_replaces_one_that_is_going_on() {
    let cloud = TestCloud::with_bucket().await;
    archive(&cloud, "GLACIER").await;
    assert_eq!(status(&cloud, restore(Some(1), Some("Bulk"))).await, 202);
    for tier in [None, Some("Bulk")] {
        let refused = cloud.call::<RestoreObject>(restore(Some(1), tier)).await;
        assert_eq!(refusal(refused), ("RestoreAlreadyInProgress".into(), 409, "Object restore is already in progress".into()));
    }
    assert_eq!(status(&cloud, restore(Some(1), Some("Expedited"))).await, 202);
    cloud.pass(300).await;
    assert_eq!(cloud.text("a").await, "x");
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused() {
    let cloud = TestCloud::with_bucket().await;
    archive(&cloud, "STANDARD_IA").await;
    assert_eq!(
        refused_with(cloud.call::<RestoreObject>(restore(Some(1), None)).await, "StorageClass"),
        ("InvalidObjectState".into(), "STANDARD_IA".into())
    );
    archive(&cloud, "DEEP_ARCHIVE").await;
    for (days, tier, expected) in [
        (None, None, "MalformedXML"),
        (Some(0), None, "MalformedXML"),
        (Some(1), Some("Fast"), "MalformedXML"),
        (Some(1), Some("Expedited"), "InvalidArgument"),
    ] {
        assert_eq!(code(cloud.call::<RestoreObject>(restore(days, tier)).await), expected);
    }
    let none = RestoreObjectRequest { restore_request: None, ..restore(None, None) };
    assert_eq!(code(cloud.call::<RestoreObject>(none).await), "MalformedXML");
    let missing = RestoreObjectRequest { key: "b".into(), ..restore(Some(1), None) };
    assert_eq!(code(cloud.call::<RestoreObject>(missing).await), "NoSuchKey");
    assert_eq!(status(&cloud, restore(Some(1), Some("Bulk"))).await, 202);
    cloud.pass(47 * HOUR).await;
    assert_eq!(code(cloud.get("a").await), "InvalidObjectState");
    cloud.pass(HOUR).await;
    assert_eq!(cloud.text("a").await, "x");
}

#[tokio::test]
async fn a_restore_outlives_a_restart() {
    let folder = tempfile::TempDir::new().unwrap();
    let cloud = TestCloud::in_folder(folder.path());
    cloud.create(BUCKET).await;
    archive(&cloud, "GLACIER").await;
    status(&cloud, restore(Some(1), None)).await;
    let cloud = cloud.reopen();
    assert_eq!(cloud.head("a").await.restore.as_deref(), Some("ongoing-request=\"true\""));
    cloud.pass(5 * HOUR).await;
    assert_eq!(cloud.text("a").await, "x");
    cloud.pass(48 * HOUR).await;
    assert_eq!(cloud.head("a").await.restore, None);
}
