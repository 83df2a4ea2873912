//! A cheap client: raw connections, requests made beforehand, answers counted and checked.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Connection {
        Connection::with_buffer(address, 64 << 10).await
    }

    /// With a buffer of this size, which grows when an answer is longer.
    pub async fn with_buffer(address: SocketAddr, bytes: usize) -> Connection {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Connection { stream, buffer: vec![0; bytes], filled: 0 }
    }

    /// Sends a request and returns the whole answer, head and body. Panics unless it is a 2xx.
    pub async fn call(&mut self, request: &[u8]) -> &[u8] {
        let answer = self.exchange(request).await;
        assert!(answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer[..answer.len().min(2_000)]));
        answer
    }

    /// Sends a request and returns the whole answer, whatever it is.
    pub async fn exchange(&mut self, request: &[u8]) -> &[u8] {
        self.stream.write_all(request).await.expect("the request is sent");
        self.filled = 0;
        let mut expected = usize::MAX;
        while self.filled < expected {
            if self.filled == self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            let read = self.stream.read(&mut self.buffer[self.filled..]).await.expect("an answer");
            assert!(read > 0, "the connection was closed: {}", String::from_utf8_lossy(&self.buffer[..self.filled]));
            self.filled += read;
            if expected == usize::MAX {
                expected = length(&self.buffer[..self.filled]).unwrap_or(usize::MAX);
            }
        }
        &self.buffer[..self.filled]
    }
}

/// The length of a whole answer, once its head is there.
fn length(answer: &[u8]) -> Option<usize> {
    let head = memchr::memmem::find(answer, b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).expect("a head of text");
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().expect("a length"))
    });
    Some(head + body.unwrap_or(0))
}

/// What one connection does over and over.
pub trait Turn: Send + 'static {
    fn go(&mut self, connection: &mut Connection) -> impl Future<Output = ()>;
}

/// The same request, again and again.
pub struct Repeat(pub Vec<u8>);

impl Turn for Repeat {
    async fn go(&mut self, connection: &mut Connection) {
        connection.call(&self.0).await;
    }
}

/// Turns per second, with one connection for each of `turns`, which are given back.
pub async fn rate<T: Turn>(address: SocketAddr, turns: Vec<T>, time: Duration) -> (f64, Vec<T>) {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let mut set = JoinSet::new();
            let began = Instant::now();
            for mut turn in turns {
                set.spawn_local(async move {
                    let mut connection = Connection::open(address).await;
                    let mut done = 0u64;
                    while began.elapsed() < time {
                        turn.go(&mut connection).await;
                        done += 1;
                    }
                    (done, turn)
                });
            }
            let (mut done, mut turns) = (0, Vec::new());
            while let Some(worker) = set.join_next().await {
                let (count, turn) = worker.expect("a worker");
                done += count;
                turns.push(turn);
            }
            (done as f64 / began.elapsed().as_secs_f64(), turns)
        })
        .await
}

/// One request over a connection of its own, without a runtime.
pub fn ask_once(address: SocketAddr, request: &[u8]) -> io::Result<String> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece)?;
        answer.extend_from_slice(&piece[..read]);
        if read == 0 || length(&answer).is_some_and(|length| answer.len() >= length) {
            return Ok(String::from_utf8_lossy(&answer).into_owned());
        }
    }
}
