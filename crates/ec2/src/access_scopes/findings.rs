//! The paths that there are, among those that a scope wants to know of: each pair of ends is asked about the ports that rules name.

use super::statements::{block, ports};
use crate::{
    prefix_lists,
    rows::{Finding, Interface, InternetGateway},
    rules::{Direction, Peer},
    state::State,
    topology,
};
use cloudlet_api_ec2 as api;
use cloudlet_engine::Cx;
use cloudlet_reach::{self as reach, Cidr, ComponentKind, Flow, Hop, Location, Network, Question};
use std::net::IpAddr;

/// Questions of one analysis.
const MOST_QUESTIONS: usize = 200_000;
/// AWS: unverified. Findings of one analysis.
const MOST_FINDINGS: usize = 1_000;

#[derive(Default)]
pub struct Found {
    pub findings: Vec<Finding>,
    pub interfaces: i32,
    pub is_partial: bool,
    pub failure: Option<String>,
}

/// Where a path can begin or end.
struct End<'s> {
    id: &'s str,
    kind: &'static str,
    /// What it is in or has, with their types.
    around: Vec<(&'s str, &'static str)>,
    interface: Option<&'s Interface>,
}

fn ends<'s>(state: &'s State, cx: &'s Cx) -> Vec<End<'s>> {
    let interfaces = state.all::<Interface>(&cx.scope).map(|(id, row)| {
        let groups = row.groups.iter().map(|group| (group.as_str(), "AWS::EC2::SecurityGroup"));
        let instance = row.attachment.as_ref().and_then(|of| of.instance.as_deref()).map(|id| (id, "AWS::EC2::Instance"));
        let around = [(row.vpc.as_str(), "AWS::EC2::VPC"), (row.subnet.as_str(), "AWS::EC2::Subnet")];
        End { id, kind: "AWS::EC2::NetworkInterface", around: around.into_iter().chain(groups).chain(instance).collect(), interface: Some(row) }
    });
    let gateways = state.all::<InternetGateway>(&cx.scope).filter_map(|(id, row)| {
        let around = vec![(row.vpc.as_deref()?, "AWS::EC2::VPC")];
        Some(End { id, kind: "AWS::EC2::InternetGateway", around, interface: None })
    });
    gateways.chain(interfaces).collect()
}

/// The id of what is named by id or by ARN.
fn id_of(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

fn names(statement: Option<&api::ResourceStatement>, things: &[(&str, &str)]) -> bool {
    let Some(statement) = statement else { return true };
    let (ids, kinds) = (statement.resources.as_deref().unwrap_or_default(), statement.resource_types.as_deref().unwrap_or_default());
    (ids.is_empty() && kinds.is_empty())
        || things.iter().any(|(id, kind)| ids.iter().any(|wanted| id_of(wanted) == *id) || kinds.iter().any(|wanted| wanted == kind))
}

impl End<'_> {
    fn fits(&self, statement: Option<&api::PathStatement>) -> bool {
        let mut things = self.around.clone();
        things.push((self.id, self.kind));
        names(statement.and_then(|statement| statement.resource_statement.as_ref()), &things)
    }
}

fn type_of(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::NetworkInterface => "AWS::EC2::NetworkInterface",
        ComponentKind::SecurityGroup => "AWS::EC2::SecurityGroup",
        ComponentKind::NetworkAcl => "AWS::EC2::NetworkAcl",
        ComponentKind::RouteTable => "AWS::EC2::RouteTable",
        ComponentKind::Subnet => "AWS::EC2::Subnet",
        ComponentKind::Vpc => "AWS::EC2::VPC",
        ComponentKind::InternetGateway => "AWS::EC2::InternetGateway",
        ComponentKind::EgressOnlyInternetGateway => "AWS::EC2::EgressOnlyInternetGateway",
        ComponentKind::NatGateway => "AWS::EC2::NatGateway",
        ComponentKind::VpcPeeringConnection => "AWS::EC2::VPCPeeringConnection",
        ComponentKind::VpcEndpoint => "AWS::EC2::VPCEndpoint",
        ComponentKind::Internet => "",
    }
}

fn passes_through(path: &api::AccessScopePath, hops: &[Hop]) -> bool {
    let things: Vec<(&str, &str)> = hops.iter().map(|hop| (hop.component.id.as_str(), type_of(hop.component.kind))).collect();
    path.through_resources.iter().flatten().all(|through| names(through.resource_statement.as_ref(), &things))
}

