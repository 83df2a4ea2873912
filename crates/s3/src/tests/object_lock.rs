//! Object Lock: retention, legal holds, event holds, and what they protect.

use super::fixture::*;
use crate::api::*;
use cloudlet_aws::{Fault, Timestamp};

const DAY: i64 = 24 * 60 * 60;

fn pass(cloud: &TestCloud, seconds: i64) {
    cloud.advance(seconds.unsigned_abs());
}

/// A cloud with a bucket that has Object Lock.
async fn locked() -> TestCloud {
    let cloud = TestCloud::new();
    cloud
        .call::<CreateBucket>(CreateBucketRequest { bucket: BUCKET.into(), object_lock_enabled_for_bucket: Some(true), ..Default::default() })
        .await
        .unwrap();
    cloud
}

fn retention(mode: &str, until: Timestamp) -> ObjectLockRetention {
    ObjectLockRetention { mode: Some(mode.into()), retain_until_date: Some(until), ..Default::default() }
}

async fn retain(cloud: &TestCloud, retention: ObjectLockRetention, bypass: bool) -> Result<(), Fault> {
    let request = PutObjectRetentionRequest {
        bucket: BUCKET.into(),
        key: "a".into(),
        retention: Some(retention),
        bypass_governance_retention: bypass.then_some(true),
        ..Default::default()
    };
    cloud.call::<PutObjectRetention>(request).await.map(drop)
}

async fn retained(cloud: &TestCloud) -> Result<ObjectLockRetention, Fault> {
    let request = GetObjectRetentionRequest { bucket: BUCKET.into(), key: "a".into(), ..Default::default() };
    Ok(cloud.call::<GetObjectRetention>(request).await?.retention.unwrap())
}

async fn hold(cloud: &TestCloud, status: &str) -> Result<(), Fault> {
    let legal_hold = Some(ObjectLockLegalHold { status: Some(status.into()) });
    let request = PutObjectLegalHoldRequest { bucket: BUCKET.into(), key: "a".into(), legal_hold, ..Default::default() };
    cloud.call::<PutObjectLegalHold>(request).await.map(drop)
}

async fn delete(cloud: &TestCloud, version: &str, bypass: bool) -> Result<(), Fault> {
    let request = DeleteObjectRequest {
        bucket: BUCKET.into(),
        key: "a".into(),
        version_id: Some(version.into()),
        bypass_governance_retention: bypass.then_some(true),
        ..Default::default()
    };
    cloud.call::<DeleteObject>(request).await.map(drop)
}

async fn configure(cloud: &TestCloud, default: DefaultRetention) -> Result<(), Fault> {
    let configuration =
        ObjectLockConfiguration { object_lock_enabled: Some("Enabled".into()), rule: Some(ObjectLockRule { default_retention: Some(default) }) };
    let request = PutObjectLockConfigurationRequest { bucket: BUCKET.into(), object_lock_configuration: Some(configuration), ..Default::default() };
    cloud.call::<PutObjectLockConfiguration>(request).await.map(drop)
}

fn message<T>(outcome: Result<T, Fault>) -> String {
    refusal(outcome).2
}

const PROTECTED: &str = "Access Denied because object protected by object lock.";

#[tokio::test]
async fn a_bucket_with_object_lock_stays_versioned() {
    let cloud = locked().await;
    let versioning_configuration = VersioningConfiguration { status: Some("Suspended".into()), ..Default::default() };
    let request = PutBucketVersioningRequest { bucket: BUCKET.into(), versioning_configuration, ..Default::default() };
    assert_eq!(code(cloud.call::<PutBucketVersioning>(request).await), "InvalidBucketState");
    let read = GetObjectLockConfigurationRequest { bucket: BUCKET.into(), ..Default::default() };
    let configuration = cloud.call::<GetObjectLockConfiguration>(read).await.unwrap().object_lock_configuration.unwrap();
    assert_eq!((configuration.object_lock_enabled.as_deref(), configuration.rule.is_none()), (Some("Enabled"), true));
}

