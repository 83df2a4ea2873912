//! How the answer of a request is written: the protocol it came in, and its ids.

use crate::log_entry::LogEntry;
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Dialect, SignatureRules};
use cloudlet_shape::{Body, BodyContent, OperationSchema, Protocol, ServiceSchema, Struct};
use cloudlet_wire::{Answer, Codec, Ids};
use futures_util::stream;
use std::{borrow::Cow, sync::Arc};

const INTERNAL_ERROR: FaultKind = FaultKind::receiver("InternalError", 500);

pub struct ResponseFormat<'a> {
    pub service: &'static ServiceSchema,
    pub protocol: Protocol,
    pub request_id: Arc<str>,
    pub extended_id: String,
    pub codec: &'static dyn Codec,
    pub dialect: &'a Dialect,
    /// The answer to HEAD has no body, whose type it names nevertheless.
    pub head: bool,
}

impl ResponseFormat<'_> {
    pub fn ids(&self) -> Ids<'_> {
        Ids { request_id: &self.request_id, extended_id: &self.extended_id }
    }

    pub fn output(&self, operation: &'static OperationSchema, output: &dyn Struct) -> Answer {
        let mut answer = self.codec.encode(operation, output, &self.ids());
        // AWS: recorded for HeadBucket.
        if self.head && self.protocol == Protocol::RestXml && !answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            answer.headers.push(("content-type".into(), "application/xml".to_owned()));
        }
        answer
    }

    pub fn fault(&self, fault: Fault, log: &mut LogEntry) -> Answer {
        if let Some(cause) = fault.cause() {
            tracing::error!(request_id = &*self.request_id, cause, "internal failure");
        }
        // AWS: S3's name of it: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
        let fault = match self.dialect.signature_rules {
            SignatureRules::S3 if fault.code() == "InternalFailure" => fault.recoded(&INTERNAL_ERROR),
            SignatureRules::S3 | SignatureRules::Common => fault,
        };
        let mut answer = self.codec.fault(self.service, &fault, &self.ids());
        if self.dialect.chunked_faults {
            answer.body = in_chunks(answer.body);
        }
        log.fault = Some(fault);
        self.with_server(answer)
    }

    /// With the `Server` header, where AWS sends one.
    pub fn with_server(&self, mut answer: Answer) -> Answer {
        if !self.dialect.server.is_empty() {
            answer.headers.push(("server".into(), self.dialect.server.to_owned()));
        }
        answer
    }
}

/// The same bytes, whose length is not told.
fn in_chunks(body: Body) -> Body {
    match body.take() {
        BodyContent::Whole(bytes) if !bytes.is_empty() => Body::stream(Box::pin(stream::once(async { Ok(bytes) })), None),
        BodyContent::Whole(bytes) => Body::whole(bytes),
        BodyContent::Stream(stream) => Body::stream(stream, None),
    }
}

pub fn headers(fields: Vec<(&'static str, String)>) -> Vec<(Cow<'static, str>, String)> {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}
