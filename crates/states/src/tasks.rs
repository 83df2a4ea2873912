//! Tasks performed: the call of another service, under the execution's role, and what its answer is to the execution.

use crate::{
    PRINCIPAL, States,
    scheduled::{StartForTask, StartForTaskInput},
    sdk::{self, Parameters, Style, integrations, names},
    state::{Execution, Revision, Task, TaskStatus, Type},
    sync_output,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_states::StartSyncExecutionInput;
use cloudlet_asl::{
    definition::{Integration, Pattern, Resource},
    machine::{Event, Failure},
    text::to_text,
};
use cloudlet_aws::{Arn, Caller, Fault, Scope, TimestampFormat};
use cloudlet_engine::{Call, Cx, Origin, roles};
use cloudlet_shape::{Mismatch, OperationSchema, ServiceSchema};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How a call went.
pub enum Outcome {
    Answered(Value),
    /// A callback or a job: it goes on.
    Submitted(Value),
    /// The execution that a task waits for.
    Started(Value, Arc<str>),
    /// An execution whose end is the answer.
    Awaits(Arc<str>),
    Failed(Failure),
}

/// A Task as the call needs it.
pub struct Request<'r> {
    pub resource: &'r str,
    pub input: &'r Value,
    pub role_arn: Option<&'r str>,
    pub execution_role: &'r str,
    pub machine: &'r Arn,
    pub session: &'r str,
    pub trace: Option<&'r str>,
    /// The Task itself, where it is one that can wait.
    pub task: Option<(&'r Arc<str>, u64)>,
}

impl States {
    pub async fn perform(&self, cx: &Cx, arn: &Arc<str>, task: u64) -> Result<(), Fault> {
        let key = (arn.clone(), task);
        let found = self.store.read(|state| {
            let execution = state.executions.get(arn)?;
            Some((state.tasks.get(&key)?.clone(), execution.clone(), state.revisions.get(&execution.revision)?.clone()))
        });
        let Some((row, execution, revision)): Option<(Arc<Task>, Arc<Execution>, Arc<Revision>)> = found else { return Ok(()) };
        if row.status != TaskStatus::New {
            return Ok(());
        }
        let input: Value = serde_json::from_str(&row.input).unwrap_or_default();
        let machine = execution.machine.machine_arn();
        let request = Request {
            resource: &row.resource,
            input: &input,
            role_arn: row.role_arn.as_deref(),
            execution_role: &revision.role_arn,
            machine: &machine,
            session: &execution.name,
            trace: execution.trace_header.as_deref(),
            task: Some((arn, task)),
        };
        let outcome = self.request(cx, &request).await;
        let waiting = |child: Option<Arc<str>>| {
            self.store.update(|state| {
                // A token may have been answered already.
                if let Some(row) = state.tasks.get(&key).cloned() {
                    state.put_task(key.clone(), Task { status: TaskStatus::Waiting, child, ..Task::clone(&row) });
                }
            });
        };
        match outcome {
            Outcome::Submitted(output) => {
                waiting(None);
                self.advance(cx, arn, Event::Submitted { task, output }).await?;
            }
            Outcome::Started(output, child) => {
                waiting(Some(child.clone()));
                self.advance(cx, arn, Event::Submitted { task, output }).await?;
                let over = self.store.update(|state| {
                    let execution = state.executions.get(&child).cloned()?;
                    let over = execution.stopped.is_some();
                    state.put_execution(&child, Execution { parent: Some(key.clone()), ..Execution::clone(&execution) });
                    Some(over)
                });
                if over != Some(false) {
                    self.child_ended(cx, arn, task, &child).await?;
                }
            }
            Outcome::Awaits(child) => {
                waiting(Some(child.clone()));
                let over = self.store.read(|state| state.executions.get(&child).is_none_or(|execution| execution.stopped.is_some()));
                if over {
                    self.child_ended(cx, arn, task, &child).await?;
                }
            }
            Outcome::Answered(output) => self.finish(cx, arn, task, Event::Answered { task, output }).await?,
            Outcome::Failed(failure) => self.finish(cx, arn, task, Event::Failed { task, failure }).await?,
        }
        Ok(())
    }

    async fn finish(&self, cx: &Cx, arn: &Arc<str>, task: u64, event: Event) -> Result<(), Fault> {
        self.advance(cx, arn, event).await?;
        self.store.update(|state| drop(state.remove_task(&(arn.clone(), task))));
        Ok(())
    }

    /// An execution that a `.sync` task waits for is over.
    pub async fn child_ended(&self, cx: &Cx, arn: &Arc<str>, task: u64, child: &str) -> Result<(), Fault> {
        let found = self.store.read(|state| Some((state.tasks.get(&(arn.clone(), task))?.clone(), state.executions.get(child)?.clone())));
        let Some((row, execution)) = found else {
            // Nobody waits for it any more, and an EXPRESS execution is seen in logs only.
            self.store.update(|state| {
                let is_express =
                    state.executions.get(child).is_some_and(|execution| execution.r#type == Type::Express && execution.map_run.is_none());
                if is_express {
                    state.remove_execution(&child.into());
                }
            });
            return Ok(());
        };
        if row.resource.contains(":aws-sdk:") {
            let output = sdk::result(&sync_output::of(child, &execution), Style::Sdk.of_parameters()).await;
            self.finish(cx, arn, task, Event::Answered { task, output }).await?;
            // AWS: an EXPRESS execution is seen in logs only.
            self.store.update(|state| state.remove_execution(&child.into()));
            return Ok(());
        }
        let parsed = row.resource.ends_with(":2");
        let payload = |text: &str| {
            let value = if parsed { serde_json::from_str(text).ok() } else { None };
            value.unwrap_or_else(|| Value::from(text))
        };
        let mut out = Map::new();
        let mut put = |name: &str, value: Option<Value>| out.extend(value.map(|value| (name.to_owned(), value)));
        put("Cause", execution.cause.as_deref().map(Value::from));
        put("Error", execution.error.as_deref().map(Value::from));
        put("ExecutionArn", Some(child.into()));
        put("Input", Some(payload(&execution.input)));
        put("InputDetails", Some(json!({"Included": true})));
        put("Name", Some(execution.name.as_str().into()));
        put("Output", execution.output.as_deref().map(payload));
        put("OutputDetails", execution.output.as_ref().map(|_| json!({"Included": true})));
        put("StartDate", Some(execution.started.millis().into()));
        put("StateMachineArn", Some(execution.machine_arn().into()));
        put("Status", Some(execution.status.name().into()));
        put("StopDate", execution.stopped.map(|stopped| stopped.millis().into()));
        let output = Value::Object(out);
        let event = if execution.status == crate::state::Status::Succeeded {
            Event::Answered { task, output }
        } else {
            Event::Failed { task, failure: Failure::new("States.TaskFailed", to_text(&output)) }
        };
        self.finish(cx, arn, task, event).await
    }

    /// Makes the call of a Task.
    pub async fn request(&self, cx: &Cx, request: &Request<'_>) -> Outcome {
        match Resource::parse(request.resource) {
            Some(Resource::Function(function)) => self.function(cx, request, &function).await,
            Some(Resource::Service(integration)) => self.integration(cx, request, &integration).await,
            Some(Resource::Activity(_)) | None => Outcome::Failed(Failure::new("States.Runtime", "The resource is not an integration.")),
        }
    }

    async fn caller(&self, cx: &Cx, request: &Request<'_>) -> Result<Caller, Failure> {
        let denied = |role: &str| {
            let text =
                format!("Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the role: {role}");
            Failure::new("States.TaskFailed", text)
        };
        let role = Arn::parse(request.execution_role).ok_or_else(|| denied(request.execution_role))?;
        let session: String =
            request.session.chars().filter(|character| character.is_ascii_alphanumeric() || "=,.@-_".contains(*character)).take(64).collect();
        let session = if session.len() < 2 { "StepFunctions".to_owned() } else { session };
        let own = roles::assume_role(cx, &role, &session, PRINCIPAL, request.machine).await.map_err(|_| denied(request.execution_role))?;
        let Some(other) = request.role_arn else { return Ok(own.caller) };
        // The task's own role is assumed by the execution's.
        let refused = || {
            let text = format!("The role {} is not authorized to assume the task state's role, {other}.", request.execution_role);
            Failure::new("States.TaskFailed", text)
        };
        let role = Arn::parse(other).ok_or_else(refused)?;
        let chained = roles::assume_role_as(cx, own.caller, &role, &session).await;
        chained.map(|session| session.caller).map_err(|_| refused())
    }

    async fn function(&self, cx: &Cx, request: &Request<'_>, function: &str) -> Outcome {
        let integration = Integration { service: "lambda".to_owned(), action: "invoke".to_owned(), pattern: Pattern::RequestResponse };
        let input = json!({"FunctionName": function, "Payload": request.input});
        let inner = Request { input: &input, ..*request };
        match self.call_operation(cx, &inner, &integration).await {
            Outcome::Answered(mut output) => Outcome::Answered(output.get_mut("Payload").map(Value::take).unwrap_or_default()),
            other => other,
        }
    }

    async fn integration(&self, cx: &Cx, request: &Request<'_>, integration: &Integration) -> Outcome {
        match self.call_operation(cx, request, integration).await {
            Outcome::Failed(failure) if integration.service == "lambda" => Outcome::Failed(rewritten(failure)),
            outcome => outcome,
        }
    }

    async fn call_operation(&self, cx: &Cx, request: &Request<'_>, integration: &Integration) -> Outcome {
        let style = if integration.sdk_service().is_some() { Style::Sdk } else { Style::Optimized };
        let services = cx.services();
        let Some(operation) = services.ok().and_then(|services| integrations::operation(&services, integration)) else {
            let text = format!("Cloudlet does not implement {}:{} yet.", integration.service, integration.action);
            return Outcome::Failed(Failure::new(unmodelled(style, &integration.service, None), text));
        };
        let caller = match self.caller(cx, request).await {
            Ok(caller) => caller,
            Err(failure) => return Outcome::Failed(failure),
        };
        let input = prepared(integration, request.input);
        let mut parameters = Parameters::new(&input, style.of_parameters());
        let read = match cx.read_named(operation, &mut parameters) {
            Ok(read) => read,
            Err(fault) => return Outcome::Failed(failure(style, operation.service, &fault, &cx.ids().uuid())),
        };
        let problem = parameters.problem();
        let refused = |text: String| {
            let cause = format!("The Parameters '{}' could not be used to start the Task: [{text}]", to_text(request.input));
            Outcome::Failed(Failure::new("States.Runtime", cause))
        };
        let read = match read {
            None => None,
            Some(Ok(read)) => Some(read),
            Some(Err(Mismatch::Malformed(text))) => return refused(text),
            Some(Err(Mismatch::Wrong { wanted, at })) => return refused(format!("The value for the field '{at}' must be {wanted}")),
        };
        if !problem.unknown.is_empty() && read.is_some() {
            let texts: Vec<String> = problem.unknown.iter().map(|name| format!("The field \"{name}\" is not supported by Step Functions")).collect();
            return refused(texts.join(", "));
        }
        // A role of another account works in that account.
        let own = request.machine.scope().unwrap_or_else(|| cx.scope.clone());
        let scope = Scope { account: caller.account.unwrap_or(own.account), ..own };
        if let (Some(task), Some(started)) = (request.task, &read)
            && let Some(input) = started.as_ref().as_any().downcast_ref::<StartSyncExecutionInput>()
        {
            return self
                .start_for_task(cx, caller, scope, input, task, request.trace)
                .await
                .unwrap_or_else(|fault| Outcome::Failed(failure(style, operation.service, &fault, &cx.ids().uuid())));
        }
        let answer = match read {
            None => Err(not_built(operation)),
            Some(input) => match cx.validate_named(operation, &input, &problem.missing) {
                Err(fault) => Err(fault),
                Ok(()) => {
                    let origin = Origin { missing: problem.missing, trace: request.trace.map(Into::into), ..Origin::default() };
                    cx.dispatch_named(Call { operation, caller, scope, origin, input }).await
                }
            },
        };
        let id = cx.ids().uuid();
        let output = match answer {
            Ok(output) => output,
            Err(fault) => return Outcome::Failed(failure(style, operation.service, &fault, &id)),
        };
        let mut result = sdk::result(output.as_struct(), style.of_parameters()).await;
        let payload = result.get("Payload").and_then(Value::as_str).map(str::len);
        if integration.service == "lambda"
            && let Some(failure) = function_error(&mut result)
        {
            return Outcome::Failed(failure);
        }
        if style == Style::Optimized {
            let length = payload.unwrap_or_else(|| cloudlet_wire::to_json(output.as_struct()).len());
            let head = Metadata { id: &id, length, date: &cx.clock().now().text(TimestampFormat::HttpDate), trace: request.trace };
            add_metadata(&mut result, operation.service, &head);
        }
        match integration.pattern {
            Pattern::RequestResponse => Outcome::Answered(result),
            Pattern::WaitForTaskToken => Outcome::Submitted(result),
            Pattern::Sync | Pattern::Sync2 => match result.get("ExecutionArn").and_then(Value::as_str).map(Arc::from) {
                Some(child) => Outcome::Started(result, child),
                None => Outcome::Answered(result),
            },
        }
    }
}

impl States {
    /// StartSyncExecution of a Task would hold the scheduler until its end: it is started, and its end is waited for.
    async fn start_for_task(
        &self,
        cx: &Cx,
        caller: Caller,
        scope: Scope,
        input: &StartSyncExecutionInput,
        (arn, task): (&Arc<str>, u64),
        trace: Option<&str>,
    ) -> Result<Outcome, Fault> {
        let start = StartForTaskInput {
            state_machine_arn: input.state_machine_arn.clone(),
            name: input.name.clone(),
            input: input.input.clone(),
            trace_header: input.trace_header.clone().or_else(|| trace.map(str::to_owned)),
            execution_arn: arn.to_string(),
            task: i64::try_from(task).unwrap_or(0),
        };
        let started = cx.call::<StartForTask>(caller, scope, start).await?;
        Ok(Outcome::Awaits(started.child_arn.into()))
    }
}

fn not_built(operation: &OperationSchema) -> Fault {
    let kind = cloudlet_aws::FaultKind::receiver("NotImplemented", 501);
    kind.says(format!("Cloudlet does not implement {}:{} yet.", operation.service.name, operation.name))
}

/// What the optimised integrations do to their parameters: objects become text where the service takes text.
fn prepared(integration: &Integration, input: &Value) -> Value {
    let mut out = input.clone();
    let Some(fields) = out.as_object_mut() else { return out };
    let stringify = |value: &mut Value| {
        if !value.is_string() && !value.is_null() {
            *value = Value::String(to_text(value));
        }
    };
    match integration.service.as_str() {
        "sqs" => fields.get_mut("MessageBody").map(stringify),
        "sns" => fields.get_mut("Message").map(stringify),
        "states" => fields.get_mut("Input").map(stringify),
        "events" => {
            for entry in fields.get_mut("Entries").and_then(Value::as_array_mut).into_iter().flatten() {
                entry.get_mut("Detail").map(stringify);
            }
            None
        }
        // AWS: recorded: null is no payload.
        "lambda" if fields.get("Payload").is_some_and(Value::is_null) => fields.remove("Payload").map(drop),
        // AWS: recorded: a text that is a document is the payload itself.
        "lambda" => fields.get_mut("Payload").map(|payload| {
            let document = payload.as_str().filter(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
            *payload = Value::String(STANDARD.encode(document.map_or_else(|| to_text(payload), str::to_owned)));
        }),
        _ => None,
    };
    out
}

/// The answer of a function: its payload is JSON. An error of the function is the Task's.
fn function_error(result: &mut Value) -> Option<Failure> {
    let fields = result.as_object_mut()?;
    let text = fields.get("Payload").and_then(Value::as_str).unwrap_or("null").to_owned();
    let payload: Value = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone()));
    if fields.contains_key("FunctionError") {
        let error = payload.get("errorType").and_then(Value::as_str).unwrap_or("Lambda.Unknown");
        return Some(Failure::new(error, text));
    }
    fields.insert("Payload".to_owned(), payload);
    None
}

/// AWS: recorded: the error of a function is written again, without blanks, by its integration, and as it is by a Task of its own ARN.
fn rewritten(failure: Failure) -> Failure {
    let error = failure.cause.as_deref().and_then(|cause| serde_json::from_str::<Map<String, Value>>(cause).ok());
    match error {
        Some(error) => Failure { cause: Some(Value::Object(error).to_string()), ..failure },
        None => failure,
    }
}

/// The names of the SDK before Java's second: prefix of errors, service in causes.
fn optimized_names(service: &str) -> Option<(&'static str, &'static str)> {
    Some(match service {
        "sqs" => ("SQS", "AmazonSQS"),
        "sns" => ("SNS", "AmazonSNS"),
        "states" => ("StepFunctions", "AWSStepFunctions"),
        "lambda" => ("Lambda", "AWSLambda"),
        "dynamodb" => ("DynamoDB", "AmazonDynamoDBv2"),
        "events" => ("EventBridge", "AmazonCloudWatchEvents"),
        "apigateway" => ("ApiGateway", "AmazonApiGateway"),
        "ecs" => ("ECS", "AmazonECS"),
        "batch" => ("Batch", "AWSBatch"),
        "glue" => ("Glue", "AWSGlue"),
        _ => return None,
    })
}

/// The error of a fault that the service's model does not have.
fn unmodelled(style: Style, service: &str, schema: Option<&ServiceSchema>) -> String {
    if style == Style::Optimized
        && let Some((prefix, name)) = optimized_names(service)
    {
        return format!("{prefix}.{}Exception", name.strip_suffix("v2").unwrap_or(name));
    }
    let id = schema.map_or_else(|| names::capitalized(service.trim_start_matches("aws-sdk:")), |schema| names::class(schema.id));
    format!("{id}.{id}Exception")
}

/// The error and the cause of a fault.
fn failure(style: Style, service: &'static ServiceSchema, fault: &Fault, id: &str) -> Failure {
    let modelled = service.operations.iter().any(|operation| operation.faults.iter().any(|kind| kind.name == fault.name()));
    let (message, status, code) = (fault.message(), fault.status(), fault.code());
    match (style, optimized_names(service.name)) {
        (Style::Optimized, Some((prefix, name))) => {
            let error = if modelled { format!("{prefix}.{}", names::exception(fault.name())) } else { unmodelled(style, service.name, None) };
            let cause = format!("{message} (Service: {name}; Status Code: {status}; Error Code: {code}; Request ID: {id}; Proxy: null)");
            Failure::new(error, cause)
        }
        _ => {
            let class = names::class(service.id);
            let error = if modelled { format!("{class}.{}", names::exception(fault.name())) } else { unmodelled(Style::Sdk, "", Some(service)) };
            // AWS: recorded: S3 names a second id and no attempts, Step Functions names the attempts.
            let (extended, attempts) = match service.name {
                "s3" => (format!(", Extended Request ID: {id}"), ""),
                _ => (String::new(), " (SDK Attempt Count: 1)"),
            };
            Failure::new(error, format!("{message} (Service: {class}, Status Code: {status}, Request ID: {id}{extended}){attempts}"))
        }
    }
}

/// What the head of an answer says.
struct Metadata<'m> {
    id: &'m str,
    length: usize,
    date: &'m str,
    trace: Option<&'m str>,
}

