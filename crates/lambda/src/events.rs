//! Asynchronous events: each is run, tried again when it fails, and reported to a destination or a dead-letter queue in the end.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html>

use crate::{
    Lambda,
    code::PRINCIPAL,
    faults,
    functions::Resolved,
    names::{LATEST, Named},
    outcomes::{Event, Outcome},
    runs::Completion,
    scheduled::{EventInput, RunEvent},
    state::{InvokeConfig, QueuedEvent, Version},
    traces,
};
use bytes::Bytes;
use cloudlet_api_lambda::{InvocationRequest, Invoke};
use cloudlet_api_s3::{PutObject, PutObjectRequest};
use cloudlet_api_sns::{Publish, PublishInput};
use cloudlet_api_sqs::{MessageSystemAttributeValue, SendMessage, SendMessageRequest};
use cloudlet_aws::{Arn, Caller, Fault, Timestamp};
use cloudlet_engine::{Cx, Permission, handler, roles};
use cloudlet_shape::{Body, Empty, Map};
use serde_json::{Value, json, value::RawValue};
use std::sync::Arc;

/// Retries of a failure, and how long an event may wait, where the function does not say otherwise.
const RETRIES: i32 = 2;
const AGE: i32 = 21_600;
/// Seconds before the first and the second retry.
const WAITS: [i64; 2] = [60, 120];
/// Seconds before a throttled event is tried again: from the first, doubled each time, to the last.
const FIRST_WAIT: i64 = 1;
const LAST_WAIT: i64 = 300;

/// Why an event is given up, as AWS writes it.
enum Condition {
    Success,
    RetriesExhausted,
    EventAgeExceeded,
    ZeroReservedConcurrency,
}

impl Condition {
    fn name(&self) -> &'static str {
        match self {
            Condition::Success => "Success",
            Condition::RetriesExhausted => "RetriesExhausted",
            Condition::EventAgeExceeded => "EventAgeExceeded",
            Condition::ZeroReservedConcurrency => "ZeroReservedConcurrency",
        }
    }
}

impl QueuedEvent {
    fn named(&self) -> Named {
        Named { key: self.function.clone(), qualifier: self.qualifier.clone() }
    }
}

impl Lambda {
    pub fn queue(&self, cx: &Cx, request_id: &str, event: QueuedEvent) -> Result<(), Fault> {
        self.keep(cx, request_id, event, cx.clock().now())
    }

    /// Writes an event down, and has it run when it is due.
    fn keep(&self, cx: &Cx, request_id: &str, event: QueuedEvent, due: Timestamp) -> Result<(), Fault> {
        let key = event.function.clone();
        self.store.update(|state| state.events.insert(request_id.to_owned(), Arc::new(event)));
        let input = EventInput { request_id: request_id.to_owned() };
        cx.schedule_keyed::<RunEvent>(format!("event/{request_id}"), due, PRINCIPAL, key.arn(), key.scope(), input)
    }

    fn drop_event(&self, request_id: &str) {
        self.store.update(|state| drop(state.events.remove(request_id)));
    }

    /// AWS: the configuration of the version or alias that the request named, else of `$LATEST`.
    fn invoke_config(&self, event: &QueuedEvent) -> Arc<InvokeConfig> {
        let qualifier = event.qualifier.clone().unwrap_or_else(|| LATEST.to_owned());
        self.store.read(|state| state.invoke_configs.get(&(event.function.clone(), qualifier)).cloned()).unwrap_or_default()
    }

