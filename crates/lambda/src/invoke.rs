//! Invoke: a function's code is run with an event, now or later.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use crate::{
    Lambda,
    environments::{End, Environment, EnvironmentKey, EnvironmentRequest, NotReady},
    faults,
    functions::Resolved,
    limits, logs,
    names::{self, LATEST, Named},
    runtime_api::Job,
    runtimes,
    state::{Function, FunctionKey, QueuedEvent},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_api_lambda::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission, Stopwatch, handler, roles::RoleSession};
use parking_lot::Mutex;
use serde_json::json;
use std::{collections::BTreeMap, fmt::Write, sync::Arc, time::Duration};

/// Bytes of a log that an answer shows.
const TAIL: usize = 4_096;

/// An event and what came with it.
pub struct Event {
    pub request_id: String,
    pub payload: Bytes,
    pub client_context: Option<String>,
    pub trace: Option<String>,
}

/// What became of an event.
pub struct Outcome {
    pub payload: Bytes,
    /// Whether the function failed. AWS calls every failure `Unhandled`.
    pub failed: bool,
    pub log: String,
    pub executed: String,
    /// Under which the function worked, if it got so far.
    pub session: Option<RoleSession>,
}

/// How many events of each function are being handled.
#[derive(Default)]
pub struct Running(Mutex<BTreeMap<FunctionKey, i32>>);

struct RunningEvent<'r> {
    running: &'r Running,
    key: FunctionKey,
}

impl Drop for RunningEvent<'_> {
    fn drop(&mut self) {
        let mut running = self.running.0.lock();
        if let Some(count) = running.get_mut(&self.key) {
            *count -= 1;
            if *count <= 0 {
                running.remove(&self.key);
            }
        }
    }
}

impl Lambda {
    /// Counts one more event of a function, if its concurrency allows it.
    fn admit(&self, key: &FunctionKey, function: &Function) -> Result<RunningEvent<'_>, Fault> {
        let scope = key.scope();
        let unreserved = self.unreserved(&scope);
        let reserved: Vec<FunctionKey> = self
            .store
            .read(|state| state.functions_of(&scope).filter(|(_, function)| function.reserved.is_some()).map(|(key, _)| key.clone()).collect());
        let mut running = self.running.0.lock();
        let own = running.get(key).copied().unwrap_or(0);
        match function.reserved {
            Some(most) if own >= most => return Err(faults::rate_exceeded("ReservedFunctionConcurrentInvocationLimitExceeded")),
            Some(_) => {}
            None => {
                let others: i32 = running.iter().filter(|(key, _)| key.is_in(&scope) && !reserved.contains(key)).map(|(_, count)| count).sum();
                if others >= unreserved {
                    return Err(faults::rate_exceeded("ConcurrentInvocationLimitExceeded"));
                }
            }
        }
        *running.entry(key.clone()).or_insert(0) += 1;
        Ok(RunningEvent { running: &self.running, key: key.clone() })
    }

    /// Runs a function with an event.
    pub async fn run(&self, cx: &Cx, named: &Named, resolved: &Resolved, function: &Function, event: Event) -> Result<Outcome, Fault> {
        let _running = self.admit(&named.key, function)?;
        let _turn = self.environments.turn().await?;
        let version = &resolved.version;
        let timeout = Duration::from_secs(u64::try_from(version.configuration.timeout.unwrap_or(3)).unwrap_or(3));
        let fit = EnvironmentKey { key: named.key.clone(), number: resolved.number, revision: format!("{}/{}", function.id, version.revision()) };
        let wanted = EnvironmentRequest { fit, version, timeout };
        let mut report =
            Report { request_id: event.request_id.clone(), memory_size: version.configuration.memory_size.unwrap_or(128), ..Report::default() };
        let shown = if resolved.number == 0 { LATEST.to_owned() } else { resolved.number.to_string() };
        let started = self.environment(cx, &wanted).await;
        let (mut head, mut log) = (String::new(), String::new());
        if !matches!(started, Ok((_, None, _))) {
            // AWS: recorded: the log that an answer shows begins after this line.
            let _ = writeln!(head, "{}", self.init_line(&named.key, version.text(|configuration| configuration.runtime.as_ref())));
        }
        let mut reused: Option<Environment> = None;
        let end = match started {
            Err(NotReady::Fault(fault)) => return Err(fault),
            Err(NotReady::Failed(end, lines)) => {
                append(&mut log, &lines);
                let _ = writeln!(log, "START RequestId: {} Version: {shown}", report.request_id);
                end
            }
            Ok((mut environment, init, lines)) => {
                append(&mut log, &lines);
                report.init = init;
                let _ = writeln!(log, "START RequestId: {} Version: {shown}", report.request_id);
                let watch = Stopwatch::start();
                let machine = cx.clock().of_machine();
                let job = Job {
                    request_id: event.request_id.clone(),
                    function_arn: named.arn().to_string(),
                    payload: event.payload,
                    deadline: machine.millis() + i64::try_from(timeout.as_millis()).unwrap_or(0),
                    trace: event.trace,
                    client_context: event.client_context,
                };
                let (end, lines) = environment.run(job, timeout).await;
                report.duration = watch.elapsed().min(timeout);
                report.memory = environment.memory();
                append(&mut log, &lines);
                reused = Some(environment);
                end
            }
        };
        let (payload, failed) = report.conclude(cx, end, timeout, &mut log);
        let (session, stream) = match &reused {
            Some(environment) => (Some(environment.session.clone()), environment.stream.clone()),
            None => (None, String::new()),
        };
        if let Some(session) = &session {
            logs::write(cx, session, &named.key, version.log_group(), &stream, &format!("{head}{log}")).await;
        }
        if let Some(environment) = reused.filter(|_| report.survives) {
            self.environments.put_back(environment);
        }
        Ok(Outcome { payload, failed, log, executed: shown, session })
    }

    fn init_line(&self, key: &FunctionKey, runtime: &str) -> String {
        let arn = runtimes::version_arn(&key.region, runtime);
        let note = match runtimes::program(self.workers.as_ref(), runtime) {
            Ok(runtimes::Program::Interpreted(_, interpreter)) if !runtimes::is(runtime, &interpreter) => {
                format!(" (here: {}, as this one is not installed)", interpreter.version)
            }
            _ => String::new(),
        };
        format!("INIT_START Runtime Version: {}.v1{note}\tRuntime Version ARN: {arn}", runtimes::shown(runtime))
    }
}

