//! `cargo xtask check`: all of CI that is not a test. Every check runs; what failed is listed in the end.

mod cycles;
mod findings;
mod hosts;
mod layers;
mod source;
mod sources;
mod tokens;
mod tracked;
mod words;

use crate::{
    api, coverage,
    project::{Outcome, root},
    steps,
};
use std::{fs, path::Path, process::Command};

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
