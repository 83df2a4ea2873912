use super::fixture::*;
use crate::api::*;
use cloudlet_aws::Fault;
use cloudlet_shape::Body;

const MIB5: usize = 5 << 20;

fn create(change: impl FnOnce(&mut CreateMultipartUploadRequest)) -> CreateMultipartUploadRequest {
    let mut request = CreateMultipartUploadRequest { bucket: BUCKET.into(), key: "big".into(), ..Default::default() };
    change(&mut request);
    request
}

async fn begin(cloud: &TestCloud) -> String {
    cloud.call::<CreateMultipartUpload>(create(|_| {})).await.unwrap().upload_id.unwrap()
}

fn part(id: &str, number: i32, body: Vec<u8>) -> UploadPartRequest {
    UploadPartRequest {
        bucket: BUCKET.into(),
        key: "big".into(),
        upload_id: id.into(),
        part_number: number,
        body: Some(Body::whole(body)),
        ..Default::default()
    }
}

async fn upload(cloud: &TestCloud, id: &str, number: i32, body: Vec<u8>) -> CompletedPart {
    let etag = cloud.call::<UploadPart>(part(id, number, body)).await.unwrap().etag;
    CompletedPart { etag, part_number: Some(number), ..Default::default() }
}

fn complete(id: &str, parts: &[CompletedPart]) -> CompleteMultipartUploadRequest {
    CompleteMultipartUploadRequest {
        bucket: BUCKET.into(),
        key: "big".into(),
        upload_id: id.into(),
        multipart_upload: Some(CompletedMultipartUpload { parts: Some(parts.to_vec()) }),
        ..Default::default()
    }
}

async fn finish(cloud: &TestCloud, id: &str, parts: &[CompletedPart]) -> Result<CompleteMultipartUploadOutput, Fault> {
    cloud.call::<CompleteMultipartUpload>(complete(id, parts)).await
}

fn list_parts(id: &str) -> ListPartsRequest {
    ListPartsRequest { bucket: BUCKET.into(), key: "big".into(), upload_id: id.into(), ..Default::default() }
}

/// 5 MiB of `a`, and `b`.
#[tokio::test]
async fn a_completed_upload_is_one_object() {
    let cloud = TestCloud::with_bucket().await;
    let id = begin(&cloud).await;
    let parts = [upload(&cloud, &id, 1, vec![b'a'; MIB5]).await, upload(&cloud, &id, 3, b"b".to_vec()).await];
    let completed = finish(&cloud, &id, &parts).await.unwrap();
    assert_eq!(completed.etag.as_deref(), Some("\"e5a8c5272b26fc10581a21089559b006-2\""));
    assert_eq!((completed.checksum_type.as_deref(), completed.checksum_crc64nvme.is_some()), (Some("FULL_OBJECT"), true));
    assert_eq!(completed.location.as_deref(), Some("http://localhost:4566/test-bucket/big"));
    let head = cloud.head("big").await;
    assert_eq!((head.content_length, head.parts_count), (Some(MIB5 as i64 + 1), None));
    let last = cloud.answered::<GetObject>(GetObjectRequest { part_number: Some(2), ..get("big") }).await.unwrap();
    assert_eq!(
        (last.status, last.output.content_range.as_deref(), last.output.parts_count),
        (Some(206), Some("bytes 5242880-5242880/5242881"), Some(2))
    );
    assert_eq!(text(last.output.body).await, "b");
    let across = GetObjectRequest { range: Some(format!("bytes={}-{}", MIB5 - 2, MIB5)), ..get("big") };
    assert_eq!(text(cloud.call::<GetObject>(across).await.unwrap().body).await, "aab");
    assert_eq!(code(cloud.call::<ListParts>(list_parts(&id)).await), "NoSuchUpload");
    let beyond = cloud.call::<GetObject>(GetObjectRequest { part_number: Some(3), ..get("big") }).await;
    assert_eq!(refused_with(beyond, "ActualPartCount"), ("InvalidPartNumber".into(), "2".into()));
}

