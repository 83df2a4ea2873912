//! `cloudlet explain <request-id>`: prints why the running server allowed or denied a request.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(5);

pub fn explain(address: SocketAddr, request: &str) -> ExitCode {
    let (text, code) = match explanation(address, request) {
        Ok(Ok(text)) => return print(std::io::stdout(), &text, ExitCode::SUCCESS),
        Ok(Err(why)) => (format!("{why}\n"), ExitCode::FAILURE),
        Err(why) => (format!("no answer from {address}: {why}\n"), ExitCode::FAILURE),
    };
    print(std::io::stderr(), &text, code)
}

fn print(mut to: impl Write, text: &str, code: ExitCode) -> ExitCode {
    match to.write_all(text.as_bytes()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The explanation, or why there is none.
fn explanation(address: SocketAddr, request: &str) -> Result<Result<String, String>, String> {
    if request.is_empty() || !request.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Ok(Err(format!("'{request}' is no request id")));
    }
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(text)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    let head = format!("GET /_cloudlet/iam/decisions?format=text&request={request} HTTP/1.0\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).map_err(text)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(text)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer is no HTTP")?;
    if head.split(' ').nth(1) == Some("200") {
        return Ok(Ok(body.to_owned()));
    }
    Ok(Err(body.to_owned()))
}
