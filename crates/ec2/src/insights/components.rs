//! The components of a path and what stands in it, as the API shows them.

use crate::{permissions, rows::Interface, state::At};
use cloudlet_api_ec2 as api;
use cloudlet_aws::Scope;
use cloudlet_reach::{self as reach, Direction, Evidence};
use std::net::IpAddr;

fn component(of: &reach::Component, scope: &Scope) -> api::AnalysisComponent {
    let arn = (of.kind != reach::ComponentKind::Internet).then(|| permissions::arn_text(scope, of.kind.name(), &of.id)).flatten();
    api::AnalysisComponent { id: Some(of.id.clone()), arn, name: None }
}

fn named(kind: &str, id: &str, scope: &Scope) -> api::AnalysisComponent {
    api::AnalysisComponent { id: Some(id.to_owned()), arn: permissions::arn_text(scope, kind, id), name: None }
}

fn range((from, to): (u16, u16)) -> api::PortRange {
    api::PortRange { from: Some(i32::from(from)), to: Some(i32::from(to)) }
}

fn protocol_name(number: i32) -> String {
    match number {
        -1 => "all".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        1 => "icmp".to_owned(),
        other => other.to_string(),
    }
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    }
}

fn header(flow: &reach::Flow) -> api::AnalysisPacketHeader {
    let one = |port: u16| Some(vec![range((port, port))]);
    let block = |address: IpAddr| Some(vec![reach::Cidr::host(address).to_string()]);
    api::AnalysisPacketHeader {
        source_addresses: block(flow.source),
        destination_addresses: block(flow.destination),
        // The analysis is of a port that is ephemeral everywhere.
        source_port_ranges: one(flow.source_port),
        destination_port_ranges: one(flow.destination_port),
        protocol: Some(flow.protocol.to_string()),
    }
}

fn acl_rule(evidence: &Evidence) -> Option<api::AnalysisAclRule> {
    match evidence {
        Evidence::AclRule { direction, number, allow, cidr, protocol, ports } => Some(api::AnalysisAclRule {
            cidr: Some(cidr.clone()),
            egress: Some(*direction == Direction::Egress),
            port_range: ports.map(range),
            protocol: Some(protocol_name(*protocol)),
            rule_action: Some(if *allow { "allow" } else { "deny" }.to_owned()),
            rule_number: Some(*number),
        }),
        _ => None,
    }
}

fn group_rule(evidence: &Evidence) -> Option<api::AnalysisSecurityGroupRule> {
    match evidence {
        Evidence::GroupRule { group, direction, peer, protocol, ports, .. } => Some(api::AnalysisSecurityGroupRule {
            cidr: peer.contains('/').then(|| peer.clone()),
            direction: Some(direction_name(*direction).to_owned()),
            // AWS: the group that is referred to.
            security_group_id: Some(if peer.starts_with("sg-") { peer.clone() } else { group.clone() }),
            prefix_list_id: peer.starts_with("pl-").then(|| peer.clone()),
            port_range: ports.map(range),
            protocol: Some(protocol_name(*protocol)),
        }),
        _ => None,
    }
}

fn route(evidence: &Evidence) -> Option<api::AnalysisRouteTableRoute> {
    let Evidence::Route { destination, target, origin, is_active } = evidence else { return None };
    let mut shown = api::AnalysisRouteTableRoute {
        origin: Some(if origin == "CreateRouteTable" { "createroutetable" } else { "createroute" }.to_owned()),
        state: Some(if *is_active { "active" } else { "blackhole" }.to_owned()),
        ..Default::default()
    };
    match destination.starts_with("pl-") {
        true => shown.destination_prefix_list_id = Some(destination.clone()),
        false => shown.destination_cidr = Some(destination.clone()),
    }
    let id = Some(target.clone());
    match target.split('-').next() {
        Some("nat") => shown.nat_gateway_id = id,
        Some("eni") => shown.network_interface_id = id,
        Some("pcx") => shown.vpc_peering_connection_id = id,
        Some("eigw") => shown.egress_only_internet_gateway_id = id,
        _ => shown.gateway_id = id,
    }
    Some(shown)
}

pub fn components(hops: &[reach::Hop], at: &At<'_>) -> Vec<api::PathComponent> {
    let shown = |(index, hop): (usize, &reach::Hop)| {
        let interface =
            (hop.component.kind == reach::ComponentKind::NetworkInterface).then(|| at.state.get::<Interface>(at.scope, &hop.component.id)).flatten();
        let instance = interface.and_then(|row| row.attachment.as_ref()).and_then(|of| of.instance.clone());
        api::PathComponent {
            sequence_number: Some(i32::try_from(index + 1).unwrap_or(i32::MAX)),
            component: Some(component(&hop.component, at.scope)),
            attached_to: instance.map(|id| named("instance", &id, at.scope)),
            subnet: hop.subnet.as_deref().map(|id| named("subnet", id, at.scope)),
            vpc: hop.vpc.as_deref().map(|id| named("vpc", id, at.scope)),
            acl_rule: hop.evidence.as_ref().and_then(acl_rule),
            security_group_rule: hop.evidence.as_ref().and_then(group_rule),
            route_table_route: hop.evidence.as_ref().and_then(route),
            outbound_header: Some(header(&hop.header)),
            ..Default::default()
        }
    };
    hops.iter().filter(|hop| hop.component.kind != reach::ComponentKind::Internet).enumerate().map(shown).collect()
}

pub fn explanation(block: &reach::Block, scope: &Scope) -> api::Explanation {
    use reach::ComponentKind as Of;
    let mut shown = api::Explanation {
        explanation_code: Some(block.code.clone()),
        direction: block.direction.map(|direction| direction_name(direction).to_owned()),
        component: Some(component(&block.component, scope)),
        acl_rule: block.evidence.as_ref().and_then(acl_rule),
        route_table_route: block.evidence.as_ref().and_then(route),
        ..Default::default()
    };
    let one = component(&block.component, scope);
    match block.component.kind {
        Of::NetworkInterface => shown.network_interface = Some(one),
        Of::NetworkAcl => shown.acl = Some(one),
        Of::RouteTable => shown.route_table = Some(one),
        Of::Vpc => shown.vpc = Some(one),
        Of::InternetGateway => shown.internet_gateway = Some(one),
        Of::NatGateway => shown.nat_gateway = Some(one),
        Of::VpcPeeringConnection => shown.vpc_peering_connection = Some(one),
        _ => {}
    }
    let of = |kind| block.others.iter().filter(move |other| other.kind == kind).map(|other| component(other, scope));
    let groups: Vec<api::AnalysisComponent> = of(Of::SecurityGroup).collect();
    shown.security_groups = (!groups.is_empty()).then_some(groups);
    shown.subnet = of(Of::Subnet).next();
    shown
}
