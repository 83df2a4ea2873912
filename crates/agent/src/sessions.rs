//! Sessions: each has a data channel of its own, which is opened again if it breaks.

use crate::{channel::Agent, service::rest};
use cloudlet_aws::Fault;
use cloudlet_engine::{Socket, SocketMessage};
use cloudlet_session_channel::{
    MessageType,
    control::{Job, OpenSession, SCHEMA},
};
use cloudlet_ssm::agent::{AgentSession, session_failed};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Messages that a session has not taken yet.
const QUEUE: usize = 64;
/// AWS: of the agent.
const ATTEMPTS: u32 = 5;
const FIRST_REST: Duration = Duration::from_millis(100);

impl Agent {
    pub fn open_session(self: &Arc<Self>, job: &Job) {
        let Some(order) = serde_json::from_str::<OpenSession>(&job.content).ok().filter(|order| !order.session_id.is_empty()) else { return };
        if self.sessions.has(&order.session_id) {
            return;
        }
        let agent = self.clone();
        match self.sessions.start(&self.runtime, &self.node, &order) {
            Ok(session) => drop(tokio::spawn(async move { agent.serve(session, &order.session_id).await })),
            Err(why) => self.tell(MessageType::AgentTaskComplete, &session_failed(&self.node, &order.session_id, &why)),
        }
    }

    async fn serve(&self, mut session: AgentSession, id: &str) {
        let (mut attempts, mut wait) = (0, FIRST_REST);
        loop {
            let opened = tokio::select! {
                () = session.finished() => break,
                opened = self.open_data_channel(id) => opened,
            };
            match opened {
                Ok(socket) => {
                    (attempts, wait) = (0, FIRST_REST);
                    if carry(&mut session, socket).await {
                        break;
                    }
                }
                Err(fault) => {
                    attempts += 1;
                    tracing::debug!(target: "cloudlet", session = id, %fault, "the data channel cannot be opened");
                    if attempts == ATTEMPTS || fault.status() < 500 {
                        session.end();
                        session.finished().await;
                        break;
                    }
                }
            }
            rest(&self.runtime, wait).await;
            wait *= 2;
        }
        self.tell(MessageType::AgentTaskComplete, &session.completed());
    }

    async fn open_data_channel(&self, id: &str) -> Result<Socket, Fault> {
        let (request, client) = (self.runtime.ids.uuid(), self.runtime.ids.uuid());
        let first = |token: String| {
            json!({
                "MessageSchemaVersion": SCHEMA, "RequestId": request, "TokenValue": token, "ClientInstanceId": &*self.node.id, "ClientId": client,
            })
            .to_string()
        };
        self.open(&format!("/v1/data-channel/{id}"), "role=publish_subscribe", &first).await
    }
}

/// Hands over what comes, until the session is over (true) or the channel is.
async fn carry(session: &mut AgentSession, socket: Socket) -> bool {
    let Socket { mut reader, writer } = socket;
    let (messages, received) = mpsc::channel(QUEUE);
    if !session.attach(writer, received).await {
        session.finished().await;
        return true;
    }
    loop {
        let message = tokio::select! {
            () = session.finished() => return true,
            message = reader.receive() => message,
        };
        match message {
            Some(SocketMessage::Binary(bytes)) => {
                if messages.send(bytes).await.is_err() {
                    session.finished().await;
                    return true;
                }
            }
            Some(SocketMessage::Text(_)) => {}
            None => return false,
        }
    }
}
