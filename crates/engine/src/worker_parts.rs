//! What workers and nodes have in common: texts of their orders, what answers their requests, how they end.

use crate::Boxed;
use bytes::Bytes;
use cloudlet_shape::Body;
use std::fmt;

/// A text that may depend on where the worker finds things.
#[derive(Clone, Debug)]
pub enum WorkerValue {
    Text(String),
    /// `127.0.0.1:9001`: where the worker reaches its `LocalHttp`.
    Http,
    /// `http://127.0.0.1:9001/path`: the same with a path. Of nodes alone.
    HttpPath(String),
    /// `http://127.0.0.1:4566`: where it reaches the server.
    Server,
    /// Below a folder of the order, by its place in the list.
    Within(usize, &'static str),
    /// A search path: texts with colons between them.
    Paths(Vec<WorkerValue>),
    /// The number of a descriptor that is open for writing: the order's `aside` is told of the lines.
    Aside,
}

/// A request that a worker makes of the `LocalHttp` of its order.
#[derive(Clone, Debug, Default)]
pub struct LocalRequest {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// The body as it arrives, in place of it: where `LocalHttp::streams` asks for that.
    pub arriving: Option<Body>,
}

impl LocalRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, Debug, Default)]
pub struct LocalResponse {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

/// What answers a worker's requests. Nobody else can reach it.
pub trait LocalHttp: Send + Sync {
    /// Whether it reads the body of a request while that arrives.
    fn streams(&self, _head: &LocalRequest) -> bool {
        false
    }

    fn answer(&self, request: LocalRequest) -> Boxed<'_, LocalResponse>;
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerEnd {
    Exited(i32),
    /// By a signal.
    Killed(i32),
    OutOfMemory,
}

impl fmt::Display for WorkerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkerEnd::Exited(code) => write!(f, "exit status {code}"),
            WorkerEnd::Killed(9) | WorkerEnd::OutOfMemory => f.write_str("signal: killed"),
            WorkerEnd::Killed(11) => f.write_str("signal: segmentation fault"),
            WorkerEnd::Killed(6) => f.write_str("signal: aborted"),
            WorkerEnd::Killed(signal) => write!(f, "signal {signal}"),
        }
    }
}
