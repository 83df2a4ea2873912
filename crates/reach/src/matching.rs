//! What a packet's header is, and which rules have it.

use crate::{
    cidr::Cidr,
    network::{Acl, AclRule, GroupNumber, GroupRule, Interface, Network, Peer},
};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMP_V6: u8 = 58;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Ingress,
    Egress,
}

/// The header of a packet. For ICMP the ports are type and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flow {
    pub protocol: u8,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
}

impl Flow {
    /// The header of the reply.
    pub fn reversed(self) -> Flow {
        let (source_port, destination_port) = match (self.protocol, self.source_port) {
            // An echo is answered by an echo reply.
            (ICMP, 8) => (0, self.destination_port),
            (ICMP_V6, 128) => (129, self.destination_port),
            (ICMP | ICMP_V6, kind) => (kind, self.destination_port),
            _ => (self.destination_port, self.source_port),
        };
        Flow { protocol: self.protocol, source: self.destination, destination: self.source, source_port, destination_port }
    }

    pub fn is_icmp(self) -> bool {
        matches!(self.protocol, ICMP | ICMP_V6)
    }
}

/// The ports of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    All,
    Range(u16, u16),
    /// -1 for all.
    Icmp {
        kind: i16,
        code: i16,
    },
}

impl Ports {
    fn matches(self, flow: &Flow) -> bool {
        match self {
            Ports::All => true,
            Ports::Range(from, to) => (from..=to).contains(&flow.destination_port),
            Ports::Icmp { kind, code } => {
                let is = |wanted: i16, given: u16| wanted == -1 || u16::try_from(wanted) == Ok(given);
                is(kind, flow.source_port) && is(code, flow.destination_port)
            }
        }
    }
}

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
