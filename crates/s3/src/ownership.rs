//! Object Ownership of a bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>

use crate::{S3, acl::Acl, api, faults, state::ObjectOwnership};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;

impl ObjectOwnership {
    pub fn parse(name: &str) -> Option<ObjectOwnership> {
        Some(match name {
            "BucketOwnerEnforced" => ObjectOwnership::BucketOwnerEnforced,
            "BucketOwnerPreferred" => ObjectOwnership::BucketOwnerPreferred,
            "ObjectWriter" => ObjectOwnership::ObjectWriter,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            ObjectOwnership::BucketOwnerEnforced => "BucketOwnerEnforced",
            ObjectOwnership::BucketOwnerPreferred => "BucketOwnerPreferred",
            ObjectOwnership::ObjectWriter => "ObjectWriter",
        }
    }
}

impl Handle<api::PutBucketOwnershipControls> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketOwnershipControlsRequest) -> Result<Permissions, Fault> {
        let mut permission = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::PutBucketOwnershipControls>(cx);
        if let [rule] = input.ownership_controls.rules.as_slice() {
            permission = permission.with_key("s3:x-amz-object-ownership", rule.object_ownership.clone());
        }
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketOwnershipControlsRequest) -> Result<Empty, Fault> {
        let [rule] = input.ownership_controls.rules.as_slice() else { return Err(faults::malformed_xml()) };
        let ownership = ObjectOwnership::parse(&rule.object_ownership).ok_or_else(faults::malformed_xml)?;
        self.find(cx, &input.bucket, None)?.update(|bucket| {
            let grants_others = bucket.access.acl.as_ref().is_some_and(|acl| *acl != Acl::private(bucket.owner));
            if ownership == ObjectOwnership::BucketOwnerEnforced && grants_others {
                return Err(FaultKind::sender("InvalidBucketAclWithObjectOwnership", 400)
                    .says("Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"));
            }
            bucket.object_ownership = Some(ownership);
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetBucketOwnershipControls> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketOwnershipControlsRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketOwnershipControls>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketOwnershipControlsRequest) -> Result<api::GetBucketOwnershipControlsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let Some(ownership) = found.bucket.object_ownership else {
            return Err(FaultKind::sender("OwnershipControlsNotFoundError", 404)
                .says("The bucket ownership controls were not found")
                .with("BucketName", &*found.name));
        };
        let rules = vec![api::OwnershipControlsRule { object_ownership: ownership.name().to_owned() }];
        Ok(api::GetBucketOwnershipControlsOutput { ownership_controls: Some(api::OwnershipControls { rules }) })
    }
}

impl Handle<api::DeleteBucketOwnershipControls> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteBucketOwnershipControlsRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::DeleteBucketOwnershipControls>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteBucketOwnershipControlsRequest) -> Result<Empty, Fault> {
        self.find(cx, &input.bucket, None)?.update(|bucket| {
            bucket.object_ownership = None;
            Ok(Empty {})
        })
    }
}
