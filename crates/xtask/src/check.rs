//! `cargo xtask check`: all of CI that is not a test. Every check runs; what failed is listed in the end.

mod edges;
mod sources;
mod words;

use crate::{Outcome, api, coverage, root, steps};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[derive(clap::Args)]
pub struct Arguments {
    /// Only what needs no build: format, crates, sources, words.
    #[arg(long)]
    quick: bool,
    /// Install cargo-deny if it is missing (some minutes), instead of leaving licences and sources unchecked.
    #[arg(long)]
    install: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let root = root();
    let mut failures = Vec::new();
    let mut check = |name: &str, outcome: Outcome| {
        if let Err(why) = outcome {
            eprintln!("{why}");
            failures.push(name.to_owned());
        }
    };
    check("format", steps::run("format", cargo(&root).args(["fmt", "--all", "--check"])));
    check("crates", headed("the edges between crates", || edges::check(&root)));
    check("sources", headed("the sources", || sources::check(&root)));
    check("words", headed("words that must not be committed", || words::check(&root)));
    if !arguments.quick {
        check("generated crates", headed("the generated crates", api::check));
        check("clippy", steps::run("clippy", cargo(&root).args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])));
        let fuzz = ["check", "--quiet", "--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target"];
        check("fuzz targets", steps::run("the fuzz targets", cargo(&root).args(fuzz)));
        check("coverage", headed("the tables of operations", || coverage::run(&coverage::Arguments { check: true })));
        check("licences", deny(&root, arguments.install));
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

/// A source file of a crate that people write.
struct Source {
    /// From the workspace on: `crates/sqs/src/queues.rs`.
    path: String,
    text: String,
}

impl Source {
    /// The lines that the product is made of: no comments, no unit tests.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = if self.is_test() { 0 } else { self.text.lines().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(usize::MAX) };
        self.text.lines().enumerate().take(end).filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(number, line)| (number + 1, line))
    }

    fn is_test(&self) -> bool {
        ["/tests/", "/tests.rs", "/benches/", "/examples/"].iter().any(|part| self.path.contains(part))
    }
}

/// All sources below `crates`, but not the generated ones.
fn written(root: &Path) -> Outcome<Vec<Source>> {
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

/// Turns what was found into one sentence and a list.
fn verdict(found: &[String], sentence: &str) -> Outcome {
    if found.is_empty() { Ok(()) } else { Err(format!("{sentence}\n  {}", found.join("\n  "))) }
}
