use super::fixture::*;
use crate::api::*;

fn list(change: impl FnOnce(&mut ListObjectsV2Request)) -> ListObjectsV2Request {
    let mut request = ListObjectsV2Request { bucket: BUCKET.into(), ..Default::default() };
    change(&mut request);
    request
}

async fn cloud_with(keys: &[&str]) -> TestCloud {
    let cloud = TestCloud::with_bucket().await;
    for key in keys {
        cloud.put(key, "x").await;
    }
    cloud
}

fn keys(contents: Option<Vec<Object>>) -> Vec<String> {
    contents.into_iter().flatten().filter_map(|object| object.key).collect()
}

#[tokio::test]
async fn a_list_has_an_entry_for_each_object() {
    let cloud = cloud_with(&["b", "a"]).await;
    let listed = cloud.call::<ListObjectsV2>(list(|_| {})).await.unwrap();
    assert_eq!((listed.is_truncated, listed.key_count, listed.max_keys), (Some(false), Some(2), Some(1000)));
    assert_eq!((listed.prefix.as_deref(), listed.delimiter, listed.start_after), (Some(""), None, None));
    let object = listed.contents.unwrap().remove(0);
    assert_eq!((object.key.as_deref(), object.size, object.storage_class.as_deref()), (Some("a"), Some(1), Some("STANDARD")));
    assert_eq!(object.checksum_algorithm, Some(vec!["CRC64NVME".to_owned()]));
    assert_eq!((object.etag.as_deref(), object.owner.is_none()), (Some("\"9dd4e461268c8034f5c8564e155c67a6\""), true));
    let owned = cloud.call::<ListObjectsV2>(list(|request| request.fetch_owner = Some(true))).await.unwrap();
    assert_eq!(owned.contents.unwrap()[0].owner.as_ref().unwrap().id.as_ref().unwrap().len(), 64);
}

#[tokio::test]
async fn a_page_starts_where_the_page_before_ended() {
    let cloud = cloud_with(&["a", "b/1", "b/2", "c", "d"]).await;
    let (mut seen, mut token) = (vec![], None);
    loop {
        let request = list(|request| (request.max_keys, request.delimiter, request.continuation_token) = (Some(2), Some("/".into()), token.clone()));
        let page = cloud.call::<ListObjectsV2>(request).await.unwrap();
        assert_eq!(page.continuation_token, token);
        seen.extend(keys(page.contents));
        seen.extend(page.common_prefixes.into_iter().flatten().filter_map(|prefix| prefix.prefix));
        token = page.next_continuation_token;
        if page.is_truncated == Some(false) {
            break;
        }
    }
    assert_eq!(seen, ["a", "b/", "c", "d"]);
    let bad = cloud.call::<ListObjectsV2>(list(|request| request.continuation_token = Some("bad".into()))).await;
    assert_eq!(refused_with(bad, "ArgumentName"), ("InvalidArgument".into(), "continuation-token".into()));
}

#[tokio::test]
async fn a_continuation_token_is_of_one_list() {
    let cloud = cloud_with(&["a", "b", "c"]).await;
    let token = cloud.call::<ListObjectsV2>(list(|request| request.max_keys = Some(2))).await.unwrap().next_continuation_token;
    cloud.call::<DeleteObject>(DeleteObjectRequest { bucket: BUCKET.into(), key: "b".into(), ..Default::default() }).await.unwrap();
    let next = cloud.call::<ListObjectsV2>(list(|request| request.continuation_token = token.clone())).await.unwrap();
    assert_eq!(keys(next.contents), ["c"]);
    let other = list(|request| (request.prefix, request.continuation_token) = (Some("b".into()), token.clone()));
    let refused = refused_with(cloud.call::<ListObjectsV2>(other).await, "ArgumentName");
    assert_eq!(refused, ("InvalidArgument".into(), "continuation-token".into()));
    // AWS: an empty token is refused as well, as in <https://github.com/minio/minio/issues/5931>.
    for token in [token, Some(String::new())] {
        let other = ListBucketsRequest { continuation_token: token, ..Default::default() };
        assert_eq!(refusal(cloud.call::<ListBuckets>(other).await).2, "The continuation token provided is incorrect");
    }
    let empty = list(|request| request.continuation_token = Some(String::new()));
    assert_eq!(refusal(cloud.call::<ListObjectsV2>(empty).await).2, "The continuation token provided is incorrect");
}

