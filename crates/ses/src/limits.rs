//! The quotas of SES.
//! <https://docs.aws.amazon.com/ses/latest/dg/quotas.html>

/// To, Cc and Bcc together.
pub const RECIPIENTS: usize = 50;
/// Destinations of a call that sends to many.
pub const BULK_DESTINATIONS: usize = 50;
/// Of the first API.
pub const MESSAGE_BYTES: usize = 10 << 20;
/// Of the second API.
pub const MESSAGE_BYTES_V2: usize = 40 << 20;
pub const IDENTITIES: usize = 10_000;
pub const POLICIES: usize = 20;
pub const POLICY_BYTES: usize = 4 << 10;
pub const TEMPLATES: usize = 10_000;
pub const TEMPLATE_BYTES: usize = 500 << 10;
pub const CONFIGURATION_SETS: usize = 10_000;
pub const EVENT_DESTINATIONS: usize = 10;
/// Of configuration sets, event destinations, contact lists, policies.
pub const NAME: usize = 64;
/// AWS: unverified. Its list has no limit.
pub const SUPPRESSED: usize = 1_000_000;
pub const TAGS: usize = 50;
pub const MESSAGE_TAG: usize = 255;

/// <https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html>
pub const SANDBOX_DAILY: u64 = 200;
pub const SANDBOX_RATE: u64 = 1;
/// AWS: unverified. What an account is usually granted.
pub const GRANTED_DAILY: u64 = 50_000;
pub const GRANTED_RATE: u64 = 14;
pub const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A link in a mail of verification can be visited for this long, in seconds.
/// <https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html>
pub const LINK_SECONDS: i64 = DAY_SECONDS;
/// Points of the statistics are of 15 minutes, and are shown for two weeks.
/// <https://docs.aws.amazon.com/ses/latest/APIReference/API_GetSendStatistics.html>
pub const POINT_SECONDS: i64 = 15 * 60;
pub const STATISTICS_SECONDS: i64 = 14 * DAY_SECONDS;
/// How long opens and clicks are followed.
/// <https://docs.aws.amazon.com/ses/latest/dg/faqs-metrics.html>
pub const TRACKED_SECONDS: i64 = 60 * DAY_SECONDS;
/// How long AWS looks for the records of a domain.
/// <https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html>
pub const LOOKED_FOR_SECONDS: i64 = 72 * 60 * 60;
/// <https://docs.aws.amazon.com/ses/latest/dg/quotas.html#quotas-email-receiving>
pub const RULE_SETS: usize = 40;
pub const RULES: usize = 200;
pub const ACTIONS: usize = 10;
pub const RULE_RECIPIENTS: usize = 100;
pub const FILTERS: usize = 100;
/// A mail in a notification, with all that is around it.
pub const NOTIFICATION_BYTES: usize = 150 << 10;
/// A mail can be bounced for this long.
/// <https://docs.aws.amazon.com/ses/latest/APIReference/API_SendBounce.html>
pub const BOUNCEABLE_SECONDS: i64 = DAY_SECONDS;
/// Mails that came in and are kept.
pub const RECEIVED: usize = 10_000;
/// <https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html#send-email-verify-address-custom>
pub const VERIFICATION_TEMPLATES: usize = 50;
pub const VERIFICATION_TEMPLATE_BYTES: usize = 10 << 20;
/// <https://docs.aws.amazon.com/ses/latest/dg/sending-email-list-management.html>
pub const CONTACT_LISTS: usize = 1;
pub const TOPICS: usize = 20;
pub const TOPIC_DISPLAY_NAME: usize = 128;
pub const LIST_DESCRIPTION: usize = 500;
/// AWS: unverified.
pub const CONTACTS: usize = 1_000_000;
/// AWS: unverified. How long a link to unsubscribe works.
pub const UNSUBSCRIBE_SECONDS: i64 = 60 * DAY_SECONDS;
/// <https://docs.aws.amazon.com/ses/latest/dg/quotas.html>
pub const TENANTS: usize = 10_000;
/// AWS: unverified.
pub const ENDPOINTS: usize = 100;
/// Addresses of one import.
/// <https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html>
pub const IMPORTED: usize = 100_000;
/// Contacts of one import.
/// <https://docs.aws.amazon.com/ses/latest/dg/sending-email-list-management.html>
pub const IMPORTED_CONTACTS: usize = 1_000_000;
/// Bytes of a file that is imported.
pub const IMPORT_BYTES: usize = 256 << 20;
/// Lines that are kept of those that were not imported.
pub const IMPORT_FAILURES: usize = 100;
/// AWS: unverified. Jobs of the past that are shown.
pub const IMPORT_JOBS: usize = 1_000;
/// A relay that fails is tried again after a minute, then after twice as long each time.
pub const RELAY_SECONDS: i64 = 60;
pub const RELAY_TRIES: i32 = 8;
