//! Who may do what: bucket policies, Block Public Access, ACLs, ownership, Requester Pays.

use super::fixture::*;
use crate::{api::*, owners::canonical_id};
use cloudlet_aws::{Account, Caller, Fault, Identity};
use cloudlet_shape::Operation;
use cloudlet_testing::{other_account, service, user};

const OBJECTS: &str = "arn:aws:s3:::test-bucket/*";

fn allow(principal: &str, action: &str, resource: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"{action}","Resource":"{resource}"{condition}}}]}}"#
    )
}

async fn put_policy(cloud: &TestCloud, policy: &str) -> Result<cloudlet_shape::Empty, Fault> {
    cloud.call::<PutBucketPolicy>(PutBucketPolicyRequest { bucket: BUCKET.into(), policy: policy.into(), ..Default::default() }).await
}

async fn open(cloud: &TestCloud) {
    cloud.call::<DeletePublicAccessBlock>(DeletePublicAccessBlockRequest { bucket: BUCKET.into(), ..Default::default() }).await.unwrap();
}

async fn own(cloud: &TestCloud, ownership: &str) {
    let ownership_controls = OwnershipControls { rules: vec![OwnershipControlsRule { object_ownership: ownership.into() }] };
    let request = PutBucketOwnershipControlsRequest { bucket: BUCKET.into(), ownership_controls, ..Default::default() };
    cloud.call::<PutBucketOwnershipControls>(request).await.unwrap();
}

/// `Ok`, or the code of the fault.
async fn outcome<O: Operation>(cloud: &TestCloud, caller: &Caller, input: O::Input) -> String {
    match cloud.as_caller::<O>(caller.clone(), "us-east-1", input).await {
        Ok(_) => "Ok".to_owned(),
        Err(fault) => fault.code().to_owned(),
    }
}

async fn is_public(cloud: &TestCloud) -> Option<bool> {
    let status = cloud.call::<GetBucketPolicyStatus>(GetBucketPolicyStatusRequest { bucket: BUCKET.into(), ..Default::default() }).await;
    status.unwrap().policy_status.unwrap().is_public
}

#[tokio::test]
async fn a_policy_is_answered_byte_for_byte_and_decides() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    let load_balancer = Caller::root(account("582318560864"), "aws", None);
    let policy = allow(r#"{"AWS": "arn:aws:iam::582318560864:root"}"#, "s3:PutObject", OBJECTS, " ");
    put_policy(&cloud, &policy).await.unwrap();
    let request = GetBucketPolicyRequest { bucket: BUCKET.into(), ..Default::default() };
    assert_eq!(cloud.call::<GetBucketPolicy>(request.clone()).await.unwrap().policy.as_deref(), Some(policy.as_str()));
    assert_eq!(outcome::<PutObject>(&cloud, &load_balancer, put("log", "x")).await, "Ok");
    assert_eq!(outcome::<GetObject>(&cloud, &load_balancer, get("a")).await, "AccessDenied");
    assert_eq!(outcome::<PutObject>(&cloud, &other_account(), put("log", "x")).await, "AccessDenied");
    assert_eq!(is_public(&cloud).await, Some(false));
    // The other account's user needs a policy of its own too.
    assert_eq!(outcome::<PutObject>(&cloud, &user(account("582318560864"), "u"), put("log", "x")).await, "AccessDenied");
    cloud.call::<DeleteBucketPolicy>(DeleteBucketPolicyRequest { bucket: BUCKET.into(), ..Default::default() }).await.unwrap();
    assert_eq!(code(cloud.call::<GetBucketPolicy>(request).await), "NoSuchBucketPolicy");
    assert_eq!(outcome::<PutObject>(&cloud, &load_balancer, put("log", "x")).await, "AccessDenied");
}

