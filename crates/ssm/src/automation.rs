//! Automation: runbooks that are run, alone or on many targets, step by step or by themselves.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-automation.html>
//!
//! An execution is a row with the machine of `cloudlet-runbook`, written down between any two steps. `drive` takes events and writes down what the
//! machine wants; `perform` has actions done (`actions`), which call other services by name under the execution's role. Other areas start
//! automations with `Ssm::start_automation`.

mod acting;
mod actions;
mod call;
mod describe;
mod drive;
mod events;
mod list;
mod parameters;
mod perform;
mod previews;
mod rate;
mod runbooks;
mod scheduled;
mod shown;
mod signals;
mod start;
pub mod state;
mod tagging;
mod targets;
mod work;

pub use start::{Links, NewAutomation};
pub use state::{AutomationState, Execution};

use crate::Ssm;
use acting::Sessions;
use cloudlet_api_ssm as api;
use cloudlet_engine::{Builder, Worker, Workers};
use cloudlet_store::{Journal, Store};
use parking_lot::Mutex;
use runbooks::RunbookCache;
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// Executions are worked on one event at a time; so many are worked on at once.
const TURNS: usize = 256;

/// By execution and task.
type Scripts = BTreeMap<(Arc<str>, u64), Arc<dyn Worker>>;

/// The automations of all accounts.
pub struct Automations {
    pub store: Arc<Store<AutomationState>>,
    runbooks: RunbookCache,
    turns: Vec<tokio::sync::Mutex<()>>,
    /// The executions whose tasks are performed, and whether there is more to do for each since.
    working: Mutex<BTreeMap<Arc<str>, bool>>,
    sessions: Sessions,
    /// The scripts that run.
    scripts: Mutex<Scripts>,
    workers: Arc<dyn Workers>,
}

impl Automations {
    pub fn new(journal: &Journal, workers: Arc<dyn Workers>) -> Automations {
        Automations {
            store: Arc::new(Store::new("ssm/automation", journal, AutomationState::default())),
            runbooks: RunbookCache::default(),
            turns: (0..TURNS).map(|_| tokio::sync::Mutex::default()).collect(),
            working: Mutex::default(),
            sessions: Sessions::default(),
            scripts: Mutex::default(),
            workers,
        }
    }

    #[expect(clippy::indexing_slicing, reason = "the remainder is below the length")]
    fn turn(&self, id: &str) -> &tokio::sync::Mutex<()> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        &self.turns[usize::try_from(hasher.finish()).unwrap_or(0) % self.turns.len()]
    }
}

pub fn register(builder: Builder<Ssm>, ssm: &Ssm) -> Builder<Ssm> {
    builder
        .store(ssm.automations.store.clone())
        .handles::<scheduled::RunAutomation>()
        .handles::<scheduled::WakeAutomation>()
        .handles::<scheduled::PokeAutomation>()
        .handles::<scheduled::StopTask>()
        .handles::<scheduled::NotifyApprovers>()
        .handles::<scheduled::RunTargets>()
        .handles::<scheduled::ForgetAutomations>()
        .handles::<api::StartAutomationExecution>()
        .handles::<api::GetAutomationExecution>()
        .handles::<api::DescribeAutomationExecutions>()
        .handles::<api::DescribeAutomationStepExecutions>()
        .handles::<api::SendAutomationSignal>()
        .handles::<api::StopAutomationExecution>()
        .handles::<api::StartExecutionPreview>()
        .handles::<api::GetExecutionPreview>()
}
