//! The tables.

use cloudlet_asl::machine::Mocks;
pub use cloudlet_asl::machine::Status;
use cloudlet_aws::{Account, Arn, Region, Scope, Timestamp};
use cloudlet_shape::Map;
use cloudlet_store::{Json, Table, tables};
use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};
use tokio::sync::Notify;

#[derive(Default)]
pub struct State {
    pub machines: Table<NamedKey, Arc<StateMachine>>,
    /// What a machine was at one time, by its id. Executions and versions name one.
    pub revisions: Table<Arc<str>, Arc<Revision>>,
    pub versions: Table<(NamedKey, u64), Arc<Version>>,
    pub aliases: Table<(NamedKey, String), Arc<Alias>>,
    pub activities: Table<NamedKey, Arc<Activity>>,
    /// By ARN.
    pub executions: Table<Arc<str>, Arc<Execution>>,
    /// Where the executions stand that run, or that can be redriven.
    pub progress: Table<Arc<str>, Arc<Progress>>,
    /// The events of each step, under the id of the first.
    pub history: Table<(Arc<str>, u64), Json>,
    pub tasks: Table<(Arc<str>, u64), Arc<Task>>,
    pub map_runs: Table<Arc<str>, Arc<MapRun>>,
    /// What a Map Run has still to start, and what became of its children, by item.
    pub map_items: Table<(Arc<str>, u64), Arc<MapItem>>,
    /// Inputs of a Map Run that are not yet in `map_items`, some hundred in a row, under the number of the first.
    pub map_inputs: Table<(Arc<str>, u64), Json>,
    /// The executions of a machine, the newest first.
    pub by_machine: Table<(NamedKey, Reverse<i64>, Arc<str>), ()>,
    pub by_map_run: Table<ChildKey, ()>,
    /// The tasks of tokens.
    pub by_token: Table<Arc<str>, (Arc<str>, u64)>,
    /// Tasks that wait for a worker of their activity, the oldest first.
    pub queued: Table<(Arc<str>, i64, Arc<str>, u64), ()>,
    /// Executions that are over, by the time of their end.
    pub by_end: Table<(i64, Arc<str>), ()>,
    pub by_revision: Table<(Arc<str>, Arc<str>), ()>,
    /// Children of Map Runs that are still to be started.
    pub pending: Table<(Arc<str>, u64), ()>,
    pub runs_of: Table<(Arc<str>, Arc<str>), ()>,
    /// The children of Map Runs that succeeded and are still shown.
    pub succeeded: Table<(Arc<str>, u64), Arc<str>>,
    /// Told when a task is queued.
    pub arrived: Arc<Notify>,
}
tables!(State { machines, revisions, versions, aliases, activities, executions, progress, history, tasks, map_runs, map_items, map_inputs }
    indexes(State::reindex) { by_machine, by_map_run, by_token, queued, by_end, by_revision, pending, runs_of, succeeded } transient { arrived });

impl State {
    fn reindex(&mut self) {
        let executions: Vec<_> = self.executions.iter().map(|(arn, execution)| (arn.clone(), execution.clone())).collect();
        for (arn, execution) in executions {
            self.index_execution(&arn, &execution);
        }
        for (arn, run) in &self.map_runs {
            self.runs_of.insert((run.execution.clone(), arn.clone()), ());
        }
        for (key, _) in self.map_items.iter().filter(|(_, item)| item.is_pending()) {
            self.pending.insert(key.clone(), ());
        }
        let tasks: Vec<_> = self.tasks.iter().map(|(key, task)| (key.clone(), task.clone())).collect();
        for (key, task) in tasks {
            self.index_task(&key, &task);
        }
    }

