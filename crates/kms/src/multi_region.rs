//! Multi-Region keys: ReplicateKey and UpdatePrimaryRegion.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html>

use crate::{
    Kms, faults,
    key_ids::Aliases,
    key_policy,
    keys::check_room,
    on_key,
    permissions::{Reach, on_resource},
    scheduled::RotateKey,
    specs::KeyOrigin,
    state::{Key, MultiRegion, State, Switch},
    tags,
};
use cloudlet_api_kms::*;
use cloudlet_aws::{Arn, Fault, Region, Scope};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;
use std::sync::Arc;

impl Key {
    fn check_primary(&self) -> Result<&MultiRegion, Fault> {
        match &self.multi_region {
            Some(regions) if self.is_primary() => Ok(regions),
            _ => Err(faults::UNSUPPORTED_OPERATION.says(format!("{} is not a multi-region primary key.", self.arn))),
        }
    }
}

/// A region of the key's partition.
fn region_of(cx: &Cx, name: &str) -> Result<Region, Fault> {
    let region = Region::parse(name).filter(|region| region.partition() == cx.scope.partition());
    // AWS: unverified message.
    region.ok_or_else(|| faults::validation(format!("Region {name} is not valid.")))
}

/// Sets what the key and all that share its material know of each other.
fn relate(state: &mut State, key: &Key, regions: &MultiRegion) {
    for region in std::iter::once(&regions.primary).chain(&regions.replicas) {
        if let Some(key) = state.keys.get_mut(&key.arn_in(region)).map(Arc::make_mut) {
            key.multi_region = Some(regions.clone());
        }
    }
}

impl Handle<ReplicateKey> for Kms {
    fn permissions(&self, cx: &Cx, input: &ReplicateKeyRequest) -> Result<Permissions, Fault> {
        let named = self.named(cx, &input.key_id, Aliases::Refused)?;
        let on_primary = self.permission::<ReplicateKey>(cx, &named, Reach::OwnAccount).with_key("kms:ReplicaRegion", input.replica_region.clone());
        // AWS: and kms:CreateKey in the region of the replica.
        let create = on_resource("kms:CreateKey", Arn::any(), cx.scope.account).with_key("kms:MultiRegionKeyType", "REPLICA");
        Ok([on_primary, create].into_iter().collect())
    }

    async fn handle(&self, cx: &Cx, input: ReplicateKeyRequest) -> Result<ReplicateKeyResponse, Fault> {
        let key = self.named(cx, &input.key_id, Aliases::Refused)?.key;
        key.check_primary()?;
        if key.origin == KeyOrigin::External {
            key.check_not_pending(cx.now)?
        } else {
            key.check_usable(cx.now)?
        }
        let region = region_of(cx, &input.replica_region)?;
        let scope = Scope::new(cx.scope.account, region.clone());
        let arn = key.arn_in(&region);
        let tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        let policy = match &input.policy {
            Some(text) => self.checked_policy(cx, &arn, text, input.bypass_policy_lockout_safety_check)?,
            None => key_policy::of_account(&scope),
        };
        let replica = self.store.write(|state| {
            check_room(state, &scope)?;
            // As it is now: it may have changed since.
            let key = state.keys.get(&key.arn).cloned().ok_or_else(|| faults::no_such_key(key.arn.as_str()))?;
            let mut regions = key.check_primary()?.clone();
            if state.keys.contains(&arn) {
                // AWS: unverified message.
                return Err(faults::ALREADY_EXISTS.says(format!("Unable to replicate {} to {region}: the key already exists there.", key.arn)));
            }
            regions.replicas.push(region);
            let mut materials = key.materials.clone();
            if key.origin == KeyOrigin::External {
                // Its material must be imported into every replica.
                materials.iter_mut().for_each(|material| Arc::make_mut(material).delete_secret());
            }
            relate(state, &key, &regions);
            let replica = Key {
                arn,
                created: cx.now,
                description: input.description.unwrap_or_default(),
                switch: Switch::Enabled,
                deletion: None,
                policy,
                tags,
                multi_region: Some(regions),
                materials,
                ..Key::clone(&key)
            };
            Ok(state.insert_key(replica))
        })?;
        Ok(ReplicateKeyResponse {
            replica_key_metadata: Some(replica.metadata(cx.now)),
            replica_policy: Some(replica.policy.text.to_string()),
            replica_tags: Some(tags::listed(&replica.tags)),
        })
    }
}

on_key!(
    UpdatePrimaryRegion,
    Aliases::Refused,
    Reach::OwnAccount,
    |input, permission| permission.keys.set("kms:PrimaryRegion", input.primary_region.clone()),
    |kms, cx, input, named| {
        let key = &named.key;
        key.check_primary()?;
        key.check_usable(cx.now)?;
        let region = region_of(cx, &input.primary_region)?;
        let new_primary = kms.store.write(|state| {
            let key = state.keys.get(&key.arn).cloned().ok_or_else(|| faults::no_such_key(key.arn.as_str()))?;
            let mut regions = key.check_primary()?.clone();
            let arn = key.arn_in(&region);
            let replica = state.keys.get(&arn).filter(|replica| !replica.is_gone(cx.now) && replica.arn != key.arn);
            let replica = replica.cloned().ok_or_else(|| faults::no_such_key(arn.as_str()))?;
            replica.check_usable(cx.now)?;
            regions.replicas.retain(|replica| *replica != region);
            regions.replicas.push(std::mem::replace(&mut regions.primary, region));
            relate(state, &key, &regions);
            Ok::<_, Fault>(state.keys.get(&arn).cloned())
        })?;
        kms.cancel::<RotateKey>(cx, &key.arn);
        if let Some(primary) = new_primary {
            kms.schedule_rotation(cx, &primary);
        }
        Ok(Empty {})
    }
);
