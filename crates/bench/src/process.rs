//! Processes under test: started, observed through /proc, and killed at the end.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// Starts a program and waits for the line that says where it listens.
    pub fn start(program: &Path, arguments: &[&str]) -> Process {
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        while !line.contains("listens on ") {
            line.clear();
            assert!(lines.read_line(&mut line).expect("its output") > 0, "{} ended", program.display());
        }
        let after = line.split("listens on ").nth(1).expect("an address");
        let address = after.split_whitespace().next().expect("an address").parse().expect("an address");
        // Its output must be read, or it would block.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Process { child, address }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("/proc");
        let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
    }

    /// CPU time used so far, user and system.
    pub fn cpu(&self) -> Duration {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("/proc");
        let fields: Vec<&str> = text.rsplit(") ").next().expect("fields").split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime");
        // USER_HZ is 100 on every Linux that Rust runs on.
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// From the start of the process to the first correct answer.
pub fn start_time(program: &Path) -> Duration {
    start_time_with(program, &[])
}

pub fn start_time_with(program: &Path, arguments: &[&str]) -> Duration {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(["--port", &port.to_string(), "--log", "off"])
        .args(arguments)
        .env_clear()
        .stdout(Stdio::null())
        .spawn()
        .expect("the server starts");
    let took = loop {
        if let Ok(answer) = crate::client::ask_once(address, &crate::request::Signed::caller_identity(&address.to_string())) {
            assert!(answer.contains("<Arn>arn:aws:iam::000000000000:root</Arn>"), "{answer}");
            break began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the server does not answer");
        std::thread::yield_now();
    };
    let _ = child.kill();
    let _ = child.wait();
    took
}
