//! Data keys, data key pairs and random bytes.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/data-keys.html>

use crate::{
    Kms,
    ciphertext::Kind,
    encryption::{Encrypted, check_dry_run, check_recipient, context_of},
    faults,
    grants::GrantUse,
    key_ids::{Aliases, Named},
    permissions::{Reach, of_account},
    private_key::PrivateKey,
    specs::{EncryptionAlgorithm, KeySpec, KeyUsage},
    state::Key,
};
use cloudlet_api_kms::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Map, Operation};
use std::sync::Arc;

/// The size of a data key.
fn length(spec: Option<&str>, bytes: Option<i32>) -> Result<usize, Fault> {
    match (spec, bytes) {
        (Some("AES_128"), None) => Ok(16),
        (Some(_), None) => Ok(32),
        (None, Some(bytes)) => usize::try_from(bytes).map_err(|_| faults::validation("NumberOfBytes is required.")),
        // AWS: unverified message.
        (Some(_), Some(_)) => Err(faults::validation("Please specify either number of bytes or key spec.")),
        (None, None) => Err(faults::validation("Please specify either number of bytes or key spec.")),
    }
}

impl Kms {
    /// The key that data keys are made under.
    fn key_of_data_keys<O: Operation>(&self, cx: &Cx, id: &str, grant_tokens: Option<&[String]>) -> Result<Arc<Key>, Fault> {
        let Named { key, .. } = self.named(cx, id, Aliases::Taken)?;
        self.check_use::<O>(cx, &key, KeyUsage::EncryptDecrypt, grant_tokens)?;
        if key.spec.is_symmetric_encryption() {
            return Ok(key);
        }
        // AWS: unverified message.
        let (spec, operation) = (key.spec.as_str(), O::SCHEMA.name);
        Err(faults::INVALID_KEY_USAGE.says(format!("{} key spec is {spec} which is not valid for {operation}.", key.arn)))
    }

    fn data_key_permission<O: Operation>(&self, cx: &Cx, id: &str, context: Option<&Map<String>>) -> Result<Permission, Fault> {
        let named = self.named(cx, id, Aliases::Taken)?;
        let action = O::SCHEMA.access.first().map_or("", |access| access.action);
        let permission = self.permission_on(cx, action, &named, Reach::AnyAccount, GrantUse::Cryptographic(context));
        Ok(permission.with_key("kms:EncryptionAlgorithm", EncryptionAlgorithm::SymmetricDefault.as_str()))
    }

    fn data_key(&self, cx: &Cx, key: &Key, context: Option<&Map<String>>, bytes: usize) -> Result<(Vec<u8>, Encrypted), Fault> {
        let context = context_of(context)?;
        let mut plaintext = vec![0; bytes];
        cx.ids().fill_secret(&mut plaintext);
        let encrypted = key.seal(cx, Kind::DataKey, &context, &plaintext)?;
        Ok((plaintext, encrypted))
    }
}

impl Handle<GenerateDataKey> for Kms {
    fn permissions(&self, cx: &Cx, input: &GenerateDataKeyRequest) -> Result<Permissions, Fault> {
        Ok(self.data_key_permission::<GenerateDataKey>(cx, &input.key_id, input.encryption_context.as_ref())?.into())
    }

    async fn handle(&self, cx: &Cx, input: GenerateDataKeyRequest) -> Result<GenerateDataKeyResponse, Fault> {
        let key = self.key_of_data_keys::<GenerateDataKey>(cx, &input.key_id, input.grant_tokens.as_deref())?;
        let length = length(input.key_spec.as_deref(), input.number_of_bytes)?;
        check_recipient(input.recipient.as_ref())?;
        check_dry_run(input.dry_run)?;
        let (plaintext, encrypted) = self.data_key(cx, &key, input.encryption_context.as_ref(), length)?;
        self.used::<GenerateDataKey>(cx, &key);
        Ok(GenerateDataKeyResponse {
            ciphertext_blob: Some(encrypted.blob),
            plaintext: Some(plaintext.into()),
            key_id: Some(key.arn.to_string()),
            ciphertext_for_recipient: None,
            key_material_id: encrypted.material.map(|id| id.to_string()),
        })
    }
}

impl Handle<GenerateDataKeyWithoutPlaintext> for Kms {
    fn permissions(&self, cx: &Cx, input: &GenerateDataKeyWithoutPlaintextRequest) -> Result<Permissions, Fault> {
        Ok(self.data_key_permission::<GenerateDataKeyWithoutPlaintext>(cx, &input.key_id, input.encryption_context.as_ref())?.into())
    }

    async fn handle(&self, cx: &Cx, input: GenerateDataKeyWithoutPlaintextRequest) -> Result<GenerateDataKeyWithoutPlaintextResponse, Fault> {
        let key = self.key_of_data_keys::<GenerateDataKeyWithoutPlaintext>(cx, &input.key_id, input.grant_tokens.as_deref())?;
        let length = length(input.key_spec.as_deref(), input.number_of_bytes)?;
        check_dry_run(input.dry_run)?;
        let (_, encrypted) = self.data_key(cx, &key, input.encryption_context.as_ref(), length)?;
        self.used::<GenerateDataKeyWithoutPlaintext>(cx, &key);
        Ok(GenerateDataKeyWithoutPlaintextResponse {
            ciphertext_blob: Some(encrypted.blob),
            key_id: Some(key.arn.to_string()),
            key_material_id: encrypted.material.map(|id| id.to_string()),
        })
    }
}

