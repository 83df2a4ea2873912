//! Versions: how they come to be, are read, listed and deleted.

use super::fixture::*;
use crate::api::*;
use cloudlet_aws::{Account, Arn};
use cloudlet_identity::{
    Secret,
    mfa::{MfaDevice, MfaOwner},
};

async fn set(cloud: &TestCloud, status: &str) {
    let versioning_configuration = VersioningConfiguration { status: Some(status.into()), ..Default::default() };
    let request = PutBucketVersioningRequest { bucket: BUCKET.into(), versioning_configuration, ..Default::default() };
    cloud.call::<PutBucketVersioning>(request).await.unwrap();
}

async fn versioned() -> TestCloud {
    let cloud = TestCloud::with_bucket().await;
    set(&cloud, "Enabled").await;
    cloud
}

fn get_version(key: &str, version: &str) -> GetObjectRequest {
    GetObjectRequest { version_id: Some(version.into()), ..get(key) }
}

fn delete(key: &str, version: Option<&str>) -> DeleteObjectRequest {
    DeleteObjectRequest { bucket: BUCKET.into(), key: key.into(), version_id: version.map(Into::into), ..Default::default() }
}

async fn list(cloud: &TestCloud, request: ListObjectVersionsRequest) -> ListObjectVersionsOutput {
    cloud.call::<ListObjectVersions>(ListObjectVersionsRequest { bucket: BUCKET.into(), ..request }).await.unwrap()
}

/// `key:version[*]` of each version, and `-` in front of delete markers.
fn names(listed: &ListObjectVersionsOutput) -> Vec<String> {
    let latest = |is_latest: Option<bool>| if is_latest == Some(true) { "*" } else { "" };
    let versions = listed.versions.iter().flatten();
    let versions = versions.map(|version| format!("{}:{}", version.key.clone().unwrap(), version.size.unwrap()) + latest(version.is_latest));
    let markers = listed.delete_markers.iter().flatten();
    versions.chain(markers.map(|marker| format!("-{}", marker.key.clone().unwrap()) + latest(marker.is_latest))).collect()
}

#[tokio::test]
async fn the_status_of_versioning_is_none_until_it_is_set() {
    let cloud = TestCloud::with_bucket().await;
    let status = async || {
        let request = GetBucketVersioningRequest { bucket: BUCKET.into(), ..Default::default() };
        cloud.call::<GetBucketVersioning>(request).await.unwrap().status
    };
    assert_eq!(status().await, None);
    set(&cloud, "Enabled").await;
    assert_eq!(status().await.as_deref(), Some("Enabled"));
    set(&cloud, "Suspended").await;
    assert_eq!(status().await.as_deref(), Some("Suspended"));
    let put = |status: Option<&str>| {
        let versioning_configuration = VersioningConfiguration { status: status.map(Into::into), ..Default::default() };
        cloud.call::<PutBucketVersioning>(PutBucketVersioningRequest { bucket: BUCKET.into(), versioning_configuration, ..Default::default() })
    };
    assert_eq!(code(put(None).await), "IllegalVersioningConfigurationException");
    assert_eq!(code(put(Some("enabled")).await), "MalformedXML");
}

#[tokio::test]
async fn every_write_to_a_versioned_bucket_is_a_version_that_can_be_read() {
    let cloud = versioned().await;
    let first = cloud.put("a", "1").await.version_id.unwrap();
    let second = cloud.put("a", "22").await.version_id.unwrap();
    let read = async |version: &str| {
        let got = cloud.call::<GetObject>(get_version("a", version)).await.unwrap();
        (got.version_id.clone().unwrap(), text(got.body).await)
    };
    assert_eq!(read(&first).await, (first.clone(), "1".into()));
    assert_eq!(read(&second).await, (second.clone(), "22".into()));
    assert_eq!(cloud.head("a").await.version_id, Some(second.clone()));
    assert_eq!(cloud.keys().await, ["a"]);
    let other = "A".repeat(32);
    assert_eq!(code(cloud.call::<GetObject>(get_version("a", &other)).await), "NoSuchVersion");
    assert_eq!(refusal(cloud.call::<GetObject>(get_version("a", "x")).await), ("InvalidArgument".into(), 400, "Invalid version id specified".into()));
    assert_eq!(code(cloud.call::<GetObject>(get_version("b", &first)).await), "NoSuchVersion");
}

