//! PutBucketAcl and GetBucketAcl; and the decision of a request by ACLs.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html>

use super::{Acl, AclHeaders, AclOf, Needed, PublicGrants, RequestedAcl, needed, requested, shown};
use crate::{
    S3,
    access::{AboutObject, BucketHandle},
    api, faults,
    objects::set_write_keys,
    owners,
    state::{Bucket, ObjectOwnership},
    versions::{self, VersionSelector},
};
use cloudlet_aws::{Account, Caller, Fault, FaultKind, Identity};
use cloudlet_engine::{Cx, Grant as Allowed, Handle, Permission, Permissions, Policy};
use cloudlet_shape::Empty;

impl Bucket {
    /// Without ownership controls the writer of an object owns it.
    pub fn ownership(&self) -> ObjectOwnership {
        self.object_ownership.unwrap_or(ObjectOwnership::ObjectWriter)
    }

    pub fn has_acls(&self) -> bool {
        self.ownership() != ObjectOwnership::BucketOwnerEnforced
    }

    /// The ACL as it counts.
    pub fn acl(&self) -> Acl {
        match &self.access.acl {
            Some(acl) if self.has_acls() => acl.clone(),
            _ => Acl::private(self.owner),
        }
    }

    /// Who owns what a caller writes. `None`: the owner of the bucket.
    pub fn owner_of_new_object(&self, caller: &Caller, acl: &RequestedAcl) -> Option<Account> {
        let writer = caller.account.filter(|account| *account != self.owner && !matches!(caller.identity, Identity::Service { .. }))?;
        match (self.ownership(), acl) {
            (ObjectOwnership::BucketOwnerEnforced, _) => None,
            (ObjectOwnership::BucketOwnerPreferred, RequestedAcl::Canned(super::Canned::BucketOwnerFullControl)) => None,
            (ObjectOwnership::BucketOwnerPreferred | ObjectOwnership::ObjectWriter, _) => Some(writer),
        }
    }
}

impl BucketHandle {
    /// Adds what ACLs allow to a permission. An object of another account is decided by its own ACL: of the policy of the bucket only the denies
    /// count.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html>
    pub(crate) fn add_acl(&self, cx: &Cx, permission: &mut Permission, object: Option<AboutObject<'_>>) {
        let public = if self.block().ignore_public_acls { PublicGrants::Ignored } else { PublicGrants::Count };
        let reach = match (needed(permission.action), object) {
            (Needed::OfBucket(acl_permission), _) => self.bucket_reach(cx, acl_permission, public),
            (Needed::OfObject(acl_permission), Some(AboutObject { key, version })) => {
                let Ok(selector) = VersionSelector::of(version) else { return };
                match self.tables.read(|tables| versions::object(tables, key, selector)).flatten() {
                    Some(object) => {
                        if let Some(owner) = object.owner() {
                            permission.owner = Some(owner);
                            permission.resource_policy = self.bucket.access.policy.as_ref().map(|policy| policy.denies(self.name.clone()));
                        }
                        object.acl().and_then(|acl| acl.reaches(&cx.caller, acl_permission, public))
                    }
                    // Who may list the bucket is told that there is no such key.
                    None => self.bucket_reach(cx, super::AclPermission::Read, public),
                }
            }
            _ => None,
        };
        permission.grant = reach.map(|reach| Allowed { name: "access control list", reach });
    }

    fn bucket_reach(&self, cx: &Cx, permission: super::AclPermission, public: PublicGrants) -> Option<cloudlet_engine::Reach> {
        self.bucket.access.acl.as_ref()?.reaches(&cx.caller, permission, public)
    }

    /// The policy of the bucket for a caller. RestrictPublicBuckets: a public one allows only the owner's account and services.
    pub(crate) fn policy_for(&self, caller: &Caller) -> Option<Policy> {
        let policy = self.bucket.access.policy.as_ref()?;
        let is_insider = caller.account == Some(self.bucket.owner) || matches!(caller.identity, Identity::Service { .. });
        let restricted = policy.is_public() && !is_insider && self.block().restrict_public_buckets;
        Some(if restricted { policy.denies(self.name.clone()) } else { policy.named(self.name.clone()) })
    }

