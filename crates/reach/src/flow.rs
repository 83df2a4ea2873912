//! What a packet's header is, and the ports of rules.

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
    pub fn matches(self, flow: &Flow) -> bool {
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
