//! RequestManagedInstanceRoleToken and UpdateManagedInstancePublicKey, which a node signs with its own key.

use super::{
    keys::{is_public_key, machine_of},
    operations::*,
};
use crate::{
    Ssm, faults,
    nodes::{role_session, rows::Registered},
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Empty;
use std::sync::Arc;

const ACCESS_DENIED: FaultKind = FaultKind::sender("AccessDeniedException", 400);
/// AWS: of its machine, which must not be another's copy.
const FINGERPRINT: FaultKind = FaultKind::sender("MachineFingerprintDoesNotMatch", 400);

/// The node that signed.
fn signer(cx: &Cx) -> Result<Arc<str>, Fault> {
    // AWS: unverified message.
    machine_of(&cx.caller).map(Arc::from).ok_or_else(|| ACCESS_DENIED.says("The request must be signed with the key of a managed node."))
}

impl Ssm {
    fn signing_node(&self, cx: &Cx) -> Result<(Arc<str>, Arc<Registered>), Fault> {
        let id = signer(cx)?;
        let row = self.nodes.store.read(|state| state.registered.get(&(cx.scope.clone(), id.clone())).cloned());
        row.map(|row| (id.clone(), row)).ok_or_else(|| crate::nodes::no_such_node(cx.scope.account, &id))
    }
}

impl Handle<RequestManagedInstanceRoleToken> for Ssm {
    /// The key is what allows it.
    fn permissions(&self, _: &Cx, _: &RequestManagedInstanceRoleTokenRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: RequestManagedInstanceRoleTokenRequest) -> Result<RequestManagedInstanceRoleTokenResult, Fault> {
        let (id, row) = self.signing_node(cx)?;
        if row.fingerprint.is_some() && row.fingerprint.as_deref() != input.fingerprint.as_deref() {
            // AWS: unverified message.
            return Err(FINGERPRINT.says("The fingerprint of the machine does not match the one that it was registered with."));
        }
        let node = self.nodes.find(cx, &id).await?.ok_or_else(|| crate::nodes::no_such_node(cx.scope.account, &id))?;
        let (_, keys) = role_session(cx, &node).await?;
        let keys = keys.ok_or_else(|| Fault::internal("a session without keys"))?;
        Ok(RequestManagedInstanceRoleTokenResult {
            access_key_id: Some(keys.access_key_id),
            secret_access_key: Some(keys.secret_access_key),
            session_token: Some(keys.session_token),
            token_expiration_date: Some(keys.expiration),
            update_key_pair: Some(false),
        })
    }
}

impl Handle<UpdateManagedInstancePublicKey> for Ssm {
    fn permissions(&self, _: &Cx, _: &UpdateManagedInstancePublicKeyRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: UpdateManagedInstancePublicKeyRequest) -> Result<Empty, Fault> {
        let (id, _) = self.signing_node(cx)?;
        if !is_public_key(&input.new_public_key) {
            // AWS: unverified message.
            return Err(faults::validation("The public key is not an RSA key of at least 2,048 bits, in base64."));
        }
        self.nodes.change(&cx.scope, &id, |row| row.public_key = Some(input.new_public_key.into()));
        Ok(Empty {})
    }
}
