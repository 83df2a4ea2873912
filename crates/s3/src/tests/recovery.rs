use super::house::*;
use crate::api::*;
use cloudlet_store::{Blobs, InMemory, Journal, Kept, replay};

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = InMemory::new();
    let house = House::with(&Journal::to(keeper.clone()), Blobs::folder(folder.path()).unwrap());
    house.create(BUCKET).await;
    house.create("gone").await;
    let large = "x".repeat(100_000);
    house.call::<PutObject>(PutObjectRequest { tagging: Some("t=1".into()), ..put("large", &large) }).await.unwrap();
    house.put("small", "y").await;
    house.put("deleted", &large).await;
    house.delete("deleted").await;
    house.call::<DeleteBucket>(DeleteBucketRequest { bucket: "gone".into(), ..Default::default() }).await.unwrap();
    let create = CreateMultipartUploadRequest { bucket: BUCKET.into(), key: "big".into(), ..Default::default() };
    let upload_id = house.call::<CreateMultipartUpload>(create).await.unwrap().upload_id.unwrap();
    drop(house);

    let restarted = House::with(&Journal::off(), Blobs::folder(folder.path()).unwrap());
    let kept: &dyn Kept = restarted.s3.buckets.as_ref();
    replay(&[kept], &keeper.records()).unwrap();
    assert_eq!(restarted.keys().await, ["large", "small"]);
    assert_eq!((restarted.text("large").await, restarted.text("small").await), (large, "y".into()));
    assert_eq!(restarted.head("large").await.tag_count, Some(1));
    let parts = ListPartsRequest { bucket: BUCKET.into(), key: "big".into(), upload_id, ..Default::default() };
    restarted.call::<ListParts>(parts).await.unwrap();
    let buckets = restarted.call::<ListBuckets>(ListBucketsRequest::default()).await.unwrap().buckets.unwrap();
    assert_eq!(buckets.len(), 1);
    let known = restarted.s3.blob_ids();
    let swept = Blobs::folder(folder.path()).unwrap().sweep(known).await.unwrap();
    assert_eq!((swept.removed, swept.missing.len()), (0, 0));
}

#[tokio::test]
async fn a_refused_write_writes_nothing_to_the_journal() {
    let keeper = InMemory::new();
    let house = House::with(&Journal::to(keeper.clone()), Blobs::memory());
    house.create(BUCKET).await;
    house.put("a", "x").await;
    let before = keeper.records().len();
    let refused = PutObjectRequest { if_none_match: Some("*".into()), ..put("a", &"y".repeat(100_000)) };
    assert_eq!(code(house.call::<PutObject>(refused).await), "PreconditionFailed");
    assert_eq!((keeper.records().len(), house.bodies(), house.text("a").await), (before, 0, "x".into()));
}
