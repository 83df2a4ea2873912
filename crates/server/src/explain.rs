//! `cloudlet explain <request-id>`: asks the running server why it decided as it did, and prints the answer.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(5);

pub fn explain(address: SocketAddr, request: &str) -> ExitCode {
    let (text, code) = match permission(address, request) {
        Ok(Ok(text)) => return say(std::io::stdout(), &text, ExitCode::SUCCESS),
        Ok(Err(why)) => (format!("{why}\n"), ExitCode::FAILURE),
        Err(why) => (format!("no answer from {address}: {why}\n"), ExitCode::FAILURE),
    };
    say(std::io::stderr(), &text, code)
}

fn say(mut to: impl Write, text: &str, code: ExitCode) -> ExitCode {
    match to.write_all(text.as_bytes()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What is said of the request, or why nothing is.
fn permission(address: SocketAddr, request: &str) -> Result<Result<String, String>, String> {
    if request.is_empty() || !request.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Ok(Err(format!("'{request}' is no request id")));
    }
    let told = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(told)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(told)?;
    let head = format!("GET /_cloudlet/iam/decisions?format=text&request={request} HTTP/1.0\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).map_err(told)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(told)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer is no HTTP")?;
    if head.split(' ').nth(1) == Some("200") {
        return Ok(Ok(body.to_owned()));
    }
    Ok(Err(body.to_owned()))
}
