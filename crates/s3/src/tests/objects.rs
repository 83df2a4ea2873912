use super::fixture::*;
use crate::api::*;
use cloudlet_aws::{FaultKind, Timestamp, TimestampFormat};
use cloudlet_shape::{Body, BodyError, Map};

#[tokio::test]
async fn an_object_is_answered_as_it_was_put() {
    let cloud = TestCloud::with_bucket().await;
    let put = cloud.put("a/b", "hello").await;
    assert_eq!(put.etag.as_deref(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    assert_eq!((put.server_side_encryption.as_deref(), put.checksum_type.as_deref()), (Some("AES256"), Some("FULL_OBJECT")));
    let got = cloud.get("a/b").await.unwrap();
    assert_eq!((got.content_length, got.content_type.as_deref()), (Some(5), Some("binary/octet-stream")));
    assert_eq!((got.accept_ranges.as_deref(), got.last_modified), (Some("bytes"), Some(START.whole_secs())));
    assert_eq!((got.etag, got.storage_class, got.metadata, got.checksum_type), (put.etag, None, None, None));
    assert_eq!(text(got.body).await, "hello");
}

#[tokio::test]
async fn system_and_user_metadata_are_answered() {
    let cloud = TestCloud::with_bucket().await;
    let request = PutObjectRequest {
        cache_control: Some("no-cache".into()),
        content_disposition: Some("attachment".into()),
        content_encoding: Some("aws-chunked,gzip".into()),
        content_language: Some("de".into()),
        content_type: Some("text/plain".into()),
        expires: Some("not a date".into()),
        metadata: Some(Map::from([("Colour".into(), "=?UTF-8?Q?gr=C3=BCn?=".into())])),
        storage_class: Some("STANDARD_IA".into()),
        website_redirect_location: Some("/elsewhere".into()),
        ..put("a", "x")
    };
    cloud.call::<PutObject>(request).await.unwrap();
    let head = cloud.head("a").await;
    assert_eq!(head.cache_control.as_deref(), Some("no-cache"));
    assert_eq!(head.content_disposition.as_deref(), Some("attachment"));
    assert_eq!(head.content_encoding.as_deref(), Some("gzip"));
    assert_eq!(head.content_language.as_deref(), Some("de"));
    assert_eq!(head.content_type.as_deref(), Some("text/plain"));
    assert_eq!(head.expires.as_deref(), Some("not a date"));
    assert_eq!(head.metadata, Some(Map::from([("colour".into(), "=?UTF-8?Q?gr=C3=BCn?=".into())])));
    assert_eq!(head.storage_class.as_deref(), Some("STANDARD_IA"));
    assert_eq!(head.website_redirect_location.as_deref(), Some("/elsewhere"));
}

#[tokio::test]
async fn a_read_may_override_response_headers() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    let request = GetObjectRequest {
        response_content_type: Some("text/html".into()),
        response_expires: Some(START),
        response_cache_control: Some("é".into()),
        ..get("a")
    };
    let got = cloud.call::<GetObject>(request).await.unwrap();
    assert_eq!((got.content_type.as_deref(), got.cache_control.as_deref()), (Some("text/html"), Some("é")));
    assert_eq!(got.expires, Some(START.text(TimestampFormat::HttpDate)));
    let bad = cloud.call::<GetObject>(GetObjectRequest { response_cache_control: Some("—".into()), ..get("a") }).await;
    assert_eq!(refusal(bad).2, "Header value cannot be represented using ISO-8859-1.");
}

#[tokio::test]
async fn a_range_is_answered_with_206_and_content_range() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "0123456789").await;
    let read = async |range: &str| {
        let answered = cloud.answered::<GetObject>(GetObjectRequest { range: Some(range.into()), ..get("a") }).await.unwrap();
        (answered.status, answered.output.content_range, answered.output.content_length, text(answered.output.body).await)
    };
    assert_eq!(read("bytes=2-4").await, (Some(206), Some("bytes 2-4/10".into()), Some(3), "234".into()));
    assert_eq!(read("bytes=-3").await, (Some(206), Some("bytes 7-9/10".into()), Some(3), "789".into()));
    assert_eq!(read("bytes=0-1,3-4").await, (None, None, Some(10), "0123456789".into()));
    let bad = cloud.call::<GetObject>(GetObjectRequest { range: Some("bytes=10-".into()), ..get("a") }).await;
    assert_eq!(refused_with(bad, "ActualObjectSize"), ("InvalidRange".into(), "10".into()));
    let both = GetObjectRequest { range: Some("bytes=0-1".into()), part_number: Some(1), ..get("a") };
    assert_eq!(refusal(cloud.call::<GetObject>(both).await).2, "Cannot specify both Range header and partNumber query parameter");
}

