//! Which rules have a packet's header.

use crate::{
    cidr::Cidr,
    flow::{Direction, Flow, Ports, TCP, UDP},
    network::{Acl, AclRule, GroupNumber, GroupRule, Interface, Network, Peer},
};
use std::net::IpAddr;

/// Whether the rule has this header; `other` is whose private address the other side is.
pub fn has(rule: &GroupRule, flow: &Flow, address: IpAddr, other: Option<&Interface>) -> bool {
    if rule.protocol.is_some_and(|protocol| protocol != flow.protocol) || !rule.ports.matches(flow) {
        return false;
    }
    match &rule.peer {
        Peer::Block(cidr) => cidr.contains(address),
        Peer::List(_, cidrs) => cidrs.iter().any(|cidr| cidr.contains(address)),
        Peer::Group(group) => other.is_some_and(|other| other.groups.contains(group)),
        Peer::Stale => false,
    }
}

/// The first rule of the groups that lets a packet pass: all of them allow.
pub fn allowing<'n>(
    network: &'n Network,
    groups: &[GroupNumber],
    direction: Direction,
    flow: &Flow,
    other: Option<&Interface>,
) -> Option<(GroupNumber, &'n GroupRule)> {
    let address = match direction {
        Direction::Ingress => flow.source,
        Direction::Egress => flow.destination,
    };
    groups.iter().find_map(|number| {
        let group = network.group_of(*number)?;
        group.rules(direction).iter().find(|rule| has(rule, flow, address, other)).map(|rule| (*number, rule))
    })
}

/// The entry of a network ACL that decides: the lowest number that has the packet. `None`: the last one, which refuses.
pub fn deciding<'n>(acl: &'n Acl, direction: Direction, flow: &Flow) -> Option<&'n AclRule> {
    let address = match direction {
        Direction::Ingress => flow.source,
        Direction::Egress => flow.destination,
    };
    let has =
        |rule: &&AclRule| rule.protocol.is_none_or(|protocol| protocol == flow.protocol) && rule.ports.matches(flow) && rule.cidr.contains(address);
    acl.rules(direction).iter().find(has)
}

/// Whether connections through a rule are tracked: those of TCP and UDP are not where everybody may come and every answer may go.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html>
pub fn is_tracked(network: &Network, groups: &[GroupNumber], direction: Direction, rule: &GroupRule, protocol: u8) -> bool {
    let is_all = |cidr: Cidr| cidr == Cidr::ALL_V4 || cidr == Cidr::ALL_V6;
    let Peer::Block(everybody) = rule.peer else { return true };
    if !matches!(protocol, TCP | UDP) || !is_all(everybody) {
        return true;
    }
    let opposite = match direction {
        Direction::Ingress => Direction::Egress,
        Direction::Egress => Direction::Ingress,
    };
    let opens = |rule: &GroupRule| {
        rule.peer == Peer::Block(everybody)
            && rule.protocol.is_none_or(|of| of == protocol)
            && matches!(rule.ports, Ports::All | Ports::Range(0, 65_535))
    };
    !groups.iter().filter_map(|number| network.group_of(*number)).any(|group| group.rules(opposite).iter().any(opens))
}
