//! Encrypt, Decrypt and ReEncrypt.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html>

use crate::{
    Kms, asymmetric_encryption,
    ciphertext::{self, Ciphertext, Context, Kind},
    faults,
    grants::GrantUse,
    key_ids::{Aliases, Named},
    limits,
    material::{Material, MaterialId},
    permissions::Reach,
    specs::{EncryptionAlgorithm, KeyUsage},
    state::Key,
};
use cloudlet_api_kms::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Blob, Map};
use std::{ops::Bound, sync::Arc};

/// Something encrypted, and under which material.
pub struct Encrypted {
    pub blob: Blob,
    pub material: Option<MaterialId>,
}

/// Something decrypted.
pub struct Decrypted {
    pub plaintext: Vec<u8>,
    pub material: Option<MaterialId>,
}

/// The algorithm of a request.
pub fn algorithm_of(name: Option<&str>) -> Result<EncryptionAlgorithm, Fault> {
    match name {
        None => Ok(EncryptionAlgorithm::SymmetricDefault),
        Some(name) => EncryptionAlgorithm::parse(name).ok_or_else(faults::unsupported),
    }
}

/// The encryption context of a request.
pub fn context_of(pairs: Option<&Map<String>>) -> Result<Context, Fault> {
    let context = Context::of(pairs);
    if context.is_longer_than(limits::ENCRYPTION_CONTEXT_BYTES) {
        // AWS: unverified message.
        return Err(faults::validation("The encryption context is larger than 8192 bytes."));
    }
    Ok(context)
}

/// AWS answers DryRun when everything but the cryptography is done.
pub fn check_dry_run(dry_run: Option<bool>) -> Result<(), Fault> {
    if dry_run == Some(true) { Err(faults::dry_run()) } else { Ok(()) }
}

/// Attestation documents of Nitro enclaves, which need AWS's root certificate.
pub fn check_recipient(recipient: Option<&RecipientInfo>) -> Result<(), Fault> {
    if recipient.is_some() { Err(faults::not_implemented("kms:Recipient")) } else { Ok(()) }
}

impl Key {
    /// The material that new ciphertexts are made with, and its secret.
    pub fn symmetric(&self, cx: &Cx) -> Result<(&Arc<Material>, &crate::material::SecretBytes), Fault> {
        let material = self.current().and_then(|material| Some((material, material.secret(cx.now)?)));
        material.ok_or_else(|| Fault::internal(format_args!("{} is usable and has no material", self.arn)))
    }

    /// A ciphertext under the current material.
    pub fn seal(&self, cx: &Cx, kind: Kind, context: &Context, plaintext: &[u8]) -> Result<Encrypted, Fault> {
        let (material, secret) = self.symmetric(cx)?;
        let blob = ciphertext::seal(cx.ids(), kind, material.id, secret, context, plaintext).ok_or_else(|| Fault::internal("nothing was sealed"))?;
        Ok(Encrypted { blob, material: Some(material.id) })
    }

    fn check_algorithm(&self, algorithm: EncryptionAlgorithm) -> Result<(), Fault> {
        if self.spec.encryption_algorithms().contains(&algorithm) {
            return Ok(());
        }
        Err(faults::INVALID_KEY_USAGE.says(format!("Algorithm {} is incompatible with key spec {}.", algorithm.as_str(), self.spec.as_str())))
    }

    fn check_encryption(&self, cx: &Cx, algorithm: EncryptionAlgorithm, operation: &str) -> Result<(), Fault> {
        self.check_usable(cx.now)?;
        self.check_usage(KeyUsage::EncryptDecrypt, operation)?;
        self.check_algorithm(algorithm)
    }

    fn encrypt(&self, cx: &Cx, algorithm: EncryptionAlgorithm, context: Option<&Map<String>>, plaintext: &[u8]) -> Result<Encrypted, Fault> {
        match algorithm {
            EncryptionAlgorithm::SymmetricDefault => self.seal(cx, Kind::Encrypted, &context_of(context)?, plaintext),
            _ => {
                let blob = asymmetric_encryption::encrypt(self, cx, algorithm, context, plaintext)?.into();
                Ok(Encrypted { blob, material: None })
            }
        }
    }

    fn decrypt(&self, cx: &Cx, algorithm: EncryptionAlgorithm, context: Option<&Map<String>>, blob: &[u8]) -> Result<Decrypted, Fault> {
        if algorithm != EncryptionAlgorithm::SymmetricDefault {
            let plaintext = asymmetric_encryption::decrypt(self, cx, algorithm, context, blob)?;
            return Ok(Decrypted { plaintext, material: None });
        }
        let context = context_of(context)?;
        let parsed = Ciphertext::parse(blob).ok_or_else(faults::invalid_ciphertext)?;
        let secret = self.material(&parsed.material).and_then(|material| material.secret(cx.now)).ok_or_else(faults::invalid_ciphertext)?;
        let plaintext = parsed.open(secret, &context).ok_or_else(faults::invalid_ciphertext)?;
        Ok(Decrypted { plaintext, material: Some(parsed.material) })
    }
}

