//! What the server and the first process of a node tell each other: JSON, one to a packet, with file descriptors beside it.

use rustix::{
    io::Errno,
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

/// The largest packet: sockets of this kind take a message whole or not at all.
pub const LARGEST: usize = 128 << 10;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Program {
    pub program: String,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub directory: Option<String>,
    pub user: User,
    /// Where its input is written before it begins.
    pub file: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum User {
    Root,
    SsmUser,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Streams {
    /// Three descriptors come along.
    Pipes,
    /// A terminal of the node's own is made, with columns and rows.
    Terminal(u16, u16),
    /// One descriptor comes along: a terminal of the machine.
    GivenTerminal,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToNode {
    Start { id: u64, program: Program, streams: Streams },
    Signal { id: u64, signal: Signal },
    Connect { id: u64, to: Within },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    Interrupt,
    Quit,
    Suspend,
    Terminate,
    HangUp,
    Kill,
    /// To all processes of the session, not to be caught.
    KillAll,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Within {
    Port(u16),
    Socket(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FromNode {
    /// With the terminal, if one was to be made.
    Started {
        id: u64,
    },
    /// With the connection.
    Connected {
        id: u64,
    },
    Failed {
        id: u64,
        why: Failure,
    },
    Ended {
        id: u64,
        code: Option<i32>,
        signal: Option<i32>,
    },
    /// Nothing runs, after so many starts.
    Idle {
        starts: u64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The node cannot make terminals.
    NoTerminal,
    Other(String),
}

pub fn text(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}

pub fn send(socket: impl AsFd, text: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(text)], &mut control, SendFlags::NOSIGNAL).map(drop)
}

/// The next message. `None`: the other end is closed, or speaks otherwise.
pub fn receive<M: DeserializeOwned>(socket: impl AsFd, buffer: &mut [u8]) -> Result<Option<(M, Vec<OwnedFd>)>, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            descriptors.extend(some);
        }
    }
    let message = buffer.get(..received.bytes).and_then(|bytes| serde_json::from_slice(bytes).ok());
    Ok(message.map(|message| (message, descriptors)))
}
