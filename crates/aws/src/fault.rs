//! Errors as services answer them: code, status and message, whatever the protocol.

use std::{borrow::Cow, fmt};

/// Whose mistake it was: `Sender` and `Receiver` of the query protocol, `client` and `server` elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    Sender,
    Receiver,
}

/// One kind of error a service answers: generated from its model, or written by hand where the model lacks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultKind {
    /// The shape's name: what JSON protocols put into `__type`.
    pub name: &'static str,
    /// The code on the wire of XML and query protocols; the same as the name unless the model says otherwise.
    pub code: &'static str,
    pub status: u16,
    pub blame: Blame,
}

impl FaultKind {
    /// A mistake of the caller whose shape and code have the same name.
    pub const fn sender(name: &'static str, status: u16) -> FaultKind {
        FaultKind { name, code: name, status, blame: Blame::Sender }
    }

    pub const fn receiver(name: &'static str, status: u16) -> FaultKind {
        FaultKind { name, code: name, status, blame: Blame::Receiver }
    }

    /// The same kind under another code on the query wire.
    pub const fn coded(self, code: &'static str) -> FaultKind {
        FaultKind { code, ..self }
    }

    pub fn says(&self, message: impl Into<String>) -> Fault {
        Fault(Box::new(Details {
            name: Cow::Borrowed(self.name),
            code: Cow::Borrowed(self.code),
            status: self.status,
            blame: self.blame,
            message: message.into(),
            query_message: None,
            members: Vec::new(),
            documents: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }
}

/// An error answer. Small to pass around; its details are on the heap.
#[derive(Clone, PartialEq)]
pub struct Fault(Box<Details>);

#[derive(Clone, Debug, PartialEq)]
struct Details {
    name: Cow<'static, str>,
    code: Cow<'static, str>,
    status: u16,
    blame: Blame,
    message: String,
    query_message: Option<String>,
    members: Vec<(&'static str, String)>,
    documents: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    cause: Option<String>,
}

impl Fault {
    /// A fault whose code is only known at run time (one service quoting another's).
    pub fn named(code: impl Into<String>, status: u16, blame: Blame, message: impl Into<String>) -> Fault {
        let mut fault = FaultKind { name: "", code: "", status, blame }.says(message);
        let code: String = code.into();
        fault.0.name = Cow::Owned(code.clone());
        fault.0.code = Cow::Owned(code);
        fault
    }

    /// An error of the server. The cause is logged, and not sent to the client.
    pub fn internal(cause: impl fmt::Display) -> Fault {
        let mut fault = FaultKind::receiver("InternalFailure", 500).says("We encountered an internal error. Please try again.");
        fault.0.cause = Some(cause.to_string());
        fault
    }

    /// Another member of the error beside its message: `BucketName`, `Key`, `MissingHeaderName`.
    #[must_use]
    pub fn with(mut self, member: &'static str, value: impl Into<String>) -> Fault {
        self.0.members.push((member, value.into()));
        self
    }

    /// Another member that is no text: a value in JSON. Protocols of XML leave it out.
    #[must_use]
    pub fn with_document(mut self, member: &'static str, json: impl Into<String>) -> Fault {
        self.0.documents.push((member, json.into()));
        self
    }

    /// A response header that goes with the error (`x-amz-bucket-region`, `Allow`).
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Fault {
        self.0.headers.push((name, value.into()));
        self
    }

    /// The message that the service's older query protocol gives instead.
    #[must_use]
    pub fn in_query(mut self, message: impl Into<String>) -> Fault {
        self.0.query_message = Some(message.into());
        self
    }

    /// The same fault under another code, for services that answer a shared fault with another.
    #[must_use]
    pub fn recoded(mut self, kind: &FaultKind) -> Fault {
        self.0.name = Cow::Borrowed(kind.name);
        self.0.code = Cow::Borrowed(kind.code);
        self.0.status = kind.status;
        self.0.blame = kind.blame;
        self
    }

    pub fn is(&self, kind: &FaultKind) -> bool {
        self.0.name == kind.name && self.0.code == kind.code
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub fn code(&self) -> &str {
        &self.0.code
    }

    pub fn status(&self) -> u16 {
        self.0.status
    }

    pub fn blame(&self) -> Blame {
        self.0.blame
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn query_message(&self) -> &str {
        self.0.query_message.as_deref().unwrap_or(&self.0.message)
    }

    pub fn members(&self) -> &[(&'static str, String)] {
        &self.0.members
    }

    pub fn documents(&self) -> &[(&'static str, String)] {
        &self.0.documents
    }

    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.0.headers
    }

    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message())
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Fault {}
