//! Annotations of objects.

use super::fixture::*;
use crate::api::*;
use cloudlet_shape::Body;

fn annotate(name: &str, payload: &[u8]) -> PutObjectAnnotationRequest {
    let annotation_payload = Body::whole(payload.to_vec());
    PutObjectAnnotationRequest { bucket: BUCKET.into(), key: "a".into(), annotation_name: name.into(), annotation_payload, ..Default::default() }
}

async fn read(cloud: &TestCloud, key: &str, name: &str) -> Result<String, String> {
    let get = GetObjectAnnotationRequest { bucket: BUCKET.into(), key: key.into(), annotation_name: name.into(), ..Default::default() };
    match cloud.call::<GetObjectAnnotation>(get).await {
        Ok(output) => Ok(text(output.annotation_payload).await),
        Err(fault) => Err(fault.code().to_owned()),
    }
}

async fn list(cloud: &TestCloud, change: impl FnOnce(&mut ListObjectAnnotationsRequest)) -> (Vec<String>, Option<String>) {
    let mut request = ListObjectAnnotationsRequest { bucket: BUCKET.into(), key: "a".into(), ..Default::default() };
    change(&mut request);
    let output = cloud.call::<ListObjectAnnotations>(request).await.unwrap();
    (output.annotations.unwrap().into_iter().map(|entry| entry.annotation_name).collect(), output.next_continuation_token)
}

#[tokio::test]
async fn annotations_are_put_read_listed_and_deleted() {
    let cloud = TestCloud::with_bucket().await;
    let before = cloud.put("a", "body").await;
    for name in ["review/2", "review/1", "summary"] {
        let put = cloud.call::<PutObjectAnnotation>(annotate(name, name.as_bytes())).await.unwrap();
        assert_eq!((put.annotation_name.as_deref(), put.server_side_encryption.as_deref()), (Some(name), Some("AES256")));
    }
    assert_eq!(read(&cloud, "a", "summary").await.as_deref(), Ok("summary"));
    cloud.call::<PutObjectAnnotation>(annotate("summary", "ä".as_bytes())).await.unwrap();
    assert_eq!(read(&cloud, "a", "summary").await.as_deref(), Ok("ä"));
    assert_eq!(cloud.head("a").await.etag, before.etag, "the object itself is as it was");
    assert_eq!(list(&cloud, |_| {}).await.0, ["review/1", "review/2", "summary"]);
    assert_eq!(list(&cloud, |request| request.annotation_prefix = Some("review/".into())).await.0, ["review/1", "review/2"]);
    let (first, token) = list(&cloud, |request| request.max_annotation_results = Some(2)).await;
    let (rest, end) = list(&cloud, |request| request.continuation_token = token).await;
    assert_eq!((first, rest, end), (vec!["review/1".into(), "review/2".into()], vec!["summary".to_owned()], None));
    let delete = DeleteObjectAnnotationRequest { bucket: BUCKET.into(), key: "a".into(), annotation_name: "summary".into(), ..Default::default() };
    for _ in 0..2 {
        cloud.call::<DeleteObjectAnnotation>(delete.clone()).await.unwrap();
    }
    assert_eq!(read(&cloud, "a", "summary").await, Err("NoSuchAnnotation".into()));
}

#[tokio::test]
async fn annotations_go_with_their_version_and_along_with_a_copy() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "1").await;
    cloud.call::<PutObjectAnnotation>(annotate("n", b"x")).await.unwrap();
    cloud.call::<CopyObject>(copy("a", "b")).await.unwrap();
    let without = CopyObjectRequest { annotation_directive: Some("EXCLUDE".into()), ..copy("a", "c") };
    cloud.call::<CopyObject>(without).await.unwrap();
    assert_eq!(read(&cloud, "b", "n").await.as_deref(), Ok("x"));
    assert_eq!(read(&cloud, "c", "n").await, Err("NoSuchAnnotation".into()));
    cloud.put("a", "2").await;
    assert_eq!(read(&cloud, "a", "n").await, Err("NoSuchAnnotation".into()));
    cloud.delete("b").await;
    cloud.put("b", "2").await;
    assert_eq!(read(&cloud, "b", "n").await, Err("NoSuchAnnotation".into()));
    assert_eq!(read(&cloud, "missing", "n").await, Err("NoSuchKey".into()));
}

#[tokio::test]
async fn what_is_no_annotation_is_refused() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "1").await;
    let refused = async |request: PutObjectAnnotationRequest| code(cloud.call::<PutObjectAnnotation>(request).await);
    for (name, payload, expected) in [
        ("aws/x", &b"x"[..], "InvalidAnnotationName"),
        ("s3-x", b"x", "InvalidAnnotationName"),
        ("", b"x", "UserAnnotationNameMustBeSpecified"),
        (&"n".repeat(513), b"x", "AnnotationNameTooLong"),
        ("n", b"", "InvalidRequest"),
        ("n", b"\xff", "UnsupportedMediaType"),
        ("n", &vec![b'x'; (1 << 20) + 1], "EntityTooLarge"),
    ] {
        assert_eq!(refused(annotate(name, payload)).await, expected, "{name}");
    }
    let of_another = PutObjectAnnotationRequest { object_if_match: Some("\"0123\"".into()), ..annotate("n", b"x") };
    assert_eq!(refused(of_another).await, "PreconditionFailed");
    let damaged = PutObjectAnnotationRequest { checksum_crc32: Some("AAAAAA==".into()), ..annotate("n", b"x") };
    assert_eq!(refused(damaged).await, "BadDigest");
    assert!(list(&cloud, |_| {}).await.0.is_empty());
    for number in 0..1_000 {
        cloud.call::<PutObjectAnnotation>(annotate(&format!("n{number}"), b"x")).await.unwrap();
    }
    assert_eq!(refused(annotate("more", b"x")).await, "AnnotationLimitExceeded");
    cloud.call::<PutObjectAnnotation>(annotate("n1", &vec![b'x'; 1 << 20])).await.unwrap();
}