#[tokio::test]
async fn an_object_of_one_put_is_its_own_part_1() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "12345678").await;
    let part = |number| cloud.answered::<GetObject>(GetObjectRequest { part_number: Some(number), ..get("a") });
    let first = part(1).await.unwrap();
    assert_eq!((first.status, first.output.content_range.as_deref(), first.output.parts_count), (Some(206), Some("bytes 0-7/8"), None));
    assert_eq!(refused_with(part(2).await, "ActualPartCount"), ("InvalidPartNumber".into(), "1".into()));
}

#[tokio::test]
async fn large_bodies_are_streamed() {
    let cloud = TestCloud::with_bucket().await;
    let piece: &'static [u8] = Box::leak(vec![7u8; 100_000].into_boxed_slice());
    let body = flowing(vec![Ok(piece); 30], Some(3_000_000));
    cloud.call::<PutObject>(PutObjectRequest { body: Some(body), ..put("a", "") }).await.unwrap();
    assert_eq!(cloud.bodies(), 1);
    assert_eq!(bytes(cloud.get("a").await.unwrap().body).await, vec![7u8; 3_000_000]);
    let middle = GetObjectRequest { range: Some("bytes=1000000-1000009".into()), ..get("a") };
    assert_eq!(bytes(cloud.call::<GetObject>(middle).await.unwrap().body).await, [7u8; 10]);
}

#[tokio::test]
async fn a_broken_or_refused_body_is_not_stored() {
    let cloud = TestCloud::with_bucket().await;
    let kind = FaultKind::sender("XAmzContentSHA256Mismatch", 400);
    for (end, expected) in [(BodyError::Refused(kind.says("")), "XAmzContentSHA256Mismatch"), (BodyError::Broken("gone".into()), "IncompleteBody")] {
        let body = flowing(vec![Ok(b"some"), Err(end)], None);
        assert_eq!(code(cloud.call::<PutObject>(PutObjectRequest { body: Some(body), ..put("a", "") }).await), expected);
    }
    let short = flowing(vec![Ok(b"some")], Some(5));
    assert_eq!(code(cloud.call::<PutObject>(PutObjectRequest { body: Some(short), ..put("a", "") }).await), "IncompleteBody");
    assert_eq!((cloud.keys().await.len(), cloud.bodies()), (0, 0));
}

#[tokio::test]
async fn a_body_of_more_than_5_gb_is_refused_before_it_is_read() {
    let cloud = TestCloud::with_bucket().await;
    let body = flowing(vec![Err(BodyError::Broken("never read".into()))], Some(5 * 1024 * 1024 * 1024 + 1));
    let bad = cloud.call::<PutObject>(PutObjectRequest { body: Some(body), ..put("a", "") }).await;
    assert_eq!(refused_with(bad, "MaxSizeAllowed"), ("EntityTooLarge".into(), "5368709120".into()));
}

#[tokio::test]
async fn an_overwritten_body_is_deleted_and_its_readers_go_on() {
    let cloud = TestCloud::with_bucket().await;
    let large = "x".repeat(100_000);
    cloud.put("a", &large).await;
    let reading = cloud.get("a").await.unwrap().body;
    cloud.put("a", "small").await;
    assert_eq!(cloud.bodies(), 0);
    assert_eq!(text(reading).await, large);
    assert_eq!(cloud.text("a").await, "small");
}

#[tokio::test]
async fn the_fault_for_a_missing_key_or_bucket_names_it() {
    let cloud = TestCloud::with_bucket().await;
    assert_eq!(refused_with(cloud.get("nope").await, "Key"), ("NoSuchKey".into(), "nope".into()));
    let elsewhere = GetObjectRequest { bucket: "nope".into(), ..get("a") };
    assert_eq!(refused_with(cloud.call::<GetObject>(elsewhere).await, "BucketName"), ("NoSuchBucket".into(), "nope".into()));
    let version = GetObjectRequest { version_id: Some("HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD".into()), ..get("a") };
    assert_eq!(refusal(cloud.call::<GetObject>(version).await).2, "Invalid version id specified");
}

#[tokio::test]
async fn an_archived_object_cannot_be_read_before_it_is_restored() {
    let cloud = TestCloud::with_bucket().await;
    cloud.call::<PutObject>(PutObjectRequest { storage_class: Some("GLACIER".into()), ..put("a", "x") }).await.unwrap();
    assert_eq!(refused_with(cloud.get("a").await, "StorageClass"), ("InvalidObjectState".into(), "GLACIER".into()));
    assert_eq!(cloud.head("a").await.storage_class.as_deref(), Some("GLACIER"));
    let bad = cloud.call::<PutObject>(PutObjectRequest { storage_class: Some("FakeClass".into()), ..put("a", "x") }).await;
    assert_eq!(refused_with(bad, "StorageClassRequested"), ("InvalidStorageClass".into(), "FakeClass".into()));
}

