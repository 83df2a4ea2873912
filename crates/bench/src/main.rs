//! Measures a server binary as its clients see it: rates as a ratio to a bare axum server, in alternating turns of one run, over 16
//! connections, with signatures and authorization on; and start time, memory, size and CPU.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measuring tool: it prints, it reads the machine's clock, and it may stop at anything unexpected"
)]

mod automations;
mod bare;
mod bodies;
mod client;
mod commands;
mod cost;
mod decisions;
mod depth;
mod durable;
mod forms;
mod functions;
mod keys;
mod lists;
mod log_events;
mod mail;
mod messaging;
mod networks;
mod parameters;
mod polls;
mod process;
mod request;
mod scenario;
mod sessions;
mod settings;
mod soak;
mod states;

use std::{env, path::PathBuf, process::ExitCode, time::Duration};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("bare") => bare::serve(),
        Some("durable") => durable(&arguments[1..]),
        Some("soak") => return soak::run(&arguments[1..]),
        Some("soak-client") => return soak::serve_client(&arguments[1..]),
        _ => measure(&arguments),
    }
    ExitCode::SUCCESS
}

fn measure(arguments: &[String]) {
    open_files();
    let server = PathBuf::from(arguments.first().expect("usage: cloudlet-bench <path of the server binary> [seconds a turn] [filter]"));
    let seconds: f64 = arguments.get(1).map_or(0.4, |text| text.parse().expect("seconds"));
    let filter = arguments.get(2).cloned().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(scenario::run(&server, Duration::from_secs_f64(seconds), &filter));
}

/// Measures a server with a data folder.
fn durable(arguments: &[String]) {
    open_files();
    let [server, seconds, folder] = arguments else { panic!("usage: cloudlet-bench durable <server> <seconds a turn> <folder>") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let time = Duration::from_secs_f64(seconds.parse().expect("seconds"));
    runtime.block_on(durable::run(&PathBuf::from(server), time, &PathBuf::from(folder)));
}

/// Raises the limit on open files, for this process and the servers it starts.
fn open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a limit that is allowed");
}
