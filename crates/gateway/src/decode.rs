//! Decode: bytes become a typed input, which is held to the constraints of its model.

use crate::gateway::{Peer, Transport};
use cloudlet_aws::{Fault, Head};
use cloudlet_engine::{AnyOperation, Input, Origin, Quotes, Service, Signed};
use cloudlet_shape::{OperationSchema, Protocol};
use cloudlet_wire::{Incoming, codec, validate, validate_discreetly, validate_without_values};

/// The input, and the required members that it lacks.
pub fn decode(
    service: &Service,
    protocol: Protocol,
    operation: &'static OperationSchema,
    handler: &dyn AnyOperation,
    message: Incoming<'_>,
) -> Result<(Input, Vec<String>), Fault> {
    let mut input = None;
    let missing = codec(protocol).decode(operation, message, &mut |reader| {
        input = Some(handler.read(reader)?);
        Ok(())
    })?;
    let input = input.ok_or_else(|| Fault::internal("a codec read nothing"))?;
    let validate = match service.dialect.quotes {
        Quotes::Values => validate,
        Quotes::Names => validate_discreetly,
        Quotes::Sets => validate_without_values,
    };
    if let Some(kind) = service.dialect.validation.of(operation, missing.paths())
        && let Some(sentence) = validate(operation.input, input.as_struct(), &missing)
    {
        return Err(kind.says(sentence));
    }
    Ok((input, missing.into_paths()))
}

/// What a call knows of the request behind it.
pub fn origin(head: &Head<'_>, peer: Peer, protocol: Protocol, signed: Option<Signed>, host_id: &str, missing: Vec<String>) -> Origin {
    let tls = match peer.transport {
        Transport::Plain => None,
        Transport::Tls(session) => Some(session),
    };
    let secure = tls.is_some();
    let scheme = if secure { "https://" } else { "http://" };
    Origin {
        source_ip: Some(peer.address.ip()),
        endpoint: head.header("host").map(|host| [scheme, host].concat().into()),
        secure,
        tls,
        user_agent: head.header("user-agent").map(Into::into),
        referer: head.header("referer").map(Into::into),
        signed,
        via: Vec::new(),
        protocol: Some(protocol),
        path: (protocol == Protocol::Query && head.path != "/").then(|| head.path.into()),
        host_id: (!host_id.is_empty()).then(|| host_id.into()),
        trace: head.header("x-amzn-trace-id").map(Into::into),
        missing,
        endpoint_id: head.header("x-cloudlet-vpc-endpoint").map(Into::into),
        vpc_endpoint: None,
        output_ignored: false,
    }
}
