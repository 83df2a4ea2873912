//! The commands of the project, one file each. `cargo xtask --help` lists them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to its user")]

mod api;
mod bench;
mod check;
mod coverage;
mod fuzz;
mod image;
mod project;
mod soak;
mod steps;
mod test;
mod vectors;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

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
    /// Measure the server beside a bare one.
    Bench(bench::Arguments),
    /// Run all that CI runs besides tests.
    Check(check::Arguments),
    /// Write the tables of implemented operations into the READMEs.
    Coverage(coverage::Arguments),
    /// Fuzz every parser of untrusted bytes (nightly toolchain).
    Fuzz(fuzz::Arguments),
    /// Build the container image.
    Image(image::Arguments),
    /// Run many clients against the queues, and kill them at random.
    Soak(soak::Arguments),
    /// Run every test.
    Test(test::Arguments),
    /// Fetch the cases that the tests of the protocols run on.
    Vectors,
}

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
