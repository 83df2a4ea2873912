//! The packet filter against a slow and obvious transcription of AWS's rules, on random networks.
//!
//! `CLOUDLET_TOPOLOGIES` says how many networks; 100,000 is the long run. Each is asked about packets between all its interfaces and the internet.

use crate::{
    Acl, AclRule, Cidr, Group, GroupRule, Interface, Location, Nat, Network, Peer, Peering, Ports, Question, Route, RouteTable, Subnet, Target, Vpc,
    trace,
};
use std::net::{IpAddr, Ipv4Addr};

/// splitmix64
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(most).unwrap()).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

type Ip = u32;

#[derive(Clone, Debug)]
enum Who {
    Block(Ip, u32),
    Group(usize),
}

/// protocol (0: all), from, to, who
type Rule = (u8, u16, u16, Who);

#[derive(Clone, Debug)]
enum Way {
    Local,
    Gateway,
    Nat,
    Peer,
    Blackhole,
}

type Net = (usize, u8, Vec<(Ip, u32, Way)>, Vec<Entry>, Vec<Entry>);

#[derive(Clone, Debug)]
struct World {
    /// First two octets, and whether it has an internet gateway.
    vpcs: Vec<([u8; 2], bool)>,
    /// VPC, third octet, routes, ACL in, ACL out (number, allow, protocol, from, to, block).
    subnets: Vec<Net>,
    /// In, out.
    groups: Vec<(Vec<Rule>, Vec<Rule>)>,
    /// Subnet, last octet, public address, groups.
    hosts: Vec<(usize, u8, Option<Ip>, Vec<usize>)>,
    /// The subnet of VPC 0's NAT gateway.
    nat: Option<usize>,
    peered: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    allow: bool,
    protocol: u8,
    from: u16,
    to: u16,
    block: (Ip, u32),
}

fn ip(a: u8, b: u8, c: u8, d: u8) -> Ip {
    u32::from_be_bytes([a, b, c, d])
}

fn within(address: Ip, (base, length): (Ip, u32)) -> bool {
    (0..length).all(|bit| (address >> (31 - bit)) & 1 == (base >> (31 - bit)) & 1)
}

const EVERYBODY: (Ip, u32) = (0, 0);
const OUTSIDE: Ip = 0xcb00_7107;
const NAT_LAST: u8 = 200;
const NAT_PUBLIC: Ip = 0x3600_00c8;

fn random_world(random: &mut Random) -> World {
    let vpcs: Vec<([u8; 2], bool)> = (0..1 + random.below(2)).map(|index| ([10, u8::try_from(index).unwrap()], random.chance(75))).collect();
    let peered = vpcs.len() == 2 && random.chance(75);
    let mut subnets = Vec::new();
    for (vpc, (base, _)) in vpcs.iter().enumerate() {
        for third in 0..1 + random.below(3) {
            let third = u8::try_from(third).unwrap();
            let mut routes = vec![(ip(base[0], base[1], 0, 0), 16, Way::Local)];
            if random.chance(70) {
                let way = if vpc == 0 { random.pick(&[Way::Gateway, Way::Gateway, Way::Nat, Way::Blackhole]) } else { Way::Gateway };
                routes.push((0, 0, way));
            }
            if peered && random.chance(80) {
                let other = vpcs[1 - vpc].0;
                let block = random.pick(&[(ip(other[0], other[1], 0, 0), 16), (ip(other[0], other[1], 0, 0), 24)]);
                routes.push((block.0, block.1, Way::Peer));
            }
            subnets.push((vpc, third, routes, random_entries(random), random_entries(random)));
        }
    }
    let count = 1 + random.below(4);
    let groups = (0..count).map(|_| (random_rules(random, count), random_rules(random, count))).collect();
    let mut hosts = Vec::new();
    for index in 0..2 + random.below(4) {
        let subnet = random.below(subnets.len());
        let public = random.chance(50).then(|| ip(54, 0, 0, u8::try_from(index).unwrap()));
        let groups = (0..1 + random.below(2)).map(|_| random.below(count)).collect();
        hosts.push((subnet, u8::try_from(10 + index).unwrap(), public, groups));
    }
    let of_first: Vec<usize> = (0..subnets.len()).filter(|index| subnets[*index].0 == 0).collect();
    let nat = random.chance(70).then(|| random.pick(&of_first));
    World { vpcs, subnets, groups, hosts, nat, peered }
}

