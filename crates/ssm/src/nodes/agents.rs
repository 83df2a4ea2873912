//! Nodes with an agent of their own: machines that were registered with a public key. The agent proves who it is with the private one and gets
//! keys of its role, tells what machine it is on, and opens its control channel, over which commands and sessions reach it. It is online as long as that is open.
//!
//! As read in the agent: `agent/ssm/rsaauth`, `agent/session/service`, `agent/session/controlchannel`, `agent/messageservice`.

mod channels;
mod connections;
mod control;
mod information;
mod keys;
mod operations;
mod role_token;

pub use connections::{Agents, Connection};
pub use keys::is_public_key;

use crate::Ssm;
use cloudlet_engine::Builder;
use operations::*;
pub use operations::{ChannelInput, OpenDataChannel, SCHEMAS};
use std::sync::Arc;

pub fn register(builder: Builder<Ssm>, ssm: &Arc<Ssm>) -> Builder<Ssm> {
    builder
        .machine_keys(ssm.clone())
        .http_endpoints(ssm.clone())
        .socket_hooks(Arc::new(control::ControlChannels(ssm.clone())))
        .handles::<RequestManagedInstanceRoleToken>()
        .handles::<UpdateManagedInstancePublicKey>()
        .handles::<UpdateInstanceInformation>()
        .handles::<ListInstanceAssociations>()
        .handles::<UpdateInstanceAssociationStatus>()
        .handles::<CreateControlChannel>()
        .handles::<OpenControlChannel>()
        .handles::<CreateDataChannel>()
        .handles::<OpenDataChannel>()
}
