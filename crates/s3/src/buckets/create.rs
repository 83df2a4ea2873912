//! CreateBucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>

use super::is_bucket_region;
use crate::{
    NewBuckets, S3, access,
    acl::{Acl, AclOf, acl_headers},
    api, faults, limits, names,
    state::{Background, Bucket, BucketAccess, BucketTables, DefaultEncryption, LockConfiguration, MfaDelete, ObjectOwnership, Tag, Versioning},
    tags,
};
use cloudlet_aws::{Account, Fault, FaultKind, Region};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_s3_access::PublicAccessBlock;
use std::sync::Arc;

const ALREADY_EXISTS: FaultKind = api::faults::BUCKET_ALREADY_EXISTS;
const ALREADY_YOURS: FaultKind = api::faults::BUCKET_ALREADY_OWNED_BY_YOU;
/// Buckets of this region have no LocationConstraint, and creating one again is a success.
const US_EAST_1: &str = "us-east-1";

impl Handle<api::CreateBucket> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::CreateBucketRequest) -> Result<Permissions, Fault> {
        if cx.caller.is_anonymous() {
            return Err(faults::ACCESS_DENIED.says("Anonymous users cannot invoke this API. Please authenticate."));
        }
        let bucket = names::bucket_arn(cx, &input.bucket);
        let permission = |action| access::with_request_keys(Permission::action(action, bucket.clone()).owned_by(cx.scope.account));
        let mut permissions: Permissions = permission("s3:CreateBucket").into();
        if let Some(constraint) = constraint(input) {
            permissions.iter_mut().for_each(|permission| permission.keys.set("s3:LocationConstraint", constraint.to_owned()));
        }
        for permission in &mut permissions {
            let named = [
                ("s3:x-amz-acl", input.acl.as_ref()),
                ("s3:x-amz-object-ownership", input.object_ownership.as_ref()),
                ("s3:x-amz-bucket-namespace", input.bucket_namespace.as_ref()),
                ("s3:x-amz-grant-full-control", input.grant_full_control.as_ref()),
                ("s3:x-amz-grant-read", input.grant_read.as_ref()),
                ("s3:x-amz-grant-read-acp", input.grant_read_acp.as_ref()),
                ("s3:x-amz-grant-write", input.grant_write.as_ref()),
                ("s3:x-amz-grant-write-acp", input.grant_write_acp.as_ref()),
            ];
            crate::objects::set_write_keys(&mut permission.keys, &named);
        }
        if !acl_headers!(input, write).is_empty() {
            permissions.push(permission("s3:PutBucketAcl"));
        }
        if input.object_ownership.is_some() {
            permissions.push(permission("s3:PutBucketOwnershipControls"));
        }
        if input.object_lock_enabled_for_bucket == Some(true) {
            permissions.push(permission("s3:PutBucketObjectLockConfiguration"));
            permissions.push(permission("s3:PutBucketVersioning"));
        }
        let tags = requested_tags(input);
        if !tags.is_empty() {
            permissions.push(permission("s3:TagResource"));
            permissions.iter_mut().for_each(|permission| permission.keys.set_request_tags(tags.iter().map(|tag| (&tag.key, tag.value.clone()))));
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: api::CreateBucketRequest) -> Result<api::CreateBucketOutput, Fault> {
        let name = input.bucket.as_str();
        let account = cx.scope.account;
        names::check(name)?;
        check_namespace(cx, &input)?;
        check_configuration(input.create_bucket_configuration.as_ref())?;
        let (region, location_constraint) = resolve_location(&cx.scope.region, constraint(&input))?;
        let new = self.options.new_buckets;
        let object_ownership = match (new, input.object_ownership.as_deref()) {
            (NewBuckets::Open, None) => None,
            (_, header) => Some(parse_ownership(header)?),
        };
        let acl = requested_acl(&input, account, object_ownership.unwrap_or(ObjectOwnership::ObjectWriter), new)?;
        let has_lock = input.object_lock_enabled_for_bucket == Some(true);
        let tags = requested_tags(&input);
        check_duplicates(&tags)?;
        let tags = tags::check_bucket(tags)?;
        let tagged = !tags.is_empty();
        let again = region.as_str() == US_EAST_1 && !tagged;
        let answer = api::CreateBucketOutput {
            location: Some(if region.as_str() == US_EAST_1 { format!("/{name}") } else { format!("http://{name}.s3.amazonaws.com/") }),
            bucket_arn: Some(names::bucket_arn(cx, name).to_string()),
        };
        if !self.buckets.contains(name) && self.count_of(account) >= limits::MAX_BUCKETS {
            return Err(FaultKind::sender("TooManyBuckets", 400).says("You have attempted to create more buckets than allowed"));
        }
        let bucket = Bucket {
            owner: account,
            region,
            location_constraint,
            creation_date: cx.now.whole_secs(),
            object_ownership,
            access: BucketAccess { public_access_block: new.block(), acl, ..BucketAccess::default() },
            tags,
            // Object Lock is about versions.
            versioning: if has_lock { Versioning::Enabled } else { Versioning::Unversioned },
            object_lock: has_lock.then(LockConfiguration::default),
            acceleration: None,
            mfa_delete: MfaDelete::Unset,
            encryption: DefaultEncryption { sse_c: self.options.sse_c_of_new_buckets, ..DefaultEncryption::default() },
            background: Background::default(),
            cors: None,
            website: None,
        };
        let mut tables = BucketTables::default();
        tables.bucket.insert((), Arc::new(bucket));
        match self.buckets.create(name.into(), tables) {
            Ok(_) => Ok(answer),
            Err(present) => {
                let present = present.read(|tables| tables.bucket.get(&()).cloned()).flatten();
                match present {
                    Some(present) if present.owner != account => Err(ALREADY_EXISTS
                        .says("The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.")
                        .with("BucketName", name)),
                    Some(present) if !again || present.region.as_str() != US_EAST_1 => Err(ALREADY_YOURS
                        .says("Your previous request to create the named bucket succeeded and you already own it.")
                        .with("BucketName", name)),
                    Some(_) => Ok(answer),
                    None => Err(FaultKind::sender("OperationAborted", 409)
                        .says("A conflicting conditional operation is currently in progress against this resource. Please try again.")),
                }
            }
        }
    }
}

