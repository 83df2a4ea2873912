//! The numbers of the AWS quota pages.
//! <https://docs.aws.amazon.com/general/latest/gr/sns.html>

/// Keys of a filter policy, the combinations it may come to, and its bytes.
/// <https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html>
pub const FILTER_KEYS: usize = 5;
pub const FILTER_COMBINATIONS: usize = 150;
pub const FILTER_BYTES: usize = 262_144;