/// Where the key of a ciphertext is looked for.
struct Source<'a> {
    blob: Option<&'a Blob>,
    key_id: Option<&'a str>,
    algorithm: EncryptionAlgorithm,
}

impl Kms {
    /// The key that a ciphertext was made with: the one that the request names, or the one that the ciphertext does.
    fn source_key(&self, cx: &Cx, action: &'static str, source: &Source<'_>) -> Result<Named, Fault> {
        let material = match source.algorithm {
            EncryptionAlgorithm::SymmetricDefault => source.blob.map(|blob| Ciphertext::parse(blob).map(|parsed| parsed.material)),
            _ => None,
        };
        let Some(id) = source.key_id else {
            if source.algorithm != EncryptionAlgorithm::SymmetricDefault {
                // AWS: unverified message.
                return Err(faults::validation("You must specify a KeyId when the EncryptionAlgorithm is not SYMMETRIC_DEFAULT."));
            }
            let Some(material) = material else {
                return Err(faults::validation("You must specify a KeyId when there is no CiphertextBlob."));
            };
            let material = material.ok_or_else(faults::invalid_ciphertext)?;
            return self.key_of_material(cx, action, &material).map(|key| Named { key, alias: None });
        };
        let named = self.named(cx, id, Aliases::Taken)?;
        // A ciphertext of another key, as far as it can be told.
        if let Some(Some(material)) = material
            && named.key.material(&material).is_none()
            && self.store.read(|state| owners(state, &material).next().is_some())
        {
            return Err(faults::INCORRECT_KEY.says("The key ID in the request does not identify a CMK that can perform this operation."));
        }
        Ok(named)
    }

    fn key_of_material(&self, cx: &Cx, action: &'static str, material: &MaterialId) -> Result<Arc<Key>, Fault> {
        let (known, here) = self.store.read(|state| {
            let known = state.deleted_materials.contains(material) || owners(state, material).next().is_some();
            let here = owners(state, material).filter(|arn| arn.region() == cx.scope.region.as_str());
            (known, here.filter_map(|arn| state.keys.get(arn).cloned()).find(|key| !key.is_gone(cx.now)))
        });
        match here {
            Some(key) => Ok(key),
            None if known => Err(faults::ACCESS_DENIED.says(format!(
                "User: {} is not authorized to perform: {action} on the resource associated with this ciphertext because the resource does not exist in \
                 this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access",
                cx.caller.arn
            ))),
            None => Err(faults::invalid_ciphertext()),
        }
    }

    fn encryption_permission(
        &self,
        cx: &Cx,
        action: &'static str,
        named: &Named,
        algorithm: Option<&str>,
        context: Option<&Map<String>>,
    ) -> Permission {
        let algorithm = algorithm.unwrap_or(EncryptionAlgorithm::SymmetricDefault.as_str()).to_owned();
        self.permission_on(cx, action, named, Reach::AnyAccount, GrantUse::Cryptographic(context)).with_key("kms:EncryptionAlgorithm", algorithm)
    }
}

/// The keys with some material: one, or a multi-Region key in several regions.
fn owners<'s>(state: &'s crate::state::State, material: &MaterialId) -> impl Iterator<Item = &'s Arn> {
    let material = *material;
    let from = (Bound::Included((material, Arn::any())), Bound::Unbounded);
    state.keys_by_material.range(from).take_while(move |((of, _), ())| *of == material).map(|((_, arn), ())| arn)
}

impl Handle<Encrypt> for Kms {
    fn permissions(&self, cx: &Cx, input: &EncryptRequest) -> Result<Permissions, Fault> {
        let named = self.named(cx, &input.key_id, Aliases::Taken)?;
        Ok(self.encryption_permission(cx, "kms:Encrypt", &named, input.encryption_algorithm.as_deref(), input.encryption_context.as_ref()).into())
    }

    async fn handle(&self, cx: &Cx, input: EncryptRequest) -> Result<EncryptResponse, Fault> {
        let Named { key, .. } = self.named(cx, &input.key_id, Aliases::Taken)?;
        self.check_grant_tokens(input.grant_tokens.as_deref())?;
        let algorithm = algorithm_of(input.encryption_algorithm.as_deref())?;
        key.check_encryption(cx, algorithm, "Encrypt")?;
        let encrypted = key.encrypt(cx, algorithm, input.encryption_context.as_ref(), &input.plaintext)?;
        check_dry_run(input.dry_run)?;
        self.used::<Encrypt>(cx, &key);
        Ok(EncryptResponse {
            ciphertext_blob: Some(encrypted.blob),
            key_id: Some(key.arn.to_string()),
            encryption_algorithm: Some(algorithm.as_str().to_owned()),
        })
    }
}

fn decrypt_source(input: &DecryptRequest) -> Result<Source<'_>, Fault> {
    let algorithm = algorithm_of(input.encryption_algorithm.as_deref())?;
    Ok(Source { blob: input.ciphertext_blob.as_ref(), key_id: input.key_id.as_deref(), algorithm })
}

