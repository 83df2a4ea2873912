//! AWS's quotas. <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>

/// Characters of a function's name.
pub const LONGEST_NAME: usize = 64;
/// Bytes of a deployment package in a request, and of the request around it.
pub const ZIP_BYTES: usize = 52_428_800;
/// AWS: "Request must be smaller than 70167211 bytes for the CreateFunction operation".
pub const REQUEST_BYTES: usize = 70_167_211;
/// Bytes of a function's code and layers, unpacked.
pub const UNPACKED_BYTES: u64 = 262_144_000;
/// Files of one archive: what an archive of many empty files may cost here. AWS: names no limit.
pub const FILES: usize = 100_000;
pub const CODE_BYTES_PER_ACCOUNT: i64 = 80_530_636_800;
pub const ENVIRONMENT_BYTES: usize = 4_096;
pub const LAYERS: usize = 5;
pub const POLICY_BYTES: usize = 20_480;
pub const TAGS: usize = 50;
pub const MOST_MEMORY: i32 = 10_240;
pub const MOST_STORAGE: i32 = 10_240;
pub const MOST_TIMEOUT: i32 = 900;
/// Executions of an account and region at the same time, and how many of them cannot be reserved.
pub const CONCURRENCY: i32 = 1_000;
pub const UNRESERVED: i32 = 100;
/// Bytes of an event and of an answer.
pub const SYNCHRONOUS_BYTES: usize = 6_291_556;
/// Of an answer that streams. <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const STREAMED_BYTES: usize = 209_715_200;
pub const ASYNCHRONOUS_BYTES: usize = 1_048_576;
/// Characters of the client context of an event, as base64.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax>
pub const CLIENT_CONTEXT_BYTES: usize = 3_583;
pub const LIST_PAGE: usize = 50;
pub const MAPPING_PAGE: usize = 100;
