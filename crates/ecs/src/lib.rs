//! Elastic Container Service, as far as ECS Exec needs it: clusters, task definitions, tasks whose containers are nodes of this machine, and
//! sessions in them.
//!
//! There are no images: a container runs programs of this machine, apart from it. Its command is that of its definition; without one it is there until
//! its task is stopped. Services, container instances and capacity providers are not built.

mod clusters;
mod credentials;
mod definitions;
mod execute;
mod faults;
mod limits;
mod names;
mod running;
mod state;
mod tasks;
#[cfg(test)]
mod tests;

use cloudlet_api_ecs as api;
use cloudlet_engine::{Service, Workers};
use cloudlet_store::{Journal, Store};
use parking_lot::Mutex;
use state::State;
use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicBool},
};

#[derive(Clone)]
pub struct Ecs {
    store: Arc<Store<State>>,
    workers: Arc<dyn Workers>,
    /// The runtime ids of containers that there are: after a restart, none of before.
    containers: Arc<Mutex<BTreeSet<String>>>,
    /// Whether the tasks that a restart has ended are noted.
    settled: Arc<AtomicBool>,
}

/// The principal of ECS.
const PRINCIPAL: &str = "ecs.amazonaws.com";

pub fn service(journal: &Journal, workers: Arc<dyn Workers>) -> Service {
    let store = Arc::new(Store::new("ecs", journal, State::default()));
    Service::of(&api::SERVICE, Arc::new(Ecs { store: store.clone(), workers, containers: Arc::default(), settled: Arc::default() }))
        .store(store)
        .handles::<api::CreateCluster>()
        .handles::<api::DescribeClusters>()
        .handles::<api::ListClusters>()
        .handles::<api::DeleteCluster>()
        .handles::<api::RegisterTaskDefinition>()
        .handles::<api::DescribeTaskDefinition>()
        .handles::<api::ListTaskDefinitions>()
        .handles::<api::DeregisterTaskDefinition>()
        .handles::<api::RunTask>()
        .handles::<api::DescribeTasks>()
        .handles::<api::ListTasks>()
        .handles::<api::StopTask>()
        .handles::<api::ExecuteCommand>()
        .build()
}
