//! The soak test: many clients at once, killed at random. No message may be lost, and none received twice except by SQS's rules.
//!
//! Clients are processes, so that SIGKILL ends them at any point. Each records what it is about to do and the outcome; the records are
//! verified when the queues are empty.

mod client;
mod judge;
mod plan;
mod records;

use crate::process::Process;
use plan::{Plan, Role};
use records::Records;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

const CLIENTS: usize = 64;

/// `cloudlet-bench soak <server> <seconds>`
pub fn run(arguments: &[String]) -> ExitCode {
    let server = PathBuf::from(arguments.first().expect("usage: cloudlet-bench soak <path of the server binary> [seconds]"));
    let seconds: u64 = arguments.get(1).map_or(600, |text| text.parse().expect("seconds"));
    let server = Process::start(&server, &["--port", "0", "--log", "info,cloudlet::call=off"]);
    let folder = std::env::temp_dir().join(format!("cloudlet-soak-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the records");
    let plan = Plan::new(server.address);
    plan.prepare();
    let killed = run_clients(&plan, &folder, Duration::from_secs(seconds));
    let left = client::drain(&plan, &folder);
    let records = Records::read(&folder);
    let report = judge::judge(&records);
    println!("{report}");
    println!("clients killed             {killed:>9}");
    println!("memory of the server       {:>9.0} MB", server.resident() as f64 / 1e6);
    if let Some(left) = &left {
        println!("left in the queues         {left}");
    }
    if report.violations.is_empty() && left.is_none() {
        fs::remove_dir_all(&folder).expect("the records are removed");
        println!("no message was lost, and none was received twice against the rules");
        return ExitCode::SUCCESS;
    }
    println!("the records are in {}", folder.display());
    ExitCode::FAILURE
}

/// `cloudlet-bench soak-client <address> <role> <number> <file>`: one client, until it is killed.
pub fn serve_client(arguments: &[String]) -> ExitCode {
    let [address, role, number, file] = arguments else { panic!("only the soak starts a client of the soak") };
    let plan = Plan::new(address.parse().expect("an address"));
    client::run(&plan, Role::read(role), number.parse().expect("a number"), Path::new(file))
}

/// Keeps the number of clients constant while killing them at random.
fn run_clients(plan: &Plan, folder: &Path, time: Duration) -> usize {
    let me = std::env::current_exe().expect("this program");
    let mut started = 0;
    let mut start = |role: Role| -> (Role, Child) {
        started += 1;
        let file = folder.join(started.to_string());
        let child = Command::new(&me)
            .args(["soak-client", &plan.address.to_string(), role.name(), &started.to_string()])
            .arg(file)
            .stdin(Stdio::null())
            .spawn()
            .expect("a client starts");
        (role, child)
    };
    let roles = Role::all();
    let mut clients: Vec<(Role, Child)> = roles.iter().copied().cycle().take(CLIENTS).map(&mut start).collect();
    let (began, mut killed) = (Instant::now(), 0);
    while began.elapsed() < time {
        std::thread::sleep(Duration::from_millis(rand::random_range(10..150)));
        let chosen = rand::random_range(0..clients.len());
        let (role, child) = &mut clients[chosen];
        if let Some(status) = child.try_wait().expect("a client's state") {
            panic!("a client ended by itself: {status}");
        }
        child.kill().expect("SIGKILL");
        child.wait().expect("a dead client");
        killed += 1;
        clients[chosen] = start(*role);
    }
    for (_, child) in &mut clients {
        child.kill().expect("SIGKILL");
        child.wait().expect("a dead client");
    }
    killed
}
