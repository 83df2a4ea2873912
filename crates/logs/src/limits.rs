//! AWS's quotas.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>

/// In milliseconds.
pub const HOUR: i64 = 60 * 60 * 1000;
pub const DAY: i64 = 24 * HOUR;

/// Bytes of the events of one PutLogEvents, and what each of them counts beside its text.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>
pub const BATCH_BYTES: usize = 1_048_576;
pub const EVENT_OVERHEAD: usize = 26;
/// What one PutLogEvents may span.
pub const BATCH_SPAN: i64 = DAY;
/// Events that are older or newer are not taken.
pub const OLDEST: i64 = 14 * DAY;
pub const NEWEST: i64 = 2 * HOUR;
/// Events and bytes of one page of GetLogEvents and FilterLogEvents.
pub const PAGE_EVENTS: usize = 10_000;
pub const PAGE_BYTES: usize = 1_048_576;
/// Events that one FilterLogEvents looks at before it answers what it has. Ours: AWS says that pages may be empty, not when.
pub const SCANNED_EVENTS: usize = 2_000_000;

pub const GROUPS: usize = 1_000_000;
pub const TAGS: usize = 50;
pub const METRIC_FILTERS_PER_GROUP: usize = 100;
pub const SUBSCRIPTION_FILTERS_PER_GROUP: usize = 2;
/// Filters with regular expressions of a group, and regular expressions of a pattern.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>
pub const REGEX_FILTERS_PER_GROUP: usize = 5;
pub const RESOURCE_POLICIES: usize = 10;
/// Bytes of a resource policy.
pub const POLICY_BYTES: usize = 5_120;
pub const DESTINATIONS: usize = 1_000;
pub const QUERY_DEFINITIONS: usize = 1_000;
/// Groups of one query.
pub const GROUPS_PER_QUERY: usize = 50;
/// Rows of the results of a query that does not ask for more, and of one page of them; and how many it may ask for.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html>
pub const QUERY_RESULTS: usize = 10_000;
pub const MOST_QUERY_RESULTS: usize = 100_000;
/// How many queries of an account and region are remembered. Ours: AWS keeps them for seven days.
pub const QUERIES: usize = 100;
pub const DELIVERY_DESTINATIONS: usize = 1_000;
/// Groups of the class DELIVERY keep events for one day.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>
pub const DELIVERY_RETENTION_DAYS: i32 = 1;
/// How many export tasks are remembered. Ours.
pub const EXPORT_TASKS: usize = 1_000;

/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
pub const RETENTION_DAYS: [i32; 22] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>
pub const PAGE: usize = 50;
pub const LONGEST_PAGE: usize = 50;
pub const LIST_PAGE: usize = 1_000;
/// A Live Tail session ends after three hours, and shows so many events a second.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html>
pub const LIVE_TAIL_HOURS: i64 = 3;
pub const LIVE_TAIL_EVENTS: usize = 500;
