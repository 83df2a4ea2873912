//! The quotas of ECS. <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>

pub const CLUSTERS: usize = 10_000;
/// Tasks of one RunTask.
pub const TASKS_AT_ONCE: i32 = 10;
pub const CONTAINERS: usize = 10;
/// Tasks of a cluster that are running.
pub const TASKS: usize = 5_000;
/// Results of a list.
pub const PAGE: usize = 100;
/// How long a stopped task is shown.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>
pub const STOPPED_MILLIS: i64 = 3_600_000;
