//! Quotas: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>.

pub const VPCS: usize = 5;
pub const GROUPS: usize = 2_500;
/// Rules of a group in one direction, IPv4 and IPv6 counted separately.
pub const RULES: usize = 60;
pub const PAGE: usize = 1_000;
pub const TAGS: usize = 50;