    async fn run_event(&self, cx: &Cx, request_id: &str) -> Result<(), Fault> {
        let Some(event) = self.store.read(|state| state.events.get(request_id).cloned()) else { return Ok(()) };
        let named = event.named();
        // A function that is gone has nobody to tell.
        let Some((resolved, function)) = self.found(cx, &named) else {
            self.drop_event(request_id);
            return Ok(());
        };
        let config = self.invoke_config(&event);
        let age = i64::from(config.age.unwrap_or(AGE));
        let too_old = event.queued.plus_secs(age);
        if cx.clock().now() >= too_old {
            return self.give_up(cx, request_id, &event, &resolved, &config, &Condition::EventAgeExceeded, None).await;
        }
        // AWS: a function that nothing may run has no events that wait.
        if function.reserved == Some(0) {
            return self.give_up(cx, request_id, &event, &resolved, &config, &Condition::ZeroReservedConcurrency, None).await;
        }
        let run = Event { request_id: request_id.to_owned(), payload: event.payload.clone(), client_context: None, trace: event.trace.clone() };
        match self.run(cx, &named, &resolved, &function, run, Completion::Log).await {
            Ok(outcome) => {
                let event = QueuedEvent { runs: event.runs + 1, throttled: 0, ..QueuedEvent::clone(&event) };
                if !outcome.failed {
                    return self.give_up(cx, request_id, &event, &resolved, &config, &Condition::Success, Some(&outcome)).await;
                }
                let retries = config.retries.unwrap_or(RETRIES);
                if event.runs > retries {
                    return self.give_up(cx, request_id, &event, &resolved, &config, &Condition::RetriesExhausted, Some(&outcome)).await;
                }
                let wait = usize::try_from(event.runs - 1).ok().and_then(|at| WAITS.get(at)).copied().unwrap_or(LAST_WAIT);
                let due = cx.clock().now().plus_secs(wait);
                if due >= too_old {
                    return self.give_up(cx, request_id, &event, &resolved, &config, &Condition::EventAgeExceeded, Some(&outcome)).await;
                }
                self.keep(cx, request_id, event, due)
            }
            // AWS: an event that goes in circles is told to whom failures are told. AWS: unverified under which condition.
            Err(fault) if fault.name() == faults::RECURSIVE_INVOCATION.name => {
                tracing::warn!(function = %event.function.name, "a loop of functions was stopped");
                self.give_up(cx, request_id, &event, &resolved, &config, &Condition::RetriesExhausted, None).await
            }
            // For want of concurrency, or of something here: it waits, for as long as it may.
            Err(fault) => {
                tracing::debug!(%fault, function = %event.function.name, "an asynchronous event waits");
                let wait = FIRST_WAIT.checked_shl(event.throttled).unwrap_or(LAST_WAIT).clamp(FIRST_WAIT, LAST_WAIT);
                let event = QueuedEvent { throttled: event.throttled.saturating_add(1).min(16), ..QueuedEvent::clone(&event) };
                let due = cx.clock().now().plus_secs(wait);
                self.keep(cx, request_id, event, if due < too_old { due } else { too_old })
            }
        }
    }

    /// The end of an event: it is told to whom the function names, and forgotten.
    #[expect(clippy::too_many_arguments, reason = "all that a record says")]
    async fn give_up(
        &self,
        cx: &Cx,
        request_id: &str,
        event: &QueuedEvent,
        resolved: &Resolved,
        config: &InvokeConfig,
        condition: &Condition,
        outcome: Option<&Outcome>,
    ) -> Result<(), Fault> {
        let destinations = config.destinations.as_deref();
        let is_success = matches!(condition, Condition::Success);
        let destination = if is_success {
            destinations.and_then(|to| to.on_success.as_ref()?.destination.clone())
        } else {
            destinations.and_then(|to| to.on_failure.as_ref()?.destination.clone())
        };
        if let Some(destination) = destination {
            let record = record(cx, request_id, event, condition, outcome);
            self.tell(cx, resolved, event, &destination, record.clone(), Map::new(), record).await;
        }
        let dead_letters = resolved.version.configuration.dead_letter_config.as_ref().and_then(|config| config.target_arn.clone());
        if let Some(target) = dead_letters.filter(|_| !is_success) {
            let message = outcome.and_then(|outcome| serde_json::from_slice::<Value>(&outcome.payload).ok());
            let message = message.as_ref().and_then(|error| error.get("errorMessage")?.as_str()).unwrap_or_default().to_owned();
            let mut attributes =
                Map::from([("RequestID".to_owned(), ("String", request_id.to_owned())), ("ErrorCode".to_owned(), ("Number", "200".to_owned()))]);
            if !message.is_empty() {
                // AWS: the first kilobyte.
                let message = message.chars().take(1_024).collect();
                attributes.insert("ErrorMessage".to_owned(), ("String", message));
            }
            let body = String::from_utf8_lossy(&event.payload).into_owned();
            self.tell(cx, resolved, event, &target, body.clone(), attributes, body).await;
        }
        self.drop_event(request_id);
        Ok(())
    }

