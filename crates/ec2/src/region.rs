//! What an account finds in a region when it first looks: the default VPC with a subnet in each zone, its main route table with a way to
//! the internet, its network ACL, its DHCP options and its group.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html>

use crate::{
    rows::{
        Acl, AclDirection, AclEntry, Associated, Block, Destination, DhcpOptions, Group, InRegion, InternetGateway, Route, RouteOrigin, RouteTable,
        RouteTableAssociation, Subnet, Target, Vpc,
    },
    rules::Rule,
    state::{Kind, Resource, State},
    tags::Tags,
    zones,
};
use cloudlet_aws::Scope;
use cloudlet_engine::Ids;
use cloudlet_reach::Cidr;
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

/// The number of the entry that refuses what no other has.
pub const LAST_ENTRY: i32 = 32_767;

pub fn settle(state: &mut State, scope: &Scope, ids: &Ids) {
    let region = scope.region.as_str();
    let domain = if region == "us-east-1" { "ec2.internal".to_owned() } else { format!("{region}.compute.internal") };
    let options = vec![("domain-name".to_owned(), vec![domain]), ("domain-name-servers".to_owned(), vec!["AmazonProvidedDNS".to_owned()])];
    let dhcp_options = state.add(scope, ids, DhcpOptions { options }, Tags::new());
    state.regions.insert(scope.clone(), InRegion { default_vpc: None, dhcp_options });
    make_default_vpc(state, scope, ids);
}

/// The default VPC with all that it has.
pub fn make_default_vpc(state: &mut State, scope: &Scope, ids: &Ids) -> String {
    let cidr = block([172, 31, 0, 0], 16);
    let vpc = add_vpc(state, scope, ids, cidr, "default".to_owned(), Tags::new());
    if let Some(row) = Vpc::table_mut(state).get_mut(&crate::state::key(scope, &vpc)) {
        row.dns_hostnames = true;
    }
    if let Some(region) = state.regions.get_mut(scope) {
        region.default_vpc = Some(vpc.clone());
    }
    let gateway = state.add(scope, ids, InternetGateway { vpc: Some(vpc.clone()) }, Tags::new());
    let main = state.all::<RouteTable>(scope).find(|(_, table)| table.vpc == vpc).map(|(id, _)| id.to_owned());
    if let Some(table) = main.and_then(|id| RouteTable::table_mut(state).get_mut(&crate::state::key(scope, &id))) {
        let destination = Destination::Block(Cidr::ALL_V4);
        table.routes.push(Route { destination, target: Target::InternetGateway(gateway), origin: RouteOrigin::CreateRoute });
    }
    for zone in zones::of(scope.region.as_str()) {
        add_default_subnet(state, scope, ids, &vpc, zone.name);
    }
    vpc
}

/// The default subnet of a zone, in the first /20 that is free. `None`: the VPC is full.
pub fn add_default_subnet(state: &mut State, scope: &Scope, ids: &Ids, vpc: &str, zone: String) -> Option<String> {
    let taken: Vec<Cidr> = state.all::<Subnet>(scope).filter(|(_, subnet)| subnet.vpc == vpc).map(|(_, subnet)| subnet.cidr).collect();
    // AWS: the zones of a VPC begin at 172.31.0.0, .16.0, .32.0, …
    let free = (0u8..16).map(|index| block([172, 31, index * 16, 0], 20)).find(|cidr| !taken.iter().any(|taken| taken.overlaps(*cidr)))?;
    let mut subnet = new_subnet(state, scope, ids, vpc, zone, free);
    subnet.default_for_zone = true;
    subnet.public_addresses = true;
    Some(state.add(scope, ids, subnet, Tags::new()))
}

fn block(octets: [u8; 4], length: u8) -> Cidr {
    Cidr::new(IpAddr::V4(Ipv4Addr::from(octets)), length).unwrap_or(Cidr::ALL_V4)
}

pub fn new_association(ids: &Ids, prefix: &str) -> String {
    format!("{prefix}-{}", ids.hex(17))
}

/// A subnet that is not added yet, with the VPC's default network ACL.
pub fn new_subnet(state: &State, scope: &Scope, ids: &Ids, vpc: &str, zone: String, cidr: Cidr) -> Subnet {
    let acl = state.all::<Acl>(scope).find(|(_, acl)| acl.vpc == vpc && acl.is_default).map(|(id, _)| id.to_owned()).unwrap_or_default();
    Subnet {
        vpc: vpc.to_owned(),
        zone,
        cidr,
        ipv6: None,
        default_for_zone: false,
        public_addresses: false,
        ipv6_addresses: false,
        dns64: false,
        hostname_type: "ip-name".to_owned(),
        a_record: false,
        aaaa_record: false,
        acl,
        acl_association: new_association(ids, "aclassoc"),
    }
}

/// Adds a VPC with its main route table, its network ACL and its group.
pub fn add_vpc(state: &mut State, scope: &Scope, ids: &Ids, cidr: Cidr, tenancy: String, tags: Tags) -> String {
    let dhcp_options = state.regions.get(scope).map(|region| region.dhcp_options.clone()).unwrap_or_default();
    let block = Block { association: new_association(ids, "vpc-cidr-assoc"), cidr };
    let row =
        Vpc { blocks: vec![block], ipv6_blocks: vec![], dhcp_options, tenancy, dns_support: true, dns_hostnames: false, address_metrics: false };
    let vpc = state.add(scope, ids, row, tags);
    let main = RouteTableAssociation { id: new_association(ids, "rtbassoc"), with: Associated::Main };
    state.add(scope, ids, RouteTable { vpc: vpc.clone(), routes: vec![], associations: vec![main] }, Tags::new());
    let entries = [AclDirection::Ingress, AclDirection::Egress].map(|direction| allow_all(direction, 100, Cidr::ALL_V4)).to_vec();
    state.add(scope, ids, Acl { vpc: vpc.clone(), is_default: true, entries }, Tags::new());
    let group = <Arc<Group> as Resource>::KIND.new_id(ids);
    let rules = [Rule::from_itself(ids, scope, &group), Rule::to_everywhere(ids)].map(Arc::new).to_vec();
    let description = "default VPC security group".to_owned();
    state.put_group(scope, &group, Group { name: "default".to_owned(), description, vpc: vpc.clone(), rules, associated: vec![] });
    vpc
}

pub fn allow_all(direction: AclDirection, number: i32, cidr: Cidr) -> AclEntry {
    AclEntry { direction, number, protocol: -1, allow: true, cidr, ports: None, icmp: None }
}

/// The kinds whose rows the default VPC needs are declared where they are handled.
pub const DHCP_OPTIONS: Kind = Kind {
    prefix: "dopt",
    name: "dhcp-options",
    missing: "InvalidDhcpOptionID.NotFound",
    says: ("The dhcpOption ID '", "' does not exist"),
    malformed: "InvalidDhcpOptionsId.Malformed",
};
