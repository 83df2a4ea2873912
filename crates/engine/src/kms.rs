//! Data keys from KMS, as services with encrypted resources use them: on behalf of the caller (`kms:ViaService`), with an encryption context.

use crate::Cx;
use cloudlet_api_kms::{Decrypt, DecryptRequest, GenerateDataKey, GenerateDataKeyRequest};
use cloudlet_aws::{Arn, Fault, FaultKind};
use cloudlet_shape::{Blob, Map};

/// How one service uses KMS. A constant of its engine.
#[derive(Clone, Copy, Debug)]
pub struct KmsClient {
    /// The service's principal: `sqs.amazonaws.com`.
    pub service: &'static str,
    /// The alias of the AWS managed key, which everybody may use who may use the resource: `alias/aws/sqs`.
    pub aws_managed_key: &'static str,
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

impl KmsClient {
    /// Whether a key id names the AWS managed key of the service, alone or in an ARN.
    pub fn is_aws_managed(&self, key_id: &str) -> bool {
        key_id == self.aws_managed_key || key_id.strip_suffix(self.aws_managed_key).is_some_and(|head| head.ends_with(':'))
    }

    /// An encrypted data key for a resource, under a customer managed key. `None` for the AWS managed key, and where KMS is not implemented.
    pub async fn generate_data_key(&self, cx: &Cx, key_id: &str, resource: &Arn) -> Result<Option<Blob>, Fault> {
        if self.is_aws_managed(key_id) {
            return Ok(None);
        }
        let input = GenerateDataKeyRequest {
            key_id: key_id.to_owned(),
            key_spec: Some("AES_256".to_owned()),
            encryption_context: Some(self.context(resource)),
            ..GenerateDataKeyRequest::default()
        };
        match cx.forward::<GenerateDataKey>(self.service, cx.scope.clone(), input).await {
            Ok(generated) => Ok(generated.ciphertext_blob),
            Err(fault) if is_not_implemented(&fault) => Ok(None),
            Err(fault) => Err(self.faults.translate(fault)),
        }
    }

    /// Has a data key decrypted, which fails where the caller may not use the key.
    pub async fn decrypt(&self, cx: &Cx, data_key: Blob, resource: &Arn) -> Result<(), Fault> {
        let input = DecryptRequest { ciphertext_blob: Some(data_key), encryption_context: Some(self.context(resource)), ..DecryptRequest::default() };
        match cx.forward::<Decrypt>(self.service, cx.scope.clone(), input).await {
            Ok(_) => Ok(()),
            Err(fault) => Err(self.faults.translate(fault)),
        }
    }

    fn context(&self, resource: &Arn) -> Map<String> {
        Map::from([(self.context_key.to_owned(), resource.to_string())])
    }
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
        aws_managed_key: "alias/aws/sqs",
        context_key: "aws:sqs:arn",
        faults: KmsFaults {
            access_denied: Some(DENIED),
            disabled: None,
            invalid_state: None,
            not_found: None,
            invalid_key_usage: None,
            key_unavailable: None,
            opt_in_required: None,
            throttling: None,
        },
    };

    #[test]
    fn the_aws_managed_key_is_named_by_its_alias_alone() {
        for (key, managed) in [
            ("alias/aws/sqs", true),
            ("arn:aws:kms:us-east-1:000000000000:alias/aws/sqs", true),
            ("alias/my-alias/aws/sqs", false),
            ("alias/aws/sns", false),
            ("1234abcd-12ab-34cd-56ef-1234567890ab", false),
        ] {
            assert_eq!(CLIENT.is_aws_managed(key), managed, "{key}");
        }
    }

    #[test]
    fn a_fault_of_kms_becomes_the_services_own_where_it_has_one() {
        let translated = |name: &'static str| CLIENT.faults.translate(FaultKind::sender(name, 400).says("why"));
        assert_eq!((translated("AccessDeniedException").code(), translated("AccessDeniedException").message()), ("KmsAccessDenied", "why"));
        assert_eq!(translated("DisabledException").code(), "DisabledException");
        assert_eq!(translated("KMSInternalException").code(), "KMSInternalException");
    }
}
