//! What every protocol does: read an input, write an output, write a fault.

use crate::path::Missing;
use bytes::Bytes;
use cloudlet_aws::{Fault, Head};
use cloudlet_shape::{Body, OperationSchema, Read, Reader, ServiceSchema, Struct};
use std::borrow::Cow;

/// What a codec reads: the head, the path labels found by routing, and the body.
pub struct Incoming<'a> {
    pub head: &'a Head<'a>,
    pub labels: &'a Labels,
    pub body: Content,
}

/// A request body: whole, or streaming for operations whose input has a streaming payload.
pub enum Content {
    Whole(Bytes),
    Stream(Body),
}

impl Content {
    /// The bytes of a whole body.
    pub(crate) fn whole(&self) -> Bytes {
        match self {
            Content::Whole(bytes) => bytes.clone(),
            Content::Stream(_) => Bytes::new(),
        }
    }
}

/// The values of a URI template's labels, decoded once, by the wire name of the member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(pub Vec<(&'static str, String)>);

impl Labels {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(label, _)| *label == name).map(|(_, value)| value.as_str())
    }
}

/// A request that is no message of its protocol. The fault is the protocol's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Malformed(pub Fault);

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Fault {
        malformed.0
    }
}

/// The ids of a request, as its answer repeats them.
#[derive(Clone, Copy, Debug)]
pub struct Ids<'a> {
    pub request_id: &'a str,
    /// `x-amz-id-2` of restXml.
    pub extended_id: &'a str,
}

/// An answer to send.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names are lower-case.
    pub headers: Vec<(Cow<'static, str>, String)>,
    pub body: Body,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn new(status: u16) -> Answer {
        Answer { status, headers: Vec::with_capacity(12), body: Body::empty() }
    }

    pub(crate) fn put(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.headers.push((name.into(), value.into()));
    }

    /// Unless a member of the output has set it already.
    pub(crate) fn put_if_absent(&mut self, name: &'static str, value: &str) {
        if self.header(name).is_none() {
            self.put(name, value);
        }
    }
}

/// A fault's members beside its message. A member that is the message under another spelling (`Message`) stands for it.
pub(crate) fn message_is_a_member(fault: &Fault) -> bool {
    fault.members().iter().any(|(name, _)| name.eq_ignore_ascii_case("message"))
}

/// Reads an input from the reader that a codec gives.
pub type ReadInput<'v> = &'v mut dyn FnMut(&mut dyn Reader) -> Read<()>;

/// One of the six protocols. Stateless.
pub trait Codec: Send + Sync {
    /// Reads an input: calls `read` once with a reader at the input structure. What required members are missing is no error
    /// of the protocol: it is returned for validation.
    fn decode(&self, operation: &'static OperationSchema, incoming: Incoming<'_>, read: ReadInput<'_>) -> Result<Missing, Malformed>;
    fn encode(&self, operation: &'static OperationSchema, output: &dyn Struct, ids: &Ids<'_>) -> Answer;
    /// An error answer.
    fn fault(&self, service: &'static ServiceSchema, fault: &Fault, ids: &Ids<'_>) -> Answer;
}

/// The literal query of an operation's URI template.
pub(crate) fn literal_query(operation: &OperationSchema) -> &'static str {
    operation.uri.split_once('?').map_or("", |(_, query)| query)
}
