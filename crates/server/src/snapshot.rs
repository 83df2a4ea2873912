//! `cloudlet snapshot save|load`: the client side of `/_cloudlet/snapshot`; and `--load`.

use crate::configuration::SnapshotVerb;
use cloudlet_cloud::Cloud;
use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    path::Path,
    process::ExitCode,
    time::Duration,
};
use tokio::io::AsyncReadExt;

const PATIENCE: Duration = Duration::from_secs(5);
const PIECE: usize = 256 * 1024;

pub fn run(address: SocketAddr, verb: SnapshotVerb) -> ExitCode {
    let outcome = match &verb {
        SnapshotVerb::Save { file, endpoint, account } => server(endpoint.as_deref(), address).and_then(|to| save(&to, file, account.as_deref())),
        SnapshotVerb::Load { file, endpoint } => server(endpoint.as_deref(), address).and_then(|to| load(&to, file)),
    };
    let (text, code) = match outcome {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(error) => (error, ExitCode::FAILURE),
    };
    let written = if code == ExitCode::SUCCESS { writeln!(io::stdout(), "{text}") } else { writeln!(io::stderr(), "{text}") };
    if written.is_ok() { code } else { ExitCode::FAILURE }
}

/// A server by its host and port.
struct Server {
    host: String,
    address: SocketAddr,
}

fn server(endpoint: Option<&str>, default: SocketAddr) -> Result<Server, String> {
    let Some(endpoint) = endpoint else { return Ok(Server { host: default.to_string(), address: default }) };
    let host = endpoint.strip_prefix("http://").map(|host| host.trim_end_matches('/')).filter(|host| !host.is_empty() && !host.contains(['/', '@']));
    let host = host.ok_or_else(|| format!("--endpoint {endpoint}: it looks like http://localhost:4566"))?;
    let with_port = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) { host.to_owned() } else { format!("{host}:80") };
    let found = with_port.to_socket_addrs().map_err(|error| format!("{endpoint}: {error}"))?.next();
    Ok(Server { host: host.to_owned(), address: found.ok_or_else(|| format!("{endpoint}: there is no such host"))? })
}

/// A connection after a request's head, over HTTP/1.0: a body ends with the connection.
fn request(server: &Server, method: &str, path: &str, length: Option<u64>) -> Result<TcpStream, String> {
    let failed = |error: io::Error| format!("no answer from {}: {error}", server.host);
    let mut stream = TcpStream::connect_timeout(&server.address, PATIENCE).map_err(failed)?;
    let length = length.map_or_else(String::new, |length| format!("content-length: {length}\r\n"));
    let head = format!("{method} {path} HTTP/1.0\r\nhost: {}\r\nconnection: close\r\n{length}\r\n", server.host);
    stream.write_all(head.as_bytes()).map_err(failed)?;
    Ok(stream)
}

/// Reads the head of an answer: whether it is a success, and what of the body came with it.
fn answer(stream: &mut impl Read) -> Result<bool, String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) if head.len() < 64 * 1024 => head.extend_from_slice(&byte),
            Ok(_) => return Err("the answer is no HTTP".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(String::from_utf8_lossy(&head).split(' ').nth(1) == Some("200"))
}

/// The message of an answer in JSON.
fn message(stream: &mut impl Read) -> String {
    let mut text = String::new();
    let _ = stream.take(64 * 1024).read_to_string(&mut text);
    let json = serde_json::from_str::<serde_json::Value>(&text).ok();
    json.and_then(|json| Some(json.get("message")?.as_str()?.to_owned())).unwrap_or(text)
}

fn save(server: &Server, file: &Path, account: Option<&str>) -> Result<String, String> {
    if account.is_some_and(|account| account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err("--account: an AWS account id has 12 digits".to_owned());
    }
    let path = account.map_or_else(|| "/_cloudlet/snapshot".to_owned(), |account| format!("/_cloudlet/snapshot?account={account}"));
    let mut stream = BufReader::new(request(server, "GET", &path, None)?);
    if !answer(&mut stream)? {
        return Err(message(&mut stream));
    }
    // Under another name until it is whole.
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".part");
    let told = |error: io::Error| format!("{}: {error}", file.display());
    let written = write_snapshot(&mut stream, Path::new(&unfinished)).and_then(|length| {
        fs::rename(&unfinished, file).map_err(told)?;
        Ok(format!("{}: {length} bytes", file.display()))
    });
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn write_snapshot(from: &mut impl Read, path: &Path) -> Result<u64, String> {
    let told = |error: io::Error| format!("{}: {error}", path.display());
    let mut to = File::create(path).map_err(told)?;
    let mut decoder = cloudlet_store::SnapshotDecoder::default();
    let mut piece = vec![0; PIECE];
    let mut length = 0;
    loop {
        let read = from.read(&mut piece).map_err(told)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        decoder.push(bytes);
        while decoder.next_part().map_err(|error| error.to_string())?.is_some() {}
        to.write_all(bytes).map_err(told)?;
        length += read as u64;
    }
    // A server that failed in the middle sent no end.
    decoder.finish().map_err(|error| error.to_string())?;
    to.sync_all().map_err(told)?;
    Ok(length)
}

fn load(server: &Server, file: &Path) -> Result<String, String> {
    let told = |error: io::Error| format!("{}: {error}", file.display());
    let mut from = File::open(file).map_err(told)?;
    let length = from.metadata().map_err(told)?.len();
    let mut stream = request(server, "POST", "/_cloudlet/snapshot", Some(length))?;
    // A server that refuses it does not read to its end: its answer says why.
    let sent = io::copy(&mut from, &mut stream);
    let mut stream = BufReader::new(stream);
    match (answer(&mut stream), sent) {
        (Ok(true), Ok(_)) => Ok(message(&mut stream)),
        (Ok(_), _) => Err(message(&mut stream)),
        (Err(error), _) => Err(format!("no answer from {}: {error}", server.host)),
    }
}

/// Loads a snapshot before the first call.
pub async fn load_file(cloud: &Cloud, file: &Path) -> Result<(), String> {
    let mut from = tokio::fs::File::open(file).await.map_err(|error| error.to_string())?;
    let mut loading = cloud.load();
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece).await.map_err(|error| error.to_string())?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        loading.push(bytes).await.map_err(|error| error.to_string())?;
    }
    let loaded = loading.finish().await.map_err(|error| error.to_string())?;
    tracing::info!(target: "cloudlet", rows = loaded.rows, bodies = loaded.bodies, "loaded {}", file.display());
    Ok(())
}
