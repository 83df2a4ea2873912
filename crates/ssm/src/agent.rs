//! What an agent does with what it is told: it runs documents and serves sessions, by the code that does the same for the nodes of the server.
//! Its calls of AWS go where its dispatcher leads; channels and requests are the agent's own.

use crate::{
    commands::{
        actions::execution::{Execution, System},
        outputs::Destinations,
        rows::{Progress, RowKey, S3Output, StepResult},
        running::{Run, Runs},
        send::steps_of,
        steps::{Record, take_steps},
    },
    sessions::{
        Sessions,
        backend::Ending,
        drive,
        live::{Attached, End, LiveSession, NodePlace},
        plan::{Plan, given_of},
        state::{EndedAs, Session},
    },
};
use bytes::Bytes;
use cloudlet_api_sts::Credentials;
use cloudlet_aws::{Caller, Fault, Scope};
use cloudlet_engine::{Cx, NoWorkers, Node, Runtime, SocketWriter};
use cloudlet_session_channel::control::{LARGEST_REPLY, OpenSession, Reply, SendCommand, StepStatus, TaskComplete};
use cloudlet_ssm_document::Steps;
use cloudlet_store::Journal;
use parking_lot::Mutex;
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};
use tokio::{sync::mpsc, task::JoinHandle};

/// As of the agent that speaks this protocol.
pub const VERSION: &str = crate::nodes::AGENT_VERSION;

/// The node that an agent is.
#[derive(Clone)]
pub struct AgentNode {
    pub id: Arc<str>,
    pub scope: Scope,
    pub machine: Arc<dyn Node>,
    /// Of the system of its machine: `Debian GNU/Linux` and `13`.
    pub system_name: Option<String>,
    pub system_version: Option<String>,
}

/// The commands that an agent runs now.
#[derive(Default)]
pub struct AgentCommands(Runs);

impl AgentCommands {
    fn place(node: &AgentNode, command: &str) -> RowKey {
        (node.scope.clone(), command.into())
    }

    /// A command begins. `None`: it runs already.
    pub fn begin(&self, node: &AgentNode, command: &str) -> Option<AgentRun> {
        let place = Self::place(node, command);
        (!self.0.is_running(&place, &node.id)).then(|| AgentRun(self.0.begin(&place, &node.id)))
    }

    pub fn stop(&self, node: &AgentNode, command: &str) {
        self.0.stop(&Self::place(node, command), &node.id);
    }
}

/// A command that runs.
pub struct AgentRun(Run);

impl AgentRun {
    /// Runs the document. `report` is told of every step forward; the last word is returned.
    pub async fn run(
        &self,
        cx: &Cx,
        node: &AgentNode,
        keys: Result<Credentials, Fault>,
        order: &SendCommand,
        report: &(dyn Fn(Reply) + Send + Sync),
    ) -> Reply {
        let s3 = some(&order.output_s3_bucket_name).map(|bucket| S3Output {
            bucket: bucket.into(),
            prefix: some(&order.output_s3_key_prefix).map(Into::into),
            region: node.scope.region.as_str().into(),
        });
        let log_group = some(&order.cloud_watch_log_group_name).filter(|_| order.cloud_watch_output_enabled == "true").map(Into::into);
        let mut execution = Execution {
            cx,
            node: node.id.to_string(),
            system: System { name: node.system_name.clone(), version: node.system_version.clone() },
            command: order.command_id.clone(),
            run: &self.0,
            machine: node.machine.clone(),
            session: keys.map(|keys| (Caller::anonymous(), Some(keys))),
            logs: None,
        };
        let steps = Steps::of(&order.document_content).map(|steps| steps_of(&steps)).unwrap_or_default();
        let record = StepReports { steps: Mutex::new(steps), report };
        let given = given_of(&order.parameters);
        let outcome = take_steps(&mut execution, &record, &order.document_content, &given, &Destinations { s3, log_group }).await;
        reply(outcome, &record.steps.lock())
    }
}

/// The steps of a command, of each of which the service is told.
struct StepReports<'t> {
    steps: Mutex<Vec<StepResult>>,
    report: &'t (dyn Fn(Reply) + Send + Sync),
}

impl Record for StepReports<'_> {
    fn step(&self, index: usize) -> Option<StepResult> {
        self.steps.lock().get(index).cloned()
    }

    fn change(&self, index: usize, change: &mut dyn FnMut(&mut StepResult)) {
        let mut steps = self.steps.lock();
        if let Some(step) = steps.get_mut(index) {
            change(step);
        }
        (self.report)(reply(Progress::InProgress, &steps));
    }
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn word(progress: Progress) -> &'static str {
    match progress {
        Progress::Pending => "NotStarted",
        other => other.status(),
    }
}

fn status(step: &StepResult, most: usize) -> StepStatus {
    let cut = |text: &str| text.chars().take(most).collect::<String>();
    let time = |time: Option<cloudlet_aws::Timestamp>| time.map(cloudlet_aws::Timestamp::with_millis).unwrap_or_default();
    StepStatus {
        status: word(step.progress).to_owned(),
        code: step.code.into(),
        name: step.action.to_string(),
        step_name: step.name.to_string(),
        start_date_time: time(step.started),
        end_date_time: time(step.finished),
        standard_output: cut(&step.output),
        standard_error: cut(&step.error),
        ..StepStatus::default()
    }
}

