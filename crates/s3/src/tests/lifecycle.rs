//! Moving the clock does what lifecycle rules say.

use super::fixture::*;
use crate::api::*;

const DAY: u64 = 86_400;

fn rule(id: &str) -> LifecycleRule {
    LifecycleRule { id: Some(id.into()), status: "Enabled".into(), filter: Some(LifecycleRuleFilter::default()), ..Default::default() }
}

fn expiring(days: i32) -> LifecycleRule {
    LifecycleRule { expiration: Some(LifecycleExpiration { days: Some(days), ..Default::default() }), ..rule("expire") }
}

async fn put_rules(cloud: &TestCloud, rules: Vec<LifecycleRule>) {
    let lifecycle_configuration = Some(BucketLifecycleConfiguration { rules });
    let put = PutBucketLifecycleConfigurationRequest { bucket: BUCKET.into(), lifecycle_configuration, ..Default::default() };
    cloud.call::<PutBucketLifecycleConfiguration>(put).await.unwrap();
}

async fn enable_versioning(cloud: &TestCloud) {
    let versioning_configuration = VersioningConfiguration { status: Some("Enabled".into()), ..Default::default() };
    let put = PutBucketVersioningRequest { bucket: BUCKET.into(), versioning_configuration, ..Default::default() };
    cloud.call::<PutBucketVersioning>(put).await.unwrap();
}

/// Versions and markers.
async fn counts(cloud: &TestCloud) -> (usize, usize) {
    let list = ListObjectVersionsRequest { bucket: BUCKET.into(), ..Default::default() };
    let listed = cloud.call::<ListObjectVersions>(list).await.unwrap();
    (listed.versions.map_or(0, |all| all.len()), listed.delete_markers.map_or(0, |all| all.len()))
}

#[tokio::test]
async fn objects_expire_at_the_midnight_that_their_header_names() {
    let cloud = TestCloud::with_bucket().await;
    put_rules(&cloud, vec![expiring(3)]).await;
    let put = cloud.put("a", "x").await;
    // The clock starts on 24 November 2025 at 16:00.
    assert_eq!(put.expiration.as_deref(), Some("expiry-date=\"Fri, 28 Nov 2025 00:00:00 GMT\", rule-id=\"expire\""));
    assert_eq!(cloud.head("a").await.expiration, put.expiration);
    cloud.pass(3 * DAY).await;
    assert_eq!(cloud.keys().await, ["a"]);
    cloud.pass(DAY).await;
    assert!(cloud.keys().await.is_empty());
    assert_eq!(cloud.bodies(), 0);
}

#[tokio::test]
async fn one_move_of_the_clock_does_all_that_was_due() {
    let cloud = TestCloud::with_bucket().await;
    enable_versioning(&cloud).await;
    cloud.put("a", "1").await;
    cloud.put("a", "2").await;
    let noncurrent = NoncurrentVersionExpiration { noncurrent_days: Some(5), newer_noncurrent_versions: None };
    let clean = LifecycleExpiration { expired_object_delete_marker: Some(true), ..Default::default() };
    put_rules(
        &cloud,
        vec![
            LifecycleRule { noncurrent_version_expiration: Some(noncurrent), ..expiring(10) },
            LifecycleRule { expiration: Some(clean), ..rule("clean") },
        ],
    )
    .await;
    cloud.pass(7 * DAY).await;
    assert_eq!(counts(&cloud).await, (1, 0), "the noncurrent version expired");
    cloud.pass(5 * DAY).await;
    assert_eq!(counts(&cloud).await, (1, 1), "the current version has a marker");
    cloud.pass(100 * DAY).await;
    assert_eq!(counts(&cloud).await, (0, 0));

    cloud.put("b", "1").await;
    cloud.pass(400 * DAY).await;
    assert_eq!(counts(&cloud).await, (0, 0), "the same in one step");
}

#[tokio::test]
async fn newer_noncurrent_versions_stay() {
    let cloud = TestCloud::with_bucket().await;
    enable_versioning(&cloud).await;
    for body in ["1", "2", "3", "4", "5"] {
        cloud.put("a", body).await;
    }
    let noncurrent = NoncurrentVersionExpiration { noncurrent_days: Some(1), newer_noncurrent_versions: Some(2) };
    put_rules(&cloud, vec![LifecycleRule { noncurrent_version_expiration: Some(noncurrent), ..rule("keep two") }]).await;
    cloud.pass(3 * DAY).await;
    assert_eq!(counts(&cloud).await, (3, 0));
    assert_eq!(cloud.text("a").await, "5");
}

