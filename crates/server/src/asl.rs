//! `cloudlet asl check FILE` and `cloudlet asl run FILE`: definitions of state machines, without a server.

use crate::{
    cloud,
    configuration::{AslVerb, Configuration, MachineType},
};
use cloudlet_asl::{
    definition::{Definition, Diagnostic, Severity, WorkflowType},
    local::{self, LocalRun},
    machine::{HistoryEvent, MockConfig, Mocks, Status},
    text::to_text,
};
use serde_json::{Value, json};
use std::{fmt::Write as _, io::Write as _, path::Path, process::ExitCode};

/// When an execution starts that no clock looks at: 2026-01-01.
const START: i64 = 1_767_225_600_000;

pub fn run(configuration: &Configuration, verb: &AslVerb) -> ExitCode {
    let outcome = match verb {
        AslVerb::Check { file, r#type } => check(configuration, file, *r#type).map(|(_, text, well)| (text, well)),
        AslVerb::Run { file, input, mocks, case, r#type, json } => {
            run_file(configuration, file, *r#type, input, (mocks.as_deref(), case.as_deref()), *json)
        }
    };
    let (text, code) = match outcome {
        Ok((text, true)) => (text, ExitCode::SUCCESS),
        Ok((text, false)) => (text, ExitCode::FAILURE),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            return ExitCode::from(2);
        }
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// The definition if it has no errors, the diagnostics as text, and whether all is well.
fn check(configuration: &Configuration, file: &Path, of: MachineType) -> Result<(Option<Definition>, String, bool), String> {
    let text = read(file)?;
    let cloud = cloud::assemble(configuration, None, std::sync::Arc::new(cloudlet_engine::NoWorkers))?.cloud;
    let services: Vec<_> = cloud.services().map(|service| service.schema).collect();
    let workflow = if of == MachineType::Express { WorkflowType::Express } else { WorkflowType::Standard };
    let (definition, diagnostics) = cloudlet_states::check_definition(&text, workflow, &services);
    let mut out = String::new();
    for Diagnostic { severity, code, message, location, line, column } in &diagnostics {
        let at = location.as_ref().map(|location| format!(" at {location}")).unwrap_or_default();
        let _ = writeln!(out, "{}:{line}:{column}: {} {}: {message}{at}", file.display(), severity.name(), code.name());
    }
    let well = diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    if diagnostics.is_empty() {
        let _ = writeln!(out, "{}: OK", file.display());
    }
    Ok((definition, out, well))
}

fn run_file(
    configuration: &Configuration,
    file: &Path,
    of: MachineType,
    input: &str,
    (mocks, case): (Option<&Path>, Option<&str>),
    json: bool,
) -> Result<(String, bool), String> {
    let (definition, diagnostics, _) = check(configuration, file, of)?;
    let Some(definition) = definition else { return Ok((diagnostics, false)) };
    let mocks = match mocks {
        None => Mocks::default(),
        Some(file) => {
            let told = |error: String| format!("{}: {error}", file.display());
            let config = MockConfig::read(&read(file)?).map_err(told)?;
            chosen(&config, case).map_err(told)?
        }
    };
    let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or("StateMachine");
    let run = local::run(&definition, name, of == MachineType::Express, input, mocks, START).map_err(|error| format!("--input: {error}"))?;
    let text = if json { events_json(&run) } else { shown(&run) };
    Ok((text, run.status == Some(Status::Succeeded)))
}

/// The mocks of a test case.
fn chosen(config: &MockConfig, case: Option<&str>) -> Result<Mocks, String> {
    let cases: Vec<(&str, &str)> = config.cases().collect();
    let fits = |(machine, name): &&(&str, &str)| match case {
        None => true,
        Some(case) => case.split_once('#').map_or(*name == case, |(of, case)| *machine == of && *name == case),
    };
    let fitting: Vec<_> = cases.iter().filter(fits).collect();
    let all = || cases.iter().map(|(machine, case)| format!("{machine}#{case}")).collect::<Vec<_>>().join(", ");
    match fitting.as_slice() {
        [(machine, case)] => config.case(machine, case).ok_or_else(all),
        [] => Err(format!("there is no such test case. There are: {}", all())),
        _ => Err(format!("--case says which test case is meant: {}", all())),
    }
}

fn event_json(event: &HistoryEvent) -> Value {
    let mut out = json!({"timestamp": event.timestamp as f64 / 1000.0, "type": event.kind, "id": event.id, "previousEventId": event.previous});
    if let (Some(fields), Some((name, details))) = (out.as_object_mut(), &event.details) {
        fields.insert((*name).to_owned(), details.clone());
    }
    out
}

fn events_json(run: &LocalRun) -> String {
    let events: Vec<Value> = run.history.iter().map(event_json).collect();
    format!("{:#}\n", json!({"events": events}))
}

/// The history as a person reads it.
fn shown(run: &LocalRun) -> String {
    let mut out = String::new();
    for event in &run.history {
        let seconds = (event.timestamp - START) as f64 / 1000.0;
        let details = event.details.as_ref().map(|(_, details)| brief(details)).unwrap_or_default();
        let _ = writeln!(out, "{:>5} {:>5} {seconds:>12.3}s  {:<28} {details}", event.id, event.previous, event.kind);
    }
    let status = match run.status {
        Some(Status::Succeeded) => "SUCCEEDED",
        Some(Status::Failed) => "FAILED",
        Some(Status::TimedOut) => "TIMED_OUT",
        Some(Status::Aborted) => "ABORTED",
        Some(Status::Running) | None => "RUNNING",
    };
    let _ = writeln!(out, "{status}");
    if let Some(output) = &run.output {
        let _ = writeln!(out, "{}", to_text(output));
    }
    if let Some(failure) = &run.failure {
        let _ = writeln!(out, "{}: {}", failure.error.as_deref().unwrap_or(""), failure.cause.as_deref().unwrap_or(""));
    }
    if let Some(why) = &run.stuck {
        let _ = writeln!(out, "{why}");
    }
    out
}

/// The members of an event that say most.
fn brief(details: &Value) -> String {
    const SHOWN: [&str; 13] =
        ["name", "index", "length", "resource", "workerName", "state", "location", "parameters", "input", "output", "error", "cause", "mapRunArn"];
    let text = |value: &Value| value.as_str().map_or_else(|| to_text(value), str::to_owned);
    SHOWN.iter().filter_map(|name| details.get(*name).map(|value| format!("{name}={}", text(value)))).collect::<Vec<_>>().join(" ")
}
