//! Log objects: the lines of a bucket are written to its target bucket by S3's log delivery service, which the target must let in.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html>

use crate::{
    S3,
    access::{BucketHandle, gone},
    api, names,
    scheduled::{BucketInput, DeliverLogs},
};
use bytes::Bytes;
use cloudlet_aws::{Caller, Fault, Scope, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Body, Empty};

/// The principal that delivers logs.
pub const PRINCIPAL: &str = "logging.s3.amazonaws.com";
/// Lines of one log object.
const MOST_LINES: usize = 10_000;
/// Lines that wait for their delivery. The log of a bucket is best effort: after these, the oldest are dropped.
const MOST_WAITING: usize = 100_000;

impl S3 {
    /// Adds lines to those that are to be delivered.
    pub(crate) fn add_log_lines(&self, cx: &Cx, found: &BucketHandle, lines: Vec<String>) {
        let numbers: Vec<u64> = lines.iter().map(|_| self.next_sequence(cx.now)).collect();
        let was_empty = found.tables.update(|tables| {
            let was_empty = tables.access_log.is_empty();
            for (number, line) in numbers.into_iter().zip(lines) {
                tables.access_log.insert(number, line);
            }
            while tables.access_log.len() > MOST_WAITING {
                let Some(first) = tables.access_log.first().map(|(number, _)| *number) else { break };
                tables.access_log.remove(&first);
            }
            was_empty
        });
        if was_empty == Some(true) {
            self.schedule_logs(cx, found);
        }
    }

    fn schedule_logs(&self, cx: &Cx, found: &BucketHandle) {
        let (scope, source) = (Scope::new(found.bucket.owner, found.bucket.region.clone()), names::bucket_arn(cx, &found.name));
        let input = BucketInput { bucket: found.name.to_string() };
        let due = cx.clock().now().plus_secs(self.options.log_delivery_seconds);
        if let Err(fault) = cx.schedule_keyed::<DeliverLogs>(format!("logs/{}", found.name), due, PRINCIPAL, source, scope, input) {
            tracing::error!(%fault, bucket = &*found.name, "the access log of a bucket is not scheduled");
        }
    }

    async fn deliver_logs(&self, cx: &Cx, found: &BucketHandle) -> Result<(), Fault> {
        let _turn = self.turns.of(&format!("logs/{}", found.name)).await;
        loop {
            let lines: Vec<(u64, String)> = found
                .tables
                .read(|tables| tables.access_log.iter().take(MOST_LINES).map(|(number, line)| (*number, line.clone())).collect())
                .ok_or_else(gone(&found.name))?;
            let Some((first, _)) = lines.first() else { return Ok(()) };
            if let Some(logging) = &found.bucket.background.logging {
                // The upper bits of a sequence number are the time.
                let event = Timestamp::from_millis(i64::try_from(first >> 20).unwrap_or_default());
                let key = log_key(cx, found, logging, event);
                let mut text = String::with_capacity(lines.iter().map(|(_, line)| line.len() + 1).sum());
                for (_, line) in &lines {
                    text.push_str(line);
                    text.push('\n');
                }
                if let Err(fault) = put(cx, found, &logging.target_bucket, key, text).await {
                    tracing::warn!(bucket = &*found.name, target = logging.target_bucket, %fault, "an access log could not be delivered");
                }
            }
            found.tables.update(|tables| {
                for (number, _) in lines {
                    tables.access_log.remove(&number);
                }
            });
        }
    }
}

async fn put(cx: &Cx, found: &BucketHandle, target: &str, key: String, text: String) -> Result<(), Fault> {
    let caller = Caller { account: Some(found.bucket.owner), ..Caller::service(PRINCIPAL, Some(names::bucket_arn(cx, &found.name))) };
    let scope = Scope::new(found.bucket.owner, found.bucket.region.clone());
    let input = api::PutObjectRequest {
        bucket: target.to_owned(),
        key,
        body: Some(Body::whole(Bytes::from(text))),
        content_type: Some("text/plain".to_owned()),
        ..api::PutObjectRequest::default()
    };
    cx.call_ignoring_output::<api::PutObject>(caller, scope, input).await
}

/// The key of a log object.
fn log_key(cx: &Cx, found: &BucketHandle, logging: &api::LoggingEnabled, event: Timestamp) -> String {
    let unique = cx.ids().hex(16).to_ascii_uppercase();
    let prefix = &logging.target_prefix;
    let time = |at: Timestamp| {
        let text = at.text(cloudlet_aws::TimestampFormat::DateTime);
        text.get(..19).unwrap_or_default().replace(['T', ':'], "-")
    };
    let Some(partitioned) = logging.target_object_key_format.as_ref().and_then(|format| format.partitioned_prefix.as_ref()) else {
        return format!("{prefix}{}-{unique}", time(cx.now));
    };
    // AWS: by the time of the events, a key has the day alone.
    let stamp = match partitioned.partition_date_source.as_deref() {
        Some("EventTime") => format!("{}-00-00-00", time(event).get(..10).unwrap_or_default()),
        _ => time(cx.now),
    };
    let day = stamp.get(..10).unwrap_or_default().replace('-', "/");
    let account = found.bucket.owner;
    format!("{prefix}{account}/{}/{}/{day}/{stamp}-{unique}", found.bucket.region, found.name)
}

impl Handle<DeliverLogs> for S3 {
    /// None: the target bucket decides.
    fn permissions(&self, _: &Cx, _: &BucketInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: BucketInput) -> Result<Empty, Fault> {
        if let Ok(found) = self.find_in_any_region(&input.bucket, None) {
            self.deliver_logs(cx, &found).await?;
        }
        Ok(Empty {})
    }
}