#[tokio::test]
async fn object_lock_is_enabled_later_in_a_versioned_bucket_alone() {
    let cloud = TestCloud::with_bucket().await;
    let default = DefaultRetention { mode: Some("GOVERNANCE".into()), days: Some(1), ..Default::default() };
    assert_eq!(code(configure(&cloud, default.clone()).await), "InvalidBucketState");
    let read = GetObjectLockConfigurationRequest { bucket: BUCKET.into(), ..Default::default() };
    assert_eq!(code(cloud.call::<GetObjectLockConfiguration>(read.clone()).await), "ObjectLockConfigurationNotFoundError");
    let versioning_configuration = VersioningConfiguration { status: Some("Enabled".into()), ..Default::default() };
    let request = PutBucketVersioningRequest { bucket: BUCKET.into(), versioning_configuration, ..Default::default() };
    cloud.call::<PutBucketVersioning>(request).await.unwrap();
    configure(&cloud, default).await.unwrap();
    let rule = cloud.call::<GetObjectLockConfiguration>(read).await.unwrap().object_lock_configuration.unwrap().rule.unwrap();
    assert_eq!(rule.default_retention.unwrap().days, Some(1));
    for (days, years, expected) in [
        (None, None, "MalformedXML"),
        (Some(1), Some(1), "MalformedXML"),
        (Some(0), None, "InvalidRetentionPeriod"),
        (None, Some(-1), "InvalidRetentionPeriod"),
        (None, Some(101), "InvalidRetentionPeriod"),
    ] {
        let default = DefaultRetention { mode: Some("GOVERNANCE".into()), days, years, ..Default::default() };
        assert_eq!(code(configure(&cloud, default).await), expected, "{days:?} {years:?}");
    }
    let unknown = DefaultRetention { mode: Some("governance".into()), days: Some(1), ..Default::default() };
    assert_eq!(code(configure(&cloud, unknown).await), "MalformedXML");
}

#[tokio::test]
async fn governance_is_ended_by_bypassing_it_alone() {
    let cloud = locked().await;
    let version = cloud.put("a", "1").await.version_id.unwrap();
    assert_eq!(code(retained(&cloud).await), "NoSuchObjectLockConfiguration");
    let until = START.plus_secs(10 * DAY);
    retain(&cloud, retention("GOVERNANCE", until), false).await.unwrap();
    assert_eq!(retained(&cloud).await.unwrap().mode.as_deref(), Some("GOVERNANCE"));
    let head = cloud.head("a").await;
    assert_eq!((head.object_lock_mode.as_deref(), head.object_lock_retain_until_date), (Some("GOVERNANCE"), Some(until)));
    assert_eq!(message(delete(&cloud, &version, false).await), PROTECTED);
    assert_eq!(message(retain(&cloud, retention("GOVERNANCE", START.plus_secs(DAY)), false).await), PROTECTED);
    assert_eq!(message(retain(&cloud, retention("COMPLIANCE", until), false).await), PROTECTED);
    assert_eq!(message(retain(&cloud, ObjectLockRetention::default(), false).await), PROTECTED);
    retain(&cloud, retention("GOVERNANCE", START.plus_secs(11 * DAY)), false).await.unwrap();
    retain(&cloud, retention("GOVERNANCE", START.plus_secs(DAY)), true).await.unwrap();
    retain(&cloud, ObjectLockRetention::default(), true).await.unwrap();
    assert_eq!(code(retained(&cloud).await), "NoSuchObjectLockConfiguration");
    retain(&cloud, retention("GOVERNANCE", until), false).await.unwrap();
    delete(&cloud, &version, true).await.unwrap();
}

#[tokio::test]
async fn compliance_is_ended_by_time_alone() {
    let cloud = locked().await;
    let version = cloud.put("a", "1").await.version_id.unwrap();
    retain(&cloud, retention("COMPLIANCE", START.plus_secs(10 * DAY)), false).await.unwrap();
    assert_eq!(message(delete(&cloud, &version, true).await), PROTECTED);
    assert_eq!(message(retain(&cloud, retention("COMPLIANCE", START.plus_secs(DAY)), true).await), PROTECTED);
    assert_eq!(message(retain(&cloud, retention("GOVERNANCE", START.plus_secs(20 * DAY)), true).await), PROTECTED);
    retain(&cloud, retention("COMPLIANCE", START.plus_secs(20 * DAY)), false).await.unwrap();
    // A marker may be made, and deleted.
    cloud.delete("a").await;
    assert_eq!(code(cloud.get("a").await), "NoSuchKey");
    pass(&cloud, 20 * DAY + 1);
    delete(&cloud, &version, false).await.unwrap();
}

