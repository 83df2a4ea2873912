//! What operations ask for, and what they find out about the bucket before anybody is asked.

use crate::{
    S3, faults, names,
    state::{Bucket, Contents},
};
use cloudlet_aws::{Account, Arn, Fault, FaultKind, Identity};
use cloudlet_engine::{Cx, DerivedKey, Permission, SignatureKind};
use cloudlet_shape::Operation;
use cloudlet_store::MappedStore;
use std::sync::Arc;

/// A bucket that was found, with the account that owns it.
pub struct Found {
    pub name: Arc<str>,
    pub bucket: Arc<Bucket>,
    pub contents: Arc<MappedStore<Contents>>,
}

/// A bucket that somebody deleted meanwhile.
pub fn gone(bucket: &str) -> impl Fn() -> Fault + '_ {
    move || faults::no_such_bucket(bucket)
}

impl S3 {
    /// The bucket of a call: it exists, it is in the region the call was signed for, and it is whose the caller thinks it is.
    pub fn find(&self, cx: &Cx, name: &str, expected_owner: Option<&String>) -> Result<Found, Fault> {
        let found = self.find_anywhere(name, expected_owner)?;
        check_region(cx, &found.bucket)?;
        Ok(found)
    }

    /// The same in whichever region the bucket is: the source of a copy.
    pub fn find_anywhere(&self, name: &str, expected_owner: Option<&String>) -> Result<Found, Fault> {
        check_expected(expected_owner)?;
        let contents = self.buckets.get(name).ok_or_else(|| faults::no_such_bucket(name))?;
        let bucket = contents.read(|contents| contents.bucket.get(&()).cloned()).flatten().ok_or_else(|| faults::no_such_bucket(name))?;
        match expected_owner {
            Some(expected) if *expected != bucket.owner.as_str() => Err(faults::access_denied()),
            _ => Ok(Found { name: name.into(), bucket, contents }),
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>
fn check_expected(owner: Option<&String>) -> Result<(), Fault> {
    match owner {
        Some(owner) if Account::parse(owner).is_none() => Err(FaultKind::sender("InvalidBucketOwnerAWSAccountID", 400)
            .says(format!("The value of the expected bucket owner parameter must be an AWS Account ID... [{owner}]"))),
        _ => Ok(()),
    }
}

/// A bucket answers to signatures of its own region only. SigV2 and SigV4A name none.
fn check_region(cx: &Cx, bucket: &Bucket) -> Result<(), Fault> {
    let names_a_region = cx.origin.signed.is_some_and(|signed| signed.version == "AWS4-HMAC-SHA256");
    if !names_a_region || cx.scope.region == bucket.region {
        return Ok(());
    }
    let (wrong, right) = (&cx.scope.region, &bucket.region);
    Err(FaultKind::sender("AuthorizationHeaderMalformed", 400)
        .says(format!("The authorization header is malformed; the region '{wrong}' is wrong; expecting '{right}'"))
        .with("Region", right.as_str())
        .with_header("x-amz-bucket-region", right.as_str()))
}

impl Found {
    /// An ask of the operation's own action on the bucket.
    pub fn permission<O: Operation>(&self, cx: &Cx) -> Permission {
        self.over(Permission::of::<O>(names::bucket_arn(cx, &self.name)))
    }

    pub fn ask_for(&self, cx: &Cx, action: &'static str) -> Permission {
        self.over(Permission::action(action, names::bucket_arn(cx, &self.name)))
    }

    /// An ask on one of its objects.
    pub fn permission_on(&self, cx: &Cx, action: &'static str, key: &str) -> Permission {
        self.over(Permission::action(action, names::object_arn(cx, &self.name, key)))
    }

    /// An object's version has actions of its own.
    pub fn ask_version(&self, cx: &Cx, actions: [&'static str; 2], key: &str, version: Option<&String>) -> Permission {
        let [current, versioned] = actions;
        match version {
            None => self.permission_on(cx, current, key),
            Some(version) => self.permission_on(cx, versioned, key).with_key("s3:VersionId", version.clone()),
        }
    }

    fn over(&self, permission: Permission) -> Permission {
        of_the_call(permission.owned_by(self.bucket.owner))
    }

    /// What a missing key is: 404 for who may list the bucket, 403 for who may not.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
    pub fn missing<O: Operation>(&self, cx: &Cx, fault: Fault) -> Fault {
        if matches!(cx.caller.identity, Identity::Root) && cx.caller.account == Some(self.bucket.owner) {
            return fault;
        }
        match cx.check::<O>(&self.ask_for(cx, "s3:ListBucket")) {
            Ok(()) => fault,
            Err(denied) => denied,
        }
    }
}

/// The account a call that owns nothing yet works in.
pub fn own(cx: &Cx, action: &'static str) -> Permission {
    of_the_call(Permission::action(action, Arn::any()).owned_by(cx.scope.account))
}

/// The keys that every action of S3 has, and that follow from the call: how it was signed, and whose it is.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html>
const DERIVED: [DerivedKey; 6] = [
    DerivedKey {
        name: "s3:authType",
        value: |cx, _| {
            let kind = match cx.origin.signed?.kind {
                SignatureKind::Header => "REST-HEADER",
                SignatureKind::Query => "REST-QUERY-STRING",
                SignatureKind::Post => "POST",
            };
            Some(kind.into())
        },
    },
    DerivedKey { name: "s3:signatureversion", value: |cx, _| Some(cx.origin.signed?.version.into()) },
    DerivedKey { name: "s3:signatureAge", value: |cx, _| Some(cx.origin.signed?.age.max(0).into()) },
    // The hash of a body that was signed is not kept: nobody writes a policy for one body.
    DerivedKey { name: "s3:x-amz-content-sha256", value: |cx, _| Some(cx.origin.signed?.payload?.into()) },
    DerivedKey { name: "s3:ResourceAccount", value: |_, permission| Some(permission.owner?.into()) },
    // As with aws:SecureTransport: the way to a local endpoint is as safe as TLS makes the real one.
    DerivedKey { name: "s3:TlsVersion", value: |_, _| Some("1.3".into()) },
];

pub fn of_the_call(permission: Permission) -> Permission {
    Permission { derived: &DERIVED, ..permission }
}