#[tokio::test]
async fn large_objects_move_to_colder_classes() {
    let cloud = TestCloud::with_bucket().await;
    let large = "x".repeat(128 * 1024);
    cloud.put("large", &large).await;
    cloud.put("small", "x").await;
    let to = |days: i32, class: &str| Transition { days: Some(days), storage_class: Some(class.into()), date: None };
    put_rules(&cloud, vec![LifecycleRule { transitions: Some(vec![to(30, "STANDARD_IA"), to(60, "GLACIER")]), ..rule("cool") }]).await;
    cloud.pass(31 * DAY).await;
    assert_eq!(cloud.head("large").await.storage_class.as_deref(), Some("STANDARD_IA"));
    cloud.pass(31 * DAY).await;
    assert_eq!(cloud.head("large").await.storage_class.as_deref(), Some("GLACIER"));
    assert_eq!(cloud.head("small").await.storage_class, None);
}

#[tokio::test]
async fn unfinished_uploads_are_aborted_and_a_restart_forgets_nothing() {
    let cloud = TestCloud::with_bucket().await;
    let abort = AbortIncompleteMultipartUpload { days_after_initiation: Some(2) };
    put_rules(&cloud, vec![LifecycleRule { abort_incomplete_multipart_upload: Some(abort), ..expiring(2) }]).await;
    let create = CreateMultipartUploadRequest { bucket: BUCKET.into(), key: "big".into(), ..Default::default() };
    let created = cloud.call::<CreateMultipartUpload>(create).await.unwrap();
    assert_eq!((created.abort_date.is_some(), created.abort_rule_id.as_deref()), (true, Some("expire")));
    cloud.put("a", "x").await;
    let restarted = TestCloud::from(cloud.restart());
    restarted.pass(3 * DAY).await;
    let list = ListMultipartUploadsRequest { bucket: BUCKET.into(), ..Default::default() };
    assert!(restarted.call::<ListMultipartUploads>(list).await.unwrap().uploads.is_none());
    assert!(restarted.keys().await.is_empty());
}

#[tokio::test]
async fn configurations_are_answered_as_they_were_put() {
    let cloud = TestCloud::with_bucket().await;
    let get = || GetBucketLifecycleConfigurationRequest { bucket: BUCKET.into(), ..Default::default() };
    assert_eq!(code(cloud.call::<GetBucketLifecycleConfiguration>(get()).await), "NoSuchLifecycleConfiguration");
    put_rules(&cloud, vec![expiring(7)]).await;
    let got = cloud.call::<GetBucketLifecycleConfiguration>(get()).await.unwrap();
    assert_eq!(got.transition_default_minimum_object_size.as_deref(), Some("all_storage_classes_128K"));
    let rules = got.rules.unwrap();
    assert_eq!((rules[0].id.as_deref(), rules[0].expiration.as_ref().unwrap().days), (Some("expire"), Some(7)));
    cloud.call::<DeleteBucketLifecycle>(DeleteBucketLifecycleRequest { bucket: BUCKET.into(), ..Default::default() }).await.unwrap();
    assert_eq!(code(cloud.call::<GetBucketLifecycleConfiguration>(get()).await), "NoSuchLifecycleConfiguration");

    let configuration = |id: &str| MetricsConfiguration { id: id.into(), filter: None };
    for id in ["z", "a", "m"] {
        let put = PutBucketMetricsConfigurationRequest {
            bucket: BUCKET.into(),
            id: id.into(),
            metrics_configuration: configuration(id),
            ..Default::default()
        };
        cloud.call::<PutBucketMetricsConfiguration>(put).await.unwrap();
    }
    let list = ListBucketMetricsConfigurationsRequest { bucket: BUCKET.into(), ..Default::default() };
    let listed = cloud.call::<ListBucketMetricsConfigurations>(list).await.unwrap();
    let ids: Vec<_> = listed.metrics_configuration_list.into_iter().flatten().map(|one| one.id).collect();
    assert_eq!(ids, ["a", "m", "z"]);
}
