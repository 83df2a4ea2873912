//! Small networks whose answers a network engineer knows.

use crate::{
    Acl, AclRule, Cidr, Direction, Flow, Group, GroupRule, Interface, Location, Nat, Network, PacketLine, Peer, Peering, Player, Ports, Question,
    Route, RouteTable, Subnet, Target, Vpc, nftables, trace,
};
use std::net::IpAddr;

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn route(block: &str, target: Target) -> Route {
    Route { name: block.into(), blocks: vec![cidr(block)], target, is_active: true, origin: "CreateRoute" }
}

fn allow(number: i32) -> AclRule {
    AclRule { number, protocol: None, ports: Ports::All, cidr: Cidr::ALL_V4, allow: true }
}

fn rule(port: u16, peer: Peer) -> GroupRule {
    GroupRule { id: format!("sgr-{port}").into(), protocol: Some(6), ports: Ports::Range(port, port), peer }
}

fn everything() -> GroupRule {
    GroupRule { id: "sgr-out".into(), protocol: None, ports: Ports::All, peer: Peer::Block(Cidr::ALL_V4) }
}

fn interface(network: &mut Network, id: &str, subnet: &str, own: &str, public: Option<&str>, group: &str) {
    let vpc = network.subnets.get(subnet).unwrap().vpc.clone();
    let groups = vec![network.number_of(group)];
    network.add_interface(Interface {
        id: id.into(),
        vpc,
        subnet: subnet.into(),
        addresses: vec![address(own)],
        publics: public.map(|public| (address(own), address(public))).into_iter().collect(),
        groups,
        source_dest_check: true,
        is_up: true,
        nat: None,
    });
}

/// A public and a private subnet with a NAT gateway, and a peered VPC.
fn network() -> Network {
    let mut network = Network::default();
    let vpc = |block: &str, gateway: Option<&str>| Vpc {
        blocks: vec![cidr(block)],
        region: "us-east-1".into(),
        internet_gateway: gateway.map(Into::into),
        edge_table: None,
    };
    network.vpcs.insert("vpc-a".into(), vpc("10.0.0.0/16", Some("igw-a")));
    network.vpcs.insert("vpc-b".into(), vpc("10.1.0.0/16", None));
    network.acls.insert("acl".into(), Acl { ingress: vec![allow(100)], egress: vec![allow(100)] });
    let local_a = || route("10.0.0.0/16", Target::Local);
    let peering = |block: &str| route(block, Target::Peering("pcx".into()));
    let tables = [
        ("rtb-public", vec![local_a(), route("0.0.0.0/0", Target::InternetGateway("igw-a".into()))]),
        ("rtb-private", vec![local_a(), route("0.0.0.0/0", Target::Nat("nat".into())), peering("10.1.0.0/16")]),
        ("rtb-b", vec![route("10.1.0.0/16", Target::Local), peering("10.0.0.0/16")]),
    ];
    for (id, routes) in tables {
        network.tables.insert(id.into(), RouteTable { routes });
    }
    for (id, vpc, block, table) in [
        ("public", "vpc-a", "10.0.0.0/24", "rtb-public"),
        ("private", "vpc-a", "10.0.1.0/24", "rtb-private"),
        ("far", "vpc-b", "10.1.0.0/24", "rtb-b"),
    ] {
        let subnet = Subnet { vpc: vpc.into(), blocks: vec![cidr(block)], table: table.into(), acl: "acl".into() };
        network.subnets.insert(id.into(), subnet);
    }
    network.peerings.insert("pcx".into(), Peering { requester: "vpc-a".into(), accepter: "vpc-b".into(), is_active: true });
    network.nats.insert("nat".into(), Nat { subnet: "public".into(), private: address("10.0.0.10"), is_available: true });
    network.add_interface(Interface {
        id: "eni-nat".into(),
        vpc: "vpc-a".into(),
        subnet: "public".into(),
        addresses: vec![address("10.0.0.10")],
        publics: vec![(address("10.0.0.10"), address("54.0.0.10"))],
        groups: vec![],
        source_dest_check: false,
        is_up: true,
        nat: Some("nat".into()),
    });
    let web = network.number_of("sg-web");
    network.add_group(Group { id: "sg-web".into(), ingress: vec![rule(443, Peer::Block(Cidr::ALL_V4))], egress: vec![everything()] });
    network.add_group(Group { id: "sg-db".into(), ingress: vec![rule(3306, Peer::Group(web))], egress: vec![] });
    interface(&mut network, "eni-web", "public", "10.0.0.5", Some("54.0.0.5"), "sg-web");
    interface(&mut network, "eni-app", "private", "10.0.1.5", None, "sg-web");
    interface(&mut network, "eni-db", "private", "10.0.1.6", None, "sg-db");
    interface(&mut network, "eni-far", "far", "10.1.0.5", None, "sg-db");
    network
}

