//! The quotas of Systems Manager.
//! <https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm>

pub const STANDARD_PARAMETERS: usize = 10_000;
pub const ADVANCED_PARAMETERS: usize = 100_000;
pub const STANDARD_VALUE_BYTES: usize = 4_096;
pub const ADVANCED_VALUE_BYTES: usize = 8_192;
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-versions.html>
pub const VERSIONS: usize = 100;
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-labels.html>
pub const LABELS_PER_VERSION: usize = 10;
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-policies.html>
pub const POLICIES: usize = 10;
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html>
pub const LEVELS: usize = 15;
/// Of the ARN with the name in it.
pub const NAME_BYTES: usize = 1_011;
pub const PATTERN_CHARACTERS: usize = 1_024;
pub const TAGS: usize = 50;
/// AWS: unverified. A second policy of a parameter is refused.
pub const RESOURCE_POLICIES: usize = 1;
/// How many rows a filtered list looks at for one page. AWS has such a limit too: a page may have fewer rows than asked for, and a token.
pub const ROWS_PER_PAGE: usize = 10_000;
/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm>
pub const DOCUMENTS: usize = 500;
pub const DOCUMENT_VERSIONS: usize = 1_000;
pub const DOCUMENT_SHARES: usize = 1_000;
/// Of all attachments of a version. AWS takes files of a gigabyte.
pub const ATTACHMENT_BYTES: usize = 4 << 20;
pub const OPS_ITEMS: usize = 500_000;
pub const OPS_ITEM_DATA_BYTES: usize = 20 * 1_024;
/// AWS: unverified.
pub const OPS_ITEM_DATA: usize = 100;
pub const OPS_ITEM_RESOURCES: usize = 100;
pub const RELATED_OPS_ITEMS: usize = 10;
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateOpsMetadata.html>
pub const METADATA: usize = 200;
pub const METADATA_KEYS: usize = 5;
/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm>
pub const ASSOCIATIONS: usize = 2_000;
pub const ASSOCIATION_VERSIONS: usize = 1_000;
/// Automations that run at once, and that wait for a place.
pub const RUNNING_AUTOMATIONS: usize = 100;
pub const QUEUED_AUTOMATIONS: usize = 1_000;
/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm>
pub const WINDOWS: usize = 50;
pub const WINDOW_TASKS: usize = 20;
pub const WINDOW_TARGETS: usize = 100;
