//! The walk of one packet through a network: from an interface or from outside, to an interface, to outside, or to a service.

use crate::{
    cidr::Cidr,
    flow::{Direction, Flow, ICMP, Ports, TCP, UDP},
    matching::{allowing, deciding},
    network::{AclRule, GroupNumber, GroupRule, Id, Interface, Network, Peer, Route, Subnet, Target, Vpc},
    verdict::{Block, Component, ComponentKind, Evidence, Hop},
};
use std::net::IpAddr;

/// No walk is longer: routes can lead in circles.
const MOST_HOPS: usize = 24;

/// Where a packet came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    Interface(Id),
    /// Outside.
    Internet,
    /// A gateway endpoint, or what AWS keeps in every VPC.
    Service,
    /// Nowhere.
    Lost,
}

/// What a NAT gateway remembers.
#[derive(Clone, Debug)]
pub struct Translation {
    nat: Id,
    source: IpAddr,
    source_port: u16,
}

pub struct Walk<'n> {
    network: &'n Network,
    pub flow: Flow,
    /// The interface whose private address the source is, as long as nobody has translated or forwarded the packet.
    origin: Option<&'n Interface>,
    /// A reply: groups let it pass.
    is_reply: bool,
    pub translations: Vec<Translation>,
    pub hops: Vec<Hop>,
    pub blocks: Vec<Block>,
    /// The rule of the destination's groups that let it in.
    pub entered_by: Option<(GroupNumber, &'n GroupRule)>,
}

fn shown_ports(ports: Ports) -> Option<(u16, u16)> {
    match ports {
        Ports::Range(from, to) => Some((from, to)),
        Ports::All | Ports::Icmp { .. } => None,
    }
}

fn is_private(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_private())
}

/// 100.64.0.0/10
fn is_shared(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.octets().first() == Some(&100) && address.octets().get(1).is_some_and(|second| (64..128).contains(second)))
}