#[tokio::test]
async fn a_public_policy_is_blocked_restricted_or_open() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    let policy = allow(r#""*""#, "s3:GetObject", OBJECTS, "");
    let (code, status, message) = refusal(put_policy(&cloud, &policy).await);
    assert_eq!((code.as_str(), status), ("AccessDenied", 403));
    assert!(message.ends_with("because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access"), "{message}");
    open(&cloud).await;
    put_policy(&cloud, &policy).await.unwrap();
    assert_eq!(is_public(&cloud).await, Some(true));
    let nobody = user(Account::default(), "nobody");
    let callers = [Caller::anonymous(), other_account(), nobody, service("cloudfront.amazonaws.com", "arn:aws:cloudfront::1:distribution/E")];
    for caller in &callers {
        assert_eq!(outcome::<GetObject>(&cloud, caller, get("a")).await, "Ok", "{}", caller.arn);
    }
    let restrict = PublicAccessBlockConfiguration { restrict_public_buckets: Some(true), ..Default::default() };
    let request = PutPublicAccessBlockRequest { bucket: BUCKET.into(), public_access_block_configuration: restrict, ..Default::default() };
    cloud.call::<PutPublicAccessBlock>(request).await.unwrap();
    for (caller, expected) in callers.iter().zip(["AccessDenied", "AccessDenied", "Ok", "Ok"]) {
        assert_eq!(outcome::<GetObject>(&cloud, caller, get("a")).await, expected, "{}", caller.arn);
    }
}

#[tokio::test]
async fn the_root_of_the_owner_is_not_locked_out() {
    let cloud = TestCloud::with_bucket().await;
    let deny = allow(r#""*""#, "s3:*", "arn:aws:s3:::test-bucket", "").replace("Allow", "Deny");
    put_policy(&cloud, &deny).await.unwrap();
    let list = ListObjectsV2Request { bucket: BUCKET.into(), ..Default::default() };
    assert_eq!(outcome::<ListObjectsV2>(&cloud, &root(Account::default()), list).await, "AccessDenied");
    cloud.call::<DeleteBucketPolicy>(DeleteBucketPolicyRequest { bucket: BUCKET.into(), ..Default::default() }).await.unwrap();
}

#[tokio::test]
async fn acls_grant_once_they_are_enabled() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    let set = |acl: &str| PutObjectAclRequest { bucket: BUCKET.into(), key: "a".into(), acl: Some(acl.into()), ..Default::default() };
    assert_eq!(code(cloud.call::<PutObjectAcl>(set("public-read")).await), "AccessControlListNotSupported");
    own(&cloud, "ObjectWriter").await;
    let (code, _, message) = refusal(cloud.call::<PutObjectAcl>(set("public-read")).await);
    assert_eq!(code, "AccessDenied");
    assert!(message.contains("BlockPublicAcls"), "{message}");
    open(&cloud).await;
    cloud.call::<PutObjectAcl>(set("public-read")).await.unwrap();
    assert_eq!(outcome::<GetObject>(&cloud, &Caller::anonymous(), get("a")).await, "Ok");
    let ignore = PublicAccessBlockConfiguration { ignore_public_acls: Some(true), ..Default::default() };
    let request = PutPublicAccessBlockRequest { bucket: BUCKET.into(), public_access_block_configuration: ignore, ..Default::default() };
    cloud.call::<PutPublicAccessBlock>(request).await.unwrap();
    assert_eq!(outcome::<GetObject>(&cloud, &Caller::anonymous(), get("a")).await, "AccessDenied");
    open(&cloud).await;
    cloud.call::<PutObjectAcl>(set("authenticated-read")).await.unwrap();
    assert_eq!(outcome::<GetObject>(&cloud, &Caller::anonymous(), get("a")).await, "AccessDenied");
    assert_eq!(outcome::<GetObject>(&cloud, &other_account(), get("a")).await, "Ok");
    own(&cloud, "BucketOwnerEnforced").await;
    assert_eq!(outcome::<GetObject>(&cloud, &other_account(), get("a")).await, "AccessDenied");
}

