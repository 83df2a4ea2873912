use super::fixture::*;
use crate::api::*;

fn configure(bucket: &str, status: Option<&str>) -> PutBucketAccelerateConfigurationRequest {
    let accelerate_configuration = AccelerateConfiguration { status: status.map(Into::into) };
    PutBucketAccelerateConfigurationRequest { bucket: bucket.into(), accelerate_configuration, ..Default::default() }
}

#[tokio::test]
async fn a_bucket_is_accelerated_suspended_or_neither() {
    let cloud = TestCloud::with_bucket().await;
    let status = async || {
        let get = GetBucketAccelerateConfigurationRequest { bucket: BUCKET.into(), ..Default::default() };
        cloud.call::<GetBucketAccelerateConfiguration>(get).await.unwrap().status
    };
    assert_eq!(status().await, None);
    let accelerated = |host: &str| cloud.engine.check_accelerated(Some(host), BUCKET).map_err(|fault| fault.message().to_owned());
    let host = "test-bucket.s3-accelerate.dualstack.amazonaws.com";
    assert_eq!(accelerated(host), Err("S3 Transfer Acceleration is not configured on this bucket".into()));
    assert_eq!(accelerated("test-bucket.s3.amazonaws.com"), Ok(()));
    for (set, expected) in [("Enabled", Ok(())), ("Suspended", Err("S3 Transfer Acceleration is disabled on this bucket".to_owned()))] {
        cloud.call::<PutBucketAccelerateConfiguration>(configure(BUCKET, Some(set))).await.unwrap();
        assert_eq!((status().await.as_deref(), accelerated(host)), (Some(set), expected));
    }
    for wrong in [None, Some("On")] {
        assert_eq!(code(cloud.call::<PutBucketAccelerateConfiguration>(configure(BUCKET, wrong)).await), "MalformedXML");
    }
    cloud.create("with.dots").await;
    assert_eq!(code(cloud.call::<PutBucketAccelerateConfiguration>(configure("with.dots", Some("Enabled"))).await), "InvalidRequest");
}
