//! `cargo xtask image`: the container image, a static binary and nothing else.

use crate::{
    project::{Outcome, root},
    steps,
};
use std::process::Command;

#[derive(clap::Args)]
pub struct Arguments {
    /// The image's name.
    #[arg(long, default_value = "cloudlet")]
    tag: String,
    /// Only the binary, at target/x86_64-unknown-linux-gnu/dist/cloudlet.
    #[arg(long)]
    binary: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let root = root();
    let mut build = Command::new("cargo");
    // With --target the flags reach the binary alone, and not the procedural macros, which cannot be static.
    build.args(["build", "--locked", "--profile", "dist", "--package", "cloudlet-server", "--target", "x86_64-unknown-linux-gnu"]);
    // At a fixed address, see crates/server/build.rs.
    build.env("RUSTFLAGS", "-C target-feature=+crt-static -C relocation-model=static").current_dir(&root);
    steps::run("build a static binary", &mut build)?;
    if arguments.binary {
        return Ok(());
    }
    let mut image = Command::new("docker");
    image.args(["build", "--file", "docker/Dockerfile", "--tag", &arguments.tag, "."]).current_dir(&root);
    steps::run("build the image", &mut image)
}
