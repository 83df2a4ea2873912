//! Finding the bucket of a call, and the permissions that operations on it need.

use crate::{
    S3, faults, lifecycle, names,
    state::{Abac, Bucket, BucketTables, Object},
    versions::{self, Found, VersionSelector},
};
use cloudlet_aws::{Account, Arn, Fault, FaultKind, Identity, Timestamp};
use cloudlet_engine::{Cx, DerivedKey, Permission, Permissions, SignatureKind};
use cloudlet_s3_access::{AccessPoint, AccessPointKey};
use cloudlet_s3_access::{AccessSettings, NetworkOrigin, PublicAccessBlock};
use cloudlet_shape::Operation;
use cloudlet_store::MappedStore;
use std::sync::Arc;

/// The access point of a request.
pub struct UsedAccessPoint {
    pub key: AccessPointKey,
    pub row: Arc<AccessPoint>,
}

/// A bucket that exists, with its tables.
#[derive(Clone)]
pub struct BucketHandle {
    pub name: Arc<str>,
    pub bucket: Arc<Bucket>,
    pub tables: Arc<MappedStore<BucketTables>>,
    settings: AccessSettings,
    access_point: Option<Arc<UsedAccessPoint>>,
}

/// The object that an action is about.
#[derive(Clone, Copy)]
pub struct AboutObject<'a> {
    pub key: &'a str,
    pub version: Option<&'a str>,
}

/// What a write comes to: a multipart upload is an object once it is completed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Creates {
    Object,
    Part,
}

/// The fault for a bucket that another call has deleted meanwhile.
pub fn gone(bucket: &str) -> impl Fn() -> Fault + '_ {
    move || faults::no_such_bucket(bucket)
}

impl S3 {
    /// The bucket of a call. It must be in the region that the call was signed for, and belong to the expected owner.
    pub fn find(&self, cx: &Cx, name: &str, expected_owner: Option<&String>) -> Result<BucketHandle, Fault> {
        let found = self.find_in_any_region(name, expected_owner)?;
        check_region(cx, &found.bucket)?;
        Ok(found)
    }

