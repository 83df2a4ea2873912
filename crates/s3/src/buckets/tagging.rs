//! Tags of buckets, and whether they are condition keys.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging.html>

use crate::{
    S3, api, faults,
    state::{Abac, Bucket, Tag},
    tags,
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;

/// AWS: with ABAC, tags are changed by TagResource and UntagResource alone.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging-enable-abac.html>
fn check_abac(cx: &Cx, bucket: &Bucket) -> Result<(), Fault> {
    match bucket.access.abac {
        Abac::Disabled => Ok(()),
        // The control plane tags through internal calls, which nobody signs.
        Abac::Enabled if cx.origin.signed.is_none() => Ok(()),
        // AWS: the message is unverified.
        Abac::Enabled => Err(faults::INVALID_REQUEST
            .says("ABAC is enabled on this bucket. Use the TagResource and UntagResource APIs to change the tags of the bucket.")),
    }
}

impl Handle<api::PutBucketTagging> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketTaggingRequest) -> Result<Permissions, Fault> {
        let mut permission = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::PutBucketTagging>(cx);
        permission.keys.set_request_tags(input.tagging.tag_set.iter().map(|tag| (&tag.key, tag.value.clone())));
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketTaggingRequest) -> Result<Empty, Fault> {
        let tags = tags::check_bucket(input.tagging.tag_set.iter().map(Tag::from).collect())?;
        self.find(cx, &input.bucket, None)?.update(|bucket| {
            check_abac(cx, bucket)?;
            bucket.tags = tags;
            Ok(())
        })?;
        // AWS: 204, as recorded.
        cx.reply.status(204);
        Ok(Empty {})
    }
}

impl Handle<api::GetBucketTagging> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketTaggingRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketTagging>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketTaggingRequest) -> Result<api::GetBucketTaggingOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        if found.bucket.tags.is_empty() {
            return Err(FaultKind::sender("NoSuchTagSet", 404).says("The TagSet does not exist").with("BucketName", &*found.name));
        }
        Ok(api::GetBucketTaggingOutput { tag_set: found.bucket.tags.iter().map(Into::into).collect() })
    }
}

impl Handle<api::DeleteBucketTagging> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteBucketTaggingRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::DeleteBucketTagging>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteBucketTaggingRequest) -> Result<Empty, Fault> {
        self.find(cx, &input.bucket, None)?.update(|bucket| {
            check_abac(cx, bucket)?;
            bucket.tags = vec![];
            Ok(Empty {})
        })
    }
}

impl Handle<api::PutBucketAbac> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketAbacRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::PutBucketAbac>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketAbacRequest) -> Result<Empty, Fault> {
        let abac = match input.abac_status.status.as_deref() {
            Some("Enabled") => Abac::Enabled,
            Some("Disabled") => Abac::Disabled,
            _ => return Err(faults::malformed_xml()),
        };
        self.find(cx, &input.bucket, None)?.update(|bucket| {
            bucket.access.abac = abac;
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetBucketAbac> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketAbacRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketAbac>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketAbacRequest) -> Result<api::GetBucketAbacOutput, Fault> {
        let status = match self.find(cx, &input.bucket, None)?.bucket.access.abac {
            Abac::Disabled => "Disabled",
            Abac::Enabled => "Enabled",
        };
        Ok(api::GetBucketAbacOutput { abac_status: Some(api::AbacStatus { status: Some(status.to_owned()) }) })
    }
}