    /// Sends to a queue, a topic or a function, under the function's role. What cannot be sent is lost, as in AWS, and logged.
    #[expect(clippy::too_many_arguments, reason = "a message and its two forms")]
    async fn tell(
        &self,
        cx: &Cx,
        resolved: &Resolved,
        event: &QueuedEvent,
        to: &str,
        body: String,
        attributes: Map<(&'static str, String)>,
        payload: String,
    ) {
        let outcome = async {
            let arn = Arn::parse(to).ok_or_else(|| Fault::internal("no ARN"))?;
            // That of a bucket names no account.
            let scope = arn.scope().unwrap_or_else(|| event.function.scope());
            let caller = self.caller(cx, event, &resolved.version).await?;
            match arn.service() {
                "sqs" => {
                    let text = |(of, value): (&str, String)| cloudlet_api_sqs::MessageAttributeValue {
                        string_value: Some(value),
                        data_type: of.to_owned(),
                        ..Default::default()
                    };
                    let attributes: Map<_> = attributes.into_iter().map(|(name, value)| (name, text(value))).collect();
                    let input = SendMessageRequest {
                        queue_url: format!("{}/{}/{}", cx.endpoint(), arn.account(), arn.resource()),
                        message_body: body,
                        message_attributes: Some(attributes).filter(|attributes| !attributes.is_empty()),
                        message_system_attributes: Some(Map::from([("AWSTraceHeader".to_owned(), trace(cx, event))])),
                        ..SendMessageRequest::default()
                    };
                    cx.call_ignoring_output::<SendMessage>(caller, scope, input).await
                }
                "sns" => {
                    let text = |(of, value): (&str, String)| cloudlet_api_sns::MessageAttributeValue {
                        string_value: Some(value),
                        data_type: of.to_owned(),
                        ..Default::default()
                    };
                    let attributes: Map<_> = attributes.into_iter().map(|(name, value)| (name, text(value))).collect();
                    let input = PublishInput {
                        topic_arn: Some(to.to_owned()),
                        message: body,
                        message_attributes: Some(attributes).filter(|attributes| !attributes.is_empty()),
                        ..PublishInput::default()
                    };
                    cx.call_ignoring_output::<Publish>(caller, scope, input).await
                }
                "lambda" => {
                    let input = InvocationRequest {
                        function_name: to.to_owned(),
                        invocation_type: Some("Event".into()),
                        payload: Some(Bytes::from(payload)),
                        ..InvocationRequest::default()
                    };
                    cx.call_ignoring_output::<Invoke>(caller, scope, input).await
                }
                "s3" => {
                    // AWS: `aws/lambda/async/FUNCTION/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-ID`
                    let now = cx.clock().now().with_millis();
                    let (day, time) = (now.get(..10).unwrap_or_default(), now.get(11..19).unwrap_or_default());
                    let name = &event.function.name;
                    let key = format!("aws/lambda/async/{name}/{}/{day}T{}-{}", day.replace('-', "/"), time.replace(':', "."), cx.ids().uuid());
                    let input =
                        PutObjectRequest { bucket: arn.resource().to_owned(), key, body: Some(Body::whole(body)), ..PutObjectRequest::default() };
                    cx.call_ignoring_output::<PutObject>(caller, event.function.scope(), input).await
                }
                service => Err(faults::not_built(&format!("the destination {service}"))),
            }
        };
        if let Err(fault) = outcome.await {
            tracing::warn!(%fault, function = %event.function.name, to, "the outcome of an asynchronous event is not delivered");
        }
    }

    async fn caller(&self, cx: &Cx, event: &QueuedEvent, version: &Version) -> Result<Caller, Fault> {
        let role = Arn::parse(version.role()).ok_or_else(|| Fault::internal("a function without a role"))?;
        Ok(roles::assume_role(cx, &role, &event.function.name, PRINCIPAL, &event.function.arn()).await?.caller)
    }
}

/// AWS: recorded: what a queue gets belongs to the trace of the event.
fn trace(cx: &Cx, event: &QueuedEvent) -> MessageSystemAttributeValue {
    let header = traces::next(cx, event.trace.as_deref(), &event.function).header;
    MessageSystemAttributeValue { string_value: Some(header), data_type: "String".to_owned(), ..MessageSystemAttributeValue::default() }
}

/// JSON as it was written, or as a text if it is none.
fn raw(bytes: &[u8]) -> Value {
    serde_json::from_slice::<&RawValue>(bytes)
        .ok()
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_else(|| json!(String::from_utf8_lossy(bytes)))
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
fn record(cx: &Cx, request_id: &str, event: &QueuedEvent, condition: &Condition, outcome: Option<&Outcome>) -> String {
    let qualifier = event.qualifier.as_deref().unwrap_or(LATEST);
    let mut record = json!({
        "version": "1.0",
        "timestamp": cx.clock().now().with_millis(),
        "requestContext": {
            "requestId": request_id,
            "functionArn": event.function.qualified_arn(qualifier).as_str(),
            "condition": condition.name(),
            "approximateInvokeCount": event.runs,
        },
        "requestPayload": raw(&event.payload),
    });
    if let (Some(outcome), Value::Object(fields)) = (outcome, &mut record) {
        let mut context = json!({ "statusCode": 200, "executedVersion": outcome.executed });
        if let (true, Value::Object(context)) = (outcome.failed, &mut context) {
            context.insert("functionError".into(), json!("Unhandled"));
        }
        fields.insert("responseContext".into(), context);
        fields.insert("responsePayload".into(), raw(&outcome.payload));
    }
    record.to_string()
}

handler!(Lambda, RunEvent, |lambda, cx, input| Ok(Permission::none()), |lambda, cx, input| {
    lambda.run_event(cx, &input.request_id).await?;
    Ok(Empty {})
});
