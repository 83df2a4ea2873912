//! The inner door: how one service asks another without knowing it. Types are forgotten here, and found again.

use crate::{Cx, Origin, Permission};
use cloudlet_aws::{Caller, Fault, Scope, Timestamp};
use cloudlet_shape::{Operation, OperationSchema, Shape, Struct};
use std::{any::Any, fmt, future::Future, pin::Pin};

pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An input or output whose type is forgotten.
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
/// A typed answer: a codec writes it, an inner caller takes it back.
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

/// Where calls go in: implemented by the cloud.
pub trait Dispatcher: Send + Sync {
    /// Authorizes and performs: the same road a request takes once it is decoded.
    fn dispatch(&self, call: Call) -> Boxed<'_, Result<Output, Fault>>;
    /// Puts a call on the agenda, due at an instant.
    fn schedule(&self, due: Timestamp, call: Call);
    /// Decides one ask of a call under way: for operations that are decided item by item (DeleteObjects).
    fn decide(&self, cx: &Cx, operation: &'static OperationSchema, permission: &Permission) -> Result<(), Fault>;
}
