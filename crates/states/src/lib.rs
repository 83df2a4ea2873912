//! Step Functions.
//!
//! A state machine has revisions (`machines`); versions and aliases name them (`versions`). An execution is a row with its machine, the
//! machine of the Amazon States Language (`cloudlet-asl`), written down between two steps. `drive` takes events, and writes down what the
//! machine wants done: history, timers, tasks. The scheduler wakes executions and has tasks performed (`scheduled`, `tasks`); tasks call
//! other services by name under the execution's role (`sdk`). Distributed Maps have Map Runs (`map_runs`), whose children are executions.

mod activities;
mod arns;
mod configurations;
mod definition_cache;
mod definitions;
mod drive;
mod effects;
mod execution_logs;
mod executions;
mod faults;
mod graph;
mod handlers;
mod history;
mod limits;
mod machines;
mod map_run_rows;
mod map_runs;
mod mocks;
mod names;
mod notices;
mod redrive;
mod scheduled;
mod sdk;
mod state;
mod sync;
mod sync_output;
mod tags;
mod tasks;
mod test_state;
mod tokens;
mod versions;

use cloudlet_api_states as api;
pub use cloudlet_asl::machine::MockConfig;
use cloudlet_engine::Service;
use cloudlet_store::{Journal, Store};
use definition_cache::DefinitionCache;
pub use sdk::integrations::check_definition;
use state::State;
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};
use tokio::sync::Mutex;

/// The principal of Step Functions.
const PRINCIPAL: &str = "states.amazonaws.com";
/// Executions are worked on one event at a time; so many are worked on at once.
const TURNS: usize = 256;

/// How many clients wait for a task of an activity.
type Pollers = parking_lot::Mutex<BTreeMap<Arc<str>, usize>>;

pub struct States {
    store: Arc<Store<State>>,
    /// The mocks that executions can be started with.
    mocks: Option<MockConfig>,
    definitions: DefinitionCache,
    pollers: Pollers,
    turns: Vec<Mutex<()>>,
    /// The Map Runs that are worked on, and whether there is more to do for each since.
    map_work: parking_lot::Mutex<BTreeMap<Arc<str>, bool>>,
}

impl States {
    fn turn(&self, arn: &str) -> &Mutex<()> {
        place(&self.turns, arn)
    }
}

#[expect(clippy::indexing_slicing, reason = "the remainder is below the length")]
fn place<'t>(turns: &'t [Mutex<()>], arn: &str) -> &'t Mutex<()> {
    let mut hasher = DefaultHasher::new();
    arn.hash(&mut hasher);
    &turns[usize::try_from(hasher.finish()).unwrap_or(0) % turns.len()]
}

/// What the server's configuration says of this service.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `MockConfigFile.json` of Step Functions Local.
    pub mocks: Option<MockConfig>,
}

pub fn service(journal: &Journal, options: Options) -> Service {
    let store = Arc::new(Store::new("states", journal, State::default()));
    let engine = States {
        store: store.clone(),
        mocks: options.mocks,
        definitions: DefinitionCache::default(),
        pollers: Pollers::default(),
        turns: (0..TURNS).map(|_| Mutex::default()).collect(),
        map_work: parking_lot::Mutex::default(),
    };
    let engine = Arc::new(engine);
    Service::of(&api::SERVICE, engine.clone())
        .admin_page("/_cloudlet/states/executions", engine)
        .store(store)
        .waits::<api::GetActivityTask>()
        .handles::<scheduled::Wake>()
        .handles::<scheduled::PerformTask>()
        .handles::<scheduled::ChildEnded>()
        .handles::<scheduled::StartForTask>()
        .handles::<scheduled::StopChild>()
        .handles::<scheduled::RunMapRun>()
        .handles::<scheduled::RemoveMachine>()
        .handles::<scheduled::Forget>()
        .handles::<scheduled::WriteLogs>()
        // state machines
        .handles::<api::CreateStateMachine>()
        .handles::<api::UpdateStateMachine>()
        .handles::<api::DescribeStateMachine>()
        .handles::<api::ListStateMachines>()
        .handles::<api::DeleteStateMachine>()
        .handles::<api::ValidateStateMachineDefinition>()
        // versions and aliases
        .handles::<api::PublishStateMachineVersion>()
        .handles::<api::ListStateMachineVersions>()
        .handles::<api::DeleteStateMachineVersion>()
        .handles::<api::CreateStateMachineAlias>()
        .handles::<api::UpdateStateMachineAlias>()
        .handles::<api::DeleteStateMachineAlias>()
        .handles::<api::DescribeStateMachineAlias>()
        .handles::<api::ListStateMachineAliases>()
        // executions
        .handles::<api::StartExecution>()
        .handles::<api::StartSyncExecution>()
        .handles::<api::StopExecution>()
        .handles::<api::RedriveExecution>()
        .handles::<api::DescribeExecution>()
        .handles::<api::DescribeStateMachineForExecution>()
        .handles::<api::ListExecutions>()
        .handles::<api::GetExecutionHistory>()
        .handles::<api::TestState>()
        // Map Runs
        .handles::<api::DescribeMapRun>()
        .handles::<api::ListMapRuns>()
        .handles::<api::UpdateMapRun>()
        // activities and callbacks
        .handles::<api::CreateActivity>()
        .handles::<api::DeleteActivity>()
        .handles::<api::DescribeActivity>()
        .handles::<api::ListActivities>()
        .handles::<api::GetActivityTask>()
        .handles::<api::SendTaskSuccess>()
        .handles::<api::SendTaskFailure>()
        .handles::<api::SendTaskHeartbeat>()
        // tags
        .handles::<api::TagResource>()
        .handles::<api::UntagResource>()
        .handles::<api::ListTagsForResource>()
        .build()
}

#[cfg(test)]
mod tests;
