use super::fixture::*;
use crate::api::*;
use cloudlet_aws::{Account, Caller, Identity};

fn stranger() -> Caller {
    root(account("000000000002"))
}

/// A user who may do nothing at all.
fn nobody() -> Caller {
    Caller {
        account: Some(Account::default()),
        identity: Identity::User { name: "nobody".into() },
        arn: "arn:aws:iam::000000000000:user/nobody".into(),
        unique_id: "AIDANOBODY".into(),
        access_key: None,
    }
}

#[tokio::test]
async fn a_bucket_is_its_accounts_alone() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    for caller in [stranger(), nobody(), Caller::anonymous()] {
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
    let (_, status, text) = refusal(cloud.as_caller::<GetObject>(nobody(), "us-east-1", get("a")).await);
    assert_eq!(status, 403);
    assert!(
        text.starts_with(
            "User: arn:aws:iam::000000000000:user/nobody is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::test-bucket/a\""
        ),
        "{text}"
    );
}

#[tokio::test]
async fn of_many_deletions_each_is_decided_alone() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    let objects = vec![ObjectIdentifier { key: "a".into(), ..Default::default() }];
    let request = DeleteObjectsRequest { bucket: BUCKET.into(), delete: Delete { objects, quiet: None }, ..Default::default() };
    let answer = cloud.as_caller::<DeleteObjects>(stranger(), "us-east-1", request).await.unwrap().output;
    let error = answer.errors.unwrap().remove(0);
    assert_eq!((error.key.as_deref(), error.code.as_deref(), answer.deleted.is_none()), (Some("a"), Some("AccessDenied"), true));
    assert_eq!(cloud.text("a").await, "x");
}

#[tokio::test]
async fn a_copy_needs_leave_to_read_its_source() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    let theirs = CreateBucketRequest { bucket: "theirs".into(), ..Default::default() };
    cloud.as_caller::<CreateBucket>(stranger(), "us-east-1", theirs).await.unwrap();
    let request = CopyObjectRequest { bucket: "theirs".into(), key: "b".into(), copy_source: format!("{BUCKET}/a"), ..Default::default() };
    assert_eq!(code(cloud.as_caller::<CopyObject>(stranger(), "us-east-1", request).await), "AccessDenied");
}

#[tokio::test]
async fn a_canonical_id_is_an_accounts_own() {
    let cloud = TestCloud::new();
    let id =
        async |caller| cloud.as_caller::<ListBuckets>(caller, "us-east-1", ListBucketsRequest::default()).await.unwrap().output.owner.unwrap().id;
    let (one, two) = (id(root(Account::default())).await, id(stranger()).await);
    assert_ne!(one, two);
    assert_eq!(one, id(root(Account::default())).await);
}