fn asked(network: &Network, from: &str, to: &str, port: u16) -> (bool, Vec<String>) {
    let place = |text: &str| match text.parse() {
        Ok(address) => Location::Address(address),
        Err(_) => Location::Interface(text.into()),
    };
    let verdict = trace(network, &Question::new(place(from), place(to), 6, port));
    (verdict.passes, verdict.blocks.into_iter().map(|block| block.code).collect())
}

#[test]
fn engineers_agree() {
    let network = network();
    let pass = (true, vec![]);
    let refused = |codes: &[&str]| (false, codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>());
    for (from, to, port, expected) in [
        ("203.0.113.9", "eni-web", 443, pass.clone()),
        ("203.0.113.9", "54.0.0.5", 443, pass.clone()),
        ("203.0.113.9", "eni-web", 22, refused(&["ENI_SG_RULES_MISMATCH"])),
        // The NAT gateway lets the application out, and nobody in.
        ("eni-app", "203.0.113.9", 443, pass.clone()),
        ("203.0.113.9", "54.0.0.10", 443, refused(&["NO_POSSIBLE_DESTINATION"])),
        ("203.0.113.9", "eni-app", 443, refused(&["IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"])),
        // By group, in the VPC and through the peering.
        ("eni-app", "eni-db", 3306, pass.clone()),
        ("eni-web", "eni-db", 3306, pass.clone()),
        ("eni-app", "eni-far", 3306, pass.clone()),
        // The public subnet has no route to the peering, so it goes to the internet gateway, which takes no private address.
        ("eni-web", "eni-far", 3306, refused(&["IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS"])),
        ("eni-db", "eni-app", 443, refused(&["SG_HAS_NO_RULES"])),
        ("eni-far", "203.0.113.9", 443, refused(&["SG_HAS_NO_RULES", "NO_ROUTE_TO_DESTINATION"])),
        ("eni-app", "10.0.1.99", 443, refused(&["NO_POSSIBLE_DESTINATION"])),
        ("eni-app", "169.254.169.254", 80, pass),
        // Nobody's addresses.
        ("10.9.9.9", "10.8.8.8", 443, refused(&["NO_SOURCE_OR_DESTINATION"])),
        ("203.0.113.9", "198.51.100.1", 443, refused(&["NO_SOURCE_OR_DESTINATION"])),
    ] {
        assert_eq!(asked(&network, from, to, port), expected, "{from} to {to}:{port}");
    }
}

#[test]
fn an_address_of_two_vpcs_is_always_the_same_interface() {
    let mut network = network();
    for (id, subnet) in [("eni-2", "private"), ("eni-1", "far"), ("eni-3", "public")] {
        interface(&mut network, id, subnet, "10.7.0.1", None, "sg-web");
    }
    assert_eq!(network.at_address(address("10.7.0.1")).map(|interface| &*interface.id), Some("eni-1"));
}

