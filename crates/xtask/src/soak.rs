//! `cargo xtask soak`: many clients that are killed at random; afterwards no message may be lost.

use crate::{
    project::{Outcome, root},
    steps, test,
};
use std::process::Command;

#[derive(clap::Args)]
pub struct Arguments {
    /// For how many seconds clients are killed.
    #[arg(long, default_value_t = 600)]
    seconds: u32,
}

pub fn run(arguments: &Arguments) -> Outcome {
    steps::run("soak", &mut command(arguments.seconds)?)
}

/// The soak, built and ready to run.
pub fn command(seconds: u32) -> Outcome<Command> {
    let root = root();
    let server = test::build_server(&root)?;
    let bench = test::build(&root, "build the soak", &["--package", "cloudlet-bench"], "cloudlet-bench")?;
    let mut soak = Command::new(bench);
    soak.arg("soak").arg(server).arg(seconds.to_string());
    Ok(soak)
}
