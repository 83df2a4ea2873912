//! The tables: windows with their targets and tasks, and executions.

use super::timing::Timing;
use cloudlet_api_ssm::{GetMaintenanceWindowTaskResult, MaintenanceWindowTarget, Target};
use cloudlet_aws::{Arn, Caller, Scope, Timestamp};
use cloudlet_engine::StoredShape;
use cloudlet_shape::Map;
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, ops::Bound, sync::Arc};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WindowKey {
    pub scope: Scope,
    pub id: String,
}

impl WindowKey {
    pub fn new(scope: &Scope, id: &str) -> WindowKey {
        WindowKey { scope: scope.clone(), id: id.to_owned() }
    }

    pub fn arn(&self) -> Arn {
        Arn::new("ssm", &self.scope, &format!("maintenancewindow/{}", self.id))
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Window {
    pub name: String,
    pub description: Option<String>,
    pub timing: Timing,
    /// In hours.
    pub duration: i32,
    pub cutoff: i32,
    pub allow_unassociated_targets: bool,
    pub enabled: bool,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub tags: Map<String>,
    pub request: Request,
}

/// What was asked for under a client token: the same again changes nothing, something else under it is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub token: Option<String>,
    pub text: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registered<T> {
    pub shape: T,
    /// Who registered it, or changed it last. Tasks without a service role work in this name.
    pub caller: Caller,
    pub request: Request,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Pending,
    InProgress,
    Success,
    Failed,
    TimedOut,
    Cancelling,
    Cancelled,
    SkippedOverlapping,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "PENDING",
            Status::InProgress => "IN_PROGRESS",
            Status::Success => "SUCCESS",
            Status::Failed => "FAILED",
            Status::TimedOut => "TIMED_OUT",
            Status::Cancelling => "CANCELLING",
            Status::Cancelled => "CANCELLED",
            Status::SkippedOverlapping => "SKIPPED_OVERLAPPING",
        }
    }

    pub fn is_over(self) -> bool {
        !matches!(self, Status::Pending | Status::InProgress | Status::Cancelling)
    }
}

/// How far something is: an execution, a task of it, an invocation of that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub status: Status,
    pub details: Option<String>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
}

impl Progress {
    pub fn pending() -> Progress {
        Progress { status: Status::Pending, details: None, start: None, end: None }
    }

    pub fn begin(&mut self, now: Timestamp) {
        (self.status, self.start) = (Status::InProgress, Some(now));
    }

    pub fn end(&mut self, status: Status, details: Option<String>, now: Timestamp) {
        // AWS: 250 characters at most.
        let details = details.map(|details| details.chars().take(250).collect());
        (self.status, self.details, self.end) = (status, details, Some(now));
        self.start = self.start.or(Some(now));
    }

