//! `cargo xtask check`: all of CI that is not a test. Every check runs; what failed is listed in the end.

mod cycles;
mod hosts;
mod layers;
mod sources;
mod tokens;
mod tracked;
mod words;

use crate::{Outcome, api, coverage, root, steps};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[derive(clap::Args)]
pub struct Arguments {
    /// Only what needs no build.
    #[arg(long)]
    quick: bool,
    /// Install cargo-deny if it is missing (some minutes), instead of leaving licences and sources unchecked.
    #[arg(long)]
    install: bool,
    /// Only these: format, layers, cycles, sources, words, hosts, api, clippy, fuzz, coverage, licences.
    only: Vec<String>,
}

type Check = (&'static str, fn(&Path, &Arguments) -> Outcome);

/// Those that need no build come first.
const CHECKS: &[Check] = &[
    ("format", |root, _| steps::run("format", cargo(root).args(["fmt", "--all", "--check"]))),
    ("layers", |root, _| headed("layers of the crates", || layers::check(root))),
    ("cycles", |root, _| headed("import cycles", || cycles::check(root))),
    ("sources", |root, _| headed("sources", || sources::check(root))),
    ("words", |root, _| headed("plain words", || words::check(root))),
    ("hosts", |root, _| headed("hosts and folders that are no part of the project", || hosts::check(root))),
    ("api", |_, _| headed("generated crates", api::check)),
    ("clippy", |root, _| steps::run("clippy", cargo(root).args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))),
    ("fuzz", |root, _| {
        let fuzz = ["check", "--quiet", "--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target"];
        steps::run("fuzz targets", cargo(root).args(fuzz))
    }),
    ("coverage", |_, _| headed("tables of operations", || coverage::run(&coverage::Arguments { check: true }))),
    ("licences", |root, arguments| deny(root, arguments.install)),
];
const NEED_NO_BUILD: usize = 6;

pub fn run(arguments: &Arguments) -> Outcome {
    let root = root();
    let only = &arguments.only;
    if let Some(unknown) = only.iter().find(|name| !CHECKS.iter().any(|(known, _)| known == *name)) {
        return Err(format!("there is no check `{unknown}`"));
    }
    let count = if arguments.quick { NEED_NO_BUILD } else { CHECKS.len() };
    let mut failures = Vec::new();
    for (name, check) in CHECKS.iter().take(count).filter(|(name, _)| only.is_empty() || only.iter().any(|one| one == name)) {
        if let Err(why) = check(&root, arguments) {
            eprintln!("{why}");
            failures.push(*name);
        }
    }
    if failures.is_empty() {
        println!("\nall checks passed");
        return Ok(());
    }
    Err(format!("these checks failed: {}", failures.join(", ")))
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root);
    command
}

fn headed(title: &str, check: impl FnOnce() -> Outcome) -> Outcome {
    println!("\n== {title}");
    check()
}

/// The release that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

/// Licences, sources and banned crates. Advisories need a database that is fetched from outside: `cargo deny check advisories`.
fn deny(root: &Path, install: bool) -> Outcome {
    let mut program = Command::new("cargo-deny");
    if !steps::answers("cargo-deny", &["--version"]) {
        let folder = root.join("target/tools");
        let installed = folder.join("bin/cargo-deny");
        if !installed.exists() {
            if !install {
                println!("\n== licences: not checked, cargo-deny is missing (cargo xtask check --install)");
                return Ok(());
            }
            let mut command = cargo(root);
            // Unoptimized: it is built in half the time, and has little to do.
            command.args(["install", "--quiet", "--locked", "--debug", "cargo-deny", "--version", CARGO_DENY, "--root"]).arg(&folder);
            command.env("CARGO_TARGET_DIR", folder.join("build"));
            steps::run("install cargo-deny", &mut command)?;
            let _ = fs::remove_dir_all(folder.join("build"));
        }
        program = Command::new(installed);
    }
    let outcome =
        steps::run("licences and sources", program.args(["--locked", "--workspace", "check", "bans", "licenses", "sources"]).current_dir(root));
    outcome.map_err(|why| format!("{why}: see deny.toml"))
}

/// A source file of a crate, not a generated one.
struct Source {
    /// From the workspace on: `crates/sqs/src/queues.rs`.
    path: String,
    text: String,
}

impl Source {
    /// The lines that the product is made of: no comments, no unit tests.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take(self.code_end()).enumerate();
        lines.filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(number, line)| (number + 1, line))
    }

    /// The number of lines before the unit tests.
    fn code_end(&self) -> usize {
        let tests = || self.text.lines().position(|line| line.trim() == "#[cfg(test)]");
        if self.is_test() { 0 } else { tests().unwrap_or(usize::MAX) }
    }

    fn is_test(&self) -> bool {
        ["/tests/", "/tests.rs", "/benches/", "/examples/"].iter().any(|part| self.path.contains(part))
    }
}

/// All sources below `crates`, but not the generated ones.
fn sources(root: &Path) -> Outcome<Vec<Source>> {
    let mut sources = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.join("crates")];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
            if path.is_dir() {
                if path != root.join("crates/api") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(sources)
}

/// Fails with one sentence and the list of what was found, if anything was.
fn outcome(found: &[String], sentence: &str) -> Outcome {
    if found.is_empty() { Ok(()) } else { Err(format!("{sentence}\n  {}", found.join("\n  "))) }
}
