//! What the binary asks a running server and prints: `cloudlet explain`, `cloudlet reach`, `cloudlet export nftables`.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// `cloudlet explain <request-id>`: why a request was allowed or denied.
pub fn explain(address: SocketAddr, request: &str) -> ExitCode {
    if request.is_empty() || !request.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return print(std::io::stderr(), &format!("'{request}' is no request id\n"), ExitCode::FAILURE);
    }
    show(address, &format!("/_cloudlet/iam/decisions?format=text&request={request}"))
}

/// Prints what is under a path.
pub fn show(address: SocketAddr, path: &str) -> ExitCode {
    match told(address, path) {
        Ok(text) => print(std::io::stdout(), &text, ExitCode::SUCCESS),
        Err(why) => print(std::io::stderr(), &why, ExitCode::FAILURE),
    }
}

/// `cloudlet reach`: as `grep` does, it exits with 0 if the packet passes, with 1 if it does not, and with 2 if that cannot be said.
pub fn reach(address: SocketAddr, path: &str) -> ExitCode {
    match told(address, path) {
        Ok(text) => print(std::io::stdout(), &text, ExitCode::from(u8::from(!text.starts_with("It passes")))),
        Err(why) => print(std::io::stderr(), &why, ExitCode::from(2)),
    }
}

/// What is under a path, or in words why it cannot be had.
fn told(address: SocketAddr, path: &str) -> Result<String, String> {
    match asked(address, path) {
        Ok(answer) => answer.map_err(|why| format!("{why}\n")),
        Err(why) => Err(format!("no answer from {address}: {why}\n")),
    }
}

fn print(mut to: impl Write, text: &str, code: ExitCode) -> ExitCode {
    match to.write_all(text.as_bytes()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The answer, or why there is none.
fn asked(address: SocketAddr, path: &str) -> Result<Result<String, String>, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(text)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    let head = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).map_err(text)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(text)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer is no HTTP")?;
    if head.split(' ').nth(1) == Some("200") {
        return Ok(Ok(body.to_owned()));
    }
    Ok(Err(body.to_owned()))
}

/// The parameters of a query. What people write is ids, addresses and words.
pub fn query(parameters: &[(&str, Option<&str>)]) -> Result<String, String> {
    let plain = |value: &str| value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:_".contains(&byte));
    let mut text = String::new();
    for (name, value) in parameters.iter().filter_map(|(name, value)| value.map(|value| (name, value))) {
        if !plain(value) {
            return Err(format!("'{value}' is no {name}"));
        }
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    Ok(text)
}