impl<'n> Walk<'n> {
    pub fn new(network: &'n Network, flow: Flow) -> Walk<'n> {
        Walk { network, flow, origin: None, is_reply: false, translations: vec![], hops: vec![], blocks: vec![], entered_by: None }
    }

    /// The walk of the reply: from the header as it arrived.
    pub fn reply(network: &'n Network, arrived: Flow, translations: Vec<Translation>) -> Walk<'n> {
        Walk { is_reply: true, translations, ..Walk::new(network, arrived.reversed()) }
    }

    fn is_too_long(&self) -> bool {
        self.hops.len() > MOST_HOPS
    }

    fn hop(&mut self, kind: ComponentKind, id: &str, evidence: Option<Evidence>, subnet: Option<&Id>, vpc: Option<&Id>) {
        let text = |id: &Id| id.to_string();
        let component = Component::new(kind, id);
        self.hops.push(Hop { component, evidence, subnet: subnet.map(text), vpc: vpc.map(text), header: self.flow });
    }

    pub fn block(&mut self, code: &str, component: Component, interface: Option<&Id>, text: String) {
        self.refuse(code, component, interface, text, |_| {});
    }

    /// The same with more to say.
    fn refuse(&mut self, code: &str, component: Component, interface: Option<&Id>, text: String, more: impl FnOnce(&mut Block)) {
        let interface = interface.map(|id| id.to_string());
        let mut block =
            Block { code: code.to_owned(), direction: None, component, others: vec![], evidence: None, in_reply: self.is_reply, interface, text };
        more(&mut block);
        self.blocks.push(block);
    }

    /// From an interface whose own the packet is.
    pub fn send(&mut self, interface: &'n Interface) -> Reached {
        self.origin = Some(interface);
        self.leave(interface)
    }

    fn leave(&mut self, interface: &'n Interface) -> Reached {
        if self.is_too_long() {
            return Reached::Lost;
        }
        self.hop(ComponentKind::NetworkInterface, &interface.id, None, Some(&interface.subnet), Some(&interface.vpc));
        if !interface.is_up {
            let component = Component::new(ComponentKind::NetworkInterface, &interface.id);
            self.block("BAD_STATE", component, Some(&interface.id), format!("the instance of {} is not running", interface.id));
        }
        let other = self.receiver(interface);
        self.ask_groups(interface, Direction::Egress, other);
        self.leave_subnet(&interface.subnet, Some(interface))
    }

    /// The interface whose private address the destination is, where references to groups reach it.
    fn receiver(&self, from: &Interface) -> Option<&'n Interface> {
        let network = self.network;
        network.at(&from.vpc, self.flow.destination).or_else(|| {
            let region = &network.vpcs.get(&from.vpc)?.region;
            network.peerings.values().filter(|peering| peering.is_active).find_map(|peering| {
                let far = if peering.requester == from.vpc {
                    &peering.accepter
                } else if peering.accepter == from.vpc {
                    &peering.requester
                } else {
                    return None;
                };
                let near = network.vpcs.get(far).is_some_and(|vpc| vpc.region == *region);
                near.then(|| network.at(far, self.flow.destination)).flatten()
            })
        })
    }

    fn ask_groups(&mut self, interface: &'n Interface, direction: Direction, other: Option<&Interface>) {
        // Replies of what was let pass are let pass; a NAT gateway has no groups.
        if self.is_reply || interface.nat.is_some() {
            return;
        }
        let found = allowing(self.network, &interface.groups, direction, &self.flow, other);
        match found {
            Some((number, rule)) => {
                let group = self.network.group_of(number).map_or("", |group| &group.id);
                let evidence = group_evidence(self.network, group, rule, direction);
                if direction == Direction::Ingress {
                    self.entered_by = Some((number, rule));
                }
                self.hop(ComponentKind::SecurityGroup, group, Some(evidence), Some(&interface.subnet), Some(&interface.vpc));
            }
            None => self.refuse_by_groups(interface, direction),
        }
    }

    fn refuse_by_groups(&mut self, interface: &'n Interface, direction: Direction) {
        let groups: Vec<Component> = interface
            .groups
            .iter()
            .filter_map(|number| self.network.group_of(*number))
            .map(|group| Component::new(ComponentKind::SecurityGroup, &group.id))
            .collect();
        let has_rules = interface.groups.iter().filter_map(|number| self.network.group_of(*number)).any(|group| !group.rules(direction).is_empty());
        // A group of which the sender is a member, but which its packets no longer show.
        let lost = self.origin.is_none()
            && interface.groups.iter().filter_map(|number| self.network.group_of(*number)).any(|group| {
                let of_sender =
                    |rule: &GroupRule| matches!(rule.peer, Peer::Group(_)) && rule.protocol.is_none_or(|protocol| protocol == self.flow.protocol);
                direction == Direction::Ingress && group.rules(direction).iter().any(of_sender) && !self.translations.is_empty()
            });
        let code = if has_rules { "ENI_SG_RULES_MISMATCH" } else { "SG_HAS_NO_RULES" };
        let names: Vec<&str> = groups.iter().map(|group| group.id.as_str()).collect();
        let what = if direction == Direction::Ingress { "inbound" } else { "outbound" };
        let text = format!("no {what} rule of {} has this packet", names.join(", "));
        let component = Component::new(ComponentKind::NetworkInterface, &interface.id);
        let id = &interface.id;
        self.refuse(code, component.clone(), Some(id), text, |block| {
            block.direction = Some(direction);
            block.others.clone_from(&groups);
        });
        if lost {
            let text = format!("the packet no longer shows the groups of its sender to {}", interface.id);
            self.refuse("SG_REFERENCES_NOT_PRESERVED", component, Some(id), text, |block| block.others = groups);
        }
    }

    /// Whether the network ACL of a subnet lets the packet through. The walk goes on in any case.
    fn ask_acl(&mut self, subnet_id: &Id, subnet: &Subnet, direction: Direction, interface: Option<&Id>) {
        let Some(acl) = self.network.acls.get(&subnet.acl) else { return };
        let rule = deciding(acl, direction, &self.flow);
        let evidence = acl_evidence(rule, direction);
        if rule.is_some_and(|rule| rule.allow) {
            self.hop(ComponentKind::NetworkAcl, &subnet.acl, Some(evidence), Some(subnet_id), Some(&subnet.vpc));
            return;
        }
        let what = if direction == Direction::Ingress { "into" } else { "out of" };
        let number = rule.map_or("*".to_owned(), |rule| rule.number.to_string());
        let text = format!("entry {number} of {} refuses this packet {what} {subnet_id}", subnet.acl);
        let component = Component::new(ComponentKind::NetworkAcl, &subnet.acl);
        self.refuse("SUBNET_ACL_RESTRICTION", component, interface, text, |block| {
            block.direction = Some(direction);
            block.evidence = Some(evidence);
            block.others = vec![Component::new(ComponentKind::Subnet, subnet_id)];
        });
    }

    fn leave_subnet(&mut self, subnet_id: &Id, from: Option<&'n Interface>) -> Reached {
        let network = self.network;
        let Some(subnet) = network.subnets.get(subnet_id) else { return Reached::Lost };
        // Within a subnet there are neither ACLs nor routes.
        if let Some(near) = network.at(&subnet.vpc, self.flow.destination).filter(|near| near.subnet == *subnet_id) {
            return self.enter_interface(near, Some(subnet_id));
        }
        if self.is_of_aws(&subnet.vpc) {
            return Reached::Service;
        }
        self.ask_acl(subnet_id, subnet, Direction::Egress, from.map(|interface| &interface.id));
        let Some(table) = network.tables.get(&subnet.table) else { return Reached::Lost };
        let Some(route) = table.of(self.flow.destination) else {
            let text = format!("{} has no route to {}", subnet.table, self.flow.destination);
            self.block("NO_ROUTE_TO_DESTINATION", Component::new(ComponentKind::RouteTable, &subnet.table), None, text);
            return Reached::Lost;
        };
        self.hop(ComponentKind::RouteTable, &subnet.table, Some(route_evidence(route)), Some(subnet_id), Some(&subnet.vpc));
        if !route.is_active {
            let text = format!("the route {} of {} leads to {}, which is not there", route.name, subnet.table, target_name(&route.target));
            let component = Component::new(ComponentKind::RouteTable, &subnet.table);
            self.refuse("BAD_STATE_ROUTE", component, None, text, |block| block.evidence = Some(route_evidence(route)));
            return Reached::Lost;
        }
        self.follow(route, subnet_id, subnet, from)
    }

    fn follow(&mut self, route: &'n Route, subnet_id: &Id, subnet: &'n Subnet, from: Option<&'n Interface>) -> Reached {
        if self.is_too_long() {
            return Reached::Lost;
        }
        match &route.target {
            Target::Local => self.deliver(&subnet.vpc, Some(subnet_id)),
            Target::InternetGateway(gateway) => self.leave_by_gateway(gateway, &subnet.vpc),
            Target::EgressOnlyInternetGateway(gateway) => {
                self.hop(ComponentKind::EgressOnlyInternetGateway, gateway, None, None, Some(&subnet.vpc));
                self.origin = None;
                self.arrive_outside()
            }
            Target::Nat(nat) => self.translate(nat, subnet_id, subnet),
            Target::Peering(peering) => self.cross(peering, &subnet.vpc),
            Target::Endpoint(endpoint) => {
                self.hop(ComponentKind::VpcEndpoint, endpoint, None, None, Some(&subnet.vpc));
                Reached::Service
            }
            Target::Interface(id) => match self.network.interface(id) {
                // It routes to itself what it must not.
                Some(middle) if from.is_some_and(|from| from.id == middle.id) => self.deliver(&subnet.vpc, Some(subnet_id)),
                Some(middle) => self.forward_by(middle, subnet_id),
                None => Reached::Lost,
            },
        }
    }

    /// Through an instance that forwards.
    fn forward_by(&mut self, middle: &'n Interface, from_subnet: &Id) -> Reached {
        if self.is_too_long() {
            return Reached::Lost;
        }
        if middle.subnet != *from_subnet
            && let Some(subnet) = self.network.subnets.get(&middle.subnet)
        {
            self.ask_acl(&middle.subnet, subnet, Direction::Ingress, Some(&middle.id));
        }
        let sender = self.origin;
        self.ask_groups(middle, Direction::Ingress, sender);
        self.entered_by = None;
        if middle.source_dest_check {
            let text = format!("{} checks source and destination, and this packet is neither from nor for it", middle.id);
            let component = Component::new(ComponentKind::NetworkInterface, &middle.id);
            self.block("ENI_SOURCE_DEST_CHECK_RESTRICTION", component, Some(&middle.id), text);
            return Reached::Lost;
        }
        self.origin = None;
        self.leave(middle)
    }

    fn leave_by_gateway(&mut self, gateway: &Id, vpc: &Id) -> Reached {
        let component = || Component::new(ComponentKind::InternetGateway, gateway);
        if self.flow.source.is_ipv4() {
            let holder = self.network.at(vpc, self.flow.source);
            let public = holder.and_then(|holder| holder.public_of(self.flow.source));
            let Some(public) = public else {
                let text = format!("{} has no public address", self.flow.source);
                let id = holder.map(|holder| &holder.id);
                self.block("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", component(), id, text);
                return Reached::Lost;
            };
            if is_private(self.flow.destination) || is_shared(self.flow.destination) {
                let code = if is_private(self.flow.destination) {
                    "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS"
                } else {
                    "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS"
                };
                let text = format!("{} is a private address, which {gateway} does not route", self.flow.destination);
                self.block(code, component(), None, text);
                return Reached::Lost;
            }
            self.flow.source = public;
        }
        self.hop(ComponentKind::InternetGateway, gateway, None, None, Some(vpc));
        self.origin = None;
        self.arrive_outside()
    }

    /// The packet is outside: for somebody there, or for a public address of the network.
    pub fn arrive_outside(&mut self) -> Reached {
        if self.is_too_long() {
            return Reached::Lost;
        }
        let Some((interface, private)) = self.network.at_public(self.flow.destination) else {
            self.hop(ComponentKind::Internet, &self.flow.destination.to_string(), None, None, None);
            return Reached::Internet;
        };
        self.enter_by_gateway(interface, private)
    }

    /// From outside through the internet gateway to a private address.
    pub fn enter_by_gateway(&mut self, interface: &'n Interface, private: IpAddr) -> Reached {
        let Some(vpc) = self.network.vpcs.get(&interface.vpc) else { return Reached::Lost };
        if self.flow.source.is_ipv6() && self.is_reply && vpc.internet_gateway.is_none() {
            // A reply through an egress-only gateway.
            return self.deliver(&interface.vpc, None);
        }
        let Some(gateway) = &vpc.internet_gateway else {
            let text = format!("{} has no internet gateway", interface.vpc);
            let component = Component::new(ComponentKind::Vpc, &interface.vpc);
            self.block("NO_ROUTE_TO_DESTINATION", component, Some(&interface.id), text);
            return Reached::Lost;
        };
        if !self.is_reply && (is_private(self.flow.source) || is_shared(self.flow.source)) {
            let code =
                if is_private(self.flow.source) { "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS" } else { "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS" };
            let text = format!("{} is a private address, which no packet from the internet has", self.flow.source);
            self.block(code, Component::new(ComponentKind::InternetGateway, gateway), Some(&interface.id), text);
        }
        self.flow.destination = private;
        self.hop(ComponentKind::InternetGateway, gateway, None, None, Some(&interface.vpc));
        let edge = vpc.edge_table.as_ref().and_then(|id| self.network.tables.get(id).map(|table| (id, table)));
        if let Some((id, table)) = edge
            && let Some(route) = table.of(private).filter(|route| route.target != Target::Local)
        {
            self.hop(ComponentKind::RouteTable, id, Some(route_evidence(route)), None, Some(&interface.vpc));
            if let Target::Interface(middle) = &route.target
                && let Some(middle) = self.network.interface(middle).filter(|middle| middle.id != interface.id)
            {
                let outside: Id = "".into();
                return self.forward_by(middle, &outside);
            }
        }
        self.deliver(&interface.vpc, None)
    }

    fn translate(&mut self, nat_id: &Id, subnet_id: &Id, subnet: &Subnet) -> Reached {
        let component = || Component::new(ComponentKind::NatGateway, nat_id);
        let Some(nat) = self.network.nats.get(nat_id) else { return Reached::Lost };
        if !nat.is_available {
            let text = format!("{nat_id} is not available");
            self.block("BAD_STATE", component(), None, text);
            return Reached::Lost;
        }
        if self.flow.source.is_ipv6() || !matches!(self.flow.protocol, TCP | UDP | ICMP) {
            let text = format!("{nat_id} translates TCP, UDP and ICMP of IPv4 only");
            self.block("PROTOCOL_RESTRICTION", component(), None, text);
            return Reached::Lost;
        }
        let Some(own) = self.network.subnets.get(&nat.subnet) else { return Reached::Lost };
        if nat.subnet != *subnet_id {
            self.ask_acl(&nat.subnet, own, Direction::Ingress, None);
        }
        if !self.network.vpcs.get(&subnet.vpc).is_some_and(|vpc| vpc.has(self.flow.source)) {
            let text = format!("{} is not an address of {}", self.flow.source, subnet.vpc);
            self.block("NGW_REQUIRES_SOURCE_IN_VPC", component(), None, text);
            return Reached::Lost;
        }
        self.translations.push(Translation { nat: nat_id.clone(), source: self.flow.source, source_port: self.flow.source_port });
        self.flow.source = nat.private;
        self.origin = None;
        self.hop(ComponentKind::NatGateway, nat_id, None, Some(&nat.subnet), Some(&own.vpc));
        self.leave_subnet(&nat.subnet, None)
    }

    fn cross(&mut self, peering_id: &Id, vpc: &Id) -> Reached {
        let component = || Component::new(ComponentKind::VpcPeeringConnection, peering_id);
        let Some(peering) = self.network.peerings.get(peering_id) else { return Reached::Lost };
        let far = if peering.requester == *vpc { &peering.accepter } else { &peering.requester };
        let (Some(near_vpc), Some(far_vpc)) = (self.network.vpcs.get(vpc), self.network.vpcs.get(far)) else { return Reached::Lost };
        let outside = if !far_vpc.has(self.flow.destination) {
            Some((self.flow.destination, far))
        } else if !near_vpc.has(self.flow.source) {
            Some((self.flow.source, vpc))
        } else {
            None
        };
        if let Some((address, of)) = outside {
            let text = format!("{address} is not of a block of {of}: a peering carries traffic between its two VPCs only");
            self.block("PCX_REQUIRES_ADDRESS_IN_VPC_CIDR", component(), None, text);
            return Reached::Lost;
        }
        self.hop(ComponentKind::VpcPeeringConnection, peering_id, None, None, None);
        if near_vpc.region != far_vpc.region {
            self.origin = None;
        }
        self.deliver(far, None)
    }

    /// What groups and ACLs never filter: DNS, metadata and time of AWS.
    fn is_of_aws(&self, vpc: &Id) -> bool {
        let resolver = self.network.vpcs.get(vpc).and_then(|vpc| vpc.blocks.first()).and_then(|own| own.nth(2));
        let link_local = matches!(self.flow.destination, IpAddr::V4(address) if address.is_link_local());
        link_local || resolver == Some(self.flow.destination)
    }

    /// Within a VPC, to whose the address is.
    fn deliver(&mut self, vpc: &Id, from_subnet: Option<&Id>) -> Reached {
        match self.network.at(vpc, self.flow.destination) {
            Some(interface) => self.enter_interface(interface, from_subnet),
            None => {
                let text = format!("nothing in {vpc} has the address {}", self.flow.destination);
                self.block("NO_POSSIBLE_DESTINATION", Component::new(ComponentKind::Vpc, vpc), None, text);
                Reached::Lost
            }
        }
    }

    fn enter_interface(&mut self, interface: &'n Interface, from_subnet: Option<&Id>) -> Reached {
        if self.is_too_long() {
            return Reached::Lost;
        }
        if from_subnet != Some(&interface.subnet)
            && let Some(subnet) = self.network.subnets.get(&interface.subnet)
        {
            self.ask_acl(&interface.subnet, subnet, Direction::Ingress, Some(&interface.id));
        }
        if let Some(nat) = &interface.nat {
            return self.translate_back(nat, interface);
        }
        let sender = self.origin;
        self.ask_groups(interface, Direction::Ingress, sender);
        if !interface.is_up {
            let component = Component::new(ComponentKind::NetworkInterface, &interface.id);
            self.block("BAD_STATE", component, Some(&interface.id), format!("the instance of {} is not running", interface.id));
        }
        self.hop(ComponentKind::NetworkInterface, &interface.id, None, Some(&interface.subnet), Some(&interface.vpc));
        Reached::Interface(interface.id.clone())
    }

    /// The reply to what a NAT gateway has translated; nothing else enters by one.
    fn translate_back(&mut self, nat: &Id, interface: &'n Interface) -> Reached {
        let known = self.translations.pop().filter(|known| known.nat == *nat && self.is_reply);
        let Some(known) = known else {
            let text = format!("{nat} lets in replies only");
            self.block("NO_POSSIBLE_DESTINATION", Component::new(ComponentKind::NatGateway, nat), None, text);
            return Reached::Lost;
        };
        self.flow.destination = known.source;
        if !self.flow.is_icmp() {
            self.flow.destination_port = known.source_port;
        }
        self.hop(ComponentKind::NatGateway, nat, None, Some(&interface.subnet), Some(&interface.vpc));
        self.leave_subnet(&interface.subnet, None)
    }

    pub fn vpc(&self, id: &Id) -> Option<&'n Vpc> {
        self.network.vpcs.get(id)
    }
}

