//! A question about a packet, and its answer.

use crate::{
    flow::{Direction, Flow},
    matching::is_tracked,
    network::{Id, Interface, Network},
    verdict::{Component, ComponentKind, Verdict},
    walk::{Reached, Walk},
};
use std::net::IpAddr;

/// Where a packet comes from or goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    Interface(Id),
    /// An address outside.
    Internet(IpAddr),
    /// An address as a packet has it: whoever has it.
    Address(IpAddr),
}

#[derive(Clone, Debug)]
pub struct Question {
    pub from: Location,
    pub to: Location,
    pub protocol: u8,
    /// For ICMP the type.
    pub source_port: u16,
    /// For ICMP the code.
    pub destination_port: u16,
}

/// A port that is ephemeral everywhere: in the ranges of Linux, of Windows, of load balancers and of NAT gateways.
pub const EPHEMERAL: u16 = 49_152;

impl Question {
    pub fn new(from: Location, to: Location, protocol: u8, port: u16) -> Question {
        Question { from, to, protocol, source_port: EPHEMERAL, destination_port: port }
    }
}

/// An address of nobody, for a question about the internet without one.
pub const SOMEBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1));

fn unknown(place: &str) -> Verdict {
    let mut walk = Walk::new(
        EMPTY.get_or_init(Network::default),
        Flow { protocol: 0, source: SOMEBODY, destination: SOMEBODY, source_port: 0, destination_port: 0 },
    );
    walk.block("NO_SOURCE_OR_DESTINATION", Component::new(ComponentKind::NetworkInterface, place), None, format!("there is no {place}"));
    Verdict { blocks: walk.blocks, ..Verdict::default() }
}

static EMPTY: std::sync::OnceLock<Network> = std::sync::OnceLock::new();

/// Would it pass? The answer has the way of the packet and that of its reply.
pub fn trace(network: &Network, question: &Question) -> Verdict {
    let from = match &question.from {
        Location::Interface(id) => match network.interface(id) {
            Some(interface) => Start::Interface(interface),
            None => return unknown(id),
        },
        Location::Internet(address) => Start::Outside(*address),
        Location::Address(address) => match network.at_address(*address) {
            Some(interface) => Start::Interface(interface),
            None => Start::Outside(*address),
        },
    };
    let ask = |destination: IpAddr, target: Option<(&Interface, IpAddr)>| answer(network, question, &from, destination, target);
    match &question.to {
        // Neither end is in the network.
        Location::Internet(address) | Location::Address(address) if matches!(from, Start::Outside(_)) && network.at_public(*address).is_none() => {
            unknown(&address.to_string())
        }
        Location::Internet(address) | Location::Address(address) => ask(*address, None),
        Location::Interface(id) => {
            let Some(target) = network.interface(id) else { return unknown(id) };
            let Some(private) = target.addresses.first().copied() else { return unknown(id) };
            let public = target.public_of(private);
            match &from {
                Start::Outside(source) => {
                    let v6 = target.addresses.iter().copied().find(|address| address.is_ipv6()).filter(|_| source.is_ipv6());
                    ask(v6.or(public).unwrap_or(private), Some((target, v6.unwrap_or(private))))
                }
                // The private address first: the shorter way.
                Start::Interface(source) => {
                    let direct = ask(private, None);
                    match public.filter(|_| !direct.passes && source.vpc != target.vpc) {
                        Some(public) => Some(ask(public, None)).filter(|verdict| verdict.passes).unwrap_or(direct),
                        None => direct,
                    }
                }
            }
        }
    }
}

enum Start<'n> {
    Interface(&'n Interface),
    Outside(IpAddr),
}

fn answer(network: &Network, question: &Question, from: &Start<'_>, destination: IpAddr, target: Option<(&Interface, IpAddr)>) -> Verdict {
    let source = match from {
        Start::Interface(interface) => {
            let same = interface.addresses.iter().copied().find(|address| address.is_ipv4() == destination.is_ipv4());
            match same {
                Some(address) => address,
                None => return unknown(&interface.id),
            }
        }
        Start::Outside(address) => *address,
    };
    let Question { protocol, source_port, destination_port, .. } = *question;
    let flow = Flow { protocol, source, destination, source_port, destination_port };
    let mut walk = Walk::new(network, flow);
    let arrival = match from {
        Start::Interface(interface) => match network.interface(&interface.id) {
            Some(interface) => walk.send(interface),
            None => Reached::Lost,
        },
        Start::Outside(_) => enter(network, &mut walk, target),
    };
    let mut verdict = Verdict { forward: std::mem::take(&mut walk.hops), blocks: std::mem::take(&mut walk.blocks), ..Verdict::default() };
    if arrival == Reached::Lost {
        return verdict;
    }
    if let (Reached::Interface(id), Some((_, rule))) = (&arrival, walk.entered_by)
        && let Some(interface) = network.interface(id)
    {
        verdict.is_tracked = is_tracked(network, &interface.groups, Direction::Ingress, rule, protocol);
    }
    let mut back = Walk::reply(network, walk.flow, walk.translations);
    let returned = match &arrival {
        Reached::Interface(id) => network.interface(id).map_or(Reached::Lost, |interface| back.send(interface)),
        // A service answers by the way it was asked.
        Reached::Service => match from {
            Start::Interface(interface) => Reached::Interface(interface.id.clone()),
            Start::Outside(_) => Reached::Lost,
        },
        Reached::Internet | Reached::Lost => back.arrive_outside(),
    };
    verdict.back = std::mem::take(&mut back.hops);
    verdict.blocks.append(&mut back.blocks);
    let is_home = match from {
        Start::Interface(interface) => returned == Reached::Interface(interface.id.clone()),
        // Whoever asked must be answered from the address that was asked.
        Start::Outside(address) => returned == Reached::Internet && back.flow.destination == *address && back.flow.source == destination,
    };
    verdict.passes = is_home && verdict.blocks.is_empty();
    if !is_home && verdict.blocks.is_empty() {
        let component = Component::new(ComponentKind::Internet, &back.flow.destination.to_string());
        back.block("GATEWAY_REJECTS_SPOOFED_TRAFFIC", component, None, "the reply does not come back the way the packet went".to_owned());
        verdict.blocks.append(&mut back.blocks);
    }
    verdict
}

/// From outside: to a public address, or to an interface that has none.
fn enter<'n>(network: &'n Network, walk: &mut Walk<'n>, target: Option<(&Interface, IpAddr)>) -> Reached {
    let Some((target, private)) = target.filter(|_| network.at_public(walk.flow.destination).is_none()) else { return walk.arrive_outside() };
    let Some(interface) = network.interface(&target.id) else { return Reached::Lost };
    let gateway = walk.vpc(&interface.vpc).and_then(|vpc| vpc.internet_gateway.clone());
    let component = match &gateway {
        Some(gateway) => Component::new(ComponentKind::InternetGateway, gateway),
        None => Component::new(ComponentKind::Vpc, &interface.vpc),
    };
    let text = format!("{} has no public address", interface.id);
    walk.block("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", component, Some(&interface.id), text);
    walk.enter_by_gateway(interface, private)
}
