//! The trace that an event belongs to, and in it the functions that it has come through: a loop of functions, queues and topics is told by that.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>

use crate::state::FunctionKey;
use cloudlet_engine::Cx;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// AWS: about sixteen.
pub const MOST_TURNS: u32 = 16;
/// Functions that one trace remembers; the oldest are forgotten.
const REMEMBERED: usize = 8;

pub struct Trace {
    /// As the function gets it: `Root=1-…;Parent=…;Sampled=0;Lineage=1a2b3c4d:1`.
    pub header: String,
    /// How often the function has run within this trace, this time included.
    pub turns: u32,
}

fn mark(key: &FunctionKey) -> String {
    Sha256::digest(key.arn().as_str().as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The trace of a run of a function, after the one that its event came with.
pub fn next(cx: &Cx, given: Option<&str>, key: &FunctionKey) -> Trace {
    let mark = mark(key);
    let mut header = String::new();
    let mut lineage: Vec<(String, u32)> = Vec::new();
    for part in given.unwrap_or_default().split(';').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("Lineage", list)) => {
                let entries = list.split('|').filter_map(|entry| entry.split_once(':'));
                lineage = entries.filter_map(|(mark, count)| Some((mark.to_owned(), count.parse().ok()?))).collect();
            }
            _ => {
                let _ = write!(header, "{part};");
            }
        }
    }
    if header.is_empty() {
        let _ = write!(header, "Root=1-{:08x}-{};Parent={};Sampled=0;", cx.now.millis() / 1_000, cx.ids().hex(24), cx.ids().hex(16));
    }
    let turns = lineage.iter().find(|(of, _)| *of == mark).map_or(0, |(_, count)| *count).saturating_add(1);
    lineage.retain(|(of, _)| *of != mark);
    lineage.push((mark, turns));
    let skipped = lineage.len().saturating_sub(REMEMBERED);
    let list: Vec<String> = lineage.iter().skip(skipped).map(|(mark, count)| format!("{mark}:{count}")).collect();
    let _ = write!(header, "Lineage={}", list.join("|"));
    Trace { header, turns }
}
