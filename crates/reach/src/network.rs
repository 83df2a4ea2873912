//! The network that packets pass, as plain data.

use crate::{
    cidr::{Cidr, bits},
    flow::{Direction, Ports},
};
use foldhash::HashMap;
use std::{net::IpAddr, sync::Arc};

pub type Id = Arc<str>;

/// Groups are compared often: each has a number in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupNumber(u32);

impl GroupNumber {
    /// One of 64: groups with other bits are others.
    pub fn bit(self) -> u64 {
        1 << (self.0 % 64)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    Block(Cidr),
    /// A prefix list, and what is in it.
    List(Id, Vec<Cidr>),
    Group(GroupNumber),
    /// A group that is gone, or whose peering is.
    Stale,
}

#[derive(Clone, Debug)]
pub struct GroupRule {
    pub id: Id,
    /// `None`: all.
    pub protocol: Option<u8>,
    pub ports: Ports,
    pub peer: Peer,
}

#[derive(Clone, Debug)]
pub struct Group {
    pub id: Id,
    pub ingress: Vec<GroupRule>,
    pub egress: Vec<GroupRule>,
}

/// Where the rules of a group in one direction are found by the other side of a packet, which tells them apart better than its header does.
#[derive(Clone, Debug, Default)]
pub struct RuleIndex {
    /// Blocks, also those of prefix lists, each with its rule, in their order.
    pub blocks: Vec<(Cidr, usize)>,
    /// The same for groups that are referred to.
    pub references: Vec<(GroupNumber, usize)>,
}

impl RuleIndex {
    fn of(rules: &[GroupRule]) -> RuleIndex {
        let mut index = RuleIndex::default();
        for (at, rule) in rules.iter().enumerate() {
            match &rule.peer {
                Peer::Block(block) => index.blocks.push((*block, at)),
                Peer::List(_, blocks) => index.blocks.extend(blocks.iter().map(|block| (*block, at))),
                Peer::Group(group) => index.references.push((*group, at)),
                Peer::Stale => {}
            }
        }
        index
    }
}

#[derive(Clone, Debug)]
struct Indexed {
    group: Group,
    ingress: RuleIndex,
    egress: RuleIndex,
}

impl Group {
    pub fn rules(&self, direction: Direction) -> &[GroupRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

#[derive(Clone, Debug)]
pub struct AclRule {
    pub number: i32,
    pub protocol: Option<u8>,
    pub ports: Ports,
    pub cidr: Cidr,
    pub allow: bool,
}

/// The rules of each direction are in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub struct Acl {
    pub ingress: Vec<AclRule>,
    pub egress: Vec<AclRule>,
}

impl Acl {
    pub fn rules(&self, direction: Direction) -> &[AclRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Vpc {
    pub blocks: Vec<Cidr>,
    /// `us-east-1`: references to groups do not cross regions.
    pub region: Id,
    pub internet_gateway: Option<Id>,
    /// The route table of the internet gateway, for what comes in.
    pub edge_table: Option<Id>,
}

impl Vpc {
    pub fn has(&self, address: IpAddr) -> bool {
        self.blocks.iter().any(|cidr| cidr.contains(address))
    }
}

#[derive(Clone, Debug)]
pub struct Subnet {
    pub vpc: Id,
    pub blocks: Vec<Cidr>,
    pub table: Id,
    pub acl: Id,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Local,
    InternetGateway(Id),
    EgressOnlyInternetGateway(Id),
    Nat(Id),
    Interface(Id),
    Peering(Id),
    Endpoint(Id),
}

#[derive(Clone, Debug)]
pub struct Route {
    /// What it was given: a block or the id of a prefix list.
    pub name: String,
    pub blocks: Vec<Cidr>,
    pub target: Target,
    /// Its target is there.
    pub is_active: bool,
    /// `CreateRouteTable`, `CreateRoute`
    pub origin: &'static str,
}

#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    pub routes: Vec<Route>,
}

impl RouteTable {
    /// The route of an address: that with the longest block. A route that leads to nothing still counts.
    pub fn of(&self, address: IpAddr) -> Option<&Route> {
        let length = |route: &Route| route.blocks.iter().filter(|cidr| cidr.contains(address)).map(|cidr| cidr.length()).max();
        let found = self.routes.iter().filter_map(|route| length(route).map(|length| (length, route)));
        // Of two of one length the first wins.
        found.rev().max_by_key(|(length, _)| *length).map(|(_, route)| route)
    }
}

#[derive(Clone, Debug)]
pub struct Interface {
    pub id: Id,
    pub vpc: Id,
    pub subnet: Id,
    /// The first is the primary one.
    pub addresses: Vec<IpAddr>,
    /// Private and public.
    pub publics: Vec<(IpAddr, IpAddr)>,
    pub groups: Vec<GroupNumber>,
    pub source_dest_check: bool,
    /// Its instance is running, or it has none.
    pub is_up: bool,
    /// The NAT gateway whose interface it is: groups have no meaning there.
    pub nat: Option<Id>,
}

impl Interface {
    pub fn public_of(&self, private: IpAddr) -> Option<IpAddr> {
        self.publics.iter().find(|(own, _)| *own == private).map(|(_, public)| *public)
    }
}

#[derive(Clone, Debug)]
pub struct Nat {
    pub subnet: Id,
    pub private: IpAddr,
    pub is_available: bool,
}

#[derive(Clone, Debug)]
pub struct Peering {
    pub requester: Id,
    pub accepter: Id,
    pub is_active: bool,
}

#[derive(Clone, Debug)]
pub struct Endpoint {
    pub vpc: Id,
    pub service: String,
}

type Map<T> = HashMap<Id, T>;

#[derive(Clone, Debug, Default)]
pub struct Network {
    pub vpcs: Map<Vpc>,
    pub subnets: Map<Subnet>,
    pub tables: Map<RouteTable>,
    pub acls: Map<Acl>,
    pub nats: Map<Nat>,
    pub peerings: Map<Peering>,
    pub endpoints: Map<Endpoint>,
    interfaces: Map<Arc<Interface>>,
    groups: Vec<Option<Indexed>>,
    numbers: Map<GroupNumber>,
    /// Whose a private address is, in its VPC.
    by_address: HashMap<(Id, u128), Arc<Interface>>,
    /// The same without a VPC. Of those that have one address, each in its VPC, it is the interface with the lowest id.
    by_address_alone: HashMap<u128, Arc<Interface>>,
    /// Whose a public address is, and for which private one.
    by_public: HashMap<IpAddr, (Arc<Interface>, IpAddr)>,
}

impl Network {
    /// The number of a group, whether it is there yet or not.
    pub fn number_of(&mut self, group: &str) -> GroupNumber {
        if let Some(number) = self.numbers.get(group) {
            return *number;
        }
        let number = GroupNumber(u32::try_from(self.groups.len()).unwrap_or(u32::MAX));
        self.groups.push(None);
        self.numbers.insert(group.into(), number);
        number
    }

