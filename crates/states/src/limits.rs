//! AWS's quotas. <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>

/// Characters of a name.
pub const LONGEST_NAME: usize = 80;
/// Bytes of an input or output.
pub const LARGEST_PAYLOAD: usize = 262_144;
pub const TAGS_PER_RESOURCE: usize = 50;
pub const VERSIONS_PER_MACHINE: usize = 1_000;
pub const ALIASES_PER_MACHINE: usize = 100;
pub const MACHINES: usize = 100_000;
pub const ACTIVITIES: usize = 100_000;
/// Workers that wait for tasks of one activity.
pub const POLLERS_PER_ACTIVITY: usize = 1_000;
/// Executions of an account and region that run at the same time.
pub const OPEN_EXECUTIONS: usize = 1_000_000;
/// Seconds of a long poll for a task.
pub const POLL_SECONDS: i64 = 60;
/// Days that an execution is shown after its end.
pub const RETENTION_DAYS: i64 = 90;
/// Days after its end that an execution can be redriven.
pub const REDRIVE_DAYS: i64 = 14;
/// Seconds of an EXPRESS execution.
pub const EXPRESS_SECONDS: i64 = 300;
pub const USUAL_PAGE: usize = 100;
pub const LONGEST_PAGE: usize = 1_000;
/// Events of a history.
pub const EVENTS: u64 = 25_000;
/// Bytes of the outputs of a Map Run's children that can be a state's result, with what is around them.
pub const LARGEST_RESULT: u64 = 300_000;
/// How many children of one Map Run that succeeded are shown. AWS shows all for ninety days.
pub const CHILDREN_SHOWN: u64 = 10_000;
pub const EXPRESS_CHILDREN_SHOWN: u64 = 1_000;
/// Bytes of outputs after which a Map Run writes a file of them.
pub const RESULT_FILE: u64 = 5 << 20;
/// About the bytes of a child's row without its output.
pub const MAP_ITEM: u64 = 300;
