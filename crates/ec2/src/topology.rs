//! The network that packets pass, made of what an account has in a region and of the VPCs that are peered with it.

use crate::{
    groups, lookups, nat_gateways, prefix_lists, route_tables,
    rows::{
        Acl, AclDirection, AclEntry, Address, Associated, Destination, Endpoint, Instance, Interface, InternetGateway, NatGateway, Peering,
        PeeringStatus, PrivateAddress, RouteOrigin, RouteTable, Subnet, Target, Vpc,
    },
    rules::{Direction, Peer, Traffic},
    state::State,
};
use cloudlet_aws::{Scope, Timestamp};
use cloudlet_reach::{self as reach, Cidr, Network, Ports};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

pub fn network(state: &State, scope: &Scope, now: Timestamp) -> Network {
    let mut scopes: BTreeSet<Scope> = BTreeSet::from([scope.clone()]);
    for (_, peering) in state.all::<Peering>(scope).filter(|(_, peering)| peering.status == PeeringStatus::Active) {
        scopes.insert(peering.requester.scope.clone());
        scopes.insert(peering.accepter.scope.clone());
    }
    let mut network = Network::default();
    for scope in &scopes {
        add(&mut network, state, scope, now);
    }
    network
}

fn add(network: &mut Network, state: &State, scope: &Scope, now: Timestamp) {
    for (id, vpc) in state.all::<Vpc>(scope) {
        let internet_gateway: Option<String> =
            state.all::<InternetGateway>(scope).find(|(_, gateway)| gateway.vpc.as_deref() == Some(id)).map(|(gateway, _)| gateway.to_owned());
        let edge_table = internet_gateway.as_ref().and_then(|gateway| {
            let with = Associated::Gateway(gateway.clone());
            state.all::<RouteTable>(scope).find(|(_, table)| table.associations.iter().any(|known| known.with == with)).map(|(table, _)| table.into())
        });
        let row = reach::Vpc {
            blocks: lookups::blocks(vpc).collect(),
            region: scope.region.as_str().into(),
            internet_gateway: internet_gateway.as_deref().map(Into::into),
            edge_table,
        };
        network.vpcs.insert(id.into(), row);
    }
    for (id, subnet) in state.all::<Subnet>(scope) {
        let table = state.route_table_of(scope, &subnet.vpc, id).map(|(table, _)| table).unwrap_or_default();
        let row = reach::Subnet {
            vpc: subnet.vpc.as_str().into(),
            blocks: [subnet.cidr].into_iter().chain(subnet.ipv6.as_ref().map(|block| block.cidr)).collect(),
            table: table.into(),
            acl: subnet.acl.as_str().into(),
        };
        network.subnets.insert(id.into(), row);
    }
    for (id, table) in state.all::<RouteTable>(scope) {
        let route = |route: crate::rows::Route| reach::Route {
            name: match &route.destination {
                Destination::Block(cidr) => cidr.to_string(),
                Destination::PrefixList(list) => list.clone(),
            },
            blocks: match &route.destination {
                Destination::Block(cidr) => vec![*cidr],
                Destination::PrefixList(list) => list_blocks(state, scope, list),
            },
            is_active: route_tables::is_active(&route.target, &table.vpc, state, scope, now),
            target: target(&route.target),
            origin: match route.origin {
                RouteOrigin::CreateRouteTable => "CreateRouteTable",
                RouteOrigin::CreateRoute => "CreateRoute",
            },
        };
        let routes = route_tables::all_routes(table, state, scope).into_iter().map(route).collect();
        network.tables.insert(id.into(), reach::RouteTable { routes });
    }
    for (id, acl) in state.all::<Acl>(scope) {
        let of = |direction| {
            let mut rules: Vec<reach::AclRule> = acl.entries.iter().filter(|entry| entry.direction == direction).map(acl_rule).collect();
            rules.sort_by_key(|rule| rule.number);
            rules
        };
        network.acls.insert(id.into(), reach::Acl { ingress: of(AclDirection::Ingress), egress: of(AclDirection::Egress) });
    }
    for (id, nat) in state.all::<NatGateway>(scope).filter(|(_, nat)| nat.deleted.is_none()) {
        let is_available = !nat_gateways::is_gone(nat, now);
        let row = reach::Nat { subnet: nat.subnet.as_str().into(), private: IpAddr::V4(nat.private_address), is_available };
        network.nats.insert(id.into(), row);
    }
    for (id, peering) in state.all::<Peering>(scope) {
        let row = reach::Peering {
            requester: peering.requester.vpc.as_str().into(),
            accepter: peering.accepter.vpc.as_str().into(),
            is_active: peering.status == PeeringStatus::Active,
        };
        network.peerings.insert(id.into(), row);
    }
    for (id, endpoint) in state.all::<Endpoint>(scope).filter(|(_, endpoint)| endpoint.kind == "Gateway") {
        network.endpoints.insert(id.into(), reach::Endpoint { vpc: endpoint.vpc.as_str().into(), service: endpoint.service.clone() });
    }
    for (id, group) in state.groups_of(scope) {
        let mut of = |direction| {
            let rules = group.rules.iter().filter(|rule| rule.direction == direction);
            rules
                .map(|rule| reach::GroupRule {
                    id: rule.id.as_str().into(),
                    protocol: protocol(&rule.traffic.protocol),
                    ports: ports(&rule.traffic),
                    peer: match &rule.traffic.peer {
                        peer if groups::is_stale(state, scope, peer) => reach::Peer::Stale,
                        Peer::Block(cidr) => reach::Peer::Block(*cidr),
                        Peer::PrefixList(list) => reach::Peer::List(list.as_str().into(), list_blocks(state, scope, list)),
                        Peer::Group { id, .. } => reach::Peer::Group(network.number_of(id)),
                    },
                })
                .collect()
        };
        let (ingress, egress) = (of(Direction::Ingress), of(Direction::Egress));
        network.add_group(reach::Group { id: id.into(), ingress, egress });
    }
    let nats = state.all::<NatGateway>(scope).filter(|(_, nat)| nat.deleted.is_none()).map(|(id, nat)| (nat.interface.as_str(), id));
    let elastic = state.all::<Address>(scope).filter_map(|(_, address)| {
        let of = address.association.as_ref()?;
        Some(((of.interface.as_str(), of.private), address.public))
    });
    let around = Around { state, scope, now, nats: nats.collect(), elastic: elastic.collect() };
    for (id, interface) in state.all::<Interface>(scope) {
        add_interface(network, &around, id, interface);
    }
}

