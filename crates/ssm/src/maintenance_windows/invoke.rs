//! What tasks call: Run Command, Automation, Lambda and Step Functions, under the service role of the task.

use super::state::{Invocation, Progress, Status, TaskRun, WindowKey};
use crate::{PRINCIPAL, Ssm};
use cloudlet_api_lambda::{InvocationRequest, Invoke};
use cloudlet_api_ssm::*;
use cloudlet_api_states::{DescribeExecution, DescribeExecutionInput, StartExecution, StartExecutionInput};
use cloudlet_aws::{Arn, Caller, Fault, Timestamp};
use cloudlet_engine::{Cx, StoredShape, roles};
use cloudlet_shape::Map;
use serde_json::json;

/// How a piece of work went.
pub enum Outcome {
    Prepared(Vec<Invocation>),
    Started {
        execution: String,
        parameters: String,
    },
    /// It goes on, or what was asked for could not be done and is tried again.
    Runs,
    Stopping,
    Ended(Status, Option<String>),
}

fn failed(fault: &Fault) -> Outcome {
    Outcome::Ended(Status::Failed, Some(format!("{}: {}", fault.name(), fault.message())))
}

/// AWS looks after what it has started by itself, whatever the role may.
fn account(cx: &Cx) -> Caller {
    Caller::root(cx.scope.account, cx.scope.partition(), None)
}

fn is_instances(target: &Target) -> bool {
    target.key.as_deref().is_some_and(|key| key.eq_ignore_ascii_case("InstanceIds"))
}

/// The targets of a task, with the registered one that each comes from.
fn resolved(ssm: &Ssm, key: &WindowKey, run: &TaskRun) -> Vec<(Option<MaintenanceWindowTarget>, Vec<Target>)> {
    let (mut all, mut direct) = (vec![], vec![]);
    for target in run.task.targets.iter().flatten() {
        if !target.key.as_deref().is_some_and(|key| key.eq_ignore_ascii_case("WindowTargetIds")) {
            direct.push(target.clone());
            continue;
        }
        for id in target.values.iter().flatten() {
            let known = ssm.windows.read(|state| state.targets.get(&(key.clone(), id.clone())).map(|target| target.shape.shape()));
            all.extend(known.map(|known| (Some(known.clone()), known.targets.unwrap_or_default())));
        }
    }
    if !direct.is_empty() {
        all.push((None, direct));
    }
    all
}

/// The nodes that a target names.
async fn nodes(cx: &Cx, targets: &[Target]) -> Result<Vec<String>, Fault> {
    if targets.iter().all(is_instances) {
        return Ok(targets.iter().flat_map(|target| target.values.clone().unwrap_or_default()).collect());
    }
    let filter = |target: &Target| InstanceInformationStringFilter {
        key: target.key.clone().unwrap_or_default(),
        values: target.values.clone().unwrap_or_default(),
    };
    let filters: Vec<_> = targets.iter().map(filter).collect();
    let (mut found, mut next_token) = (vec![], None);
    loop {
        let input =
            DescribeInstanceInformationRequest { filters: Some(filters.clone()), next_token, ..DescribeInstanceInformationRequest::default() };
        let page = cx.call::<DescribeInstanceInformation>(account(cx), cx.scope.clone(), input).await?;
        found.extend(page.instance_information_list.into_iter().flatten().filter_map(|node| node.instance_id));
        next_token = page.next_token.filter(|token| !token.is_empty());
        if next_token.is_none() {
            return Ok(found);
        }
    }
}

/// Makes the invocations of a task: one for each registered target of a command, one for each resource of another task.
pub async fn prepare(ssm: &Ssm, cx: &Cx, key: &WindowKey, run: &TaskRun) -> Outcome {
    let make = |from: Option<&MaintenanceWindowTarget>, targets: Vec<Target>, resource: Option<String>| Invocation {
        id: cx.ids().uuid(),
        window_target: from.and_then(|target| target.window_target_id.clone()),
        owner: from.and_then(|target| target.owner_information.clone()),
        targets: targets.into_iter().map(StoredShape::new).collect(),
        resource,
        parameters: None,
        execution: None,
        progress: Progress::pending(),
    };
    if run.task.targets.as_ref().is_none_or(Vec::is_empty) {
        return Outcome::Prepared(vec![make(None, vec![], None)]);
    }
    let mut invocations = vec![];
    for (from, targets) in resolved(ssm, key, run) {
        if run.kind() == "RUN_COMMAND" {
            invocations.push(make(from.as_ref(), targets, None));
            continue;
        }
        match nodes(cx, &targets).await {
            Ok(nodes) => invocations.extend(nodes.into_iter().map(|node| make(from.as_ref(), vec![], Some(node)))),
            Err(fault) => return failed(&fault),
        }
    }
    Outcome::Prepared(invocations)
}