    pub fn is_over(&self) -> bool {
        self.status.is_over()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Execution {
    pub window: String,
    pub progress: Progress,
    /// From then on, no task is started.
    pub cutoff: Timestamp,
    pub tasks: Vec<TaskRun>,
    /// How often the running ones were looked at since something changed.
    pub looks: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskRun {
    pub id: String,
    /// As it was registered when the execution began.
    pub task: StoredShape<GetMaintenanceWindowTaskResult>,
    pub caller: Caller,
    pub progress: Progress,
    /// Made when the task begins.
    pub invocations: Vec<Invocation>,
}

/// One run of a task, on a target or without one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invocation {
    pub id: String,
    pub window_target: Option<String>,
    pub owner: Option<String>,
    /// Those of a command.
    pub targets: Vec<StoredShape<Target>>,
    /// The one resource of another task.
    pub resource: Option<String>,
    /// What was passed, as JSON.
    pub parameters: Option<String>,
    /// Of the command, the automation, the state machine's execution.
    pub execution: Option<String>,
    pub progress: Progress,
}

#[derive(Default)]
pub struct State {
    pub windows: Table<WindowKey, Window>,
    pub targets: Table<(WindowKey, String), Registered<StoredShape<MaintenanceWindowTarget>>>,
    pub tasks: Table<(WindowKey, String), Registered<StoredShape<GetMaintenanceWindowTaskResult>>>,
    pub executions: Table<(Scope, String), Arc<Execution>>,
    /// The executions of windows, the newest first.
    pub by_window: Table<(WindowKey, Reverse<Timestamp>, String), ()>,
}

tables!(State { windows, targets, tasks, executions } indexes(State::reindex) { by_window });

/// Executions of a window that are kept.
const EXECUTIONS: usize = 100;

impl State {
    fn reindex(&mut self) {
        let keys: Vec<_> = self.executions.iter().map(|((scope, id), execution)| index(scope, id, execution)).collect();
        keys.into_iter().for_each(|key| self.by_window.insert(key, ()));
    }

    pub fn windows_of<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (&'s WindowKey, &'s Window)> {
        let from = WindowKey::new(scope, "");
        self.windows.range((Bound::Included(from), Bound::Unbounded)).take_while(move |(key, _)| key.scope == *scope)
    }

    pub fn targets_of<'s>(&'s self, key: &'s WindowKey) -> impl Iterator<Item = (&'s str, &'s Registered<StoredShape<MaintenanceWindowTarget>>)> {
        let from = (Bound::Included((key.clone(), String::new())), Bound::Unbounded);
        self.targets.range(from).take_while(move |((of, _), _)| of == key).map(|((_, id), target)| (id.as_str(), target))
    }

    pub fn tasks_of<'s>(
        &'s self,
        key: &'s WindowKey,
    ) -> impl Iterator<Item = (&'s str, &'s Registered<StoredShape<GetMaintenanceWindowTaskResult>>)> {
        let from = (Bound::Included((key.clone(), String::new())), Bound::Unbounded);
        self.tasks.range(from).take_while(move |((of, _), _)| of == key).map(|((_, id), task)| (id.as_str(), task))
    }

    /// The executions of a window, the newest first.
    pub fn executions_of<'s>(&'s self, key: &'s WindowKey) -> impl Iterator<Item = (&'s str, &'s Arc<Execution>)> {
        let from = (Bound::Included((key.clone(), Reverse(Timestamp(i64::MAX)), String::new())), Bound::Unbounded);
        let ids = self.by_window.range(from).take_while(move |((of, _, _), ())| of == key).map(|((_, _, id), ())| id.as_str());
        ids.filter_map(move |id| Some((id, self.execution(&key.scope, id)?)))
    }

    pub fn execution(&self, scope: &Scope, id: &str) -> Option<&Arc<Execution>> {
        self.executions.get(&(scope.clone(), id.to_owned()))
    }

    /// Inserts an execution, or puts it in place of what it was. The oldest of its window is forgotten.
    pub fn put_execution(&mut self, scope: &Scope, id: &str, execution: Execution) {
        let key = WindowKey::new(scope, &execution.window);
        self.by_window.insert(index(scope, id, &execution), ());
        self.executions.insert((scope.clone(), id.to_owned()), Arc::new(execution));
        let old: Vec<(String, Arc<Execution>)> =
            self.executions_of(&key).skip(EXECUTIONS).map(|(id, execution)| (id.to_owned(), execution.clone())).collect();
        for (id, execution) in old {
            self.by_window.remove(&index(scope, &id, &execution));
            self.executions.remove(&(scope.clone(), id));
        }
    }

    pub fn remove_window(&mut self, key: &WindowKey) {
        let targets: Vec<String> = self.targets_of(key).map(|(id, _)| id.to_owned()).collect();
        let tasks: Vec<String> = self.tasks_of(key).map(|(id, _)| id.to_owned()).collect();
        targets.into_iter().for_each(|id| drop(self.targets.remove(&(key.clone(), id))));
        tasks.into_iter().for_each(|id| drop(self.tasks.remove(&(key.clone(), id))));
        self.windows.remove(key);
    }
}

fn index(scope: &Scope, id: &str, execution: &Execution) -> (WindowKey, Reverse<Timestamp>, String) {
    (WindowKey::new(scope, &execution.window), Reverse(execution.progress.start.unwrap_or_default()), id.to_owned())
}
