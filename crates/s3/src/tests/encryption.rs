//! Encryption with the client's keys, and the default encryption of buckets. Keys of KMS are tested with KMS, in the server.

use super::fixture::*;
use crate::{api::*, checksums::DEFAULT};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_digest::{Algorithm, digest};

const KEY: [u8; 32] = [7; 32];

struct Headers {
    algorithm: Option<String>,
    key: Option<String>,
    md5: Option<String>,
}

fn headers(key: [u8; 32]) -> Headers {
    let md5 = digest(Algorithm::Md5, &key).base64();
    Headers { algorithm: Some("AES256".into()), key: Some(BASE64_STANDARD.encode(key)), md5: Some(md5) }
}

fn put_sealed(key: &str, body: &str, customer: [u8; 32]) -> PutObjectRequest {
    let Headers { algorithm, key: customer, md5 } = headers(customer);
    PutObjectRequest { sse_customer_algorithm: algorithm, sse_customer_key: customer, sse_customer_key_md5: md5, ..put(key, body) }
}

fn get_sealed(key: &str, customer: [u8; 32]) -> GetObjectRequest {
    let Headers { algorithm, key: customer, md5 } = headers(customer);
    GetObjectRequest { sse_customer_algorithm: algorithm, sse_customer_key: customer, sse_customer_key_md5: md5, ..get(key) }
}

async fn configure(cloud: &TestCloud, rule: ServerSideEncryptionRule) -> Result<(), cloudlet_aws::Fault> {
    let server_side_encryption_configuration = ServerSideEncryptionConfiguration { rules: vec![rule] };
    let request = PutBucketEncryptionRequest { bucket: BUCKET.into(), server_side_encryption_configuration, ..Default::default() };
    cloud.call::<PutBucketEncryption>(request).await.map(drop)
}

fn blocks(types: &[&str]) -> ServerSideEncryptionRule {
    let encryption_type = Some(types.iter().map(|name| (*name).to_owned()).collect());
    ServerSideEncryptionRule { blocked_encryption_types: Some(BlockedEncryptionTypes { encryption_type }), ..Default::default() }
}

fn default(algorithm: &str, key: Option<&str>) -> ServerSideEncryptionRule {
    let by_default = ServerSideEncryptionByDefault { sse_algorithm: algorithm.into(), kms_master_key_id: key.map(Into::into) };
    ServerSideEncryptionRule { apply_server_side_encryption_by_default: Some(by_default), ..Default::default() }
}

/// `algorithm key bucket-key blocked`
async fn configured(cloud: &TestCloud) -> String {
    let request = GetBucketEncryptionRequest { bucket: BUCKET.into(), ..Default::default() };
    let rules = cloud.call::<GetBucketEncryption>(request).await.unwrap().server_side_encryption_configuration.unwrap().rules;
    let [rule] = rules.as_slice() else { panic!("{} rules", rules.len()) };
    let by_default = rule.apply_server_side_encryption_by_default.clone().unwrap();
    let blocked = rule.blocked_encryption_types.clone().and_then(|blocked| blocked.encryption_type).unwrap_or_default();
    let key = by_default.kms_master_key_id.unwrap_or_else(|| "-".into());
    format!("{} {key} {} {}", by_default.sse_algorithm, rule.bucket_key_enabled.unwrap(), blocked.join(","))
}

async fn with_sse_c() -> TestCloud {
    let cloud = TestCloud::with_bucket().await;
    configure(&cloud, blocks(&["NONE"])).await.unwrap();
    cloud
}

#[tokio::test]
async fn a_new_bucket_has_sse_s3_and_blocks_sse_c() {
    let cloud = TestCloud::with_bucket().await;
    assert_eq!(configured(&cloud).await, "AES256 - false SSE-C");
    let blocked = cloud.call::<PutObject>(put_sealed("a", "x", KEY)).await;
    assert_eq!(refusal(blocked).1, 403);
}

