//! The agent, and its control channel: opened again and again, as long as the agent runs.

use crate::{
    calls::Calls,
    journal::Taken,
    options::Options,
    registration::identity_of_machine,
    replies::Replies,
    service::{Service, rest},
    system::{self, System},
};
use bytes::Bytes;
use cloudlet_aws::{Account, Fault, Scope};
use cloudlet_engine::{
    Boxed, Dispatcher, LocalHttp, LocalRequest, LocalResponse, NodeOrder, NodeRoot, Runtime, Socket, SocketMessage, SocketReader, Workers, send_all,
};
use cloudlet_gateway::{socket, socket_config};
use cloudlet_session_channel::{
    MessageType,
    control::{OpenControlChannel, SCHEMA, ToAgent, control_frame},
};
use cloudlet_ssm::agent::{AgentCommands, AgentNode, AgentSessions, VERSION};
use cloudlet_worker::Machine;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tokio_tungstenite::client_async_with_config;

/// AWS: of the agent.
const PING: Duration = Duration::from_secs(54);
const INFORMATION: Duration = Duration::from_secs(300);
/// How long until a channel that broke is opened again: the first time, and at most.
const FIRST_REST: Duration = Duration::from_millis(250);
const LONGEST_REST: Duration = Duration::from_secs(20);
/// A channel that held so long is no failure.
const HELD: Duration = Duration::from_secs(30);
const QUEUE: usize = 256;
/// Messages that wait for the channel.
const WAITING: usize = 1_000;

pub struct Agent {
    pub node: AgentNode,
    pub service: Arc<Service>,
    pub runtime: Arc<Runtime>,
    pub commands: AgentCommands,
    pub sessions: AgentSessions,
    pub taken: Taken,
    pub replies: Replies,
    outgoing: Mutex<Outgoing>,
    /// The machine, of which the node is.
    _workers: Arc<Machine>,
    /// What calls of AWS go through: the runtime holds it weakly.
    _calls: Arc<dyn Dispatcher>,
}

#[derive(Default)]
struct Outgoing {
    channel: Option<mpsc::Sender<Bytes>>,
    waiting: VecDeque<Bytes>,
}

/// Programs reach the server under its own name.
struct Silent;

impl LocalHttp for Silent {
    fn answer(&self, _: LocalRequest) -> Boxed<'_, LocalResponse> {
        Box::pin(async { LocalResponse { status: 404, ..LocalResponse::default() } })
    }
}

impl Agent {
    pub async fn of(options: Options, runtime: Arc<Runtime>) -> Result<Arc<Agent>, String> {
        let identity = identity_of_machine(&options, &runtime).await?;
        let taken = Taken::below(&options.folder).map_err(|error| format!("{}: {error}", options.folder.display()))?;
        let id = identity.id.clone();
        let service = Arc::new(Service::new(&options, identity, runtime.clone()));
        let calls: Arc<dyn Dispatcher> = Arc::new(Calls(service.clone()));
        runtime.set_dispatcher(Arc::downgrade(&calls));
        runtime.set_http_client(Arc::new(cloudlet_http_client::Client::new(cloudlet_http_client::Bounds::default())));
        let own = std::env::current_exe().unwrap_or_default();
        let folder = std::env::temp_dir().join(format!("cloudlet-agent-{}", std::process::id()));
        // Whom a session's client may be led to is the service's to say.
        let workers = Arc::new(Machine::new(own, folder, vec![], vec!["*".to_owned()]));
        let order = NodeOrder {
            root: NodeRoot::Itself,
            hostname: system::hostname(),
            memory: u64::MAX,
            file_size: u64::MAX,
            disk: u64::MAX,
            http: Arc::new(Silent),
            server: service.endpoint.clone(),
        };
        let System { name, version } = System::of_machine();
        let node = AgentNode {
            scope: Scope::new(Account::default(), options.region.clone()),
            machine: workers.node(&id, order),
            id,
            system_name: name,
            system_version: version,
        };
        let agent = Agent {
            node,
            service,
            runtime,
            commands: AgentCommands::default(),
            sessions: AgentSessions::default(),
            taken,
            replies: Replies::default(),
            outgoing: Mutex::default(),
            _workers: workers,
            _calls: calls,
        };
        agent.tell_of_those_before();
        Ok(Arc::new(agent))
    }

    /// Tells the service something, as soon as the channel is open.
    pub fn tell(&self, message: MessageType, content: &impl Serialize) {
        self.send(self.frame(message, content).0);
    }

    /// A message, and its id.
    pub fn frame(&self, message: MessageType, content: &impl Serialize) -> (Bytes, String) {
        let date = u64::try_from(self.runtime.clock.now().millis()).unwrap_or(1);
        control_frame(message, date, self.runtime.ids.uuid_bytes(), content)
    }

