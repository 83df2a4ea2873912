//! The default encryption of a bucket, and whether it takes objects under SSE-C.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html>

use super::header::AES256;
use crate::{
    S3, api, faults,
    state::{DefaultEncryption, KmsKind, SseC},
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;

impl DefaultEncryption {
    fn of(rule: &api::ServerSideEncryptionRule, present: &DefaultEncryption) -> Result<DefaultEncryption, Fault> {
        let blocked = rule.blocked_encryption_types.as_ref().map(|blocked| blocked.encryption_type.as_deref().unwrap_or_default());
        let sse_c = match blocked {
            // AWS: what is not said stays as it is.
            None => present.sse_c,
            Some([one]) if one == "SSE-C" => SseC::Blocked,
            Some([one]) if one == "NONE" => SseC::Allowed,
            Some(_) => return Err(faults::malformed_xml()),
        };
        let bucket_key = rule.bucket_key_enabled.unwrap_or_default();
        let Some(default) = &rule.apply_server_side_encryption_by_default else {
            // A rule must say something.
            return if blocked.is_some() { Ok(DefaultEncryption { sse_c, ..present.clone() }) } else { Err(faults::malformed_xml()) };
        };
        let kms = match default.sse_algorithm.as_str() {
            AES256 => None,
            name => Some(KmsKind::named(name).ok_or_else(faults::malformed_xml)?),
        };
        if kms.is_none() && default.kms_master_key_id.is_some() {
            let message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
            return Err(faults::INVALID_ARGUMENT.says(message).with("ArgumentName", "ApplyServerSideEncryptionByDefault"));
        }
        Ok(DefaultEncryption { kms, kms_key: default.kms_master_key_id.clone(), bucket_key, sse_c, is_explicit: true })
    }

    fn rule(&self) -> api::ServerSideEncryptionRule {
        let blocked = |name: &str| Some(api::BlockedEncryptionTypes { encryption_type: Some(vec![name.to_owned()]) });
        api::ServerSideEncryptionRule {
            apply_server_side_encryption_by_default: Some(api::ServerSideEncryptionByDefault {
                sse_algorithm: self.kms.map_or(AES256, KmsKind::name).to_owned(),
                kms_master_key_id: self.kms_key.clone(),
            }),
            bucket_key_enabled: Some(self.bucket_key),
            blocked_encryption_types: match self.sse_c {
                SseC::Unset => None,
                SseC::Allowed => blocked("NONE"),
                SseC::Blocked => blocked("SSE-C"),
            },
        }
    }
}

impl Handle<api::PutBucketEncryption> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketEncryptionRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::PutBucketEncryption>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketEncryptionRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let [rule] = input.server_side_encryption_configuration.rules.as_slice() else { return Err(faults::malformed_xml()) };
        found.update(|bucket| {
            bucket.encryption = DefaultEncryption::of(rule, &bucket.encryption)?;
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetBucketEncryption> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketEncryptionRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketEncryption>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketEncryptionRequest) -> Result<api::GetBucketEncryptionOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let rules = vec![found.bucket.encryption.rule()];
        Ok(api::GetBucketEncryptionOutput { server_side_encryption_configuration: Some(api::ServerSideEncryptionConfiguration { rules }) })
    }
}

impl Handle<api::DeleteBucketEncryption> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteBucketEncryptionRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::DeleteBucketEncryption>(cx).into())
    }

    /// The default is SSE-S3 again. AWS: whether SSE-C is then blocked is unverified; it stays as it is.
    async fn handle(&self, cx: &Cx, input: api::DeleteBucketEncryptionRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        found.update(|bucket| {
            bucket.encryption = DefaultEncryption { sse_c: bucket.encryption.sse_c, ..DefaultEncryption::default() };
            Ok(Empty {})
        })
    }
}
