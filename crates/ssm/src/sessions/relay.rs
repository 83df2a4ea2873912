//! A session on a node with an agent: the server passes frames on between the data channels of the client and of the agent, and is the service of AWS.
//! The agent has the shell, the keys and the transcript.

use super::{
    Sessions,
    backend::Ending,
    drive::{closed, closing, ended, next, pause},
    live::{Attached, AttachedEnds, Completed, LiveSession},
    plan::plain,
    state::EndedAs,
};
use bytes::Bytes;
use cloudlet_aws::Timestamp;
use cloudlet_engine::{SocketClose, SocketMessage, SocketWriter, Stopwatch};
use cloudlet_session_channel::{
    Frame, MessageType,
    control::{Job, OpenSession, control_frame},
};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// How long an agent may take to open its data channel, and to come back to it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Frames of a client that wait for the agent. What is too much comes again, as it is not acknowledged.
const WAITING: usize = 64;
/// Frames that are passed on together.
const TOGETHER: usize = 32;

/// AWS: unverified.
const NO_AGENT: &str = "The agent of the node has not opened the session.";

/// What the agent is told of the session.
pub fn opening(live: &LiveSession, document: &str, owner: &str) -> Job {
    let session = OpenSession {
        document_name: document.to_owned(),
        document_content: live.plan.document.clone(),
        session_id: live.key.1.to_string(),
        parameters: plain(&live.plan.values),
        run_as_user: String::new(),
        session_owner: owner.to_owned(),
    };
    let content = serde_json::to_string(&session).unwrap_or_default();
    Job { content, task_id: session.session_id, topic: MessageType::InteractiveShell.name().to_owned(), schema_version: 1, ..Job::default() }
}

type Writer = Box<dyn SocketWriter>;

#[derive(Default)]
struct Side {
    writer: Option<Writer>,
    messages: Option<mpsc::Receiver<Bytes>>,
}

impl Side {
    async fn attach(&mut self, attached: Attached) {
        if let Some(mut before) = self.writer.take() {
            before.close(SocketClose { code: 1000, reason: "Another one has come in its place.".to_owned() }).await;
        }
        (self.writer, self.messages) = (Some(attached.writer), Some(attached.messages));
    }

    fn is_there(&self) -> bool {
        self.writer.is_some()
    }

    fn detach(&mut self) {
        *self = Side::default();
    }

    async fn write(&mut self, frame: Bytes) {
        if let Some(writer) = &mut self.writer
            && !writer.send(SocketMessage::Binary(frame)).await
        {
            self.detach();
        }
    }

    async fn flush(&mut self) {
        if let Some(writer) = &mut self.writer
            && !writer.flush().await
        {
            self.detach();
        }
    }

    async fn close(&mut self) {
        if let Some(mut writer) = self.writer.take() {
            writer.close(SocketClose { code: 1000, reason: String::new() }).await;
        }
    }

    /// What has come already, after the first.
    fn more(&mut self) -> Option<Bytes> {
        self.messages.as_mut()?.try_recv().ok()
    }
}

struct Relay {
    live: Arc<LiveSession>,
    client: Side,
    agent: Side,
    /// Of the client, until the agent is there.
    waiting: VecDeque<Bytes>,
    active: Timestamp,
    ending: Option<Ending>,
}

pub async fn run(sessions: Sessions, live: Arc<LiveSession>, ends: AttachedEnds, opening: Job) {
    let active = live.runtime.clock.now();
    let mut relay = Relay { live: live.clone(), client: Side::default(), agent: Side::default(), waiting: VecDeque::new(), active, ending: None };
    let told = live.agent().is_some_and(|agent| agent.tell(MessageType::InteractiveShell, &opening));
    let ending = if told { relay.relay(ends).await } else { Ending::failed(NO_AGENT) };
    relay.finish(&sessions, ending).await;
}

async fn completed(of: &mut watch::Receiver<Option<Completed>>) -> Ending {
    match of.wait_for(Option::is_some).await.ok().and_then(|completed| completed.clone()) {
        Some(completed) => {
            let failed = !matches!(completed.final_task_status.as_str(), "Success" | "Cancelled");
            Ending { failed, message: completed.output }
        }
        None => std::future::pending().await,
    }
}