/// What is looked up for every interface, of which there may be many.
struct Around<'s> {
    state: &'s State,
    scope: &'s Scope,
    now: Timestamp,
    /// The NAT gateway of an interface.
    nats: BTreeMap<&'s str, &'s str>,
    /// The Elastic IP address of an interface's private address.
    elastic: BTreeMap<(&'s str, Ipv4Addr), Ipv4Addr>,
}

fn add_interface(network: &mut Network, around: &Around<'_>, id: &str, interface: &Interface) {
    let groups = interface.groups.iter().map(|group| network.number_of(group)).collect();
    let public = |address: &PrivateAddress| {
        let public = around.elastic.get(&(id, address.address)).copied().or(address.launched)?;
        Some((IpAddr::V4(address.address), IpAddr::V4(public)))
    };
    let instance = interface.attachment.as_ref().and_then(|of| of.instance.as_deref());
    let instance = instance.and_then(|instance| around.state.get::<Instance>(around.scope, instance));
    let v4 = interface.addresses.iter().map(|address| IpAddr::V4(address.address));
    network.add_interface(reach::Interface {
        id: id.into(),
        vpc: interface.vpc.as_str().into(),
        subnet: interface.subnet.as_str().into(),
        addresses: v4.chain(interface.ipv6.iter().map(|address| IpAddr::V6(*address))).collect(),
        publics: interface.addresses.iter().filter_map(public).collect(),
        groups,
        source_dest_check: interface.source_dest_check,
        is_up: instance.is_none_or(|instance| lookups::is_up(instance, around.now)),
        nat: around.nats.get(id).map(|nat| (*nat).into()),
    });
}

fn list_blocks(state: &State, scope: &Scope, list: &str) -> Vec<Cidr> {
    prefix_lists::find(state, scope, list).map(|list| list.entries().iter().map(|entry| entry.cidr).collect()).unwrap_or_default()
}

fn target(of: &Target) -> reach::Target {
    match of {
        Target::Local => reach::Target::Local,
        Target::InternetGateway(id) => reach::Target::InternetGateway(id.as_str().into()),
        Target::EgressOnlyInternetGateway(id) => reach::Target::EgressOnlyInternetGateway(id.as_str().into()),
        Target::NatGateway(id) => reach::Target::Nat(id.as_str().into()),
        Target::Interface(id) => reach::Target::Interface(id.as_str().into()),
        Target::Peering(id) => reach::Target::Peering(id.as_str().into()),
        Target::Endpoint(id) => reach::Target::Endpoint(id.as_str().into()),
    }
}

fn acl_rule(entry: &AclEntry) -> reach::AclRule {
    let port = |number: i32| u16::try_from(number).unwrap_or(u16::MAX);
    let kind = |number: i32| i16::try_from(number).unwrap_or(-1);
    let ports = match (entry.ports, entry.icmp) {
        (Some((from, to)), _) => Ports::Range(port(from), port(to)),
        (None, Some((of, code))) => Ports::Icmp { kind: kind(of), code: kind(code) },
        (None, None) => Ports::All,
    };
    reach::AclRule { number: entry.number, protocol: u8::try_from(entry.protocol).ok(), ports, cidr: entry.cidr, allow: entry.allow }
}

/// `None`: all.
pub fn protocol(name: &str) -> Option<u8> {
    match name {
        "tcp" => Some(6),
        "udp" => Some(17),
        "icmp" => Some(1),
        "icmpv6" => Some(58),
        number => number.parse().ok(),
    }
}

fn ports(traffic: &Traffic) -> Ports {
    let port = |number: i32| u16::try_from(number).unwrap_or(u16::MAX);
    let kind = |number: i32| i16::try_from(number).unwrap_or(-1);
    match traffic.protocol.as_str() {
        "tcp" | "udp" => Ports::Range(port(traffic.from), port(traffic.to)),
        "icmp" | "icmpv6" => Ports::Icmp { kind: kind(traffic.from), code: kind(traffic.to) },
        _ => Ports::All,
    }
}