/// Puts values in place of pseudo parameters: `{{RESOURCE_ID}}`.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/maintenance-window-tasks-pseudo-parameters.html>
struct Pseudo(Vec<(&'static str, String)>);

impl Pseudo {
    fn of(key: &WindowKey, execution: &str, run: &TaskRun, invocation: &Invocation) -> Pseudo {
        let resource = invocation.resource.clone().unwrap_or_default();
        Pseudo(vec![
            ("RESOURCE_ID", resource.clone()),
            ("TARGET_ID", resource),
            ("TARGET_TYPE", "INSTANCE".to_owned()),
            ("INSTANCE_ID", invocation.resource.clone().unwrap_or_default()),
            ("WINDOW_ID", key.id.clone()),
            ("WINDOW_EXECUTION_ID", execution.to_owned()),
            ("WINDOW_TASK_ID", run.task.window_task_id.clone().unwrap_or_default()),
            ("WINDOW_TARGET_ID", invocation.window_target.clone().unwrap_or_default()),
            ("TASK_EXECUTION_ID", run.id.clone()),
            ("INVOCATION_ID", invocation.id.clone()),
        ])
    }

    fn text(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, tail)) = after.split_once("}}") else { break };
            out.push_str(before);
            match self.0.iter().find(|(known, _)| *known == name.trim()) {
                Some((_, value)) => out.push_str(value),
                None => out.extend(["{{", name, "}}"]),
            }
            rest = tail;
        }
        out.push_str(rest);
        out
    }

    fn parameters(&self, parameters: &Map<Vec<String>>) -> Map<Vec<String>> {
        parameters.iter().map(|(name, values)| (name.clone(), values.iter().map(|value| self.text(value)).collect())).collect()
    }
}

async fn caller(cx: &Cx, key: &WindowKey, run: &TaskRun) -> Result<Caller, Fault> {
    match run.task.service_role_arn.as_deref().and_then(Arn::parse) {
        // AWS: the session's name is unverified.
        Some(role) => Ok(roles::assume_role(cx, &role, &format!("MaintenanceWindow-{}", key.id), PRINCIPAL, &key.arn()).await?.caller),
        // AWS works under its service-linked role then; here nobody gets more than they have.
        None => Ok(run.caller.clone()),
    }
}

pub async fn start(cx: &Cx, key: &WindowKey, execution: &str, run: &TaskRun, invocation: &Invocation) -> Outcome {
    let pseudo = Pseudo::of(key, execution, run, invocation);
    let started = async {
        let caller = caller(cx, key, run).await?;
        match run.kind() {
            "RUN_COMMAND" => command(cx, caller, run, invocation, &pseudo).await,
            "AUTOMATION" => automation(cx, caller, run, invocation, &pseudo).await,
            "STEP_FUNCTIONS" => state_machine(cx, caller, run, &pseudo).await,
            _ => function(cx, caller, run, &pseudo).await,
        }
    };
    match started.await {
        Ok(outcome) => outcome,
        Err(fault) => failed(&fault),
    }
}

/// The old form of parameters, where the new one has none.
fn old_parameters(run: &TaskRun) -> Map<Vec<String>> {
    let old = run.task.task_parameters.iter().flatten();
    old.map(|(name, expression)| (name.clone(), expression.values.clone().unwrap_or_default())).collect()
}

fn started(execution: Option<String>, parameters: serde_json::Value) -> Outcome {
    Outcome::Started { execution: execution.unwrap_or_default(), parameters: parameters.to_string() }
}

