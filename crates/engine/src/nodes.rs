//! Nodes: machines of somebody's own, on which programs are started one after the other. A node costs nothing while nothing runs on it: its
//! worker starts with the first program, and ends when it has been idle for a while. Its files stay until it is erased or the server ends.

use crate::{
    Boxed,
    worker_parts::{LocalHttp, WorkerEnd, WorkerValue},
};
use bytes::Bytes;
use std::{fmt, sync::Arc};
use tokio::io::{AsyncRead, AsyncWrite};

/// The files that a node sees beside its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NodeRoot {
    /// The programs and libraries of this machine, read-only.
    #[default]
    Machine,
    /// A folder with a file system, read-only but for what is the node's own.
    Folder(String),
    /// This machine as it is: nothing is kept apart. For an agent, whose machine is a node.
    Itself,
}

/// The users that a node has. Both are the same user of this machine, who owns all files of the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeUser {
    #[default]
    Root,
    /// `ssm-user`, whose folder is `/home/ssm-user`.
    SsmUser,
}

#[derive(Clone)]
pub struct NodeOrder {
    pub root: NodeRoot,
    pub hostname: String,
    /// Bytes of memory of all its processes, and of one file.
    pub memory: u64,
    pub file_size: u64,
    /// Bytes of all files that it has.
    pub disk: u64,
    /// What answers on `WorkerValue::Http`: nobody else reaches it.
    pub http: Arc<dyn LocalHttp>,
    /// The server's address (`http://localhost:4566`), which the node reaches under the same port.
    pub server: String,
}

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    pub columns: u16,
    pub rows: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeInput {
    /// A terminal, which is input and output.
    Terminal(TerminalSize),
    /// Input, output and error output are pipes.
    Pipes,
    /// Pipes too. The input is written to this file, with its folders, before the program begins; the program itself has none. Who may write there is
    /// the program's user.
    File(String),
    /// There is no input.
    Nothing,
}

/// A program to be started on a node. It leads a session and a process group of its own.
#[derive(Clone, Debug)]
pub struct NodeProgram {
    /// A path, or a name that is looked up in `PATH`.
    pub program: String,
    pub arguments: Vec<String>,
    /// Nothing is inherited; `HOME`, `USER` and `LOGNAME` are the user's own unless given. `WorkerValue::Within` is empty here.
    pub environment: Vec<(String, WorkerValue)>,
    /// `None`: the user's folder.
    pub directory: Option<String>,
    pub user: NodeUser,
    pub input: NodeInput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeOutput {
    /// Of a terminal, or standard output.
    Standard,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeSignal {
    Interrupt,
    Quit,
    Suspend,
    Terminate,
    HangUp,
    Kill,
}

/// A program that runs on a node. Dropped, it is killed with all of its session.
pub trait NodeProcess: Send + Sync {
    /// Its next output, from whichever stream has some. `None`: both are closed. Nothing is read that nobody asks for.
    fn read(&self) -> Boxed<'_, Option<(NodeOutput, Bytes)>>;
    /// Returns when it has taken them all; false if it takes no more.
    fn write(&self, bytes: Bytes) -> Boxed<'_, bool>;
    /// The end of its input. A terminal stays open.
    fn close_input(&self);
    fn resize(&self, size: TerminalSize);
    /// To its process group.
    fn signal(&self, signal: NodeSignal);
    /// Kills all processes of its session.
    fn kill(&self);
    /// Returns when it is over.
    fn ended(&self) -> Boxed<'_, WorkerEnd>;
}

/// Where a connection leads, seen from the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeAddress {
    /// A port of its own.
    Port(u16),
    /// A Unix socket of its own.
    Socket(String),
    /// Another host, which must be one of those that the server lets nodes connect to.
    Host(String, u16),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectError {
    NotAllowed,
    Failed(String),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::NotAllowed => f.write_str("nodes of this server may not connect to this host"),
            ConnectError::Failed(why) => f.write_str(why),
        }
    }
}

/// A connection's bytes, both ways.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> ByteStream for S {}

pub trait Node: Send + Sync {
    fn start(&self, program: NodeProgram) -> Boxed<'_, Result<Arc<dyn NodeProcess>, String>>;
    fn connect(&self, to: NodeAddress) -> Boxed<'_, Result<Box<dyn ByteStream>, ConnectError>>;
    /// Whether its worker runs.
    fn is_running(&self) -> bool;
    /// Kills all that runs on it. The next program starts it anew, with the files that it has.
    fn stop(&self) -> Boxed<'_, ()>;
    /// The same, and its files are gone.
    fn erase(&self) -> Boxed<'_, ()>;
}

/// Where no code can be run.
pub(crate) struct NoNode;

impl Node for NoNode {
    fn start(&self, _: NodeProgram) -> Boxed<'_, Result<Arc<dyn NodeProcess>, String>> {
        Box::pin(async { Err("no code can be run".to_owned()) })
    }
    fn connect(&self, _: NodeAddress) -> Boxed<'_, Result<Box<dyn ByteStream>, ConnectError>> {
        Box::pin(async { Err(ConnectError::Failed("no code can be run".to_owned())) })
    }
    fn is_running(&self) -> bool {
        false
    }
    fn stop(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
    fn erase(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}
