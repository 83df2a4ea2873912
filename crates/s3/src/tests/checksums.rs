use super::fixture::*;
use crate::{api::*, checksums::HasChecksums};
use cloudlet_aws::Fault;
use cloudlet_digest::{Algorithm, digest};
use cloudlet_shape::{Body, Trailers};

fn sum(algorithm: Algorithm, text: &str) -> String {
    digest(algorithm, text.as_bytes()).base64()
}

/// A write with a checksum.
fn with_checksum(algorithm: Algorithm, value: &str) -> PutObjectRequest {
    let mut request = put("a", "123456789");
    request.set_checksum_value(algorithm, value.to_owned());
    request
}

async fn head(cloud: &TestCloud) -> HeadObjectOutput {
    cloud.call::<HeadObject>(HeadObjectRequest { checksum_mode: Some("ENABLED".into()), ..super::fixture::head("a") }).await.unwrap()
}

#[tokio::test]
async fn every_algorithm_is_verified_and_answered() {
    let cloud = TestCloud::with_bucket().await;
    for algorithm in Algorithm::ALL {
        let right = sum(algorithm, "123456789");
        let mut put = cloud.call::<PutObject>(with_checksum(algorithm, &right)).await.unwrap();
        assert_eq!((put.checksum_member(algorithm).take(), put.checksum_type.as_deref()), (Some(right.clone()), Some("FULL_OBJECT")));
        let mut head = head(&cloud).await;
        assert_eq!((head.checksum_member(algorithm).take(), head.checksum_type.as_deref()), (Some(right), Some("FULL_OBJECT")));
        assert!(head.take_checksums().is_empty());
        let wrong = cloud.call::<PutObject>(with_checksum(algorithm, &sum(algorithm, "other"))).await;
        let text = format!("The {algorithm} you specified did not match the calculated checksum.");
        assert_eq!(refusal(wrong), ("BadDigest".into(), 400, text));
        let bad = cloud.call::<PutObject>(with_checksum(algorithm, "test")).await;
        assert_eq!(refusal(bad), ("InvalidRequest".into(), 400, format!("Value for {} header is invalid.", algorithm.header())));
    }
}

#[tokio::test]
async fn without_a_checksum_in_the_request_crc64nvme_is_computed() {
    let cloud = TestCloud::with_bucket().await;
    let request = PutObjectRequest { checksum_algorithm: Some("SHA256".into()), ..put("a", "123456789") };
    let put = cloud.call::<PutObject>(request).await.unwrap();
    assert_eq!((put.checksum_crc64nvme.as_deref(), put.checksum_sha256), (Some("rosUhgp5mIg="), None));
}

#[tokio::test]
async fn a_checksum_may_be_in_a_trailer() {
    let cloud = TestCloud::with_bucket().await;
    let write = |value: &str| {
        let trailers = Trailers::announced(vec!["x-amz-checksum-crc32".to_owned()]);
        trailers.receive(vec![("x-amz-checksum-crc32".to_owned(), value.to_owned())]);
        cloud.call::<PutObject>(PutObjectRequest { body: Some(Body::whole("123456789").with_trailers(trailers)), ..put("a", "") })
    };
    assert_eq!(write("y/Q5Jg==").await.unwrap().checksum_crc32.as_deref(), Some("y/Q5Jg=="));
    assert_eq!(code(write("AAAAAA==").await), "BadDigest");
    let silent = Body::whole("x").with_trailers(Trailers::announced(vec!["x-amz-checksum-crc32".to_owned()]));
    assert_eq!(code(cloud.call::<PutObject>(PutObjectRequest { body: Some(silent), ..put("a", "") }).await), "MalformedTrailerError");
}

#[tokio::test]
async fn two_checksums_in_one_request_are_refused() {
    let cloud = TestCloud::with_bucket().await;
    let mut request = with_checksum(Algorithm::Crc32, "y/Q5Jg==");
    request.set_checksum_value(Algorithm::Crc32c, "4waSgw==".into());
    let text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
    assert_eq!(refusal(cloud.call::<PutObject>(request).await).2, text);
}

