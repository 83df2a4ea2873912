//! How the answer of a request is written: the protocol it came in, and its ids.

use crate::log_entry::LogEntry;
use cloudlet_aws::Fault;
use cloudlet_engine::Dialect;
use cloudlet_shape::{OperationSchema, Protocol, ServiceSchema, Struct};
use cloudlet_wire::{Answer, Asked, Ids, codec};
use std::{borrow::Cow, sync::Arc};

pub struct ResponseFormat {
    pub service: &'static ServiceSchema,
    pub protocol: Protocol,
    pub request_id: Arc<str>,
    pub extended_id: String,
    pub query_mode: bool,
}

impl ResponseFormat {
    pub fn ids(&self) -> Ids<'_> {
        Ids { request_id: &self.request_id, extended_id: &self.extended_id }
    }

    pub fn output(&self, operation: &'static OperationSchema, output: &dyn Struct) -> Answer {
        codec(self.protocol).encode(operation, output, &self.ids())
    }

    pub fn fault(&self, fault: Fault, log: &mut LogEntry) -> Answer {
        if let Some(cause) = fault.cause() {
            tracing::error!(request_id = &*self.request_id, cause, "internal failure");
        }
        let answer = codec(self.protocol).fault(self.service, &fault, &self.ids(), &Asked { query_mode: self.query_mode });
        log.fault = Some(fault);
        self.with_server(answer)
    }

    /// With the `Server` header, where AWS sends one.
    pub fn with_server(&self, mut answer: Answer) -> Answer {
        let server = Dialect::of(self.protocol).server;
        if !server.is_empty() {
            answer.headers.push(("server".into(), server.to_owned()));
        }
        answer
    }
}

pub fn headers(fields: Vec<(&'static str, String)>) -> Vec<(Cow<'static, str>, String)> {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}
