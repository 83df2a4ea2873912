//! The tables: executions, where they stand, their steps, and the runbooks that they run.

use cloudlet_api_ssm::{Runbook, StartAutomationExecutionRequest};
use cloudlet_aws::{Account, Arn, Caller, Scope, Timestamp};
use cloudlet_engine::StoredShape;
use cloudlet_runbook::machine::{Machine, StepRecord};
use cloudlet_shape::Map;
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

#[derive(Default)]
pub struct AutomationState {
    pub executions: Table<Arc<str>, Arc<Execution>>,
    /// Where the executions stand that run.
    pub progress: Table<Arc<str>, Arc<Progress>>,
    pub steps: Table<(Arc<str>, u64), Arc<StepRow>>,
    /// The contents that executions of an account run, by a digest of both.
    pub definitions: Table<Arc<str>, Arc<Definition>>,
    pub previews: Table<Arc<str>, Arc<Preview>>,
    /// The executions of an account in a region, the newest first.
    pub by_start: Table<(Scope, Reverse<i64>, Arc<str>), ()>,
    pub by_parent: Table<(Arc<str>, Arc<str>), ()>,
    pub by_token: Table<(Scope, String), Arc<str>>,
    pub by_definition: Table<(Arc<str>, Arc<str>), ()>,
    /// Those that are over, by the time of their end.
    pub by_end: Table<(i64, Arc<str>), ()>,
    /// Those that wait for others to end, the oldest first.
    pub pending: Table<(Scope, i64, Arc<str>), ()>,
    /// How many run.
    pub active: Table<Scope, usize>,
}

tables!(AutomationState { executions, progress, steps, definitions, previews }
    indexes(AutomationState::reindex) { by_start, by_parent, by_token, by_definition, by_end, pending, active });

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Execution {
    pub scope: Scope,
    /// As requests name the document, and the number of its version.
    pub document: String,
    pub version: String,
    pub definition: Arc<str>,
    pub request: StoredShape<StartAutomationExecutionRequest>,
    /// With defaults.
    pub parameters: Map<Vec<String>>,
    pub status: String,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    /// Who started it, in whose name it acts when there is no role.
    pub caller: Caller,
    pub role: Option<Arn>,
    pub parent: Option<Arc<str>>,
    /// Whether the parent is a step that waits for it.
    pub waited_for: bool,
    /// What it works on, as a child of a rate-controlled automation.
    pub target: Option<String>,
    pub failure: Option<String>,
    pub outputs: Map<Vec<String>>,
    pub variables: Map<Vec<String>>,
    pub current_step: Option<String>,
    pub current_action: Option<String>,
    pub tags: Map<String>,
    /// `ChangeRequest`, `AccessRequest`.
    pub subtype: Option<String>,
    pub ops_item_id: Option<String>,
    pub association_id: Option<String>,
    pub change_request_name: Option<String>,
    pub scheduled: Option<Timestamp>,
    pub runbooks: Option<Vec<StoredShape<Runbook>>>,
    /// Of a parent of targets.
    pub rate: Option<Rate>,
}

/// An automation on many targets.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Rate {
    pub targets: Vec<RateTarget>,
    /// The first that was not begun.
    pub next: usize,
    pub most_running: usize,
    pub most_errors: usize,
    pub running: usize,
    pub succeeded: usize,
    pub failed: usize,
    pub timed_out: usize,
    pub cancelled: usize,
    /// No further targets are begun.
    pub stopped: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RateTarget {
    pub shown: String,
    pub parameters: Map<Vec<String>>,
    pub location: Option<Location>,
}

/// Another account or region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    pub scope: Scope,
    pub role_name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Progress {
    pub account: Account,
    pub machine: Machine,
    pub timers: BTreeMap<u64, i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepRow {
    pub account: Account,
    pub id: String,
    pub record: StepRecord,
}

/// The content of a runbook, as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Definition {
    pub account: Account,
    pub content: Arc<str>,
}

/// What a run would do, as it was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Preview {
    pub scope: Scope,
    pub made: Timestamp,
    pub mutating: i32,
    pub non_mutating: i32,
    pub undetermined: i32,
    pub regions: Vec<String>,
}

impl Execution {
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether it takes one of the places of those that run. Children of an automation on many targets are bounded by its own limits.
    fn is_active(&self) -> bool {
        self.parent.is_none() && self.rate.is_none() && matches!(self.status.as_str(), "InProgress" | "Cancelling")
    }

