//! Data keys from KMS, as services with encrypted resources use them: on behalf of the caller (`kms:ViaService`), with an encryption context.

use crate::Cx;
use cloudlet_api_kms::{Decrypt, DecryptRequest, Encrypt, EncryptRequest, GenerateDataKey, GenerateDataKeyRequest};
use cloudlet_aws::{Arn, Fault, FaultKind, Scope};
use cloudlet_shape::{Blob, Map};

/// How one service uses KMS. A constant of its engine.
#[derive(Clone, Copy, Debug)]
pub struct KmsClient {
    /// The service's principal: `sqs.amazonaws.com`.
    pub service: &'static str,
    /// The key of the encryption context, whose value is the resource's ARN: `aws:sqs:arn`.
    pub context_key: &'static str,
    pub faults: KmsFaults,
}

/// What the service answers for each fault of KMS. `None`: the service's model has none, and KMS's own is answered.
#[derive(Clone, Copy, Debug)]
pub struct KmsFaults {
    pub access_denied: Option<FaultKind>,
    pub disabled: Option<FaultKind>,
    pub invalid_state: Option<FaultKind>,
    pub not_found: Option<FaultKind>,
    pub invalid_key_usage: Option<FaultKind>,
    pub key_unavailable: Option<FaultKind>,
    pub opt_in_required: Option<FaultKind>,
    pub throttling: Option<FaultKind>,
}

impl KmsFaults {
    /// KMS's own, whatever it is.
    pub const UNCHANGED: KmsFaults = KmsFaults {
        access_denied: None,
        disabled: None,
        invalid_state: None,
        not_found: None,
        invalid_key_usage: None,
        key_unavailable: None,
        opt_in_required: None,
        throttling: None,
    };

    /// The service's fault for a fault of KMS, with KMS's message.
    pub fn translate(&self, fault: Fault) -> Fault {
        let kind = match fault.name() {
            "AccessDeniedException" | "AccessDenied" => self.access_denied,
            "DisabledException" => self.disabled,
            "KMSInvalidStateException" | "InvalidStateException" => self.invalid_state,
            "NotFoundException" => self.not_found,
            "InvalidKeyUsageException" => self.invalid_key_usage,
            "KeyUnavailableException" => self.key_unavailable,
            "OptInRequired" | "KMSOptInRequired" => self.opt_in_required,
            "ThrottlingException" | "Throttling" => self.throttling,
            _ => None,
        };
        kind.map_or(fault.clone(), |kind| kind.says(fault.message()))
    }
}

/// A data key, as it is used and as it is stored.
pub struct DataKey {
    pub plaintext: Blob,
    pub encrypted: Blob,
    /// The ARN of the KMS key.
    pub key_arn: String,
}

impl KmsClient {
    /// A data key for a resource, under the key that the resource's owner has chosen for it.
    pub async fn data_key(&self, cx: &Cx, key_id: &str, resource: &Arn) -> Result<DataKey, Fault> {
        let input = GenerateDataKeyRequest {
            key_id: key_id.to_owned(),
            key_spec: Some("AES_256".to_owned()),
            encryption_context: Some(self.context(resource)),
            ..GenerateDataKeyRequest::default()
        };
        let generated = cx.forward::<GenerateDataKey>(self.service, scope_of(cx, resource), input).await;
        let generated = generated.map_err(|fault| self.faults.translate(fault))?;
        Ok(DataKey {
            plaintext: generated.plaintext.unwrap_or_default(),
            encrypted: generated.ciphertext_blob.unwrap_or_default(),
            key_arn: generated.key_id.unwrap_or_default(),
        })
    }

    /// An encrypted data key for a resource. `None` where KMS is not implemented.
    pub async fn generate_data_key(&self, cx: &Cx, key_id: &str, resource: &Arn) -> Result<Option<Blob>, Fault> {
        match self.data_key(cx, key_id, resource).await {
            Ok(data_key) => Ok(Some(data_key.encrypted)),
            Err(fault) if is_not_implemented(&fault) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Has a value of a resource encrypted under a key.
    pub async fn encrypt(&self, cx: &Cx, key_id: &str, plaintext: Blob, resource: &Arn) -> Result<Blob, Fault> {
        let context = Some(self.context(resource));
        let input = EncryptRequest { key_id: key_id.to_owned(), plaintext, encryption_context: context, ..EncryptRequest::default() };
        match cx.forward::<Encrypt>(self.service, scope_of(cx, resource), input).await {
            Ok(encrypted) => Ok(encrypted.ciphertext_blob.unwrap_or_default()),
            Err(fault) => Err(self.faults.translate(fault)),
        }
    }

    /// Has a data key or a value decrypted, which fails where the caller may not use the key.
    pub async fn decrypt(&self, cx: &Cx, encrypted: Blob, resource: &Arn) -> Result<Blob, Fault> {
        let input =
            DecryptRequest { ciphertext_blob: Some(encrypted), encryption_context: Some(self.context(resource)), ..DecryptRequest::default() };
        match cx.forward::<Decrypt>(self.service, scope_of(cx, resource), input).await {
            Ok(decrypted) => Ok(decrypted.plaintext.unwrap_or_default()),
            Err(fault) => Err(self.faults.translate(fault)),
        }
    }

    fn context(&self, resource: &Arn) -> Map<String> {
        Map::from([(self.context_key.to_owned(), resource.to_string())])
    }
}

/// A key id without an account is one of the resource's owner, whoever calls.
fn scope_of(cx: &Cx, resource: &Arn) -> Scope {
    resource.scope().unwrap_or_else(|| cx.scope.clone())
}

fn is_not_implemented(fault: &Fault) -> bool {
    fault.status() == 501
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENIED: FaultKind = FaultKind::sender("KmsAccessDenied", 400);
    const CLIENT: KmsClient = KmsClient {
        service: "sqs.amazonaws.com",
        context_key: "aws:sqs:arn",
        faults: KmsFaults { access_denied: Some(DENIED), ..KmsFaults::UNCHANGED },
    };

    #[test]
    fn a_fault_of_kms_becomes_the_services_own_where_it_has_one() {
        let translated = |name: &'static str| CLIENT.faults.translate(FaultKind::sender(name, 400).says("why"));
        assert_eq!((translated("AccessDeniedException").code(), translated("AccessDeniedException").message()), ("KmsAccessDenied", "why"));
        assert_eq!(translated("DisabledException").code(), "DisabledException");
        assert_eq!(translated("KMSInternalException").code(), "KMSInternalException");
    }
}
