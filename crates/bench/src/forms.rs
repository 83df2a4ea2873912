//! Many large forms from callers that sign nothing: how much memory they can take, and whether a signed caller is answered meanwhile.

use crate::{client::Connection, process::Process, request::Signed};
use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

const FORMS: usize = 64;
const SIZE: usize = 60 << 20;
const PIECE: usize = 64 << 10;

pub async fn measure(server: &Path, filter: &str) {
    if !"64 unsigned forms".contains(filter) {
        return;
    }
    // A server of its own: what it holds afterwards is what the forms left.
    let server = Process::start(server, &["--port", "0", "--log", "info,cloudlet::call=off"]);
    let before = server.resident();
    let call = Signed::caller_identity(&server.address.to_string());
    let (mut most, mut slowest, mut answered, mut refused) = (before, Duration::ZERO, 0, 0);
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let mut forms = JoinSet::new();
            for _ in 0..FORMS {
                forms.spawn_local(send(server.address));
            }
            while !forms.is_empty() {
                let began = Instant::now();
                // A connection each time: a server may give up an idle one, but it has to accept a new one.
                Connection::open(server.address).await.call(&call).await;
                slowest = slowest.max(began.elapsed());
                answered += 1;
                most = most.max(server.resident());
                let pause = tokio::time::sleep(Duration::from_millis(20));
                tokio::select! {
                    () = pause => {}
                    Some(done) = forms.join_next() => refused += usize::from(done.expect("a form")),
                }
            }
        })
        .await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "{FORMS} unsigned forms of {} MiB {:>6.0} MB at most, {:.0} MB afterwards ({:.0} MB before); {refused} were refused early",
        SIZE >> 20,
        most as f64 / 1e6,
        server.resident() as f64 / 1e6,
        before as f64 / 1e6
    );
    println!("  a signed caller meanwhile: {answered} answers, the slowest after {:.0} ms", slowest.as_secs_f64() * 1e3);
}

/// Sends a form as far as the server reads it. Whether it was refused before its end.
async fn send(address: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head =
        format!("POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {SIZE}\r\n\r\nAction=");
    let piece = vec![b'a'; PIECE];
    if stream.write_all(head.as_bytes()).await.is_err() {
        return true;
    }
    let mut left = SIZE - "Action=".len();
    while left > 0 {
        let length = left.min(PIECE);
        if stream.write_all(&piece[..length]).await.is_err() {
            return true;
        }
        left -= length;
    }
    let mut answer = [0; 64];
    // The answer to a form that was read to its end: 4xx as well.
    let _ = stream.read(&mut answer).await;
    false
}