#[tokio::test]
async fn a_delete_marker_hides_an_object_until_it_is_deleted() {
    let cloud = versioned().await;
    let version = cloud.put("a", "1").await.version_id.unwrap();
    let deleted = cloud.call::<DeleteObject>(delete("a", None)).await.unwrap();
    let marker = deleted.version_id.unwrap();
    assert_eq!(deleted.delete_marker, Some(true));
    let missing = cloud.get("a").await.unwrap_err();
    assert_eq!((missing.code(), missing.status()), ("NoSuchKey", 404));
    let headers: Vec<_> = missing.headers().iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    assert!(headers.contains(&("x-amz-delete-marker".into(), "true".into())) && headers.contains(&("x-amz-version-id".into(), marker.clone())));
    let by_id = cloud.call::<GetObject>(get_version("a", &marker)).await;
    assert_eq!(refused_with(by_id, "ResourceType"), ("MethodNotAllowed".into(), "DeleteMarker".into()));
    assert_eq!(text(cloud.call::<GetObject>(get_version("a", &version)).await.unwrap().body).await, "1");
    assert_eq!(names(&list(&cloud, Default::default()).await), ["a:1", "-a*"]);
    let undone = cloud.call::<DeleteObject>(delete("a", Some(&marker))).await.unwrap();
    assert_eq!((undone.delete_marker, undone.version_id), (Some(true), Some(marker)));
    assert_eq!(cloud.text("a").await, "1");
    let gone = cloud.call::<DeleteObject>(delete("a", Some(&version))).await.unwrap();
    assert_eq!((gone.delete_marker, gone.version_id), (None, Some(version)));
    assert!(names(&list(&cloud, Default::default()).await).is_empty());
}

#[tokio::test]
async fn a_suspended_bucket_has_one_null_version_of_a_key() {
    let cloud = TestCloud::with_bucket().await;
    let large = "x".repeat(100_000);
    cloud.put("a", &large).await;
    set(&cloud, "Enabled").await;
    assert_eq!(cloud.head("a").await.version_id.as_deref(), Some("null"));
    let version = cloud.put("a", "22").await.version_id.unwrap();
    set(&cloud, "Suspended").await;
    assert_eq!(cloud.put("a", &large[1..]).await.version_id, None);
    assert_eq!(cloud.head("a").await.version_id.as_deref(), Some("null"));
    assert_eq!(names(&list(&cloud, Default::default()).await), ["a:99999*", "a:2"]);
    assert_eq!(cloud.bodies(), 1);
    cloud.put("a", "333").await;
    assert_eq!((names(&list(&cloud, Default::default()).await), cloud.bodies()), (vec!["a:3*".to_owned(), "a:2".into()], 0));
    let marker = cloud.call::<DeleteObject>(delete("a", None)).await.unwrap();
    assert_eq!((marker.delete_marker, marker.version_id.as_deref()), (Some(true), Some("null")));
    assert_eq!(names(&list(&cloud, Default::default()).await), ["a:2", "-a*"]);
    assert_eq!(code(cloud.call::<GetObject>(get_version("a", "null")).await), "MethodNotAllowed");
    set(&cloud, "Enabled").await;
    cloud.put("a", "4444").await;
    assert_eq!(names(&list(&cloud, Default::default()).await), ["a:4*", "a:2", "-a"]);
    cloud.call::<DeleteObject>(delete("a", Some("null"))).await.unwrap();
    cloud.call::<DeleteObject>(delete("a", Some(&version))).await.unwrap();
    assert_eq!(names(&list(&cloud, Default::default()).await), ["a:4*"]);
}

