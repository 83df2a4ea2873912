//! UpdateObjectEncryption: another key for an object that exists. Its entity tag, date and version stay.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html>

use super::{RequestedEncryption, kms::KmsRequest};
use crate::state::{KmsKind, Method};
use crate::{
    S3, api,
    bodies::PlainReader,
    changes::Update,
    faults::{self, INVALID_REQUEST},
    state::ObjectProperties,
    versions::VersionSelector,
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Map;
use std::sync::Arc;

/// The key must be named by its ARN. AWS: the messages were measured (<https://github.com/brekkylab/backlot>).
fn check_key(arn: &str) -> Result<(), Fault> {
    const NEEDS: &str = "Requests modifying object encryption configuration to SSE-KMS require a";
    if arn.is_empty() {
        return Err(INVALID_REQUEST.says(format!("{NEEDS} target kms key arn.")));
    }
    if let Some(why) = malformed(arn) {
        return Err(INVALID_REQUEST.says(format!("{NEEDS} valid target kms key arn: {why}")));
    }
    let mut parts = arn.splitn(6, ':').skip(2);
    let id = parts.next().filter(|service| *service == "kms").and_then(|_| parts.last()).and_then(|resource| resource.strip_prefix("key/"));
    match id {
        Some(id) if id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => Ok(()),
        _ => Err(INVALID_REQUEST.says("Invalid KMS Key ARN format. You must provide the full KMS Key ARN to make an UpdateObjectEncryption request")),
    }
}

/// The first part that an ARN lacks.
fn malformed(arn: &str) -> Option<&'static str> {
    let mut parts = arn.splitn(6, ':');
    if parts.next() != Some("arn") || !arn.contains(':') {
        return Some("Malformed ARN - doesn't start with 'arn:'");
    }
    let count = parts.clone().count();
    match (count, parts.last()) {
        (..2, _) => Some("Malformed ARN - no AWS partition specified"),
        (2, _) => Some("Malformed ARN - no service specified"),
        (3, _) => Some("Malformed ARN - no AWS region partition specified"),
        (4, _) => Some("Malformed ARN - no AWS account specified"),
        (_, None | Some("")) => Some("Malformed ARN - no resource specified"),
        (_, Some(resource)) => {
            let mark = resource.find(['/', ':']);
            mark.is_some_and(|mark| mark > 0 && mark + 1 == resource.len()).then_some("resource cannot be empty")
        }
    }
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
        if cx.origin.signed.is_some_and(|signed| signed.version == "AWS") {
            return Err(INVALID_REQUEST.says("Requests modifying object encryption configuration require AWS Signature Version 4."));
        }
        let Some(requested) = &input.object_encryption.sse_kms else { return Err(faults::malformed_xml()) };
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let object = found.object::<api::UpdateObjectEncryption>(cx, &input.key, selector, "PUT")?;
        check_key(&requested.kms_key_arn)?;
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