/// AWS: the results of optimised integrations have the head of the answer.
fn add_metadata(result: &mut Value, service: &ServiceSchema, &Metadata { id, length, date, trace }: &Metadata<'_>) {
    // AWS: recorded: a function's answer has fields of its own.
    let executed = result.get("ExecutedVersion").and_then(Value::as_str).map(str::to_owned);
    let log = result.get("LogResult").and_then(Value::as_str).map(str::to_owned);
    let Some(fields) = result.as_object_mut() else { return };
    let kind = match service.protocol {
        cloudlet_shape::Protocol::AwsJson10 => "application/x-amz-json-1.0",
        cloudlet_shape::Protocol::AwsJson11 => "application/x-amz-json-1.1",
        cloudlet_shape::Protocol::RestJson => "application/json",
        _ => "text/xml",
    };
    let length = length.to_string();
    let connection = if executed.is_some() { "Connection" } else { "connection" };
    let mut headers = vec![("x-amzn-RequestId", id), (connection, "keep-alive"), ("Content-Length", &length), ("Date", date), ("Content-Type", kind)];
    if let Some(executed) = &executed {
        headers.push(("X-Amz-Executed-Version", executed));
        headers.push(("x-amzn-Remapped-Content-Length", "0"));
        headers.extend(log.as_deref().map(|log| ("X-Amz-Log-Result", log)));
        headers.push(("X-Amzn-Trace-Id", trace.unwrap_or("Sampled=0")));
    }
    let all: Map<String, Value> = headers.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
    let each: Map<String, Value> = headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    fields.insert("SdkHttpMetadata".to_owned(), json!({"AllHttpHeaders": all, "HttpHeaders": each, "HttpStatusCode": 200}));
    fields.insert("SdkResponseMetadata".to_owned(), json!({"RequestId": id}));
    // AWS: members in the order of their names.
    let mut sorted: Vec<(String, Value)> = std::mem::take(fields).into_iter().collect();
    sorted.sort_by(|one, other| one.0.cmp(&other.0));
    fields.extend(sorted);
}