#[tokio::test]
async fn a_listing_of_versions_goes_on_after_its_markers() {
    let cloud = versioned().await;
    for (key, body) in [("a", "1"), ("a", "22"), ("a", "333"), ("b/1", "1"), ("b/2", "1"), ("c", "1")] {
        cloud.put(key, body).await;
    }
    cloud.delete("c").await;
    let mut request = ListObjectVersionsRequest { max_keys: Some(2), delimiter: Some("/".into()), ..Default::default() };
    let mut pages = vec![];
    loop {
        let page = list(&cloud, request.clone()).await;
        let prefixes = page.common_prefixes.iter().flatten().filter_map(|prefix| prefix.prefix.clone());
        pages.push(names(&page).into_iter().chain(prefixes).collect::<Vec<_>>().join(" "));
        assert_eq!(page.is_truncated, Some(page.next_key_marker.is_some()));
        if page.next_key_marker.is_none() {
            break;
        }
        request.key_marker = page.next_key_marker;
        request.version_id_marker = page.next_version_id_marker;
    }
    assert_eq!(pages, ["a:3* a:2", "a:1 b/", "c:1 -c*"]);
    let after = ListObjectVersionsRequest { key_marker: Some("a".into()), ..Default::default() };
    assert_eq!(names(&list(&cloud, after).await), ["b/1:1*", "b/2:1*", "c:1", "-c*"]);
}

#[tokio::test]
async fn a_versioned_bucket_is_deleted_once_it_has_no_versions() {
    let cloud = versioned().await;
    cloud.delete("a").await;
    let refused = refusal(cloud.call::<DeleteBucket>(DeleteBucketRequest { bucket: BUCKET.into(), ..Default::default() }).await);
    let message = "The bucket you tried to delete is not empty. You must delete all versions in the bucket.";
    assert_eq!(refused, ("BucketNotEmpty".into(), 409, message.into()));
}

#[tokio::test]
async fn a_version_is_not_deleted_under_a_condition() {
    let cloud = versioned().await;
    let put = cloud.put("a", "1").await;
    let request = DeleteObjectRequest { if_match: put.etag, ..delete("a", put.version_id.as_deref()) };
    assert_eq!(refusal(cloud.call::<DeleteObject>(request).await).1, 501);
    assert_eq!(cloud.text("a").await, "1");
}

#[tokio::test]
async fn versions_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = TestCloud::in_folder(folder.path());
    cloud.create(BUCKET).await;
    cloud.put("a", "1").await;
    set(&cloud, "Enabled").await;
    let version = cloud.put("a", "22").await.version_id.unwrap();
    cloud.delete("a").await;
    set(&cloud, "Suspended").await;
    cloud.put("b", "1").await;
    let before = names(&list(&cloud, Default::default()).await);
    let cloud = cloud.reopen();
    assert_eq!(names(&list(&cloud, Default::default()).await), before);
    assert_eq!(text(cloud.call::<GetObject>(get_version("a", &version)).await.unwrap().body).await, "22");
    cloud.put("b", "22").await;
    assert_eq!(names(&list(&cloud, Default::default()).await), ["a:2", "a:1", "b:2*", "-a*"]);
}

#[tokio::test]
async fn an_id_of_another_key_deletes_nothing_and_one_that_is_gone_is_no_error() {
    let cloud = versioned().await;
    let version = cloud.put("a", "1").await.version_id.unwrap();
    cloud.put("b", "1").await;
    assert_eq!(code(cloud.call::<DeleteObject>(delete("b", Some(&version))).await), "InvalidArgument");
    let many = |key: &str| {
        let objects = vec![ObjectIdentifier { key: key.into(), version_id: Some(version.clone()), ..Default::default() }];
        cloud.call::<DeleteObjects>(DeleteObjectsRequest { bucket: BUCKET.into(), delete: Delete { objects, quiet: None }, ..Default::default() })
    };
    assert_eq!(many("b").await.unwrap().errors.unwrap()[0].code.as_deref(), Some("NoSuchVersion"));
    for _ in 0..2 {
        assert!(many("a").await.unwrap().errors.is_none());
        cloud.call::<DeleteObject>(delete("a", Some(&version))).await.unwrap();
    }
}

