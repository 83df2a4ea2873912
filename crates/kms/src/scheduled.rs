//! The operations that only the scheduler calls. They are in no model, so no request is recognized as one of them.

pub use own::{DeleteKey, ExpireKeyMaterial, RotateKey};

use crate::{Kms, PRINCIPAL, material::MaterialId, state::Key};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Empty, Operation, Shape};

#[derive(Shape, Clone, Default)]
pub struct KeyInput {
    pub key: String,
}

#[derive(Shape, Clone, Default)]
pub struct MaterialInput {
    pub key: String,
    pub material: String,
}

mod own {
    use super::{KeyInput, MaterialInput};
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_kms::SERVICE;
        DeleteKey(KeyInput) -> Empty {}
        RotateKey(KeyInput) -> Empty {}
        ExpireKeyMaterial(MaterialInput) -> Empty {}
    }
}

impl Kms {
    /// Schedules what happens to a key, in place of the same that was scheduled before.
    pub fn schedule<O: Operation<Input = KeyInput>>(&self, cx: &Cx, key: &Arn, due: Timestamp) -> Result<(), Fault> {
        let scope = key.scope().unwrap_or_else(|| cx.scope.clone());
        cx.schedule_keyed::<O>(schedule_name::<O>(key), due, PRINCIPAL, key.clone(), scope, KeyInput { key: key.to_string() })
    }

    pub fn cancel<O: Operation<Input = KeyInput>>(&self, cx: &Cx, key: &Arn) {
        cx.cancel::<O>(schedule_name::<O>(key));
    }

    pub fn schedule_expiry(&self, cx: &Cx, key: &Arn, material: &MaterialId, due: Timestamp) -> Result<(), Fault> {
        let scope = key.scope().unwrap_or_else(|| cx.scope.clone());
        let input = MaterialInput { key: key.to_string(), material: material.to_string() };
        cx.schedule_keyed::<ExpireKeyMaterial>(format!("ExpireKeyMaterial/{key}/{material}"), due, PRINCIPAL, key.clone(), scope, input)
    }

    /// Schedules the next automatic rotation of a key that has one. Without a scheduler that takes it, the key is not rotated.
    pub fn schedule_rotation(&self, cx: &Cx, key: &Key) {
        if let Some(rotation) = key.rotation.filter(|_| !key.is_replica()) {
            let _ = self.schedule::<RotateKey>(cx, &key.arn, rotation.next.max(cx.now));
        }
    }
}

fn schedule_name<O: Operation>(key: &Arn) -> String {
    format!("{}/{key}", O::SCHEMA.name)
}

/// The key of a scheduled call. None: it is gone.
pub fn key_of(input: &str) -> Option<Arn> {
    Arn::parse(input)
}

impl Handle<DeleteKey> for Kms {
    fn permissions(&self, _: &Cx, _: &KeyInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: KeyInput) -> Result<Empty, Fault> {
        if let Some(arn) = key_of(&input.key) {
            self.delete_now(cx, &arn)?;
        }
        Ok(Empty {})
    }
}

impl Handle<RotateKey> for Kms {
    fn permissions(&self, _: &Cx, _: &KeyInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: KeyInput) -> Result<Empty, Fault> {
        if let Some(arn) = key_of(&input.key) {
            self.rotate_due(cx, &arn)?;
        }
        Ok(Empty {})
    }
}

impl Handle<ExpireKeyMaterial> for Kms {
    fn permissions(&self, _: &Cx, _: &MaterialInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: MaterialInput) -> Result<Empty, Fault> {
        let (Some(arn), Some(id)) = (key_of(&input.key), MaterialId::parse(&input.material)) else { return Ok(Empty {}) };
        self.store.update(|state| {
            let material = state.keys.get_mut(&arn).map(std::sync::Arc::make_mut).and_then(|key| key.material_mut(&id));
            if let Some(material) = material.filter(|material| material.is_expired(cx.now)) {
                material.delete_secret();
            }
        });
        Ok(Empty {})
    }
}
