//! The rows of the tables. What can be computed from the time or from other rows is not in them.

use crate::rules::Rule;
use cloudlet_api_ec2::{NetworkInsightsAccessScopeContent, RequestLaunchTemplateData};
use cloudlet_aws::{Scope, Timestamp};
use cloudlet_engine::{StoredPolicy, StoredShape, fingerprint::Fingerprint};
use cloudlet_reach::{Cidr, Hop};
use cloudlet_store::Expires;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

/// What a request with a client token made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Made {
    pub request: Fingerprint,
    pub id: String,
    pub until: i64,
}

impl Expires for Made {
    fn expires_at(&self) -> i64 {
        self.until
    }
}

/// What an account has in a region from the first call on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InRegion {
    pub default_vpc: Option<String>,
    pub dhcp_options: String,
}

/// A block of a VPC or a subnet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Block {
    pub association: String,
    pub cidr: Cidr,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vpc {
    /// The first is the VPC's own.
    pub blocks: Vec<Block>,
    pub ipv6_blocks: Vec<Block>,
    pub dhcp_options: String,
    pub tenancy: String,
    pub dns_support: bool,
    pub dns_hostnames: bool,
    pub address_metrics: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subnet {
    pub vpc: String,
    /// `us-east-1a`
    pub zone: String,
    pub cidr: Cidr,
    pub ipv6: Option<Block>,
    pub default_for_zone: bool,
    pub public_addresses: bool,
    pub ipv6_addresses: bool,
    pub dns64: bool,
    /// `ip-name` or `resource-name`
    pub hostname_type: String,
    pub a_record: bool,
    pub aaaa_record: bool,
    pub acl: String,
    pub acl_association: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    Block(Cidr),
    PrefixList(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    Local,
    InternetGateway(String),
    EgressOnlyInternetGateway(String),
    NatGateway(String),
    Interface(String),
    Peering(String),
    Endpoint(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteOrigin {
    CreateRouteTable,
    CreateRoute,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Route {
    pub destination: Destination,
    pub target: Target,
    pub origin: RouteOrigin,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Associated {
    /// All subnets of the VPC that have no other.
    Main,
    Subnet(String),
    Gateway(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RouteTableAssociation {
    pub id: String,
    pub with: Associated,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RouteTable {
    pub vpc: String,
    /// Those that the VPC's own blocks make are not here.
    pub routes: Vec<Route>,
    pub associations: Vec<RouteTableAssociation>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InternetGateway {
    pub vpc: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EgressOnlyInternetGateway {
    pub vpc: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NatFailure {
    pub code: String,
    pub message: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NatGateway {
    pub vpc: String,
    pub subnet: String,
    pub is_public: bool,
    pub interface: String,
    pub allocation: Option<String>,
    pub made: Timestamp,
    pub deleted: Option<Timestamp>,
    /// Why it was never there. It counts as deleted from the beginning.
    #[serde(default)]
    pub failure: Option<NatFailure>,
    /// What it had, for the hour in which it is still shown.
    pub private_address: Ipv4Addr,
    pub public_address: Option<Ipv4Addr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AclDirection {
    Ingress,
    Egress,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclEntry {
    pub direction: AclDirection,
    /// 1 to 32766; the last one, 32767, refuses everything.
    pub number: i32,
    /// `-1` for all.
    pub protocol: i32,
    pub allow: bool,
    pub cidr: Cidr,
    pub ports: Option<(i32, i32)>,
    /// Type and code, -1 for all.
    pub icmp: Option<(i32, i32)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Acl {
    pub vpc: String,
    pub is_default: bool,
    pub entries: Vec<AclEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixListEntry {
    pub cidr: Cidr,
    pub description: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PrefixList {
    pub name: String,
    pub is_ipv6: bool,
    pub max_entries: i32,
    /// The entries of each version, from the first.
    pub versions: Vec<Vec<PrefixListEntry>>,
    /// What was done last: `create`, `modify`, `restore`.
    pub last: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DhcpOptions {
    pub options: Vec<(String, Vec<String>)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attachment {
    pub id: String,
    pub instance: Option<String>,
    pub index: i32,
    pub at: Timestamp,
    pub delete_on_termination: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PrivateAddress {
    pub address: Ipv4Addr,
    /// A public address that came with the launch and goes with the stop.
    pub launched: Option<Ipv4Addr>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interface {
    pub vpc: String,
    pub subnet: String,
    pub description: String,
    /// The first is the primary one.
    pub addresses: Vec<PrivateAddress>,
    pub ipv6: Vec<Ipv6Addr>,
    pub groups: Vec<String>,
    pub source_dest_check: bool,
    pub mac: String,
    pub attachment: Option<Attachment>,
    /// `interface`, `nat_gateway`, `vpc_endpoint`
    pub kind: String,
    /// The service that manages it.
    pub requester: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddressAssociation {
    pub id: String,
    pub interface: String,
    pub private: Ipv4Addr,
}

/// An Elastic IP address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Address {
    pub public: Ipv4Addr,
    pub association: Option<AddressAssociation>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeeredVpc {
    pub scope: Scope,
    pub vpc: String,
    pub blocks: Vec<Cidr>,
    pub ipv6_blocks: Vec<Cidr>,
    pub resolves_dns: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeeringStatus {
    PendingAcceptance,
    Active,
    Rejected,
    Deleted,
    Failed,
}

/// A row of both ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Peering {
    pub requester: PeeredVpc,
    pub accepter: PeeredVpc,
    pub status: PeeringStatus,
    pub by: String,
    pub made: Timestamp,
    pub ended: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    pub vpc: String,
    pub service: String,
    /// `Gateway`, `Interface`
    pub kind: String,
    /// As it was given; without one everything is allowed.
    pub policy: Option<StoredPolicy>,
    pub route_tables: Vec<String>,
    pub subnets: Vec<String>,
    pub groups: Vec<String>,
    pub interfaces: Vec<String>,
    pub private_dns: bool,
    /// Whether the service's own name leads to it only from outside the VPC, where there is a choice.
    #[serde(default)]
    pub inbound_only: Option<bool>,
    pub dns_suffix: String,
    pub made: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub description: String,
    pub vpc: String,
    /// In the order of their creation. A copy of a group, which is made to be changed, shares those that stay.
    pub rules: Vec<Arc<Rule>>,
    /// VPCs with which it is associated beside its own.
    pub associated: Vec<String>,
}

impl Group {
    pub fn is_default(&self) -> bool {
        self.name == "default"
    }

    /// Whether interfaces of a VPC can have it.
    pub fn is_usable_in(&self, vpc: &str) -> bool {
        self.vpc == vpc || self.associated.iter().any(|associated| associated == vpc)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DesiredState {
    Running,
    Stopped,
    Terminated,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProfileAssociation {
    pub id: String,
    pub arn: String,
    pub profile_id: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instance {
    pub reservation: String,
    pub launch_index: i32,
    pub image: String,
    pub instance_type: String,
    pub key_name: Option<String>,
    pub client_token: String,
    pub user_data: Option<String>,
    pub subnet: String,
    pub vpc: String,
    pub zone: String,
    pub tenancy: String,
    pub launched: Timestamp,
    /// What was asked for last, and when: the states between follow from the time.
    pub wanted: DesiredState,
    pub since: Timestamp,
    pub reason: String,
    pub profile: Option<ProfileAssociation>,
    pub protected_from_termination: bool,
    pub protected_from_stop: bool,
    pub shutdown_behavior: String,
    pub monitoring: bool,
    pub ebs_optimized: bool,
    pub metadata_tokens: String,
    pub metadata_endpoint: String,
    pub metadata_hops: i32,
    pub root_volume: String,
    /// How processors are paid for, if that was said.
    #[serde(default)]
    pub credits: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TemplateVersion {
    pub data: StoredShape<RequestLaunchTemplateData>,
    pub description: Option<String>,
    pub made: Timestamp,
    pub by: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LaunchTemplate {
    pub name: String,
    pub default: i64,
    /// The highest number that was given.
    pub latest: i64,
    pub versions: BTreeMap<i64, TemplateVersion>,
    pub made: Timestamp,
    pub by: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FlowLog {
    pub resource: String,
    /// `ALL`, `ACCEPT`, `REJECT`
    pub traffic: String,
    /// `s3`, `cloud-watch-logs`
    pub destination_type: String,
    /// A bucket with a folder. Of a log group there is its name.
    pub destination: String,
    pub log_group: Option<String>,
    /// The role under which records are put into a log group.
    pub role: Option<String>,
    pub format: String,
    pub interval: i32,
    pub made: Timestamp,
    pub hive: bool,
    pub per_hour: bool,
    pub failure: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathFilterRow {
    pub source_address: Option<String>,
    pub source_ports: Option<(i32, i32)>,
    pub destination_address: Option<String>,
    pub destination_ports: Option<(i32, i32)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InsightsPath {
    pub source: String,
    pub destination: Option<String>,
    pub source_ip: Option<String>,
    pub destination_ip: Option<String>,
    pub protocol: String,
    pub destination_port: Option<i32>,
    pub filter_at_source: Option<PathFilterRow>,
    pub filter_at_destination: Option<PathFilterRow>,
    pub made: Timestamp,
}

/// Paths that an account wants to know of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessScope {
    /// Without its id.
    pub content: StoredShape<NetworkInsightsAccessScopeContent>,
    pub made: Timestamp,
}

/// A path that was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    pub id: String,
    pub hops: Vec<Hop>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessScopeAnalysis {
    pub access_scope: String,
    pub started: Timestamp,
    pub interfaces: i32,
    pub findings: std::sync::Arc<Vec<Finding>>,
    /// There are more paths than are written down.
    pub is_partial: bool,
    /// Why nothing was found out.
    pub failure: Option<String>,
}

/// The answer is written down as it was found: later changes of the network do not change it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InsightsAnalysis {
    pub path: String,
    pub filter_in: Vec<String>,
    pub filter_out: Vec<String>,
    pub accounts: Vec<String>,
    pub started: Timestamp,
    pub found: std::sync::Arc<cloudlet_reach::Verdict>,
}

/// The address of an interface in a subnet.
pub fn in_words(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string().replace('.', "-"),
        IpAddr::V6(address) => address.to_string().replace(':', "-"),
    }
}