    /// Refuses an ACL that the bucket does not take.
    pub(crate) fn check_acl(&self, cx: &Cx, acl: &RequestedAcl, action: &str, resource: &str) -> Result<(), Fault> {
        if !self.bucket.has_acls() {
            return if acl.changes_nothing(self.bucket.owner) { Ok(()) } else { Err(not_supported()) };
        }
        if !matches!(acl, RequestedAcl::Default)
            && acl.clone().acl(self.bucket.owner, self.bucket.owner).is_public()
            && self.block().block_public_acls
        {
            return Err(blocked(cx, action, resource));
        }
        Ok(())
    }
}

pub fn not_supported() -> Fault {
    FaultKind::sender("AccessControlListNotSupported", 400).says("The bucket does not allow ACLs")
}

/// Block Public Access: BlockPublicAcls.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html>
pub fn blocked(cx: &Cx, action: &str, resource: &str) -> Fault {
    faults::ACCESS_DENIED.says(format!(
        "User: {} is not authorized to perform: {action} on resource: \"{resource}\" because public access control lists (ACLs) are prevented by \
         the BlockPublicAcls setting in S3 Block Public Access",
        cx.caller.arn
    ))
}

/// The ACL of a PutBucketAcl or PutObjectAcl: of its headers, or of its body.
pub(super) fn of_request(
    headers: &AclHeaders,
    document: Option<&api::AccessControlPolicy>,
    of: AclOf,
    owner: Account,
) -> Result<RequestedAcl, Fault> {
    match (headers.parse(of)?, document) {
        (RequestedAcl::Default, Some(document)) => requested::of_document(document, owner).map(RequestedAcl::Grants),
        (RequestedAcl::Default, None) => Err(FaultKind::sender("MissingSecurityHeader", 400)
            .says("Your request was missing a required header")
            .with("MissingHeaderName", "x-amz-acl")),
        (_, Some(_)) => Err(FaultKind::sender("UnexpectedContent", 400).says("This request does not support content")),
        (acl, None) => Ok(acl),
    }
}

/// The condition keys for ACL headers.
macro_rules! acl_keys {
    ($permission:expr, $input:expr) => {
        set_write_keys(
            &mut $permission.keys,
            &[
                ("s3:x-amz-acl", $input.acl.as_ref()),
                ("s3:x-amz-grant-full-control", $input.grant_full_control.as_ref()),
                ("s3:x-amz-grant-read", $input.grant_read.as_ref()),
                ("s3:x-amz-grant-read-acp", $input.grant_read_acp.as_ref()),
                ("s3:x-amz-grant-write", $input.grant_write.as_ref()),
                ("s3:x-amz-grant-write-acp", $input.grant_write_acp.as_ref()),
            ],
        )
    };
}
pub(super) use acl_keys;

impl Handle<api::PutBucketAcl> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketAclRequest) -> Result<Permissions, Fault> {
        let mut permission = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::PutBucketAcl>(cx);
        acl_keys!(permission, input);
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketAclRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let owner = found.bucket.owner;
        let headers = super::acl_headers!(input, write);
        let acl = of_request(&headers, input.access_control_policy.as_ref(), AclOf::Bucket, owner)?;
        found.check_acl(cx, &acl, "s3:PutBucketAcl", crate::names::bucket_arn(cx, &found.name).as_str())?;
        found.update(|bucket| {
            bucket.access.acl = Some(acl.acl(owner, owner)).filter(|acl| *acl != Acl::private(owner));
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetBucketAcl> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketAclRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketAcl>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketAclRequest) -> Result<api::GetBucketAclOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        Ok(api::GetBucketAclOutput { owner: Some(owners::owner(found.bucket.owner)), grants: Some(shown(&found.bucket.acl())) })
    }
}
