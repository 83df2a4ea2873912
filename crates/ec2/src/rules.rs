//! The rules of security groups: read from requests, normalised as AWS does it, and shown in both of AWS's shapes.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html>

use crate::{faults, limits};
use cloudlet_api_ec2::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::Ids;
use cloudlet_reach::{Cidr, Family};
use serde::{Deserialize, Serialize};

const DESCRIPTION_SET: &str = " ._-:/()#,@[]+=&;{}!$*";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    Ingress,
    Egress,
}

/// The peering through which a group of another VPC is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peered {
    pub vpc: String,
    pub peering: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Peer {
    Block(Cidr),
    PrefixList(String),
    Group { id: String, user: String, peered: Option<Peered> },
}

/// What two rules of a group in one direction may not have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, `-1`, or a number.
    pub protocol: String,
    /// A port, or the type of ICMP. -1 where the protocol has none, and for all.
    pub from: i32,
    /// A port, or the code of ICMP.
    pub to: i32,
    pub peer: Peer,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    pub id: String,
    pub direction: Direction,
    pub traffic: Traffic,
    pub description: Option<String>,
}

pub fn new_id(ids: &Ids) -> String {
    format!("sgr-{}", ids.hex(17))
}

impl Rule {
    pub fn from_itself(ids: &Ids, scope: &Scope, group: &str) -> Rule {
        let peer = Peer::Group { id: group.to_owned(), user: scope.account.as_str().to_owned(), peered: None };
        Rule::of_all_traffic(ids, Direction::Ingress, peer)
    }

    pub fn to_everywhere(ids: &Ids) -> Rule {
        Rule::of_all_traffic(ids, Direction::Egress, Peer::Block(Cidr::ALL_V4))
    }

    pub fn to_everywhere_ipv6(ids: &Ids) -> Rule {
        Rule::of_all_traffic(ids, Direction::Egress, Peer::Block(Cidr::ALL_V6))
    }

    fn of_all_traffic(ids: &Ids, direction: Direction, peer: Peer) -> Rule {
        let traffic = Traffic { protocol: "-1".to_owned(), from: -1, to: -1, peer };
        Rule { id: new_id(ids), direction, traffic, description: None }
    }

    /// How much the rule counts to the quota of a family. A reference to a group counts to both; one to a prefix list, its weight.
    pub fn weight(&self, family: Family, of_list: impl Fn(&str) -> usize) -> usize {
        match &self.traffic.peer {
            Peer::Block(cidr) => usize::from(cidr.family() == family),
            Peer::PrefixList(list) => of_list(list),
            Peer::Group { .. } => 1,
        }
    }
}

impl Traffic {
    /// As a fault names a rule: `peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW`.
    pub fn named(&self) -> String {
        let peer = match &self.peer {
            Peer::Block(cidr) => cidr.to_string(),
            Peer::PrefixList(id) | Peer::Group { id, .. } => id.clone(),
        };
        let all = |number: i32| if number == -1 { "ALL".to_owned() } else { number.to_string() };
        let what = match self.protocol.as_str() {
            "-1" => "ALL".to_owned(),
            name @ ("tcp" | "udp") => format!("{}, from port: {}, to port: {}", name.to_uppercase(), self.from, self.to),
            // AWS: unverified.
            name @ ("icmp" | "icmpv6") => format!("{}, type: {}, code: {}", name.to_uppercase(), all(self.from), all(self.to)),
            number => format!("protocol: {number}"),
        };
        format!("peer: {peer}, {what}, ALLOW")
    }
}

fn protocol(given: Option<&str>) -> Result<String, Fault> {
    let given = given.ok_or_else(|| faults::missing("ipProtocol"))?;
    let lower = given.to_ascii_lowercase();
    Ok(match lower.as_str() {
        "-1" => "-1".to_owned(),
        "tcp" | "6" => "tcp".to_owned(),
        "udp" | "17" => "udp".to_owned(),
        "icmp" | "1" => "icmp".to_owned(),
        "icmpv6" | "58" => "icmpv6".to_owned(),
        other => match other.parse::<u8>() {
            Ok(number) => number.to_string(),
            Err(_) => return Err(faults::invalid_value(format!("Invalid value '{given}' for IP protocol. Unknown protocol."))),
        },
    })
}

fn ports(protocol: &str, from: Option<i32>, to: Option<i32>) -> Result<(i32, i32), Fault> {
    let bounds = match protocol {
        "tcp" | "udp" => 0..=65_535,
        "icmp" | "icmpv6" => -1..=255,
        // Other protocols have no ports: AWS ignores them.
        _ => return Ok((-1, -1)),
    };
    let is_icmp = protocol.starts_with("icmp");
    let (Some(from), Some(to)) = (from, to) else {
        if protocol == "icmpv6" && from.is_none() && to.is_none() {
            return Ok((-1, -1));
        }
        let protocols = if is_icmp { "ICMP" } else { "TCP/UDP" };
        return Err(faults::invalid_value(format!("Invalid value 'Must specify both from and to ports with {protocols}.' for portRange.")));
    };
    // <https://github.com/aws/aws-cli/issues/1066> <https://github.com/terraform-aws-modules/terraform-aws-security-group/issues/7>
    let whats = if is_icmp { ["ICMP type", "ICMP code"] } else { ["TCP/UDP (from) port", "TCP/UDP (to) port"] };
    if let Some((what, number)) = whats.into_iter().zip([from, to]).find(|(_, number)| !bounds.contains(number)) {
        return Err(faults::invalid_value(format!("{what} ({number}) out of range")));
    }
    if !is_icmp && from > to {
        // AWS: unverified wording.
        return Err(faults::invalid_value(format!("Invalid TCP/UDP port range ({from}:{to})")));
    }
    if is_icmp && from == -1 && to != -1 {
        return Err(faults::invalid_value(format!("Invalid value 'ICMP code ({to}) is not allowed with all ICMP types.' for portRange.")));
    }
    Ok((from, to))
}