    /// The same whatever its region: the source of a copy.
    pub fn find_in_any_region(&self, name: &str, expected_owner: Option<&String>) -> Result<BucketHandle, Fault> {
        check_expected_owner(expected_owner)?;
        let (tables, access_point) = match self.buckets.get(name) {
            Some(tables) => (tables, None),
            None => {
                let used = self.access_point(name).ok_or_else(|| faults::no_such_bucket(name))?;
                // No request comes from a VPC here.
                if used.row.origin != NetworkOrigin::Internet {
                    return Err(faults::access_denied());
                }
                (self.buckets.get(&*used.row.bucket).ok_or_else(|| faults::no_such_bucket(name))?, Some(Arc::new(used)))
            }
        };
        let bucket = tables.read(|tables| tables.bucket.get(&()).cloned()).flatten().ok_or_else(|| faults::no_such_bucket(name))?;
        let name: Arc<str> = access_point.as_ref().map_or_else(|| name.into(), |used| used.row.bucket.clone());
        match expected_owner {
            Some(expected) if *expected != bucket.owner.as_str() => Err(faults::access_denied()),
            _ => Ok(BucketHandle { name, bucket, tables, settings: self.settings.clone(), access_point }),
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>
fn check_expected_owner(owner: Option<&String>) -> Result<(), Fault> {
    match owner {
        Some(owner) if Account::parse(owner).is_none() => Err(FaultKind::sender("InvalidBucketOwnerAWSAccountID", 400)
            .says(format!("The value of the expected bucket owner parameter must be an AWS Account ID... [{owner}]"))),
        _ => Ok(()),
    }
}

/// A SigV4 signature must name the bucket's region. SigV2 and SigV4A signatures name none.
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

impl BucketHandle {
    /// `x-amz-expiration`: of the current version, where a request names none.
    pub fn expiration(&self, selector: VersionSelector, key: &str, object: &Object) -> Option<String> {
        let lifecycle = self.bucket.background.lifecycle.as_ref().filter(|_| selector == VersionSelector::Current)?;
        lifecycle::expiration_header(lifecycle, key, object)
    }

    /// When a multipart upload is aborted unless it is finished, and by which lifecycle rule.
    pub fn abort_of_upload(&self, key: &str, initiated: Timestamp) -> Option<(Timestamp, &str)> {
        lifecycle::abort(self.bucket.background.lifecycle.as_ref()?, key, initiated)
    }

    /// The operation's own action on the bucket.
    pub fn permission<O: Operation>(&self, cx: &Cx) -> Permission {
        self.owned(cx, Permission::of::<O>(names::bucket_arn(cx, &self.name)), None)
    }

    /// The same for the policy itself. AWS: the root of the owner always may, so that no policy can lock the bucket for good.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html>
    pub fn owner_permission<O: Operation>(&self, cx: &Cx) -> Permissions {
        let mut permission = self.permission::<O>(cx);
        if matches!(cx.caller.identity, Identity::Root) && cx.caller.account == Some(self.bucket.owner) {
            permission.resource_policy = None;
        }
        permission.into()
    }

    pub fn bucket_permission(&self, cx: &Cx, action: &'static str) -> Permission {
        self.owned(cx, Permission::action(action, names::bucket_arn(cx, &self.name)), None)
    }

    pub fn object_permission(&self, cx: &Cx, action: &'static str, key: &str) -> Permission {
        self.owned(cx, Permission::action(action, names::object_arn(cx, &self.name, key)), Some(AboutObject { key, version: None }))
    }

    /// The permission to write an object, or something that is not one yet.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html>
    pub fn write_permission(&self, cx: &Cx, key: &str, creates: Creates) -> Permission {
        let value = if creates == Creates::Object { "true" } else { "false" };
        self.object_permission(cx, "s3:PutObject", key).with_key("s3:ObjectCreationOperation", value)
    }

    /// The first of the two actions, or the second one where the request names a version.
    pub fn version_permission(&self, cx: &Cx, actions: [&'static str; 2], key: &str, version_id: Option<&String>) -> Permission {
        let [of_object, of_version] = actions;
        match version_id {
            None => self.object_permission(cx, of_object, key),
            Some(version_id) => {
                let about = AboutObject { key, version: Some(version_id) };
                let permission = Permission::action(of_version, names::object_arn(cx, &self.name, key));
                self.owned(cx, permission, Some(about)).with_key("s3:VersionId", version_id.clone())
            }
        }
    }

    /// With what the bucket says about who may do it.
    fn owned(&self, cx: &Cx, permission: Permission, object: Option<AboutObject<'_>>) -> Permission {
        let mut permission = with_request_keys(permission.owned_by(self.bucket.owner)).with_policy(self.policy_for(&cx.caller));
        if self.bucket.has_acls() {
            self.add_acl(cx, &mut permission, object);
        }
        if let Some(about) = object.filter(|_| reads_tags(permission.action)) {
            self.set_existing_tags(about, &mut permission);
        }
        if self.bucket.access.abac == Abac::Enabled {
            permission.keys.set_resource_tags(self.bucket.tags.iter().map(|tag| (&tag.key, tag.value.clone())));
            for tag in &self.bucket.tags {
                permission.keys.set(format!("s3:BucketTag/{}", tag.key), tag.value.clone());
            }
        }
        match &self.access_point {
            None => permission,
            Some(used) => self.through_access_point(cx, used, permission),
        }
    }

    /// Sets the condition keys for the tags of the object, if it exists.
    fn set_existing_tags(&self, about: AboutObject<'_>, permission: &mut Permission) {
        let Ok(selector) = VersionSelector::of(about.version) else { return };
        let object = self.tables.read(|tables| versions::object(tables, about.key, selector)).flatten();
        for tag in object.iter().flat_map(|object| object.tags()) {
            permission.keys.set(format!("s3:ExistingObjectTag/{}", tag.key), tag.value.clone());
        }
    }

    /// The access point that stands in place of the bucket in the request.
    pub fn access_point(&self) -> Option<&UsedAccessPoint> {
        self.access_point.as_deref()
    }

    pub(crate) fn settings(&self) -> &AccessSettings {
        &self.settings
    }

    /// Block Public Access, the stricter of the account's and the bucket's.
    pub fn block(&self) -> PublicAccessBlock {
        self.bucket.access.public_access_block.unwrap_or_default().with(self.settings.block_of(self.bucket.owner))
    }

    /// Changes the settings of the bucket. Those of `self` stay as they were found.
    pub fn update<R>(&self, change: impl FnOnce(&mut Bucket) -> Result<R, Fault>) -> Result<R, Fault> {
        let written = self.tables.write(|tables| -> Result<R, Fault> {
            let mut bucket = tables.bucket.get(&()).map(|bucket| Bucket::clone(bucket)).ok_or_else(gone(&self.name))?;
            let outcome = change(&mut bucket)?;
            tables.bucket.insert((), Arc::new(bucket));
            Ok(outcome)
        });
        written.ok_or_else(gone(&self.name))?
    }

    /// The object of a version, for a request of this method.
    pub fn object<O: Operation>(&self, cx: &Cx, key: &str, selector: VersionSelector, method: &str) -> Result<Arc<Object>, Fault> {
        match self.tables.read(|tables| versions::find(tables, key, selector)).ok_or_else(gone(&self.name))? {
            Found::Object(object) => Ok(object),
            other => Err(self.missing_object::<O>(cx, other, key, selector, method)),
        }
    }

    /// Why there is no object for a request of this method.
    pub fn missing_object<O: Operation>(&self, cx: &Cx, other: Found, key: &str, selector: VersionSelector, method: &str) -> Fault {
        match other.or_fault(&self.bucket, key, selector, O::SCHEMA.name, method) {
            Ok(_) => Fault::internal("an object that is there is missing"),
            Err(fault) => self.missing::<O>(cx, fault),
        }
    }

    /// The fault for a missing key: 404 for callers with s3:ListBucket, else 403.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
    pub fn missing<O: Operation>(&self, cx: &Cx, fault: Fault) -> Fault {
        if fault.status() != 404 || (matches!(cx.caller.identity, Identity::Root) && cx.caller.account == Some(self.bucket.owner)) {
            return fault;
        }
        match cx.check::<O>(&self.bucket_permission(cx, "s3:ListBucket")) {
            Ok(()) => fault,
            Err(denied) => denied,
        }
    }
}

/// Whether an action has the condition keys of the object's tags.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>
fn reads_tags(action: &str) -> bool {
    let Some(name) = action.strip_prefix("s3:") else { return false };
    let about = |kind: &str| matches!(kind, "Acl" | "Annotation" | "Attributes" | "Tagging");
    let read = |rest: &str| {
        let kind = rest.strip_prefix("Version").unwrap_or(rest);
        kind.is_empty() || about(kind)
    };
    match name {
        "ListObjectAnnotations" | "ListObjectVersionAnnotations" | "UpdateObjectEncryption" => true,
        _ => match name.split_at_checked("GetObject".len()) {
            Some(("GetObject", rest)) => read(rest),
            Some(("PutObject", rest)) => !rest.is_empty() && rest != "Version" && read(rest),
            _ => name.strip_prefix("DeleteObject").is_some_and(|rest| !rest.is_empty() && rest != "Version" && read(rest)),
        },
    }
}

/// An action on no particular resource of the caller's account.
pub fn account_permission(cx: &Cx, action: &'static str) -> Permission {
    with_request_keys(Permission::action(action, Arn::any()).owned_by(cx.scope.account))
}

/// The condition keys that every action of S3 has and that follow from the request.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html>
const DERIVED: [DerivedKey; 6] = [
    DerivedKey {
        name: "s3:authType",
        value: |cx, _| {
            let auth_type = match cx.origin.signed?.kind {
                SignatureKind::Header => "REST-HEADER",
                SignatureKind::Query => "REST-QUERY-STRING",
                SignatureKind::Post => "POST",
            };
            Some(auth_type.into())
        },
    },
    DerivedKey { name: "s3:signatureversion", value: |cx, _| Some(cx.origin.signed?.version.into()) },
    DerivedKey { name: "s3:signatureAge", value: |cx, _| Some(cx.origin.signed?.age.max(0).into()) },
    // Only values that are not the hash of one body (`UNSIGNED-PAYLOAD`).
    DerivedKey { name: "s3:x-amz-content-sha256", value: |cx, _| Some(cx.origin.signed?.payload?.into()) },
    DerivedKey { name: "s3:ResourceAccount", value: |_, permission| Some(permission.owner?.into()) },
    // As aws:SecureTransport: a policy that demands TLS of AWS must not shut out the clients of a local endpoint.
    DerivedKey { name: "s3:TlsVersion", value: |_, _| Some("1.3".into()) },
];

pub fn with_request_keys(permission: Permission) -> Permission {
    Permission { derived: &DERIVED, ..permission }
}

#[cfg(test)]
mod tests {
    use super::reads_tags;
    use crate::api;
    use cloudlet_shape::OperationSchema;

    #[test]
    fn actions_have_the_tags_that_the_reference_says() {
        let all = api::SERVICE.operations.iter().flat_map(|operation: &&OperationSchema| operation.access);
        for access in all.filter(|access| access.action.starts_with("s3:")) {
            let expected = access.keys.contains(&"s3:ExistingObjectTag/<key>");
            assert_eq!(reads_tags(access.action), expected, "{}", access.action);
        }
    }
}
