//! Machines become managed nodes, and are no more: RegisterManagedInstance, which agents call without a signature, DeregisterManagedInstance,
//! UpdateManagedInstanceRole. What is registered with a public key has an agent; everything else runs on a machine of this server.

pub use own::RegisterManagedInstance;

use super::{activations::passed_role, agents::is_public_key, find::managed_arn, rows::Registered};
use crate::{Ssm, faults, parameters::permissions::set_resource_tags};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Account, Arn, Fault, Scope};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Operation, Shape};
use std::sync::Arc;

/// As AWS's agent sends it. The models of the SDKs do not have the operation.
#[derive(Shape, Clone, Default)]
pub struct RegisterManagedInstanceRequest {
    pub activation_id: String,
    pub activation_code: String,
    pub fingerprint: Option<String>,
    pub public_key: Option<String>,
    pub public_key_type: Option<String>,
}

#[derive(Shape, Clone, Default)]
pub struct RegisterManagedInstanceResult {
    pub instance_id: Option<String>,
}

mod own {
    use super::{RegisterManagedInstanceRequest, RegisterManagedInstanceResult};
    use cloudlet_shape::{Access, operations};

    const REGISTER: Access = Access { action: "ssm:RegisterManagedInstance", resources: &[], keys: &[] };

    operations! { cloudlet_api_ssm::SERVICE;
        RegisterManagedInstance(RegisterManagedInstanceRequest) -> RegisterManagedInstanceResult {
            access: &[REGISTER],
        }
    }
}

impl Handle<RegisterManagedInstance> for Ssm {
    /// The code is what allows it.
    fn permissions(&self, _: &Cx, _: &RegisterManagedInstanceRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: RegisterManagedInstanceRequest) -> Result<RegisterManagedInstanceResult, Fault> {
        let public_key = input.public_key.filter(|key| !key.is_empty());
        if public_key.as_ref().is_some_and(|key| !is_public_key(key)) {
            // AWS: unverified message.
            return Err(faults::validation("The public key is not an RSA key of at least 2,048 bits, in base64."));
        }
        let id = format!("mi-0{}", cx.ids().hex(16));
        self.nodes.store.write(|state| {
            let known = state.activations.iter().find(|((scope, id), activation)| {
                scope.region == cx.scope.region && **id == *input.activation_id && *activation.code == *input.activation_code
            });
            let invalid = || {
                faults::INVALID_ACTIVATION.says(
                    "The activation isn't valid. The activation might have been deleted, or the ActivationId and the ActivationCode don't match.",
                )
            };
            let (place, activation) = known.map(|(place, activation)| (place.clone(), activation.clone())).ok_or_else(invalid)?;
            if activation.expires <= cx.now || activation.count >= activation.limit {
                return Err(invalid());
            }
            let mut counted = (*activation).clone();
            counted.count += 1;
            let registered = Registered {
                activation: place.1.clone(),
                name: activation.default_name.clone(),
                role: activation.role.clone(),
                at: cx.now,
                tags: activation.tags.clone(),
                public_key: public_key.map(Into::into),
                fingerprint: input.fingerprint.map(Into::into),
                agent: None,
            };
            state.registered.insert((place.0.clone(), id.as_str().into()), Arc::new(registered));
            state.activations.insert(place, Arc::new(counted));
            Ok(())
        })?;
        Ok(RegisterManagedInstanceResult { instance_id: Some(id) })
    }
}

pub fn no_such_node(account: Account, id: &str) -> Fault {
    faults::INVALID_INSTANCE_ID.says(format!("Instance {id} is not valid for account {}", account.as_str()))
}

impl Ssm {
    /// The permission for what is done to a registered machine.
    fn node_permission<O: Operation>(&self, scope: &Scope, id: &str) -> Permission {
        let arn: Arn = managed_arn(scope, id);
        let mut permission = Permission::of::<O>(arn);
        let tags = self.nodes.store.read(|state| state.registered.get(&(scope.clone(), Arc::from(id))).map(|row| row.tags.clone()));
        set_resource_tags(&mut permission, &tags.unwrap_or_default());
        permission
    }
}

impl Handle<DeregisterManagedInstance> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DeregisterManagedInstanceRequest) -> Result<Permissions, Fault> {
        Ok(self.node_permission::<DeregisterManagedInstance>(&cx.scope, &input.instance_id).into())
    }

    async fn handle(&self, cx: &Cx, input: DeregisterManagedInstanceRequest) -> Result<DeregisterManagedInstanceResult, Fault> {
        let id: Arc<str> = input.instance_id.as_str().into();
        let node = self.nodes.find(cx, &id).await?;
        self.nodes.store.write(|state| {
            let removed = state.registered.remove(&(cx.scope.clone(), id.clone()));
            removed.ok_or_else(|| no_such_node(cx.scope.account, &id))?;
            let types: Vec<Arc<str>> = state.inventory_of(&cx.scope, &id).map(|(kind, _)| kind.clone()).collect();
            for kind in types {
                state.inventory.remove(&(cx.scope.clone(), id.clone(), kind));
            }
            Ok::<(), Fault>(())
        })?;
        self.nodes.agents.forget(&id);
        if let Some(node) = node.filter(|node| !node.is_elsewhere) {
            self.nodes.machine(&node, cx.own_address()).erase().await;
        }
        Ok(DeregisterManagedInstanceResult {})
    }
}

impl Handle<UpdateManagedInstanceRole> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateManagedInstanceRoleRequest) -> Result<Permissions, Fault> {
        Ok(self.node_permission::<UpdateManagedInstanceRole>(&cx.scope, &input.instance_id).into())
    }

    async fn handle(&self, cx: &Cx, input: UpdateManagedInstanceRoleRequest) -> Result<UpdateManagedInstanceRoleResult, Fault> {
        passed_role::<UpdateManagedInstanceRole>(cx, &input.iam_role).await?;
        let place = (cx.scope.clone(), input.instance_id.as_str().into());
        self.nodes.store.write(|state| {
            let row = state.registered.get(&place).ok_or_else(|| no_such_node(cx.scope.account, &input.instance_id))?;
            let changed = Registered { role: input.iam_role.into(), ..(**row).clone() };
            state.registered.insert(place, Arc::new(changed));
            Ok(UpdateManagedInstanceRoleResult {})
        })
    }
}
