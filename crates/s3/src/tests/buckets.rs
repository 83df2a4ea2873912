use super::fixture::*;
use crate::api::*;
use cloudlet_aws::Account;

fn in_region(bucket: &str, constraint: Option<&str>) -> CreateBucketRequest {
    let configuration = |constraint: &str| CreateBucketConfiguration { location_constraint: Some(constraint.into()), ..Default::default() };
    CreateBucketRequest { bucket: bucket.into(), create_bucket_configuration: constraint.map(configuration), ..Default::default() }
}

#[tokio::test]
async fn a_bucket_is_created_listed_and_deleted() {
    let cloud = TestCloud::new();
    let created = cloud.call::<CreateBucket>(CreateBucketRequest { bucket: "b-1".into(), ..Default::default() }).await.unwrap();
    assert_eq!((created.location.as_deref(), created.bucket_arn.as_deref()), (Some("/b-1"), Some("arn:aws:s3:::b-1")));
    let found = cloud.call::<HeadBucket>(HeadBucketRequest { bucket: "b-1".into(), ..Default::default() }).await.unwrap();
    assert_eq!((found.bucket_region.as_deref(), found.access_point_alias), (Some("us-east-1"), Some(false)));
    let listed = cloud.call::<ListBuckets>(ListBucketsRequest::default()).await.unwrap();
    let bucket = &listed.buckets.unwrap()[0];
    assert_eq!((bucket.name.as_deref(), bucket.creation_date, bucket.bucket_region.as_deref()), (Some("b-1"), Some(START.whole_secs()), None));
    assert_eq!(listed.owner.unwrap().id.unwrap().len(), 64);
    cloud.call::<DeleteBucket>(DeleteBucketRequest { bucket: "b-1".into(), ..Default::default() }).await.unwrap();
    let again = cloud.call::<DeleteBucket>(DeleteBucketRequest { bucket: "b-1".into(), ..Default::default() }).await;
    assert_eq!(refused_with(again, "BucketName"), ("NoSuchBucket".into(), "b-1".into()));
}

#[tokio::test]
async fn a_bucket_with_objects_cannot_be_deleted() {
    let cloud = TestCloud::with_bucket().await;
    cloud.put("a", "x").await;
    let delete = || cloud.call::<DeleteBucket>(DeleteBucketRequest { bucket: BUCKET.into(), ..Default::default() });
    assert_eq!(refusal(delete().await), ("BucketNotEmpty".into(), 409, "The bucket you tried to delete is not empty".into()));
    cloud.delete("a").await;
    delete().await.unwrap();
}

#[tokio::test]
async fn a_bucket_name_can_be_used_once() {
    let cloud = TestCloud::with_bucket().await;
    let create = |caller, region| cloud.as_caller::<CreateBucket>(caller, region, in_region(BUCKET, (region != "us-east-1").then_some(region)));
    // In us-east-1 creating an own bucket again is a success.
    assert!(create(root(Account::default()), "us-east-1").await.is_ok());
    assert_eq!(refusal(create(root(Account::default()), "eu-west-1").await).0, "BucketAlreadyOwnedByYou");
    let other = create(root(account("000000000002")), "us-east-1").await;
    assert_eq!(refused_with(other, "BucketName"), ("BucketAlreadyExists".into(), BUCKET.into()));
}

#[tokio::test]
async fn the_location_constraint_must_match_the_endpoint() {
    let cloud = TestCloud::new();
    let create = |here, there| cloud.as_caller::<CreateBucket>(root(Account::default()), here, in_region("b-1", there));
    let illegal = |there: &str| {
        let text = format!("The {there} location constraint is incompatible for the region specific endpoint this request was sent to.");
        ("IllegalLocationConstraintException".to_owned(), 400, text)
    };
    assert_eq!(refusal(create("us-east-2", None).await), illegal("unspecified"));
    assert_eq!(refusal(create("us-east-2", Some("us-west-1")).await), illegal("us-west-1"));
    assert_eq!(refusal(create("us-east-2", Some("EU")).await), illegal("EU"));
    assert_eq!(
        refused_with(create("us-east-1", Some("us-east-1")).await, "LocationConstraint"),
        ("InvalidLocationConstraint".into(), "us-east-1".into())
    );
    assert_eq!(code(create("us-east-1", Some("moon-1")).await), "InvalidLocationConstraint");
    assert_eq!(refused_with(create("us-east-1", Some("")).await, "LocationConstraint"), ("InvalidLocationConstraint".into(), String::new()));
    let created = create("eu-west-1", Some("EU")).await.unwrap().output;
    assert_eq!(created.location.as_deref(), Some("http://b-1.s3.amazonaws.com/"));
    let location = cloud.call::<GetBucketLocation>(GetBucketLocationRequest { bucket: "b-1".into(), ..Default::default() }).await.unwrap();
    assert_eq!(location.location_constraint.as_deref(), Some("EU"));
}

#[tokio::test]
async fn names_ownership_and_acls_are_checked() {
    let cloud = TestCloud::new();
    let create = |change: fn(&mut CreateBucketRequest)| {
        let mut request = CreateBucketRequest { bucket: "b-1".into(), ..Default::default() };
        change(&mut request);
        cloud.call::<CreateBucket>(request)
    };
    let bad = create(|request| request.bucket = "Upper".into()).await;
    assert_eq!(refused_with(bad, "BucketName"), ("InvalidBucketName".into(), "Upper".into()));
    let bad = create(|request| request.object_ownership = Some("RandomValue".into())).await;
    assert_eq!(refusal(bad).2, "Invalid x-amz-object-ownership header: RandomValue");
    let bad = create(|request| request.acl = Some("public-read".into())).await;
    assert_eq!(code(bad), "InvalidBucketAclWithObjectOwnership");
    let bad = create(|request| (request.acl, request.object_ownership) = (Some("public-read".into()), Some("ObjectWriter".into()))).await;
    assert_eq!(code(bad), "InvalidBucketAclWithBlockPublicAccessError");
    let bad = create(|request| request.acl = Some("fake-acl".into())).await;
    assert_eq!(refused_with(bad, "ArgumentValue"), ("InvalidArgument".into(), "fake-acl".into()));
    create(|request| request.acl = Some("private".into())).await.unwrap();
}

