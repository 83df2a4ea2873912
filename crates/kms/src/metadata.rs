//! A key as DescribeKey shows it, and what its state lets be done with it.

use crate::{
    faults,
    specs::{KeyOrigin, KeyUsage},
    state::{Key, KeyState, ManagedBy},
};
use cloudlet_api_kms::{KeyMetadata, MultiRegionConfiguration, MultiRegionKey};
use cloudlet_aws::{Arn, Fault, Region, Timestamp};

impl Key {
    pub fn metadata(&self, now: Timestamp) -> KeyMetadata {
        let state = self.state(now);
        let names = |of: KeyUsage, names: Vec<&'static str>| {
            (self.usage == of && !names.is_empty()).then(|| names.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let import = self.current().filter(|material| material.secret(now).is_some()).and_then(|material| material.import.as_ref());
        let current = self.current().filter(|_| self.spec.is_symmetric_encryption());
        KeyMetadata {
            aws_account_id: Some(self.arn.account().to_owned()),
            key_id: self.id().to_owned(),
            arn: Some(self.arn.to_string()),
            creation_date: Some(self.created),
            enabled: Some(state == KeyState::Enabled),
            description: Some(self.description.clone()),
            key_usage: Some(self.usage.as_str().to_owned()),
            key_state: Some(state.as_str().to_owned()),
            deletion_date: self.deletion.and_then(|deletion| deletion.date),
            pending_deletion_window_in_days: self.deletion.filter(|deletion| deletion.date.is_none()).map(|deletion| deletion.window_in_days),
            valid_to: import.and_then(|import| import.expires),
            origin: Some(self.origin.as_str().to_owned()),
            custom_key_store_id: None,
            cloud_hsm_cluster_id: None,
            expiration_model: import.map(|import| expiration_model(import.expires).to_owned()),
            key_manager: Some(if self.manager == ManagedBy::Aws { "AWS" } else { "CUSTOMER" }.to_owned()),
            customer_master_key_spec: Some(self.spec.as_str().to_owned()),
            key_spec: Some(self.spec.as_str().to_owned()),
            encryption_algorithms: names(KeyUsage::EncryptDecrypt, self.spec.encryption_algorithms().iter().map(|a| a.as_str()).collect()),
            signing_algorithms: names(KeyUsage::SignVerify, self.spec.signing_algorithms().iter().map(|a| a.as_str()).collect()),
            key_agreement_algorithms: names(KeyUsage::KeyAgreement, vec!["ECDH"]),
            encapsulation_algorithms: names(KeyUsage::EncapsulateDecapsulate, vec!["ML_KEM"]),
            mac_algorithms: names(KeyUsage::GenerateVerifyMac, self.spec.mac_algorithm().iter().map(|a| a.as_str()).collect()),
            multi_region: Some(self.multi_region.is_some()),
            multi_region_configuration: self.multi_region.as_ref().map(|regions| MultiRegionConfiguration {
                multi_region_key_type: Some(if self.is_primary() { "PRIMARY" } else { "REPLICA" }.to_owned()),
                primary_key: Some(self.in_region(&regions.primary)),
                replica_keys: Some(regions.replicas.iter().map(|region| self.in_region(region)).collect()),
            }),
            xks_key_configuration: None,
            current_key_material_id: current.map(|material| material.id.to_string()),
        }
    }

    /// The ARN of the key with the same id in another region.
    pub fn arn_in(&self, region: &Region) -> Arn {
        Arn::build(self.arn.partition(), "kms", region.as_str(), self.arn.account(), self.arn.resource())
    }

    fn in_region(&self, region: &Region) -> MultiRegionKey {
        MultiRegionKey { arn: Some(self.arn_in(region).to_string()), region: Some(region.to_string()) }
    }

    /// The key can be used.
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>
    pub fn check_usable(&self, now: Timestamp) -> Result<(), Fault> {
        match self.state(now) {
            KeyState::Enabled => Ok(()),
            KeyState::Disabled => Err(faults::DISABLED.says(format!("{} is disabled.", self.arn))),
            state => Err(self.in_state(state)),
        }
    }

    /// The key is not about to be deleted.
    pub fn check_not_deleted(&self, now: Timestamp) -> Result<(), Fault> {
        match self.state(now) {
            state @ (KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => Err(self.in_state(state)),
            _ => Ok(()),
        }
    }

    /// The same, and its material is there.
    pub fn check_not_pending(&self, now: Timestamp) -> Result<(), Fault> {
        match self.state(now) {
            KeyState::Enabled | KeyState::Disabled => Ok(()),
            state => Err(self.in_state(state)),
        }
    }

    fn in_state(&self, state: KeyState) -> Fault {
        let what = match state {
            KeyState::PendingDeletion => "pending deletion",
            KeyState::PendingReplicaDeletion => "pending replica deletion",
            KeyState::PendingImport => "pending import",
            KeyState::Enabled => "enabled",
            KeyState::Disabled => "disabled",
        };
        faults::KMS_INVALID_STATE.says(format!("{} is {what}.", self.arn))
    }

    pub fn check_usage(&self, usage: KeyUsage, operation: &str) -> Result<(), Fault> {
        if self.usage == usage {
            return Ok(());
        }
        Err(faults::INVALID_KEY_USAGE.says(format!("{} key usage is {} which is not valid for {operation}.", self.arn, self.usage.as_str())))
    }

    pub fn check_origin(&self, origin: KeyOrigin) -> Result<(), Fault> {
        if self.origin == origin {
            return Ok(());
        }
        Err(faults::UNSUPPORTED_OPERATION.says(format!("{} origin is {} which is not valid for this operation.", self.arn, self.origin.as_str())))
    }
}

pub fn expiration_model(expires: Option<Timestamp>) -> &'static str {
    if expires.is_some() { "KEY_MATERIAL_EXPIRES" } else { "KEY_MATERIAL_DOES_NOT_EXPIRE" }
}