impl S3 {
    fn count_of(&self, account: Account) -> usize {
        // All accounts together are below the quota of one.
        if self.buckets.len() < limits::MAX_BUCKETS {
            return self.buckets.len();
        }
        let owned = |tables: &BucketTables| tables.bucket.get(&()).is_some_and(|bucket| bucket.owner == account);
        self.buckets.all().iter().filter(|(_, tables)| tables.read(owned) == Some(true)).count()
    }
}

fn constraint(input: &api::CreateBucketRequest) -> Option<&str> {
    input.create_bucket_configuration.as_ref()?.location_constraint.as_deref()
}

fn requested_tags(input: &api::CreateBucketRequest) -> Vec<Tag> {
    let tags = input.create_bucket_configuration.as_ref().and_then(|configuration| configuration.tags.as_ref());
    tags.into_iter().flatten().map(Tag::from).collect()
}

/// Refuses the elements of directory buckets.
fn check_configuration(configuration: Option<&api::CreateBucketConfiguration>) -> Result<(), Fault> {
    match configuration {
        Some(configuration) if configuration.location.is_some() || configuration.bucket.is_some() => Err(faults::not_built("directory buckets")),
        _ => Ok(()),
    }
}

/// AWS: two tags with one key are answered with this here (recorded), and with InvalidTag by PutBucketTagging.
fn check_duplicates(tags: &[Tag]) -> Result<(), Fault> {
    let mut keys: Vec<&str> = tags.iter().map(|tag| tag.key.as_str()).collect();
    keys.sort_unstable();
    if keys.array_windows().all(|[one, next]| one != next) {
        return Ok(());
    }
    Err(FaultKind::receiver("InternalError", 500).says("We encountered an internal error. Please try again."))
}

