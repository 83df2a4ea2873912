use super::fixture::*;
use crate::api::*;

fn many(keys: &[&str], quiet: Option<bool>) -> DeleteObjectsRequest {
    let objects = keys.iter().map(|key| ObjectIdentifier { key: (*key).into(), ..Default::default() }).collect();
    DeleteObjectsRequest { bucket: BUCKET.into(), delete: Delete { objects, quiet }, ..Default::default() }
}

#[tokio::test]
async fn deleting_a_missing_object_is_a_success() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", &"x".repeat(100_000)).await;
    cloud.delete("a").await;
    cloud.delete("a").await;
    assert_eq!((code(cloud.get("a").await), cloud.bodies()), ("NoSuchKey".into(), 0));
}

#[tokio::test]
async fn delete_objects_answers_each_key_unless_quiet() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    cloud.put("b", "x").await;
    let deleted = cloud.call::<DeleteObjects>(many(&["a", "nope"], None)).await.unwrap();
    let keys: Vec<_> = deleted.deleted.unwrap().into_iter().filter_map(|object| object.key).collect();
    assert_eq!((keys, deleted.errors.is_none()), (vec!["a".to_owned(), "nope".into()], true));
    let quiet = cloud.call::<DeleteObjects>(many(&["b"], Some(true))).await.unwrap();
    assert!(quiet.deleted.is_none() && quiet.errors.is_none());
    assert!(cloud.keys().await.is_empty());
}

#[tokio::test]
async fn one_key_of_delete_objects_may_fail_alone() {
    let cloud = TestCloud::with_bucket().await;
    let etag = cloud.put("a", "x").await.etag;
    cloud.put("b", "x").await;
    let mut request = many(&["a", "b", "c"], None);
    request.delete.objects[0].etag = etag;
    request.delete.objects[1].etag = Some("other".into());
    request.delete.objects[2].version_id = Some("HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD".into());
    let deleted = cloud.call::<DeleteObjects>(request).await.unwrap();
    assert_eq!(deleted.deleted.unwrap().len(), 1);
    let errors: Vec<_> = deleted.errors.unwrap().into_iter().map(|error| (error.key.unwrap(), error.code.unwrap())).collect();
    assert_eq!(errors, [("b".to_owned(), "PreconditionFailed".to_owned()), ("c".into(), "NoSuchVersion".into())]);
    assert_eq!(cloud.keys().await, ["b"]);
}

#[tokio::test]
async fn delete_objects_accepts_1_to_1000_keys() {
    let cloud = TestCloud::with_bucket().await;
    let keys: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(code(cloud.call::<DeleteObjects>(many(&keys, None)).await), "MalformedXML");
    assert_eq!(code(cloud.call::<DeleteObjects>(many(&[], None)).await), "MalformedXML");
    assert_eq!(code(cloud.call::<DeleteObjects>(many(&["a", ""], None)).await), "UserKeyMustBeSpecified");
    let mut sized = many(&["a"], None);
    sized.delete.objects[0].size = Some(1);
    assert_eq!(code(cloud.call::<DeleteObjects>(sized).await), "MalformedXML");
    cloud.call::<DeleteObjects>(many(&keys[..1000], None)).await.unwrap();
}
