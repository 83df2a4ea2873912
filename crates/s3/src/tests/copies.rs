use super::fixture::*;
use crate::api::*;
use cloudlet_shape::Map;

const ILLEGAL: &str = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.";

async fn cloud_with_source() -> TestCloud {
    let cloud = TestCloud::with_bucket().await;
    let request = PutObjectRequest {
        content_type: Some("text/plain".into()),
        metadata: Some(Map::from([("a".into(), "b".into())])),
        tagging: Some("t=1".into()),
        storage_class: Some("STANDARD_IA".into()),
        website_redirect_location: Some("/elsewhere".into()),
        ..put("from", "content")
    };
    cloud.call::<PutObject>(request).await.unwrap();
    cloud
}

#[tokio::test]
async fn a_copy_has_the_metadata_and_tags_but_not_the_storage_class_and_redirect() {
    let cloud = cloud_with_source().await;
    cloud.advance(10);
    let copied = cloud.call::<CopyObject>(copy("from", "to")).await.unwrap();
    let result = copied.copy_object_result.unwrap();
    assert_eq!((copied.server_side_encryption.as_deref(), result.last_modified), (Some("AES256"), Some(START.plus_secs(10).whole_secs())));
    assert_eq!(result.etag, cloud.head("from").await.etag);
    let head = cloud.head("to").await;
    assert_eq!((head.content_type.as_deref(), head.tag_count), (Some("text/plain"), Some(1)));
    assert_eq!(head.metadata, Some(Map::from([("a".into(), "b".into())])));
    assert_eq!((head.storage_class, head.website_redirect_location), (None, None));
    cloud.delete("from").await;
    assert_eq!(cloud.text("to").await, "content");
}

#[tokio::test]
async fn directives_replace_metadata_and_tags() {
    let cloud = cloud_with_source().await;
    let request = CopyObjectRequest {
        metadata_directive: Some("REPLACE".into()),
        tagging_directive: Some("REPLACE".into()),
        tagging: Some("x=1&y=2".into()),
        metadata: Some(Map::from([("c".into(), "d".into())])),
        ..copy("from", "to")
    };
    cloud.call::<CopyObject>(request).await.unwrap();
    let head = cloud.head("to").await;
    assert_eq!((head.content_type.as_deref(), head.tag_count), (Some("binary/octet-stream"), Some(2)));
    assert_eq!(head.metadata, Some(Map::from([("c".into(), "d".into())])));
    let bad = CopyObjectRequest { metadata_directive: Some("KEEP".into()), ..copy("from", "to") };
    assert_eq!(refusal(cloud.call::<CopyObject>(bad).await).2, "Unknown metadata directive.");
}

#[tokio::test]
async fn a_copy_onto_itself_must_change_something() {
    let cloud = cloud_with_source().await;
    assert_eq!(refusal(cloud.call::<CopyObject>(copy("from", "from")).await), ("InvalidRequest".into(), 400, ILLEGAL.into()));
    let same = CopyObjectRequest { metadata_directive: Some("COPY".into()), ..copy("from", "from") };
    assert_eq!(refusal(cloud.call::<CopyObject>(same).await).2, ILLEGAL);
    let class = CopyObjectRequest { storage_class: Some("STANDARD".into()), ..copy("from", "from") };
    cloud.call::<CopyObject>(class).await.unwrap();
    let replaced = CopyObjectRequest { metadata_directive: Some("REPLACE".into()), ..copy("from", "from") };
    cloud.call::<CopyObject>(replaced).await.unwrap();
    assert_eq!((cloud.head("from").await.metadata, cloud.text("from").await), (None, "content".into()));
}

#[tokio::test]
async fn a_copy_may_have_another_checksum_algorithm() {
    let cloud = cloud_with_source().await;
    let request = CopyObjectRequest { checksum_algorithm: Some("SHA256".into()), ..copy("from", "to") };
    let result = cloud.call::<CopyObject>(request).await.unwrap().copy_object_result.unwrap();
    let expected = cloudlet_digest::digest(cloudlet_digest::Algorithm::Sha256, b"content").base64();
    assert_eq!(result.checksum_sha256, Some(expected));
    let head = cloud.call::<HeadObject>(HeadObjectRequest { checksum_mode: Some("ENABLED".into()), ..head("to") }).await.unwrap();
    assert_eq!((head.checksum_sha256, head.checksum_crc64nvme), (result.checksum_sha256, None));
}

#[tokio::test]
async fn a_copy_may_have_conditions_on_its_source() {
    let cloud = cloud_with_source().await;
    let etag = cloud.head("from").await.etag.unwrap();
    let bad = CopyObjectRequest { copy_source_if_none_match: Some(etag.clone()), ..copy("from", "to") };
    assert_eq!(
        refused_with(cloud.call::<CopyObject>(bad).await, "Condition"),
        ("PreconditionFailed".into(), "x-amz-copy-source-If-None-Match".into())
    );
    let bad = CopyObjectRequest { copy_source_if_modified_since: Some(START), ..copy("from", "to") };
    assert_eq!(refused_with(cloud.call::<CopyObject>(bad).await, "Condition").1, "x-amz-copy-source-If-Modified-Since");
    let good = CopyObjectRequest { copy_source_if_match: Some(etag), ..copy("from", "to") };
    cloud.call::<CopyObject>(good).await.unwrap();
    let absent = CopyObjectRequest { if_none_match: Some("*".into()), ..copy("from", "to") };
    assert_eq!(refused_with(cloud.call::<CopyObject>(absent).await, "Condition").1, "If-None-Match");
}

#[tokio::test]
async fn the_fault_for_a_missing_source_names_it() {
    let cloud = cloud_with_source().await;
    assert_eq!(refused_with(cloud.call::<CopyObject>(copy("nope", "to")).await, "Key"), ("NoSuchKey".into(), "nope".into()));
    let elsewhere = CopyObjectRequest { copy_source: "nope/key".into(), ..copy("from", "to") };
    assert_eq!(refused_with(cloud.call::<CopyObject>(elsewhere).await, "BucketName"), ("NoSuchBucket".into(), "nope".into()));
}

#[tokio::test]
async fn a_large_copy_has_its_own_body() {
    let cloud = TestCloud::with_bucket().await;
    let large = "x".repeat(100_000);
    cloud.put("from", &large).await;
    cloud.call::<CopyObject>(copy("from", "to")).await.unwrap();
    assert_eq!(cloud.bodies(), 2);
    cloud.delete("from").await;
    assert_eq!((cloud.bodies(), cloud.text("to").await), (1, large));
}
