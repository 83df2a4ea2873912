//! Which service and operation a request is for, from its head.

use crate::Labels;
use cloudlet_aws::{Fault, Head};
use cloudlet_shape::{OperationSchema, Protocol, ServiceSchema};

/// Knows the services and the names under which this server is reached.
pub struct Recognizer {
    services: Vec<&'static ServiceSchema>,
    bases: Vec<String>,
}

/// A service, the protocol the request speaks, and what the Host says.
#[derive(Clone, Debug)]
pub struct Recognized {
    pub service: &'static ServiceSchema,
    pub protocol: Protocol,
    pub place: Place,
}

/// What the Host says: `b1.s3.eu-west-1.localhost:4566` is prefix `b1`, service `s3`, region `eu-west-1`;
/// `bucket.localhost` is prefix `bucket`; addresses and unknown hosts say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub prefix: Option<String>,
    /// The service's host label: an endpoint prefix.
    pub service: Option<String>,
    pub region: Option<String>,
}

/// An operation, with the labels of its path.
#[derive(Clone, Debug)]
pub struct Routed {
    pub operation: &'static OperationSchema,
    pub labels: Labels,
}

/// Why no operation was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The target or action that no operation has; empty if the request names none.
    Operation {
        name: String,
        version: String,
    },
    /// The path exists, with other methods.
    Method {
        allowed: Vec<&'static str>,
    },
    Path,
}

impl Unknown {
    /// The protocol's own error for it.
    pub fn fault(&self, _of: &Recognized) -> Fault {
        Fault::internal("not written yet")
    }
}

impl Recognizer {
    /// `bases`: the names under which the server is reached, without ports: `localhost`, `amazonaws.com`.
    pub fn new(services: &[&'static ServiceSchema], bases: &[String]) -> Recognizer {
        Recognizer { services: services.to_vec(), bases: bases.to_vec() }
    }

    /// The service, from the head alone.
    pub fn service(&self, _head: &Head<'_>) -> Option<Recognized> {
        let service = self.services.first()?;
        let _ = &self.bases;
        Some(Recognized { service, protocol: service.protocol, place: Place::default() })
    }

    /// The service of a form that nobody signed and whose host says nothing: only its `Action` and `Version` tell.
    pub fn service_of_form(&self, head: &Head<'_>, _form: &[u8]) -> Option<Recognized> {
        self.service(head)
    }

    /// The operation. `path` may differ from the head's (virtual-hosted S3 is rewritten to path style first);
    /// `form` is the body of a query-protocol request.
    pub fn operation(&self, of: &Recognized, _head: &Head<'_>, _path: &str, _form: Option<&[u8]>) -> Result<Routed, Unknown> {
        let operation = of.service.operations.first().ok_or(Unknown::Path)?;
        Ok(Routed { operation, labels: Labels::default() })
    }
}
