//! Rotation: new material for a key, automatically and on demand. What was encrypted before is decrypted with the material it was encrypted with.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html>

use crate::{
    Kms, faults,
    key_ids::Aliases,
    keys::USUAL_PAGE,
    limits,
    material::{Material, MaterialId, MaterialState, RotationType},
    metadata::expiration_model,
    new_keys::new_symmetric_material,
    on_key,
    pages::page,
    permissions::Reach,
    scheduled::RotateKey,
    specs::KeyOrigin,
    state::{Key, KeyState, Rotation, State, USUAL_ROTATION_PERIOD},
};
use cloudlet_api_kms::*;
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_shape::Empty;
use std::sync::Arc;

impl Key {
    /// A key that AWS can rotate: symmetric, with material that AWS made.
    fn check_rotates(&self) -> Result<(), Fault> {
        self.check_origin(KeyOrigin::AwsKms)?;
        if self.spec.is_symmetric_encryption() { Ok(()) } else { Err(faults::unsupported()) }
    }

    /// A replica is rotated with its primary key.
    fn check_not_replica(&self) -> Result<(), Fault> {
        if !self.is_replica() {
            return Ok(());
        }
        Err(faults::UNSUPPORTED_OPERATION.says(format!("{} is not a multi-region primary key.", self.arn)))
    }

    /// The key itself and, for a primary key, its replicas.
    fn with_replicas(&self) -> Vec<Arn> {
        let replicas = self.multi_region.iter().flat_map(|regions| regions.replicas.iter().map(|region| self.arn_in(region)));
        std::iter::once(self.arn.clone()).chain(replicas).collect()
    }

    /// The key's material from now on is another.
    fn make_current(&mut self, id: &MaterialId, rotated: (Timestamp, RotationType)) {
        for material in &mut self.materials {
            if material.state == MaterialState::Current {
                Arc::make_mut(material).state = MaterialState::NonCurrent;
            }
        }
        if let Some(material) = self.material_mut(id) {
            material.state = MaterialState::Current;
            material.rotated = Some(rotated);
        }
    }
}

/// Gives a key and its replicas new material.
fn rotate_to(state: &mut State, key: &Key, material: &Material, rotated: (Timestamp, RotationType)) {
    for arn in key.with_replicas() {
        state.add_material(&arn, material.clone());
        if let Some(key) = state.keys.get_mut(&arn).map(Arc::make_mut) {
            key.make_current(&material.id, rotated);
        }
    }
}

fn set_rotation(state: &mut State, key: &Key, rotation: Option<Rotation>) {
    for arn in key.with_replicas() {
        if let Some(key) = state.keys.get_mut(&arn).map(Arc::make_mut) {
            key.rotation = rotation;
        }
    }
}

on_key!(
    EnableKeyRotation,
    Aliases::Refused,
    Reach::OwnAccount,
    |input, permission| permission.keys.set("kms:RotationPeriodInDays", input.rotation_period_in_days.unwrap_or(USUAL_ROTATION_PERIOD)),
    |kms, cx, input, named| {
        let key = &named.key;
        key.check_rotates()?;
        key.check_usable(cx.now)?;
        key.check_not_replica()?;
        // AWS: without a period, one that rotates already keeps its own.
        let period = input.rotation_period_in_days;
        let rotation = match (key.rotation, period) {
            (Some(known), None) => known,
            (Some(known), Some(days)) if known.period_in_days == days => known,
            (_, days) => Rotation::every(days.unwrap_or(USUAL_ROTATION_PERIOD), cx.now),
        };
        kms.schedule::<RotateKey>(cx, &key.arn, rotation.next)?;
        kms.store.update(|state| set_rotation(state, key, Some(rotation)));
        Ok(Empty {})
    }
);

on_key!(DisableKeyRotation, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    let key = &named.key;
    key.check_rotates()?;
    key.check_usable(cx.now)?;
    key.check_not_replica()?;
    kms.store.update(|state| set_rotation(state, key, None));
    kms.cancel::<RotateKey>(cx, &key.arn);
    Ok(Empty {})
});

