//! The commands that an agent has taken and has not answered yet, as files of their ids: what ran when the agent was killed is told failed by the next.

use crate::identity::keep;
use cloudlet_session_channel::control::SendCommand;
use std::{fs, path::PathBuf};

const FOLDER: &str = "commands";

pub struct Taken(PathBuf);

impl Taken {
    pub fn below(folder: &std::path::Path) -> std::io::Result<Taken> {
        let path = folder.join(FOLDER);
        fs::create_dir_all(&path)?;
        Ok(Taken(path))
    }

    /// A command's id is a UUID: it may be no path.
    fn path(&self, command: &str) -> Option<PathBuf> {
        let is_plain = (1..=64).contains(&command.len()) && command.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_plain.then(|| self.0.join(format!("{command}.json")))
    }

    pub fn add(&self, order: &SendCommand) -> Result<(), String> {
        let path = self.path(&order.command_id).ok_or("the id of the command is none")?;
        keep(&path, &serde_json::to_vec(order).unwrap_or_default()).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub fn remove(&self, command: &str) {
        if let Some(path) = self.path(command) {
            let _ = fs::remove_file(path);
        }
    }

    /// Those of the agent before.
    pub fn left(&self) -> Vec<SendCommand> {
        let files = fs::read_dir(&self.0).into_iter().flatten().flatten();
        files.filter_map(|file| serde_json::from_slice(&fs::read(file.path()).ok()?).ok()).collect()
    }
}