#[tokio::test]
async fn the_default_encryption_is_answered_as_it_was_put() {
    let cloud = TestCloud::with_bucket().await;
    configure(&cloud, ServerSideEncryptionRule { bucket_key_enabled: Some(true), ..default("aws:kms", Some("my-key")) }).await.unwrap();
    assert_eq!(configured(&cloud).await, "aws:kms my-key true SSE-C");
    configure(&cloud, blocks(&["NONE"])).await.unwrap();
    assert_eq!(configured(&cloud).await, "aws:kms my-key true NONE");
    configure(&cloud, default("aws:kms:dsse", None)).await.unwrap();
    assert_eq!(configured(&cloud).await, "aws:kms:dsse - false NONE");
    cloud.call::<DeleteBucketEncryption>(DeleteBucketEncryptionRequest { bucket: BUCKET.into(), ..Default::default() }).await.unwrap();
    assert_eq!(configured(&cloud).await, "AES256 - false NONE");
    for malformed in [default("AES128", None), blocks(&[]), blocks(&["NONE", "SSE-C"]), ServerSideEncryptionRule::default()] {
        assert_eq!(code(configure(&cloud, malformed).await), "MalformedXML");
    }
    assert_eq!(code(configure(&cloud, default("AES256", Some("my-key"))).await), "InvalidArgument");
}

#[tokio::test]
async fn an_object_under_sse_c_is_read_with_its_key_alone() {
    let cloud = with_sse_c().await;
    let body = "0123456789".repeat(20_000);
    let output = cloud.call::<PutObject>(put_sealed("a", &body, KEY)).await.unwrap();
    assert_eq!((output.sse_customer_algorithm.as_deref(), output.server_side_encryption), (Some("AES256"), None));
    assert_eq!(output.sse_customer_key_md5, headers(KEY).md5);
    assert_ne!(output.etag.unwrap().trim_matches('"'), digest(Algorithm::Md5, body.as_bytes()).hex());
    assert_eq!(output.checksum_crc64nvme, Some(digest(DEFAULT, body.as_bytes()).base64()));
    let got = cloud.call::<GetObject>(get_sealed("a", KEY)).await.unwrap();
    assert_eq!((got.sse_customer_key_md5.clone(), got.server_side_encryption.clone()), (headers(KEY).md5, None));
    assert_eq!(text(got.body).await, body);
    let range = GetObjectRequest { range: Some("bytes=100003-100019".into()), ..get_sealed("a", KEY) };
    assert_eq!(text(cloud.call::<GetObject>(range).await.unwrap().body).await, body[100_003..100_020]);
    assert_eq!(code(cloud.get("a").await), "InvalidRequest");
    assert_eq!(code(cloud.call::<HeadObject>(head("a")).await), "InvalidRequest");
    assert_eq!(code(cloud.call::<GetObject>(get_sealed("a", [8; 32])).await), "AccessDenied");
    cloud.put("b", "x").await;
    assert_eq!(code(cloud.call::<GetObject>(get_sealed("b", KEY)).await), "InvalidRequest");
}

#[tokio::test]
async fn a_body_under_sse_c_is_not_stored_as_it_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = TestCloud::in_folder(folder.path());
    cloud.create(BUCKET).await;
    configure(&cloud, blocks(&["NONE"])).await.unwrap();
    let body = "plain text ".repeat(10_000);
    cloud.call::<PutObject>(put_sealed("a", &body, KEY)).await.unwrap();
    let state = format!("{:?}", cloud.state());
    assert!(!state.contains(&BASE64_STANDARD.encode(KEY)));
    let cloud = cloud.reopen();
    assert_eq!(text(cloud.call::<GetObject>(get_sealed("a", KEY)).await.unwrap().body).await, body);
    cloud.call::<PutObject>(put_sealed("small", "plain text", KEY)).await.unwrap();
    assert!(!format!("{:?}", cloud.state()).contains(&BASE64_STANDARD.encode("plain text")));
}

