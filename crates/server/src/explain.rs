//! `cloudlet explain <request-id>`: asks the running server why it decided as it did, and prints the answer.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(5);

pub fn explain(address: &str, request: &str) -> ExitCode {
    match ask(address, request) {
        Ok((true, text)) => say(&text),
        Ok((false, text)) => {
            say(&text);
            ExitCode::FAILURE
        }
        Err(why) => {
            say(&format!("no answer from {address}: {why}\n"));
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Whether there was such a request, and what is said of it.
fn ask(address: &str, request: &str) -> Result<(bool, String), String> {
    if request.is_empty() || !request.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(format!("'{request}' is no request id"));
    }
    let address: SocketAddr = address.parse().map_err(|_| "that is no address".to_owned())?;
    let told = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(told)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(told)?;
    let head = format!("GET /_cloudlet/iam/decisions?format=text&request={request} HTTP/1.0\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).map_err(told)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(told)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer is no HTTP")?;
    Ok((head.split(' ').nth(1) == Some("200"), body.to_owned()))
}
