//! Runs other programs as steps, each with a heading and its duration.

use crate::project::Outcome;
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Instant,
};

/// Runs a step whose output goes straight to the user.
pub fn run(title: &str, command: &mut Command) -> Outcome {
    let watch = begin(title);
    let status = command.stdin(Stdio::null()).status().map_err(|error| unstartable(command, &error))?;
    watch.end(title);
    if status.success() { Ok(()) } else { Err(format!("{title}: {status}")) }
}

/// Runs a step and reads its output along with the user, line by line. Whether it succeeded is the caller's to judge.
pub fn follow(title: &str, command: &mut Command, mut line: impl FnMut(&str)) -> Outcome<bool> {
    let watch = begin(title);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| unstartable(command, &error))?;
    if let Some(output) = child.stdout.take() {
        for text in BufReader::new(output).split(b'\n') {
            let text = text.map_err(|error| format!("{title}: {error}"))?;
            let text = String::from_utf8_lossy(&text);
            println!("{text}");
            line(&text);
        }
    }
    let status = child.wait().map_err(|error| format!("{title}: {error}"))?;
    watch.end(title);
    Ok(status.success())
}

/// What a program prints, if it succeeds.
pub fn read(command: &mut Command) -> Outcome<String> {
    let done = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|error| unstartable(command, &error))?;
    if !done.status.success() {
        return Err(format!("{}: {}", command.get_program().display(), done.status));
    }
    String::from_utf8(done.stdout).map_err(|error| format!("{}: {error}", command.get_program().display()))
}

/// Whether a program can be run at all: `cargo-deny --version` and its like.
pub fn answers(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn unstartable(command: &Command, error: &std::io::Error) -> String {
    format!("{} cannot be run: {error}", command.get_program().display())
}

struct Watch(Instant);

#[expect(clippy::disallowed_methods, reason = "the commands of the project measure real time")]
fn begin(title: &str) -> Watch {
    println!("\n== {title}");
    Watch(Instant::now())
}

impl Watch {
    fn end(self, title: &str) {
        println!("== {title}: {:.1} s", self.0.elapsed().as_secs_f32());
    }
}