#[tokio::test]
async fn content_md5_is_verified() {
    let cloud = TestCloud::with_bucket().await;
    let write = |md5: &str| cloud.call::<PutObject>(PutObjectRequest { content_md5: Some(md5.into()), ..put("a", "x") });
    write(&sum(Algorithm::Md5, "x")).await.unwrap();
    assert_eq!(refusal(write(&sum(Algorithm::Md5, "y")).await).2, "The Content-MD5 you specified did not match what we received.");
    for bad in ["", "bad", "AAAA"] {
        assert_eq!(refused_with(write(bad).await, "Content-MD5"), ("InvalidDigest".into(), bad.into()));
    }
}

#[tokio::test]
async fn a_range_has_a_checksum_only_if_it_is_the_whole_object() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "0123456789").await;
    let read = async |range: &str| {
        let request = GetObjectRequest { range: Some(range.into()), checksum_mode: Some("ENABLED".into()), ..get("a") };
        cloud.call::<GetObject>(request).await.unwrap().checksum_type
    };
    assert_eq!((read("bytes=0-8").await, read("bytes=0-100").await.as_deref()), (None, Some("FULL_OBJECT")));
}

struct Upload<'a> {
    cloud: &'a TestCloud,
    id: String,
    algorithm: Algorithm,
}