#[tokio::test]
async fn the_configuration_of_a_new_bucket_is_checked() {
    let cloud = TestCloud::new();
    let create = |configuration: CreateBucketConfiguration| {
        cloud.call::<CreateBucket>(CreateBucketRequest {
            bucket: "b-1".into(),
            create_bucket_configuration: Some(configuration),
            ..Default::default()
        })
    };
    let tags = |keys: &[&str]| CreateBucketConfiguration {
        tags: Some(keys.iter().map(|key| Tag { key: (*key).into(), value: "v".into() }).collect()),
        ..Default::default()
    };
    let directory = CreateBucketConfiguration { bucket: Some(BucketInfo::default()), ..Default::default() };
    assert_eq!(refusal(create(directory).await).1, 501);
    let internal = ("InternalError".to_owned(), 500, "We encountered an internal error. Please try again.".to_owned());
    assert_eq!(refusal(create(tags(&["a", "b", "a"])).await), internal);
    assert_eq!(refused_with(create(tags(&["aws:a"])).await, "TagKey"), ("InvalidTag".into(), "aws:a".into()));
    let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    assert_eq!(code(create(tags(&many.iter().map(String::as_str).collect::<Vec<_>>())).await), "BadRequest");
    create(tags(&["a", "b"])).await.unwrap();
    let anonymous = cloud.as_caller::<CreateBucket>(cloudlet_aws::Caller::anonymous(), "us-east-1", in_region("b-2", None)).await;
    assert_eq!(refusal(anonymous).2, "Anonymous users cannot invoke this API. Please authenticate.");
}

#[tokio::test]
async fn the_expected_owner_must_be_the_owner() {
    let cloud = TestCloud::with_bucket().await;
    let head = |owner: &str| cloud.call::<HeadBucket>(HeadBucketRequest { bucket: BUCKET.into(), expected_bucket_owner: Some(owner.into()) });
    head("000000000000").await.unwrap();
    assert_eq!(refusal(head("000000000001").await), ("AccessDenied".into(), 403, "Access Denied".into()));
    let text = "The value of the expected bucket owner parameter must be an AWS Account ID... [abcd]";
    assert_eq!(refusal(head("abcd").await), ("InvalidBucketOwnerAWSAccountID".into(), 400, text.into()));
}

#[tokio::test]
async fn buckets_are_listed_in_pages_and_by_prefix_and_region() {
    let cloud = TestCloud::new();
    for bucket in ["a-1", "a-2", "a-3", "b-1"] {
        cloud.create(bucket).await;
    }
    cloud.as_caller::<CreateBucket>(root(Account::default()), "eu-west-1", in_region("a-4", Some("eu-west-1"))).await.unwrap();
    cloud.as_caller::<CreateBucket>(root(account("000000000002")), "us-east-1", in_region("a-5", None)).await.unwrap();
    let list = async |request: ListBucketsRequest| {
        let listed = cloud.call::<ListBuckets>(request).await.unwrap();
        (listed.buckets.unwrap().into_iter().map(|bucket| bucket.name.unwrap()).collect::<Vec<_>>(), listed.continuation_token)
    };
    assert_eq!(list(ListBucketsRequest::default()).await, (["a-1", "a-2", "a-3", "a-4", "b-1"].map(String::from).to_vec(), None));
    let (page, token) = list(ListBucketsRequest { max_buckets: Some(2), prefix: Some("a-".into()), ..Default::default() }).await;
    assert_eq!((page, token.is_some()), (vec!["a-1".to_owned(), "a-2".into()], true));
    let (page, token) =
        list(ListBucketsRequest { max_buckets: Some(2), prefix: Some("a-".into()), continuation_token: token, ..Default::default() }).await;
    assert_eq!((page, token), (vec!["a-3".to_owned(), "a-4".into()], None));
    let in_region = || ListBucketsRequest { bucket_region: Some("eu-west-1".into()), ..Default::default() };
    let western = cloud.as_caller::<ListBuckets>(root(Account::default()), "eu-west-1", in_region()).await.unwrap().output.buckets.unwrap();
    assert_eq!(western.iter().map(|bucket| bucket.name.as_deref().unwrap()).collect::<Vec<_>>(), ["a-4"]);
    let elsewhere = refusal(cloud.call::<ListBuckets>(in_region()).await);
    assert_eq!(elsewhere.2, "Requests with bucket-region specified must be made to the corresponding regional endpoint");
    let bad = cloud.call::<ListBuckets>(ListBucketsRequest { bucket_region: Some("eu-east-1".into()), ..Default::default() }).await;
    assert_eq!(refusal(bad).2, "Argument value eu-east-1 is not a valid AWS Region");
    let bad = cloud.call::<ListBuckets>(ListBucketsRequest { continuation_token: Some("?".into()), ..Default::default() }).await;
    assert_eq!(refusal(bad).2, "The continuation token provided is incorrect");
    assert_eq!(code(cloud.call::<ListBuckets>(ListBucketsRequest { max_buckets: Some(0), ..Default::default() }).await), "InvalidArgument");
}
