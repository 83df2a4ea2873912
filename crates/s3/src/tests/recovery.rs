use super::fixture::*;
use crate::api::*;

#[tokio::test]
async fn buckets_objects_and_uploads_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = TestCloud::in_folder(folder.path());
    cloud.create(BUCKET).await;
    cloud.create("gone").await;
    let large = "x".repeat(100_000);
    cloud.call::<PutObject>(PutObjectRequest { tagging: Some("t=1".into()), ..put("large", &large) }).await.unwrap();
    cloud.put("small", "y").await;
    cloud.put("deleted", &large).await;
    cloud.delete("deleted").await;
    cloud.call::<DeleteBucket>(DeleteBucketRequest { bucket: "gone".into(), ..Default::default() }).await.unwrap();
    let create = CreateMultipartUploadRequest { bucket: BUCKET.into(), key: "big".into(), ..Default::default() };
    let upload_id = cloud.call::<CreateMultipartUpload>(create).await.unwrap().upload_id.unwrap();

    let before = cloud.state();
    let restarted = cloud.reopen();
    assert_eq!(restarted.state(), before);
    assert_eq!(restarted.keys().await, ["large", "small"]);
    assert_eq!((restarted.text("large").await, restarted.text("small").await), (large, "y".into()));
    assert_eq!(restarted.head("large").await.tag_count, Some(1));
    let parts = ListPartsRequest { bucket: BUCKET.into(), key: "big".into(), upload_id, ..Default::default() };
    restarted.call::<ListParts>(parts).await.unwrap();
    let buckets = restarted.call::<ListBuckets>(ListBucketsRequest::default()).await.unwrap().buckets.unwrap();
    assert_eq!(buckets.len(), 1);
}

#[tokio::test]
async fn a_refused_write_writes_nothing_to_the_journal() {
    let cloud = TestCloud::new();
    cloud.create(BUCKET).await;
    cloud.put("a", "x").await;
    let before = cloud.records().len();
    let refused = PutObjectRequest { if_none_match: Some("*".into()), ..put("a", &"y".repeat(100_000)) };
    assert_eq!(code(cloud.call::<PutObject>(refused).await), "PreconditionFailed");
    assert_eq!((cloud.records().len(), cloud.bodies(), cloud.text("a").await), (before, 0, "x".into()));
}
