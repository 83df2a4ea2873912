//! Invoke: a function's code is run with an event, now or later.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use crate::{
    Lambda,
    code::{PRINCIPAL, drain},
    environment_start::stream,
    environments::{Environment, EnvironmentKey, EnvironmentRequest, FailedStart, Initialization, NotReady},
    faults,
    functions::Resolved,
    limits, logs,
    names::{self, LATEST, Named},
    outcomes::{End, Event, Outcome},
    pieces::Sink,
    report::{Concluded, Report},
    runtime_api::Job,
    state::{Function, FunctionKey, QueuedEvent, Recursion, Version},
    traces,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_api_lambda::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Permission, Stopwatch, handler, roles};
use parking_lot::Mutex;
use std::{collections::BTreeMap, fmt::Write, sync::Arc, time::Duration};

/// How many events of each function are being handled: by environments that are started on demand, and by those of a version that are kept
/// for it.
#[derive(Default)]
pub struct Running(Mutex<BTreeMap<(FunctionKey, Option<u64>), i32>>);

struct RunningEvent<'r> {
    running: &'r Running,
    of: (FunctionKey, Option<u64>),
}

impl RunningEvent<'_> {
    fn initialization(&self) -> Initialization {
        if self.of.1.is_some() { Initialization::Provisioned } else { Initialization::OnDemand }
    }
}

impl Drop for RunningEvent<'_> {
    fn drop(&mut self) {
        let mut running = self.running.0.lock();
        if let Some(count) = running.get_mut(&self.of) {
            *count -= 1;
            if *count <= 0 {
                running.remove(&self.of);
            }
        }
    }
}

/// What the tables say of a function's concurrency.
struct FreeConcurrency {
    /// Environments that are kept for the version.
    provisioned: i32,
    /// Those that are kept for all versions of the function.
    total: i32,
    unreserved: i32,
    reserved: Vec<FunctionKey>,
}

impl Lambda {
    fn free(&self, key: &FunctionKey, number: u64) -> FreeConcurrency {
        let scope = key.scope();
        self.store.read(|state| FreeConcurrency {
            provisioned: state.provisioned_for(key, number),
            total: state.provisioned_total(key),
            unreserved: state.unreserved(&scope),
            reserved: state.functions_of(&scope).filter(|(_, function)| function.reserved.is_some()).map(|(key, _)| key.clone()).collect(),
        })
    }