fn random_block(random: &mut Random) -> (Ip, u32) {
    random.pick(&[
        EVERYBODY,
        EVERYBODY,
        (ip(10, 0, 0, 0), 8),
        (ip(10, 0, 0, 0), 16),
        (ip(10, 1, 0, 0), 16),
        (ip(10, 0, 1, 0), 24),
        (OUTSIDE, 32),
        (ip(54, 0, 0, 0), 24),
    ])
}

fn random_ports(random: &mut Random) -> (u16, u16) {
    random.pick(&[(0, 65_535), (443, 443), (80, 443), (22, 22), (1_024, 65_535)])
}

fn random_entries(random: &mut Random) -> Vec<Entry> {
    if random.chance(50) {
        return vec![Entry { allow: true, protocol: 0, from: 0, to: 65_535, block: EVERYBODY }];
    }
    let entry = |random: &mut Random| {
        let (protocol, (from, to)) = (random.pick(&[0, 6, 6, 17]), random_ports(random));
        Entry { allow: random.chance(75), protocol, from, to, block: random_block(random) }
    };
    (0..random.below(4)).map(|_| entry(random)).collect()
}

fn random_rules(random: &mut Random, groups: usize) -> Vec<Rule> {
    let rule = |random: &mut Random| {
        let (protocol, (from, to)) = (random.pick(&[0, 6, 6, 6, 17]), random_ports(random));
        let who = if random.chance(30) {
            Who::Group(random.below(groups))
        } else {
            let (base, length) = random_block(random);
            Who::Block(base, length)
        };
        (protocol, from, to, who)
    };
    (0..1 + random.below(4)).map(|_| rule(random)).collect()
}

// ---- the transcription ----

impl World {
    fn address(&self, host: usize) -> Ip {
        let (subnet, last, ..) = &self.hosts[host];
        self.in_subnet(*subnet, *last)
    }

    fn in_subnet(&self, subnet: usize, last: u8) -> Ip {
        let (vpc, third, ..) = &self.subnets[subnet];
        let base = self.vpcs[*vpc].0;
        ip(base[0], base[1], *third, last)
    }

    fn vpc_of(&self, host: usize) -> usize {
        self.subnets[self.hosts[host].0].0
    }

    fn vpc_block(&self, vpc: usize) -> (Ip, u32) {
        (ip(self.vpcs[vpc].0[0], self.vpcs[vpc].0[1], 0, 0), 16)
    }

    fn host_at(&self, address: Ip) -> Option<usize> {
        (0..self.hosts.len()).find(|host| self.address(*host) == address)
    }

    fn host_of_public(&self, address: Ip) -> Option<usize> {
        (0..self.hosts.len()).find(|host| self.hosts[*host].2 == Some(address))
    }

    fn group_allows(&self, host: usize, out: bool, packet: &Packet, other: Option<usize>) -> bool {
        self.hosts[host].3.iter().any(|group| {
            let rules = if out { &self.groups[*group].1 } else { &self.groups[*group].0 };
            rules.iter().any(|(protocol, from, to, who)| {
                let peer = if out { packet.to } else { packet.from };
                (*protocol == 0 || *protocol == 6 && *from <= packet.to_port && packet.to_port <= *to)
                    && match who {
                        Who::Block(base, length) => within(peer, (*base, *length)),
                        Who::Group(wanted) => other.is_some_and(|other| self.hosts[other].3.contains(wanted)),
                    }
            })
        })
    }

    fn acl_allows(&self, subnet: usize, out: bool, packet: &Packet) -> bool {
        let entries = if out { &self.subnets[subnet].4 } else { &self.subnets[subnet].3 };
        for entry in entries {
            let address = if out { packet.to } else { packet.from };
            let ports = entry.protocol == 0 || entry.protocol == 6 && entry.from <= packet.to_port && packet.to_port <= entry.to;
            if ports && within(address, entry.block) {
                return entry.allow;
            }
        }
        false
    }

