//! What others may observe of a service: the events that it emits, for EventBridge, and every performed call, for CloudTrail.
//! Engines know no observer. An observer is called afterwards and changes nothing.

use crate::{AuthRecord, RequestContext};
use cloudlet_aws::{Arn, Fault, Scope, Timestamp};
use cloudlet_shape::{OperationSchema, Struct};

/// An event of a service in the form that EventBridge delivers.
/// <https://docs.aws.amazon.com/eventbridge/latest/ref/events-structure.html>
#[derive(Clone, Debug)]
pub struct ServiceEvent {
    /// `aws.s3`
    pub source: &'static str,
    /// `Object Created`
    pub detail_type: &'static str,
    pub resources: Vec<Arn>,
    pub detail: serde_json::Value,
    pub scope: Scope,
    pub time: Timestamp,
}

/// A call after it was performed, or refused.
pub struct PerformedCall<'a> {
    pub operation: &'static OperationSchema,
    pub request: &'a RequestContext,
    pub input: &'a dyn Struct,
    pub answer: Result<&'a dyn Struct, &'a Fault>,
    pub decisions: &'a [AuthRecord],
}

pub trait Observer: Send + Sync {
    fn performed(&self, _call: &PerformedCall<'_>) {}
    fn emitted(&self, _event: &ServiceEvent) {}
}
