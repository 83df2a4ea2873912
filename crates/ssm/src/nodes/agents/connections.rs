//! The control channels that are open now, and the tokens with which the next ones are opened. Deliberately no state: after a restart agents come back.

use crate::tokens::{Token, Tokens};
use bytes::Bytes;
use cloudlet_aws::{Caller, Scope};
use cloudlet_engine::Runtime;
use cloudlet_session_channel::{
    MessageType,
    control::{LARGEST, control_frame},
};
use parking_lot::Mutex;
use serde::Serialize;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::{mpsc, watch};

/// Messages for an agent that its channel has not taken yet.
const QUEUE: usize = 256;

/// Who may open the control channel of a node.
#[derive(Clone)]
pub struct Ticket {
    pub node: Arc<str>,
    pub scope: Scope,
    pub caller: Caller,
    pub runtime: Arc<Runtime>,
}

/// The control channel of a node.
pub struct Connection {
    pub of: Ticket,
    outgoing: mpsc::Sender<Bytes>,
    /// Set when it is to end.
    pub end: watch::Sender<bool>,
}

impl Connection {
    pub fn new(of: Ticket) -> (Arc<Connection>, mpsc::Receiver<Bytes>) {
        let (outgoing, to_send) = mpsc::channel(QUEUE);
        (Arc::new(Connection { of, outgoing, end: watch::Sender::new(false) }), to_send)
    }

    /// Tells the agent something. False: it is too much, or the agent takes nothing.
    pub fn tell(&self, message: MessageType, content: &impl Serialize) -> bool {
        let Ticket { runtime, .. } = &self.of;
        let date = u64::try_from(runtime.clock.of_machine().millis()).unwrap_or(1);
        let (frame, _) = control_frame(message, date, runtime.ids.uuid_bytes(), content);
        frame.len() <= LARGEST && self.outgoing.try_send(frame).is_ok()
    }
}

#[derive(Default)]
pub struct Agents {
    connected: Mutex<HashMap<Arc<str>, Arc<Connection>>>,
    /// The newest of each node.
    pub tickets: Tokens<Arc<str>, Ticket>,
}

impl Agents {
    pub fn of(&self, node: &str) -> Option<Arc<Connection>> {
        self.connected.lock().get(node).cloned()
    }

    /// A new connection takes the place of the one before, which ends.
    pub fn connect(&self, connection: Arc<Connection>) {
        if let Some(before) = self.connected.lock().insert(connection.of.node.clone(), connection) {
            before.end.send_replace(true);
        }
    }

    /// Unless another is there by now.
    pub fn disconnect(&self, connection: &Arc<Connection>) {
        let mut connected = self.connected.lock();
        if connected.get(&connection.of.node).is_some_and(|known| Arc::ptr_eq(known, connection)) {
            connected.remove(&connection.of.node);
        }
    }

    /// Of a node that is no more.
    pub fn forget(&self, node: &str) {
        self.tickets.forget(&Arc::from(node));
        if let Some(connection) = self.connected.lock().remove(node) {
            connection.end.send_replace(true);
        }
    }
}

impl Token for Ticket {}
