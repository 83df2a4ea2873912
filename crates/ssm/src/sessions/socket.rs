//! The websockets of data channels. Who comes with the token of a session is its client; everybody else is sent away with the first message.

use super::{
    encrypted::context,
    live::{Attached, End, LiveSession, Opener},
    shared::Sessions,
};
use crate::nodes::agents::{ChannelInput, OpenDataChannel as OpenAsAgent};
use bytes::Bytes;
use cloudlet_engine::{Boxed, Socket, SocketClose, SocketHooks, SocketMessage, within};
use cloudlet_session_channel::OpenDataChannel;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

const PATH: &str = "/v1/data-channel/";
/// How long a client may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest first message.
const FIRST: usize = 4_096;
/// Messages of a client that its session has not taken yet.
const QUEUE: usize = 64;

pub struct DataChannels(pub Sessions);

fn id_of(path: &str) -> &str {
    path.strip_prefix(PATH).unwrap_or_default()
}

/// Which end somebody is, who has a token. An agent must be allowed to open the channel.
async fn admit(live: &LiveSession, token: &str) -> Option<End> {
    match live.take_token(token, live.runtime.clock.now())? {
        Opener::Client => Some(End::Client),
        Opener::Agent(caller) => {
            let input = ChannelInput { channel: live.key.1.to_string() };
            let opened = context(live).call::<OpenAsAgent>(caller, live.key.0.clone(), input).await;
            opened.is_ok().then_some(End::Agent)
        }
    }
}

impl SocketHooks for DataChannels {
    fn prefixes(&self) -> &'static [&'static str] {
        &[PATH]
    }

    fn admits(&self, path: &str) -> bool {
        self.0.live.get(id_of(path)).is_some()
    }

    fn serve(self: Arc<Self>, path: String, socket: Socket) -> Boxed<'static, ()> {
        Box::pin(async move {
            let Socket { mut reader, mut writer } = socket;
            let first = within(PATIENCE, reader.receive()).await.flatten();
            let opened = match first {
                Some(SocketMessage::Text(text)) if text.len() <= FIRST => serde_json::from_str::<OpenDataChannel>(&text).ok(),
                // Some clients send it as bytes.
                Some(SocketMessage::Binary(bytes)) if bytes.len() <= FIRST => serde_json::from_slice(&bytes).ok(),
                _ => None,
            };
            let live = self.0.live.get(id_of(&path));
            let admitted = match opened.zip(live) {
                Some((opened, live)) => admit(&live, &opened.token_value).await.map(|end| (opened, live, end)),
                None => None,
            };
            let Some((opened, live, side)) = admitted else {
                // AWS: unverified code and reason.
                writer.close(SocketClose { code: 1008, reason: "The token is not valid.".to_owned() }).await;
                return;
            };
            let (messages, received) = mpsc::channel::<Bytes>(QUEUE);
            let attached = Attached { writer, messages: received, client_version: opened.client_version.unwrap_or_default() };
            if !live.attach(side, attached).await {
                return;
            }
            let mut end = live.end.subscribe();
            drop(live);
            loop {
                tokio::select! {
                    message = reader.receive() => match message {
                        Some(SocketMessage::Binary(bytes)) => if messages.send(bytes).await.is_err() { break },
                        // Nothing of a client is a text after the first.
                        Some(SocketMessage::Text(_)) => {}
                        None => break,
                    },
                    () = messages.closed() => break,
                    outcome = end.changed() => if outcome.is_err() { break },
                }
            }
        })
    }
}