#[tokio::test]
async fn an_object_under_sse_c_is_copied_with_its_key() {
    let cloud = with_sse_c().await;
    cloud.call::<PutObject>(put_sealed("a", "hello", KEY)).await.unwrap();
    assert_eq!(code(cloud.call::<CopyObject>(copy("a", "b")).await), "InvalidRequest");
    let Headers { algorithm, key, md5 } = headers(KEY);
    let source = CopyObjectRequest {
        copy_source_sse_customer_algorithm: algorithm,
        copy_source_sse_customer_key: key,
        copy_source_sse_customer_key_md5: md5,
        ..copy("a", "b")
    };
    cloud.call::<CopyObject>(source.clone()).await.unwrap();
    assert_eq!(cloud.text("b").await, "hello");
    let Headers { algorithm, key, md5 } = headers([9; 32]);
    let again = CopyObjectRequest { key: "c".into(), sse_customer_algorithm: algorithm, sse_customer_key: key, sse_customer_key_md5: md5, ..source };
    let output = cloud.call::<CopyObject>(again).await.unwrap();
    assert_eq!(output.sse_customer_key_md5, headers([9; 32]).md5);
    assert_eq!(text(cloud.call::<GetObject>(get_sealed("c", [9; 32])).await.unwrap().body).await, "hello");
}

#[tokio::test]
async fn the_parts_of_an_upload_under_sse_c_have_its_key() {
    let cloud = with_sse_c().await;
    let Headers { algorithm, key, md5 } = headers(KEY);
    let create = CreateMultipartUploadRequest {
        bucket: BUCKET.into(),
        key: "a".into(),
        sse_customer_algorithm: algorithm,
        sse_customer_key: key,
        sse_customer_key_md5: md5,
        ..Default::default()
    };
    let upload_id = cloud.call::<CreateMultipartUpload>(create).await.unwrap().upload_id.unwrap();
    let part = |number: i32, body: String, customer: Option<[u8; 32]>| {
        let Headers { algorithm, key, md5 } = customer.map_or(Headers { algorithm: None, key: None, md5: None }, headers);
        UploadPartRequest {
            bucket: BUCKET.into(),
            key: "a".into(),
            upload_id: upload_id.clone(),
            part_number: number,
            body: put("a", &body).body,
            sse_customer_algorithm: algorithm,
            sse_customer_key: key,
            sse_customer_key_md5: md5,
            ..Default::default()
        }
    };
    assert_eq!(code(cloud.call::<UploadPart>(part(1, "x".into(), None)).await), "InvalidRequest");
    assert_eq!(code(cloud.call::<UploadPart>(part(1, "x".into(), Some([8; 32]))).await), "InvalidRequest");
    let (first, second) = ("a".repeat((5 << 20) + 3), "b".repeat(100));
    let mut parts = vec![];
    for (number, body) in [(1, &first), (2, &second)] {
        let etag = cloud.call::<UploadPart>(part(number, body.clone(), Some(KEY))).await.unwrap().etag;
        parts.push(CompletedPart { part_number: Some(number), etag, ..Default::default() });
    }
    let complete = CompleteMultipartUploadRequest {
        bucket: BUCKET.into(),
        key: "a".into(),
        upload_id: upload_id.clone(),
        multipart_upload: Some(CompletedMultipartUpload { parts: Some(parts) }),
        ..Default::default()
    };
    cloud.call::<CompleteMultipartUpload>(complete).await.unwrap();
    let whole = first.clone() + &second;
    assert_eq!(text(cloud.call::<GetObject>(get_sealed("a", KEY)).await.unwrap().body).await, whole);
    let at = first.len();
    let range = GetObjectRequest { range: Some(format!("bytes={}-{}", at - 5, at + 4)), ..get_sealed("a", KEY) };
    assert_eq!(text(cloud.call::<GetObject>(range).await.unwrap().body).await, "aaaaabbbbb");
    let last = GetObjectRequest { part_number: Some(2), ..get_sealed("a", KEY) };
    assert_eq!(text(cloud.call::<GetObject>(last).await.unwrap().body).await, second);
}
