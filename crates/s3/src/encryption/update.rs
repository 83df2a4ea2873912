//! UpdateObjectEncryption: another key for an object that exists. Its entity tag, date and version stay.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html>

use super::{KmsKind, Method, RequestedEncryption, kms::KmsRequest};
use crate::{S3, api, bodies::PlainReader, changes::Update, faults, state::ObjectProperties, versions::VersionSelector};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Map;
use std::sync::Arc;

/// The key must be named by its ARN. AWS: the fault is unverified.
fn check_key(arn: &str) -> Result<(), Fault> {
    let is_key = Arn::parse(arn).is_some_and(|arn| arn.service() == "kms" && arn.resource().starts_with("key/"));
    if is_key { Ok(()) } else { Err(faults::invalid_argument("The KMS key ARN is not valid", "KMSKeyArn", arn)) }
}

impl Handle<api::UpdateObjectEncryption> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::UpdateObjectEncryptionRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        let mut permission = found.object_permission(cx, "s3:UpdateObjectEncryption", &input.key);
        if let Some(version_id) = &input.version_id {
            permission = permission.with_key("s3:VersionId", version_id.clone());
        }
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: api::UpdateObjectEncryptionRequest) -> Result<api::UpdateObjectEncryptionResponse, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let Some(requested) = &input.object_encryption.sse_kms else { return Err(faults::malformed_xml()) };
        check_key(&requested.kms_key_arn)?;
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let object = found.object::<api::UpdateObjectEncryption>(cx, &input.key, selector, "PUT")?;
        let method = object.encryption.as_deref().map(|encryption| &encryption.method);
        match method {
            Some(Method::CustomerKey { .. }) => return Err(faults::access_denied()),
            Some(Method::Kms(kms)) if kms.kind == KmsKind::DualLayer => return Err(faults::access_denied()),
            Some(Method::Kms(_)) | None => {}
        }
        let request = KmsRequest {
            kind: KmsKind::Single,
            key: Some(requested.kms_key_arn.clone()),
            context: Map::new(),
            bucket_key: requested.bucket_key_enabled == Some(true),
        };
        let old = self.open(cx, &found, &input.key, &object, None).await?;
        let sealing = self.seal(cx, &found, &input.key, RequestedEncryption::Kms(request)).await?;
        let reader = self.blobs.read(&object.blob, 0..object.size()).map_err(Fault::internal)?;
        let stored = self.store_copy(cx, PlainReader::new(reader, old, 0), &[], sealing.cipher.as_ref()).await?;
        let (blob, encryption, sequence) = (stored.pending.blob().clone(), sealing.encryption, object.sequence);
        let mut unused = None;
        self.update_object::<api::UpdateObjectEncryption>(cx, &found, &input.key, selector, "PUT", Update::Protection, |object| {
            if object.sequence != sequence {
                // Another object has taken the place of the one that was read.
                return Err(faults::conflict());
            }
            unused = Some(std::mem::replace(&mut object.blob, blob));
            object.encryption = encryption;
            // The body is one piece now.
            if let Some(properties) = &mut object.properties {
                let parts: Vec<_> = properties.parts.iter().map(|part| crate::state::ObjectPart { salt: None, ..part.clone() }).collect();
                **properties = ObjectProperties { parts: Arc::from(parts), ..(**properties).clone() };
            }
            Ok(())
        })?;
        stored.pending.commit();
        self.discard(unused);
        Ok(api::UpdateObjectEncryptionResponse::default())
    }
}