pub fn too_many() -> Fault {
    faults::refuse("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
}

/// A name or a description within AWS's set of characters.
pub fn is_describable(text: &str) -> bool {
    text.chars().count() <= 255 && text.chars().all(|c| c.is_ascii_alphanumeric() || DESCRIPTION_SET.contains(c))
}

pub fn description(given: Option<String>) -> Result<Option<String>, Fault> {
    match given {
        Some(text) if !is_describable(&text) => Err(faults::invalid_value(
            "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        )),
        given => Ok(given.filter(|text| !text.is_empty())),
    }
}

/// The traffic of a request, one for each peer, with its description. `group` finds a group by id or name, `list` a prefix list.
pub fn read(
    permissions: Vec<IpPermission>,
    group: impl Fn(&UserIdGroupPair) -> Result<Peer, Fault>,
    list: impl Fn(&str) -> Result<(), Fault>,
) -> Result<Vec<(Traffic, Option<String>)>, Fault> {
    let mut all: Vec<(Traffic, Option<String>)> = Vec::new();
    for permission in permissions {
        let protocol = protocol(permission.ip_protocol.as_deref())?;
        let (from, to) = ports(&protocol, permission.from_port, permission.to_port)?;
        let block = |given: Option<String>, family| {
            let given = given.unwrap_or_default();
            Cidr::parse(&given, family).map(Peer::Block).ok_or_else(|| faults::invalid_value(format!("CIDR block {given} is malformed")))
        };
        let mut peers = Vec::new();
        for range in permission.ip_ranges.into_iter().flatten() {
            peers.push((block(range.cidr_ip, Family::V4)?, range.description));
        }
        for range in permission.ipv6_ranges.into_iter().flatten() {
            peers.push((block(range.cidr_ipv6, Family::V6)?, range.description));
        }
        for range in permission.prefix_list_ids.into_iter().flatten() {
            let id = range.prefix_list_id.unwrap_or_default();
            list(&id)?;
            peers.push((Peer::PrefixList(id), range.description));
        }
        for pair in permission.user_id_group_pairs.into_iter().flatten() {
            peers.push((group(&pair)?, pair.description));
        }
        if peers.is_empty() {
            return Err(faults::refuse("MissingParameter", "Missing source specification: include source security group or CIDR information"));
        }
        if all.len() + peers.len() > limits::RULES_AT_ALL {
            return Err(too_many());
        }
        for (peer, text) in peers {
            let traffic = Traffic { protocol: protocol.clone(), from, to, peer };
            if all.iter().any(|(known, _)| *known == traffic) {
                return Err(faults::invalid_value("The same permission must not appear multiple times"));
            }
            all.push((traffic, description(text)?));
        }
    }
    Ok(all)
}

/// The rules of one direction as `IpPermissions`: those of the same protocol and ports are one.
/// `status` tells that of a peering.
pub fn permissions<'r>(rules: impl Iterator<Item = (&'r Traffic, Option<&'r String>)>, status: impl Fn(&str) -> Option<String>) -> Vec<IpPermission> {
    let mut merged: Vec<IpPermission> = Vec::new();
    for (traffic, text) in rules {
        let has_ports = matches!(traffic.protocol.as_str(), "tcp" | "udp" | "icmp" | "icmpv6");
        let (from, to) = (has_ports.then_some(traffic.from), has_ports.then_some(traffic.to));
        let is_same =
            |known: &IpPermission| known.ip_protocol.as_deref() == Some(traffic.protocol.as_str()) && known.from_port == from && known.to_port == to;
        let index = merged.iter().position(is_same).unwrap_or(merged.len());
        if index == merged.len() {
            merged.push(IpPermission {
                ip_protocol: Some(traffic.protocol.clone()),
                from_port: from,
                to_port: to,
                user_id_group_pairs: Some(vec![]),
                ip_ranges: Some(vec![]),
                ipv6_ranges: Some(vec![]),
                prefix_list_ids: Some(vec![]),
            });
        }
        let Some(permission) = merged.get_mut(index) else { continue };
        let description = text.cloned();
        match &traffic.peer {
            Peer::Block(cidr) if cidr.family() == Family::V4 => {
                permission.ip_ranges.get_or_insert_default().push(IpRange { cidr_ip: Some(cidr.text()), description });
            }
            Peer::Block(cidr) => permission.ipv6_ranges.get_or_insert_default().push(Ipv6Range { cidr_ipv6: Some(cidr.text()), description }),
            Peer::PrefixList(id) => {
                permission.prefix_list_ids.get_or_insert_default().push(PrefixListId { prefix_list_id: Some(id.clone()), description });
            }
            Peer::Group { id, user, peered } => permission.user_id_group_pairs.get_or_insert_default().push(UserIdGroupPair {
                group_id: Some(id.clone()),
                user_id: Some(user.clone()),
                description,
                vpc_id: peered.as_ref().map(|peered| peered.vpc.clone()),
                vpc_peering_connection_id: peered.as_ref().map(|peered| peered.peering.clone()),
                peering_status: peered.as_ref().and_then(|peered| status(&peered.peering)),
                ..Default::default()
            }),
        }
    }
    merged
}
