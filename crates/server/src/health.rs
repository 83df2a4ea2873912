//! The client side of the health check: what a container without a shell or curl runs against itself.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(3);

pub fn check(address: SocketAddr) -> ExitCode {
    if is_well(address).unwrap_or(false) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn is_well(address: SocketAddr) -> Option<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(b"GET /_cloudlet/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    Some(head.starts_with(b"HTTP/1.1 200"))
}