#[tokio::test]
async fn the_tags_of_a_delete_marker_are_not_allowed() {
    let cloud = versioned().await;
    cloud.put("a", "1").await;
    cloud.delete("a").await;
    let read = cloud.call::<GetObjectTagging>(GetObjectTaggingRequest { bucket: BUCKET.into(), key: "a".into(), ..Default::default() }).await;
    assert_eq!(refused_with(read, "ResourceType"), ("MethodNotAllowed".into(), "DeleteMarker".into()));
}

#[tokio::test]
async fn a_key_with_many_versions_is_listed_and_read_at_once() {
    let cloud = versioned().await;
    for _ in 0..3000 {
        cloud.put("a", "1").await;
    }
    cloud.put("b", "1").await;
    assert_eq!(cloud.keys().await, ["a", "b"]);
    let mut request = ListObjectVersionsRequest::default();
    let mut count = 0;
    loop {
        let page = list(&cloud, request.clone()).await;
        count += page.versions.iter().flatten().count();
        if page.is_truncated != Some(true) {
            break;
        }
        request.key_marker = page.next_key_marker;
        request.version_id_marker = page.next_version_id_marker;
    }
    assert_eq!(count, 3001);
}

/// A virtual device of the bucket owner's root.
struct RootDevice(MfaDevice);

const SERIAL: &str = "arn:aws:iam::000000000000:mfa/root-device";

fn root_device(cloud: &TestCloud) -> RootDevice {
    let device = MfaDevice {
        account: Account::default(),
        name: "root-device".into(),
        path: "/".into(),
        seed: Secret::new("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
        created: START,
        tags: Default::default(),
        owner: Some(MfaOwner { user: None, enabled: START }),
        drift: 0,
        last_step: i64::MIN,
    };
    let serial = Arn::parse(SERIAL).unwrap();
    cloud
        .engine
        .identity
        .write(|state| -> Result<(), ()> {
            state.mfa_devices.insert(serial, device.clone());
            Ok(())
        })
        .unwrap();
    RootDevice(device)
}

impl RootDevice {
    /// The header with the code of now.
    fn code(&self, cloud: &TestCloud) -> String {
        format!("{SERIAL} {}", self.0.code(cloud.now().secs().div_euclid(30)).unwrap())
    }
}

#[tokio::test]
async fn mfa_delete_needs_the_code_of_the_owners_root() {
    let cloud = versioned().await;
    let version = cloud.put("a", "1").await.version_id.unwrap();
    let enable = |mfa: Option<String>| {
        let versioning_configuration = VersioningConfiguration { status: Some("Enabled".into()), mfa_delete: Some("Enabled".into()) };
        cloud.call::<PutBucketVersioning>(PutBucketVersioningRequest { bucket: BUCKET.into(), mfa, versioning_configuration, ..Default::default() })
    };
    let required = "Mfa Authentication must be used for this request";
    assert_eq!(refusal(enable(None).await).2, required);
    assert_eq!(refusal(enable(Some("nothing".into())).await).2, required);
    let device = root_device(&cloud);
    enable(Some(device.code(&cloud))).await.unwrap();
    let read = GetBucketVersioningRequest { bucket: BUCKET.into(), ..Default::default() };
    assert_eq!(cloud.call::<GetBucketVersioning>(read).await.unwrap().mfa_delete.as_deref(), Some("Enabled"));
    assert_eq!(refusal(cloud.call::<DeleteObject>(delete("a", Some(&version))).await).2, required);
    // A marker needs none, and a code works once.
    cloud.delete("a").await;
    let with_code = |mfa: String| cloud.call::<DeleteObject>(DeleteObjectRequest { mfa: Some(mfa), ..delete("a", Some(&version)) });
    assert_eq!(refusal(with_code(device.code(&cloud)).await).2, required);
    cloud.advance(60);
    with_code(device.code(&cloud)).await.unwrap();
    let suspend = VersioningConfiguration { status: Some("Suspended".into()), ..Default::default() };
    let request = PutBucketVersioningRequest { bucket: BUCKET.into(), versioning_configuration: suspend, ..Default::default() };
    assert_eq!(refusal(cloud.call::<PutBucketVersioning>(request).await).2, required);
}