/// `DryRunModifiers`: with IGNORE_CIPHERTEXT, a dry run needs no ciphertext.
fn blob_needed(blob: Option<&Blob>, dry_run: Option<bool>, modifiers: Option<&[String]>) -> Result<Option<Blob>, Fault> {
    if dry_run == Some(true) && modifiers.is_some_and(|modifiers| modifiers.iter().any(|modifier| modifier == "IGNORE_CIPHERTEXT")) {
        return Ok(None);
    }
    match blob {
        Some(blob) => Ok(Some(blob.clone())),
        None => Err(faults::validation(
            "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null",
        )),
    }
}

impl Handle<Decrypt> for Kms {
    fn permissions(&self, cx: &Cx, input: &DecryptRequest) -> Result<Permissions, Fault> {
        let named = self.source_key(cx, "kms:Decrypt", &decrypt_source(input)?)?;
        Ok(self.encryption_permission(cx, "kms:Decrypt", &named, input.encryption_algorithm.as_deref(), input.encryption_context.as_ref()).into())
    }

    async fn handle(&self, cx: &Cx, input: DecryptRequest) -> Result<DecryptResponse, Fault> {
        let source = decrypt_source(&input)?;
        let Named { key, .. } = self.source_key(cx, "kms:Decrypt", &source)?;
        self.check_grant_tokens(input.grant_tokens.as_deref())?;
        key.check_encryption(cx, source.algorithm, "Decrypt")?;
        check_recipient(input.recipient.as_ref())?;
        let Some(blob) = blob_needed(source.blob, input.dry_run, input.dry_run_modifiers.as_deref())? else { return Err(faults::dry_run()) };
        let decrypted = key.decrypt(cx, source.algorithm, input.encryption_context.as_ref(), &blob)?;
        check_dry_run(input.dry_run)?;
        self.used::<Decrypt>(cx, &key);
        Ok(DecryptResponse {
            key_id: Some(key.arn.to_string()),
            plaintext: Some(decrypted.plaintext.into()),
            encryption_algorithm: Some(source.algorithm.as_str().to_owned()),
            ciphertext_for_recipient: None,
            key_material_id: decrypted.material.map(|id| id.to_string()),
        })
    }
}

fn re_encrypt_source(input: &ReEncryptRequest) -> Result<Source<'_>, Fault> {
    let algorithm = algorithm_of(input.source_encryption_algorithm.as_deref())?;
    Ok(Source { blob: input.ciphertext_blob.as_ref(), key_id: input.source_key_id.as_deref(), algorithm })
}

impl Handle<ReEncrypt> for Kms {
    fn permissions(&self, cx: &Cx, input: &ReEncryptRequest) -> Result<Permissions, Fault> {
        let from = self.source_key(cx, "kms:ReEncryptFrom", &re_encrypt_source(input)?)?;
        let to = self.named(cx, &input.destination_key_id, Aliases::Taken)?;
        let same = from.key.arn == to.key.arn;
        let (source, destination) = (input.source_encryption_context.as_ref(), input.destination_encryption_context.as_ref());
        let sides = [
            self.encryption_permission(cx, "kms:ReEncryptFrom", &from, input.source_encryption_algorithm.as_deref(), source),
            self.encryption_permission(cx, "kms:ReEncryptTo", &to, input.destination_encryption_algorithm.as_deref(), destination),
        ];
        Ok(sides.into_iter().map(|side| side.with_key("kms:ReEncryptOnSameKey", if same { "true" } else { "false" })).collect())
    }

    async fn handle(&self, cx: &Cx, input: ReEncryptRequest) -> Result<ReEncryptResponse, Fault> {
        let source = re_encrypt_source(&input)?;
        let from = self.source_key(cx, "kms:ReEncryptFrom", &source)?.key;
        let to = self.named(cx, &input.destination_key_id, Aliases::Taken)?.key;
        self.check_grant_tokens(input.grant_tokens.as_deref())?;
        let algorithm = algorithm_of(input.destination_encryption_algorithm.as_deref())?;
        from.check_encryption(cx, source.algorithm, "ReEncryptFrom")?;
        to.check_encryption(cx, algorithm, "ReEncryptTo")?;
        let Some(blob) = blob_needed(source.blob, input.dry_run, input.dry_run_modifiers.as_deref())? else { return Err(faults::dry_run()) };
        let decrypted = from.decrypt(cx, source.algorithm, input.source_encryption_context.as_ref(), &blob)?;
        let encrypted = to.encrypt(cx, algorithm, input.destination_encryption_context.as_ref(), &decrypted.plaintext)?;
        check_dry_run(input.dry_run)?;
        self.used::<ReEncrypt>(cx, &from);
        self.used::<ReEncrypt>(cx, &to);
        Ok(ReEncryptResponse {
            ciphertext_blob: Some(encrypted.blob),
            source_key_id: Some(from.arn.to_string()),
            key_id: Some(to.arn.to_string()),
            source_encryption_algorithm: Some(source.algorithm.as_str().to_owned()),
            destination_encryption_algorithm: Some(algorithm.as_str().to_owned()),
            source_key_material_id: decrypted.material.map(|id| id.to_string()),
            destination_key_material_id: encrypted.material.map(|id| id.to_string()),
        })
    }
}
