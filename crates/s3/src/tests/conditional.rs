use super::fixture::*;
use crate::api::*;
use cloudlet_aws::Timestamp;

#[tokio::test]
async fn conditional_reads_are_answered_with_304_and_412() {
    let cloud = TestCloud::with_bucket().await;
    let etag = cloud.put("a", "x").await.etag.unwrap();
    let read = |change: &dyn Fn(&mut GetObjectRequest)| {
        let mut request = get("a");
        change(&mut request);
        cloud.call::<GetObject>(request)
    };
    let same = read(&|request| request.if_none_match = Some(etag.clone())).await.unwrap_err();
    assert_eq!((same.status(), same.headers()[0].clone()), (304, ("ETag", etag.clone())));
    let other = read(&|request| request.if_match = Some("other".into())).await;
    assert_eq!(refused_with(other, "Condition"), ("PreconditionFailed".into(), "If-Match".into()));
    assert!(read(&|request| request.if_match = Some(etag.clone())).await.is_ok());
    let since = read(&|request| request.if_modified_since = Some(START)).await.unwrap_err();
    assert_eq!(since.status(), 304);
    let unmodified = read(&|request| request.if_unmodified_since = Some(Timestamp(0))).await;
    assert_eq!(refused_with(unmodified, "Condition").1, "If-Unmodified-Since");
}

#[tokio::test]
async fn a_conditional_write_is_compared_with_the_current_object() {
    let cloud = TestCloud::with_bucket().await;
    let write = |body: &str, if_match: Option<&str>, if_none_match: Option<&str>| {
        let request = PutObjectRequest { if_match: if_match.map(Into::into), if_none_match: if_none_match.map(Into::into), ..put("a", body) };
        cloud.call::<PutObject>(request)
    };
    assert_eq!(refused_with(write("x", Some("abcdef"), None).await, "Key"), ("NoSuchKey".into(), "a".into()));
    let etag = write("one", None, Some("*")).await.unwrap().etag.unwrap();
    assert_eq!(refused_with(write("two", None, Some("*")).await, "Condition"), ("PreconditionFailed".into(), "If-None-Match".into()));
    assert_eq!(refused_with(write("two", Some("\"other\""), None).await, "Condition").1, "If-Match");
    assert_eq!(cloud.text("a").await, "one");
    write("two", Some(&etag), None).await.unwrap();
    assert_eq!(cloud.text("a").await, "two");
    assert_eq!(refused_with(write("x", Some("*"), None).await, "Header"), ("NotImplemented".into(), "If-Match".into()));
    let both = write("x", Some("a"), Some("*")).await;
    assert_eq!(refused_with(both, "additionalMessage").1, "Multiple conditional request headers present in the request");
}

#[tokio::test]
async fn of_concurrent_writes_with_if_none_match_one_succeeds() {
    let cloud = TestCloud::with_bucket().await;
    let writes = (0..20).map(|n| cloud.call::<PutObject>(PutObjectRequest { if_none_match: Some("*".into()), ..put("a", &n.to_string()) }));
    let outcomes = futures_util::future::join_all(writes).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_conditional_delete_is_compared_with_the_current_object() {
    let cloud = TestCloud::with_bucket().await;
    let etag = cloud.put("a", "x").await.etag.unwrap();
    let delete = |if_match: &str| {
        let request = DeleteObjectRequest { bucket: BUCKET.into(), key: "a".into(), if_match: Some(if_match.into()), ..Default::default() };
        cloud.call::<DeleteObject>(request)
    };
    assert_eq!(code(delete("other").await), "PreconditionFailed");
    delete(&etag).await.unwrap();
    assert_eq!(code(delete(&etag).await), "NoSuchKey");
    let size = DeleteObjectRequest { bucket: BUCKET.into(), key: "a".into(), if_match_size: Some(1), ..Default::default() };
    assert_eq!(refused_with(cloud.call::<DeleteObject>(size).await, "Header"), ("NotImplemented".into(), "x-amz-if-match-size".into()));
}

#[tokio::test]
async fn an_upload_whose_object_was_deleted_meanwhile_is_in_conflict_with_its_condition() {
    for versioned in [false, true] {
        let cloud = TestCloud::with_bucket().await;
        if versioned {
            let versioning_configuration = VersioningConfiguration { status: Some("Enabled".into()), ..Default::default() };
            let request = PutBucketVersioningRequest { bucket: BUCKET.into(), versioning_configuration, ..Default::default() };
            cloud.call::<PutBucketVersioning>(request).await.unwrap();
        }
        cloud.put("a", "x").await;
        let create = CreateMultipartUploadRequest { bucket: BUCKET.into(), key: "a".into(), ..Default::default() };
        let upload_id = cloud.call::<CreateMultipartUpload>(create).await.unwrap().upload_id.unwrap();
        let part = UploadPartRequest {
            bucket: BUCKET.into(),
            key: "a".into(),
            upload_id: upload_id.clone(),
            part_number: 1,
            body: put("a", "y").body,
            ..Default::default()
        };
        let etag = cloud.call::<UploadPart>(part).await.unwrap().etag;
        let parts = Some(vec![CompletedPart { part_number: Some(1), etag, ..Default::default() }]);
        let complete = |if_none_match: Option<&str>| {
            cloud.call::<CompleteMultipartUpload>(CompleteMultipartUploadRequest {
                bucket: BUCKET.into(),
                key: "a".into(),
                upload_id: upload_id.clone(),
                if_none_match: if_none_match.map(Into::into),
                multipart_upload: Some(CompletedMultipartUpload { parts: parts.clone() }),
                ..Default::default()
            })
        };
        assert_eq!(code(complete(Some("*")).await), "PreconditionFailed");
        cloud.delete("a").await;
        assert_eq!(refused_with(complete(Some("*")).await, "Condition"), ("ConditionalRequestConflict".into(), "If-None-Match".into()));
        assert_eq!(code(cloud.get("a").await), "NoSuchKey");
        complete(None).await.unwrap();
        assert_eq!(cloud.text("a").await, "y");
    }
}