    pub fn send(&self, frame: Bytes) {
        let mut outgoing = self.outgoing.lock();
        let refused = match &outgoing.channel {
            Some(channel) => channel.try_send(frame).err().map(mpsc::error::TrySendError::into_inner),
            None => Some(frame),
        };
        if let Some(frame) = refused.filter(|_| outgoing.waiting.len() < WAITING) {
            outgoing.waiting.push_back(frame);
        }
    }

    pub async fn stay_connected(self: Arc<Self>) {
        let mut wait = FIRST_REST;
        loop {
            let began = cloudlet_engine::Stopwatch::start();
            let why = self.clone().connected().await;
            self.outgoing.lock().channel = None;
            if began.elapsed() > HELD {
                wait = FIRST_REST;
            }
            tracing::warn!(target: "cloudlet", "the control channel is closed: {why}");
            rest(&self.runtime, wait).await;
            wait = (wait * 2).min(LONGEST_REST);
        }
    }

    /// Opens a websocket with a token, which is its first message.
    pub async fn open(&self, path: &str, query: &str, first: &(dyn Fn(String) -> String + Sync)) -> Result<Socket, Fault> {
        let token = self.service.channel_token(path).await?;
        let unreachable = |why: String| Fault::named("Unreachable", 503, cloudlet_aws::Blame::Receiver, why);
        let (stream, url) = self.service.connect(&format!("{path}?{query}")).await.map_err(unreachable)?;
        let (stream, _) = client_async_with_config(url, stream, Some(socket_config())).await.map_err(|error| unreachable(error.to_string()))?;
        let Socket { reader, mut writer } = socket(stream);
        if writer.send(SocketMessage::Text(first(token))).await && writer.flush().await {
            Ok(Socket { reader, writer })
        } else {
            Err(unreachable("the server has closed the channel".to_owned()))
        }
    }

    /// Serves one control channel. Says why it ended.
    async fn connected(self: Arc<Self>) -> String {
        let path = format!("/v1/control-channel/{}", self.node.id);
        let request = self.runtime.ids.uuid();
        let first = |token: String| {
            let opening = OpenControlChannel {
                message_schema_version: SCHEMA.to_owned(),
                request_id: request.clone(),
                token_value: token,
                agent_version: VERSION.to_owned(),
                platform_type: "Linux".to_owned(),
            };
            serde_json::to_string(&opening).unwrap_or_default()
        };
        let Socket { mut reader, mut writer } = match self.open(&path, "role=subscribe&stream=input", &first).await {
            Ok(socket) => socket,
            Err(fault) => return fault.to_string(),
        };
        if let Err(fault) = self.tell_information().await {
            return fault.to_string();
        }
        tracing::info!(target: "cloudlet", "the control channel of {} is open", self.node.id);
        let (channel, to_send) = mpsc::channel(QUEUE);
        let waiting = {
            let mut outgoing = self.outgoing.lock();
            outgoing.channel = Some(channel);
            std::mem::take(&mut outgoing.waiting)
        };
        waiting.into_iter().for_each(|frame| self.send(frame));
        self.replies.all().into_iter().for_each(|frame| self.send(frame));
        tokio::select! {
            () = self.take_all(&mut *reader) => "the server has closed it".to_owned(),
            () = send_all(&mut *writer, to_send, PING) => "the server takes nothing more".to_owned(),
            fault = self.keep_informed() => fault.to_string(),
        }
    }

    async fn take_all(self: &Arc<Self>, reader: &mut dyn SocketReader) {
        while let Some(message) = reader.receive().await {
            let SocketMessage::Binary(bytes) = message else { continue };
            match ToAgent::read(&bytes) {
                ToAgent::Job(job, id) => self.take_job(job, &id),
                ToAgent::Open(job) => self.open_session(&job),
                ToAgent::Close(closed) => self.sessions.end(&closed.session_id),
                ToAgent::ReplyAcknowledged(acknowledged) => self.reply_was_acknowledged(&acknowledged.acknowledged_message_id),
                ToAgent::Other => {}
            }
        }
    }

    async fn keep_informed(&self) -> Fault {
        loop {
            rest(&self.runtime, INFORMATION).await;
            if let Err(fault) = self.tell_information().await {
                return fault;
            }
        }
    }

    /// What machine this is.
    async fn tell_information(&self) -> Result<(), Fault> {
        let body = json!({
            "InstanceId": &*self.node.id,
            "AgentName": "amazon-ssm-agent",
            "AgentStatus": "Active",
            "AgentVersion": VERSION,
            "ComputerName": system::hostname(),
            "IPAddress": self.service.own_address(),
            "PlatformName": self.node.system_name.as_deref().unwrap_or("Linux"),
            "PlatformType": "Linux",
            "PlatformVersion": self.node.system_version.as_deref().unwrap_or_default(),
        });
        self.service.ssm("UpdateInstanceInformation", &body).await.map(drop)
    }

    /// Ends what runs.
    pub async fn stop(&self) {
        self.node.machine.stop().await;
    }
}