on_key!(GetKeyRotationStatus, Aliases::Refused, Reach::AnyAccount, |kms, cx, input, named| {
    let key = &named.key;
    if key.origin != KeyOrigin::External || !key.spec.is_symmetric_encryption() {
        key.check_rotates()?;
    }
    key.check_not_deleted(cx.now)?;
    Ok(GetKeyRotationStatusResponse {
        key_rotation_enabled: Some(key.rotation.is_some()),
        key_id: Some(key.arn.to_string()),
        rotation_period_in_days: key.rotation.map(|rotation| rotation.period_in_days),
        next_rotation_date: key.rotation.map(|rotation| rotation.next),
        // An on-demand rotation is done at once here.
        on_demand_rotation_start_date: None,
    })
});

on_key!(RotateKeyOnDemand, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    let key = &named.key;
    key.check_usable(cx.now)?;
    if !key.spec.is_symmetric_encryption() || !matches!(key.origin, KeyOrigin::AwsKms | KeyOrigin::External) {
        return Err(faults::unsupported());
    }
    key.check_not_replica()?;
    let done = key.materials.iter().filter(|material| matches!(material.rotated, Some((_, RotationType::OnDemand)))).count();
    if done >= limits::ON_DEMAND_ROTATIONS {
        return Err(faults::LIMIT_EXCEEDED.says(format!(
            "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: {}",
            key.arn
        )));
    }
    let rotated = (cx.now, RotationType::OnDemand);
    if key.origin == KeyOrigin::External {
        let Some(pending) = key.pending_rotation().map(|material| material.id) else {
            return Err(faults::KMS_INVALID_STATE.says(format!("No available key material pending rotation for the key: {}.", key.arn)));
        };
        kms.store.update(|state| {
            for arn in key.with_replicas() {
                if let Some(key) = state.keys.get_mut(&arn).map(Arc::make_mut) {
                    key.make_current(&pending, rotated);
                }
            }
        });
    } else {
        let material = new_symmetric_material(cx);
        kms.store.update(|state| rotate_to(state, key, &material, rotated));
    }
    Ok(RotateKeyOnDemandResponse { key_id: Some(key.arn.to_string()) })
});

impl Kms {
    /// Makes an automatic rotation that is due, and schedules the next. AWS does not rotate a key that is not enabled; it does when it is again.
    pub fn rotate_due(&self, cx: &Cx, arn: &Arn) -> Result<(), Fault> {
        let next = self.store.update(|state| {
            let key = state.keys.get(arn).cloned()?;
            let rotation = key.rotation.filter(|rotation| rotation.next <= cx.now && key.state(cx.now) == KeyState::Enabled)?;
            rotate_to(state, &key, &new_symmetric_material(cx), (rotation.next, RotationType::Automatic));
            let next = Rotation::every(rotation.period_in_days, rotation.next);
            set_rotation(state, &key, Some(next));
            Some(next.next)
        });
        next.map_or(Ok(()), |next| self.schedule::<RotateKey>(cx, arn, next))
    }
}

on_key!(ListKeyRotations, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    let key = &named.key;
    if !key.spec.is_symmetric_encryption() {
        return Err(faults::unsupported());
    }
    let all = input.include_key_material.as_deref() == Some("ALL_KEY_MATERIAL");
    let listed = key.materials.iter().filter(|material| all || material.rotated.is_some());
    let entries: Vec<_> = listed.enumerate().map(|(at, material)| (at, rotation_entry(key, material, cx.now))).collect();
    let page = page::<ListKeyRotations, _, _, _>(cx, &input, USUAL_PAGE, |after: Option<usize>| {
        entries.into_iter().skip(after.map_or(0, |after| after.saturating_add(1)))
    })?;
    Ok(ListKeyRotationsResponse { rotations: Some(page.items), next_marker: page.next_marker, truncated: page.truncated })
});

fn rotation_entry(key: &Key, material: &Material, now: Timestamp) -> RotationsListEntry {
    let imported = key.origin == KeyOrigin::External;
    let there = material.secret(now).is_some();
    let import = material.import.as_ref();
    RotationsListEntry {
        key_id: Some(key.arn.to_string()),
        key_material_id: Some(material.id.to_string()),
        key_material_description: import.and_then(|import| import.description.clone()),
        import_state: imported.then(|| if there { "IMPORTED" } else { "PENDING_IMPORT" }.to_owned()),
        key_material_state: Some(material.state.as_str().to_owned()),
        expiration_model: import.filter(|_| there).map(|import| expiration_model(import.expires).to_owned()),
        valid_to: import.filter(|_| there).and_then(|import| import.expires),
        rotation_date: material.rotated.map(|(date, _)| date),
        rotation_type: material.rotated.map(|(_, kind)| kind.as_str().to_owned()),
    }
}