/// A data key pair: the private key as PKCS#8, the public key as SubjectPublicKeyInfo.
struct DataKeyPair {
    private: Vec<u8>,
    public: Vec<u8>,
    encrypted: Encrypted,
}

impl Kms {
    async fn data_key_pair(&self, cx: &Cx, key: &Key, context: Option<&Map<String>>, spec: &str) -> Result<DataKeyPair, Fault> {
        let context = context_of(context)?;
        // AWS: SM2 in the regions of China only.
        let spec = KeySpec::parse(spec).filter(|spec| spec.is_asymmetric() && *spec != KeySpec::Sm2).ok_or_else(faults::unsupported)?;
        let private = self.generate(spec).await?;
        let public = PrivateKey::read(spec, &private).ok_or_else(|| Fault::internal("a new key cannot be read"))?.public_key().to_vec();
        let encrypted = key.seal(cx, Kind::DataKey, &context, &private)?;
        Ok(DataKeyPair { private, public, encrypted })
    }
}

impl Handle<GenerateDataKeyPair> for Kms {
    fn permissions(&self, cx: &Cx, input: &GenerateDataKeyPairRequest) -> Result<Permissions, Fault> {
        let permission = self.data_key_permission::<GenerateDataKeyPair>(cx, &input.key_id, input.encryption_context.as_ref())?;
        Ok(permission.with_key("kms:DataKeyPairSpec", input.key_pair_spec.clone()).into())
    }

    async fn handle(&self, cx: &Cx, input: GenerateDataKeyPairRequest) -> Result<GenerateDataKeyPairResponse, Fault> {
        let key = self.key_of_data_keys::<GenerateDataKeyPair>(cx, &input.key_id, input.grant_tokens.as_deref())?;
        check_recipient(input.recipient.as_ref())?;
        check_dry_run(input.dry_run)?;
        let pair = self.data_key_pair(cx, &key, input.encryption_context.as_ref(), &input.key_pair_spec).await?;
        self.used::<GenerateDataKeyPair>(cx, &key);
        Ok(GenerateDataKeyPairResponse {
            private_key_ciphertext_blob: Some(pair.encrypted.blob),
            private_key_plaintext: Some(pair.private.into()),
            public_key: Some(pair.public.into()),
            key_id: Some(key.arn.to_string()),
            key_pair_spec: Some(input.key_pair_spec),
            ciphertext_for_recipient: None,
            key_material_id: pair.encrypted.material.map(|id| id.to_string()),
        })
    }
}

impl Handle<GenerateDataKeyPairWithoutPlaintext> for Kms {
    fn permissions(&self, cx: &Cx, input: &GenerateDataKeyPairWithoutPlaintextRequest) -> Result<Permissions, Fault> {
        let permission = self.data_key_permission::<GenerateDataKeyPairWithoutPlaintext>(cx, &input.key_id, input.encryption_context.as_ref())?;
        Ok(permission.with_key("kms:DataKeyPairSpec", input.key_pair_spec.clone()).into())
    }

    async fn handle(&self, cx: &Cx, input: GenerateDataKeyPairWithoutPlaintextRequest) -> Result<GenerateDataKeyPairWithoutPlaintextResponse, Fault> {
        let key = self.key_of_data_keys::<GenerateDataKeyPairWithoutPlaintext>(cx, &input.key_id, input.grant_tokens.as_deref())?;
        check_dry_run(input.dry_run)?;
        let pair = self.data_key_pair(cx, &key, input.encryption_context.as_ref(), &input.key_pair_spec).await?;
        self.used::<GenerateDataKeyPairWithoutPlaintext>(cx, &key);
        Ok(GenerateDataKeyPairWithoutPlaintextResponse {
            private_key_ciphertext_blob: Some(pair.encrypted.blob),
            public_key: Some(pair.public.into()),
            key_id: Some(key.arn.to_string()),
            key_pair_spec: Some(input.key_pair_spec),
            key_material_id: pair.encrypted.material.map(|id| id.to_string()),
        })
    }
}

impl Handle<GenerateRandom> for Kms {
    fn permissions(&self, cx: &Cx, _: &GenerateRandomRequest) -> Result<Permissions, Fault> {
        Ok(of_account::<GenerateRandom>(cx))
    }

    async fn handle(&self, cx: &Cx, input: GenerateRandomRequest) -> Result<GenerateRandomResponse, Fault> {
        if let Some(store) = &input.custom_key_store_id {
            self.check_connected(cx, store)?;
        }
        check_recipient(input.recipient.as_ref())?;
        let bytes = input.number_of_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        let mut plaintext = vec![0; bytes.ok_or_else(|| faults::validation("NumberOfBytes is required."))?];
        cx.ids().fill_secret(&mut plaintext);
        Ok(GenerateRandomResponse { plaintext: Some(plaintext.into()), ciphertext_for_recipient: None })
    }
}
