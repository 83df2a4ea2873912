//! Log objects, without HTTP: what a request's answer becomes is tested with real clients.

use super::fixture::*;
use crate::{api::*, logging::Record};
use cloudlet_aws::Timestamp;

async fn put_logging(cloud: &TestCloud, target: &str, format: Option<TargetObjectKeyFormat>) -> Result<(), cloudlet_aws::Fault> {
    let logging =
        LoggingEnabled { target_bucket: target.into(), target_prefix: "log/".into(), target_object_key_format: format, target_grants: None };
    let bucket_logging_status = BucketLoggingStatus { logging_enabled: Some(logging) };
    let put = PutBucketLoggingRequest { bucket: BUCKET.into(), bucket_logging_status, ..Default::default() };
    cloud.call::<PutBucketLogging>(put).await.map(drop)
}

#[tokio::test]
async fn the_target_must_be_near_and_ones_own() {
    let cloud = TestCloud::with_bucket().await;
    let fault = put_logging(&cloud, "none", None).await.unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("InvalidTargetBucketForLogging", "The target bucket for logging does not exist"));
    let far = CreateBucketConfiguration { location_constraint: Some("eu-west-1".into()), ..Default::default() };
    let create = CreateBucketRequest { bucket: "far-away".into(), create_bucket_configuration: Some(far), ..Default::default() };
    cloud.call::<CreateBucket>(create).await.unwrap();
    assert_eq!(
        refused_with(put_logging(&cloud, "far-away", None).await, "TargetBucketLocation"),
        ("CrossLocationLoggingProhibitted".into(), "eu-west-1".into())
    );
    cloud.create("target").await;
    put_logging(&cloud, "target", None).await.unwrap();
    let get = GetBucketLoggingRequest { bucket: BUCKET.into(), ..Default::default() };
    assert_eq!(cloud.call::<GetBucketLogging>(get).await.unwrap().logging_enabled.unwrap().target_prefix, "log/");
}

#[tokio::test]
async fn a_line_has_27_fields() {
    let cloud = TestCloud::with_bucket().await;
    let found = cloud.engine.find_in_any_region(BUCKET, None).unwrap();
    let record = Record {
        time: Timestamp::from_secs(1_549_411_238),
        request_id: "ID",
        operation: "REST.GET.OBJECT".into(),
        key: Some("a b".into()),
        request_uri: Some("GET /b/a%20b HTTP/1.1".into()),
        status: Some(200),
        ..Record::default()
    };
    let line = record.line(BUCKET, &found.bucket);
    let fields = regex_fields(&line);
    assert_eq!(fields.len(), 27, "{line}");
    assert_eq!((fields[2], fields[7], fields[8], fields[26]), ("[06/Feb/2019:00:00:38 +0000]", "a%20b", "\"GET /b/a%20b HTTP/1.1\"", "us-east-1"));
}

/// The fields of a line: in brackets, in quotes, or without white space.
fn regex_fields(line: &str) -> Vec<&str> {
    let (mut fields, mut rest) = (vec![], line);
    while !rest.is_empty() {
        let end = match rest.as_bytes()[0] {
            b'[' => rest.find(']').unwrap() + 1,
            b'"' => rest[1..].find('"').unwrap() + 2,
            _ => rest.find(' ').unwrap_or(rest.len()),
        };
        fields.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    fields
}
