//! Run Command: documents that run on managed nodes.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command.html>
//!
//! `send` writes down a command with an invocation for each node, and the scheduler has invocations run (`scheduled`), as many at a time as
//! the command allows. A run (`run`) takes the document's steps one after the other; each action has a file of its own below `actions`.

pub mod actions;
mod cancel;
mod get;
pub mod handlers;
mod list;
mod log_streams;
mod notices;
pub mod outputs;
mod progress;
mod remote;
pub mod rows;
mod run;
pub mod running;
mod scheduled;
pub mod send;
mod shown;
mod state;
pub mod steps;
mod targets;
mod turns;

pub use running::Runs;
pub use send::{Order, invalid_parameters};
pub use state::CommandState;
pub use targets::{check as check_targets, is_target};

use cloudlet_store::{Journal, Store};
use std::sync::Arc;

pub use rows::Progress;

pub struct Commands {
    pub store: Arc<Store<CommandState>>,
    pub runs: Runs,
}

impl Commands {
    pub fn new(journal: &Journal) -> Commands {
        Commands { store: Arc::new(Store::new("ssm/commands", journal, CommandState::default())), runs: Runs::default() }
    }
}
