//! Websockets: what a service does on connections that stay open both ways. The gateway opens them; who is at the other end, the service asks.

use crate::{Boxed, within};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketMessage {
    Text(String),
    Binary(Bytes),
}

/// Why a socket is closed, as its peer is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketClose {
    /// <https://www.rfc-editor.org/rfc/rfc6455#section-7.4>; 1000 is an orderly end.
    pub code: u16,
    pub reason: String,
}

pub trait SocketReader: Send {
    /// The next message. `None`: the peer is gone, or sends what is no message or too large a one. Pings are answered.
    fn receive(&mut self) -> Boxed<'_, Option<SocketMessage>>;
}

pub trait SocketWriter: Send {
    /// Takes a message; false if the peer is gone. It waits while the peer takes nothing, and leaves with the next `flush` at the latest.
    fn send(&mut self, message: SocketMessage) -> Boxed<'_, bool>;
    fn flush(&mut self) -> Boxed<'_, bool>;
    fn ping(&mut self) -> Boxed<'_, bool>;
    fn close(&mut self, close: SocketClose) -> Boxed<'_, ()>;
}

/// Sends what comes, and a ping after each such time in which nothing came, until there is no more or the peer is gone.
pub async fn send_all(writer: &mut dyn SocketWriter, mut to_send: mpsc::Receiver<Bytes>, ping: Duration) {
    loop {
        let sent = match within(ping, to_send.recv()).await {
            Some(Some(frame)) => writer.send(SocketMessage::Binary(frame)).await && writer.flush().await,
            Some(None) => return,
            None => writer.ping().await,
        };
        if !sent {
            return;
        }
    }
}

pub struct Socket {
    pub reader: Box<dyn SocketReader>,
    pub writer: Box<dyn SocketWriter>,
}

pub trait SocketHooks: Send + Sync {
    /// The beginnings of the paths of its sockets: `/v1/data-channel/`.
    fn prefixes(&self) -> &'static [&'static str];
    /// Whether there is a socket at the path.
    fn admits(&self, path: &str) -> bool;
    /// Serves one until it ends. Nobody has been authenticated.
    fn serve(self: Arc<Self>, path: String, socket: Socket) -> Boxed<'static, ()>;
}
