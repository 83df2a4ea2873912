//! Where the code of functions runs: on this machine, in processes of its own.

use crate::configuration::Configuration;
use cloudlet_worker::Machine;
use std::{fs, path::Path, sync::Arc};

const FOLDER: &str = "cloudlet-workers-";

pub fn machine(configuration: &Configuration) -> Arc<Machine> {
    // Without a path of its own the server cannot start itself again: workers fail to start, and say so.
    let own = std::env::current_exe().unwrap_or_default();
    let temporary = std::env::temp_dir();
    sweep(&temporary);
    let folder = temporary.join(format!("{FOLDER}{}", std::process::id()));
    Arc::new(Machine::new(own, folder, configuration.interpreters.clone(), configuration.node_hosts.clone()))
}

/// Removes what servers have left that were killed.
fn sweep(temporary: &Path) {
    for entry in fs::read_dir(temporary).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(FOLDER)).and_then(|process| process.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            // Another user's cannot be removed, and need not be.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