#[tokio::test]
async fn a_legal_hold_is_independent_of_retention() {
    let cloud = locked().await;
    let version = cloud.put("a", "1").await.version_id.unwrap();
    let read = GetObjectLegalHoldRequest { bucket: BUCKET.into(), key: "a".into(), ..Default::default() };
    assert_eq!(code(cloud.call::<GetObjectLegalHold>(read.clone()).await), "NoSuchObjectLockConfiguration");
    hold(&cloud, "ON").await.unwrap();
    assert_eq!(cloud.call::<GetObjectLegalHold>(read).await.unwrap().legal_hold.unwrap().status.as_deref(), Some("ON"));
    assert_eq!(message(delete(&cloud, &version, true).await), PROTECTED);
    assert_eq!(code(hold(&cloud, "on").await), "MalformedXML");
    hold(&cloud, "OFF").await.unwrap();
    delete(&cloud, &version, false).await.unwrap();
}

#[tokio::test]
async fn new_objects_have_the_default_retention_unless_they_bring_their_own() {
    let cloud = locked().await;
    configure(&cloud, DefaultRetention { mode: Some("COMPLIANCE".into()), years: Some(1), ..Default::default() }).await.unwrap();
    let refused = cloud.call::<PutObject>(put("a", "1")).await;
    assert!(message(refused).starts_with("Content-MD5 OR x-amz-checksum- HTTP header is required"));
    cloud.call::<PutObject>(PutObjectRequest { checksum_crc32: Some("g9zvtw==".into()), ..put("a", "1") }).await.unwrap();
    let default = retained(&cloud).await.unwrap();
    assert_eq!((default.mode.as_deref(), default.retain_until_date), (Some("COMPLIANCE"), Some(START.plus_secs(365 * DAY))));
    let own = PutObjectRequest {
        object_lock_mode: Some("GOVERNANCE".into()),
        object_lock_retain_until_date: Some(START.plus_secs(DAY)),
        checksum_crc32: Some("g9zvtw==".into()),
        ..put("a", "1")
    };
    cloud.call::<PutObject>(own).await.unwrap();
    assert_eq!(retained(&cloud).await.unwrap().mode.as_deref(), Some("GOVERNANCE"));
    // A copy has the default, and not what its source has.
    cloud.call::<CopyObject>(CopyObjectRequest { metadata_directive: Some("REPLACE".into()), ..copy("a", "a") }).await.unwrap();
    assert_eq!(retained(&cloud).await.unwrap().mode.as_deref(), Some("COMPLIANCE"));
}

#[tokio::test]
async fn the_parts_of_an_object_that_is_retained_come_with_digests() {
    let cloud = locked().await;
    let create = CreateMultipartUploadRequest {
        bucket: BUCKET.into(),
        key: "a".into(),
        object_lock_mode: Some("GOVERNANCE".into()),
        object_lock_retain_until_date: Some(START.plus_secs(DAY)),
        ..Default::default()
    };
    let upload_id = cloud.call::<CreateMultipartUpload>(create).await.unwrap().upload_id.unwrap();
    let part = UploadPartRequest {
        bucket: BUCKET.into(),
        key: "a".into(),
        upload_id: upload_id.clone(),
        part_number: 1,
        body: put("a", "1").body,
        ..Default::default()
    };
    assert!(message(cloud.call::<UploadPart>(part.clone()).await).contains("is required for Put Part requests"));
    let checked = UploadPartRequest { checksum_crc32: Some("g9zvtw==".into()), body: put("a", "1").body, ..part };
    let etag = cloud.call::<UploadPart>(checked).await.unwrap().etag;
    let parts = Some(vec![CompletedPart { part_number: Some(1), etag, ..Default::default() }]);
    let complete = CompleteMultipartUploadRequest {
        bucket: BUCKET.into(),
        key: "a".into(),
        upload_id,
        multipart_upload: Some(CompletedMultipartUpload { parts }),
        ..Default::default()
    };
    let version = cloud.call::<CompleteMultipartUpload>(complete).await.unwrap().version_id.unwrap();
    assert_eq!(message(delete(&cloud, &version, false).await), PROTECTED);
}

