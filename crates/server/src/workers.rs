//! Where the code of functions runs: on this machine, in processes of its own.

use crate::configuration::Configuration;
use cloudlet_worker::Machine;
use std::sync::Arc;

pub fn machine(configuration: &Configuration) -> Arc<Machine> {
    // Without a path of its own the server cannot start itself again: workers fail to start, and say so.
    let own = std::env::current_exe().unwrap_or_default();
    let folder = std::env::temp_dir().join(format!("cloudlet-workers-{}", std::process::id()));
    Arc::new(Machine::new(own, folder, configuration.interpreters.clone()))
}
