//! The rules of an interface as an nftables ruleset, so that a network of containers can be filtered by them.
//! The kernel keeps connections as groups do; network ACLs know none.

use crate::{
    cidr::{Cidr, Family},
    flow::{Direction, Ports},
    network::{AclRule, GroupRule, Interface, Network, Peer},
};
use std::{collections::BTreeSet, fmt::Write};

/// The ruleset of the host that stands for an interface. `None`: there is no such interface.
pub fn nftables(network: &Network, interface: &str) -> Option<String> {
    let interface = network.interface(interface)?;
    let mut text = format!("table inet cloudlet_{} {{\n", interface.id.replace('-', "_"));
    for direction in [Direction::Ingress, Direction::Egress] {
        acl_chain(&mut text, network, interface, direction);
        group_chain(&mut text, network, interface, direction);
    }
    text.push_str("}\n");
    Some(text)
}

fn hook(direction: Direction) -> (&'static str, &'static str, &'static str) {
    match direction {
        Direction::Ingress => ("input", "saddr", "ingress"),
        Direction::Egress => ("output", "daddr", "egress"),
    }
}

// Writing into a String cannot fail.
fn line(text: &mut String, rule: &str) {
    let _ = writeln!(text, "    {rule}");
}

fn acl_chain(text: &mut String, network: &Network, interface: &Interface, direction: Direction) {
    let Some(subnet) = network.subnets.get(&interface.subnet) else { return };
    let Some(acl) = network.acls.get(&subnet.acl) else { return };
    let (hook, side, name) = hook(direction);
    let _ = writeln!(text, "  chain acl_{name} {{");
    line(text, &format!("type filter hook {hook} priority filter - 10; policy drop;"));
    line(text, if direction == Direction::Ingress { "iif lo accept" } else { "oif lo accept" });
    line(text, "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept");
    // What stays in the subnet passes no ACL.
    for block in &subnet.blocks {
        line(text, &format!("{} {side} {block} accept", family(*block)));
    }
    for AclRule { protocol, ports, cidr, allow, number } in acl.rules(direction) {
        let verdict = if *allow { "accept" } else { "drop" };
        line(text, &format!("{}{} {side} {cidr} {verdict} comment \"{number}\"", header(*protocol, *ports), family(*cidr)));
    }
    text.push_str("  }\n");
}

fn group_chain(text: &mut String, network: &Network, interface: &Interface, direction: Direction) {
    let (hook, side, name) = hook(direction);
    let _ = writeln!(text, "  chain groups_{name} {{");
    line(text, &format!("type filter hook {hook} priority filter; policy drop;"));
    line(text, if direction == Direction::Ingress { "iif lo accept" } else { "oif lo accept" });
    line(text, "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept");
    line(text, "ct state established,related accept");
    for group in interface.groups.iter().filter_map(|number| network.group_of(*number)) {
        for rule in group.rules(direction) {
            for block in blocks(network, rule) {
                let header = header(rule.protocol, rule.ports);
                line(text, &format!("{header}{} {side} {block} accept comment \"{}\"", family(block), rule.id));
            }
        }
    }
    text.push_str("  }\n");
}

/// The blocks that a rule is about; for a group, the addresses that its members have now.
fn blocks(network: &Network, rule: &GroupRule) -> Vec<Cidr> {
    match &rule.peer {
        Peer::Block(cidr) => vec![*cidr],
        Peer::List(_, cidrs) => cidrs.clone(),
        Peer::Group(group) => {
            let addresses: BTreeSet<Cidr> =
                network.members(*group).flat_map(|member| member.addresses.iter().map(|address| Cidr::host(*address))).collect();
            addresses.into_iter().collect()
        }
        Peer::Stale => vec![],
    }
}

fn family(cidr: Cidr) -> &'static str {
    match cidr.family() {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    }
}

fn header(protocol: Option<u8>, ports: Ports) -> String {
    let name = match protocol {
        None => return String::new(),
        Some(6) => "tcp".to_owned(),
        Some(17) => "udp".to_owned(),
        Some(1) => "icmp".to_owned(),
        Some(58) => "icmpv6".to_owned(),
        Some(other) => other.to_string(),
    };
    match ports {
        Ports::Range(from, to) if matches!(protocol, Some(6 | 17)) => format!("{name} dport {from}-{to} "),
        Ports::Icmp { kind, code } if kind >= 0 => {
            let code = if code >= 0 { format!("{name} code {code} ") } else { String::new() };
            format!("{name} type {kind} {code}")
        }
        _ => format!("meta l4proto {name} "),
    }
}
