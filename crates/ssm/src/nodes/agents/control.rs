//! The websockets of control channels. Who comes with the token of a node is its agent; everybody else is sent away with the first message.

use super::{
    channels::CONTROL,
    connections::{Connection, Ticket},
    operations::{ChannelInput, OpenControlChannel},
};
use crate::{PRINCIPAL, Ssm};
use bytes::Bytes;
use cloudlet_aws::Caller;
use cloudlet_engine::{Boxed, Cx, Origin, Socket, SocketClose, SocketHooks, SocketMessage, SocketReader, SocketWriter, send_all, within};
use cloudlet_session_channel::{
    MessageType,
    control::{FromAgent, OpenControlChannel as Opening, ReplyAcknowledged},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// How long an agent may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest first message.
const FIRST: usize = 4_096;
/// Signs of life. AWS's agent sends its own every 54 seconds.
const PING: Duration = Duration::from_secs(60);

pub struct ControlChannels(pub Arc<Ssm>);

fn id_of(path: &str) -> Arc<str> {
    path.strip_prefix(CONTROL).unwrap_or_default().into()
}

impl SocketHooks for ControlChannels {
    fn prefixes(&self) -> &'static [&'static str] {
        &[CONTROL]
    }

    fn admits(&self, path: &str) -> bool {
        self.0.nodes.agents.tickets.has(&id_of(path))
    }

    fn serve(self: Arc<Self>, path: String, socket: Socket) -> Boxed<'static, ()> {
        Box::pin(async move {
            let Socket { mut reader, mut writer } = socket;
            let first = match within(PATIENCE, reader.receive()).await.flatten() {
                Some(SocketMessage::Text(text)) if text.len() <= FIRST => serde_json::from_str::<Opening>(&text).ok(),
                _ => None,
            };
            let opened = match first {
                Some(opening) => self.open(&id_of(&path), &opening.token_value).await,
                None => Err("The first message must be that of OpenControlChannel.".to_owned()),
            };
            match opened {
                Ok(ticket) => self.0.serve_agent(ticket, reader, writer).await,
                // AWS: unverified code and reason.
                Err(reason) => writer.close(SocketClose { code: 1008, reason }).await,
            }
        })
    }
}

impl ControlChannels {
    async fn open(&self, node: &Arc<str>, token: &str) -> Result<Ticket, String> {
        let tickets = &self.0.nodes.agents.tickets;
        let now = tickets.peek(node).map(|ticket| ticket.runtime.clock.now());
        let ticket = now.and_then(|now| tickets.take(node, token, now)).ok_or("The token is not valid.")?;
        let cx = of_agent(&ticket);
        let input = ChannelInput { channel: node.to_string() };
        let opened = cx.call::<OpenControlChannel>(ticket.caller.clone(), ticket.scope.clone(), input).await;
        opened.map(|_| ticket).map_err(|fault| fault.message().chars().take(120).collect())
    }
}

/// A context for what an agent says, outside of any call.
pub fn of_agent(ticket: &Ticket) -> Cx {
    let id = ticket.runtime.ids.uuid();
    Cx::new(ticket.runtime.clone(), ticket.scope.clone(), Caller::service(PRINCIPAL, None), id.into(), Origin::default())
}

async fn ended(end: &mut watch::Receiver<bool>) {
    if end.wait_for(|end| *end).await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl Ssm {
    async fn serve_agent(&self, ticket: Ticket, mut reader: Box<dyn SocketReader>, mut writer: Box<dyn SocketWriter>) {
        let (connection, to_send) = Connection::new(ticket);
        self.nodes.agents.connect(connection.clone());
        // It was deregistered in between.
        if self.nodes.registered_here(&connection.of.scope, &connection.of.node).is_some() {
            self.agent_is_there(&of_agent(&connection.of), &connection.of.node);
            let mut end = connection.end.subscribe();
            tokio::select! {
                () = ended(&mut end) => {}
                () = send_all(&mut *writer, to_send, PING) => {}
                () = self.take_all(&mut *reader, &connection) => {}
            }
        }
        self.nodes.agents.disconnect(&connection);
        writer.close(SocketClose { code: 1000, reason: String::new() }).await;
    }

    async fn take_all(&self, reader: &mut dyn SocketReader, connection: &Arc<Connection>) {
        while let Some(message) = reader.receive().await {
            if let SocketMessage::Binary(bytes) = message {
                self.take_from_agent(connection, &bytes);
            }
        }
    }

    /// What an agent says of its own node. Of what belongs to others nothing is changed, and it is not told so.
    fn take_from_agent(&self, connection: &Arc<Connection>, bytes: &Bytes) {
        let node = &connection.of.node;
        let cx = of_agent(&connection.of);
        match FromAgent::read(bytes) {
            FromAgent::Acknowledged(acknowledged) => self.job_was_acknowledged(&cx, node, &acknowledged),
            FromAgent::Replied(reply, id) => {
                self.job_has_replied(&cx, node, &reply);
                let acknowledged = ReplyAcknowledged { job_id: reply.job_id, acknowledged_message_id: id };
                connection.tell(MessageType::AgentJobReplyAck, &acknowledged);
            }
            FromAgent::Completed(complete) => self.sessions.agent_has_completed(node, complete),
            FromAgent::Other => {}
        }
    }
}
