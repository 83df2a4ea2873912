//! Internal dispatch: how one service calls another without knowing it. Types are erased here, and restored by the caller.

use crate::{Authorization, Boxed, Origin, Permission, ServiceEvent};
use cloudlet_aws::{Caller, Fault, Scope, Timestamp};
use cloudlet_shape::{Operation, OperationSchema, Read, Reader, ServiceSchema, Shape, Struct};
use serde::{Deserialize, Serialize};
use std::{any::Any, borrow::Cow, fmt};

/// An input or output whose type is erased.
pub trait AnyInput: Struct + 'static {
    fn as_struct(&self) -> &dyn Struct;
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
    fn boxed_clone(&self) -> Input;
}

impl<T: Shape> AnyInput for T {
    fn as_struct(&self) -> &dyn Struct {
        self
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
    fn boxed_clone(&self) -> Input {
        Box::new(self.clone())
    }
}

pub type Input = Box<dyn AnyInput>;
/// A typed output: a codec writes it, an internal caller downcasts it.
pub type Output = Box<dyn AnyInput>;

impl fmt::Debug for dyn AnyInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        cloudlet_shape::debug(self.as_struct(), f)
    }
}

/// A call, ready to be authorized and performed.
#[derive(Debug)]
pub struct Call {
    pub operation: &'static OperationSchema,
    pub caller: Caller,
    /// The account and region the call works in.
    pub scope: Scope,
    pub origin: Origin,
    pub input: Input,
}

impl Call {
    pub fn of<O: Operation>(caller: Caller, scope: Scope, origin: Origin, input: O::Input) -> Call {
        Call { operation: O::SCHEMA, caller, scope, origin, input: Box::new(input) }
    }
}

/// A call to be made at an instant.
#[derive(Debug)]
pub struct Schedule {
    pub due: Timestamp,
    pub key: Option<ScheduleKey>,
    pub call: Call,
}

/// The name of a scheduled call, by which its service replaces or cancels it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScheduleKey {
    pub service: Cow<'static, str>,
    pub name: String,
}

impl ScheduleKey {
    pub fn of<O: Operation>(name: impl Into<String>) -> ScheduleKey {
        ScheduleKey { service: O::SCHEMA.service.name.into(), name: name.into() }
    }
}

/// Where calls enter the pipeline from inside: implemented by the cloud.
pub trait Dispatcher: Send + Sync {
    /// Authorizes and performs, as for a request once it is decoded.
    fn dispatch(&self, call: Call) -> Boxed<'_, Result<Output, Fault>>;
    /// A fault when the scheduler is full.
    fn schedule(&self, schedule: Schedule) -> Result<(), Fault>;
    fn cancel(&self, key: &ScheduleKey) -> bool;
    /// Reads an input of an operation whose types are known at run time only. `None`: the operation is not built.
    fn read(&self, operation: &'static OperationSchema, reader: &mut dyn Reader) -> Option<Read<Input>>;
    /// Reads an output in the same way, to see whether a value has its shape.
    fn read_output(&self, operation: &'static OperationSchema, reader: &mut dyn Reader) -> Option<Read<Output>>;
    /// The models of all services, built or not.
    fn services(&self) -> Vec<&'static ServiceSchema>;
    /// Whether the operation is built.
    fn is_built(&self, operation: &'static OperationSchema) -> bool;
    /// What the gateway would say of an input that was read in this way. `missing` are required members that are absent.
    fn validate(&self, operation: &'static OperationSchema, input: &dyn Struct, missing: &[String]) -> Result<(), Fault>;
    /// Decides one permission of a call under way: for operations that are decided item by item (DeleteObjects).
    fn decide(&self, authorization: &Authorization, operation: &'static OperationSchema, permission: &Permission) -> Result<(), Fault>;
    fn is_observed(&self) -> bool;
    fn emit(&self, event: &ServiceEvent);
}
