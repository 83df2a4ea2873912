//! `cloudlet ssm run FILE`: an Automation document, run once on services of its own, which are empty and gone afterwards. Waits take no time.

use crate::{
    cloud,
    configuration::{Configuration, SsmVerb},
    workers,
};
use cloudlet_api_ssm::{
    AutomationExecution, CreateDocument, CreateDocumentRequest, GetAutomationExecution, GetAutomationExecutionRequest, StartAutomationExecution,
    StartAutomationExecutionRequest, StepExecution,
};
use cloudlet_aws::{Caller, Fault, Scope};
use cloudlet_cloud::{Cloud, EntryPoint};
use cloudlet_engine::{Call, Origin};
use cloudlet_shape::{Map, Operation};
use serde_json::Value;
use std::{fmt::Write as _, io::Write as _, path::Path, process::ExitCode, sync::Arc, time::Duration};

const NAME: &str = "document";
/// Time passes in steps that grow, for as long as an automation can wait for anything.
const FIRST_STEP: Duration = Duration::from_secs(1);
const LONGEST_STEP: Duration = Duration::from_secs(3_600);
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

pub fn run(configuration: Configuration, verb: &SsmVerb) -> ExitCode {
    let SsmVerb::Run { file, parameters, json } = verb;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return told(&error.to_string()),
    };
    match runtime.block_on(run_file(configuration, file, parameters)) {
        Err(error) => told(&error),
        Ok(execution) => {
            let well = execution.automation_execution_status.as_deref() == Some("Success");
            let text = if *json { format!("{}\n", cloudlet_wire::to_json(&execution)) } else { shown(&execution) };
            let written = std::io::stdout().write_all(text.as_bytes()).is_ok();
            if well && written { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

fn told(error: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{error}");
    ExitCode::from(2)
}

async fn call<O: Operation>(cloud: &Cloud, configuration: &Configuration, input: O::Input) -> Result<O::Output, String> {
    let caller = Caller::root(configuration.account, configuration.region.partition(), None);
    let scope = Scope::new(configuration.account, configuration.region.clone());
    let call = Call::of::<O>(caller, scope, Origin::default(), input);
    let said = |fault: Fault| format!("{}: {}", fault.code(), fault.message());
    let answer = cloud.perform(call, "local".into(), EntryPoint::Gateway).await.answer.map_err(said)?;
    answer.into_any().downcast::<O::Output>().map(|output| *output).map_err(|_| "an answer of another shape".to_owned())
}

/// A text, a list of texts, or JSON, as requests have values.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

async fn run_file(configuration: Configuration, file: &Path, parameters: &str) -> Result<AutomationExecution, String> {
    let content = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let given: Map<Value> = serde_json::from_str(parameters).map_err(|error| format!("--parameters: {error}"))?;
    let parameters: Map<Vec<String>> = given.iter().map(|(name, value)| (name.clone(), texts(value))).collect();
    let configuration = Configuration { data_dir: None, ..configuration };
    let cloud: Arc<Cloud> = cloud::assemble(&configuration, None, workers::machine(&configuration))?.cloud;
    cloud.runtime.clock.stop();
    let format = if content.trim_start().starts_with('{') { "JSON" } else { "YAML" };
    let document = CreateDocumentRequest {
        name: NAME.to_owned(),
        content,
        document_type: Some("Automation".to_owned()),
        document_format: Some(format.to_owned()),
        ..CreateDocumentRequest::default()
    };
    let at = |error: String| format!("{}: {error}", file.display());
    call::<CreateDocument>(&cloud, &configuration, document).await.map_err(at)?;
    let start = StartAutomationExecutionRequest {
        document_name: NAME.to_owned(),
        parameters: Some(parameters).filter(|parameters| !parameters.is_empty()),
        ..StartAutomationExecutionRequest::default()
    };
    let started = call::<StartAutomationExecution>(&cloud, &configuration, start).await.map_err(at)?;
    let id = started.automation_execution_id.unwrap_or_default();
    let (mut step, mut passed) = (FIRST_STEP, Duration::ZERO);
    loop {
        cloud.settle().await;
        let get = GetAutomationExecutionRequest { automation_execution_id: id.clone() };
        let found = call::<GetAutomationExecution>(&cloud, &configuration, get).await?;
        let execution = found.automation_execution.ok_or("the automation is gone")?;
        let over = execution.execution_end_time.is_some();
        // Nobody is here who could approve or go on.
        let waits = execution.automation_execution_status.as_deref() == Some("Waiting");
        if over || waits || passed > LONGEST {
            return Ok(execution);
        }
        cloud.runtime.clock.advance(step);
        passed += step;
        step = (step * 2).min(LONGEST_STEP);
    }
}

/// The steps as a person reads them.
fn shown(execution: &AutomationExecution) -> String {
    let mut out = String::new();
    for step in execution.step_executions.iter().flatten() {
        let StepExecution { step_name, action, step_status, outputs, failure_message, .. } = step;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let outputs = outputs.iter().flatten().map(|(name, values)| format!("{name}={}", values.join(","))).collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "{:<11} {:<32} {:<32} {outputs}", text(step_status), text(step_name), text(action));
        if let Some(message) = failure_message {
            let _ = writeln!(out, "            {message}");
        }
    }
    let _ = writeln!(out, "{}", execution.automation_execution_status.as_deref().unwrap_or_default());
    for (name, values) in execution.outputs.iter().flatten() {
        let _ = writeln!(out, "{name}: {}", values.join(", "));
    }
    out
}