    fn way(&self, subnet: usize, address: Ip) -> Option<&Way> {
        let mut best: Option<(u32, &Way)> = None;
        for (base, length, way) in &self.subnets[subnet].2 {
            if within(address, (*base, *length)) && best.is_none_or(|(known, _)| *length > known) {
                best = Some((*length, way));
            }
        }
        best.map(|(_, way)| way)
    }

    /// From a subnet to wherever: the end, and the packet as it is there.
    fn carry(&self, mut subnet: usize, mut packet: Packet, memory: &mut Vec<(Ip, u16)>, reply: bool) -> Option<(End, Packet)> {
        loop {
            let vpc = self.subnets[subnet].0;
            if let Some(host) = self.host_at(packet.to).filter(|host| self.hosts[*host].0 == subnet) {
                return Some((End::Host(host, packet.clean), packet));
            }
            let nat_here = self.nat.filter(|nat| *nat == subnet).is_some_and(|nat| packet.to == self.in_subnet(nat, NAT_LAST));
            if nat_here {
                return self.nat_back(subnet, packet, memory, reply);
            }
            if packet.to == self.vpc_block(vpc).0 + 2 {
                return None;
            }
            if !self.acl_allows(subnet, true, &packet) {
                return None;
            }
            match self.way(subnet, packet.to)? {
                Way::Local => return self.arrive(vpc, Some(subnet), packet, memory, reply),
                Way::Blackhole => return None,
                Way::Peer => {
                    if !within(packet.to, self.vpc_block(1 - vpc)) || !within(packet.from, self.vpc_block(vpc)) {
                        return None;
                    }
                    return self.arrive(1 - vpc, None, packet, memory, reply);
                }
                Way::Gateway => {
                    if !self.vpcs[vpc].1 {
                        return None;
                    }
                    let nat = self.nat.is_some_and(|nat| self.subnets[nat].0 == vpc && packet.from == self.in_subnet(nat, NAT_LAST));
                    packet.from = if nat {
                        NAT_PUBLIC
                    } else {
                        let host = self.host_at(packet.from).filter(|host| self.vpc_of(*host) == vpc)?;
                        self.hosts[host].2?
                    };
                    packet.clean = false;
                    if within(packet.to, (ip(10, 0, 0, 0), 8)) {
                        return None;
                    }
                    return self.outside(packet, memory, reply);
                }
                Way::Nat => {
                    let nat = self.nat?;
                    if nat != subnet && !self.acl_allows(nat, false, &packet) {
                        return None;
                    }
                    if !within(packet.from, self.vpc_block(vpc)) {
                        return None;
                    }
                    memory.push((packet.from, packet.from_port));
                    packet.from = self.in_subnet(nat, NAT_LAST);
                    packet.clean = false;
                    packet.hops += 1;
                    if packet.hops > 8 {
                        return None;
                    }
                    subnet = nat;
                }
            }
        }
    }

    fn outside(&self, mut packet: Packet, memory: &mut Vec<(Ip, u16)>, reply: bool) -> Option<(End, Packet)> {
        let (vpc, private) = if packet.to == NAT_PUBLIC && self.nat.is_some() {
            (0, self.in_subnet(self.nat?, NAT_LAST))
        } else if let Some(host) = self.host_of_public(packet.to) {
            (self.vpc_of(host), self.address(host))
        } else {
            return Some((End::Outside, packet));
        };
        if !self.vpcs[vpc].1 {
            return None;
        }
        packet.to = private;
        self.arrive(vpc, None, packet, memory, reply)
    }

    fn arrive(&self, vpc: usize, from: Option<usize>, packet: Packet, memory: &mut Vec<(Ip, u16)>, reply: bool) -> Option<(End, Packet)> {
        if let Some(nat) = self.nat.filter(|nat| self.subnets[*nat].0 == vpc && packet.to == self.in_subnet(*nat, NAT_LAST)) {
            if from != Some(nat) && !self.acl_allows(nat, false, &packet) {
                return None;
            }
            return self.nat_back(nat, packet, memory, reply);
        }
        let host = self.host_at(packet.to).filter(|host| self.vpc_of(*host) == vpc)?;
        let subnet = self.hosts[host].0;
        if from != Some(subnet) && !self.acl_allows(subnet, false, &packet) {
            return None;
        }
        Some((End::Host(host, packet.clean), packet))
    }

