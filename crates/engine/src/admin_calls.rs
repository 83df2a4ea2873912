//! Paths under `/_cloudlet/` that are an internal operation of a service: the admin API reads the request and performs the call, the service says
//! what its parameters mean and how the answer looks. Neither knows the other.

use crate::{Call, Operation, Origin, Output, Page};
use cloudlet_aws::{Caller, Scope};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminMethod {
    Get,
    Post,
}

/// What a request asks, beside whose account and region is meant.
#[derive(Clone, Debug, Default)]
pub struct AdminRequest {
    pub parameters: BTreeMap<String, String>,
    /// Of a POST: a text.
    pub body: String,
}

impl AdminRequest {
    pub fn text(&self, name: &str) -> Option<String> {
        self.parameters.get(name).cloned()
    }

    pub fn number(&self, name: &str) -> Result<Option<i32>, String> {
        let parsed = self.parameters.get(name).map(|text| text.parse().map_err(|_| format!("{name}={text} is no number")));
        parsed.transpose()
    }
}

pub trait AdminCall: Send + Sync {
    fn method(&self) -> AdminMethod;
    /// Its parameters: others are refused.
    fn parameters(&self) -> &'static [&'static str];
    fn call(&self, request: &AdminRequest, caller: Caller, scope: Scope) -> Result<Call, String>;
    fn page(&self, request: &AdminRequest, output: Output) -> Result<Page, String>;
}

/// The call of one operation.
pub struct AdminOperation<O: Operation> {
    pub method: AdminMethod,
    pub parameters: &'static [&'static str],
    /// The input, or what is wrong with the request.
    pub read: fn(&AdminRequest) -> Result<O::Input, String>,
    pub show: fn(&AdminRequest, O::Output) -> Result<Page, String>,
}

impl<O: Operation> AdminCall for AdminOperation<O> {
    fn method(&self) -> AdminMethod {
        self.method
    }

    fn parameters(&self) -> &'static [&'static str] {
        self.parameters
    }

    fn call(&self, request: &AdminRequest, caller: Caller, scope: Scope) -> Result<Call, String> {
        Ok(Call::of::<O>(caller, scope, Origin::default(), (self.read)(request)?))
    }

    fn page(&self, request: &AdminRequest, output: Output) -> Result<Page, String> {
        match output.into_any().downcast::<O::Output>() {
            Ok(output) => (self.show)(request, *output),
            Err(_) => Err("another operation answered".to_owned()),
        }
    }
}
