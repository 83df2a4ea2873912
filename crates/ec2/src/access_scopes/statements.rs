//! The statements of a path, as a request gives them: checked, and in the shape in which they are stored and shown.

use crate::faults::invalid_value;
use cloudlet_api_ec2 as api;
use cloudlet_aws::Fault;
use cloudlet_reach::Cidr;

/// `443`, `1-1023`
pub fn ports(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    Some((from.trim().parse().ok()?, to.trim().parse().ok()?)).filter(|(from, to)| from <= to)
}

/// A block, or one address.
pub fn block(text: &str) -> Option<Cidr> {
    text.parse().ok().or_else(|| text.parse().ok().map(Cidr::host))
}

fn resource(given: api::ResourceStatementRequest) -> Result<api::ResourceStatement, Fault> {
    if let Some(kind) = given.resource_types.iter().flatten().find(|kind| !kind.starts_with("AWS::")) {
        // AWS: unverified wording.
        return Err(invalid_value(format!("The resource type {kind} is not valid.")));
    }
    Ok(api::ResourceStatement { resources: given.resources, resource_types: given.resource_types })
}

fn header(given: api::PacketHeaderStatementRequest) -> Result<api::PacketHeaderStatement, Fault> {
    // AWS: unverified wordings.
    if let Some(text) = given.source_addresses.iter().chain(&given.destination_addresses).flatten().find(|text| block(text).is_none()) {
        return Err(invalid_value(format!("The address {text} is not valid.")));
    }
    if let Some(text) = given.source_ports.iter().chain(&given.destination_ports).flatten().find(|text| ports(text).is_none()) {
        return Err(invalid_value(format!("The port range {text} is not valid.")));
    }
    Ok(api::PacketHeaderStatement {
        source_addresses: given.source_addresses,
        destination_addresses: given.destination_addresses,
        source_ports: given.source_ports,
        destination_ports: given.destination_ports,
        source_prefix_lists: given.source_prefix_lists,
        destination_prefix_lists: given.destination_prefix_lists,
        protocols: given.protocols,
    })
}

fn statement(given: api::PathStatementRequest) -> Result<api::PathStatement, Fault> {
    Ok(api::PathStatement {
        packet_header_statement: given.packet_header_statement.map(header).transpose()?,
        resource_statement: given.resource_statement.map(resource).transpose()?,
    })
}

pub fn path(given: api::AccessScopePathRequest) -> Result<api::AccessScopePath, Fault> {
    let through = |given: api::ThroughResourcesStatementRequest| -> Result<api::ThroughResourcesStatement, Fault> {
        Ok(api::ThroughResourcesStatement { resource_statement: given.resource_statement.map(resource).transpose()? })
    };
    Ok(api::AccessScopePath {
        source: given.source.map(statement).transpose()?,
        destination: given.destination.map(statement).transpose()?,
        through_resources: given.through_resources.map(|all| all.into_iter().map(through).collect()).transpose()?,
    })
}
