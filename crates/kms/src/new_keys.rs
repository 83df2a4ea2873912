//! What new keys are made of: ids, random secrets, private keys.

use crate::{
    Kms,
    material::{Material, MaterialId, MaterialState, SecretBytes},
    private_key,
    specs::KeySpec,
};
use cloudlet_aws::{Arn, Fault, Scope};
use cloudlet_engine::Cx;

/// The ARN of a key with a new id.
pub fn new_key_arn(cx: &Cx, scope: &Scope, multi_region: bool) -> Arn {
    let id = if multi_region { format!("mrk-{}", cx.ids().hex(32)) } else { cx.ids().uuid() };
    Arn::new("kms", scope, &format!("key/{id}"))
}

pub fn new_material_id(cx: &Cx) -> MaterialId {
    MaterialId(cx.ids().bytes())
}

/// 32 random bytes that are a key's material from now on.
pub fn new_symmetric_material(cx: &Cx) -> Material {
    Material::new(new_material_id(cx), random(cx, 32), MaterialState::Current)
}

fn random(cx: &Cx, bytes: usize) -> SecretBytes {
    let mut secret = vec![0; bytes];
    cx.ids().fill_secret(&mut secret);
    SecretBytes::new(secret)
}

impl Kms {
    /// New material of a spec. RSA keys are made in a thread for blocking work, a few at once.
    pub async fn new_material(&self, cx: &Cx, spec: KeySpec) -> Result<Material, Fault> {
        let secret = match spec.secret_bytes() {
            Some(range) => random(cx, *range.start()),
            None => SecretBytes::new(self.generate(spec).await?),
        };
        Ok(Material::new(new_material_id(cx), secret, MaterialState::Current))
    }

    /// A new private key in its stored form.
    pub async fn generate(&self, spec: KeySpec) -> Result<Vec<u8>, Fault> {
        let broken = |_| Fault::internal(format_args!("no {spec:?} key could be made"));
        if spec.rsa_bits().is_none() {
            return private_key::generate(spec).map_err(broken);
        }
        let _turn = self.generators.acquire().await.map_err(Fault::internal)?;
        tokio::task::spawn_blocking(move || private_key::generate(spec)).await.map_err(Fault::internal)?.map_err(broken)
    }
}
