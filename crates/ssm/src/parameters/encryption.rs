//! SecureString: values are encrypted by KMS as the caller, with the parameter's ARN as encryption context.
//! A standard parameter is encrypted by KMS itself, an advanced one with a data key.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html>

use super::{
    envelope::{Envelope, Message, seal},
    parameter::{Tier, Value, Version},
};
use crate::{PRINCIPAL, faults};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx,
    kms::{KmsClient, KmsFaults},
};
use std::borrow::Cow;

const KMS: KmsClient = KmsClient { service: PRINCIPAL, context_key: "PARAMETER_ARN", faults: KmsFaults::UNCHANGED };

/// The key of parameters for which nobody has chosen one.
pub const DEFAULT_KEY: &str = "alias/aws/ssm";

/// Whether a request wants values decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decryption {
    Wanted,
    NotWanted,
}

impl Decryption {
    pub fn of(with_decryption: Option<bool>) -> Decryption {
        if with_decryption == Some(true) { Decryption::Wanted } else { Decryption::NotWanted }
    }
}

/// AWS answers KMS's faults with its own codes and a note on where they came from.
fn translated(cx: &Cx, fault: Fault) -> Fault {
    let kind = match fault.name() {
        "AccessDeniedException" | "AccessDenied" => faults::ACCESS_DENIED,
        "NotFoundException"
        | "DisabledException"
        | "KMSInvalidStateException"
        | "InvalidKeyUsageException"
        | "KeyUnavailableException"
        | "InvalidArnException"
        | "InvalidCiphertextException" => faults::INVALID_KEY_ID,
        _ => return fault,
    };
    let (message, status, code) = (fault.message(), fault.status(), fault.name());
    kind.says(format!("{message} (Service: AWSKMS; Status Code: {status}; Error Code: {code}; Request ID: {}; Proxy: null)", cx.ids().uuid()))
}

/// A value under a key, as it rests.
pub async fn encrypt(cx: &Cx, arn: &Arn, key_id: &str, tier: Tier, value: String) -> Result<Value, Fault> {
    if tier == Tier::Standard {
        let encrypted = Box::pin(KMS.encrypt(cx, key_id, value.into(), arn)).await;
        return encrypted.map(Value::Encrypted).map_err(|fault| translated(cx, fault));
    }
    let data_key = Box::pin(KMS.data_key(cx, key_id, arn)).await.map_err(|fault| translated(cx, fault))?;
    let mut message_id = [0; 16];
    cx.ids().fill_secret(&mut message_id);
    let envelope = Envelope {
        message_id,
        context: (KMS.context_key, arn.as_str()),
        key_arn: &data_key.key_arn,
        data_key: &data_key.plaintext,
        encrypted_data_key: &data_key.encrypted,
    };
    let message = seal(&envelope, value.as_bytes()).ok_or_else(|| Fault::internal("a value does not fit into a message"))?;
    Ok(Value::Enveloped(message.into()))
}

/// The value of a version as an answer has it: without decryption, the ciphertext in base64.
pub async fn shown<'v>(cx: &Cx, arn: &Arn, version: &'v Version, decryption: Decryption) -> Result<Cow<'v, str>, Fault> {
    let plaintext = match (&version.value, decryption) {
        (Value::Plain(value), _) => return Ok(Cow::Borrowed(value)),
        (Value::Encrypted(blob) | Value::Enveloped(blob), Decryption::NotWanted) => return Ok(STANDARD.encode(blob).into()),
        (Value::Encrypted(blob), Decryption::Wanted) => {
            Box::pin(KMS.decrypt(cx, blob.clone(), arn)).await.map_err(|fault| translated(cx, fault))?.to_vec()
        }
        (Value::Enveloped(message), Decryption::Wanted) => {
            let damaged = || Fault::internal(format_args!("the value of {arn} cannot be opened"));
            let message = Message::parse(message).ok_or_else(damaged)?;
            let data_key = Box::pin(KMS.decrypt(cx, message.encrypted_data_key.to_vec().into(), arn)).await;
            message.open(&data_key.map_err(|fault| translated(cx, fault))?).ok_or_else(damaged)?
        }
    };
    String::from_utf8(plaintext).map(Cow::Owned).map_err(Fault::internal)
}
