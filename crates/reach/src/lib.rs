//! Whether a packet passes a network of VPCs, and why: groups on both sides, network ACLs both ways, routes, gateways, translation, peering.
//! No I/O, no clock, and nothing of the shapes of EC2: the caller builds a `Network` from what there is.
//!
//! A packet is walked from where it is sent to where it arrives, then its reply all the way back. What stands in its way is collected and not
//! only the first of it, as AWS's Reachability Analyzer does; a missing route ends the walk.
//! <https://docs.aws.amazon.com/vpc/latest/reachability/how-reachability-analyzer-works.html>

mod cidr;
mod flow;
mod matching;
mod network;
mod nftables;
mod packets;
#[cfg(test)]
mod tests;
mod trace;
mod verdict;
mod walk;

pub use cidr::{Cidr, Family};
pub use flow::{Direction, Flow, Ports};
pub use matching::allowing;
pub use network::{
    Acl, AclRule, Endpoint, Group, GroupNumber, GroupRule, Id, Interface, Nat, Network, Peer, Peering, Route, RouteTable, Subnet, Target, Vpc,
};
pub use nftables::nftables;
pub use packets::{PacketLine, Player, Record, read_packets};
pub use trace::{EPHEMERAL, Location, Question, SOMEBODY, trace};
pub use verdict::{Block, Component, ComponentKind, Evidence, Hop, Verdict};
