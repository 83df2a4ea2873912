//! Session Manager: from a keystroke to its echo over the bare websocket, what a forwarded port carries beside a bare relay of the same messages, and the
//! memory of two hundred shells at once.

use crate::{client::Connection, process::Process, request::Signed, scenario::Bench};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_session_channel::{Action, ActionResult, Channel, Demux, HandshakeResponse, MuxEvent, PayloadKind, Role, open, push};
use std::{
    fs,
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

const NODE: &str = "mi-0c10d1e7000000001";
const KEYS: usize = 500;
const AT_ONCE: usize = 200;
const CARRIED: usize = 200 << 20;
const PIECE: usize = 16 << 10;
/// How often a client that hears nothing looks whether something is to be sent again: a machine that is not ready takes nothing.
const SILENCE: Duration = Duration::from_millis(50);

/// A client of one session, which waits for what it is sent.
struct Client {
    write: TcpStream,
    read: BufReader<TcpStream>,
    channel: Channel,
    began: Instant,
}

fn text_of<'a>(answer: &'a str, name: &str) -> &'a str {
    let from = answer.find(&format!("\"{name}\":\"")).expect("a member") + name.len() + 4;
    answer[from..].split('"').next().expect("its end")
}

impl Client {
    async fn start(address: SocketAddr, ssm: &Signed, document: &str) -> Client {
        let body = format!(r#"{{"Target":"{NODE}"{document}}}"#);
        let answer = Connection::open(address).await.call(&ssm.json_1_1("AmazonSSM.StartSession", &body)).await.to_vec();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let id = text_of(&answer, "SessionId");
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let read = BufReader::with_capacity(1 << 16, stream.try_clone().expect("a second handle"));
        let mut client = Client { write: stream, read, channel: Channel::new(Role::Client), began: Instant::now() };
        let key = STANDARD.encode([7; 16]);
        let head = format!(
            "GET /v1/data-channel/{id}?role=publish_subscribe HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        );
        client.write.write_all(head.as_bytes()).expect("sent");
        let mut last = [0; 4];
        while last != *b"\r\n\r\n" {
            last.rotate_left(1);
            client.read.read_exact(&mut last[3..]).expect("a head");
        }
        client.write.set_read_timeout(Some(SILENCE)).expect("a timeout");
        let token = text_of(&answer, "TokenValue");
        let opening = format!(r#"{{"MessageSchemaVersion":"1.0","TokenValue":"{token}","ClientVersion":"1.2.764.0"}}"#);
        client.put(1, opening.as_bytes());
        client
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn put(&mut self, opcode: u8, payload: &[u8]) {
        put(&mut self.write, opcode, payload);
    }

    fn send(&mut self, kind: PayloadKind, payload: &[u8]) {
        let frame = self.channel.send(self.now(), 1, [1; 16], kind, payload.to_vec().into());
        self.put(2, &frame);
    }

    /// Takes one message; what it brought.
    fn take(&mut self) -> Vec<(PayloadKind, bytes::Bytes)> {
        while self.read.fill_buf().is_err_and(|error| is_silence(&error)) {
            if let Some(frame) = self.channel.resend(self.now()).expect("an acknowledgement") {
                self.put(2, &frame);
            }
        }
        let message = get(&mut self.read);
        let arrived = self.channel.receive(self.now(), 1, [2; 16], &message.into(), true).expect("a frame");
        if let Some(acknowledgement) = arrived.acknowledgement {
            self.put(2, &acknowledgement);
        }
        arrived.data
    }

    fn until(&mut self, wanted: &str) {
        let mut seen = String::new();
        while !seen.contains(wanted) {
            for (kind, bytes) in self.take() {
                if kind == PayloadKind::Output {
                    seen.push_str(&String::from_utf8_lossy(&bytes));
                }
            }
        }
    }

    fn shake_hands(&mut self) {
        loop {
            for (kind, _) in self.take() {
                match kind {
                    PayloadKind::HandshakeRequest => {
                        let action = Action::session_type("Port", serde_json::Value::Null);
                        let done = ActionResult { action_type: action.action_type, action_status: 1, ..ActionResult::default() };
                        let answer = HandshakeResponse { client_version: "1.2.764.0".into(), processed_client_actions: vec![done], errors: vec![] };
                        self.send(PayloadKind::HandshakeResponse, &serde_json::to_vec(&answer).expect("JSON"));
                    }
                    PayloadKind::HandshakeComplete => return,
                    _ => {}
                }
            }
        }
    }
}

/// A message, its mask of zeros.
fn put(to: &mut TcpStream, opcode: u8, payload: &[u8]) {
    let mut message = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..126 => message.push(0x80 | length as u8),
        length => {
            message.push(0x80 | 126);
            message.extend((length as u16).to_be_bytes());
        }
    }
    message.extend([0; 4]);
    message.extend(payload);
    to.write_all(&message).expect("sent");
}

fn is_silence(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Fills a buffer, however long that takes.
fn fill(from: &mut impl Read, mut buffer: &mut [u8]) {
    while !buffer.is_empty() {
        match from.read(buffer) {
            Ok(0) => panic!("the connection was closed"),
            Ok(read) => buffer = &mut buffer[read..],
            Err(error) => assert!(is_silence(&error), "{error}"),
        }
    }
}

fn get(from: &mut impl Read) -> Vec<u8> {
    let mut head = [0; 2];
    fill(from, &mut head);
    let mut length = usize::from(head[1] & 127);
    if length == 126 {
        fill(from, &mut head);
        length = usize::from(u16::from_be_bytes(head));
    }
    let mut payload = vec![0; length];
    fill(from, &mut payload);
    payload
}

/// The memory of a process and all that it started.
fn of_tree(process: u32) -> u64 {
    let own = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let own = own.lines().find(|line| line.starts_with("Pss:")).and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0);
    let mut total = own * 1024;
    for task in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        total += children.split_whitespace().filter_map(|child| child.parse().ok()).map(of_tree).sum::<u64>();
    }
    total
}

/// Bytes a second of messages of the same size from a thread that does nothing else.
fn relay() -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let source = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let piece = vec![7; PIECE];
        for _ in 0..CARRIED / PIECE {
            put(&mut stream, 2, &piece);
        }
    });
    let mut read = BufReader::with_capacity(1 << 16, TcpStream::connect(address).expect("a connection"));
    let began = Instant::now();
    for _ in 0..CARRIED / PIECE {
        let mut head = [0; 8];
        read.read_exact(&mut head).expect("a head");
        let mut payload = vec![0; PIECE];
        read.read_exact(&mut payload).expect("a payload");
    }
    source.join().expect("the source");
    CARRIED as f64 / began.elapsed().as_secs_f64()
}

