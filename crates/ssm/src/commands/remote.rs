//! Commands on nodes with an agent: a job is sent over the control channel, and what the agent replies is written down. Whether the server waits, was
//! restarted or the channel broke makes no difference: a job is sent until it is acknowledged, and a reply comes until it is.

use super::{
    progress,
    rows::{Command, Progress, RowKey},
    scheduled::ASKED_AGAIN,
    steps::{kept_error, kept_output},
    turns,
};
use crate::{Ssm, nodes::ManagedNode};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_session_channel::{
    MessageType,
    control::{
        CANCEL_COMMAND, CancelCommand, Job, JobAcknowledged, JobReply, LARGEST, Reply, SEND_COMMAND, SendCommand, StepStatus, job_id, parts_of_job,
    },
};
use cloudlet_shape::Empty;
use cloudlet_ssm_document::Parameters;
use serde_json::Value;
use std::sync::Arc;

/// How long an agent may work on a document: the longest time of one step. AWS: unverified.
const LONGEST: i64 = 172_800;
/// Frames and quotes around the content of a job.
const AROUND: usize = 2_000;
/// AWS: of `agent_job_ack`. What it could not read is not sent again; whatever else it did not take is.
const TAKEN: &str = "200";
const NOT_READ: [&str; 3] = ["51406", "51407", "51408"];

fn job(command: &str, node: &str, topic: &str, content: &impl serde::Serialize) -> Job {
    let content = serde_json::to_string(content).unwrap_or_default();
    Job { content, job_id: job_id(command, node), topic: topic.to_owned(), schema_version: 1, ..Job::default() }
}

fn order(place: &RowKey, command: &Command) -> SendCommand {
    let document: Value = serde_json::from_str(&command.content).unwrap_or_default();
    let given = command.parameters.iter().map(|(name, values)| (name.clone(), values.clone())).collect();
    let values = Parameters::of(&document).values(&given).unwrap_or_default();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    SendCommand {
        parameters: Value::Object(values),
        document_content: document,
        command_id: place.1.to_string(),
        document_name: command.document.to_string(),
        output_s3_bucket_name: text(command.s3.as_ref().map(|s3| &*s3.bucket)),
        output_s3_key_prefix: text(command.s3.as_ref().and_then(|s3| s3.prefix.as_deref())),
        cloud_watch_log_group_name: text(command.log_group.as_deref()),
        cloud_watch_output_enabled: command.log_group.is_some().to_string(),
    }
}

/// The word of the agent.
fn progress_of(word: &str) -> Option<Progress> {
    Some(match word {
        "NotStarted" => Progress::Pending,
        "InProgress" | "SuccessAndReboot" | "PassedAndReboot" => Progress::InProgress,
        "Success" | "Skipped" | "TestPass" => Progress::Success,
        "Failed" | "TestFailure" => Progress::Failed,
        "Cancelled" => Progress::Cancelled,
        "TimedOut" => Progress::ExecutionTimedOut,
        _ => return None,
    })
}

impl Ssm {
    /// Sends a job, and looks again later whether it was acknowledged.
    pub(super) fn send_to_agent(&self, cx: &Cx, place: &RowKey, command: &Command, node: &ManagedNode) -> Result<(), Fault> {
        let order = order(place, command);
        let job = job(&place.1, &node.id, SEND_COMMAND, &order);
        if serde_json::to_string(&job).map_or(0, |text| text.len()) + AROUND > LARGEST {
            return self.end_on_agent(cx, place, &node.id, Progress::Failed, "the document and its parameters are too large for the control channel");
        }
        if let Some(agent) = self.nodes.agents.of(&node.id).filter(|agent| agent.of.scope == place.0) {
            agent.tell(MessageType::AgentJob, &job);
        }
        turns::run(cx, place, &node.id, cx.now.plus_secs(ASKED_AGAIN).min(command.expires))
    }

    fn end_on_agent(&self, cx: &Cx, place: &RowKey, node: &str, outcome: Progress, why: &str) -> Result<(), Fault> {
        self.commands.store.write(|state| {
            progress::change(cx, state, place, node, |invocation| {
                let mut steps = (*invocation.steps).clone();
                if let Some(step) = steps.iter_mut().find(|step| !step.progress.is_over()) {
                    (step.progress, step.code, step.error, step.finished) = (outcome, 1, why.into(), Some(cx.now));
                }
                (invocation.steps, invocation.progress) = (Arc::new(steps), outcome);
            })
        })?;
        Ok(())
    }

    /// The time of an invocation that its agent has taken.
    pub(super) fn agent_is_late(&self, cx: &Cx, place: &RowKey, node: &str) -> Result<Empty, Fault> {
        let key = (place.0.clone(), place.1.clone(), Arc::from(node));
        let started = self.commands.store.read(|state| state.invocations.get(&key).and_then(|invocation| invocation.started));
        let until = started.unwrap_or(cx.now).plus_secs(LONGEST);
        if cx.now >= until {
            self.end_on_agent(cx, place, node, Progress::ExecutionTimedOut, "the agent has said nothing more")?;
        } else {
            turns::run(cx, place, node, until)?;
        }
        Ok(Empty {})
    }

