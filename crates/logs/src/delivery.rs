//! How messages reach the destinations of subscriptions: Lambda functions as this service, delivery streams of Firehose under a role.

use crate::{PRINCIPAL, faults, names::group_arn, names::name_of_arn, state::GroupKey, state::Named};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_firehose::{PutRecord, PutRecordInput, Record};
use cloudlet_api_lambda::{InvocationRequest, Invoke};
use cloudlet_aws::{Arn, Caller, Fault};
use cloudlet_engine::{Cx, roles};
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use std::io::Write;

const SESSION: &str = "CWLSubscription";

/// The message that subscribers get.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#LambdaFunctionExample>
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    pub message_type: String,
    pub owner: String,
    pub log_group: String,
    pub log_stream: String,
    pub subscription_filters: Vec<String>,
    pub log_events: Vec<LogEventData>,
}

#[derive(Serialize)]
pub struct LogEventData {
    pub id: String,
    pub timestamp: i64,
    pub message: String,
}

/// What gets the messages in the end.
#[derive(Debug)]
pub enum Target {
    Function(Arn),
    DeliveryStream { arn: Arn, role: Arn },
}

impl Target {
    pub fn of(arn: &Arn, role: Option<&Arn>) -> Result<Target, Fault> {
        match (arn.service(), role) {
            ("lambda", _) if arn.resource().starts_with("function:") => Ok(Target::Function(arn.clone())),
            ("firehose", Some(role)) if arn.resource().starts_with("deliverystream/") => {
                Ok(Target::DeliveryStream { arn: arn.clone(), role: role.clone() })
            }
            ("kinesis", Some(_)) => Err(faults::not_implemented("subscriptions of Kinesis streams")),
            ("firehose" | "kinesis", None) => Err(faults::invalid("destinationArn for vendor requires a roleArn")),
            _ => Err(invalid_destination()),
        }
    }
}

/// AWS: unverified message.
pub fn invalid_destination() -> Fault {
    faults::invalid("PutSubscriptionFilter operation cannot work with destinationArn of this vendor")
}

/// The key of a destination of this service.
pub fn destination_key(arn: &Arn) -> Option<Named> {
    Some((arn.scope()?, name_of_arn(arn, "destination")?))
}

pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(Fault::internal)
}

/// The principals under which this service is known: policies name the one or the other.
pub fn callers(group: &GroupKey, source: &Arn) -> [Caller; 2] {
    [Caller::service(PRINCIPAL, Some(source.clone())), Caller::service(&format!("logs.{}.amazonaws.com", group.0.region), Some(source.clone()))]
}

/// Whether trying again may help.
pub fn may_recover(fault: &Fault) -> bool {
    (fault.status() >= 500 && fault.status() != 501) || fault.status() == 429 || fault.name().contains("Throttl")
}

async fn invoke(cx: &Cx, group: &GroupKey, function: &Arn, kind: &str, payload: Vec<u8>) -> Result<(), Fault> {
    let source = Arn::new("logs", &group.0, &format!("log-group:{}:*", group.1));
    let scope = function.scope().unwrap_or_else(|| group.0.clone());
    let mut outcome = Ok(());
    for caller in callers(group, &source) {
        let input = InvocationRequest {
            function_name: function.to_string(),
            invocation_type: Some(kind.to_owned()),
            payload: Some(payload.clone().into()),
            ..InvocationRequest::default()
        };
        outcome = cx.call::<Invoke>(caller, scope.clone(), input).await.map(drop);
        match &outcome {
            Err(fault) if fault.name().contains("AccessDenied") => {}
            _ => break,
        }
    }
    outcome
}

async fn put(cx: &Cx, group: &GroupKey, stream: &Arn, role: &Arn, bytes: Vec<u8>) -> Result<(), Fault> {
    let session = roles::assume_role(cx, role, SESSION, PRINCIPAL, &group_arn(group)).await?;
    let scope = stream.scope().unwrap_or_else(|| group.0.clone());
    let name = stream.resource().strip_prefix("deliverystream/").unwrap_or_default().to_owned();
    let input = PutRecordInput { delivery_stream_name: name, record: Record { data: bytes.into() } };
    cx.call::<PutRecord>(session.caller, scope, input).await.map(drop)
}

/// Sends a message.
pub async fn send(cx: &Cx, group: &GroupKey, target: &Target, data: &[u8]) -> Result<(), Fault> {
    let compressed = gzip(data)?;
    match target {
        Target::Function(function) => {
            let payload = serde_json::json!({ "awslogs": { "data": STANDARD.encode(compressed) } });
            invoke(cx, group, function, "Event", payload.to_string().into_bytes()).await
        }
        Target::DeliveryStream { arn, role } => put(cx, group, arn, role, compressed).await,
    }
}

/// Whether a destination takes messages: asked when a subscription is made.
pub async fn probe(cx: &Cx, group: &GroupKey, target: &Target) -> Result<(), Fault> {
    let (outcome, message) = match target {
        Target::Function(function) => (
            invoke(cx, group, function, "DryRun", vec![]).await,
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
        ),
        Target::DeliveryStream { arn, role } => {
            let message = "CWL CONTROL MESSAGE: Checking health of destination Firehose.".to_owned();
            let data = Data {
                message_type: "CONTROL_MESSAGE".into(),
                owner: "CloudwatchLogs".into(),
                log_group: String::new(),
                log_stream: String::new(),
                subscription_filters: vec![],
                log_events: vec![LogEventData { id: String::new(), timestamp: cx.now.millis(), message }],
            };
            let data = serde_json::to_vec(&data).map_err(Fault::internal)?;
            let sent = put(cx, group, arn, role, gzip(&data)?).await;
            (sent, "Could not deliver test message to specified Firehose stream. Check if the given Firehose stream is in ACTIVE state.")
        }
    };
    match outcome {
        // A service that is not built says so itself.
        Err(fault) if fault.status() != 501 => Err(faults::invalid(message)),
        outcome => outcome,
    }
}