#[test]
fn acls_know_no_connections() {
    let mut network = network();
    let only = |number, from, to| AclRule { number, protocol: Some(6), ports: Ports::Range(from, to), cidr: Cidr::ALL_V4, allow: true };
    network.acls.insert("acl-public".into(), Acl { ingress: vec![only(100, 443, 443)], egress: vec![only(100, 443, 443)] });
    network.subnets.get_mut("public").unwrap().acl = "acl-public".into();
    assert_eq!(asked(&network, "203.0.113.9", "eni-web", 443), (false, vec!["SUBNET_ACL_RESTRICTION".to_owned()]));
    let open = Acl { ingress: vec![only(100, 443, 443)], egress: vec![only(100, 1_024, 65_535)] };
    network.acls.insert("acl-public".into(), open);
    assert_eq!(asked(&network, "203.0.113.9", "eni-web", 443), (true, vec![]));
}

#[test]
fn a_route_back_is_needed() {
    let mut network = network();
    network.tables.insert("rtb-b".into(), RouteTable { routes: vec![route("10.1.0.0/16", Target::Local)] });
    assert_eq!(asked(&network, "eni-app", "eni-far", 3306), (false, vec!["NO_ROUTE_TO_DESTINATION".to_owned()]));
    network.peerings.get_mut("pcx").unwrap().is_active = false;
    network.tables.get_mut("rtb-private").unwrap().routes.get_mut(2).unwrap().is_active = false;
    assert_eq!(asked(&network, "eni-app", "eni-far", 3306).1.last().map(String::as_str), Some("BAD_STATE_ROUTE"));
}

#[test]
fn circles_end() {
    let mut network = network();
    for (id, subnet, own) in [("eni-m1", "public", "10.0.0.20"), ("eni-m2", "private", "10.0.1.20")] {
        let groups = vec![network.number_of("sg-open")];
        network.add_interface(Interface {
            id: id.into(),
            vpc: "vpc-a".into(),
            subnet: subnet.into(),
            addresses: vec![address(own)],
            publics: vec![],
            groups,
            source_dest_check: false,
            is_up: true,
            nat: None,
        });
    }
    network.add_group(Group { id: "sg-open".into(), ingress: vec![everything()], egress: vec![everything()] });
    network.tables.get_mut("rtb-public").unwrap().routes.push(route("8.8.8.0/24", Target::Interface("eni-m2".into())));
    network.tables.get_mut("rtb-private").unwrap().routes.push(route("8.8.8.0/24", Target::Interface("eni-m1".into())));
    assert!(!asked(&network, "eni-app", "8.8.8.8", 443).0);
}

#[test]
fn what_is_played_is_recorded_and_replies_pass() {
    let network = network();
    let mut player = Player::new(&network);
    let flow = Flow { protocol: 6, source: address("203.0.113.9"), destination: address("54.0.0.5"), source_port: 50_000, destination_port: 443 };
    let records = player.play(PacketLine { flow, bytes: 40 });
    assert_eq!(records.iter().map(|record| (record.interface.as_str(), record.accepted)).collect::<Vec<_>>(), [("eni-web", true)]);
    let reply = Flow { source: address("10.0.0.5"), destination: flow.source, source_port: 443, destination_port: 50_000, ..flow };
    let records = player.play(PacketLine { flow: reply, bytes: 40 });
    assert_eq!(records.iter().map(|record| (record.direction, record.accepted)).collect::<Vec<_>>(), [(Direction::Egress, true)]);
    let refused = player.play(PacketLine { flow: Flow { destination_port: 22, ..flow }, bytes: 40 });
    assert!(!refused.first().unwrap().accepted);
}

#[test]
fn rules_are_exported() {
    let text = nftables(&network(), "eni-db").unwrap();
    for line in ["ct state established,related accept", "tcp dport 3306-3306 ip saddr 10.0.1.5/32 accept comment \"sgr-3306\"", "policy drop;"] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(nftables(&network(), "eni-none"), None);
}