    fn index_execution(&mut self, arn: &Arc<str>, execution: &Execution) {
        let start = Reverse(execution.started.millis());
        match &execution.map_run {
            Some(run) => self.by_map_run.insert((run.clone(), start, arn.clone()), ()),
            None => self.by_machine.insert((execution.machine.clone(), start, arn.clone()), ()),
        }
        self.by_revision.insert((execution.revision.clone(), arn.clone()), ());
        if let (Some(run), Status::Succeeded) = (&execution.map_run, execution.status) {
            self.succeeded.insert((run.clone(), execution.map_index), arn.clone());
        }
        if let Some(stopped) = execution.stopped {
            self.by_end.insert((stopped.millis(), arn.clone()), ());
        }
    }

    fn index_task(&mut self, key: &(Arc<str>, u64), task: &Task) {
        if let Some(token) = &task.token {
            self.by_token.insert(token.as_str().into(), key.clone());
        }
        if let (Some(activity), TaskStatus::New) = (&task.activity, task.status) {
            self.queued.insert((activity.as_str().into(), task.scheduled.millis(), key.0.clone(), key.1), ());
        }
    }

    /// Writes an execution and what is found by it.
    pub fn put_execution(&mut self, arn: &Arc<str>, execution: Execution) {
        if let Some(before) = self.executions.get(arn).and_then(|before| before.stopped)
            && Some(before) != execution.stopped
        {
            self.by_end.remove(&(before.millis(), arn.clone()));
        }
        self.index_execution(arn, &execution);
        self.executions.insert(arn.clone(), Arc::new(execution));
    }

    pub fn put_task(&mut self, key: (Arc<str>, u64), task: Task) {
        self.remove_task(&key);
        self.index_task(&key, &task);
        self.tasks.insert(key, Arc::new(task));
    }

    pub fn remove_task(&mut self, key: &(Arc<str>, u64)) -> Option<Arc<Task>> {
        let task = self.tasks.remove(key)?;
        if let Some(token) = &task.token {
            self.by_token.remove(token.as_str());
        }
        if let Some(activity) = &task.activity {
            self.queued.remove(&(activity.as_str().into(), task.scheduled.millis(), key.0.clone(), key.1));
        }
        Some(task)
    }

    /// Removes an execution with all that belongs to it.
    pub fn remove_execution(&mut self, arn: &Arc<str>) {
        let Some(execution) = self.executions.remove(arn) else { return };
        let start = Reverse(execution.started.millis());
        if let Some(run) = &execution.map_run {
            self.succeeded.remove(&(run.clone(), execution.map_index));
        }
        match &execution.map_run {
            Some(run) => self.by_map_run.remove(&(run.clone(), start, arn.clone())),
            None => self.by_machine.remove(&(execution.machine.clone(), start, arn.clone())),
        };
        self.by_revision.remove(&(execution.revision.clone(), arn.clone()));
        if let Some(stopped) = execution.stopped {
            self.by_end.remove(&(stopped.millis(), arn.clone()));
        }
        self.progress.remove(arn);
        let of_it = (arn.clone(), 0)..=(arn.clone(), u64::MAX);
        let events: Vec<_> = self.history.range(of_it.clone()).map(|(key, _)| key.clone()).collect();
        events.iter().for_each(|key| drop(self.history.remove(key)));
        let tasks: Vec<_> = self.tasks.range(of_it).map(|(key, _)| key.clone()).collect();
        tasks.iter().for_each(|key| drop(self.remove_task(key)));
        let runs: Vec<_> =
            self.runs_of.range((arn.clone(), Arc::from(""))..).take_while(|((of, _), ())| of == arn).map(|((_, run), ())| run.clone()).collect();
        for run in runs {
            self.runs_of.remove(&(arn.clone(), run.clone()));
            self.map_runs.remove(&run);
            self.remove_items(&run);
        }
        self.drop_revision(&execution.revision);
    }

    /// Removes what a Map Run has still to do, and what became of its children.
    pub fn remove_items(&mut self, run: &Arc<str>) {
        let of_it = (run.clone(), 0)..=(run.clone(), u64::MAX);
        let items: Vec<_> = self.map_items.range(of_it.clone()).map(|(key, _)| key.clone()).collect();
        items.iter().for_each(|key| self.remove_map_item(key));
        let inputs: Vec<_> = self.map_inputs.range(of_it).map(|(key, _)| key.clone()).collect();
        inputs.iter().for_each(|key| drop(self.map_inputs.remove(key)));
    }

