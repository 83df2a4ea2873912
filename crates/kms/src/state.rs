//! The tables: keys with their material, aliases, grants, custom key stores.

use crate::{
    grants::{Grant, GrantId},
    material::{Material, MaterialId, MaterialState, SecretBytes},
    specs::{KeyOrigin, KeySpec, KeyUsage, WrappingAlgorithm},
};
use cloudlet_aws::{Arn, Region, Scope, Timestamp};
use cloudlet_engine::StoredPolicy;
use cloudlet_shape::Map;
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, ops::Bound, sync::Arc};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Key {
    pub arn: Arn,
    pub created: Timestamp,
    pub description: String,
    pub spec: KeySpec,
    pub usage: KeyUsage,
    pub origin: KeyOrigin,
    pub manager: ManagedBy,
    pub switch: Switch,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    pub policy: StoredPolicy,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tags: Map<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_region: Option<MultiRegion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// In the order in which they became the key's.
    pub materials: Vec<Arc<Material>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ManagedBy {
    Customer,
    Aws,
}

/// What EnableKey and DisableKey change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Switch {
    Enabled,
    Disabled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    pub window_in_days: i32,
    /// None: a primary key whose replicas must be gone first.
    pub date: Option<Timestamp>,
}

/// Automatic rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    pub period_in_days: i32,
    pub next: Timestamp,
}

/// The days from one automatic rotation to the next, unless somebody chooses others.
pub const USUAL_ROTATION_PERIOD: i32 = 365;

impl Rotation {
    pub fn every(days: i32, since: Timestamp) -> Rotation {
        Rotation { period_in_days: days, next: since.plus_secs(i64::from(days) * 24 * 60 * 60) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MultiRegion {
    /// The region of the primary key.
    pub primary: Region,
    /// The regions of the replica keys.
    pub replicas: Vec<Region>,
}

/// A wrapping key for an import.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportParameters {
    pub spec: KeySpec,
    pub algorithm: WrappingAlgorithm,
    /// PKCS#8
    pub private_key: SecretBytes,
    pub expires: Timestamp,
}

/// The configuration of a custom key store. It is connected to nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CustomKeyStore {
    pub name: String,
    pub created: Timestamp,
    pub kind: CustomKeyStoreKind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum CustomKeyStoreKind {
    CloudHsm { cluster: String, trust_anchor: String },
    External { connectivity: String, access_key: String, endpoint: String, path: String, vpc_service: Option<String>, vpc_owner: Option<String> },
}

/// The state of a key, as DescribeKey names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    Enabled,
    Disabled,
    PendingDeletion,
    PendingReplicaDeletion,
    PendingImport,
}

impl KeyState {
    pub fn as_str(self) -> &'static str {
        match self {
            KeyState::Enabled => "Enabled",
            KeyState::Disabled => "Disabled",
            KeyState::PendingDeletion => "PendingDeletion",
            KeyState::PendingReplicaDeletion => "PendingReplicaDeletion",
            KeyState::PendingImport => "PendingImport",
        }
    }
}

impl Key {
    /// `1234abcd-…` or `mrk-…`
    pub fn id(&self) -> &str {
        self.arn.resource().strip_prefix("key/").unwrap_or_default()
    }

    pub fn state(&self, now: Timestamp) -> KeyState {
        match (&self.deletion, self.switch) {
            (Some(Deletion { date: Some(_), .. }), _) => KeyState::PendingDeletion,
            (Some(_), _) => KeyState::PendingReplicaDeletion,
            (None, _) if self.origin == KeyOrigin::External && !self.has_all_material(now) => KeyState::PendingImport,
            (None, Switch::Disabled) => KeyState::Disabled,
            (None, Switch::Enabled) => KeyState::Enabled,
        }
    }

    /// AWS: when any material of an imported key is deleted or expires, the key is pending import.
    fn has_all_material(&self, now: Timestamp) -> bool {
        let mut used = self.materials.iter().filter(|material| material.state != MaterialState::PendingRotation).peekable();
        used.peek().is_some() && used.all(|material| material.secret(now).is_some())
    }

