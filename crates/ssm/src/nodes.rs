//! Managed nodes: instances of EC2 with an instance profile, machines that were activated, and the server's own one if a setting says so.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-managed-nodes.html>
//!
//! A node is a machine of the kit (`engine::Node`), which runs programs. Nothing runs as long as nobody asks for something.

mod activations;
pub mod agents;
mod filters;
mod find;
pub mod handlers;
mod information;
pub mod inventory;
mod machines;
mod managed;
mod registration;
mod rows;
mod state;
mod tagging;

pub use filters::Operator;
pub use find::{ManagedNode, Source, managed_arn};
pub use inventory::on_node as node_permission;
pub use managed::role_session;
#[cfg(test)]
pub use registration::RegisterManagedInstanceRequest;
pub use registration::{RegisterManagedInstance, no_such_node};
pub use state::NodeState;

use agents::Agents;
use cloudlet_aws::Scope;
use cloudlet_engine::{NodeRoot, Workers};
use cloudlet_store::{Journal, Store};
use std::sync::Arc;

/// The node that the server has of itself.
pub const LOCAL: &str = "mi-0c10d1e7000000001";
/// As of the agent that speaks this protocol: it is compared with the versions that brought features.
pub const AGENT_VERSION: &str = "3.3.4108.0";

/// What the server says of its machine.
#[derive(Clone, Debug, Default)]
pub struct NodeOptions {
    /// The account and region that the server's own node belongs to, if there is one.
    pub local: Option<Scope>,
    pub root: NodeRoot,
    /// `Debian GNU/Linux` and `13`.
    pub platform_name: Option<String>,
    pub platform_version: Option<String>,
    /// Its processor: `x86_64`, `arm64`.
    pub architecture: Option<String>,
}

#[derive(Clone)]
pub struct Nodes {
    pub store: Arc<Store<NodeState>>,
    /// The agents that are connected.
    pub agents: Arc<Agents>,
    workers: Arc<dyn Workers>,
    pub options: NodeOptions,
}

impl Nodes {
    pub fn new(journal: &Journal, workers: Arc<dyn Workers>, options: NodeOptions) -> Nodes {
        Nodes { store: Arc::new(Store::new("ssm/nodes", journal, NodeState::default())), agents: Arc::default(), workers, options }
    }
}
