use super::fixture::*;
use crate::api::*;

fn tagging(pairs: &[(&str, &str)]) -> PutObjectTaggingRequest {
    let tag_set = pairs.iter().map(|(key, value)| Tag { key: (*key).into(), value: (*value).into() }).collect();
    PutObjectTaggingRequest { bucket: BUCKET.into(), key: "a".into(), tagging: Tagging { tag_set }, ..Default::default() }
}

async fn read(cloud: &TestCloud) -> Vec<(String, String)> {
    let request = GetObjectTaggingRequest { bucket: BUCKET.into(), key: "a".into(), ..Default::default() };
    cloud.call::<GetObjectTagging>(request).await.unwrap().tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.into(), value.into())
}

#[tokio::test]
async fn object_tags_are_put_counted_replaced_and_deleted() {
    let cloud = TestCloud::with_bucket().await;
    cloud.call::<PutObject>(PutObjectRequest { tagging: Some("t1=1&t2=2".into()), ..put("a", "x") }).await.unwrap();
    assert_eq!((read(&cloud).await, cloud.head("a").await.tag_count), (vec![pair("t1", "1"), pair("t2", "2")], Some(2)));
    cloud.call::<PutObjectTagging>(tagging(&[("t3", "3")])).await.unwrap();
    assert_eq!((read(&cloud).await, cloud.text("a").await), (vec![pair("t3", "3")], "x".into()));
    let request = DeleteObjectTaggingRequest { bucket: BUCKET.into(), key: "a".into(), ..Default::default() };
    cloud.call::<DeleteObjectTagging>(request).await.unwrap();
    assert_eq!((read(&cloud).await, cloud.head("a").await.tag_count), (vec![], None));
}

#[tokio::test]
async fn invalid_tags_change_nothing() {
    let cloud = TestCloud::with_bucket().await;
    cloud.call::<PutObject>(PutObjectRequest { tagging: Some("t=1".into()), ..put("a", "x") }).await.unwrap();
    let bad = cloud.call::<PutObjectTagging>(tagging(&[("aws:x", "1")])).await;
    assert_eq!(refused_with(bad, "TagKey"), ("InvalidTag".into(), "aws:x".into()));
    assert_eq!(code(cloud.call::<PutObject>(PutObjectRequest { tagging: Some("a=1&a=2".into()), ..put("a", "y") }).await), "InvalidArgument");
    assert_eq!((read(&cloud).await, cloud.text("a").await), (vec![pair("t", "1")], "x".into()));
}

/// Recorded: only GetObjectTagging prefixes the key in the fault with the bucket.
#[tokio::test]
async fn tagging_of_a_missing_object_is_refused() {
    let cloud = TestCloud::with_bucket().await;
    assert_eq!(refused_with(cloud.call::<PutObjectTagging>(tagging(&[])).await, "Key"), ("NoSuchKey".into(), "a".into()));
    let request = GetObjectTaggingRequest { bucket: BUCKET.into(), key: "a".into(), ..Default::default() };
    assert_eq!(refused_with(cloud.call::<GetObjectTagging>(request).await, "Key"), ("NoSuchKey".into(), format!("{BUCKET}/a")));
}