    pub(super) fn cancel_on_agent(&self, place: &RowKey, node: &str) {
        if let Some(agent) = self.nodes.agents.of(node).filter(|agent| agent.of.scope == place.0) {
            let cancel = CancelCommand { cancel_message_id: job_id(&place.1, node) };
            let id = agent.of.runtime.ids.uuid();
            agent.tell(MessageType::AgentJob, &job(&id, node, CANCEL_COMMAND, &cancel));
        }
    }

    /// An agent has opened its channel: what waits for it has its turn.
    pub fn agent_is_there(&self, cx: &Cx, node: &Arc<str>) {
        let waiting: Vec<RowKey> = self.commands.store.read(|state| {
            let rows = state.invocations.iter().filter(|((scope, _, of), row)| {
                *scope == cx.scope && of == node && row.is_sent && matches!(row.progress, Progress::Pending | Progress::Cancelling)
            });
            rows.map(|((scope, command, _), _)| (scope.clone(), command.clone())).collect()
        });
        for place in waiting {
            let is_cancelled = self.commands.store.read(|state| {
                let row = state.invocations.get(&(place.0.clone(), place.1.clone(), node.clone()));
                row.is_some_and(|row| row.progress == Progress::Cancelling)
            });
            if is_cancelled {
                self.cancel_on_agent(&place, node);
            } else if let Err(fault) = turns::run(cx, &place, node, cx.now) {
                tracing::debug!(target: "cloudlet", %fault, %node, "a command waits");
            }
        }
    }

    /// The command that a job of this node is of.
    fn place_of_job(cx: &Cx, node: &str, job: &str) -> Option<RowKey> {
        let (command, of) = parts_of_job(job)?;
        (of == node).then(|| (cx.scope.clone(), command.into()))
    }

    pub fn job_was_acknowledged(&self, cx: &Cx, node: &Arc<str>, acknowledged: &JobAcknowledged) {
        let Some(place) = Self::place_of_job(cx, node, &acknowledged.job_id) else { return };
        let outcome = match acknowledged.status_code.as_str() {
            TAKEN => self.agent_has_begun(cx, &place, node),
            code if NOT_READ.contains(&code) => {
                let why: String = acknowledged.error_message.chars().take(1_000).collect();
                self.end_on_agent(cx, &place, node, Progress::Failed, &why)
            }
            _ => Ok(()),
        };
        if let Err(fault) = outcome {
            tracing::debug!(target: "cloudlet", %fault, %node, "an acknowledgement is lost");
        }
    }

    fn agent_has_begun(&self, cx: &Cx, place: &RowKey, node: &str) -> Result<(), Fault> {
        let begun = self.commands.store.write(|state| {
            let mut begun = false;
            progress::change(cx, state, place, node, |invocation| {
                if invocation.progress == Progress::Pending {
                    (invocation.progress, invocation.started, begun) = (Progress::InProgress, Some(cx.now), true);
                }
            })?;
            Ok::<bool, Fault>(begun)
        })?;
        if begun { turns::run(cx, place, node, cx.now.plus_secs(LONGEST)) } else { Ok(()) }
    }

    pub fn job_has_replied(&self, cx: &Cx, node: &Arc<str>, reply: &JobReply) {
        let Some(place) = Self::place_of_job(cx, node, &reply.job_id) else { return };
        let Ok(said) = serde_json::from_str::<Reply>(&reply.content) else { return };
        let Some(outcome) = progress_of(&said.document_status) else { return };
        let written = self.agent_has_begun(cx, &place, node).and_then(|()| {
            self.commands.store.write(|state| {
                progress::change(cx, state, &place, node, |invocation| {
                    let mut steps = (*invocation.steps).clone();
                    for step in &mut steps {
                        if let Some(status) = said.runtime_status.get(&*step.name) {
                            take(step, status);
                        }
                    }
                    invocation.steps = Arc::new(steps);
                    // What is being cancelled goes on to be so until it is over.
                    if outcome.is_over() {
                        invocation.progress = outcome;
                    }
                })
            })
        });
        match written {
            Ok(_) if outcome.is_over() => turns::forget(cx, &place, node),
            Ok(_) => {}
            Err(fault) => tracing::debug!(target: "cloudlet", %fault, %node, "a reply is lost"),
        }
    }
}

fn take(step: &mut super::rows::StepResult, status: &StepStatus) {
    let Some(progress) = progress_of(&status.status) else { return };
    step.progress = progress;
    step.code = if progress.is_over() { i32::try_from(status.code).unwrap_or(-1) } else { -1 };
    step.started = Timestamp::parse_any(&status.start_date_time).or(step.started);
    step.finished = Timestamp::parse_any(&status.end_date_time).filter(|_| progress.is_over());
    let has_streams = !status.standard_output.is_empty() || !status.standard_error.is_empty();
    // AWS: some plugins say all in one text.
    step.output = kept_output(if has_streams { &status.standard_output } else { &status.output });
    step.error = kept_error(&status.standard_error);
}