    /// Counts one more event of a function, if its concurrency allows it.
    fn admit(&self, key: &FunctionKey, number: u64, function: &Function) -> Result<RunningEvent<'_>, Fault> {
        let free = self.free(key, number);
        let mut running = self.running.0.lock();
        let kept = (key.clone(), Some(number));
        if running.get(&kept).copied().unwrap_or(0) < free.provisioned {
            *running.entry(kept.clone()).or_insert(0) += 1;
            return Ok(RunningEvent { running: &self.running, of: kept });
        }
        let of = (key.clone(), None);
        let own = running.get(&of).copied().unwrap_or(0);
        match function.reserved {
            Some(most) if own >= most - free.total => {
                return Err(faults::rate_exceeded("ReservedFunctionConcurrentInvocationLimitExceeded"));
            }
            Some(_) => {}
            None => {
                let on_demand = running.iter().filter(|((key, kept), _)| kept.is_none() && key.is_in(&of.0.scope()) && !free.reserved.contains(key));
                if on_demand.map(|(_, count)| count).sum::<i32>() >= free.unreserved {
                    return Err(faults::rate_exceeded("ConcurrentInvocationLimitExceeded"));
                }
            }
        }
        *running.entry(of.clone()).or_insert(0) += 1;
        Ok(RunningEvent { running: &self.running, of })
    }

    /// Runs a function with an event.
    pub async fn run(&self, cx: &Cx, named: &Named, resolved: &Resolved, function: &Function, event: Event) -> Result<Outcome, Fault> {
        self.run_into(cx, named, resolved, function, event, None).await
    }

    /// The same, with an answer that is passed on while it is written.
    pub async fn run_into(
        &self,
        cx: &Cx,
        named: &Named,
        resolved: &Resolved,
        function: &Function,
        event: Event,
        sink: Option<&Sink>,
    ) -> Result<Outcome, Fault> {
        let trace = traces::next(cx, event.trace.as_deref(), &named.key);
        if trace.turns > traces::MOST_TURNS && function.recursion == Recursion::Terminate {
            return Err(faults::recursive());
        }
        let running = self.admit(&named.key, resolved.number, function)?;
        let _turn = self.environments.turn().await?;
        let version = &resolved.version;
        let timeout = Duration::from_secs(u64::try_from(version.configuration.timeout.unwrap_or(3)).unwrap_or(3));
        let fit = EnvironmentKey::of(self, function, &named.key, resolved, running.initialization());
        let wanted = EnvironmentRequest { fit, version, timeout };
        let mut report = Report::of(version, &event.request_id);
        let shown = if resolved.number == 0 { LATEST.to_owned() } else { resolved.number.to_string() };
        if let Some(image) = &version.image {
            return self.run_container(cx, named, resolved, report, (image, event, timeout, sink)).await;
        }
        let started = self.environment(cx, &wanted).await;
        let (mut head, mut log) = (String::new(), String::new());
        if !matches!(started, Ok((_, None, _))) {
            // AWS: recorded: the log that an answer shows begins after this line.
            report.begin_start(cx, &mut head, &self.runtime_shown(&named.key, version));
        }
        let mut reused: Option<Environment> = None;
        let mut lost = None;
        let end = match started {
            Err(NotReady::Fault(fault)) => return Err(fault),
            Err(NotReady::Failed(failed)) => {
                let FailedStart { end, lines, session, stream } = *failed;
                append(&mut log, &lines);
                report.begin(cx, &mut log, &shown);
                lost = Some((session, stream));
                end
            }
            Ok((mut environment, init, lines)) => {
                append(&mut log, &lines);
                report.init = init;
                report.begin(cx, &mut log, &shown);
                let watch = Stopwatch::start();
                let machine = cx.clock().of_machine();
                let job = Job {
                    request_id: event.request_id.clone(),
                    function_arn: named.arn().to_string(),
                    version: shown.clone(),
                    payload: event.payload,
                    deadline: machine.millis() + i64::try_from(timeout.as_millis()).unwrap_or(0),
                    trace: Some(trace.header),
                    client_context: event.client_context,
                };
                let (end, lines) = environment.run(job, timeout, sink).await;
                report.duration = watch.elapsed().min(timeout);
                report.memory = environment.memory();
                append(&mut log, &lines);
                reused = Some(environment);
                end
            }
        };
        let Concluded { payload, failed, record } = report.conclude(cx, end, timeout, &mut log);
        if let Some(environment) = &reused {
            environment.report(record);
        }
        let (session, stream) = match &reused {
            Some(environment) => (Some(environment.session.clone()), environment.stream.clone()),
            None => lost.map_or((None, String::new()), |(session, stream)| (Some(session), stream)),
        };
        if let Some(session) = &session {
            logs::write(cx, session, &named.key, version.log_group(), &stream, &format!("{head}{log}")).await;
        }
        if let Some(environment) = reused.filter(|_| report.survives) {
            self.environments.put_back(environment);
        }
        Ok(Outcome { payload, failed, log, executed: shown, session })
    }

    /// The same for a function whose code is a container that runs elsewhere.
    async fn run_container(
        &self,
        cx: &Cx,
        named: &Named,
        resolved: &Resolved,
        mut report: Report,
        (image, event, timeout, sink): (&str, Event, Duration, Option<&Sink>),
    ) -> Result<Outcome, Fault> {
        let version = &resolved.version;
        let executed = if resolved.number == 0 { LATEST.to_owned() } else { resolved.number.to_string() };
        let mut log = String::new();
        report.begin(cx, &mut log, &executed);
        let watch = Stopwatch::start();
        let (end, lines) = self.run_image(cx, image, event.payload, timeout).await;
        report.duration = watch.elapsed().min(timeout);
        append(&mut log, &lines);
        if let (Some(sink), End::Response(body)) = (sink, &end) {
            sink.head(None).await;
            sink.bytes(body.clone()).await;
        }
        let Concluded { payload, failed, .. } = report.conclude(cx, end, timeout, &mut log);
        let role = Arn::parse(version.role()).ok_or_else(|| Fault::internal("a function without a role"))?;
        let session = roles::assume_role(cx, &role, &named.key.name, PRINCIPAL, &named.key.arn()).await.ok();
        if let Some(session) = &session {
            let stream = stream(cx, resolved.number);
            logs::write(cx, session, &named.key, version.log_group(), &stream, &log).await;
        }
        Ok(Outcome { payload, failed, log, executed, session })
    }

    /// The lines of an environment that was to be kept ready, and did not get so far.
    pub async fn write_failed_start(&self, cx: &Cx, key: &FunctionKey, version: &Version, failed: FailedStart) {
        let mut log = String::new();
        Report::of(version, "").begin_start(cx, &mut log, &self.runtime_shown(key, version));
        append(&mut log, &failed.lines);
        logs::write(cx, &failed.session, key, version.log_group(), &failed.stream, &log).await;
    }
}

fn append(log: &mut String, lines: &[String]) {
    for line in lines {
        let _ = writeln!(log, "{line}");
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
pub fn permission(lambda: &Lambda, cx: &Cx, name: &str, qualifier: Option<&str>) -> Result<Permission, Fault> {
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
                let log = (input.log_type.as_deref() == Some("Tail")).then(|| outcome.log_tail());
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

handler!(Lambda, InvokeAsync, |lambda, cx, input| Ok(permission(lambda, cx, &input.function_name, None)?.into()), |lambda, cx, input| {
    let named = names::function(cx, &input.function_name, None)?;
    lambda.resolved(cx, &named).map_err(|_| faults::no_function(named.key.qualified_arn(LATEST)))?;
    let payload = drain(&input.invoke_args, limits::ASYNCHRONOUS_BYTES as u64).await?;
    let payload =
        payload.ok_or_else(|| faults::REQUEST_TOO_LARGE.says("Request must be smaller than 1048576 bytes for the InvokeAsync operation"))?;
    let event = QueuedEvent {
        function: named.key.clone(),
        qualifier: named.qualifier.clone(),
        payload: checked_payload(Some(payload))?,
        client_context: None,
        trace: cx.origin.trace.as_deref().map(str::to_owned),
        queued: cx.clock().now(),
        runs: 0,
        throttled: 0,
    };
    lambda.queue(cx, cx.request_id.as_ref(), event)?;
    Ok(InvokeAsyncResponse { status: Some(202) })
});
