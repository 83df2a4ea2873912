//! The quotas of S3.

use crate::faults;
use cloudlet_aws::{Fault, FaultKind};

/// One PutObject, one UploadPart, one CopyObject: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>
pub const MAX_UPLOAD: u64 = 5 * 1024 * 1024 * 1024;
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const MIN_PART: u64 = 5 * 1024 * 1024;
pub const MAX_PARTS: i32 = 10_000;
/// 50 TB since December 2025; <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const MAX_OBJECT: u64 = 50 * 1024 * 1024 * 1024 * 1024;
/// The bytes of a key: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
pub const MAX_KEY: usize = 1024;
/// Names and values together: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
pub const MAX_METADATA: usize = 2048;
/// The maximum of one page of a listing.
pub const MAX_KEYS: i32 = 1000;
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>
pub const MAX_BUCKETS_PAGE: i32 = 10_000;
/// <https://docs.aws.amazon.com/general/latest/gr/s3.html>
pub const MAX_BUCKETS: usize = 10_000;
/// Keys of one DeleteObjects: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
pub const MAX_DELETE: usize = 1000;
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/CostAllocTagging.html>
pub const MAX_BUCKET_TAGS: usize = 50;
pub const MAX_OBJECT_TAGS: usize = 10;
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>
pub const MAX_EVENT_RULES: usize = 100;
/// Analytics, intelligent-tiering, inventory and metrics configurations, of each kind.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAnalyticsConfiguration.html>
pub const MAX_CONFIGURATIONS: usize = 1000;
pub const CONFIGURATIONS_PAGE: usize = 100;
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>
pub const MAX_LIFECYCLE_RULES: usize = 1000;
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketReplication.html>
pub const MAX_REPLICATION_RULES: usize = 1000;

pub fn check_key(key: &str) -> Result<(), Fault> {
    check_key_length(key.len())
}

pub fn check_key_length(length: usize) -> Result<(), Fault> {
    if length > MAX_KEY {
        return Err(FaultKind::sender("KeyTooLongError", 400)
            .says("Your key is too long")
            .with("Size", length.to_string())
            .with("MaxSizeAllowed", MAX_KEY.to_string()));
    }
    Ok(())
}

/// The MaxBuckets of ListBuckets.
pub fn check_max_buckets(requested: i32) -> Result<(), Fault> {
    if (1..=MAX_BUCKETS_PAGE).contains(&requested) {
        return Ok(());
    }
    let message = format!("Argument max-buckets must be an integer between 1 and {MAX_BUCKETS_PAGE}");
    Err(faults::invalid_argument(message, "max-buckets", &requested.to_string()))
}

/// The page size for `max-keys`, `max-parts` and `max-uploads`: a larger one is lowered to the maximum, a negative one is refused.
pub fn page_size(name: &str, requested: Option<i32>, max: i32) -> Result<usize, Fault> {
    match requested {
        None => Ok(usize::try_from(max).unwrap_or_default()),
        Some(requested) => match usize::try_from(requested) {
            Ok(requested) => Ok(requested.min(usize::try_from(max).unwrap_or_default())),
            // AWS: recorded for `max-keys=-1`.
            Err(_) => {
                Err(faults::invalid_argument(format!("Argument {name} must be an integer between 0 and 2147483647"), name, &requested.to_string()))
            }
        },
    }
}
