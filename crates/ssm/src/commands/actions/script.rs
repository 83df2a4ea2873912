//! `aws:runShellScript` and `aws:runPowerShellScript`.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html#aws-runShellScript>

use super::execution::{Ended, Execution, NewFile, OutputOf, ProgramEnd};
use crate::commands::rows::Progress;
use bytes::Bytes;
use cloudlet_engine::WorkerEnd;
use cloudlet_ssm_document::Step;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    Posix,
    PowerShell,
}

/// Exit codes that mean something to the agent.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/command-exit-codes.html>
const REBOOT: i32 = 194;
const EXIT_WITH_SUCCESS: i32 = 168;
const EXIT_WITH_FAILURE: i32 = 169;
/// As of what was stopped.
const STOPPED: i32 = 137;
const MOST_REBOOTS: usize = 10;
const USUAL_SECONDS: i64 = 3_600;
const MOST_SECONDS: i64 = 172_800;

/// The lines of a script: a list of texts, lists within it taken apart.
fn lines(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().flat_map(|item| lines(Some(item))).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Null) | None => vec![],
        Some(other) => vec![other.to_string()],
    }
}

/// AWS: what is no number, or out of bounds, is an hour.
fn seconds(inputs: &Value) -> i64 {
    let value = inputs.get("timeoutSeconds");
    let number = value.and_then(|value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()));
    number.filter(|seconds| (5..=MOST_SECONDS).contains(seconds)).unwrap_or(USUAL_SECONDS)
}

impl Execution<'_> {
    pub async fn script(&self, shell: Shell, step: &Step, inputs: &Value, environment: &[(String, String)]) -> Ended {
        let text = lines(inputs.get("runCommand")).join("\n") + "\n";
        let plain = step.name.replace([':', '/'], "");
        let file = match shell {
            Shell::Posix => "_script.sh",
            Shell::PowerShell => "_script.ps1",
        };
        let path = format!("{}/{}/{plain}/{file}", self.folder(), step.action.replace(':', ""));
        let text = Bytes::from(text);
        let wanted = inputs.get("workingDirectory").and_then(Value::as_str).unwrap_or_default();
        let directory = if wanted.starts_with('/') { wanted.to_owned() } else { format!("{}/downloads/{wanted}", self.folder()) };
        // A relative folder is one of what was downloaded, if it is there; an absolute one must be there.
        let go = if wanted.starts_with('/') { "cd -- \"$1\" || exit 1" } else { "[ -d \"$1\" ] && cd -- \"$1\"" };
        let command = match shell {
            // What does not say who reads it, the shell reads.
            Shell::Posix => "exec \"$0\"",
            Shell::PowerShell => "exec pwsh -NonInteractive -f \"$0\"",
        };
        // One program becomes the script: each program of a node costs several processes.
        let script = format!("{go}\n{command}");
        for _ in 0..MOST_REBOOTS {
            let arguments = ["-c", &script, &path, &directory];
            let file = NewFile { path: &path, content: text.clone() };
            let ran = match self.program(OutputOf::Step, "sh", &arguments, Some(file), environment, seconds(inputs)).await {
                Ok(ran) => ran,
                Err(why) => return Ended::failed(format!("failed to run commands: {why}")),
            };
            if ran.end == ProgramEnd::Ended(WorkerEnd::Exited(REBOOT)) {
                self.machine.stop().await;
                continue;
            }
            return ended(ran.end, ran.output, ran.error);
        }
        Ended::failed(format!("the step has asked for a restart {MOST_REBOOTS} times"))
    }
}

fn ended(end: ProgramEnd, output: Vec<u8>, mut error: Vec<u8>) -> Ended {
    let mut says = |text: String| {
        if !error.is_empty() && !error.ends_with(b"\n") {
            error.push(b'\n');
        }
        error.extend_from_slice(text.as_bytes());
    };
    let (progress, code, ends) = match end {
        ProgramEnd::Ended(WorkerEnd::Exited(0)) => (Progress::Success, 0, false),
        ProgramEnd::Ended(WorkerEnd::Exited(EXIT_WITH_SUCCESS)) => (Progress::Success, 0, true),
        ProgramEnd::Ended(end) => {
            says(format!("failed to run commands: {end}"));
            let code = match end {
                WorkerEnd::Exited(code) => code,
                WorkerEnd::Killed(signal) => 128 + signal,
                WorkerEnd::OutOfMemory => STOPPED,
            };
            (Progress::Failed, code, code == EXIT_WITH_FAILURE)
        }
        ProgramEnd::TimedOut => (Progress::ExecutionTimedOut, STOPPED, false),
        ProgramEnd::Stopped => (Progress::Cancelled, STOPPED, true),
    };
    Ended { progress, code, output: output.into(), error: error.into(), ends }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_in_lists_are_lines() {
        assert_eq!(lines(Some(&json!(["a", ["b", "c"], 1]))), ["a", "b", "c", "1"]);
        assert_eq!(lines(Some(&json!("a\nb"))), ["a\nb"]);
    }

    #[test]
    fn a_timeout_out_of_bounds_is_an_hour() {
        let of = |value: Value| seconds(&json!({"timeoutSeconds": value}));
        assert_eq!([of(json!("60")), of(json!(7)), of(json!("x")), of(json!(200_000)), of(json!("1"))], [60, 7, 3_600, 3_600, 3_600]);
    }

    #[test]
    fn failures_are_named_in_the_error_output() {
        let failed = ended(ProgramEnd::Ended(WorkerEnd::Exited(127)), vec![], b"not found".to_vec());
        assert_eq!((failed.code, &*failed.error), (127, &b"not found\nfailed to run commands: exit status 127"[..]));
        assert!(ended(ProgramEnd::Ended(WorkerEnd::Exited(168)), vec![], vec![]).ends);
    }
}
