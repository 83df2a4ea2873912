//! The commands of the project, one file each. `cargo xtask --help` lists them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to its user")]

mod api;
mod bench;
mod check;
mod coverage;
mod fuzz;
mod image;
mod soak;
mod steps;
mod test;
mod vectors;

use clap::{Parser, Subcommand};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

#[derive(Parser)]
#[command(name = "xtask", about = "The commands of the project.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write crates/api from the service models of AWS.
    Api(api::Arguments),
    /// Measure a release build beside a bare server.
    Bench(bench::Arguments),
    /// Run all that CI runs besides tests.
    Check(check::Arguments),
    /// Write the tables of implemented operations into the READMEs.
    Coverage(coverage::Arguments),
    /// Feed every parser of outside bytes with random ones (nightly toolchain).
    Fuzz(fuzz::Arguments),
    /// Build the container image.
    Image(image::Arguments),
    /// Let many clients at the queues, and kill them at random.
    Soak(soak::Arguments),
    /// Run every test.
    Test(test::Arguments),
    /// Bring the cases that the tests of the protocols run on.
    Vectors,
}

/// Why a command stopped, in a sentence for the user.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Api(arguments) => api::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Coverage(arguments) => coverage::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Image(arguments) => image::run(&arguments),
        Command::Soak(arguments) => soak::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Vectors => vectors::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}
