//! The default quotas of an account.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>

pub const USERS: usize = 5_000;
pub const GROUPS: usize = 300;
pub const ROLES: usize = 1_000;
pub const INSTANCE_PROFILES: usize = 1_000;
pub const POLICIES: usize = 1_500;
pub const VERSIONS: usize = 5;
pub const GROUPS_PER_USER: usize = 10;
pub const ATTACHED: usize = 10;
pub const ACCESS_KEYS: usize = 2;
pub const TAGS: usize = 50;
pub const MFA_DEVICES: usize = 8;
pub const SSH_KEYS: usize = 5;
pub const SIGNING_CERTIFICATES: usize = 2;
pub const SERVICE_CREDENTIALS: usize = 2;
pub const SERVER_CERTIFICATES: usize = 20;
pub const PROVIDERS: usize = 100;
pub const CLIENT_IDS: usize = 100;
pub const THUMBPRINTS: usize = 5;
pub const SAML_KEYS: usize = 2;
/// Of a partner, until they are deleted. AWS: unverified: not documented.
pub const DELEGATION_REQUESTS: usize = 1_000;

/// The longest delegation that root may accept, in seconds.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-temporary-delegation.html#temporary-delegation-how-it-works>
pub const ROOT_DELEGATION_SECONDS: i32 = 14_400;

/// Characters without white space.
pub const MANAGED_POLICY: usize = 6_144;
pub const TRUST_POLICY: usize = 2_048;
/// All inline policies of a user, group or role together.
pub const USER_INLINE: usize = 2_048;
pub const GROUP_INLINE: usize = 5_120;
pub const ROLE_INLINE: usize = 10_240;

/// Default and maximum of `MaxItems`.
pub const PAGE: usize = 100;
pub const LONGEST_PAGE: usize = 1_000;
