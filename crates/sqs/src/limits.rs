//! The quotas of SQS.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-quotas.html>

use std::ops::RangeInclusive;

/// Entries of one batch, and messages of one receive. <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
pub const BATCH: usize = 10;
pub const BATCH_ID: usize = 80;
/// Bytes of a message, and of all messages of a batch together. 1,048,576 since August 2025.
pub const MESSAGE_SIZE: RangeInclusive<u32> = 1_024..=1_048_576;
pub const BATCH_BYTES: usize = 1_048_576;
pub const MESSAGE_ATTRIBUTES: usize = 10;
/// Bytes of a message attribute's name, and of its type.
pub const ATTRIBUTE_NAME: usize = 256;
/// Seconds.
pub const DELAY: RangeInclusive<u32> = 0..=900;
pub const RETENTION: RangeInclusive<u32> = 60..=1_209_600;
pub const VISIBILITY: RangeInclusive<u32> = 0..=43_200;
pub const WAIT: RangeInclusive<u32> = 0..=20;
pub const KEY_REUSE: RangeInclusive<u32> = 60..=86_400;
/// Messages in flight. At the limit a receive from a standard queue is an OverLimit error, from a FIFO queue it is empty.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-fifo.html>
pub const IN_FLIGHT: usize = 120_000;
/// `maxReceiveCount` of a redrive policy.
pub const RECEIVES: RangeInclusive<u32> = 1..=1_000;
/// Source queues a `byQueue` redrive allow policy may name.
pub const ALLOWED_SOURCES: usize = 10;
/// Names of queues, `.fifo` included. <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>
pub const QUEUE_NAME: usize = 80;
/// Characters of a message group id, a deduplication id, a receive request attempt id.
pub const FIFO_ID: usize = 128;
/// Queues of one page of a list.
pub const PAGE: RangeInclusive<i32> = 1..=1_000;
/// Seconds for which a deduplication id, and a receive request attempt id, is remembered.
pub const DEDUPLICATION: i64 = 300;
/// Seconds between two purges, and between deleting a queue and creating another of its name.
pub const PURGE: i64 = 60;
pub const COOL_DOWN: i64 = 60;
/// Bytes, statements, and principals of a queue's policy, and actions of each statement. <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html>
pub const POLICY_BYTES: usize = 8_192;
pub const POLICY_STATEMENTS: usize = 20;
pub const POLICY_PRINCIPALS: usize = 50;
pub const POLICY_ACTIONS: usize = 7;
/// Messages a move task moves in a second. <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html>
pub const MOVE_RATE: RangeInclusive<i32> = 1..=500;
/// Move tasks that ListMessageMoveTasks shows of a queue.
pub const MOVE_TASKS: RangeInclusive<i32> = 1..=10;
/// When a tenant of a fair queue is noisy: it has more than a tenth of the messages in flight, and at least this number; or more than a
/// tenth of the recent consumer time. It is quiet when it has sent nothing for this number of seconds.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>
pub const NOISY_IN_FLIGHT: u32 = 30;
pub const NOISY_SHARE: i64 = 10;
pub const QUIET_AFTER: i64 = 300;