impl Bench<'_> {
    pub async fn sessions(&self, server: &Path) {
        if !self.includes("Session Manager") {
            return;
        }
        let bench = Bench::start(server, &["--ssm-local-node=true"], self.time, self.filter);
        let address = bench.server.address;
        let ssm = Signed::new(&address.to_string(), "ssm");
        let mut shell = Client::start(address, &ssm, "").await;
        shell.send(PayloadKind::Output, b"echo re''ady\r");
        shell.until("ready");
        let mut times = Vec::new();
        for _ in 0..KEYS {
            let began = Instant::now();
            shell.send(PayloadKind::Output, b"x");
            shell.until("x");
            times.push(began.elapsed());
        }
        times.sort();
        let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e3;
        println!("Session Manager: key to echo {:>7.3} ms (p50), {:.3} ms (p99)", at(50), at(99));
        carried(address, &ssm, &mut shell).await;
        memory(&bench.server, address, &ssm).await;
    }
}

/// A file through a forwarded port.
async fn carried(address: SocketAddr, ssm: &Signed, shell: &mut Client) {
    let script =
        format!("\x15mkdir -p ~/w; cd ~/w; head -c {CARRIED} /dev/zero > f; python3 -m http.server 8000 >/dev/null 2>&1 & sleep 2; echo serv'es'\r");
    shell.send(PayloadKind::Output, script.as_bytes());
    shell.until("serves");
    let document = r#","DocumentName":"AWS-StartPortForwardingSession","Parameters":{"portNumber":["8000"]}"#;
    let mut port = Client::start(address, ssm, document).await;
    port.shake_hands();
    let mut request = bytes::BytesMut::new();
    open(1, &mut request);
    push(1, b"GET /f HTTP/1.0\r\n\r\n", &mut request);
    let (began, mut seen, mut demux, mut events) = (Instant::now(), 0, Demux::default(), vec![]);
    port.send(PayloadKind::Output, &request);
    while seen < CARRIED {
        for (kind, bytes) in port.take() {
            if kind == PayloadKind::Output {
                demux.take(&bytes, &mut events).expect("smux");
            }
        }
        seen += events.drain(..).map(|event| if let MuxEvent::Data(_, data) = event { data.len() } else { 0 }).sum::<usize>();
    }
    let rate = seen as f64 / began.elapsed().as_secs_f64();
    let bare = relay();
    println!("Session Manager: a forwarded port carries {:>7.0} MB/s, a bare relay {:.0} MB/s, ratio {:.2}", rate / 1e6, bare / 1e6, rate / bare);
}

async fn memory(server: &Process, address: SocketAddr, ssm: &Signed) {
    let before = (server.resident(), of_tree(server.id()));
    let mut clients = Vec::new();
    for _ in 0..AT_ONCE {
        let mut client = Client::start(address, ssm, "").await;
        client.send(PayloadKind::Output, b"echo he''re\r");
        client.until("here");
        clients.push(client);
    }
    let (own, all) = (server.resident().saturating_sub(before.0), of_tree(server.id()).saturating_sub(before.1));
    println!("Session Manager: {AT_ONCE} shells {:>7.1} MB, {:.1} MB of them in the server", all as f64 / 1e6, own as f64 / 1e6);
}