#[tokio::test]
async fn completing_again_has_the_same_answer_while_the_object_exists() {
    let cloud = TestCloud::with_bucket().await;
    let id = begin(&cloud).await;
    let parts = [upload(&cloud, &id, 1, b"x".to_vec()).await];
    let first = finish(&cloud, &id, &parts).await.unwrap();
    assert_eq!(finish(&cloud, &id, &parts).await.unwrap().etag, first.etag);
    cloud.put("big", "other").await;
    assert_eq!(refused_with(finish(&cloud, &id, &parts).await, "UploadId"), ("NoSuchUpload".into(), id));
}

#[tokio::test]
async fn the_parts_of_the_complete_request_are_checked() {
    let cloud = TestCloud::with_bucket().await;
    let id = begin(&cloud).await;
    let (one, two) = (upload(&cloud, &id, 1, b"data".to_vec()).await, upload(&cloud, &id, 2, b"data".to_vec()).await);
    let without_body = CompleteMultipartUploadRequest { multipart_upload: None, ..complete(&id, &[]) };
    assert_eq!(refusal(cloud.call::<CompleteMultipartUpload>(without_body).await).2, "You must specify at least one part");
    assert_eq!(code(finish(&cloud, &id, &[]).await), "MalformedXML");
    assert_eq!(code(finish(&cloud, &id, &[two.clone(), one.clone()]).await), "InvalidPartOrder");
    assert_eq!(code(finish(&cloud, &id, &[one.clone(), one.clone()]).await), "InvalidPartOrder");
    let missing = CompletedPart { part_number: Some(7), ..one.clone() };
    assert_eq!(refused_with(finish(&cloud, &id, &[missing]).await, "PartNumber"), ("InvalidPart".into(), "7".into()));
    let other = CompletedPart { etag: Some("\"d41d8cd98f00b204e9800998ecf8427e\"".into()), ..one.clone() };
    assert_eq!(refused_with(finish(&cloud, &id, &[other]).await, "ETag"), ("InvalidPart".into(), "d41d8cd98f00b204e9800998ecf8427e".into()));
    let small = finish(&cloud, &id, &[one.clone(), two.clone()]).await;
    assert_eq!(refused_with(small, "ETag"), ("EntityTooSmall".into(), "8d777f385d3dfec8815d20f7496026dc".into()));
    let nameless = CompletedPart { part_number: None, ..one.clone() };
    assert_eq!(code(finish(&cloud, &id, &[nameless]).await), "MalformedXML");
    let size = CompleteMultipartUploadRequest { mpu_object_size: Some(5), ..complete(&id, std::slice::from_ref(&one)) };
    let text = "The provided 'x-amz-mp-object-size' header value 5 does not match what was computed: 4";
    assert_eq!(refusal(cloud.call::<CompleteMultipartUpload>(size).await).2, text);
    finish(&cloud, &id, &[one]).await.unwrap();
    assert_eq!(cloud.text("big").await, "data");
}

#[tokio::test]
async fn part_numbers_have_limits_and_a_part_may_be_replaced() {
    let cloud = TestCloud::with_bucket().await;
    let id = begin(&cloud).await;
    for number in [-1, 0, 10_001] {
        let bad = cloud.call::<UploadPart>(part(&id, number, vec![])).await;
        assert_eq!(refused_with(bad, "ArgumentValue"), ("InvalidArgument".into(), number.to_string()));
    }
    upload(&cloud, &id, 1, vec![1; 100_000]).await;
    let again = upload(&cloud, &id, 1, b"second".to_vec()).await;
    assert_eq!(cloud.bodies(), 0);
    finish(&cloud, &id, &[again]).await.unwrap();
    assert_eq!(cloud.text("big").await, "second");
    assert_eq!(refused_with(cloud.call::<UploadPart>(part("fakeid", 1, vec![])).await, "UploadId"), ("NoSuchUpload".into(), "fakeid".into()));
}

