//! What clients record: before they do something, and when they know its outcome. One line each, written in one piece, so that a client
//! that is killed has written all of it or none.

use super::plan::Lane;
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Microseconds, by the clock that all processes of the machine share.
pub type Instant = i64;

pub fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_micros()).expect("a clock before the year 290,000")
}

/// From the sending of a request to its answer: what the server did, it did in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Instant,
    pub to: Instant,
}

/// A message as a receive showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub body: String,
    pub id: String,
    pub group: String,
    pub sequence: u128,
    pub count: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Sending {
        lane: Lane,
        body: String,
        group: String,
    },
    Sent {
        lane: Lane,
        body: String,
        id: String,
        sequence: u128,
    },
    Received {
        queue: String,
        span: Span,
        seen: Vec<Seen>,
    },
    Deleting {
        queue: String,
        at: Instant,
        ids: Vec<String>,
    },
    Deleted {
        queue: String,
        at: Instant,
        ids: Vec<String>,
    },
    /// Asks for another visibility timeout.
    Hiding {
        queue: String,
        at: Instant,
        id: String,
        seconds: u64,
    },
    Hidden {
        queue: String,
        span: Span,
        id: String,
        seconds: u64,
    },
}

impl Entry {
    fn line(&self) -> String {
        match self {
            Entry::Sending { lane, body, group } => format!("s {} {body} {group}\n", lane.name()),
            Entry::Sent { lane, body, id, sequence } => format!("a {} {body} {id} {sequence}\n", lane.name()),
            Entry::Received { queue, span, seen } => {
                let seen: String = seen.iter().map(|m| format!(" {} {} {} {} {}", m.body, m.id, m.group, m.sequence, m.count)).collect();
                format!("r {queue} {} {}{seen}\n", span.from, span.to)
            }
            Entry::Deleting { queue, at, ids } => format!("d {queue} {at} {}\n", ids.join(" ")),
            Entry::Deleted { queue, at, ids } => format!("e {queue} {at} {}\n", ids.join(" ")),
            Entry::Hiding { queue, at, id, seconds } => format!("v {queue} {at} {id} {seconds}\n"),
            Entry::Hidden { queue, span, id, seconds } => format!("w {queue} {} {} {id} {seconds}\n", span.from, span.to),
        }
    }

    fn read(line: &str) -> Option<Entry> {
        let mut fields = line.split(' ');
        let kind = fields.next()?;
        let first = fields.next()?;
        let mut text = || fields.next().map(str::to_owned);
        Some(match kind {
            "s" => Entry::Sending { lane: Lane::read(first), body: text()?, group: text()? },
            "a" => Entry::Sent { lane: Lane::read(first), body: text()?, id: text()?, sequence: text()?.parse().ok()? },
            "r" => {
                let span = Span { from: text()?.parse().ok()?, to: text()?.parse().ok()? };
                let mut seen = vec![];
                while let Some(body) = text() {
                    seen.push(Seen { body, id: text()?, group: text()?, sequence: text()?.parse().ok()?, count: text()?.parse().ok()? });
                }
                Entry::Received { queue: first.to_owned(), span, seen }
            }
            "d" | "e" => {
                let (queue, at) = (first.to_owned(), text()?.parse().ok()?);
                let ids = fields.map(str::to_owned).collect();
                if kind == "d" { Entry::Deleting { queue, at, ids } } else { Entry::Deleted { queue, at, ids } }
            }
            "v" => Entry::Hiding { queue: first.to_owned(), at: text()?.parse().ok()?, id: text()?, seconds: text()?.parse().ok()? },
            "w" => {
                let span = Span { from: text()?.parse().ok()?, to: text()?.parse().ok()? };
                Entry::Hidden { queue: first.to_owned(), span, id: text()?, seconds: text()?.parse().ok()? }
            }
            _ => return None,
        })
    }
}

/// The log of one client.
pub struct Log(File);

impl Log {
    pub fn open(path: &Path) -> Log {
        Log(OpenOptions::new().create(true).append(true).open(path).expect("a log"))
    }

    pub fn note(&mut self, entry: &Entry) {
        self.0.write_all(entry.line().as_bytes()).expect("the log takes a line");
    }
}

/// All records.
#[derive(Debug, Default)]
pub struct Records(pub Vec<Entry>);

impl Records {
    pub fn read(folder: &Path) -> Records {
        let mut entries = vec![];
        for file in fs::read_dir(folder).expect("the records") {
            let text = fs::read_to_string(file.expect("a log").path()).expect("a log");
            // A line without an end was being written when its client was killed.
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            entries.extend(whole.lines().map(|line| Entry::read(line).unwrap_or_else(|| panic!("no entry: {line}"))));
        }
        Records(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let seen = |body: &str| Seen { body: body.into(), id: "i".into(), group: "g".into(), sequence: 10_000_000_000_000_000_001, count: 2 };
        let span = Span { from: 1, to: 5 };
        for entry in [
            Entry::Sending { lane: Lane::Fifo, body: "1-1".into(), group: "g".into() },
            Entry::Sent { lane: Lane::FifoFan, body: "1-1".into(), id: "i".into(), sequence: 0 },
            Entry::Received { queue: "soak".into(), span, seen: vec![] },
            Entry::Received { queue: "soak".into(), span, seen: vec![seen("1-1"), seen("1-2")] },
            Entry::Deleting { queue: "soak".into(), at: 7, ids: vec!["i".into(), "j".into()] },
            Entry::Deleted { queue: "soak".into(), at: 7, ids: vec!["i".into()] },
            Entry::Hiding { queue: "soak".into(), at: 7, id: "i".into(), seconds: 0 },
            Entry::Hidden { queue: "soak".into(), span, id: "i".into(), seconds: 6 },
        ] {
            assert_eq!(Entry::read(entry.line().trim_end()), Some(entry));
        }
    }
}