async fn command(cx: &Cx, caller: Caller, run: &TaskRun, invocation: &Invocation, pseudo: &Pseudo) -> Result<Outcome, Fault> {
    let given = run.task.task_invocation_parameters.as_ref().and_then(|parameters| parameters.run_command.clone()).unwrap_or_default();
    let parameters = given.parameters.unwrap_or_else(|| old_parameters(run));
    let logging = run.task.logging_info.as_ref();
    let targets: Vec<Target> = invocation.targets.iter().map(StoredShape::shape).collect();
    let parameters = pseudo.parameters(&parameters);
    let document = run.task.task_arn.clone().unwrap_or_default();
    let shown = json!({
        "documentName": document,
        "targets": targets.iter().map(|target| json!({ "key": target.key, "values": target.values })).collect::<Vec<_>>(),
        "maxConcurrency": run.task.max_concurrency,
        "maxErrors": run.task.max_errors,
        "parameters": parameters,
    });
    let input = SendCommandRequest {
        targets: Some(targets),
        document_name: document,
        document_version: given.document_version,
        document_hash: given.document_hash,
        document_hash_type: given.document_hash_type,
        timeout_seconds: given.timeout_seconds,
        comment: given.comment,
        parameters: Some(parameters),
        output_s3_region: logging.map(|logging| logging.s3_region.clone()),
        output_s3_bucket_name: given.output_s3_bucket_name.or_else(|| logging.map(|logging| logging.s3_bucket_name.clone())),
        output_s3_key_prefix: given.output_s3_key_prefix.or_else(|| logging.and_then(|logging| logging.s3_key_prefix.clone())),
        max_concurrency: run.task.max_concurrency.clone(),
        max_errors: run.task.max_errors.clone(),
        service_role_arn: given.service_role_arn,
        notification_config: given.notification_config,
        cloud_watch_output_config: given.cloud_watch_output_config,
        ..SendCommandRequest::default()
    };
    let sent = cx.call::<SendCommand>(caller, cx.scope.clone(), input).await?;
    Ok(started(sent.command.and_then(|command| command.command_id), shown))
}

async fn automation(cx: &Cx, caller: Caller, run: &TaskRun, invocation: &Invocation, pseudo: &Pseudo) -> Result<Outcome, Fault> {
    let given = run.task.task_invocation_parameters.as_ref().and_then(|parameters| parameters.automation.clone()).unwrap_or_default();
    let parameters = pseudo.parameters(&given.parameters.unwrap_or_else(|| old_parameters(run)));
    let document = run.task.task_arn.clone().unwrap_or_default();
    let shown = json!({ "documentName": document, "documentVersion": given.document_version, "parameters": parameters });
    let input = StartAutomationExecutionRequest {
        document_name: document,
        document_version: given.document_version,
        parameters: Some(parameters),
        // Begun once, also when it is asked for again after a restart.
        client_token: Some(invocation.id.clone()),
        ..StartAutomationExecutionRequest::default()
    };
    let begun = cx.call::<StartAutomationExecution>(caller, cx.scope.clone(), input).await?;
    Ok(started(begun.automation_execution_id, shown))
}

async fn state_machine(cx: &Cx, caller: Caller, run: &TaskRun, pseudo: &Pseudo) -> Result<Outcome, Fault> {
    let given = run.task.task_invocation_parameters.as_ref().and_then(|parameters| parameters.step_functions.clone()).unwrap_or_default();
    let text = given.input.map(|input| pseudo.text(&input));
    let name = given.name.map(|name| pseudo.text(&name));
    let shown = json!({ "stateMachineArn": run.task.task_arn, "name": name, "input": text });
    let input =
        StartExecutionInput { state_machine_arn: run.task.task_arn.clone().unwrap_or_default(), name, input: text, ..StartExecutionInput::default() };
    let begun = cx.call::<StartExecution>(caller, cx.scope.clone(), input).await?;
    Ok(started(Some(begun.execution_arn), shown))
}