#[tokio::test]
async fn parts_that_are_not_used_are_deleted() {
    let cloud = TestCloud::with_bucket().await;
    let id = begin(&cloud).await;
    let used = upload(&cloud, &id, 1, vec![1; 100_000]).await;
    upload(&cloud, &id, 2, vec![2; 100_000]).await;
    finish(&cloud, &id, &[used]).await.unwrap();
    assert_eq!(cloud.bodies(), 1);
    let id = begin(&cloud).await;
    upload(&cloud, &id, 1, vec![3; 100_000]).await;
    let abort = AbortMultipartUploadRequest { bucket: BUCKET.into(), key: "big".into(), upload_id: id.clone(), ..Default::default() };
    cloud.call::<AbortMultipartUpload>(abort.clone()).await.unwrap();
    assert_eq!(cloud.bodies(), 1);
    assert_eq!(code(cloud.call::<AbortMultipartUpload>(abort).await), "NoSuchUpload");
}

#[tokio::test]
async fn the_object_has_the_headers_of_create_multipart_upload() {
    let cloud = TestCloud::with_bucket().await;
    let request = create(|request| {
        request.content_type = Some("text/plain".into());
        request.tagging = Some("t=1".into());
        request.storage_class = Some("STANDARD_IA".into());
    });
    let id = cloud.call::<CreateMultipartUpload>(request).await.unwrap().upload_id.unwrap();
    let parts = [upload(&cloud, &id, 1, b"x".to_vec()).await];
    finish(&cloud, &id, &parts).await.unwrap();
    let head = cloud.head("big").await;
    assert_eq!((head.content_type.as_deref(), head.tag_count, head.storage_class.as_deref()), (Some("text/plain"), Some(1), Some("STANDARD_IA")));
}

#[tokio::test]
async fn parts_are_listed_in_pages() {
    let cloud = TestCloud::with_bucket().await;
    let id = begin(&cloud).await;
    let empty = cloud.call::<ListParts>(list_parts(&id)).await.unwrap();
    assert_eq!((empty.parts.is_none(), empty.next_part_number_marker, empty.part_number_marker), (true, Some(0), Some(0)));
    for number in [2, 4, 6] {
        upload(&cloud, &id, number, b"data".to_vec()).await;
    }
    let page = cloud.call::<ListParts>(ListPartsRequest { max_parts: Some(2), ..list_parts(&id) }).await.unwrap();
    assert_eq!((page.is_truncated, page.next_part_number_marker), (Some(true), Some(4)));
    assert!(page.owner.unwrap().id.is_some() && page.initiator.unwrap().display_name.is_some());
    let page = cloud.call::<ListParts>(ListPartsRequest { part_number_marker: Some(4), ..list_parts(&id) }).await.unwrap();
    let parts = page.parts.unwrap();
    assert_eq!((parts.len(), parts[0].part_number, parts[0].size, parts[0].checksum_crc64nvme.is_none()), (1, Some(6), Some(4), true));
}

#[tokio::test]
async fn uploads_are_listed_by_key_and_in_the_order_of_their_creation() {
    let cloud = TestCloud::with_bucket().await;
    let mut ids = vec![];
    for key in ["b", "a/1", "b", "a/2"] {
        let request = create(|request| request.key = key.into());
        ids.push(cloud.call::<CreateMultipartUpload>(request).await.unwrap().upload_id.unwrap());
    }
    let list = |change: &dyn Fn(&mut ListMultipartUploadsRequest)| {
        let mut request = ListMultipartUploadsRequest { bucket: BUCKET.into(), ..Default::default() };
        change(&mut request);
        cloud.call::<ListMultipartUploads>(request)
    };
    let shown = |listed: &ListMultipartUploadsOutput| {
        listed.uploads.iter().flatten().map(|upload| (upload.key.clone().unwrap(), upload.upload_id.clone().unwrap())).collect::<Vec<_>>()
    };
    let all = list(&|_| {}).await.unwrap();
    let expected = [("a/1", 1), ("a/2", 3), ("b", 0), ("b", 2)].map(|(key, index)| (key.to_owned(), ids[index].clone()));
    assert_eq!((shown(&all), all.next_key_marker.as_deref(), all.prefix), (expected.to_vec(), Some("b"), None));
    let page = list(&|request| request.max_uploads = Some(3)).await.unwrap();
    assert_eq!((page.is_truncated, page.next_upload_id_marker.as_ref()), (Some(true), Some(&ids[0])));
    let (key, id) = (page.next_key_marker, page.next_upload_id_marker);
    let rest = list(&|request| (request.key_marker, request.upload_id_marker) = (key.clone(), id.clone())).await.unwrap();
    assert_eq!(shown(&rest), [("b".to_owned(), ids[2].clone())]);
    for (key, id) in [("b", "made up"), ("a/1", &ids[0])] {
        let refused = list(&|request| (request.key_marker, request.upload_id_marker) = (Some(key.into()), Some(id.into()))).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), ("InvalidArgument", "Invalid uploadId marker"));
    }
    // The marker may be an upload that has ended since.
    let gone = ids[0].replace(char::is_numeric, "7");
    list(&|request| (request.key_marker, request.upload_id_marker) = (Some("b".into()), Some(gone.clone()))).await.unwrap();
    let rolled = list(&|request| (request.delimiter, request.max_uploads) = (Some("/".into()), Some(1))).await.unwrap();
    assert_eq!((rolled.common_prefixes.unwrap()[0].prefix.as_deref(), rolled.next_key_marker.as_deref()), (Some("a/"), Some("")));
}