    pub fn remove_map_item(&mut self, key: &(Arc<str>, u64)) {
        self.map_items.remove(key);
        self.pending.remove(key);
    }

    pub fn put_map_run(&mut self, arn: &Arc<str>, run: MapRun) {
        self.runs_of.insert((run.execution.clone(), arn.clone()), ());
        self.map_runs.insert(arn.clone(), Arc::new(run));
    }

    pub fn put_map_item(&mut self, key: (Arc<str>, u64), item: MapItem) {
        if item.is_pending() {
            self.pending.insert(key.clone(), ());
        } else {
            self.pending.remove(&key);
        }
        self.map_items.insert(key, Arc::new(item));
    }

    /// Removes a revision that nobody names any more.
    pub fn drop_revision(&mut self, id: &Arc<str>) {
        let Some(revision) = self.revisions.get(id) else { return };
        let key = revision.machine.clone();
        let current = self.machines.get(&key).is_some_and(|machine| machine.revision == *id);
        let executed = self.by_revision.range((id.clone(), Arc::from(""))..).next().is_some_and(|((of, _), ())| of == id);
        let versioned = self.versions.range((key.clone(), 0)..=(key, u64::MAX)).any(|(_, version)| version.revision == *id);
        if !current && !executed && !versioned {
            self.revisions.remove(id);
        }
    }
}

/// A Map Run, the start of a child, and the child.
type ChildKey = (Arc<str>, Reverse<i64>, Arc<str>);

/// A resource with a name of its own in an account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamedKey {
    pub account: Account,
    pub region: Region,
    pub name: Arc<str>,
}

impl NamedKey {
    pub fn new(scope: &Scope, name: &str) -> NamedKey {
        NamedKey { account: scope.account, region: scope.region.clone(), name: name.into() }
    }

    pub fn scope(&self) -> Scope {
        Scope::new(self.account, self.region.clone())
    }

    pub fn machine_arn(&self) -> Arn {
        Arn::new("states", &self.scope(), &format!("stateMachine:{}", self.name))
    }

    pub fn version_arn(&self, version: u64) -> Arn {
        Arn::new("states", &self.scope(), &format!("stateMachine:{}:{version}", self.name))
    }

    pub fn alias_arn(&self, alias: &str) -> Arn {
        Arn::new("states", &self.scope(), &format!("stateMachine:{}:{alias}", self.name))
    }

    pub fn activity_arn(&self) -> Arn {
        Arn::new("states", &self.scope(), &format!("activity:{}", self.name))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Type {
    Standard,
    Express,
}

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Type::Standard => "STANDARD",
            Type::Express => "EXPRESS",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateMachine {
    pub r#type: Type,
    pub created: Timestamp,
    pub revision: Arc<str>,
    /// Whether the machine is as it was created: `revisionId` is then absent.
    pub initial: bool,
    pub deleting: bool,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tags: Map<String>,
    /// The number of the last version.
    #[serde(default)]
    pub last_version: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    pub machine: NamedKey,
    pub r#type: Type,
    pub definition: Arc<str>,
    pub role_arn: String,
    pub updated: Timestamp,
    /// Configurations, in the neutral JSON of their shapes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<String>,
    #[serde(default)]
    pub tracing: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
    /// Of the children of a Map Run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub revision: Arc<str>,
    pub created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Versions and their weights.
    pub routes: Vec<(u64, i32)>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    pub created: Timestamp,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tags: Map<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    pub machine: NamedKey,
    pub name: String,
    pub revision: Arc<str>,
    pub r#type: Type,
    pub status: Status,
    pub input: Arc<str>,
    pub started: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_header: Option<String>,
    /// The Map Run whose child it is, and its number there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_run: Option<Arc<str>>,
    #[serde(default)]
    pub map_index: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_count: Option<i32>,
    /// The task that waits for its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<(Arc<str>, u64)>,
    #[serde(default)]
    pub redrive_count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redriven: Option<Timestamp>,
    /// Tokens of the latest redrives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redrive_tokens: Vec<(String, Timestamp)>,
    #[serde(default)]
    pub events: u64,
    /// A child that failed, and whose Map Run is redriven.
    #[serde(default)]
    pub pending_redrive: bool,
}

impl Execution {
    /// As the API writes it.
    pub fn status_name(&self) -> &'static str {
        if self.pending_redrive { "PENDING_REDRIVE" } else { self.status.name() }
    }
}

/// Where an execution stands: its machine, its timers and its Map Runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub machine: Json,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub timers: BTreeMap<u64, i64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub map_runs: BTreeMap<u64, Arc<str>>,
    /// The test case of a mock configuration that it was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mocks: Option<Mocks>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskStatus {
    /// Its call is still to be made, or no worker has taken it.
    New,
    /// Its call was answered, or a worker has it.
    Waiting,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub resource: String,
    pub state: String,
    pub input: Arc<str>,
    pub scheduled: Timestamp,
    pub status: TaskStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The execution that it has started and waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    Running,
    Succeeded,
    Failed,
    Aborted,
}

