//! Invoke: a function's code is run with an event, now or later.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use crate::{
    Lambda,
    code::drain,
    faults,
    functions::Resolved,
    limits,
    names::{self, LATEST, Named},
    outcomes::Event,
    runs::Completion,
    state::{Function, QueuedEvent},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_api_lambda::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission, handler};
use std::sync::Arc;

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

/// What the caller says of itself, decoded, in one line. AWS: asynchronous events do not have it.
pub fn checked_client_context(text: &str) -> Result<String, Fault> {
    if text.len() > limits::CLIENT_CONTEXT_BYTES {
        // AWS: unverified wording.
        return Err(faults::invalid_content(format!("Client context must be no more than {} bytes.", limits::CLIENT_CONTEXT_BYTES)));
    }
    let decoded = STANDARD.decode(text).ok();
    let document = decoded.and_then(|bytes| serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes).ok());
    // AWS: so reported in aws/aws-sdk-js#1388.
    let document = document.ok_or_else(|| faults::invalid_content("Client context must be a valid Base64-encoded JSON object."))?;
    Ok(serde_json::Value::Object(document).to_string())
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
        let named = names::function(cx, &input.function_name, input.qualifier.as_deref())?;
        // AWS: the absent function is named by `$LATEST`.
        let found = lambda.resolved(cx, &named);
        let (resolved, function) = match found {
            Err(_) if named.qualifier.is_none() => return Err(faults::no_function(named.key.qualified_arn(LATEST))),
            found => found?,
        };
        if input.durable_execution_name.is_some() || input.tenant_id.is_some() {
            return Err(faults::not_built("durable executions and tenants of functions"));
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
        let client_context = input.client_context.take().map(|text| checked_client_context(&text)).transpose()?;
        let trace = cx.origin.trace.as_deref().map(str::to_owned);
        match input.invocation_type.as_deref() {
            Some("DryRun") => Ok(InvocationResponse { status_code: Some(204), ..InvocationResponse::default() }),
            Some("Event") => {
                let event = QueuedEvent {
                    function: named.key.clone(),
                    qualifier: named.qualifier.clone(),
                    payload,
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
                let shows_log = input.log_type.as_deref() == Some("Tail");
                let completion = if shows_log { Completion::Log } else { Completion::Answer };
                let outcome = lambda.run(cx, &named, &resolved, &function, event, completion).await?;
                Ok(InvocationResponse {
                    status_code: Some(200),
                    function_error: outcome.failed.then(|| "Unhandled".to_owned()),
                    log_result: shows_log.then(|| outcome.log_tail()),
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
        trace: cx.origin.trace.as_deref().map(str::to_owned),
        queued: cx.clock().now(),
        runs: 0,
        throttled: 0,
    };
    lambda.queue(cx, cx.request_id.as_ref(), event)?;
    Ok(InvokeAsyncResponse { status: Some(202) })
});
