//! ImportKeyMaterial and DeleteImportedKeyMaterial.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys.html>

use crate::{
    faults,
    import_parameters::row_of,
    key_ids::Aliases,
    material::{ImportDetails, Material, MaterialId, MaterialState, SecretBytes},
    on_key,
    permissions::Reach,
    private_key::PrivateKey,
    specs::{KeyOrigin, KeySpec},
    state::Key,
};
use aws_lc_rs::hmac;
use cloudlet_api_kms::*;
use cloudlet_aws::{Fault, Timestamp, TimestampFormat};

const LONGEST_VALIDITY: i64 = 365 * 24 * 60 * 60;

/// The id of imported material: the same bytes in the same key have the same.
fn id_of(key: &Key, secret: &[u8]) -> MaterialId {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), key.id().as_bytes());
    let mut id = [0; 32];
    for (to, from) in id.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    MaterialId(id)
}

/// Whether bytes are material of a spec.
fn is_material(spec: KeySpec, secret: &[u8]) -> bool {
    match spec.secret_bytes() {
        Some(sizes) => sizes.contains(&secret.len()),
        None => PrivateKey::read(spec, secret).is_some(),
    }
}

/// When the material expires, as the request says. AWS: it does, unless the request says that it does not.
fn expiry(input: &ImportKeyMaterialRequest, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let never = input.expiration_model.as_deref() == Some("KEY_MATERIAL_DOES_NOT_EXPIRE");
    match (never, input.valid_to) {
        (true, None) => Ok(None),
        // AWS: unverified message.
        (true, Some(_)) => Err(faults::validation("A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")),
        (false, None) => Err(faults::validation("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")),
        (false, Some(date)) if date <= now || date > now.plus_secs(LONGEST_VALIDITY) => {
            // AWS: unverified message.
            Err(faults::validation("The validTo date must be in the future, and no more than 365 days from now."))
        }
        (false, Some(date)) => Ok(Some(date)),
    }
}

fn incorrect() -> Fault {
    // AWS: unverified message.
    faults::INCORRECT_KEY_MATERIAL.says("The key material in the request is not the key material that was previously imported into this KMS key.")
}

/// Where imported material goes.
enum Destination {
    /// Material that the key had before.
    Known,
    New(MaterialState),
}

fn destination(key: &Key, id: &MaterialId, kind: Option<&str>) -> Result<Destination, Fault> {
    let known = key.material(id).is_some();
    let is_new = kind.map_or(key.materials.is_empty(), |kind| kind == "NEW_KEY_MATERIAL");
    match (is_new, key.materials.is_empty()) {
        (false, _) if known => Ok(Destination::Known),
        (false, _) => Err(incorrect()),
        (true, true) => Ok(Destination::New(MaterialState::Current)),
        (true, false) if !key.spec.is_symmetric_encryption() => {
            if known {
                Ok(Destination::Known)
            } else {
                Err(incorrect())
            }
        }
        (true, false) if known => Err(incorrect()),
        (true, false) => match key.pending_rotation() {
            None => Ok(Destination::New(MaterialState::PendingRotation)),
            Some(pending) => Err(faults::KMS_INVALID_STATE.says(format!(
                "New key material (id: {id}) cannot be imported into KMS key {}, because another key material (id: {}) is pending rotation.",
                key.arn, pending.id
            ))),
        },
    }
}

on_key!(
    ImportKeyMaterial,
    Aliases::Refused,
    Reach::OwnAccount,
    |input, permission| {
        let model = input.expiration_model.as_deref().unwrap_or("KEY_MATERIAL_EXPIRES").to_owned();
        permission.keys.set("kms:ExpirationModel", model);
        if let Some(date) = input.valid_to {
            permission.keys.set("kms:ValidTo", date.text(TimestampFormat::DateTime));
        }
    },
    |kms, cx, input, named| {
        let arn = &named.key.arn;
        named.key.check_origin(KeyOrigin::External)?;
        named.key.check_not_deleted(cx.now)?;
        let expires = expiry(&input, cx.now)?;
        let parameters = kms.store.read(|state| state.import_parameters.get(&row_of(arn, &input.import_token)).cloned());
        // AWS: unverified messages.
        let parameters = parameters.ok_or_else(|| faults::INVALID_IMPORT_TOKEN.says("The import token is not valid for this KMS key."))?;
        if parameters.expires <= cx.now {
            return Err(faults::EXPIRED_IMPORT_TOKEN.says("The import token has expired."));
        }
        let secret = parameters.unwrap(&input.encrypted_key_material).ok_or_else(faults::invalid_ciphertext)?;
        if !is_material(named.key.spec, &secret) {
            // AWS: unverified message.
            return Err(faults::INCORRECT_KEY_MATERIAL.says(format!("The key material is not valid for key spec {}.", named.key.spec.as_str())));
        }
        let id = id_of(&named.key, &secret);
        if input.key_material_id.as_ref().is_some_and(|wanted| *wanted != id.to_string()) {
            return Err(incorrect());
        }
        // First what may be refused. Material that has not expired is left alone.
        if let Some(date) = expires {
            kms.schedule_expiry(cx, arn, &id, date)?;
        }
        let import = ImportDetails { description: input.key_material_description.clone(), expires };
        let secret = SecretBytes::new(secret);
        kms.store.write(|state| {
            let key = state.keys.get(arn).cloned().ok_or_else(|| faults::no_such_key(arn.as_str()))?;
            match destination(&key, &id, input.import_type.as_deref())? {
                Destination::Known => {
                    let material = state.keys.get_mut(arn).map(std::sync::Arc::make_mut).and_then(|key| key.material_mut(&id));
                    if let Some(material) = material {
                        material.restore_secret(secret, import);
                    }
                }
                Destination::New(at) => {
                    let mut material = Material::new(id, secret, at);
                    material.import = Some(import);
                    state.add_material(arn, material);
                }
            }
            Ok::<_, Fault>(())
        })?;
        Ok(ImportKeyMaterialResponse {
            key_id: Some(arn.to_string()),
            key_material_id: named.key.spec.is_symmetric_encryption().then(|| id.to_string()),
        })
    }
);

on_key!(DeleteImportedKeyMaterial, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    let arn = &named.key.arn;
    named.key.check_origin(KeyOrigin::External)?;
    named.key.check_not_deleted(cx.now)?;
    let wanted = match &input.key_material_id {
        Some(id) => MaterialId::parse(id).filter(|id| named.key.material(id).is_some()).map(Some),
        None => Some(named.key.current().map(|material| material.id)),
    };
    // AWS: unverified message.
    let wanted = wanted.ok_or_else(|| faults::NOT_FOUND.says("The key material does not exist."))?;
    kms.store.update(|state| {
        let (Some(id), Some(key)) = (wanted, state.keys.get_mut(arn).map(std::sync::Arc::make_mut)) else { return };
        if key.pending_rotation().is_some_and(|pending| pending.id == id) {
            // Nothing was encrypted with it.
            key.materials.retain(|material| material.id != id);
            state.keys_by_material.remove(&(id, arn.clone()));
        } else if let Some(material) = key.material_mut(&id) {
            material.delete_secret();
        }
    });
    Ok(DeleteImportedKeyMaterialResponse {
        key_id: Some(arn.to_string()),
        key_material_id: wanted.filter(|_| named.key.spec.is_symmetric_encryption()).map(|id| id.to_string()),
    })
});
