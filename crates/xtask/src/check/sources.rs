//! Rules for single source files: where time, randomness, the environment, HTTP types and handlers may be used, module docs, names, and length.

use super::{
    findings::outcome,
    source::{self, Source},
};
use crate::project::Outcome;
use std::{fs, path::Path};

/// What may be used in some files only.
struct Rule {
    words: &'static [&'static str],
    /// Beginnings of paths.
    allowed: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        words: &["SystemTime::now", "Instant::now", "Timestamp::now(", "Zoned::now"],
        // How long a client of SMTP may take has nothing to do with the time of the services.
        allowed: &["crates/engine/src/clock.rs", "crates/smtp/src/connection.rs", "crates/bench/", "crates/xtask/"],
        why: "only engine::clock reads time",
    },
    Rule {
        words: &["tokio::time::"],
        // The gateway cuts slow clients off, the HTTP client gives up on silent endpoints, the server waits for calls under way, and the admin
        // API for mail, whether the clock stands or not.
        allowed: &[
            "crates/admin/src/mailbox.rs",
            "crates/engine/src/clock.rs",
            "crates/gateway/src/",
            "crates/http-client/src/",
            "crates/server/src/",
            "crates/smtp/src/",
            "crates/bench/",
        ],
        why: "only the clock and the scheduler wait",
    },
    Rule { words: &["thread::sleep"], allowed: &["crates/bench/", "crates/xtask/"], why: "nothing sleeps" },
    Rule {
        words: &["env::var"],
        allowed: &["crates/server/src/configuration.rs", "crates/server/build.rs", "crates/bench/", "crates/xtask/"],
        why: "only the server's configuration reads the environment",
    },
    Rule {
        words: &["rand::rng", "rand::random", "getrandom", "Uuid::new_v4", "SystemRandom"],
        // The libraries that sign tokens, and that make and use private keys, take the system's randomness and no other.
        allowed: &[
            "crates/agent/src/identity.rs",
            "crates/engine/src/ids.rs",
            "crates/kms/src/private_key.rs",
            "crates/mail/src/dkim/key.rs",
            "crates/sts/src/signer.rs",
            "crates/bench/",
        ],
        why: "randomness comes from engine::Ids",
    },
    Rule {
        words: &["clippy::disallowed_methods"],
        allowed: &[
            "crates/engine/src/clock.rs",
            "crates/engine/src/ids.rs",
            "crates/gateway/src/connection",
            "crates/smtp/src/listener.rs",
            "crates/server/",
            "crates/bench/",
            "crates/xtask/",
        ],
        why: "only the clock, the ids and what touches the network are exempt from the banned methods",
    },
    Rule {
        words: &["http::", "hyper::", "axum::", "hyper_util::", "http_body::"],
        allowed: &[
            "crates/admin/src/",
            "crates/gateway/src/",
            "crates/http-client/src/",
            "crates/server/src/",
            "crates/worker/src/",
            "crates/bench/",
            "crates/xtask/",
        ],
        why: "nothing below the gateway names an HTTP type",
    },
    Rule {
        words: &["std::fs", "tokio::fs", "tokio::net", "TcpListener", "TcpStream", "UdpSocket", "std::process"],
        allowed: &[
            "crates/agent/",
            "crates/store/",
            "crates/gateway/",
            "crates/http-client/",
            "crates/server/",
            "crates/smtp/",
            "crates/worker/",
            "crates/bench/",
            "crates/xtask/",
        ],
        why: "only the store, the gateway, the HTTP client, the workers and the agent use files and sockets",
    },
    Rule {
        words: &["handler.handle(", ".handle(&cx, input)"],
        allowed: &["crates/cloud/src/perform.rs", "crates/engine/src/service.rs", "crates/bench/", "crates/xtask/"],
        why: "every call passes `authorize`, so handlers are called in cloud alone",
    },
];

/// File names that say nothing.
const EMPTY_FILES: [&str; 3] = ["misc", "util", "utils"];
const EMPTY_ENDINGS: [&str; 2] = ["Manager", "Impl"];

/// A file past this is usually two.
const LONG: usize = 600;

pub fn check(root: &Path) -> Outcome {
    let sources = source::all(root)?;
    let mut found = Vec::new();
    for source in &sources {
        found.extend(out_of_place(source));
        found.extend(empty_names(source));
        found.extend(unreasoned(source));
        if !source.is_test() && !source.text.starts_with("//!") && !source.text.starts_with("#!") {
            found.push(format!("{}: opens with no `//!` line that says what it is", source.path));
        }
        let lines = source.text.lines().count();
        if lines > LONG {
            println!("{}: {lines} lines, which is usually two files", source.path);
        }
    }
    found.extend(behaviour(root)?);
    println!("{} files", sources.len());
    outcome(&found, "these lines break a rule for sources (crates/xtask/src/check/sources.rs):")
}

