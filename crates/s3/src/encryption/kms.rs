//! Data keys from KMS, on behalf of the caller.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html>

use crate::{
    access::BucketHandle,
    faults, names,
    state::{KmsEncryption, KmsKind},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_api_kms::{Decrypt, DecryptRequest, GenerateDataKey, GenerateDataKeyRequest};
use cloudlet_aws::{Arn, Fault, FaultKind, Scope};
use cloudlet_engine::Cx;
use cloudlet_shape::Map;

const SERVICE: &str = "s3.amazonaws.com";
const ARN_KEY: &str = "aws:s3:arn";
const MANAGED_KEY: &str = "alias/aws/s3";

/// A data key that can be used.
pub type DataKey = [u8; 32];

/// What a request wants of KMS.
#[derive(Clone, Debug, PartialEq)]
pub struct KmsRequest {
    pub kind: KmsKind,
    /// `None`: the AWS managed key.
    pub key: Option<String>,
    pub context: Map<String>,
    pub bucket_key: bool,
}

/// S3 answers a fault of KMS with KMS's message. AWS: the first three were recorded.
fn translate(fault: Fault) -> Fault {
    let code = match fault.name() {
        "DisabledException" => "KMS.DisabledException",
        "KMSInvalidStateException" => "KMS.KMSInvalidStateException",
        "NotFoundException" => "KMS.NotFoundException",
        "InvalidKeyUsageException" => "KMS.InvalidKeyUsageException",
        "KeyUnavailableException" => "KMS.KeyUnavailableException",
        "InvalidCiphertextException" => "KMS.InvalidCiphertextException",
        "DependencyTimeoutException" => "KMS.DependencyTimeoutException",
        "InvalidGrantTokenException" => "KMS.InvalidGrantTokenException",
        "InvalidArnException" => "KMS.InvalidArnException",
        "AccessDeniedException" | "AccessDenied" => return faults::ACCESS_DENIED.says(fault.message()),
        _ => return fault,
    };
    FaultKind::sender(code, 400).says(fault.message())
}

/// The encryption context: what the client gave, and the ARN of the object, or of the bucket where it has a bucket key.
fn context(cx: &Cx, bucket: &str, key: &str, given: &Map<String>, bucket_key: bool) -> Map<String> {
    let arn = if bucket_key { names::bucket_arn(cx, bucket) } else { names::object_arn(cx, bucket, key) };
    let mut context = given.clone();
    context.insert(ARN_KEY.to_owned(), arn.to_string());
    context
}

/// A key without an ARN is one of the caller's account, in the region of the bucket.
fn scope(cx: &Cx, found: &BucketHandle) -> Scope {
    Scope::new(cx.caller.account.unwrap_or(found.bucket.owner), found.bucket.region.clone())
}

fn data_key(plaintext: Option<cloudlet_shape::Blob>) -> Result<DataKey, Fault> {
    plaintext.and_then(|bytes| DataKey::try_from(bytes.as_ref()).ok()).ok_or_else(|| Fault::internal("KMS answered no data key"))
}

pub async fn generate(cx: &Cx, found: &BucketHandle, key: &str, request: KmsRequest) -> Result<(KmsEncryption, DataKey), Fault> {
    let key_id = request.key.unwrap_or_else(|| MANAGED_KEY.to_owned());
    // AWS: recorded.
    if let Some(arn) = Arn::parse(&key_id)
        && arn.region() != found.bucket.region.as_str()
    {
        return Err(FaultKind::sender("KMS.NotFoundException", 400).says(format!("Invalid arn {}", arn.region())));
    }
    let input = GenerateDataKeyRequest {
        key_id,
        key_spec: Some("AES_256".to_owned()),
        encryption_context: Some(context(cx, &found.name, key, &request.context, request.bucket_key)),
        ..GenerateDataKeyRequest::default()
    };
    let generated = cx.forward::<GenerateDataKey>(SERVICE, scope(cx, found), input).await.map_err(translate)?;
    let plain = data_key(generated.plaintext)?;
    let encryption = KmsEncryption {
        kind: request.kind,
        key_arn: generated.key_id.unwrap_or_default(),
        data_key: BASE64_STANDARD.encode(generated.ciphertext_blob.unwrap_or_default()),
        context: request.context,
        bucket_key: request.bucket_key,
    };
    Ok((encryption, plain))
}

/// Fails where the caller may not use the key, or nobody may.
pub async fn decrypt(cx: &Cx, found: &BucketHandle, key: &str, encryption: &KmsEncryption) -> Result<DataKey, Fault> {
    let damaged = |_| Fault::internal("a data key that is not base64");
    let ciphertext = BASE64_STANDARD.decode(&encryption.data_key).map_err(damaged)?;
    let input = DecryptRequest {
        ciphertext_blob: Some(ciphertext.into()),
        key_id: Some(encryption.key_arn.clone()),
        encryption_context: Some(context(cx, &found.name, key, &encryption.context, encryption.bucket_key)),
        ..DecryptRequest::default()
    };
    data_key(cx.forward::<Decrypt>(SERVICE, scope(cx, found), input).await.map_err(translate)?.plaintext)
}
