//! Every combination of bucket policy, Block Public Access, object ownership, ACL and caller, against what AWS's pages say, in plain words.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>

use super::fixture::*;
use crate::api::*;
use cloudlet_aws::{Account, Caller};
use cloudlet_testing::{other_account, user};

const OTHER: &str = r#"{"AWS":"{other}"}"#;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    OwnersRoot,
    OwnersUser,
    OtherRoot,
    Anonymous,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    /// The statements of the policy: effect and principal.
    policy: &'static [(&'static str, &'static str)],
    restrict_public: bool,
    ignore_acls: bool,
    enforced: bool,
    acl: &'static str,
    who: Who,
}

const POLICIES: [&[(&str, &str)]; 6] = [
    &[],
    &[("Allow", "\"*\"")],
    &[("Allow", OTHER)],
    &[("Deny", OTHER)],
    &[("Allow", "\"*\""), ("Deny", OTHER)],
    &[("Allow", "\"*\""), ("Allow", OTHER)],
];

/// Whether GetObject is allowed, decided one sentence at a time.
fn oracle(case: &Case) -> bool {
    let names = |principal: &str| principal == "\"*\"" || case.who == Who::OtherRoot;
    let of_owner = matches!(case.who, Who::OwnersRoot | Who::OwnersUser);
    // An explicit deny wins.
    if case.policy.iter().any(|(effect, principal)| *effect == "Deny" && names(principal)) {
        return false;
    }
    // The root of the owner may do what nobody denies.
    if case.who == Who::OwnersRoot {
        return true;
    }
    // A policy is public if one of its allows is for everybody. RestrictPublicBuckets: it then allows the account of the owner alone.
    let is_public = case.policy.iter().any(|(effect, principal)| *effect == "Allow" && *principal == "\"*\"");
    let policy_counts = !(case.restrict_public && is_public) || of_owner;
    if policy_counts && case.policy.iter().any(|(effect, principal)| *effect == "Allow" && names(principal)) {
        return true;
    }
    // An ACL counts while ownership does not disable it, and a public one while it is not ignored.
    if case.enforced || case.ignore_acls {
        return false;
    }
    match case.acl {
        "public-read" => true,
        "authenticated-read" => case.who != Who::Anonymous,
        _ => false,
    }
}

async fn allowed(cloud: &TestCloud, who: Who) -> bool {
    let caller = match who {
        Who::OwnersRoot => root(Account::default()),
        Who::OwnersUser => user(Account::default(), "nobody"),
        Who::OtherRoot => other_account(),
        Who::Anonymous => Caller::anonymous(),
    };
    match cloud.as_caller::<GetObject>(caller, "us-east-1", get("a")).await {
        Ok(_) => true,
        Err(fault) => {
            assert_eq!((fault.code(), fault.status()), ("AccessDenied", 403));
            false
        }
    }
}

async fn own(cloud: &TestCloud, ownership: &str) {
    let ownership_controls = OwnershipControls { rules: vec![OwnershipControlsRule { object_ownership: ownership.into() }] };
    let request = PutBucketOwnershipControlsRequest { bucket: BUCKET.into(), ownership_controls, ..Default::default() };
    cloud.call::<PutBucketOwnershipControls>(request).await.unwrap();
}

async fn block(cloud: &TestCloud, restrict: bool, ignore: bool) {
    let configuration =
        PublicAccessBlockConfiguration { restrict_public_buckets: Some(restrict), ignore_public_acls: Some(ignore), ..Default::default() };
    let request = PutPublicAccessBlockRequest { bucket: BUCKET.into(), public_access_block_configuration: configuration, ..Default::default() };
    cloud.call::<PutPublicAccessBlock>(request).await.unwrap();
}

/// No statements: no policy.
async fn set_policy(cloud: &TestCloud, statements: &[(&str, &str)]) {
    let other = other_account().arn.to_string();
    let each = statements.iter().map(|(effect, principal)| {
        let principal = principal.replace("{other}", &other);
        format!(r#"{{"Effect":"{effect}","Principal":{principal},"Action":"s3:GetObject","Resource":"arn:aws:s3:::{BUCKET}/*"}}"#)
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() {
        cloud.call::<DeleteBucketPolicy>(DeleteBucketPolicyRequest { bucket: BUCKET.into(), ..Default::default() }).await.unwrap();
    } else {
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, each.join(","));
        cloud.call::<PutBucketPolicy>(PutBucketPolicyRequest { bucket: BUCKET.into(), policy, ..Default::default() }).await.unwrap();
    }
}

#[tokio::test]
async fn access_is_what_the_pages_say() {
    let cloud = TestCloud::with_bucket().await;
    let mut count = 0;
    for acl in ["private", "public-read", "authenticated-read"] {
        block(&cloud, false, false).await;
        own(&cloud, "ObjectWriter").await;
        cloud.call::<PutObject>(PutObjectRequest { acl: Some(acl.into()), ..put("a", "x") }).await.unwrap();
        for policy in POLICIES {
            block(&cloud, false, false).await;
            set_policy(&cloud, policy).await;
            for enforced in [false, true] {
                own(&cloud, if enforced { "BucketOwnerEnforced" } else { "ObjectWriter" }).await;
                for (restrict_public, ignore_acls) in [(false, false), (false, true), (true, false), (true, true)] {
                    block(&cloud, restrict_public, ignore_acls).await;
                    for who in [Who::OwnersRoot, Who::OwnersUser, Who::OtherRoot, Who::Anonymous] {
                        let case = Case { policy, restrict_public, ignore_acls, enforced, acl, who };
                        assert_eq!(allowed(&cloud, who).await, oracle(&case), "{case:?}");
                        count += 1;
                    }
                }
            }
        }
    }
    assert_eq!(count, 3 * 6 * 2 * 4 * 4);
}