/// What the statements of both ends say of the header.
fn headers(path: &api::AccessScopePath) -> impl Iterator<Item = &api::PacketHeaderStatement> {
    [&path.source, &path.destination].into_iter().flatten().filter_map(|statement| statement.packet_header_statement.as_ref())
}

struct Search<'s> {
    state: &'s State,
    cx: &'s Cx,
}

impl Search<'_> {
    fn blocks(&self, addresses: Option<&Vec<String>>, lists: Option<&Vec<String>>) -> Option<Vec<Cidr>> {
        let of_lists = lists.into_iter().flatten().filter_map(|list| prefix_lists::find(self.state, &self.cx.scope, id_of(list)).ok());
        let of_lists: Vec<Cidr> = of_lists.flat_map(|list| list.entries().iter().map(|entry| entry.cidr).collect::<Vec<_>>()).collect();
        let given = addresses.into_iter().flatten().filter_map(|text| block(text));
        let all: Vec<Cidr> = given.chain(of_lists).collect();
        (addresses.is_some_and(|all| !all.is_empty()) || lists.is_some_and(|all| !all.is_empty())).then_some(all)
    }

    fn fits_header(&self, statement: &api::PacketHeaderStatement, flow: &Flow) -> bool {
        let among = |blocks: Option<Vec<Cidr>>, address: IpAddr| blocks.is_none_or(|blocks| blocks.iter().any(|block| block.contains(address)));
        let in_ports = |ranges: Option<&Vec<String>>, port: u16| {
            ranges
                .is_none_or(|ranges| ranges.is_empty() || ranges.iter().filter_map(|text| ports(text)).any(|(from, to)| (from..=to).contains(&port)))
        };
        let protocols = statement.protocols.as_deref().unwrap_or_default();
        among(self.blocks(statement.source_addresses.as_ref(), statement.source_prefix_lists.as_ref()), flow.source)
            && among(self.blocks(statement.destination_addresses.as_ref(), statement.destination_prefix_lists.as_ref()), flow.destination)
            && in_ports(statement.source_ports.as_ref(), flow.source_port)
            && in_ports(statement.destination_ports.as_ref(), flow.destination_port)
            && (protocols.is_empty() || protocols.iter().any(|name| topology::protocol(name) == Some(flow.protocol)))
    }

    /// What is worth asking: the ports where a rule of an end begins, within those that are wanted, and for the internet whom the rule names.
    fn candidates(&self, path: &api::AccessScopePath, source: &End<'_>, destination: &End<'_>) -> Vec<(u8, u16, Option<IpAddr>)> {
        let (of, direction) = match (destination.interface, source.interface) {
            (Some(interface), _) => (interface, Direction::Ingress),
            (None, Some(interface)) => (interface, Direction::Egress),
            (None, None) => return vec![],
        };
        let wanted: Vec<(u16, u16)> =
            headers(path).flat_map(|header| header.destination_ports.iter().flatten()).filter_map(|text| ports(text)).collect();
        let begins = |(from, to): (u16, u16)| -> Vec<u16> {
            match wanted.is_empty() {
                true => vec![from],
                false => wanted
                    .iter()
                    .map(|(first, last)| (from.max(*first), to.min(*last)))
                    .filter(|(from, to)| from <= to)
                    .map(|(from, _)| from)
                    .collect(),
            }
        };
        let outside = source.interface.is_none() || destination.interface.is_none();
        let mut found = Vec::new();
        for group in of.groups.iter().filter_map(|group| self.state.group(&self.cx.scope, group)) {
            for rule in group.rules.iter().filter(|rule| rule.direction == direction) {
                let traffic = &rule.traffic;
                let port = |number: i32| u16::try_from(number).unwrap_or(0);
                let (protocols, range): (&[u8], _) = match traffic.protocol.as_str() {
                    "tcp" => (&[6], (port(traffic.from), port(traffic.to))),
                    "udp" => (&[17], (port(traffic.from), port(traffic.to))),
                    "-1" => (&[6, 17], (0, u16::MAX)),
                    _ => continue,
                };
                let somebody = match &traffic.peer {
                    Peer::Block(block) if outside && !block.contains(reach::SOMEBODY) => Some(block.first()),
                    _ => None,
                };
                for protocol in protocols {
                    found.extend(begins(range).into_iter().map(|port| (*protocol, port, somebody)));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn question(
        &self,
        path: &api::AccessScopePath,
        source: &End<'_>,
        destination: &End<'_>,
        (protocol, port, somebody): (u8, u16, Option<IpAddr>),
    ) -> Question {
        let outside = |statement: Option<&api::PathStatement>, is_source: bool| {
            let header = statement.and_then(|statement| statement.packet_header_statement.as_ref());
            let given = header.and_then(|header| match is_source {
                true => self.blocks(header.source_addresses.as_ref(), header.source_prefix_lists.as_ref()),
                false => self.blocks(header.destination_addresses.as_ref(), header.destination_prefix_lists.as_ref()),
            });
            let first = given.and_then(|blocks| blocks.first().map(|block| block.first())).filter(|first| !first.is_unspecified());
            Location::Internet(somebody.or(first).unwrap_or(reach::SOMEBODY))
        };
        let place = |end: &End<'_>, outside: Location| if end.interface.is_some() { Location::Interface(end.id.into()) } else { outside };
        let from = place(source, outside(path.source.as_ref(), true));
        let to = place(destination, outside(path.destination.as_ref(), false));
        let source_port = headers(path).flat_map(|header| header.source_ports.iter().flatten()).find_map(|text| ports(text)).map(|(from, _)| from);
        let question = Question::new(from, to, protocol, port);
        Question { source_port: source_port.unwrap_or(question.source_port), ..question }
    }

    fn is_excluded(&self, exclude: &[api::AccessScopePath], source: &End<'_>, destination: &End<'_>, flow: &Flow, hops: &[Hop]) -> bool {
        exclude.iter().any(|path| {
            source.fits(path.source.as_ref())
                && destination.fits(path.destination.as_ref())
                && passes_through(path, hops)
                && headers(path).all(|header| self.fits_header(header, flow))
        })
    }
}

/// Two ways are alike if the same rules and routes let them pass.
fn is_alike(one: &[Hop], other: &[Hop]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.component == other.component && one.evidence == other.evidence)
}

pub fn find(state: &State, cx: &Cx, network: &Network, content: &api::NetworkInsightsAccessScopeContent) -> Found {
    let search = Search { state, cx };
    let ends = ends(state, cx);
    let interfaces = ends.iter().filter(|end| end.interface.is_some()).count();
    let mut found = Found { interfaces: i32::try_from(interfaces).unwrap_or(i32::MAX), ..Found::default() };
    let exclude = content.exclude_paths.as_deref().unwrap_or_default();
    // AWS: unverified form. In the order of their numbers, which pages need.
    let prefix = cx.ids().hex(17);
    let mut questions = 0;
    for path in content.match_paths.iter().flatten() {
        let sources: Vec<&End<'_>> = ends.iter().filter(|end| end.fits(path.source.as_ref())).collect();
        let destinations: Vec<&End<'_>> = ends.iter().filter(|end| end.fits(path.destination.as_ref())).collect();
        for source in sources {
            for destination in destinations.iter().filter(|destination| destination.id != source.id) {
                let first_of_pair = found.findings.len();
                for candidate in search.candidates(path, source, destination) {
                    questions += 1;
                    if questions > MOST_QUESTIONS {
                        // AWS: unverified wording.
                        let failure = Some("The access scope matches too many pairs of resources.".to_owned());
                        return Found { failure, findings: vec![], ..found };
                    }
                    let verdict = reach::trace(network, &search.question(path, source, destination, candidate));
                    let Some(flow) = verdict.forward.first().map(|hop| hop.header).filter(|_| verdict.passes) else { continue };
                    let fits = passes_through(path, &verdict.forward) && headers(path).all(|header| search.fits_header(header, &flow));
                    if !fits || search.is_excluded(exclude, source, destination, &flow, &verdict.forward) {
                        continue;
                    }
                    if found.findings.iter().skip(first_of_pair).any(|known| is_alike(&known.hops, &verdict.forward)) {
                        continue;
                    }
                    if found.findings.len() == MOST_FINDINGS {
                        found.is_partial = true;
                        return found;
                    }
                    let id = format!("{prefix}-{:06}", found.findings.len() + 1);
                    found.findings.push(Finding { id, hops: verdict.forward });
                }
            }
        }
    }
    found
}
