//! What all operations have in common that use a key's material.

use crate::{Kms, specs::KeyUsage, state::Key};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use cloudlet_shape::Operation;

impl Kms {
    /// The key can be used for the operation, and the grant tokens of the request have the form of one.
    pub fn check_use<O: Operation>(&self, cx: &Cx, key: &Key, usage: KeyUsage, grant_tokens: Option<&[String]>) -> Result<(), Fault> {
        self.check_grant_tokens(grant_tokens)?;
        key.check_usable(cx.now)?;
        key.check_usage(usage, O::SCHEMA.name)
    }

    /// The operation has used the key.
    pub fn used<O: Operation>(&self, cx: &Cx, key: &Key) {
        self.last_usage.record(cx, key, O::SCHEMA.name);
    }
}
