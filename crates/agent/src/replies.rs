//! What is told of commands until it is acknowledged.

use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// What is told of a command.
pub struct Said {
    /// The id of the message.
    pub message: String,
    pub frame: Bytes,
    pub is_last: bool,
}

/// The newest of each command, by its id, until it is acknowledged.
#[derive(Default)]
pub struct Replies(Mutex<BTreeMap<String, Said>>);

impl Replies {
    pub fn all(&self) -> Vec<Bytes> {
        self.0.lock().values().map(|said| said.frame.clone()).collect()
    }

    pub fn of(&self, command: &str) -> Option<Bytes> {
        self.0.lock().get(command).map(|said| said.frame.clone())
    }

    pub fn put(&self, command: &str, said: Said) {
        self.0.lock().insert(command.to_owned(), said);
    }

    /// The command of which this was the last word.
    pub fn acknowledged(&self, message: &str) -> Option<String> {
        let mut all = self.0.lock();
        let command = all.iter().find(|(_, said)| said.message == message && said.is_last).map(|(command, _)| command.clone())?;
        all.remove(&command);
        Some(command)
    }

    pub fn under_way(&self) -> usize {
        self.0.lock().values().filter(|said| !said.is_last).count()
    }
}