    /// Whether its deletion is over.
    pub fn is_gone(&self, now: Timestamp) -> bool {
        self.deletion.and_then(|deletion| deletion.date).is_some_and(|date| date <= now)
    }

    pub fn current(&self) -> Option<&Arc<Material>> {
        self.materials.iter().find(|material| material.state == MaterialState::Current)
    }

    pub fn pending_rotation(&self) -> Option<&Arc<Material>> {
        self.materials.iter().find(|material| material.state == MaterialState::PendingRotation)
    }

    pub fn material(&self, id: &MaterialId) -> Option<&Arc<Material>> {
        self.materials.iter().find(|material| material.id == *id)
    }

    pub fn material_mut(&mut self, id: &MaterialId) -> Option<&mut Material> {
        self.materials.iter_mut().find(|material| material.id == *id).map(Arc::make_mut)
    }

    pub fn is_primary(&self) -> bool {
        self.multi_region.as_ref().is_some_and(|regions| regions.primary.as_str() == self.arn.region())
    }

    pub fn is_replica(&self) -> bool {
        self.multi_region.is_some() && !self.is_primary()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alias {
    /// Of the key.
    pub target: Arn,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// The last use of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Usage {
    pub operation: Cow<'static, str>,
    pub at: Timestamp,
    pub request_id: Arc<str>,
}

/// The key that some material was of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeletedMaterial {
    pub arn: Arn,
}

#[derive(Default)]
pub struct State {
    /// In the order of ARNs: the keys of one account and region follow each other.
    pub keys: Table<Arn, Arc<Key>>,
    pub aliases: Table<Arn, Alias>,
    pub grants: Table<(Arn, GrantId), Arc<Grant>>,
    pub custom_key_stores: Table<(Scope, String), CustomKeyStore>,
    pub last_usages: Table<Arn, Usage>,
    /// The material of keys that are deleted: a ciphertext is told from one that never was.
    pub deleted_materials: Table<MaterialId, DeletedMaterial>,
    /// The wrapping keys that were handed out for imports, by the hash of their import tokens.
    pub import_parameters: Table<(Arn, String), Arc<ImportParameters>>,
    pub keys_by_material: Table<(MaterialId, Arn), ()>,
    /// By key.
    pub aliases_by_key: Table<(Arn, Arn), ()>,
    pub grants_by_grantee: Table<(Arn, Arc<str>, GrantId), ()>,
    pub grants_by_retirer: Table<(Arc<str>, Arn, GrantId), ()>,
    pub grants_by_token: Table<Arc<str>, (Arn, GrantId)>,
}

tables!(State { keys, aliases, grants, custom_key_stores, deleted_materials, import_parameters, last_usages }
    indexes(State::reindex) { keys_by_material, aliases_by_key, grants_by_grantee, grants_by_retirer, grants_by_token });

impl State {
    fn reindex(&mut self) {
        for (arn, key) in &self.keys {
            for material in &key.materials {
                self.keys_by_material.insert((material.id, arn.clone()), ());
            }
        }
        for (arn, alias) in &self.aliases {
            self.aliases_by_key.insert((alias.target.clone(), arn.clone()), ());
        }
        let grants: Vec<_> = self.grants.values().cloned().collect();
        for grant in grants {
            self.index_grant(&grant);
        }
    }

    pub fn insert_key(&mut self, key: Key) -> Arc<Key> {
        for material in &key.materials {
            self.keys_by_material.insert((material.id, key.arn.clone()), ());
        }
        let key = Arc::new(key);
        self.keys.insert(key.arn.clone(), key.clone());
        key
    }