#[tokio::test]
async fn a_writer_of_another_account_owns_its_object() {
    let cloud = TestCloud::with_bucket().await;
    own(&cloud, "ObjectWriter").await;
    open(&cloud).await;
    let acl = PutBucketAclRequest { bucket: BUCKET.into(), acl: Some("public-read-write".into()), ..Default::default() };
    cloud.call::<PutBucketAcl>(acl).await.unwrap();
    let other = other_account();
    assert_eq!(outcome::<PutObject>(&cloud, &other, put("theirs", "x")).await, "Ok");
    assert_eq!(outcome::<GetObject>(&cloud, &other, get("theirs")).await, "Ok");
    // The owner of the bucket may not read it, whatever its policy says, until the ACL grants it.
    assert_eq!(outcome::<GetObject>(&cloud, &root(Account::default()), get("theirs")).await, "AccessDenied");
    put_policy(&cloud, &allow(r#"{"AWS":"000000000000"}"#, "s3:GetObject", OBJECTS, "")).await.unwrap();
    assert_eq!(outcome::<GetObject>(&cloud, &root(Account::default()), get("theirs")).await, "AccessDenied");
    let acl = |acl: &str| PutObjectAclRequest { bucket: BUCKET.into(), key: "theirs".into(), acl: Some(acl.into()), ..Default::default() };
    assert_eq!(outcome::<PutObjectAcl>(&cloud, &other, acl("bucket-owner-full-control")).await, "Ok");
    assert_eq!(outcome::<GetObject>(&cloud, &root(Account::default()), get("theirs")).await, "Ok");
    let request = GetObjectAclRequest { bucket: BUCKET.into(), key: "theirs".into(), ..Default::default() };
    let shown = cloud.call::<GetObjectAcl>(request).await.unwrap();
    assert_eq!(shown.owner.unwrap().id, Some(canonical_id(other.account.unwrap())));
    assert_eq!(shown.grants.unwrap().len(), 2);
    own(&cloud, "BucketOwnerPreferred").await;
    let full = PutObjectRequest { acl: Some("bucket-owner-full-control".into()), ..put("ours", "x") };
    assert_eq!(outcome::<PutObject>(&cloud, &other, full).await, "Ok");
    assert_eq!(outcome::<GetObject>(&cloud, &other, get("ours")).await, "AccessDenied");
    assert_eq!(outcome::<GetObject>(&cloud, &root(Account::default()), get("ours")).await, "Ok");
    assert!(matches!(other.identity, Identity::Root));
}

#[tokio::test]
async fn a_missing_key_is_told_to_who_may_list() {
    let cloud = TestCloud::with_bucket().await;
    own(&cloud, "ObjectWriter").await;
    open(&cloud).await;
    assert_eq!(outcome::<GetObject>(&cloud, &Caller::anonymous(), get("none")).await, "AccessDenied");
    let acl = PutBucketAclRequest { bucket: BUCKET.into(), acl: Some("public-read".into()), ..Default::default() };
    cloud.call::<PutBucketAcl>(acl).await.unwrap();
    assert_eq!(outcome::<GetObject>(&cloud, &Caller::anonymous(), get("none")).await, "NoSuchKey");
}

#[tokio::test]
async fn settings_of_access_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = TestCloud::in_folder(folder.path());
    cloud.create(BUCKET).await;
    own(&cloud, "ObjectWriter").await;
    open(&cloud).await;
    put_policy(&cloud, &allow(r#""*""#, "s3:GetObject", OBJECTS, "")).await.unwrap();
    let before = cloud.state();
    let cloud = cloud.reopen();
    assert_eq!(cloud.state(), before);
    assert_eq!(is_public(&cloud).await, Some(true));
}

#[tokio::test]
async fn other_accounts_pay_where_the_requester_does() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    put_policy(&cloud, &allow(r#"{"AWS":"111111111111"}"#, "s3:*", "arn:aws:s3:::test-bucket*", "")).await.unwrap();
    let request_payment_configuration = RequestPaymentConfiguration { payer: "Requester".into() };
    let request = PutBucketRequestPaymentRequest { bucket: BUCKET.into(), request_payment_configuration, ..Default::default() };
    cloud.call::<PutBucketRequestPayment>(request).await.unwrap();
    let shown = cloud.call::<GetBucketRequestPayment>(GetBucketRequestPaymentRequest { bucket: BUCKET.into(), ..Default::default() }).await;
    assert_eq!(shown.unwrap().payer.as_deref(), Some("Requester"));
    assert_eq!(outcome::<GetObject>(&cloud, &other_account(), get("a")).await, "AccessDenied");
    let paying = GetObjectRequest { request_payer: Some("requester".into()), ..get("a") };
    let answer = cloud.as_caller::<GetObject>(other_account(), "us-east-1", paying).await.unwrap();
    assert!(answer.headers.contains(&("x-amz-request-charged", "requester".to_owned())));
    assert_eq!(outcome::<GetObject>(&cloud, &root(Account::default()), get("a")).await, "Ok");
}
