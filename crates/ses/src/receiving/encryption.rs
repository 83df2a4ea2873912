//! Mails that an S3 action encrypts before they leave SES: an envelope as the encryption clients of S3 read it, whose data key comes from KMS.
//! <https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-s3.html>

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_api_kms::{GenerateDataKey, GenerateDataKeyRequest};
use cloudlet_aws::{Arn, Caller, Fault, Scope};
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use serde_json::json;

/// An encrypted mail, and what its object says of it.
pub struct Sealed {
    pub bytes: Bytes,
    pub metadata: Map<String>,
}

/// The mail and the rule, which the context of the encryption names.
pub struct About<'a> {
    pub message_id: &'a str,
    pub rule: &'a str,
    pub scope: &'a Scope,
}

/// The account and region of the key, if it is one of the rule's region.
pub fn scope_of_key(key: &str, here: &Scope) -> Option<Scope> {
    Arn::parse(key).filter(|arn| arn.service() == "kms" && arn.region() == here.region.as_str())?.scope()
}

pub async fn seal(cx: &Cx, caller: Caller, key: &str, about: &About<'_>, mail: &[u8]) -> Result<Sealed, Fault> {
    let scope = scope_of_key(key, about.scope).ok_or_else(|| Fault::internal(format_args!("{key} is no key of this region")))?;
    let context = Map::from([
        ("aws:ses:message-id".to_owned(), about.message_id.to_owned()),
        ("aws:ses:rule-name".to_owned(), about.rule.to_owned()),
        ("aws:ses:source-account".to_owned(), about.scope.account.as_str().to_owned()),
        ("kms_cmk_id".to_owned(), key.to_owned()),
    ]);
    let input = GenerateDataKeyRequest {
        key_id: key.to_owned(),
        key_spec: Some("AES_256".into()),
        encryption_context: Some(context.clone()),
        ..GenerateDataKeyRequest::default()
    };
    let data_key = cx.call::<GenerateDataKey>(caller, scope, input).await?;
    let unusable = |_| Fault::internal("KMS answered no usable data key");
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &data_key.plaintext.unwrap_or_default()).map_err(unusable)?);
    let nonce: [u8; 12] = cx.ids().secret_bytes();
    let mut sealed = mail.to_vec();
    cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).map_err(unusable)?;
    let metadata = [
        ("x-amz-key-v2", STANDARD.encode(data_key.ciphertext_blob.unwrap_or_default())),
        ("x-amz-iv", STANDARD.encode(nonce)),
        ("x-amz-cek-alg", "AES/GCM/NoPadding".to_owned()),
        ("x-amz-wrap-alg", "kms".to_owned()),
        ("x-amz-tag-len", "128".to_owned()),
        ("x-amz-unencrypted-content-length", mail.len().to_string()),
        ("x-amz-matdesc", json!(context).to_string()),
    ];
    Ok(Sealed { bytes: sealed.into(), metadata: metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() })
}
