//! `cargo xtask fuzz`: fuzzes every parser of untrusted bytes.

use crate::{
    project::{Outcome, root},
    steps,
};
use std::{fs, process::Command};

#[derive(clap::Args)]
pub struct Arguments {
    /// How long each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only these targets.
    targets: Vec<String>,
}

/// The release whose layout `fuzz` has.
const CARGO_FUZZ: &str = "0.13.2";

pub fn run(arguments: &Arguments) -> Outcome {
    let root = root();
    if !steps::answers("cargo", &["+nightly", "--version"]) {
        return Err("fuzzing needs a nightly toolchain".to_owned());
    }
    let tools = root.join("target/tools");
    let installed = tools.join("bin/cargo-fuzz");
    let program = if steps::answers("cargo-fuzz", &["--version"]) {
        "cargo-fuzz".into()
    } else {
        if !installed.exists() {
            let install = ["install", "--quiet", "--locked", "cargo-fuzz", "--version", CARGO_FUZZ, "--root"];
            steps::run("install cargo-fuzz", Command::new("cargo").args(install).arg(&tools).current_dir(&root))?;
        }
        installed
    };
    let fuzz = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.arg("fuzz").args(arguments).current_dir(&root).env("RUSTUP_TOOLCHAIN", "nightly");
        command
    };
    let all = steps::read(&mut fuzz(&["list"]))?;
    let targets: Vec<&str> =
        if arguments.targets.is_empty() { all.lines().collect() } else { arguments.targets.iter().map(String::as_str).collect() };
    let mut failed = Vec::new();
    for target in targets {
        let (time, memory) = (format!("-max_total_time={}", arguments.seconds), "-rss_limit_mb=2048");
        let (corpus, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
        fs::create_dir_all(root.join(&corpus)).map_err(|error| format!("{corpus}: {error}"))?;
        let run = [
            "run",
            target,
            &corpus,
            &seeds,
            "--",
            &time,
            memory,
            "-timeout=10",
            "-max_len=65536",
            "-dict=fuzz/words.dict",
            "-print_final_stats=1",
            "-print_funcs=0",
        ];
        if let Err(why) = steps::run(&format!("fuzz {target}"), &mut fuzz(&run)) {
            eprintln!("{why}");
            failed.push(target.to_owned());
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("findings in {}: see fuzz/artifacts", failed.join(", "))) }
}
