//! The data channel of Session Manager: what travels in the websocket between a client and the agent of a machine.
//!
//! A frame (`frame`) is a header and a payload. Data frames are numbered, acknowledged, resent and put in order by a `Channel`, which is a machine
//! without I/O and without a clock: bytes and times in, frames out. `messages` are the JSON texts, among them those of the handshake;
//! `encryption` is AES-256-GCM under a data key; `smux` carries several connections in one session.
//!
//! <https://github.com/aws/session-manager-plugin>, <https://github.com/aws/amazon-ssm-agent>

mod channel;
pub mod control;
mod encryption;
mod frame;
mod messages;
mod smux;
mod version;

pub use channel::{Arrived, Channel, Role, TooManyTries, WINDOW};
pub use encryption::{Cipher, NotDecrypted};
pub use frame::{Frame, HEADER, MessageType, NotAFrame, PayloadKind, payload};
pub use messages::{
    Action, ActionResult, AgentSessionState, Challenge, ChannelClosed, HandshakeComplete, HandshakeRequest, HandshakeResponse, KmsResult,
    OpenDataChannel, Size,
};
pub use smux::{Demux, MuxEvent, NotSmux, finish, nothing, open, push, push_buffer, pushed};
pub use version::is_at_least;

/// Flags of a `PayloadKind::Flag`.
pub mod flag {
    pub const DISCONNECT_TO_PORT: u32 = 1;
    pub const TERMINATE_SESSION: u32 = 2;
    pub const CONNECT_TO_PORT_ERROR: u32 = 3;
}

/// The bytes of a payload that both sides keep to.
pub const PIECE: usize = 1_024;
