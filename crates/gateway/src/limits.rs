//! How much of a client's time and bytes the server is willing to hold.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest body that is held in memory: inputs that do not stream.
    pub body: usize,
    /// All header fields of a request together. Their number is hyper's to limit: 100.
    pub headers: usize,
    /// What may be read or written at a time. Buffers grow to it only for bodies that are large.
    pub buffer: usize,
    pub connections: u32,
    /// How long a client may take to send the head of a request. Over HTTP/1.1 it may become twice as long.
    pub head_time: Duration,
    /// How long a body may stand still, in either direction.
    pub stall_time: Duration,
    /// How much of a refused body is read and thrown away, so that the client reads the answer.
    pub drain: u64,
    /// How long calls under way may take to end when the server stops.
    pub shutdown_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body: 64 << 20,
            headers: 32 << 10,
            buffer: 512 << 10,
            connections: 20_000,
            head_time: Duration::from_secs(30),
            stall_time: Duration::from_secs(60),
            drain: 64 << 20,
            shutdown_time: Duration::from_secs(10),
        }
    }
}
