//! The sessions that are active: their tokens, and how their tasks are told things.

use super::{plan::Plan, state::SessionKey};
use bytes::Bytes;
use cloudlet_aws::{Caller, Timestamp};
use cloudlet_engine::{Ids, Node, Runtime, SocketWriter};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::{mpsc, watch};

/// How long a token can be used.
/// AWS: unverified.
const TOKEN_MILLIS: i64 = 300_000;
const TOKEN_CHARACTERS: usize = 180;

/// A client that has shown its token.
pub struct Attached {
    pub writer: Box<dyn SocketWriter>,
    pub messages: mpsc::Receiver<Bytes>,
    pub client_version: String,
}

pub struct LiveSession {
    pub key: SessionKey,
    pub runtime: Arc<Runtime>,
    pub node: Arc<dyn Node>,
    pub plan: Plan,
    /// Who the node is.
    pub role: Caller,
    token: Mutex<Option<(String, Timestamp)>>,
    attach: mpsc::Sender<Attached>,
    /// Set when the session is to end.
    pub end: watch::Sender<bool>,
    /// Whether a client is there; `None`: none was there yet.
    pub connected: watch::Sender<Option<bool>>,
}

impl LiveSession {
    pub fn new(
        key: SessionKey,
        runtime: Arc<Runtime>,
        node: Arc<dyn Node>,
        plan: Plan,
        role: Caller,
    ) -> (Arc<LiveSession>, mpsc::Receiver<Attached>) {
        let (attach, attached) = mpsc::channel(1);
        let (end, connected) = (watch::Sender::new(false), watch::Sender::new(None));
        (Arc::new(LiveSession { key, runtime, node, plan, role, token: Mutex::default(), attach, end, connected }), attached)
    }

    /// A new token, in place of the one before.
    pub fn new_token(&self, ids: &Ids, now: Timestamp) -> String {
        let mut bytes = vec![0; TOKEN_CHARACTERS * 3 / 4];
        ids.fill_secret(&mut bytes);
        let token = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
        *self.token.lock() = Some((token.clone(), Timestamp(now.millis().saturating_add(TOKEN_MILLIS))));
        token
    }

    /// Whether the token is the session's. It can be used once.
    pub fn take_token(&self, given: &str, now: Timestamp) -> bool {
        let mut token = self.token.lock();
        let is_right = token.as_ref().is_some_and(|(known, until)| *until >= now && is_same(known, given));
        if is_right {
            *token = None;
        }
        is_right
    }

    pub async fn attach(&self, attached: Attached) -> bool {
        self.attach.send(attached).await.is_ok()
    }

    pub fn status(&self) -> &'static str {
        match *self.connected.borrow() {
            None => "Connecting",
            Some(true) => "Connected",
            Some(false) => "Disconnected",
        }
    }
}

/// In a time that does not tell how much is right.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |different, (one, other)| different | (one ^ other)) == 0
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

#[test]
fn a_token_is_used_once_and_not_too_late() {
    assert!(is_same("abc", "abc") && !is_same("abc", "abd") && !is_same("abc", "ab"));
}
