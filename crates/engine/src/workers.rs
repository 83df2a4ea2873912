//! Workers: processes that run somebody's code, apart from the server and from each other. Engines ask for them here; the crate `worker`
//! makes them. They run in real time, whatever the clock says.

use crate::{
    Boxed, Node, NodeOrder,
    nodes::{ByteStream, NoNode},
    worker_parts::{LocalHttp, WorkerEnd, WorkerValue},
};
use bytes::Bytes;
use std::sync::Arc;

/// Is told of a line that a worker writes.
pub type TakesLine = dyn Fn(&str) + Send + Sync;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Python,
    Node,
    Ruby,
    Java,
}

/// An interpreter of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    pub program: String,
    /// `3.12`, `20`.
    pub version: String,
}

/// One file of a folder that workers see.
#[derive(Clone, Debug)]
pub struct WorkerFile {
    /// Relative, of plain segments.
    pub path: String,
    pub content: Bytes,
    pub executable: bool,
}

#[derive(Clone)]
pub struct WorkerOrder {
    pub program: WorkerValue,
    pub arguments: Vec<WorkerValue>,
    pub environment: Vec<(String, WorkerValue)>,
    /// Names of folders (`Workers::put_folder`), or paths of the machine, and where the worker sees them if it can be given a view of its
    /// own. Read-only.
    pub folders: Vec<(String, &'static str)>,
    /// The working directory is the folder at this place.
    pub directory: usize,
    /// Bytes of memory, and of its own `/tmp`.
    pub memory: u64,
    pub temporary: u64,
    pub http: Arc<dyn LocalHttp>,
    /// The server's address (`http://localhost:4566`), the only one that the worker can reach.
    pub server: String,
    /// Told of every line that the worker writes.
    pub output: Arc<TakesLine>,
    /// Told of every line that is written to the descriptor of `WorkerValue::Aside`.
    pub aside: Option<Arc<TakesLine>>,
}

/// A request to an HTTP server of a worker's own.
#[derive(Clone, Debug)]
pub struct WorkerPost {
    pub port: u16,
    pub path: String,
    /// A document in JSON.
    pub body: Bytes,
}

/// What the program of a worker is told by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramSignal {
    /// SIGTERM: it should end.
    Terminate,
    /// SIGUSR1: it should end what it was ordered to run, at once, and may go on with what runs beside that.
    EndCode,
}

/// A process and all that it started. Dropped, it is killed.
pub trait Worker: Send + Sync {
    fn kill(&self);
    /// Sends a signal to the program alone, which decides what becomes of it.
    fn signal(&self, _signal: ProgramSignal) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
    /// It had more memory than it was given, and its code was ended for that.
    fn is_over_memory(&self) -> bool {
        false
    }
    /// Returns when it is over.
    fn ended(&self) -> Boxed<'_, WorkerEnd>;
    /// The most bytes of memory that it has used, as far as was seen.
    fn memory(&self) -> u64;
    /// It gets no processor until it is thawed.
    fn freeze(&self);
    fn thaw(&self);
    /// Connects to a port that something in it listens on. While it is frozen this waits.
    fn connect(&self, _port: u16) -> Boxed<'_, Result<Box<dyn ByteStream>, String>> {
        Box::pin(async { Err("nothing listens there".to_owned()) })
    }
    /// The status of the answer.
    fn post(&self, _post: WorkerPost) -> Boxed<'_, Result<u16, String>> {
        Box::pin(async { Err("nothing listens there".to_owned()) })
    }
}

pub trait Workers: Send + Sync {
    /// An interpreter of this version, or else of the nearest one that is installed.
    fn interpreter(&self, language: Language, version: &str) -> Option<Interpreter>;
    /// The real path of a folder of this machine.
    fn folder_of_machine(&self, _path: &str) -> Option<String> {
        None
    }
    /// What differs once something in a folder of this machine has changed.
    fn fingerprint(&self, _path: &str) -> String {
        String::new()
    }
    /// The folder in which some interpreter of a language has AWS's SDK, for those that have none.
    fn sdk(&self, _language: Language) -> Option<String> {
        None
    }
    /// Compiles what an engine brings itself in Java, for this interpreter.
    fn compiled<'a>(&'a self, _java: &'a Interpreter, _sources: Vec<WorkerFile>) -> Boxed<'a, Result<Vec<WorkerFile>, String>> {
        Box::pin(async { Err("nothing can be compiled".to_owned()) })
    }
    /// What this machine cannot keep apart, a sentence each.
    fn shortcomings(&self) -> Vec<String>;
    fn has_folder(&self, name: &str) -> bool;
    fn put_folder<'a>(&'a self, name: &'a str, files: Vec<WorkerFile>) -> Boxed<'a, Result<(), String>>;
    fn start(&self, order: WorkerOrder) -> Boxed<'_, Result<Arc<dyn Worker>, String>>;
    /// The node of this name, which is a plain one. Nothing starts. A name has one node: the order is that of whoever asked first.
    fn node(&self, name: &str, order: NodeOrder) -> Arc<dyn Node>;
    /// The node of this name, if somebody has asked for it before.
    fn find_node(&self, name: &str) -> Option<Arc<dyn Node>>;
}

/// Where no code can be run: there is no interpreter, and nothing starts.
pub struct NoWorkers;

impl Workers for NoWorkers {
    fn interpreter(&self, _: Language, _: &str) -> Option<Interpreter> {
        None
    }
    fn shortcomings(&self) -> Vec<String> {
        vec!["no code can be run".to_owned()]
    }
    fn has_folder(&self, _: &str) -> bool {
        false
    }
    fn put_folder<'a>(&'a self, _: &'a str, _: Vec<WorkerFile>) -> Boxed<'a, Result<(), String>> {
        Box::pin(async { Err("no code can be run".to_owned()) })
    }
    fn start(&self, _: WorkerOrder) -> Boxed<'_, Result<Arc<dyn Worker>, String>> {
        Box::pin(async { Err("no code can be run".to_owned()) })
    }
    fn node(&self, _: &str, _: NodeOrder) -> Arc<dyn Node> {
        Arc::new(NoNode)
    }
    fn find_node(&self, _: &str) -> Option<Arc<dyn Node>> {
        None
    }
}
