//! `cargo xtask test`: every test. The Rust tests, then real clients against the built server.
//!
//! It makes all that the clients need below `target`, from pinned lists, and ends with one line: N passed, N failed.

mod clients;
mod tally;

use crate::{
    api,
    project::{Outcome, root},
    soak, steps, vectors,
};
use clap::ValueEnum;
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use tally::Tally;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only these suites [default: rust, python, javascript, soak].
    suites: Vec<Suite>,
    /// The Rust SDK's suite too: it takes minutes to build.
    #[arg(long)]
    rust_sdk: bool,
    /// Only tests whose name matches (as cargo test, pytest -k and node --test-name-pattern understand it).
    #[arg(long, value_name = "NAME")]
    named: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// cargo test over the workspace, with the published vectors.
    Rust,
    /// boto3, aws-cli v1 and v2, raw HTTP, and other people's tools (curl, rclone, s3cmd, s5cmd, s3fs, Chromium) against the built server; and the round trip of all operations with botocore.
    Python,
    /// The JavaScript SDK v3 against the built server.
    Javascript,
    /// The Rust SDK against the built server.
    RustSdk,
    /// Many clients for ten seconds, killed at random: no message lost.
    Soak,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let root = root();
    let mut suites = arguments.suites.clone();
    if suites.is_empty() {
        suites = vec![Suite::Rust, Suite::Python, Suite::Javascript];
        // It has no names.
        suites.extend(arguments.named.is_none().then_some(Suite::Soak));
    }
    if arguments.rust_sdk && !suites.contains(&Suite::RustSdk) {
        suites.push(Suite::RustSdk);
    }
    let named = arguments.named.as_deref();
    let mut tally = Tally::default();
    let server = if suites.iter().any(|suite| *suite != Suite::Rust) { Some(build_server(&root)?) } else { None };
    for suite in suites {
        let before = tally;
        let outcome = match (suite, &server) {
            (Suite::Python, Some(server)) => python(&root, server, named, &mut tally),
            (Suite::Javascript, Some(server)) => javascript(&root, server, named, &mut tally),
            (Suite::RustSdk, Some(server)) => rust_sdk(&root, server, named, &mut tally),
            (Suite::Soak, _) => soak(&mut tally),
            _ => rust(&root, named, &mut tally),
        };
        match outcome {
            // A suite that broke off without naming a failed test has failed all the same.
            Ok(false) if tally.failed == before.failed => tally.failed += 1,
            Ok(_) => {}
            Err(why) => {
                eprintln!("{why}");
                tally.failed += 1;
            }
        }
    }
    println!("\n{tally}");
    if tally.failed == 0 { Ok(()) } else { Err("there are failed tests".to_owned()) }
}

/// The server, as `cargo run` would start it.
pub fn build_server(root: &Path) -> Outcome<PathBuf> {
    build(root, "build the server", &["--package", "cloudlet-server"], "cloudlet")
}

/// A program, unoptimized.
pub fn build(root: &Path, step: &str, what: &[&str], program: &str) -> Outcome<PathBuf> {
    steps::run(step, Command::new("cargo").arg("build").args(what).current_dir(root))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let program = target.join("debug").join(program);
    if program.exists() { Ok(program) } else { Err(format!("{} was not built", program.display())) }
}

fn rust(root: &Path, named: Option<&str>, tally: &mut Tally) -> Outcome<bool> {
    vectors::run()?;
    let mut command = Command::new("cargo");
    command.args(["test", "--workspace", "--no-fail-fast"]).args(named).current_dir(root);
    steps::follow("tests in Rust", &mut command, |line| tally.read_cargo(line))
}

fn python(root: &Path, server: &Path, named: Option<&str>, tally: &mut Tally) -> Outcome<bool> {
    let python = clients::python(root)?;
    let aws2 = clients::aws_cli_2()?;
    clients::tools()?;
    let echo = build(root, "build the echo of the round trip", &["--package", "cloudlet-wire", "--example", "echo"], "examples/echo")?;
    let models = api::models(root)?;
    let mut command = Command::new(python.join("python"));
    command.args(["-m", "pytest", "-p", "no:cacheprovider"]);
    command.arg(format!("--cloudlet={}", server.display()));
    command.arg(format!("--aws-cli-1={}", python.join("aws").display()));
    command.arg(format!("--aws-cli-2={}", aws2.display()));
    command.arg(format!("--echo={}", echo.display()));
    command.arg(format!("--models={}", models.display()));
    if let Some(named) = named {
        command.args(["-k", named]);
    }
    command.current_dir(root.join("tests")).env("PYTHONDONTWRITEBYTECODE", "1");
    steps::follow("aws-cli, boto3 and raw HTTP", &mut command, |line| tally.read_pytest(line))
}

fn javascript(root: &Path, server: &Path, named: Option<&str>, tally: &mut Tally) -> Outcome<bool> {
    let folder = clients::javascript(root)?;
    let mut command = Command::new("node");
    command.args(["--test", "--test-reporter=spec"]);
    if let Some(named) = named {
        command.arg(format!("--test-name-pattern={named}"));
    }
    command.current_dir(folder).env("SERVER", server).env("NODE_NO_WARNINGS", "1");
    steps::follow("JavaScript SDK v3", &mut command, |line| tally.read_node(line))
}

fn soak(tally: &mut Tally) -> Outcome<bool> {
    let done = steps::follow("the soak, for ten seconds", &mut soak::command(10)?, |_| {})?;
    tally.passed += u32::from(done);
    Ok(done)
}

fn rust_sdk(root: &Path, server: &Path, named: Option<&str>, tally: &mut Tally) -> Outcome<bool> {
    let mut command = Command::new("cargo");
    command.args(["test", "--locked", "--no-fail-fast"]).args(named).current_dir(root.join("tests/rust-sdk"));
    command.env("SERVER", server).env("CARGO_TARGET_DIR", root.join("target/rust-sdk"));
    steps::follow("Rust SDK", &mut command, |line| tally.read_cargo(line))
}