fn out_of_place(source: &Source) -> Vec<String> {
    let rules = RULES.iter().filter(|rule| !rule.allowed.iter().any(|place| source.path.starts_with(place)));
    let rules: Vec<&Rule> = rules.collect();
    let mut found = Vec::new();
    for (number, line) in source.code() {
        for rule in &rules {
            if let Some(word) = rule.words.iter().find(|word| has(line, word)) {
                found.push(format!("{}:{number}: {word}: {}", source.path, rule.why));
            }
        }
    }
    found
}

/// Whether a line has a word, and not as the end of a longer one (`cloudlet_http::`).
fn has(line: &str, word: &str) -> bool {
    let mut from = 0;
    while let Some(at) = line.get(from..).and_then(|rest| rest.find(word)) {
        let before = line.get(..from + at).and_then(|start| start.chars().next_back());
        if word.starts_with('.') || !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '"')) {
            return true;
        }
        from += at + word.len();
    }
    false
}

/// `#[expect(…)]` and `#[allow(…)]` of a lint carry their reason.
fn unreasoned(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in source.code() {
        let line = line.trim_start();
        let opens = ["#[expect(", "#[allow(", "#![expect(", "#![allow("].iter().any(|start| line.starts_with(start));
        if opens && line.ends_with(")]") && !line.contains("reason = \"") {
            found.push(format!("{}:{number}: an exception without a reason", source.path));
        }
    }
    found
}

fn empty_names(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for part in source.path.split('/') {
        if EMPTY_FILES.contains(&part.trim_end_matches(".rs")) {
            found.push(format!("{}: the name `{part}` says nothing", source.path));
        }
    }
    for (number, line) in source.code() {
        let line = line.trim_start();
        let line = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) ")).unwrap_or(line);
        let Some(rest) = ["struct ", "enum ", "trait "].iter().find_map(|kind| line.strip_prefix(kind)) else { continue };
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if EMPTY_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            found.push(format!("{}:{number}: the name `{name}` says nothing", source.path));
        }
    }
    found
}

/// Generated crates hold shapes and no behaviour.
fn behaviour(root: &Path) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let folder = root.join("crates/api");
    for entry in fs::read_dir(&folder).map_err(|error| told(&folder, error))? {
        let sources = entry.map_err(|error| told(&folder, error))?.path().join("src");
        if !sources.is_dir() {
            continue;
        }
        for file in fs::read_dir(&sources).map_err(|error| told(&sources, error))? {
            let path = file.map_err(|error| told(&sources, error))?.path();
            let text = fs::read_to_string(&path).map_err(|error| told(&path, error))?;
            let acts = |line: &&str| line.trim_start().starts_with("fn ") || line.contains(" fn ") || line.starts_with("impl ");
            if let Some(line) = text.lines().filter(|line| !line.trim_start().starts_with("//")).find(acts) {
                found.push(format!("{}: behaviour in a generated crate: {}", path.display(), line.trim()));
            }
            if !text.contains("Generated by cargo xtask api; do not edit.") {
                found.push(format!("{}: not generated", path.display()));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{Source, empty_names, out_of_place, unreasoned};

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn time_is_read_by_the_clock_alone() {
        let line = "let now = SystemTime::now();";
        assert_eq!(out_of_place(&source("crates/sqs/src/queues.rs", line)).len(), 1);
        assert!(out_of_place(&source("crates/engine/src/clock.rs", line)).is_empty());
        assert!(out_of_place(&source("crates/sqs/src/queues.rs", "// SystemTime::now() would be wrong")).is_empty());
        assert!(out_of_place(&source("crates/sqs/src/queues/tests.rs", line)).is_empty());
    }

    #[test]
    fn a_name_within_a_name_is_another_name() {
        assert!(out_of_place(&source("crates/sqs/src/queues.rs", "use my_http::Thing;")).is_empty());
        assert_eq!(out_of_place(&source("crates/sqs/src/queues.rs", "use http::Uri;")).len(), 1);
    }

    #[test]
    fn names_say_something() {
        assert_eq!(empty_names(&source("crates/sqs/src/utils.rs", "pub struct QueueManager;")).len(), 2);
        assert!(empty_names(&source("crates/sqs/src/queues.rs", "pub struct Queue;")).is_empty());
    }

    #[test]
    fn an_exception_has_a_reason() {
        assert_eq!(unreasoned(&source("crates/sqs/src/queues.rs", "#[allow(dead_code)]")).len(), 1);
        assert!(unreasoned(&source("crates/sqs/src/queues.rs", "#[expect(dead_code, reason = \"for now\")]")).is_empty());
    }
}
