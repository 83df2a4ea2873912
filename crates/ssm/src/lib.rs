//! Systems Manager.
//!
//! Each area is a folder with tables of its own: Parameter Store (`parameters`), documents, managed nodes, commands, associations, sessions,
//! Automation, changes, OpsCenter. Tags, resource policies and service settings belong to resources of all kinds, and each has a file of its own.
//! Values of SecureString parameters rest encrypted by KMS, as the caller.

pub mod agent;
mod associations;
mod automation;
mod change_calendars;
mod change_manager;
mod commands;
mod compliance;
mod documents;
mod faults;
mod limits;
mod maintenance_windows;
mod nodes;
mod ops_center;
mod parameters;
mod resource_policies;
mod s3_urls;
mod service_settings;
mod sessions;
mod state;
mod tags;
#[cfg(test)]
mod tests;
mod tokens;

use associations::Associations;
use cloudlet_api_ssm as api;
use cloudlet_engine::{Service, Workers};
use cloudlet_shape::{Operation, OperationSchema, ServiceSchema};
use cloudlet_store::{Journal, Store};
use commands::Commands;
use documents::Documents;
pub use nodes::NodeOptions;
use nodes::Nodes;
use parking_lot::Mutex;
use sessions::Sessions;
use state::State;
use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

pub struct Ssm {
    store: Arc<Store<State>>,
    documents: Documents,
    automations: automation::Automations,
    nodes: Nodes,
    commands: Commands,
    associations: Associations,
    sessions: Sessions,
    compliance: Arc<Store<compliance::state::State>>,
    ops: Arc<Store<ops_center::state::State>>,
    windows: Arc<Store<maintenance_windows::state::State>>,
    changes: Arc<Store<change_manager::state::ChangeState>>,
    /// The executions of windows that are being worked on.
    advancing: Mutex<BTreeSet<String>>,
}

/// The principal of Systems Manager.
const PRINCIPAL: &str = "ssm.amazonaws.com";

/// The model, with what AWS's agents call and the models of the SDKs do not have.
static MODEL: LazyLock<ServiceSchema> = LazyLock::new(|| ServiceSchema { operations: &OPERATIONS, ..api::SERVICE });
static OPERATIONS: LazyLock<Vec<&'static OperationSchema>> =
    LazyLock::new(|| api::SERVICE.operations.iter().copied().chain([nodes::RegisterManagedInstance::SCHEMA]).chain(nodes::agents::SCHEMAS).collect());

/// What the server decides.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub nodes: NodeOptions,
}

/// The service. What runs on nodes, and the scripts of automations, are run by `workers`.
pub fn service(journal: &Journal, workers: Arc<dyn Workers>, options: Options) -> Service {
    let ssm = Arc::new(Ssm {
        store: Arc::new(Store::new("ssm", journal, State::default())),
        documents: Documents::new(journal),
        automations: automation::Automations::new(journal, workers.clone()),
        nodes: Nodes::new(journal, workers.clone(), options.nodes),
        sessions: Sessions::new(journal, workers),
        commands: Commands::new(journal),
        associations: Associations::new(journal),
        compliance: Arc::new(Store::new("ssm/compliance", journal, compliance::state::State::default())),
        ops: Arc::new(Store::new("ssm/ops_center", journal, ops_center::state::State::default())),
        windows: Arc::new(Store::new("ssm/maintenance_windows", journal, maintenance_windows::state::State::default())),
        changes: Arc::new(Store::new("ssm/change_manager", journal, change_manager::state::ChangeState::default())),
        advancing: Mutex::default(),
    });
    let builder = Service::of(&MODEL, ssm.clone());
    let builder = documents::handlers::register(builder, &ssm);
    let builder = nodes::handlers::register(builder, &ssm);
    let builder = sessions::register(builder, &ssm);
    let builder = commands::handlers::register(builder, &ssm);
    let builder = associations::handlers::register(builder, &ssm);
    let builder = compliance::register(builder, &ssm);
    let builder = ops_center::register(builder, &ssm);
    let builder = automation::register(builder, &ssm);
    let builder = maintenance_windows::register(builder, &ssm);
    let builder = change_calendars::register(builder);
    let builder = change_manager::register(builder, &ssm);
    builder
        .store(ssm.store.clone())
        .handles::<parameters::scheduled::ApplyPolicies>()
        // parameters
        .handles::<api::PutParameter>()
        .handles::<api::GetParameter>()
        .handles::<api::GetParameters>()
        .handles::<api::GetParametersByPath>()
        .handles::<api::GetParameterHistory>()
        .handles::<api::DescribeParameters>()
        .handles::<api::DeleteParameter>()
        .handles::<api::DeleteParameters>()
        .handles::<api::LabelParameterVersion>()
        .handles::<api::UnlabelParameterVersion>()
        // of all resources
        .handles::<api::AddTagsToResource>()
        .handles::<api::ListTagsForResource>()
        .handles::<api::RemoveTagsFromResource>()
        .handles::<api::PutResourcePolicy>()
        .handles::<api::GetResourcePolicies>()
        .handles::<api::DeleteResourcePolicy>()
        .handles::<api::GetServiceSetting>()
        .handles::<api::UpdateServiceSetting>()
        .handles::<api::ResetServiceSetting>()
        .build()
}
