//! The numbers of the AWS quota pages.
//! <https://docs.aws.amazon.com/general/latest/gr/sns.html>

use std::ops::RangeInclusive;

/// Topics of an account in a region.
pub const STANDARD_TOPICS: usize = 100_000;
pub const FIFO_TOPICS: usize = 1_000;
/// Subscriptions of a topic. A standard topic takes 12,500,000; here memory is the limit.
pub const STANDARD_SUBSCRIPTIONS: usize = 12_500_000;
pub const FIFO_SUBSCRIPTIONS: usize = 100;
/// Characters of a topic's name, `.fifo` included.
pub const TOPIC_NAME: usize = 256;
pub const DISPLAY_NAME: usize = 100;
pub const TAGS: usize = 50;
/// Keys of a filter policy, the combinations it may come to, and its bytes; policies of a topic and of an account.
/// <https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html>
pub const FILTER_KEYS: usize = 5;
pub const FILTER_COMBINATIONS: usize = 150;
pub const FILTER_BYTES: usize = 262_144;
pub const FILTERS_OF_TOPIC: usize = 200;
pub const FILTERS_OF_ACCOUNT: usize = 10_000;
/// Bytes of a message, unless its topic has `MaximumMessageSize`, and the values that this may have.
pub const MESSAGE: usize = 262_144;
pub const MESSAGE_SIZE: RangeInclusive<usize> = 1_024..=1_048_576;
/// Subscriptions of a topic whose messages may be larger than 256 KiB. <https://docs.aws.amazon.com/sns/latest/dg/large-message-payloads.html>
pub const LARGE_SUBSCRIPTIONS: usize = 100;
/// Bytes of a text message. <https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html>
pub const SMS: usize = 1_600;
pub const SUBJECT: usize = 100;
/// Characters of a trace header; a longer one is dropped.
pub const TRACE_HEADER: usize = 1_024;
pub const ATTRIBUTE_NAME: usize = 256;
/// Attributes that a raw delivery to SQS can carry. <https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html>
pub const RAW_ATTRIBUTES: usize = 10;
pub const BATCH: usize = 10;
pub const BATCH_ID: usize = 80;
/// Characters of a message group id and of a deduplication id.
pub const FIFO_ID: usize = 128;
/// Seconds for which a deduplication id is remembered.
pub const DEDUPLICATION: i64 = 300;
/// Rows of a page.
pub const PAGE: usize = 100;
/// Seconds for which a confirmation token is valid.
pub const TOKEN: i64 = 2 * 86_400;
/// Days a message stays in the archive. <https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-topic-owner.html>
pub const ARCHIVE_DAYS: RangeInclusive<u32> = 1..=365;
/// Statements of a topic's policy, and its bytes.
pub const POLICY_BYTES: usize = 30_720;
pub const DATA_PROTECTION_BYTES: usize = 30_720;
pub const USER_DATA: usize = 2_048;
/// Phone numbers of a sandbox. <https://docs.aws.amazon.com/sns/latest/dg/sns-sms-sandbox.html>
pub const SANDBOX_NUMBERS: usize = 10;