impl<'a> Upload<'a> {
    async fn begin(cloud: &'a TestCloud, algorithm: Algorithm, kind: Option<&str>) -> Upload<'a> {
        let request = CreateMultipartUploadRequest {
            bucket: BUCKET.into(),
            key: "a".into(),
            checksum_algorithm: Some(algorithm.name().into()),
            checksum_type: kind.map(Into::into),
            ..Default::default()
        };
        let id = cloud.call::<CreateMultipartUpload>(request).await.unwrap().upload_id.unwrap();
        Upload { cloud, id, algorithm }
    }

    async fn part(&self, number: i32, body: &str, checksum: Option<(Algorithm, String)>) -> Result<CompletedPart, Fault> {
        let body = Some(Body::whole(body.as_bytes().to_vec()));
        let mut request =
            UploadPartRequest { bucket: BUCKET.into(), key: "a".into(), upload_id: self.id.clone(), part_number: number, body, ..Default::default() };
        if let Some((algorithm, checksum)) = checksum {
            request.set_checksum_value(algorithm, checksum);
        }
        let mut sent = self.cloud.call::<UploadPart>(request).await?;
        let mut part = CompletedPart { etag: sent.etag.take(), part_number: Some(number), ..Default::default() };
        *part.checksum_member(self.algorithm) = sent.checksum_member(self.algorithm).take();
        Ok(part)
    }

    async fn complete(
        &self,
        parts: &[CompletedPart],
        kind: Option<&str>,
        checksum: Option<(Algorithm, String)>,
    ) -> Result<CompleteMultipartUploadOutput, Fault> {
        let mut request = CompleteMultipartUploadRequest {
            bucket: BUCKET.into(),
            key: "a".into(),
            upload_id: self.id.clone(),
            multipart_upload: Some(CompletedMultipartUpload { parts: Some(parts.to_vec()) }),
            checksum_type: kind.map(Into::into),
            ..Default::default()
        };
        if let Some((algorithm, checksum)) = checksum {
            request.set_checksum_value(algorithm, checksum);
        }
        self.cloud.call::<CompleteMultipartUpload>(request).await
    }
}

#[tokio::test]
async fn multipart_objects_have_composite_or_full_object_checksums() {
    let cloud = TestCloud::with_bucket().await;
    let bodies = ["a".repeat(5 << 20), "b".to_owned()];
    for (algorithm, kind, expected) in [
        (Algorithm::Sha256, None, "tfmzeY9XeH2OXmxrtS4iDWlNIKUTAFv0/csHs2lsoD8=-2"),
        (Algorithm::Crc32, None, "dYPmEQ==-2"),
        (Algorithm::Crc32, Some("FULL_OBJECT"), "rBxv8Q=="),
    ] {
        let upload = Upload::begin(&cloud, algorithm, kind).await;
        let mut parts = vec![];
        for (number, body) in (1..).zip(&bodies) {
            parts.push(upload.part(number, body, Some((algorithm, sum(algorithm, body)))).await.unwrap());
        }
        let mut completed = upload.complete(&parts, None, None).await.unwrap();
        assert_eq!(completed.checksum_member(algorithm).as_deref(), Some(expected));
        let mut head = head(&cloud).await;
        assert_eq!(head.checksum_type, completed.checksum_type);
        assert_eq!(head.checksum_member(algorithm).as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn a_part_must_have_the_algorithm_of_its_upload() {
    let cloud = TestCloud::with_bucket().await;
    let upload = Upload::begin(&cloud, Algorithm::Crc32c, None).await;
    let other = upload.part(1, "abc", Some((Algorithm::Crc32, sum(Algorithm::Crc32, "abc")))).await;
    assert_eq!(refusal(other).2, "Checksum Type mismatch occurred, expected checksum Type: crc32c, actual checksum Type: crc32");
    assert_eq!(
        refusal(upload.part(1, "abc", None).await).2,
        "Checksum Type mismatch occurred, expected checksum Type: crc32c, actual checksum Type: null"
    );
    let full = Upload::begin(&cloud, Algorithm::Crc32c, Some("FULL_OBJECT")).await;
    assert_eq!(full.part(1, "abc", None).await.unwrap().checksum_crc32c.as_deref(), Some("Nks/tw=="));
}

/// Recorded: localstack/localstack tests/aws/services/s3/test_s3.py, test_multipart_parts_checksum_exceptions_full_object.
#[tokio::test]
async fn the_checksum_of_the_object_in_the_complete_request_is_compared() {
    let cloud = TestCloud::with_bucket().await;
    let upload = Upload::begin(&cloud, Algorithm::Crc32c, Some("FULL_OBJECT")).await;
    let right = sum(Algorithm::Crc32c, "abc");
    let parts = [upload.part(1, "abc", Some((Algorithm::Crc32c, right.clone()))).await.unwrap()];
    let mode = upload.complete(&parts, Some("COMPOSITE"), None).await;
    assert_eq!(refusal(mode).2, "The upload was created using the FULL_OBJECT checksum mode. The complete request must use the same checksum mode.");
    let bad = ("BadDigest".to_owned(), 400, "The crc32c you specified did not match the calculated checksum.".to_owned());
    assert_eq!(refusal(upload.complete(&parts, None, Some((Algorithm::Crc32c, right.clone()))).await), bad);
    let wrong = Some((Algorithm::Crc32c, sum(Algorithm::Crc32c, "other")));
    assert_eq!(refusal(upload.complete(&parts, Some("FULL_OBJECT"), wrong).await), bad);
    let other = Some((Algorithm::Crc32, sum(Algorithm::Crc32, "abc")));
    assert_eq!(refusal(upload.complete(&parts, Some("FULL_OBJECT"), other).await), bad);
    upload.complete(&parts, Some("FULL_OBJECT"), Some((Algorithm::Crc32c, right))).await.unwrap();
}

#[tokio::test]
async fn completing_a_composite_upload_requires_the_checksum_of_each_part() {
    let cloud = TestCloud::with_bucket().await;
    let upload = Upload::begin(&cloud, Algorithm::Sha256, None).await;
    let part = upload.part(1, "abc", Some((Algorithm::Sha256, sum(Algorithm::Sha256, "abc")))).await.unwrap();
    let without = CompletedPart { checksum_sha256: None, ..part.clone() };
    let text = "The upload was created using a sha256 checksum. The complete request must include the checksum for each part. It was missing for part 1 in the request.";
    assert_eq!(refusal(upload.complete(&[without], None, None).await).2, text);
    let wrong = CompletedPart { checksum_sha256: Some(sum(Algorithm::Sha256, "other")), ..part.clone() };
    assert_eq!(refusal(upload.complete(&[wrong], None, None).await).2, "The sha256 you specified for part 1 did not match what we received.");
    upload.complete(&[part], None, None).await.unwrap();
    let attributes = GetObjectAttributesRequest {
        bucket: BUCKET.into(),
        key: "a".into(),
        object_attributes: vec!["ETag".into(), "Checksum".into(), "ObjectParts".into(), "ObjectSize".into(), "StorageClass".into()],
        ..Default::default()
    };
    let shown = cloud.call::<GetObjectAttributes>(attributes).await.unwrap();
    assert_eq!((shown.object_size, shown.storage_class.as_deref()), (Some(3), Some("STANDARD")));
    assert!(!shown.etag.unwrap().contains('"') && !shown.checksum.unwrap().checksum_sha256.unwrap().contains('-'));
    let parts = shown.object_parts.unwrap();
    assert_eq!((parts.total_parts_count, parts.parts.unwrap()[0].checksum_sha256.clone()), (Some(1), Some(sum(Algorithm::Sha256, "abc"))));
}
