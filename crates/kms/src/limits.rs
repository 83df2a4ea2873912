//! AWS's quotas.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html>

/// KMS keys of an account in a region.
pub const KEYS: usize = 100_000;
/// Aliases of a key.
pub const ALIASES_PER_KEY: usize = 50;
/// Grants of a key.
pub const GRANTS_PER_KEY: usize = 50_000;
/// Bytes of a key policy.
pub const POLICY_BYTES: usize = 32 * 1024;
/// <https://docs.aws.amazon.com/kms/latest/developerguide/tagging-keys.html>
pub const TAGS_PER_KEY: usize = 50;
/// Bytes of an encryption context in its canonical form.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html>
pub const ENCRYPTION_CONTEXT_BYTES: usize = 8 * 1024;
/// Days between ScheduleKeyDeletion and the deletion.
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html>
pub const DELETION_WINDOW_DAYS: std::ops::RangeInclusive<i32> = 7..=30;
/// On-demand rotations of a key.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/rotating-keys-on-demand.html>
pub const ON_DEMAND_ROTATIONS: usize = 25;
/// Custom key stores of an account in a region.
pub const CUSTOM_KEY_STORES: usize = 10;
/// The longest page of a list.
pub const LONGEST_PAGE: usize = 1_000;