    /// Removes a key with its aliases and grants.
    pub fn remove_key(&mut self, arn: &Arn) {
        let Some(key) = self.keys.remove(arn) else { return };
        self.last_usages.remove(arn);
        for material in &key.materials {
            self.keys_by_material.remove(&(material.id, arn.clone()));
            self.deleted_materials.insert(material.id, DeletedMaterial { arn: arn.clone() });
        }
        self.import_parameters.retain(|(of, _), _| of != arn);
        for alias in self.aliases_of(arn) {
            self.remove_alias(&alias);
        }
        let grants: Vec<_> = self.grants_of(arn).map(|(_, grant)| grant.clone()).collect();
        for grant in grants {
            self.remove_grant(&grant);
        }
    }

    /// Adds material to a key.
    pub fn add_material(&mut self, arn: &Arn, material: Material) {
        self.keys_by_material.insert((material.id, arn.clone()), ());
        if let Some(key) = self.keys.get_mut(arn).map(Arc::make_mut) {
            key.materials.push(Arc::new(material));
        }
    }

    pub fn aliases_of(&self, key: &Arn) -> Vec<Arn> {
        let from = (Bound::Included((key.clone(), Arn::any())), Bound::Unbounded);
        self.aliases_by_key.range(from).take_while(|((target, _), ())| target == key).map(|((_, alias), ())| alias.clone()).collect()
    }

    pub fn insert_alias(&mut self, arn: Arn, alias: Alias) {
        if let Some(before) = self.aliases.get(&arn) {
            self.aliases_by_key.remove(&(before.target.clone(), arn.clone()));
        }
        self.aliases_by_key.insert((alias.target.clone(), arn.clone()), ());
        self.aliases.insert(arn, alias);
    }

    pub fn remove_alias(&mut self, arn: &Arn) {
        if let Some(alias) = self.aliases.remove(arn) {
            self.aliases_by_key.remove(&(alias.target, arn.clone()));
        }
    }

    /// The grants of a key, in the order of their ids.
    pub fn grants_of<'s>(&'s self, key: &'s Arn) -> impl Iterator<Item = (&'s GrantId, &'s Arc<Grant>)> {
        let from = (Bound::Included((key.clone(), GrantId::default())), Bound::Unbounded);
        self.grants.range(from).take_while(move |((of, _), _)| of == key).map(|((_, id), grant)| (id, grant))
    }

    /// The grants of a key to a principal.
    pub fn grants_to<'s>(&'s self, key: &'s Arn, grantee: &'s Arc<str>) -> impl Iterator<Item = &'s Arc<Grant>> {
        let from = (Bound::Included((key.clone(), grantee.clone(), GrantId::default())), Bound::Unbounded);
        let held = self.grants_by_grantee.range(from).take_while(move |((of, to, _), ())| of == key && to == grantee);
        held.filter_map(|((of, _, id), ())| self.grants.get(&(of.clone(), id.clone())))
    }

    fn index_grant(&mut self, grant: &Grant) {
        self.grants_by_grantee.insert((grant.key.clone(), grant.grantee.name().clone(), grant.id.clone()), ());
        if let Some(retirer) = &grant.retirer {
            self.grants_by_retirer.insert((retirer.name().clone(), grant.key.clone(), grant.id.clone()), ());
        }
        self.grants_by_token.insert(grant.token.reveal().into(), (grant.key.clone(), grant.id.clone()));
    }

    pub fn insert_grant(&mut self, grant: Grant) {
        self.index_grant(&grant);
        self.grants.insert((grant.key.clone(), grant.id.clone()), Arc::new(grant));
    }

    pub fn remove_grant(&mut self, grant: &Grant) {
        self.grants.remove(&(grant.key.clone(), grant.id.clone()));
        self.grants_by_grantee.remove(&(grant.key.clone(), grant.grantee.name().clone(), grant.id.clone()));
        if let Some(retirer) = &grant.retirer {
            self.grants_by_retirer.remove(&(retirer.name().clone(), grant.key.clone(), grant.id.clone()));
        }
        self.grants_by_token.remove(grant.token.reveal());
    }
}
