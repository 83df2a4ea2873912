//! Quotas: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>.

pub const VPCS: usize = 5;
/// IPv4 blocks of a VPC, and IPv6 blocks.
pub const BLOCKS: usize = 5;
pub const SUBNETS: usize = 200;
pub const ROUTE_TABLES: usize = 200;
pub const ROUTES: usize = 500;
pub const ACLS: usize = 200;
/// Entries of a network ACL in one direction.
pub const ACL_ENTRIES: usize = 20;
pub const ADDRESSES: usize = 5;
pub const GROUPS: usize = 2_500;
/// Rules that any group can have, whatever its quota, and so any request.
pub const RULES_AT_ALL: usize = 1_000;
/// Rules of a group in one direction, IPv4 and IPv6 counted separately.
pub const RULES: usize = 60;
pub const GROUPS_OF_INTERFACE: usize = 5;
pub const PREFIX_LISTS: usize = 100;
pub const PREFIX_LIST_ENTRIES: i32 = 1_000;
/// Entries that one request adds.
pub const PREFIX_LIST_CHANGES: usize = 100;
pub const PREFIX_LIST_VERSIONS: usize = 1_000;
pub const PEERINGS: usize = 50;
pub const ENDPOINTS: usize = 20;
pub const INSTANCES: i32 = 1_000;
/// Resources of one CreateFlowLogs.
pub const LOGGED: usize = 1_000;
pub const TAGS: usize = 50;