impl Relay {
    async fn relay(&mut self, ends: AttachedEnds) -> Ending {
        let AttachedEnds { mut clients, mut agents } = ends;
        let live = self.live.clone();
        let started = live.runtime.clock.now();
        let mut gone = Some(Stopwatch::start());
        let (mut end, mut complete) = (live.end.subscribe(), live.completed.subscribe());
        loop {
            if let Some(ending) = self.ending.take() {
                return ending;
            }
            let (deadline, reason) = live.plan.preferences.deadline(started, self.active);
            let left = gone.map(|gone: Stopwatch| PATIENCE.saturating_sub(gone.elapsed()));
            tokio::select! {
                biased;
                () = ended(&mut end) => return Ending::default(),
                client = clients.recv() => if let Some(client) = client {
                    self.client.attach(client).await;
                    live.connected.send_replace(Some(true));
                    self.active = live.runtime.clock.now();
                    self.tell_agent(MessageType::StartPublication).await;
                },
                agent = agents.recv() => if let Some(agent) = agent {
                    self.agent.attach(agent).await;
                    for frame in std::mem::take(&mut self.waiting) {
                        self.agent.write(frame).await;
                    }
                    if !self.client.is_there() {
                        self.tell_agent(MessageType::PausePublication).await;
                    }
                },
                message = next(self.client.messages.as_mut()) => match message {
                    Some(bytes) => self.of_client(bytes).await,
                    None => {
                        self.client.detach();
                        live.connected.send_replace(Some(false));
                        self.tell_agent(MessageType::PausePublication).await;
                    }
                },
                message = next(self.agent.messages.as_mut()) => match message {
                    Some(bytes) => self.of_agent(bytes).await,
                    None => self.agent.detach(),
                },
                ending = completed(&mut complete) => return ending,
                () = pause(left) => return Ending::failed(NO_AGENT),
                () = live.runtime.clock.sleep_until(deadline) => {
                    if live.plan.preferences.deadline(started, self.active).0 <= live.runtime.clock.now() {
                        return Ending::told(reason);
                    }
                }
            }
            self.client.flush().await;
            self.agent.flush().await;
            gone = if self.agent.is_there() { None } else { gone.or_else(|| Some(Stopwatch::start())) };
        }
    }

    /// Frames of a client that are there already are passed on together.
    async fn of_client(&mut self, first: Bytes) {
        self.pass_to_agent(first).await;
        for _ in 1..TOGETHER {
            let Some(more) = self.client.more() else { return };
            self.pass_to_agent(more).await;
        }
    }

    async fn of_agent(&mut self, first: Bytes) {
        self.pass_to_client(first).await;
        for _ in 1..TOGETHER {
            let Some(more) = self.agent.more() else { return };
            self.pass_to_client(more).await;
        }
    }

    async fn pass_to_agent(&mut self, bytes: Bytes) {
        let Ok(frame) = Frame::parse(&bytes) else { return };
        match frame.message {
            MessageType::InputStreamData => self.active = self.live.runtime.clock.now(),
            MessageType::Acknowledge => {}
            MessageType::ChannelClosed => {
                self.ending = Some(Ending::default());
                return;
            }
            _ => return,
        }
        if self.agent.is_there() {
            self.agent.write(bytes).await;
        } else if self.waiting.len() < WAITING {
            self.waiting.push_back(bytes);
        }
    }

    /// Nothing of an agent ends a session but what it says over its control channel.
    async fn pass_to_client(&mut self, bytes: Bytes) {
        let Ok(frame) = Frame::parse(&bytes) else { return };
        match frame.message {
            MessageType::OutputStreamData => self.active = self.live.runtime.clock.now(),
            MessageType::Acknowledge => {}
            _ => return,
        }
        self.client.write(bytes).await;
    }

    /// Whether it may send.
    async fn tell_agent(&mut self, message: MessageType) {
        let date = u64::try_from(self.live.runtime.clock.of_machine().millis()).unwrap_or(1);
        let (frame, _) = control_frame(message, date, self.live.runtime.ids.uuid_bytes(), &serde_json::json!({}));
        self.agent.write(frame).await;
    }

    async fn finish(mut self, sessions: &Sessions, ending: Ending) {
        let live = self.live.clone();
        sessions.live.remove(&live.key.1);
        let ended_as = if ending.failed { EndedAs::Failed } else { EndedAs::Terminated };
        sessions.note_end(&live.key, live.runtime.clock.now(), ended_as, Some(&ending.message));
        let said = live.completed.borrow().clone();
        match &said {
            Some(said) => {
                let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
                let in_s3 = some(&said.s3_bucket).map(|bucket| {
                    format!("https://s3.{}.amazonaws.com/{bucket}/{}", live.key.0.region.as_str(), said.s3_url_suffix.trim_start_matches('/'))
                });
                let in_logs = some(&said.cwl_group).map(|group| format!("{group}/{}", said.cwl_stream));
                sessions.note_output(&live.key, in_s3, in_logs);
            }
            // It is to end what runs.
            None => {
                let id = live.runtime.ids.uuid_bytes();
                if let Some(agent) = live.agent() {
                    agent.tell(MessageType::ChannelClosed, &closed(&live, id, String::new()));
                }
            }
        }
        let last = closing(&live, live.runtime.ids.uuid_bytes(), ending.message);
        self.client.write(last).await;
        self.client.flush().await;
        self.client.close().await;
        self.agent.close().await;
    }
}

impl Sessions {
    /// The agent of a node says that a session is over. It cannot end those of other nodes.
    pub fn agent_has_completed(&self, node: &str, complete: Completed) {
        let live = self.live.get(&complete.task_id);
        if let Some(live) = live.filter(|live| live.agent().is_some_and(|agent| *agent.of.node == *node)) {
            let short = |text: &str| text.chars().take(4_096).collect::<String>();
            let complete = Completed {
                output: short(&complete.output),
                s3_bucket: short(&complete.s3_bucket),
                s3_url_suffix: short(&complete.s3_url_suffix),
                cwl_group: short(&complete.cwl_group),
                cwl_stream: short(&complete.cwl_stream),
                ..complete
            };
            live.completed.send_replace(Some(complete));
        }
    }
}