#[tokio::test]
async fn headers_that_a_new_bucket_does_not_accept_are_refused() {
    let cloud = TestCloud::with_bucket().await;
    let refused = async |change: fn(&mut PutObjectRequest)| {
        let mut request = put("a", "x");
        change(&mut request);
        code(cloud.call::<PutObject>(request).await)
    };
    assert_eq!(refused(|request| request.acl = Some("public-read".into())).await, "AccessControlListNotSupported");
    assert_eq!(refused(|request| request.grant_read = Some(format!("id={}", "1".repeat(64)))).await, "AccessControlListNotSupported");
    assert_eq!(refused(|request| request.grant_read = Some("me".into())).await, "InvalidArgument");
    assert_eq!(refused(|request| request.object_lock_mode = Some("GOVERNANCE".into())).await, "InvalidArgument");
    assert_eq!(refused(|request| request.object_lock_legal_hold_status = Some("MAYBE".into())).await, "InvalidArgument");
    assert_eq!(refused(|request| request.object_lock_legal_hold_status = Some("ON".into())).await, "InvalidRequest");
    let lock = |mode: &str, until: Timestamp| {
        let (object_lock_mode, object_lock_retain_until_date) = (Some(mode.into()), Some(until));
        cloud.call::<PutObject>(PutObjectRequest { object_lock_mode, object_lock_retain_until_date, ..put("a", "x") })
    };
    assert_eq!(refusal(lock("GOVERNANCE", START.plus_secs(9)).await).2, "Bucket is missing Object Lock Configuration");
    assert_eq!(refusal(lock("FOREVER", START.plus_secs(9)).await).2, "Unknown wormMode directive.");
    assert_eq!(refusal(lock("COMPLIANCE", START).await).2, "The retain until date must be in the future!");
    assert_eq!(refused(|request| request.sse_kms_encryption_context = Some("e30=".into())).await, "InvalidArgument");
    assert_eq!(refused(|request| request.server_side_encryption = Some("aws:kms".into())).await, "NotImplemented");
    let (key, md5) = ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "cLyPS3KoaSFGi/joRB3OUQ==");
    let md5 = Some(md5.to_owned());
    let customer = PutObjectRequest {
        sse_customer_algorithm: Some("AES256".into()),
        sse_customer_key: Some(key.into()),
        sse_customer_key_md5: md5.clone(),
        ..put("a", "x")
    };
    let (code_of_blocked, status, message) = refusal(cloud.call::<PutObject>(customer).await);
    assert_eq!((code_of_blocked.as_str(), status), ("AccessDenied", 403));
    assert!(message.contains("because this bucket has blocked upload requests that specify"), "{message}");
    assert_eq!(refused(|request| request.server_side_encryption = Some("aes:kms".into())).await, "InvalidArgument");
    assert_eq!(refused(|request| request.sse_customer_algorithm = Some("AES128".into())).await, "InvalidEncryptionAlgorithmError");
    assert_eq!(refused(|request| request.sse_customer_key = Some("k".into())).await, "InvalidArgument");
    assert_eq!(refused(|request| request.website_redirect_location = Some("elsewhere".into())).await, "InvalidRedirectLocation");
    assert_eq!(refused(|request| request.key = "k".repeat(1025)).await, "KeyTooLongError");
    assert_eq!(refused(|request| request.write_offset_bytes = Some(0)).await, "NotImplemented");
    assert_eq!(refused(|request| request.metadata = Some(Map::from([("a".into(), "x".repeat(2048))]))).await, "MetadataTooLarge");
    cloud.call::<PutObject>(PutObjectRequest { acl: Some("bucket-owner-full-control".into()), ..put("a", "x") }).await.unwrap();
    let read =
        GetObjectRequest { sse_customer_algorithm: Some("AES256".into()), sse_customer_key: Some(key.into()), sse_customer_key_md5: md5, ..get("a") };
    assert_eq!(refusal(cloud.call::<GetObject>(read).await).2, "The encryption parameters are not applicable to this object.");
    let mode = GetObjectRequest { checksum_mode: Some("ON".into()), ..get("a") };
    assert_eq!(refusal(cloud.call::<GetObject>(mode).await).2, "Value for x-amz-checksum-mode header is invalid.");
    let version = GetObjectRequest { version_id: Some("null".into()), ..get("missing") };
    assert_eq!(refused_with(cloud.call::<GetObject>(version).await, "VersionId"), ("NoSuchVersion".into(), "null".into()));
}

#[tokio::test]
async fn an_empty_object_has_no_satisfiable_range() {
    let cloud = TestCloud::with_bucket().await;
    cloud.call::<PutObject>(PutObjectRequest { body: Some(Body::empty()), ..put("a", "") }).await.unwrap();
    assert_eq!((cloud.head("a").await.content_length, cloud.text("a").await), (Some(0), String::new()));
    assert_eq!(code(cloud.call::<GetObject>(GetObjectRequest { range: Some("bytes=0-".into()), ..get("a") }).await), "InvalidRange");
}