fn append(log: &mut String, lines: &[String]) {
    for line in lines {
        let _ = writeln!(log, "{line}");
    }
}

/// What the lines at the end of an event say.
#[derive(Default)]
struct Report {
    request_id: String,
    memory_size: i32,
    init: Option<Duration>,
    duration: Duration,
    memory: u64,
    /// Whether the environment can take another event.
    survives: bool,
}

fn millis(of: Duration) -> f64 {
    of.as_secs_f64() * 1_000.0
}

impl Report {
    /// The answer, and the last lines of the log.
    fn conclude(&mut self, cx: &Cx, end: End, timeout: Duration, log: &mut String) -> (Bytes, bool) {
        let id = self.request_id.clone();
        let mut status = String::new();
        let failure = |kind: &str, message: String| Bytes::from(json!({ "errorType": kind, "errorMessage": message }).to_string());
        let (payload, failed) = match end {
            End::Response(body) => {
                self.survives = true;
                (body, false)
            }
            End::Error(body) => {
                // AWS: `Status: error` is for failures of the runtime, not for errors of the code.
                self.survives = true;
                (body, true)
            }
            End::TooLarge(bytes) => {
                self.survives = true;
                let text = format!("Response payload size exceeded maximum allowed payload size ({} bytes).", limits::SYNCHRONOUS_BYTES);
                let _ = bytes;
                (failure("Function.ResponseSizeTooLarge", text), true)
            }
            End::TimedOut => {
                let text = format!("Task timed out after {:.2} seconds", timeout.as_secs_f64());
                let _ = writeln!(log, "{} {id} {text}\n", cx.clock().now().with_millis());
                status = "\tStatus: timeout".to_owned();
                (failure("Sandbox.Timedout", format!("RequestId: {id} Error: {text}")), true)
            }
            End::Exited(end) => {
                let why = match end {
                    cloudlet_engine::WorkerEnd::Exited(0) => "Runtime exited without providing a reason".to_owned(),
                    end => format!("Runtime exited with error: {end}"),
                };
                let text = format!("RequestId: {id} Error: {why}");
                let kind = if end == cloudlet_engine::WorkerEnd::OutOfMemory { "Runtime.OutOfMemory" } else { "Runtime.ExitError" };
                let _ = writeln!(log, "{text}\n{kind}");
                status = format!("\tStatus: error\tError Type: {kind}");
                (failure(kind, text), true)
            }
        };
        let duration = millis(self.duration);
        let used = self.memory.div_ceil(1 << 20).min(u64::try_from(self.memory_size).unwrap_or(u64::MAX));
        let _ = writeln!(log, "END RequestId: {id}");
        let _ = write!(log, "REPORT RequestId: {id}\tDuration: {duration:.2} ms\tBilled Duration: {} ms", self.duration.as_millis() + 1);
        let _ = write!(log, "\tMemory Size: {} MB\tMax Memory Used: {used} MB", self.memory_size);
        if let Some(init) = self.init {
            let _ = write!(log, "\tInit Duration: {:.2} ms", millis(init));
        }
        let _ = writeln!(log, "{status}\t");
        (payload, failed)
    }
}