    fn is_pending(&self) -> bool {
        self.status == "Pending" && self.rate.is_none()
    }
}

impl AutomationState {
    fn reindex(&mut self) {
        let all: Vec<_> = self.executions.iter().map(|(id, execution)| (id.clone(), execution.clone())).collect();
        for (id, execution) in all {
            self.index(&id, &execution);
        }
    }

    fn index(&mut self, id: &Arc<str>, execution: &Execution) {
        let (scope, started) = (execution.scope.clone(), execution.started.millis());
        self.by_start.insert((scope.clone(), Reverse(started), id.clone()), ());
        self.by_definition.insert((execution.definition.clone(), id.clone()), ());
        if let Some(parent) = &execution.parent {
            self.by_parent.insert((parent.clone(), id.clone()), ());
        }
        if let Some(token) = &execution.request.client_token {
            self.by_token.insert((scope.clone(), token.clone()), id.clone());
        }
        if let Some(ended) = execution.ended {
            self.by_end.insert((ended.millis(), id.clone()), ());
        }
        if execution.is_pending() {
            self.pending.insert((scope.clone(), started, id.clone()), ());
        }
        if execution.is_active() {
            *self.active.get_or_insert_with(scope, || 0) += 1;
        }
    }

    fn unindex(&mut self, id: &Arc<str>, execution: &Execution) {
        let (scope, started) = (execution.scope.clone(), execution.started.millis());
        if execution.is_pending() {
            self.pending.remove(&(scope.clone(), started, id.clone()));
        }
        if execution.is_active() {
            match self.active.get(&scope).copied().unwrap_or_default() {
                0 | 1 => drop(self.active.remove(&scope)),
                count => self.active.insert(scope, count - 1),
            }
        }
    }

    pub fn active(&self, scope: &Scope) -> usize {
        self.active.get(scope).copied().unwrap_or_default()
    }

    /// The executions of an account in a region that wait for a place.
    pub fn pending<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = &'s Arc<str>> {
        let from = (scope.clone(), i64::MIN, Arc::from(""));
        self.pending.range(from..).take_while(move |((of, _, _), ())| of == scope).map(|((_, _, id), ())| id)
    }

    pub fn put(&mut self, id: &Arc<str>, execution: Execution) {
        if let Some(before) = self.executions.get(id).cloned() {
            self.unindex(id, &before);
        }
        self.index(id, &execution);
        self.executions.insert(id.clone(), Arc::new(execution));
    }

    pub fn children<'s>(&'s self, parent: &'s Arc<str>) -> impl Iterator<Item = &'s Arc<str>> {
        let from = (parent.clone(), Arc::from(""));
        self.by_parent.range(from..).take_while(move |((of, _), ())| of == parent).map(|((_, id), ())| id)
    }

    pub fn steps_of<'s>(&'s self, id: &'s Arc<str>) -> impl Iterator<Item = &'s Arc<StepRow>> {
        self.steps.range((id.clone(), 0)..=(id.clone(), u64::MAX)).map(|(_, row)| row)
    }

    /// Removes an execution with all that belongs to it.
    pub fn remove(&mut self, id: &Arc<str>) {
        let Some(execution) = self.executions.remove(id) else { return };
        self.unindex(id, &execution);
        let (scope, started) = (execution.scope.clone(), execution.started.millis());
        self.by_start.remove(&(scope.clone(), Reverse(started), id.clone()));
        if let Some(parent) = &execution.parent {
            self.by_parent.remove(&(parent.clone(), id.clone()));
        }
        if let Some(token) = &execution.request.client_token {
            self.by_token.remove(&(scope, token.clone()));
        }
        if let Some(ended) = execution.ended {
            self.by_end.remove(&(ended.millis(), id.clone()));
        }
        self.progress.remove(id);
        let steps: Vec<_> = self.steps.range((id.clone(), 0)..=(id.clone(), u64::MAX)).map(|(key, _)| key.clone()).collect();
        steps.iter().for_each(|key| drop(self.steps.remove(key)));
        let definition = execution.definition.clone();
        self.by_definition.remove(&(definition.clone(), id.clone()));
        let from = (definition.clone(), Arc::from(""));
        let is_used = self.by_definition.range(from..).next().is_some_and(|((of, _), ())| *of == definition);
        if !is_used {
            self.definitions.remove(&definition);
        }
    }
}

pub fn execution_arn(scope: &Scope, id: &str) -> Arn {
    Arn::new("ssm", scope, &format!("automation-execution/{id}"))
}