#[tokio::test]
async fn a_continuation_token_takes_precedence_over_start_after() {
    let cloud = cloud_with(&["a", "b", "c"]).await;
    let first = cloud.call::<ListObjectsV2>(list(|request| request.max_keys = Some(1))).await.unwrap();
    let started = cloud.call::<ListObjectsV2>(list(|request| request.start_after = Some("b".into()))).await.unwrap();
    assert_eq!((started.start_after.as_deref(), keys(started.contents)), (Some("b"), vec!["c".to_owned()]));
    let both = list(|request| (request.start_after, request.continuation_token) = (Some("c".into()), first.next_continuation_token));
    let both = cloud.call::<ListObjectsV2>(both).await.unwrap();
    assert_eq!((both.start_after, keys(both.contents)), (None, vec!["b".to_owned(), "c".into()]));
}

#[tokio::test]
async fn list_objects_answers_a_next_marker_only_with_a_delimiter() {
    let cloud = cloud_with(&["a", "b", "c"]).await;
    let list = |delimiter: Option<&str>, marker: Option<&str>| {
        let request = ListObjectsRequest {
            bucket: BUCKET.into(),
            max_keys: Some(1),
            delimiter: delimiter.map(Into::into),
            marker: marker.map(Into::into),
            ..Default::default()
        };
        cloud.call::<ListObjects>(request)
    };
    let with = list(Some("/"), None).await.unwrap();
    assert_eq!((with.next_marker.as_deref(), with.marker.as_deref()), (Some("a"), Some("")));
    assert!(with.contents.unwrap()[0].owner.is_some());
    let without = list(None, Some("a")).await.unwrap();
    assert_eq!((without.next_marker, without.is_truncated, keys(without.contents)), (None, Some(true), vec!["b".to_owned()]));
}

#[tokio::test]
async fn keys_are_url_encoded_on_request() {
    let cloud = cloud_with(&["a b/ü+"]).await;
    let request =
        list(|request| (request.encoding_type, request.prefix, request.delimiter) = (Some("url".into()), Some("a b".into()), Some("/".into())));
    let listed = cloud.call::<ListObjectsV2>(request).await.unwrap();
    assert_eq!(listed.prefix.as_deref(), Some("a+b"));
    assert_eq!(listed.common_prefixes.unwrap()[0].prefix.as_deref(), Some("a+b/"));
    let plain = cloud.call::<ListObjectsV2>(list(|_| {})).await.unwrap();
    assert_eq!(keys(plain.contents), ["a b/ü+"]);
    let upper = cloud.call::<ListObjectsV2>(list(|request| request.encoding_type = Some("URL".into()))).await.unwrap();
    assert_eq!(upper.encoding_type.as_deref(), Some("URL"));
    for encoding in ["rot13", ""] {
        let bad = cloud.call::<ListObjectsV2>(list(|request| request.encoding_type = Some(encoding.into()))).await;
        assert_eq!(refusal(bad).2, "Invalid Encoding Method specified in Request");
    }
}

#[tokio::test]
async fn a_page_has_at_most_1000_keys() {
    let cloud = TestCloud::with_bucket().await;
    for n in 0..1001 {
        cloud.put(&format!("{n:04}"), "").await;
    }
    let page = cloud.call::<ListObjectsV2>(list(|request| request.max_keys = Some(5000))).await.unwrap();
    assert_eq!((page.key_count, page.max_keys, page.is_truncated), (Some(1000), Some(5000), Some(true)));
    let none = cloud.call::<ListObjectsV2>(list(|request| request.max_keys = Some(0))).await.unwrap();
    assert_eq!((none.key_count, none.is_truncated), (Some(0), Some(false)));
    let negative = cloud.call::<ListObjectsV2>(list(|request| request.max_keys = Some(-1))).await;
    assert_eq!(refused_with(negative, "ArgumentName"), ("InvalidArgument".into(), "maxKeys".into()));
}