/// An event must be JSON. An empty one is an empty object.
pub fn checked_payload(payload: Option<Bytes>) -> Result<Bytes, Fault> {
    let payload = payload.filter(|payload| !payload.is_empty()).unwrap_or_else(|| Bytes::from_static(b"{}"));
    let says = |what: &str, line: usize, column: usize| {
        let place = "at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)";
        let text = "Could not parse request body into json: Could not parse payload into json:";
        Err(faults::invalid_content(format!("{text} {what}\n {place}; line: {line}, column: {column}]")))
    };
    if let Err(error) = std::str::from_utf8(&payload) {
        let at = error.valid_up_to();
        let byte = payload.get(at).copied().unwrap_or_default();
        if at == 0 {
            let expected = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
            return says(&format!("Unexpected character ((CTRL-CHAR, code {byte})): {expected}"), 1, 1);
        }
        return says(&format!("Invalid UTF-8 start byte 0x{byte:02x}"), 1, at + 2);
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(&payload) {
        Ok(_) => Ok(payload),
        // AWS: unverified: the parser's own words differ from mistake to mistake.
        Err(error) => {
            let character = payload.get(error.column().saturating_sub(1)).copied().unwrap_or_default();
            let expected = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
            says(&format!("Unexpected character ('{}' (code {character})): {expected}", char::from(character)), error.line(), error.column())
        }
    }
}

/// The permission to call a function, with the policy of what is called.
fn permission(lambda: &Lambda, cx: &Cx, name: &str, qualifier: Option<&str>) -> Result<Permission, Fault> {
    let named = names::function(cx, name, qualifier)?;
    let qualifier = named.qualifier.as_deref().filter(|qualifier| *qualifier != LATEST).unwrap_or_default();
    let resource = if qualifier.is_empty() { named.key.arn() } else { named.key.qualified_arn(qualifier) };
    let tags = lambda.store.read(|state| state.functions.get(&named.key).map(|function| function.tags.clone())).unwrap_or_default();
    Ok(Permission::of::<Invoke>(resource).with_resource_tags(tags).with_policy(lambda.policy_of(&named.key, qualifier)))
}

handler!(
    Lambda,
    Invoke,
    |lambda, cx, input| Ok(permission(lambda, cx, &input.function_name, input.qualifier.as_deref())?.into()),
    |lambda, cx, input| {
        let mut named = names::function(cx, &input.function_name, input.qualifier.as_deref())?;
        // AWS: the absent function is named by `$LATEST`.
        let found = lambda.resolved(cx, &named);
        let (resolved, function) = match found {
            Err(_) if named.qualifier.is_none() => return Err(faults::no_function(named.key.qualified_arn(LATEST))),
            found => found?,
        };
        if input.durable_execution_name.is_some() || input.tenant_id.is_some() {
            return Err(faults::not_built("durable executions and tenants of functions"));
        }
        if named.qualifier.as_deref() == Some(LATEST) {
            named.qualifier = Some(LATEST.to_owned());
        }
        let payload = input.payload.take();
        let most = if input.invocation_type.as_deref() == Some("Event") { limits::ASYNCHRONOUS_BYTES } else { limits::SYNCHRONOUS_BYTES };
        if let Some(length) = payload.as_ref().map(Bytes::len).filter(|length| *length > most) {
            let text = format!(
                "{length} byte payload is too large for the {} invocation type (limit {most} bytes)",
                input.invocation_type.as_deref().unwrap_or("RequestResponse")
            );
            return Err(faults::REQUEST_TOO_LARGE.says(text).with("Type", "User"));
        }
        let payload = checked_payload(payload)?;
        let client_context = match input.client_context.take() {
            Some(text) => {
                let bytes = STANDARD.decode(text.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                // AWS: unverified wording.
                Some(bytes.ok_or_else(|| faults::invalid_content("Client context must be a valid Base64-encoded JSON object."))?)
            }
            None => None,
        };
        let trace = cx.origin.trace.as_deref().map(str::to_owned);
        match input.invocation_type.as_deref() {
            Some("DryRun") => Ok(InvocationResponse { status_code: Some(204), ..InvocationResponse::default() }),
            Some("Event") => {
                let event = QueuedEvent {
                    function: named.key.clone(),
                    qualifier: named.qualifier.clone(),
                    payload,
                    client_context,
                    trace,
                    queued: cx.clock().now(),
                    runs: 0,
                    throttled: 0,
                };
                lambda.queue(cx, cx.request_id.as_ref(), event)?;
                Ok(InvocationResponse { status_code: Some(202), ..InvocationResponse::default() })
            }
            _ => {
                let event = Event { request_id: request_id(cx), payload, client_context, trace };
                let outcome = lambda.run(cx, &named, &resolved, &function, event).await?;
                let log = (input.log_type.as_deref() == Some("Tail")).then(|| {
                    let bytes = outcome.log.as_bytes();
                    STANDARD.encode(bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default())
                });
                Ok(InvocationResponse {
                    status_code: Some(200),
                    function_error: outcome.failed.then(|| "Unhandled".to_owned()),
                    log_result: log,
                    payload: Some(outcome.payload),
                    executed_version: Some(outcome.executed),
                    ..InvocationResponse::default()
                })
            }
        }
    }
);

/// AWS: the id of the request is the id that the function sees. Where a service calls, there is none that is its own.
fn request_id(cx: &Cx) -> String {
    cx.request_id.to_string()
}

impl Lambda {
    /// Whether a function can be found, and as what: for an event that was queued.
    pub fn found(&self, cx: &Cx, named: &Named) -> Option<(Resolved, Arc<Function>)> {
        self.resolved(cx, named).ok()
    }
}
