//! Paths into a message, as AWS writes them: `queueUrl`, `entries.1.member.id`, `requestItems.table.member`.

use cloudlet_shape::{Flags, Schema};

/// One step into a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Member(&'static str),
    /// The index in a list, counted from zero.
    Item(usize),
    Entry(String),
}

/// The steps from the root to a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path(Vec<Step>);

impl Path {
    pub(crate) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    /// The path's text.
    ///
    /// AWS: a member begins in lower case, list items count from one and are followed by `member`, as are map values.
    /// Recorded: `publishBatchRequestEntries.1.member.messageAttributes.attr1.member.dataType`.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        for step in &self.0 {
            if !out.is_empty() {
                out.push('.');
            }
            match step {
                Step::Member(name) => push_small(name, &mut out),
                Step::Item(index) => {
                    out.push_str(&(index + 1).to_string());
                    out.push_str(".member");
                }
                Step::Entry(key) => {
                    out.push_str(key);
                    out.push_str(".member");
                }
            }
        }
        out
    }

    /// The text of a member of the structure at this place.
    pub(crate) fn member(&self, name: &'static str) -> String {
        let mut out = self.text();
        if !out.is_empty() {
            out.push('.');
        }
        push_small(name, &mut out);
        out
    }
}

fn push_small(name: &str, out: &mut String) {
    let mut letters = name.chars();
    out.extend(letters.next().map(|first| first.to_ascii_lowercase()));
    out.push_str(letters.as_str());
}

/// The required members that a request leaves out, by their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing(Vec<String>);

impl Missing {
    /// More than this many are not told apart: the request is refused all the same.
    const MOST: usize = 128;

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn paths(&self) -> &[String] {
        &self.0
    }

    pub fn into_paths(self) -> Vec<String> {
        self.0
    }

    pub fn has(&self, path: &str) -> bool {
        self.0.iter().any(|known| known == path)
    }

    /// All of both.
    pub(crate) fn and(mut self, other: Missing) -> Missing {
        self.0.extend(other.0);
        self
    }

    pub(crate) fn add(&mut self, path: &Path, schema: &'static Schema, index: usize) {
        // A token that the client leaves out is generated.
        if let Some(member) = schema.members.get(index)
            && !member.flags.has(Flags::IDEMPOTENCY_TOKEN)
            && self.0.len() < Missing::MOST
        {
            self.0.push(path.member(member.name));
        }
    }
}