    fn nat_back(&self, nat: usize, mut packet: Packet, memory: &mut Vec<(Ip, u16)>, reply: bool) -> Option<(End, Packet)> {
        let (address, port) = memory.pop().filter(|_| reply)?;
        packet.to = address;
        packet.to_port = port;
        self.carry(nat, packet, memory, reply)
    }

    fn passes(&self, from: Option<usize>, to: Ip, port: u16) -> bool {
        let mut memory = Vec::new();
        let source = from.map_or(OUTSIDE, |host| self.address(host));
        let packet = Packet { from: source, to, from_port: 49_152, to_port: port, clean: from.is_some(), hops: 0 };
        let there = match from {
            Some(host) => {
                // A group's members are known in the VPC and through the peering.
                let other = self.host_at(to).filter(|other| self.vpc_of(*other) == self.vpc_of(host) || self.peered);
                self.group_allows(host, true, &packet, other).then(|| self.carry(self.hosts[host].0, packet, &mut memory, false)).flatten()
            }
            None => self.outside(packet, &mut memory, false),
        };
        let Some((end, arrived)) = there else { return false };
        if let End::Host(host, clean) = end
            && !self.group_allows(host, false, &arrived, from.filter(|_| clean))
        {
            return false;
        }
        let back = Packet { from: arrived.to, to: arrived.from, from_port: arrived.to_port, to_port: arrived.from_port, clean: true, hops: 0 };
        let back = match end {
            End::Host(host, _) => self.carry(self.hosts[host].0, back, &mut memory, true),
            End::Outside => self.outside(back, &mut memory, true),
        };
        match (back, from) {
            (Some((End::Host(host, _), _)), Some(from)) => host == from,
            (Some((End::Outside, packet)), None) => packet.to == OUTSIDE && packet.from == to,
            _ => false,
        }
    }
}

enum End {
    /// And whether the packet still shows its sender.
    Host(usize, bool),
    Outside,
}

struct Packet {
    from: Ip,
    to: Ip,
    from_port: u16,
    to_port: u16,
    clean: bool,
    hops: u32,
}

// ---- the same as a network ----

fn cidr((base, length): (Ip, u32)) -> Cidr {
    Cidr::new(IpAddr::V4(Ipv4Addr::from_bits(base)), u8::try_from(length).unwrap()).unwrap()
}

fn v4(address: Ip) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(address))
}

fn protocol(number: u8) -> Option<u8> {
    (number != 0).then_some(number)
}

fn ports(of: u8, from: u16, to: u16) -> Ports {
    if of == 0 { Ports::All } else { Ports::Range(from, to) }
}

