use super::fixture::*;
use crate::api::*;

fn restore(days: Option<i32>, tier: &str) -> RestoreObjectRequest {
    let parameters = GlacierJobParameters { tier: tier.into() };
    let request = RestoreRequest { days, glacier_job_parameters: Some(parameters), ..Default::default() };
    RestoreObjectRequest { bucket: BUCKET.into(), key: "k".into(), restore_request: Some(request), ..Default::default() }
}

async fn archived(class: &str) -> TestCloud {
    let cloud = TestCloud::with_bucket().await;
    cloud.call::<PutObject>(PutObjectRequest { storage_class: Some(class.into()), ..put("k", "body") }).await.unwrap();
    cloud
}

#[tokio::test]
async fn an_archived_object_can_be_read_once_it_is_restored_and_until_its_copy_goes() {
    let cloud = archived("GLACIER").await;
    assert_eq!(code(cloud.get("k").await), "InvalidObjectState");
    let answer = cloud.answered::<RestoreObject>(restore(Some(2), "Standard")).await.unwrap();
    assert_eq!(answer.status, Some(202));
    assert_eq!(cloud.head("k").await.restore.as_deref(), Some("ongoing-request=\"true\""));
    assert_eq!(code(cloud.get("k").await), "InvalidObjectState");
    assert_eq!(code(cloud.call::<RestoreObject>(restore(Some(2), "Bulk")).await), "RestoreAlreadyInProgress");
    cloud.advance(5 * 3600);
    assert_eq!(cloud.text("k").await, "body");
    let shown = cloud.head("k").await.restore.unwrap();
    assert!(shown.starts_with("ongoing-request=\"false\", expiry-date=\"") && shown.ends_with(" 00:00:00 GMT\""), "{shown}");
    assert_eq!(cloud.answered::<RestoreObject>(restore(Some(5), "Standard")).await.unwrap().status, Some(200));
    cloud.advance(3 * 86400);
    assert_eq!(cloud.text("k").await, "body");
    cloud.advance(3 * 86400);
    assert_eq!(code(cloud.get("k").await), "InvalidObjectState");
    assert_eq!(cloud.head("k").await.restore, None);
}

#[tokio::test]
async fn a_faster_tier_overtakes_a_slower_one() {
    let cloud = archived("GLACIER").await;
    cloud.call::<RestoreObject>(restore(Some(1), "Bulk")).await.unwrap();
    cloud.call::<RestoreObject>(restore(None, "Expedited")).await.unwrap();
    cloud.advance(5 * 60);
    assert_eq!(cloud.text("k").await, "body");
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("k", "body").await;
    assert_eq!(code(cloud.call::<RestoreObject>(restore(Some(1), "Standard")).await), "InvalidObjectState");
    let cloud = archived("DEEP_ARCHIVE").await;
    assert_eq!(code(cloud.call::<RestoreObject>(restore(Some(1), "Expedited")).await), "InvalidArgument");
    assert_eq!(code(cloud.call::<RestoreObject>(restore(Some(0), "Standard")).await), "MalformedXML");
    assert_eq!(code(cloud.call::<RestoreObject>(restore(None, "Standard")).await), "MalformedXML");
}
