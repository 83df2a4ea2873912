//! `cargo xtask bench`: rates, memory and start time of the `dist` build, beside a bare server in the same run.

use crate::{
    project::{Outcome, root},
    steps,
};
use std::{path::PathBuf, process::Command};

#[derive(clap::Args)]
pub struct Arguments {
    /// Seconds of one turn.
    #[arg(long, default_value_t = 0.4)]
    seconds: f32,
    /// Measure a server whose state is in this folder, which is made and removed, instead.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Only measurements whose name contains this.
    #[arg(default_value = "")]
    named: String,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let root = root();
    let mut build = Command::new("cargo");
    build.args(["build", "--profile", "dist", "--package", "cloudlet-server", "--package", "cloudlet-bench"]).current_dir(&root);
    steps::run("build the server and the bench", &mut build)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("dist");
    let mut bench = Command::new(target.join("cloudlet-bench"));
    match &arguments.data_dir {
        Some(folder) => bench.arg("durable").arg(target.join("cloudlet")).arg(arguments.seconds.to_string()).arg(folder),
        None => bench.arg(target.join("cloudlet")).arg(arguments.seconds.to_string()).arg(&arguments.named),
    };
    steps::run("measure", &mut bench)
}
