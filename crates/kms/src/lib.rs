//! Key Management Service.
//!
//! A key is a row with its policy and its material (`state`, `material`). A call finds its key (`key_ids`), is authorized by the key's policy,
//! the caller's policies and the key's grants (`permissions`, `grants`), and uses the material: symmetric keys through `ciphertext`, private keys
//! through `private_key`. Keys that are deleted, rotated or expire later are scheduled (`scheduled`).
//! Deliberately no HSM: a key in a custom key store can be described and not used.

mod agreement;
mod aliases;
mod asymmetric_encryption;
mod ciphertext;
mod custom_key_stores;
mod data_keys;
mod deletion;
mod der;
mod encryption;
mod faults;
mod grant_operations;
mod grants;
mod import_parameters;
mod imports;
mod key_ids;
mod key_policy;
mod key_use;
mod keys;
mod last_usage;
mod limits;
mod macs;
mod managed;
mod material;
mod metadata;
mod multi_region;
mod new_keys;
mod pages;
mod permissions;
mod policies;
mod private_key;
mod rotation;
mod scheduled;
mod signatures;
mod specs;
mod state;
mod switches;
mod tags;
#[cfg(test)]
mod tests;

use cloudlet_api_kms as api;
use cloudlet_engine::Service;
use cloudlet_store::{Journal, Store};
use state::State;
use std::sync::Arc;

pub struct Kms {
    store: Arc<Store<State>>,
    last_usage: last_usage::LastUsages,
    /// Making RSA keys takes long; so many are made at once.
    generators: tokio::sync::Semaphore,
}

const GENERATORS: usize = 2;

/// The principal of KMS.
const PRINCIPAL: &str = "kms.amazonaws.com";

pub fn service(journal: &Journal) -> Service {
    let store = Arc::new(Store::new("kms", journal, State::default()));
    let engine =
        Kms { store: store.clone(), last_usage: last_usage::LastUsages::new(store.clone()), generators: tokio::sync::Semaphore::new(GENERATORS) };
    Service::of(&api::SERVICE, Arc::new(engine))
        .store(store)
        .handles::<scheduled::DeleteKey>()
        .handles::<scheduled::RotateKey>()
        .handles::<scheduled::ExpireKeyMaterial>()
        // keys
        .handles::<api::CreateKey>()
        .handles::<api::DescribeKey>()
        .handles::<api::ListKeys>()
        .handles::<api::UpdateKeyDescription>()
        .handles::<api::EnableKey>()
        .handles::<api::DisableKey>()
        .handles::<api::ScheduleKeyDeletion>()
        .handles::<api::CancelKeyDeletion>()
        .handles::<api::GetKeyLastUsage>()
        .handles::<api::TagResource>()
        .handles::<api::UntagResource>()
        .handles::<api::ListResourceTags>()
        .handles::<api::CreateAlias>()
        .handles::<api::UpdateAlias>()
        .handles::<api::DeleteAlias>()
        .handles::<api::ListAliases>()
        .handles::<api::GetKeyPolicy>()
        .handles::<api::PutKeyPolicy>()
        .handles::<api::ListKeyPolicies>()
        // grants
        .handles::<api::CreateGrant>()
        .handles::<api::ListGrants>()
        .handles::<api::ListRetirableGrants>()
        .handles::<api::RetireGrant>()
        .handles::<api::RevokeGrant>()
        // rotation
        .handles::<api::EnableKeyRotation>()
        .handles::<api::DisableKeyRotation>()
        .handles::<api::GetKeyRotationStatus>()
        .handles::<api::RotateKeyOnDemand>()
        .handles::<api::ListKeyRotations>()
        // multi-Region keys
        .handles::<api::ReplicateKey>()
        .handles::<api::UpdatePrimaryRegion>()
        // imported material
        .handles::<api::GetParametersForImport>()
        .handles::<api::ImportKeyMaterial>()
        .handles::<api::DeleteImportedKeyMaterial>()
        // cryptography
        .handles::<api::Encrypt>()
        .handles::<api::Decrypt>()
        .handles::<api::ReEncrypt>()
        .handles::<api::GenerateDataKey>()
        .handles::<api::GenerateDataKeyWithoutPlaintext>()
        .handles::<api::GenerateDataKeyPair>()
        .handles::<api::GenerateDataKeyPairWithoutPlaintext>()
        .handles::<api::GenerateRandom>()
        .handles::<api::Sign>()
        .handles::<api::Verify>()
        .handles::<api::GetPublicKey>()
        .handles::<api::GenerateMac>()
        .handles::<api::VerifyMac>()
        .handles::<api::DeriveSharedSecret>()
        .handles::<api::Encapsulate>()
        .handles::<api::Decapsulate>()
        // custom key stores
        .handles::<api::CreateCustomKeyStore>()
        .handles::<api::DescribeCustomKeyStores>()
        .handles::<api::UpdateCustomKeyStore>()
        .handles::<api::DeleteCustomKeyStore>()
        .handles::<api::ConnectCustomKeyStore>()
        .handles::<api::DisconnectCustomKeyStore>()
        .build()
}

/// An operation on the key that `key_id` names: the operation's own action on it, with no other condition than the key's.
/// `on_key!(DisableKey, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| result)`
macro_rules! on_key {
    ($operation:ident, $aliases:expr, $reach:expr, |$kms:ident, $cx:ident, $input:ident, $named:ident| $result:expr $(,)?) => {
        on_key!($operation, $aliases, $reach, |$input, permission| (), |$kms, $cx, $input, $named| $result);
    };
    // With further condition keys of the request.
    (
        $operation:ident, $aliases:expr, $reach:expr, |$request:ident, $permission:ident| $conditions:expr,
        |$kms:ident, $cx:ident, $input:ident, $named:ident| $result:expr $(,)?
    ) => {
        impl cloudlet_engine::Handle<$operation> for crate::Kms {
            #[allow(unused_variables, unused_mut, reason = "most operations have no conditions of their own")]
            fn permissions(
                &self,
                cx: &cloudlet_engine::Cx,
                $request: &<$operation as cloudlet_shape::Operation>::Input,
            ) -> Result<cloudlet_engine::Permissions, cloudlet_aws::Fault> {
                let named = self.named(cx, &$request.key_id, $aliases)?;
                let mut $permission = self.permission::<$operation>(cx, &named, $reach);
                $conditions;
                Ok($permission.into())
            }

            #[allow(unused_variables, reason = "not every operation needs all")]
            async fn handle(
                &self,
                $cx: &cloudlet_engine::Cx,
                $input: <$operation as cloudlet_shape::Operation>::Input,
            ) -> Result<<$operation as cloudlet_shape::Operation>::Output, cloudlet_aws::Fault> {
                let $kms = self;
                let $named = self.named($cx, &$input.key_id, $aliases)?;
                $result
            }
        }
    };
}
pub(crate) use on_key;
