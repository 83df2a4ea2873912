//! GetParametersForImport: a wrapping key and a token, good for a day; and what is unwrapped with them.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-get-public-key-and-token.html>

use crate::{
    faults,
    key_ids::Aliases,
    material::SecretBytes,
    on_key,
    permissions::Reach,
    private_key::PrivateKey,
    specs::{EncryptionAlgorithm, KeyOrigin, KeySpec, WrappingAlgorithm},
    state::{ImportParameters, State},
};
use aws_lc_rs::{
    digest,
    key_wrap::{AES_128, AES_256, KeyEncryptionKey, KeyWrapPadded},
};
use cloudlet_api_kms::*;
use cloudlet_aws::{Arn, Fault};
use std::{ops::Bound, sync::Arc};

const VALID_SECONDS: i64 = 24 * 60 * 60;
const TOKEN_BYTES: usize = 256;
/// The oldest are forgotten.
const PER_KEY: usize = 10;

/// The row of a token: its hash, so that the token itself is nowhere.
pub fn row_of(key: &Arn, token: &[u8]) -> (Arn, String) {
    (key.clone(), hex::encode(digest::digest(&digest::SHA256, token)))
}

on_key!(
    GetParametersForImport,
    Aliases::Refused,
    Reach::OwnAccount,
    |input, permission| {
        permission.keys.set("kms:WrappingAlgorithm", input.wrapping_algorithm.clone());
        permission.keys.set("kms:WrappingKeySpec", input.wrapping_key_spec.clone());
    },
    |kms, cx, input, named| {
        let key = &named.key;
        key.check_origin(KeyOrigin::External)?;
        key.check_not_deleted(cx.now)?;
        // AWS: RSAES_PKCS1_V1_5 is no longer supported; SM2 is in the regions of China only.
        let algorithm = WrappingAlgorithm::parse(&input.wrapping_algorithm).ok_or_else(faults::unsupported)?;
        let spec = KeySpec::parse(&input.wrapping_key_spec).filter(|spec| spec.rsa_bits().is_some()).ok_or_else(faults::unsupported)?;
        let private_key = kms.generate(spec).await?;
        let public_key = PrivateKey::read(spec, &private_key).ok_or_else(|| Fault::internal("a new key cannot be read"))?.public_key().to_vec();
        let mut token = vec![0; TOKEN_BYTES];
        cx.ids().fill_secret(&mut token);
        let expires = cx.now.plus_secs(VALID_SECONDS);
        let parameters = ImportParameters { spec, algorithm, private_key: SecretBytes::new(private_key), expires };
        kms.store.update(|state| {
            forget_oldest(state, &key.arn);
            state.import_parameters.insert(row_of(&key.arn, &token), Arc::new(parameters));
        });
        Ok(GetParametersForImportResponse {
            key_id: Some(key.arn.to_string()),
            import_token: Some(token.into()),
            public_key: Some(public_key.into()),
            parameters_valid_to: Some(expires),
        })
    }
);

fn forget_oldest(state: &mut State, key: &Arn) {
    let from = (Bound::Included((key.clone(), String::new())), Bound::Unbounded);
    let known: Vec<_> = state.import_parameters.range(from).take_while(|((of, _), _)| of == key).collect();
    if known.len() >= PER_KEY
        && let Some((oldest, _)) = known.into_iter().min_by_key(|(_, parameters)| parameters.expires)
    {
        let oldest = oldest.clone();
        state.import_parameters.remove(&oldest);
    }
}

impl ImportParameters {
    /// The key material that was wrapped with these parameters.
    pub fn unwrap(&self, wrapped: &[u8]) -> Option<Vec<u8>> {
        let key = PrivateKey::read(self.spec, self.private_key.as_slice())?;
        let (oaep, with_aes) = match self.algorithm {
            WrappingAlgorithm::RsaesOaepSha1 => (EncryptionAlgorithm::RsaesOaepSha1, false),
            WrappingAlgorithm::RsaesOaepSha256 => (EncryptionAlgorithm::RsaesOaepSha256, false),
            WrappingAlgorithm::RsaAesKeyWrapSha1 => (EncryptionAlgorithm::RsaesOaepSha1, true),
            WrappingAlgorithm::RsaAesKeyWrapSha256 => (EncryptionAlgorithm::RsaesOaepSha256, true),
        };
        if !with_aes {
            return key.decrypt(oaep, wrapped).ok();
        }
        // PKCS #11's CKM_RSA_AES_KEY_WRAP: an AES key under RSA, then the material under the AES key, with padding.
        let (aes_key, material) = wrapped.split_at_checked(self.spec.rsa_bits()? / 8)?;
        let aes_key = key.decrypt(oaep, aes_key).ok()?;
        let cipher = match aes_key.len() {
            16 => &AES_128,
            32 => &AES_256,
            _ => return None,
        };
        let mut unwrapped = vec![0; material.len()];
        let length = KeyEncryptionKey::new(cipher, &aes_key).ok()?.unwrap_with_padding(material, &mut unwrapped).ok()?.len();
        unwrapped.truncate(length);
        Some(unwrapped)
    }
}
