//! What is said about a packet: whether it passes, its way there and back, and what stands in it.

use crate::flow::{Direction, Flow};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentKind {
    NetworkInterface,
    SecurityGroup,
    NetworkAcl,
    RouteTable,
    Subnet,
    Vpc,
    InternetGateway,
    EgressOnlyInternetGateway,
    #[serde(rename = "natgateway")]
    NatGateway,
    VpcPeeringConnection,
    VpcEndpoint,
    /// What is outside.
    Internet,
}

impl ComponentKind {
    /// As it is in an ARN.
    pub fn name(self) -> &'static str {
        match self {
            ComponentKind::NetworkInterface => "network-interface",
            ComponentKind::SecurityGroup => "security-group",
            ComponentKind::NetworkAcl => "network-acl",
            ComponentKind::RouteTable => "route-table",
            ComponentKind::Subnet => "subnet",
            ComponentKind::Vpc => "vpc",
            ComponentKind::InternetGateway => "internet-gateway",
            ComponentKind::EgressOnlyInternetGateway => "egress-only-internet-gateway",
            ComponentKind::NatGateway => "natgateway",
            ComponentKind::VpcPeeringConnection => "vpc-peering-connection",
            ComponentKind::VpcEndpoint => "vpc-endpoint",
            ComponentKind::Internet => "internet",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    pub kind: ComponentKind,
    pub id: String,
}

impl Component {
    pub fn new(kind: ComponentKind, id: &str) -> Component {
        Component { kind, id: id.to_owned() }
    }
}

/// The rule or route that decided at a hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    GroupRule {
        group: String,
        rule: String,
        direction: Direction,
        /// A block, a prefix list or a group.
        peer: String,
        /// `-1` for all.
        protocol: i32,
        ports: Option<(u16, u16)>,
    },
    AclRule {
        direction: Direction,
        /// 32767 is the last one, which refuses.
        number: i32,
        allow: bool,
        cidr: String,
        protocol: i32,
        ports: Option<(u16, u16)>,
    },
    Route {
        destination: String,
        target: String,
        origin: String,
        is_active: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    pub component: Component,
    pub evidence: Option<Evidence>,
    pub subnet: Option<String>,
    pub vpc: Option<String>,
    /// The header as it is behind this hop.
    pub header: Flow,
}

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// <https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html>
    pub code: String,
    pub direction: Option<Direction>,
    pub component: Component,
    /// The groups whose rules do not match, the gateway that is missing.
    pub others: Vec<Component>,
    pub evidence: Option<Evidence>,
    /// On the way back.
    pub in_reply: bool,
    /// The interface whose traffic is refused, for flow logs.
    pub interface: Option<String>,
    /// In words.
    pub text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub passes: bool,
    pub forward: Vec<Hop>,
    pub back: Vec<Hop>,
    pub blocks: Vec<Block>,
    /// Whether the groups of the destination track the connection.
    pub is_tracked: bool,
}

impl Verdict {
    /// One line for each hop and each block.
    pub fn in_words(&self) -> String {
        let mut text = if self.passes { "It passes.\n".to_owned() } else { "It does not pass.\n".to_owned() };
        for (name, hops) in [("there", &self.forward), ("back", &self.back)] {
            for hop in hops {
                text.push_str(&format!("  {name}: {}{}\n", hop.component.id, hop.evidence.as_ref().map(said).unwrap_or_default()));
            }
        }
        for block in &self.blocks {
            text.push_str(&format!("  {}{}: {}\n", block.code, if block.in_reply { " (reply)" } else { "" }, block.text));
        }
        text
    }
}

fn said(evidence: &Evidence) -> String {
    match evidence {
        Evidence::GroupRule { rule, peer, .. } => format!(" allows by {rule} ({peer})"),
        Evidence::AclRule { number, allow, .. } => format!(" {} by entry {number}", if *allow { "allows" } else { "refuses" }),
        Evidence::Route { destination, target, .. } => format!(" sends {destination} to {target}"),
    }
}