/// The region and the stored LocationConstraint of a new bucket.
fn resolve_location(endpoint_region: &Region, constraint: Option<&str>) -> Result<(Region, Option<String>), Fault> {
    let incompatible = |constraint: &str| {
        Err(FaultKind::sender("IllegalLocationConstraintException", 400)
            .says(format!("The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to.")))
    };
    match (endpoint_region.as_str(), constraint) {
        (US_EAST_1, None) => Ok((endpoint_region.clone(), None)),
        (_, None) => incompatible("unspecified"),
        // AWS: the us-east-1 endpoint creates buckets in all regions, but refuses the constraint us-east-1.
        (US_EAST_1 | "eu-west-1", Some("EU")) => Ok((Region::new("eu-west-1"), Some("EU".to_owned()))),
        (US_EAST_1, Some(requested)) if requested != US_EAST_1 && is_bucket_region(requested) => {
            Ok((Region::new(requested), Some(requested.to_owned())))
        }
        (US_EAST_1, Some(requested)) => Err(FaultKind::sender("InvalidLocationConstraint", 400)
            .says("The specified location-constraint is not valid")
            .with("LocationConstraint", requested)),
        (endpoint_region, Some(requested)) if endpoint_region == requested => Ok((Region::new(endpoint_region), Some(requested.to_owned()))),
        (_, Some(requested)) => incompatible(requested),
    }
}

pub fn parse_ownership(header: Option<&str>) -> Result<ObjectOwnership, Fault> {
    match header {
        None | Some("BucketOwnerEnforced") => Ok(ObjectOwnership::BucketOwnerEnforced),
        Some("BucketOwnerPreferred") => Ok(ObjectOwnership::BucketOwnerPreferred),
        Some("ObjectWriter") => Ok(ObjectOwnership::ObjectWriter),
        Some(other) => {
            let fault = faults::INVALID_ARGUMENT.says(format!("Invalid x-amz-object-ownership header: {other}"));
            Err(fault.with("ArgumentName", "x-amz-object-ownership"))
        }
    }
}

impl NewBuckets {
    fn block(self) -> Option<PublicAccessBlock> {
        match self {
            NewBuckets::Closed => Some(PublicAccessBlock::ALL),
            NewBuckets::Open => None,
        }
    }
}

/// New buckets block public ACLs, and by default have ACLs disabled.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html>
fn requested_acl(input: &api::CreateBucketRequest, owner: Account, ownership: ObjectOwnership, new: NewBuckets) -> Result<Option<Acl>, Fault> {
    let requested = acl_headers!(input, write).parse(AclOf::Bucket)?;
    if ownership == ObjectOwnership::BucketOwnerEnforced && !requested.changes_nothing(owner) {
        return Err(FaultKind::sender("InvalidBucketAclWithObjectOwnership", 400)
            .says("Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"));
    }
    let acl = requested.acl(owner, owner);
    if acl.is_public() && new == NewBuckets::Closed {
        return Err(FaultKind::sender("InvalidBucketAclWithBlockPublicAccessError", 400)
            .says("Bucket cannot have public ACLs set with BlockPublicAccess enabled"));
    }
    Ok(Some(acl).filter(|acl| *acl != Acl::private(owner)))
}

/// A name in the account-regional namespace ends with the account and the region.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn check_namespace(cx: &Cx, input: &api::CreateBucketRequest) -> Result<(), Fault> {
    match input.bucket_namespace.as_deref() {
        None | Some("global") => Ok(()),
        Some("account-regional") if input.bucket.ends_with(&format!("-{}-{}-an", cx.scope.account, cx.scope.region)) => Ok(()),
        Some("account-regional") => Err(faults::invalid_bucket_name(&input.bucket)),
        Some(other) => Err(faults::invalid_argument("", "x-amz-bucket-namespace", other)),
    }
}
