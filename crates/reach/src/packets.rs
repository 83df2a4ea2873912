//! Packets that are played one after the other, and what flow logs record of them.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-basics.html>

use crate::{
    flow::{Direction, Flow, ICMP, ICMP_V6, TCP, UDP},
    network::{Id, Interface, Network},
    walk::{Reached, Translation, Walk},
};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A packet as somebody writes it down: `protocol source destination [source-port destination-port]`, for ICMP its type and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketLine {
    pub flow: Flow,
    pub bytes: u64,
}

/// What one interface saw of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub interface: String,
    pub vpc: String,
    pub subnet: String,
    pub flow: Flow,
    pub bytes: u64,
    pub direction: Direction,
    pub accepted: bool,
}

/// Plays packets: what was accepted once, its replies belong to.
pub struct Player<'n> {
    network: &'n Network,
    /// The header of the reply to what has passed, and what gateways remember of it.
    open: HashMap<Flow, Vec<Translation>>,
}

/// More connections are not remembered.
const MOST_OPEN: usize = 100_000;

impl<'n> Player<'n> {
    pub fn new(network: &'n Network) -> Player<'n> {
        Player { network, open: HashMap::default() }
    }

    /// Plays one packet: a record for the interface it leaves, and one for that which it reaches.
    pub fn play(&mut self, packet: PacketLine) -> Vec<Record> {
        let flow = packet.flow;
        let known = self.open.get(&flow).cloned();
        let mut walk = match &known {
            Some(translations) => Walk::reply(self.network, flow, translations.clone()),
            None => Walk::new(self.network, flow),
        };
        walk.flow = flow;
        let sender = self.network.at_address(flow.source);
        let arrival = match sender {
            Some(interface) => walk.send(interface),
            None => walk.arrive_outside(),
        };
        let is_refused = |id: &Id| walk.blocks.iter().any(|block| block.interface.as_deref() == Some(&**id));
        let record = |interface: &Interface, flow: Flow, direction: Direction| Record {
            interface: interface.id.to_string(),
            vpc: interface.vpc.to_string(),
            subnet: interface.subnet.to_string(),
            flow,
            bytes: packet.bytes,
            direction,
            accepted: !is_refused(&interface.id),
        };
        let mut records: Vec<Record> = sender.map(|interface| record(interface, flow, Direction::Egress)).into_iter().collect();
        let left = records.first().is_none_or(|record| record.accepted);
        let receiver = match &arrival {
            Reached::Interface(id) => self.network.interface(id),
            _ => None,
        };
        if let Some(interface) = receiver.filter(|_| left) {
            records.push(record(interface, walk.flow, Direction::Ingress));
        }
        let passed = walk.blocks.is_empty() && arrival != Reached::Lost;
        if passed && known.is_none() && self.open.len() < MOST_OPEN {
            self.open.insert(walk.flow.reversed(), walk.translations.clone());
        }
        records
    }
}

/// A file of packets: one a line, `#` begins a comment. What cannot be read names its line.
pub fn read_packets(text: &str, most: usize) -> Result<Vec<PacketLine>, String> {
    let mut packets = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if packets.len() >= most {
            return Err(format!("line {}: more than {most} packets", number + 1));
        }
        packets.push(read_packet(line).map_err(|why| format!("line {}: {why}", number + 1))?);
    }
    Ok(packets)
}

fn read_packet(line: &str) -> Result<PacketLine, String> {
    let mut words = line.split_whitespace();
    let protocol = words.next().unwrap_or_default();
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "tcp" => TCP,
        "udp" => UDP,
        "icmp" => ICMP,
        "icmpv6" => ICMP_V6,
        other => other.parse().map_err(|_| format!("'{protocol}' is no protocol"))?,
    };
    let mut address = |what: &str| -> Result<IpAddr, String> {
        let word = words.next().ok_or_else(|| format!("the {what} is missing"))?;
        word.parse().map_err(|_| format!("'{word}' is no address"))
    };
    let (source, destination) = (address("source")?, address("destination")?);
    if source.is_ipv4() != destination.is_ipv4() {
        return Err("source and destination are of two families".to_owned());
    }
    let mut number = |default: u64, most: u64| -> Result<u64, String> {
        match words.next() {
            None => Ok(default),
            Some(word) => word.parse().ok().filter(|number| *number <= most).ok_or_else(|| format!("'{word}' is no number up to {most}")),
        }
    };
    let is_icmp = matches!(protocol, ICMP | ICMP_V6);
    let source_port = number(if is_icmp { if protocol == ICMP { 8 } else { 128 } } else { u64::from(crate::trace::EPHEMERAL) }, 65_535)?;
    let destination_port = number(0, 65_535)?;
    let bytes = number(40, 1 << 40)?;
    if let Some(more) = words.next() {
        return Err(format!("'{more}' is too much"));
    }
    let port = |number: u64| u16::try_from(number).unwrap_or_default();
    let flow = Flow { protocol, source, destination, source_port: port(source_port), destination_port: port(destination_port) };
    Ok(PacketLine { flow, bytes })
}