#[tokio::test]
async fn a_write_during_a_conditional_upload_is_a_conflict() {
    let cloud = TestCloud::with_bucket().await;
    let old = cloud.put("big", "test").await.etag;
    let id = begin(&cloud).await;
    let parts = [upload(&cloud, &id, 1, b"test".to_vec()).await];
    let new = cloud.put("big", "test2").await.etag;
    let complete_if =
        |if_match: Option<String>| cloud.call::<CompleteMultipartUpload>(CompleteMultipartUploadRequest { if_match, ..complete(&id, &parts) });
    assert_eq!(code(complete_if(old).await), "PreconditionFailed");
    assert_eq!(refused_with(complete_if(new.clone()).await, "Condition"), ("ConditionalRequestConflict".into(), "If-Match".into()));
    let id = begin(&cloud).await;
    let parts = [upload(&cloud, &id, 1, b"test".to_vec()).await];
    cloud.call::<CompleteMultipartUpload>(CompleteMultipartUploadRequest { if_match: new, ..complete(&id, &parts) }).await.unwrap();
    let absent = CompleteMultipartUploadRequest { if_none_match: Some("*".into()), ..complete(&id, &parts) };
    assert!(cloud.call::<CompleteMultipartUpload>(absent).await.is_ok(), "completing again does not evaluate conditions");
}

#[tokio::test]
async fn a_part_may_be_copied_from_an_object() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("from", "0123456789").await;
    let id = begin(&cloud).await;
    let copy_part = |range: Option<&str>| {
        let request = UploadPartCopyRequest {
            bucket: BUCKET.into(),
            key: "big".into(),
            upload_id: id.clone(),
            part_number: 1,
            copy_source: format!("{BUCKET}/from"),
            copy_source_range: range.map(Into::into),
            ..Default::default()
        };
        cloud.call::<UploadPartCopy>(request)
    };
    assert_eq!(refusal(copy_part(Some("bytes=0-21")).await).2, "Range specified is not valid for source object of size: 10");
    copy_part(None).await.unwrap();
    let copied = copy_part(Some("bytes=2-4")).await.unwrap();
    let result = copied.copy_part_result.unwrap();
    assert_eq!((copied.server_side_encryption.as_deref(), result.checksum_crc64nvme), (Some("AES256"), None));
    let parts = [CompletedPart { etag: result.etag, part_number: Some(1), ..Default::default() }];
    finish(&cloud, &id, &parts).await.unwrap();
    assert_eq!(cloud.text("big").await, "234");
}

#[tokio::test]
async fn a_bucket_with_uploads_in_progress_can_be_deleted() {
    let cloud = TestCloud::with_bucket().await;
    let id = begin(&cloud).await;
    upload(&cloud, &id, 1, vec![1; 100_000]).await;
    cloud.call::<DeleteBucket>(DeleteBucketRequest { bucket: BUCKET.into(), ..Default::default() }).await.unwrap();
    assert_eq!(cloud.bodies(), 0);
}
