use super::fixture::*;
use crate::api::*;
use cloudlet_aws::{Account, Caller};
use cloudlet_testing::other_account;

/// A user without any permission.
fn user_without_permissions() -> Caller {
    cloudlet_testing::user(Account::default(), "nobody")
}

#[tokio::test]
async fn only_the_owner_account_has_access_to_a_bucket() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    for caller in [other_account(), user_without_permissions(), Caller::anonymous()] {
        assert_eq!(code(cloud.as_caller::<GetObject>(caller.clone(), "us-east-1", get("a")).await), "AccessDenied");
        assert_eq!(code(cloud.as_caller::<PutObject>(caller.clone(), "us-east-1", put("a", "y")).await), "AccessDenied");
        let request = ListObjectsV2Request { bucket: BUCKET.into(), ..Default::default() };
        assert_eq!(code(cloud.as_caller::<ListObjectsV2>(caller, "us-east-1", request).await), "AccessDenied");
    }
    assert_eq!(cloud.text("a").await, "x");
}

#[tokio::test]
async fn a_denial_names_the_object() {
    let cloud = TestCloud::with_bucket().await;
    let (_, status, text) = refusal(cloud.as_caller::<GetObject>(user_without_permissions(), "us-east-1", get("a")).await);
    assert_eq!(status, 403);
    assert!(
        text.starts_with(
            "User: arn:aws:iam::000000000000:user/nobody is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::test-bucket/a\""
        ),
        "{text}"
    );
}

#[tokio::test]
async fn each_key_of_delete_objects_is_authorized_by_itself() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    let objects = vec![ObjectIdentifier { key: "a".into(), ..Default::default() }];
    let request = DeleteObjectsRequest { bucket: BUCKET.into(), delete: Delete { objects, quiet: None }, ..Default::default() };
    let answer = cloud.as_caller::<DeleteObjects>(other_account(), "us-east-1", request).await.unwrap().output;
    let error = answer.errors.unwrap().remove(0);
    assert_eq!((error.key.as_deref(), error.code.as_deref(), answer.deleted.is_none()), (Some("a"), Some("AccessDenied"), true));
    assert_eq!(cloud.text("a").await, "x");
}

#[tokio::test]
async fn a_copy_requires_permission_to_read_its_source() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    let theirs = CreateBucketRequest { bucket: "theirs".into(), ..Default::default() };
    cloud.as_caller::<CreateBucket>(other_account(), "us-east-1", theirs).await.unwrap();
    let request = CopyObjectRequest { bucket: "theirs".into(), key: "b".into(), copy_source: format!("{BUCKET}/a"), ..Default::default() };
    assert_eq!(code(cloud.as_caller::<CopyObject>(other_account(), "us-east-1", request).await), "AccessDenied");
}

#[tokio::test]
async fn each_account_has_its_own_canonical_id() {
    let cloud = TestCloud::new();
    let id =
        async |caller| cloud.as_caller::<ListBuckets>(caller, "us-east-1", ListBucketsRequest::default()).await.unwrap().output.owner.unwrap().id;
    let (one, two) = (id(root(Account::default())).await, id(other_account()).await);
    assert_ne!(one, two);
    assert_eq!(one, id(root(Account::default())).await);
}