    pub fn add_group(&mut self, group: Group) {
        let number = self.number_of(&group.id);
        if let Some(place) = self.groups.get_mut(number.0 as usize) {
            let (ingress, egress) = (RuleIndex::of(&group.ingress), RuleIndex::of(&group.egress));
            *place = Some(Indexed { group, ingress, egress });
        }
    }

    fn indexed(&self, number: GroupNumber) -> Option<&Indexed> {
        self.groups.get(number.0 as usize)?.as_ref()
    }

    pub fn group_of(&self, number: GroupNumber) -> Option<&Group> {
        self.indexed(number).map(|indexed| &indexed.group)
    }

    /// The rules of a group in a direction.
    pub fn rules_of(&self, number: GroupNumber, direction: Direction) -> Option<(&[GroupRule], &RuleIndex)> {
        let Indexed { group, ingress, egress } = self.indexed(number)?;
        Some(match direction {
            Direction::Ingress => (&group.ingress, ingress),
            Direction::Egress => (&group.egress, egress),
        })
    }

    pub fn add_interface(&mut self, interface: Interface) {
        let interface = Arc::new(interface);
        for address in &interface.addresses {
            self.by_address.insert((interface.vpc.clone(), bits(*address)), interface.clone());
            let alone = self.by_address_alone.entry(bits(*address)).or_insert_with(|| interface.clone());
            if interface.id < alone.id {
                *alone = interface.clone();
            }
            // What has an IPv6 address is known by it everywhere.
            if address.is_ipv6() {
                self.by_public.insert(*address, (interface.clone(), *address));
            }
        }
        for (private, public) in &interface.publics {
            self.by_public.insert(*public, (interface.clone(), *private));
        }
        self.interfaces.insert(interface.id.clone(), interface);
    }

    pub fn interface(&self, id: &str) -> Option<&Interface> {
        self.interfaces.get(id).map(|interface| &**interface)
    }

    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.interfaces.values().map(|interface| &**interface)
    }

    pub fn at(&self, vpc: &Id, address: IpAddr) -> Option<&Interface> {
        self.by_address.get(&(vpc.clone(), bits(address))).map(|interface| &**interface)
    }

    pub fn at_address(&self, address: IpAddr) -> Option<&Interface> {
        self.by_address_alone.get(&bits(address)).map(|interface| &**interface)
    }

    pub fn at_public(&self, address: IpAddr) -> Option<(&Interface, IpAddr)> {
        self.by_public.get(&address).map(|(interface, private)| (&**interface, *private))
    }

    /// The interfaces that a group has, for what refers to it.
    pub fn members(&self, group: GroupNumber) -> impl Iterator<Item = &Interface> {
        self.interfaces().filter(move |interface| interface.groups.contains(&group))
    }
}