/// A function is waited for, and has ended when it answers.
async fn function(cx: &Cx, caller: Caller, run: &TaskRun, pseudo: &Pseudo) -> Result<Outcome, Fault> {
    let given = run.task.task_invocation_parameters.as_ref().and_then(|parameters| parameters.lambda.clone()).unwrap_or_default();
    let payload = given.payload.map(|payload| match std::str::from_utf8(&payload) {
        Ok(text) => pseudo.text(text).into_bytes().into(),
        Err(_) => payload,
    });
    let input = InvocationRequest {
        function_name: run.task.task_arn.clone().unwrap_or_default(),
        invocation_type: Some("RequestResponse".to_owned()),
        client_context: given.client_context,
        payload,
        qualifier: given.qualifier,
        ..InvocationRequest::default()
    };
    let answer = cx.call::<Invoke>(caller, cx.scope.clone(), input).await?;
    Ok(match answer.function_error {
        None => Outcome::Ended(Status::Success, None),
        Some(error) => {
            let payload = answer.payload.map(|payload| String::from_utf8_lossy(&payload).into_owned()).unwrap_or_default();
            Outcome::Ended(Status::Failed, Some(format!("{error}: {payload}")))
        }
    })
}

/// The status of what was started, in the words of a window.
fn ended(status: &str, details: Option<String>) -> Outcome {
    match status {
        "Success" | "SUCCEEDED" | "CompletedWithSuccess" => Outcome::Ended(Status::Success, None),
        "Cancelled" | "ABORTED" => Outcome::Ended(Status::Cancelled, details),
        "TimedOut" | "TIMED_OUT" => Outcome::Ended(Status::TimedOut, details),
        "Failed" | "FAILED" | "CompletedWithFailure" | "Rejected" | "Exited" => Outcome::Ended(Status::Failed, details),
        _ => Outcome::Runs,
    }
}

pub async fn look(cx: &Cx, run: &TaskRun, invocation: &Invocation) -> Outcome {
    let id = invocation.execution.clone().unwrap_or_default();
    let looked = async {
        Ok::<_, Fault>(match run.kind() {
            "RUN_COMMAND" => {
                let input = ListCommandsRequest { command_id: Some(id), ..ListCommandsRequest::default() };
                let found = cx.call::<ListCommands>(account(cx), cx.scope.clone(), input).await?;
                match found.commands.into_iter().flatten().next() {
                    // What the cutoff has stopped is late.
                    Some(command) if invocation.progress.status == Status::Cancelling && command.status.as_deref() == Some("Cancelled") => {
                        Outcome::Ended(Status::TimedOut, Some("The cutoff of the maintenance window was reached.".to_owned()))
                    }
                    Some(command) => ended(command.status.as_deref().unwrap_or_default(), command.status_details),
                    None => Outcome::Ended(Status::Failed, Some("The command is not known any more.".to_owned())),
                }
            }
            "AUTOMATION" => {
                let input = GetAutomationExecutionRequest { automation_execution_id: id };
                let found = cx.call::<GetAutomationExecution>(account(cx), cx.scope.clone(), input).await?.automation_execution.unwrap_or_default();
                ended(found.automation_execution_status.as_deref().unwrap_or_default(), found.failure_message)
            }
            _ => {
                let input = DescribeExecutionInput { execution_arn: id, ..DescribeExecutionInput::default() };
                let found = cx.call::<DescribeExecution>(account(cx), cx.scope.clone(), input).await?;
                ended(&found.status, found.error.map(|error| format!("{error}: {}", found.cause.unwrap_or_default())))
            }
        })
    };
    match looked.await {
        Ok(outcome) => outcome,
        Err(fault) => failed(&fault),
    }
}

/// Cancels a command whose task does not go on after the cutoff.
pub async fn stop(cx: &Cx, invocation: &Invocation) -> Outcome {
    let input = CancelCommandRequest { command_id: invocation.execution.clone().unwrap_or_default(), ..CancelCommandRequest::default() };
    match cx.call::<CancelCommand>(account(cx), cx.scope.clone(), input).await {
        Ok(_) => Outcome::Stopping,
        Err(fault) => failed(&fault),
    }
}

/// When something was: for the lists of executions.
pub fn is_within(time: Option<Timestamp>, after: Option<Timestamp>, before: Option<Timestamp>) -> bool {
    let Some(time) = time else { return false };
    after.is_none_or(|after| time >= after) && before.is_none_or(|before| time <= before)
}
