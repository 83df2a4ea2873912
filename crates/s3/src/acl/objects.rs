//! PutObjectAcl and GetObjectAcl.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html>

use super::{Acl, AclOf, buckets::acl_keys, buckets::of_request, shown};
use crate::{
    S3, api,
    changes::Update,
    names,
    objects::set_write_keys,
    owners,
    state::{Object, ObjectProperties},
    versions::VersionSelector,
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};

const GET: [&str; 2] = ["s3:GetObjectAcl", "s3:GetObjectVersionAcl"];
const PUT: [&str; 2] = ["s3:PutObjectAcl", "s3:PutObjectVersionAcl"];

impl Handle<api::PutObjectAcl> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutObjectAclRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        let mut permission = found.version_permission(cx, PUT, &input.key, input.version_id.as_ref());
        acl_keys!(permission, input);
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutObjectAclRequest) -> Result<api::PutObjectAclOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let bucket_owner = found.bucket.owner;
        let object = found.object::<api::PutObjectAcl>(cx, &input.key, selector, "PUT")?;
        let owner = object.owner().unwrap_or(bucket_owner);
        let headers = super::acl_headers!(input, write);
        let acl = of_request(&headers, input.access_control_policy.as_ref(), AclOf::Object, owner)?;
        found.check_acl(cx, &acl, "s3:PutObjectAcl", names::object_arn(cx, &found.name, &input.key).as_str())?;
        let acl = acl.acl(owner, bucket_owner);
        let object = self.update_object::<api::PutObjectAcl>(cx, &found, &input.key, selector, "PUT", Update::PutAcl, |object: &mut Object| {
            let acl = Some(acl).filter(|acl| *acl != Acl::private(owner));
            object.properties = ObjectProperties { acl, ..object.properties.take().map(|properties| *properties).unwrap_or_default() }.boxed();
            Ok(())
        })?;
        if let Some(id) = found.bucket.shown_version(object.version_id) {
            cx.reply.header("x-amz-version-id", id);
        }
        Ok(api::PutObjectAclOutput::default())
    }
}

impl Handle<api::GetObjectAcl> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetObjectAclRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(found.version_permission(cx, GET, &input.key, input.version_id.as_ref()).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetObjectAclRequest) -> Result<api::GetObjectAclOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let object = found.object::<api::GetObjectAcl>(cx, &input.key, selector, "GET")?;
        if let Some(id) = found.bucket.shown_version(object.version_id) {
            cx.reply.header("x-amz-version-id", id);
        }
        let has_acls = found.bucket.has_acls();
        let owner = object.owner().filter(|_| has_acls).unwrap_or(found.bucket.owner);
        let acl = object.acl().filter(|_| has_acls).cloned().unwrap_or_else(|| Acl::private(owner));
        Ok(api::GetObjectAclOutput { owner: Some(owners::owner(owner)), grants: Some(shown(&acl)), request_charged: None })
    }
}
