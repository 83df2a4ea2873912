//! Commands: a job is taken, its document runs, and how far it is is told until the service has acknowledged it.

use crate::{channel::Agent, replies::Said};
use cloudlet_aws::Caller;
use cloudlet_engine::{Cx, Origin};
use cloudlet_session_channel::{
    MessageType,
    control::{CANCEL_COMMAND, CancelCommand, Job, JobAcknowledged, JobReply, Reply, SEND_COMMAND, SendCommand, job_id, parts_of_job},
};
use cloudlet_ssm::agent::{AgentRun, failed};
use std::sync::Arc;

/// Commands at the same time. AWS: 5 of the agent.
const AT_ONCE: usize = 50;
/// AWS: unverified text.
const RESTARTED: &str = "document process failed unexpectedly: the agent was restarted";

/// The codes of `agent_job_ack`.
const TAKEN: &str = "200";
const FULL: &str = "51402";
const INVALID: &str = "51406";

impl Agent {
    pub fn take_job(self: &Arc<Self>, job: Job, message: &str) {
        if job.topic.starts_with(CANCEL_COMMAND) {
            let cancelled = serde_json::from_str::<CancelCommand>(&job.content).ok();
            if let Some((command, _)) = cancelled.as_ref().and_then(|cancelled| parts_of_job(&cancelled.cancel_message_id)) {
                self.commands.stop(&self.node, command);
            }
            return self.acknowledge(&job.job_id, message, TAKEN, "");
        }
        let order = serde_json::from_str::<SendCommand>(&job.content).ok().filter(|_| job.topic.starts_with(SEND_COMMAND));
        let Some(order) = order.filter(|order| job_id(&order.command_id, &self.node.id) == job.job_id) else {
            return self.acknowledge(&job.job_id, message, INVALID, "InvalidDocument");
        };
        // It is known, and what was last said of it was lost.
        if let Some(frame) = self.replies.of(&order.command_id) {
            self.acknowledge(&job.job_id, message, TAKEN, "");
            return self.send(frame);
        }
        if self.replies.under_way() >= AT_ONCE {
            return self.acknowledge(&job.job_id, message, FULL, "ProcessorBufferFull");
        }
        let Some(run) = self.commands.begin(&self.node, &order.command_id) else { return };
        if let Err(why) = self.taken.add(&order) {
            return self.acknowledge(&job.job_id, message, INVALID, &why);
        }
        self.acknowledge(&job.job_id, message, TAKEN, "");
        let agent = self.clone();
        tokio::spawn(async move { agent.run(&order, run).await });
    }

    async fn run(&self, order: &SendCommand, run: AgentRun) {
        let keys = self.service.keys().await;
        let id = self.runtime.ids.uuid();
        let cx = Cx::new(self.runtime.clone(), self.node.scope.clone(), Caller::anonymous(), id.into(), Origin::default());
        let last = run.run(&cx, &self.node, keys, order, &|reply| self.reply(&order.command_id, &reply, false)).await;
        drop(run);
        self.reply(&order.command_id, &last, true);
    }

    fn acknowledge(&self, job: &str, message: &str, code: &str, why: &str) {
        let acknowledged = JobAcknowledged {
            job_id: job.to_owned(),
            acknowledged_message_id: message.to_owned(),
            created_date: self.runtime.clock.now().with_millis(),
            status_code: code.to_owned(),
            error_message: why.to_owned(),
        };
        self.tell(MessageType::AgentJobAck, &acknowledged);
    }

    fn reply(&self, command: &str, reply: &Reply, is_last: bool) {
        let reply = JobReply {
            schema_version: 1,
            job_id: job_id(command, &self.node.id),
            content: serde_json::to_string(reply).unwrap_or_default(),
            topic: SEND_COMMAND.to_owned(),
        };
        let (frame, message) = self.frame(MessageType::AgentJobReply, &reply);
        self.replies.put(command, Said { message, frame: frame.clone(), is_last });
        self.send(frame);
    }

    pub fn reply_was_acknowledged(&self, message: &str) {
        if let Some(command) = self.replies.acknowledged(message) {
            self.taken.remove(&command);
        }
    }

    /// What ran when the agent before this one was killed.
    pub fn tell_of_those_before(&self) {
        for order in self.taken.left() {
            self.reply(&order.command_id, &failed(&order, RESTARTED), true);
        }
    }
}
