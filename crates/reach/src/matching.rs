//! Which rules have a packet's header.

use crate::{
    cidr::{Cidr, Family, bits, family},
    flow::{Direction, Flow, Ports, TCP, UDP},
    network::{Acl, AclRule, GroupNumber, GroupRule, Interface, Network, Peer, RuleIndex},
};

/// What rules of groups look at in a packet, computed once for all of them.
struct Packet<'a> {
    flow: &'a Flow,
    /// The address of the other side.
    family: Family,
    bits: u128,
    /// The groups of the interface whose private address that is.
    groups: &'a [GroupNumber],
    /// A bit for each of them; most groups that rules refer to have another.
    group_bits: u64,
}

impl<'a> Packet<'a> {
    fn of(flow: &'a Flow, direction: Direction, other: Option<&'a Interface>) -> Packet<'a> {
        let address = match direction {
            Direction::Ingress => flow.source,
            Direction::Egress => flow.destination,
        };
        let groups: &[GroupNumber] = other.map_or(&[], |other| &other.groups);
        let group_bits = groups.iter().fold(0, |all, group| all | group.bit());
        Packet { flow, family: family(address), bits: bits(address), groups, group_bits }
    }

    fn is_from(&self, block: Cidr) -> bool {
        block.family() == self.family && block.contains_bits(self.bits)
    }

    fn is_of(&self, group: GroupNumber) -> bool {
        self.group_bits & group.bit() != 0 && self.groups.contains(&group)
    }

    /// The first of the rules that has it.
    fn rule<'n>(&self, rules: &'n [GroupRule], index: &RuleIndex) -> Option<&'n GroupRule> {
        let has_header = |at: usize| {
            let rule = rules.get(at);
            rule.is_some_and(|rule| rule.protocol.is_none_or(|protocol| protocol == self.flow.protocol) && rule.ports.matches(self.flow))
        };
        let by_block = index.blocks.iter().find(|(block, at)| self.is_from(*block) && has_header(*at)).map(|(_, at)| *at);
        let by_group = index.references.iter().find(|(group, at)| self.is_of(*group) && has_header(*at)).map(|(_, at)| *at);
        rules.get(by_block.into_iter().chain(by_group).min()?)
    }
}

/// The first rule of the groups that lets a packet pass: all of them allow. `other` is whose private address the other side is.
pub fn allowing<'n>(
    network: &'n Network,
    groups: &[GroupNumber],
    direction: Direction,
    flow: &Flow,
    other: Option<&Interface>,
) -> Option<(GroupNumber, &'n GroupRule)> {
    let packet = Packet::of(flow, direction, other);
    groups.iter().find_map(|number| {
        let (rules, index) = network.rules_of(*number, direction)?;
        packet.rule(rules, index).map(|rule| (*number, rule))
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