impl RunStatus {
    pub fn name(self) -> &'static str {
        match self {
            RunStatus::Running => "RUNNING",
            RunStatus::Succeeded => "SUCCEEDED",
            RunStatus::Failed => "FAILED",
            RunStatus::Aborted => "ABORTED",
        }
    }
}

/// How many children, or items, are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub pending: i64,
    pub running: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub timed_out: i64,
    pub aborted: i64,
    pub total: i64,
    pub written: i64,
    /// Of those that are pending, the ones that are to be redriven.
    #[serde(default)]
    pub pending_redrive: i64,
}

impl Counts {
    pub fn of(&mut self, status: Status) -> &mut i64 {
        match status {
            Status::Running => &mut self.running,
            Status::Succeeded => &mut self.succeeded,
            Status::Failed => &mut self.failed,
            Status::TimedOut => &mut self.timed_out,
            Status::Aborted => &mut self.aborted,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapRun {
    pub execution: Arc<str>,
    /// Its number in the machine of the execution.
    pub run: u64,
    pub machine: NamedKey,
    pub label: String,
    /// The revision of the children.
    pub revision: Arc<str>,
    pub status: RunStatus,
    pub started: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Timestamp>,
    pub max_concurrency: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerated_count: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerated_percentage: Option<f64>,
    /// Whether its items were read.
    #[serde(default)]
    pub read: bool,
    pub express: bool,
    #[serde(default)]
    pub items: Counts,
    #[serde(default)]
    pub children: Counts,
    #[serde(default)]
    pub redrive_count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redriven: Option<Timestamp>,
    /// What the state asked for, for the reader, the batcher and the writer.
    pub request: Json,
    /// Whether results are written to files. Outputs are then in `map_items` until they are in a file.
    #[serde(default)]
    pub exports: bool,
    /// Bytes of the outputs in `map_items`, or of the rows where results are written to files.
    #[serde(default)]
    pub output_bytes: u64,
    /// The outputs are more than a state's result can be, and are not kept any more.
    #[serde(default)]
    pub too_large: bool,
    /// The files of outputs so far: key and bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<(String, u64)>,
    /// How many children that succeeded are still shown.
    #[serde(default)]
    pub shown: u64,
}

/// One child of a Map Run: its input, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapItem {
    pub input: Arc<str>,
    pub count: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Timestamp>,
    /// Its execution is to be redriven.
    #[serde(default)]
    pub redrives: bool,
}

impl MapItem {
    pub fn new(input: Arc<str>, count: i64) -> MapItem {
        MapItem { input, count, execution: None, status: None, output: None, error: None, cause: None, started: None, stopped: None, redrives: false }
    }

    /// Whether it is still to be started, or to be redriven.
    pub fn is_pending(&self) -> bool {
        self.execution.is_none() || self.redrives
    }
}