#[tokio::test]
async fn an_event_hold_protects_until_its_release_and_for_its_duration() {
    let cloud = locked().await;
    let version = cloud.put("a", "1").await.version_id.unwrap();
    let held = ObjectLockRetention {
        mode: Some("COMPLIANCE".into()),
        event_hold: Some("ON".into()),
        event_hold_duration: Some(EventHoldDuration { days: Some(30), years: None }),
        ..Default::default()
    };
    retain(&cloud, held.clone(), false).await.unwrap();
    assert_eq!((retained(&cloud).await.unwrap().event_hold.as_deref(), retained(&cloud).await.unwrap().retain_until_date), (Some("ON"), None));
    pass(&cloud, 1000 * DAY);
    assert_eq!(message(delete(&cloud, &version, true).await), PROTECTED);
    let shorter = ObjectLockRetention { event_hold_duration: Some(EventHoldDuration { days: Some(1), years: None }), ..held };
    assert_eq!(message(retain(&cloud, shorter, true).await), PROTECTED);
    retain(&cloud, ObjectLockRetention { event_hold: Some("OFF".into()), ..Default::default() }, false).await.unwrap();
    let released = retained(&cloud).await.unwrap();
    assert_eq!(released.retain_until_date, Some(START.plus_secs(1030 * DAY)));
    assert_eq!((released.event_hold.as_deref(), released.event_hold_duration.unwrap().days), (Some("OFF"), Some(30)));
    assert_eq!(message(delete(&cloud, &version, true).await), PROTECTED);
    pass(&cloud, 30 * DAY + 1);
    delete(&cloud, &version, false).await.unwrap();
}

#[tokio::test]
async fn what_needs_object_lock_is_refused_without_it() {
    let cloud = TestCloud::with_bucket().await;
    let version = cloud.put("a", "1").await.version_id;
    assert_eq!(version, None);
    let missing = "Bucket is missing Object Lock Configuration";
    assert_eq!(message(retain(&cloud, retention("GOVERNANCE", START.plus_secs(DAY)), false).await), missing);
    assert_eq!(message(retained(&cloud).await), missing);
    assert_eq!(message(hold(&cloud, "ON").await), missing);
    let bypass = "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.";
    assert_eq!(message(delete(&cloud, "null", true).await), bypass);
}

#[tokio::test]
async fn a_date_that_has_passed_is_refused_in_the_time_of_los_angeles() {
    let cloud = locked().await;
    cloud.put("a", "1").await;
    let past = Timestamp::parse_any("2020-01-01T00:00:00Z").unwrap();
    let outcome = retain(&cloud, retention("GOVERNANCE", past), false).await;
    assert_eq!(refused_with(outcome, "ArgumentValue"), ("InvalidArgument".into(), "Tue Dec 31 16:00:00 PST 2019".into()));
}

#[tokio::test]
async fn locks_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = TestCloud::in_folder(folder.path());
    cloud
        .call::<CreateBucket>(CreateBucketRequest { bucket: BUCKET.into(), object_lock_enabled_for_bucket: Some(true), ..Default::default() })
        .await
        .unwrap();
    let version = cloud.put("a", "1").await.version_id.unwrap();
    retain(&cloud, retention("COMPLIANCE", START.plus_secs(10 * DAY)), false).await.unwrap();
    hold(&cloud, "ON").await.unwrap();
    let cloud = cloud.reopen();
    assert_eq!(message(delete(&cloud, &version, true).await), PROTECTED);
    hold(&cloud, "OFF").await.unwrap();
    assert_eq!(message(delete(&cloud, &version, true).await), PROTECTED);
    assert_eq!(retained(&cloud).await.unwrap().retain_until_date, Some(START.plus_secs(10 * DAY)));
}
