//! The sessions that are active: their tokens, and how their tasks are told things.

use super::{plan::Plan, state::SessionKey};
use crate::{
    nodes::agents::Connection,
    tokens::{Token, Tokens},
};
use bytes::Bytes;
use cloudlet_aws::{Caller, Timestamp};
use cloudlet_engine::{Ids, Node, Runtime, SocketWriter};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::{mpsc, watch};

/// Who is at an end of a data channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    Client,
    Agent,
}

/// Who opens a data channel.
#[derive(Clone)]
pub enum Opener {
    Client,
    /// The agent, and who it is to AWS.
    Agent(Caller),
}

impl Token for Opener {}

/// Where the node of a session is.
#[derive(Clone)]
pub enum NodePlace {
    Here(Arc<dyn Node>),
    /// Its agent opens a data channel too.
    Elsewhere(Arc<Connection>),
}

/// What an agent says at the end of a session.
pub type Completed = cloudlet_session_channel::control::TaskComplete;

/// A client, or an agent, that has shown its token.
pub struct Attached {
    pub writer: Box<dyn SocketWriter>,
    pub messages: mpsc::Receiver<Bytes>,
    pub client_version: String,
}

/// Those that come, for the task of a session.
pub struct AttachedEnds {
    pub clients: mpsc::Receiver<Attached>,
    pub agents: mpsc::Receiver<Attached>,
}

pub struct LiveSession {
    pub key: SessionKey,
    pub runtime: Arc<Runtime>,
    pub place: NodePlace,
    pub plan: Plan,
    /// Who the node is.
    pub role: Caller,
    tokens: Tokens<End, Opener>,
    attach: mpsc::Sender<Attached>,
    attach_agent: mpsc::Sender<Attached>,
    /// What its agent has said of its end.
    pub completed: watch::Sender<Option<Completed>>,
    /// Set when the session is to end.
    pub end: watch::Sender<bool>,
    /// Whether a client is there; `None`: none was there yet.
    pub connected: watch::Sender<Option<bool>>,
}

impl LiveSession {
    pub fn new(key: SessionKey, runtime: Arc<Runtime>, place: NodePlace, plan: Plan, role: Caller) -> (Arc<LiveSession>, AttachedEnds) {
        let ((attach, clients), (attach_agent, agents)) = (mpsc::channel(1), mpsc::channel(1));
        let (end, connected, completed) = (watch::Sender::new(false), watch::Sender::new(None), watch::Sender::new(None));
        let tokens = Tokens::default();
        let live = LiveSession { key, runtime, place, plan, role, tokens, attach, attach_agent, completed, end, connected };
        (Arc::new(live), AttachedEnds { clients, agents })
    }

    /// The node, if it is one of this process.
    pub fn node(&self) -> Result<&Arc<dyn Node>, String> {
        match &self.place {
            NodePlace::Here(node) => Ok(node),
            NodePlace::Elsewhere(_) => Err("the node is not here".to_owned()),
        }
    }

    pub fn agent(&self) -> Option<&Arc<Connection>> {
        match &self.place {
            NodePlace::Here(_) => None,
            NodePlace::Elsewhere(connection) => Some(connection),
        }
    }

    /// A new token for a client, in place of the one before.
    pub fn new_token(&self, ids: &Ids, now: Timestamp) -> String {
        self.tokens.issue(End::Client, Opener::Client, ids, now)
    }

    pub fn new_agent_token(&self, agent: Caller, ids: &Ids, now: Timestamp) -> String {
        self.tokens.issue(End::Agent, Opener::Agent(agent), ids, now)
    }

    /// Whose token it is, if it is one of the session's. It can be used once.
    pub fn take_token(&self, given: &str, now: Timestamp) -> Option<Opener> {
        [End::Client, End::Agent].into_iter().find_map(|end| self.tokens.take(&end, given, now))
    }

    pub async fn attach(&self, end: End, attached: Attached) -> bool {
        let to = if end == End::Client { &self.attach } else { &self.attach_agent };
        to.send(attached).await.is_ok()
    }

    pub fn status(&self) -> &'static str {
        match *self.connected.borrow() {
            None => "Connecting",
            Some(true) => "Connected",
            Some(false) => "Disconnected",
        }
    }
}

#[derive(Default)]
pub struct Live(Mutex<HashMap<Arc<str>, Arc<LiveSession>>>);

impl Live {
    pub fn get(&self, id: &str) -> Option<Arc<LiveSession>> {
        self.0.lock().get(id).cloned()
    }

    /// Adds a session, unless so many of its kind are there already.
    pub fn add(&self, session: Arc<LiveSession>, most: usize) -> bool {
        let mut live = self.0.lock();
        let of_target = live.values().filter(|other| other.plan.target == session.plan.target && other.key.0 == session.key.0).count();
        if of_target >= most {
            return false;
        }
        live.insert(session.key.1.clone(), session);
        true
    }

    pub fn remove(&self, id: &str) -> Option<Arc<LiveSession>> {
        self.0.lock().remove(id)
    }
}
