//! How much of a client's time and bytes the server is willing to hold.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest body that is held in memory: inputs that do not stream. Services have smaller limits of their own.
    pub body: usize,
    /// The largest body of a request that is not signed: most of AWS's requests are at most 1 MiB, and escaped three times that.
    pub unsigned_body: usize,
    /// All bodies in memory together.
    pub body_memory: usize,
    /// All header fields of a request together. Their number is hyper's to limit: 100.
    pub headers: usize,
    /// What may be read or written at a time. Buffers grow to it only for bodies that are large.
    pub buffer: usize,
    pub connections: u32,
    /// Connections from one address, so that one client cannot keep out all others.
    pub connections_of_address: u32,
    /// How long a client may be silent before it sends the head of a request. It may become twice as long.
    pub head_time: Duration,
    /// How long a body may stand still.
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
            unsigned_body: 4 << 20,
            body_memory: 256 << 20,
            headers: 32 << 10,
            buffer: 512 << 10,
            connections: 20_000,
            connections_of_address: 16_000,
            head_time: Duration::from_secs(30),
            stall_time: Duration::from_secs(60),
            drain: 64 << 20,
            shutdown_time: Duration::from_secs(10),
        }
    }
}