fn as_network(world: &World) -> Network {
    let mut network = Network::default();
    for (index, (_, open)) in world.vpcs.iter().enumerate() {
        let vpc = Vpc {
            blocks: vec![cidr(world.vpc_block(index))],
            region: "r".into(),
            internet_gateway: open.then(|| format!("igw-{index}").into()),
            edge_table: None,
        };
        network.vpcs.insert(format!("vpc-{index}").into(), vpc);
    }
    for (index, (vpc, third, routes, inward, outward)) in world.subnets.iter().enumerate() {
        let route = |(base, length, way): &(Ip, u32, Way)| {
            let (target, is_active) = match way {
                Way::Local => (Target::Local, true),
                Way::Gateway => (Target::InternetGateway(format!("igw-{vpc}").into()), world.vpcs[*vpc].1),
                Way::Nat => (Target::Nat("nat".into()), world.nat.is_some()),
                Way::Peer => (Target::Peering("pcx".into()), true),
                Way::Blackhole => (Target::Interface("eni-none".into()), false),
            };
            Route { name: String::new(), blocks: vec![cidr((*base, *length))], target, is_active, origin: "CreateRoute" }
        };
        let id: crate::Id = format!("subnet-{index}").into();
        network.tables.insert(id.clone(), RouteTable { routes: routes.iter().map(route).collect() });
        let entry = |(number, entry): (usize, &Entry)| AclRule {
            number: i32::try_from(number).unwrap(),
            protocol: protocol(entry.protocol),
            ports: ports(entry.protocol, entry.from, entry.to),
            cidr: cidr(entry.block),
            allow: entry.allow,
        };
        let acl = Acl { ingress: inward.iter().enumerate().map(entry).collect(), egress: outward.iter().enumerate().map(entry).collect() };
        network.acls.insert(id.clone(), acl);
        let base = world.vpcs[*vpc].0;
        let subnet = Subnet {
            vpc: format!("vpc-{vpc}").into(),
            blocks: vec![cidr((ip(base[0], base[1], *third, 0), 24))],
            table: id.clone(),
            acl: id.clone(),
        };
        network.subnets.insert(id, subnet);
    }
    for (index, (inward, outward)) in world.groups.iter().enumerate() {
        let mut rules = |of: &[Rule]| {
            let rule = |(of, from, to, who): &Rule| GroupRule {
                id: "sgr".into(),
                protocol: protocol(*of),
                ports: ports(*of, *from, *to),
                peer: match who {
                    Who::Block(base, length) => Peer::Block(cidr((*base, *length))),
                    Who::Group(group) => Peer::Group(network.number_of(&format!("sg-{group}"))),
                },
            };
            of.iter().map(rule).collect::<Vec<_>>()
        };
        let (ingress, egress) = (rules(inward), rules(outward));
        network.add_group(Group { id: format!("sg-{index}").into(), ingress, egress });
    }
    let mut add = |id: String, subnet: usize, own: Ip, public: Option<Ip>, groups: &[usize], nat: Option<crate::Id>| {
        let groups = groups.iter().map(|group| network.number_of(&format!("sg-{group}"))).collect();
        network.add_interface(Interface {
            id: id.into(),
            vpc: format!("vpc-{}", world.subnets[subnet].0).into(),
            subnet: format!("subnet-{subnet}").into(),
            addresses: vec![v4(own)],
            publics: public.map(|public| (v4(own), v4(public))).into_iter().collect(),
            groups,
            source_dest_check: nat.is_none(),
            is_up: true,
            nat,
        });
    };
    for (index, (subnet, _, public, groups)) in world.hosts.iter().enumerate() {
        add(format!("eni-{index}"), *subnet, world.address(index), *public, groups, None);
    }
    if let Some(nat) = world.nat {
        add("eni-nat".to_owned(), nat, world.in_subnet(nat, NAT_LAST), Some(NAT_PUBLIC), &[], Some("nat".into()));
        let row = Nat { subnet: format!("subnet-{nat}").into(), private: v4(world.in_subnet(nat, NAT_LAST)), is_available: true };
        network.nats.insert("nat".into(), row);
    }
    if world.peered {
        network.peerings.insert("pcx".into(), Peering { requester: "vpc-0".into(), accepter: "vpc-1".into(), is_active: true });
    }
    network
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long this test runs is a setting of who runs it")]
fn the_transcription_agrees() {
    let count: u64 = std::env::var("CLOUDLET_TOPOLOGIES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000);
    let (mut passed, mut asked) = (0, 0);
    for seed in 0..count {
        let mut random = Random(seed);
        let world = random_world(&mut random);
        let network = as_network(&world);
        let sources = (0..world.hosts.len()).map(Some).chain([None]);
        for from in sources {
            let targets =
                (0..world.hosts.len()).flat_map(|host| [Some(world.address(host)), world.hosts[host].2]).flatten().chain([OUTSIDE, NAT_PUBLIC]);
            for to in targets {
                let port = random.pick(&[443, 80, 22, 8_080]);
                let is_itself = from.is_some_and(|host| world.address(host) == to);
                let is_nobodys = to == OUTSIDE || to == NAT_PUBLIC && world.nat.is_none() || within(to, (ip(10, 0, 0, 0), 8));
                if is_itself || from.is_none() && is_nobodys {
                    continue;
                }
                let place = from.map_or(Location::Internet(v4(OUTSIDE)), |host| Location::Interface(format!("eni-{host}").into()));
                let verdict = trace(&network, &Question::new(place, Location::Address(v4(to)), 6, port));
                let expected = world.passes(from, to, port);
                assert_eq!(verdict.passes, expected, "seed {seed}: {from:?} to {}:{port}\n{}\n{world:#?}", v4(to), verdict.in_words());
                passed += usize::from(expected);
                asked += 1;
            }
        }
    }
    // Neither answer is rare.
    assert!(passed * 20 > asked && passed * 2 < asked * 2, "{passed} of {asked}");
}
