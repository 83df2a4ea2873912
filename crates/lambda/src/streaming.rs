//! Answers that are passed on while the function still writes them.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html>

use crate::{
    Lambda, faults,
    invoke::{self, checked_client_context},
    limits,
    names::{self, LATEST, Named},
    outcomes::{Event, Outcome},
    pieces::{self, Piece, Pieces},
    runs::Completion,
};
use cloudlet_api_lambda::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, handler};
use cloudlet_shape::{Events, Struct};
use futures_util::stream;

impl Lambda {
    /// Runs a function, and returns once it begins to answer. A fault if it could not be run.
    pub async fn stream(&self, cx: &Cx, named: &Named, event: Event) -> Result<Pieces, Fault> {
        let (resolved, function) = self.resolved(cx, named)?;
        let executed = if resolved.number == 0 { LATEST.to_owned() } else { resolved.number.to_string() };
        let (sink, rest) = pieces::channel();
        let lambda = self.this.upgrade().ok_or_else(|| Fault::internal("the engine is gone"))?;
        let named = named.clone();
        // The work outlives the call, whose answer is a stream.
        let cx = Cx::new(cx.runtime().clone(), cx.scope.clone(), cx.caller.clone(), cx.request_id.clone(), cx.origin.clone());
        tokio::spawn(async move {
            let outcome = lambda.run(&cx, &named, &resolved, &function, event, Completion::Stream(&sink)).await;
            sink.end(outcome).await;
        });
        Pieces::begin(rest, executed).await
    }
}

/// The last event of a stream.
fn complete(outcome: &Outcome, shows_log: bool) -> InvokeWithResponseStreamCompleteEvent {
    let details = || String::from_utf8_lossy(&outcome.payload).into_owned();
    InvokeWithResponseStreamCompleteEvent {
        error_code: outcome.failed.then(|| "Unhandled".to_owned()),
        error_details: outcome.failed.then(details),
        log_result: shows_log.then(|| outcome.log_tail()),
    }
}

handler!(
    Lambda,
    InvokeWithResponseStream,
    |lambda, cx, input| Ok(invoke::permission(lambda, cx, &input.function_name, input.qualifier.as_deref())?.into()),
    |lambda, cx, input| {
        let named = names::function(cx, &input.function_name, input.qualifier.as_deref())?;
        if input.tenant_id.is_some() {
            return Err(faults::not_built("tenants of functions"));
        }
        lambda.resolved(cx, &named).map_err(|fault| match named.qualifier {
            None => faults::no_function(named.key.qualified_arn(LATEST)),
            Some(_) => fault,
        })?;
        let payload = invoke::checked_payload(input.payload.take())?;
        if payload.len() > limits::SYNCHRONOUS_BYTES {
            let text = format!(
                "{} byte payload is too large for the RequestResponse invocation type (limit {} bytes)",
                payload.len(),
                limits::SYNCHRONOUS_BYTES
            );
            return Err(faults::REQUEST_TOO_LARGE.says(text).with("Type", "User"));
        }
        if input.invocation_type.as_deref() == Some("DryRun") {
            return Ok(InvokeWithResponseStreamResponse { status_code: Some(204), ..InvokeWithResponseStreamResponse::default() });
        }
        let client_context = input.client_context.take().map(|text| checked_client_context(&text)).transpose()?;
        let trace = cx.origin.trace.as_deref().map(str::to_owned);
        let event = Event { request_id: cx.request_id.to_string(), payload, client_context, trace };
        let pieces = lambda.stream(cx, &named, event).await?;
        let executed = pieces.executed.clone();
        let shows_log = input.log_type.as_deref() == Some("Tail");
        let events = stream::unfold(pieces, move |mut pieces| async move {
            loop {
                let event = match pieces.next().await? {
                    Piece::Head(_) => continue,
                    Piece::Bytes(bytes) => InvokeWithResponseStreamResponseEvent {
                        payload_chunk: Some(InvokeResponseStreamUpdate { payload: Some(bytes) }),
                        ..Default::default()
                    },
                    Piece::End(outcome) => {
                        InvokeWithResponseStreamResponseEvent { invoke_complete: Some(complete(&outcome, shows_log)), ..Default::default() }
                    }
                };
                return Some((Ok(Box::new(event) as Box<dyn Struct>), pieces));
            }
        });
        Ok(InvokeWithResponseStreamResponse {
            status_code: Some(200),
            executed_version: Some(executed),
            event_stream: Some(Events::new(Box::pin(events))),
            response_stream_content_type: None,
        })
    }
);