fn target_name(target: &Target) -> String {
    match target {
        Target::Local => "local".to_owned(),
        Target::InternetGateway(id)
        | Target::EgressOnlyInternetGateway(id)
        | Target::Nat(id)
        | Target::Interface(id)
        | Target::Peering(id)
        | Target::Endpoint(id) => id.to_string(),
    }
}

fn route_evidence(route: &Route) -> Evidence {
    Evidence::Route {
        destination: route.name.clone(),
        target: target_name(&route.target),
        origin: route.origin.to_owned(),
        is_active: route.is_active,
    }
}

fn acl_evidence(rule: Option<&AclRule>, direction: Direction) -> Evidence {
    match rule {
        Some(rule) => Evidence::AclRule {
            direction,
            number: rule.number,
            allow: rule.allow,
            cidr: rule.cidr.to_string(),
            protocol: rule.protocol.map_or(-1, i32::from),
            ports: shown_ports(rule.ports),
        },
        None => Evidence::AclRule { direction, number: 32_767, allow: false, cidr: Cidr::ALL_V4.to_string(), protocol: -1, ports: None },
    }
}

fn group_evidence(network: &Network, group: &str, rule: &GroupRule, direction: Direction) -> Evidence {
    let peer = match &rule.peer {
        Peer::Block(cidr) => cidr.to_string(),
        Peer::List(id, _) => id.to_string(),
        Peer::Group(number) => network.group_of(*number).map(|group| group.id.to_string()).unwrap_or_default(),
        Peer::Stale => String::new(),
    };
    Evidence::GroupRule {
        group: group.to_owned(),
        rule: rule.id.to_string(),
        direction,
        peer,
        protocol: rule.protocol.map_or(-1, i32::from),
        ports: shown_ports(rule.ports),
    }
}