/// What is told of a command. Outputs are shortened until the message can be sent.
fn reply(progress: Progress, steps: &[StepResult]) -> Reply {
    let mut most = usize::MAX;
    loop {
        let runtime_status: BTreeMap<String, StepStatus> = steps.iter().map(|step| (step.name.to_string(), status(step, most))).collect();
        let reply = Reply {
            additional_info: json!({ "agent": { "lang": "en-US", "name": "amazon-ssm-agent", "os": "", "osver": "1", "ver": VERSION } }),
            document_status: word(progress).to_owned(),
            runtime_status,
            ..Reply::default()
        };
        if most == 0 || serde_json::to_string(&reply).map_or(0, |text| text.len()) <= LARGEST_REPLY {
            return reply;
        }
        most = most.min(24_000) / 2;
    }
}

/// A command that ended in another way than by running.
pub fn failed(order: &SendCommand, why: &str) -> Reply {
    let mut steps = Steps::of(&order.document_content).map(|steps| steps_of(&steps)).unwrap_or_default();
    if let Some(step) = steps.first_mut() {
        (step.progress, step.code, step.error) = (Progress::Failed, 1, why.into());
    }
    reply(Progress::Failed, &steps)
}

/// The sessions of an agent.
pub struct AgentSessions(Sessions);

impl Default for AgentSessions {
    fn default() -> Self {
        AgentSessions(Sessions::new(&Journal::off(), Arc::new(NoWorkers)))
    }
}

/// A session that an agent serves.
pub struct AgentSession {
    live: Arc<LiveSession>,
    sessions: Sessions,
    task: JoinHandle<Ending>,
}

impl AgentSessions {
    /// Begins a session, which waits for its data channel.
    pub fn start(&self, runtime: &Arc<Runtime>, node: &AgentNode, order: &OpenSession) -> Result<AgentSession, String> {
        let plan =
            Plan::of(node.id.clone(), order.document_content.clone(), &given_of(&order.parameters)).map_err(|fault| fault.message().to_owned())?;
        let key = (node.scope.clone(), Arc::from(order.session_id.as_str()));
        let row = Session {
            target: plan.target.clone(),
            document: order.document_name.as_str().into(),
            owner: order.session_owner.as_str().into(),
            owner_id: "".into(),
            reason: None,
            started: runtime.clock.now(),
            ended: None,
            details: None,
            s3_output: None,
            logs_output: None,
            longest: None,
        };
        let (live, ends) = LiveSession::new(key.clone(), runtime.clone(), NodePlace::Here(node.machine.clone()), plan, Caller::anonymous());
        if !self.0.live.add(live.clone(), usize::MAX) {
            return Err("there are too many sessions".to_owned());
        }
        self.0.store.update(|state| state.sessions.insert(key, Arc::new(row)));
        let (sessions, of_task) = (self.0.clone(), live.clone());
        let task = tokio::spawn(drive::run(sessions.clone(), of_task, ends.clients));
        Ok(AgentSession { live, sessions, task })
    }

    /// Ends a session, if there is one.
    pub fn end(&self, id: &str) {
        if let Some(live) = self.0.live.get(id) {
            live.end.send_replace(true);
        }
    }

    pub fn has(&self, id: &str) -> bool {
        self.0.live.get(id).is_some()
    }
}

impl AgentSession {
    /// A data channel of the session is open.
    pub async fn attach(&self, writer: Box<dyn SocketWriter>, messages: mpsc::Receiver<Bytes>) -> bool {
        self.live.attach(End::Client, Attached { writer, messages, client_version: String::new() }).await
    }

    pub fn end(&self) {
        self.live.end.send_replace(true);
    }

    /// Returns when it is over.
    pub async fn finished(&mut self) {
        if !self.task.is_finished() {
            let _ = (&mut self.task).await;
        }
    }

    /// What the service is told of its end.
    pub fn completed(self) -> TaskComplete {
        let row = self.sessions.store.update(|state| state.sessions.remove(&self.live.key));
        let ended = row.as_ref().and_then(|row| row.ended).map(|(_, ended)| ended);
        let text = |text: Option<&Arc<str>>| text.map(|text| text.to_string()).unwrap_or_default();
        let in_s3 = text(row.as_ref().and_then(|row| row.s3_output.as_ref()));
        let (bucket, key) = in_s3.split_once(".amazonaws.com/").and_then(|(_, rest)| rest.split_once('/')).unwrap_or_default();
        let in_logs = text(row.as_ref().and_then(|row| row.logs_output.as_ref()));
        let (group, stream) = in_logs.rsplit_once('/').unwrap_or_default();
        TaskComplete {
            schema_version: 1,
            task_id: self.live.key.1.to_string(),
            topic: "agent_task_complete".to_owned(),
            final_task_status: if ended == Some(EndedAs::Failed) { "Failed" } else { "Success" }.to_owned(),
            instance_id: self.live.plan.target.to_string(),
            output: text(row.as_ref().and_then(|row| row.details.as_ref())),
            s3_bucket: bucket.to_owned(),
            s3_url_suffix: key.to_owned(),
            cwl_group: group.to_owned(),
            cwl_stream: stream.to_owned(),
            ..TaskComplete::default()
        }
    }
}

/// A session that could not begin.
pub fn session_failed(node: &AgentNode, id: &str, why: &str) -> TaskComplete {
    TaskComplete {
        schema_version: 1,
        task_id: id.to_owned(),
        topic: "agent_task_complete".to_owned(),
        final_task_status: "Failed".to_owned(),
        instance_id: node.id.to_string(),
        output: why.to_owned(),
        ..TaskComplete::default()
    }
}
