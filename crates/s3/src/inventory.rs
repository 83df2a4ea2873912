//! Inventory reports: lists of the objects of a bucket, written to another by the scheduler, whose bucket policy must let S3 in.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html>

mod columns;
mod gzip;

use crate::{
    S3,
    access::{BucketHandle, gone},
    api, names,
    scheduled::{InventoryInput, WriteInventory},
    state::{Version, VersionKey},
};
use bytes::Bytes;
use cloudlet_aws::{Arn, Caller, Fault, Scope, Timestamp};
use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Body, Empty};
use columns::Columns;
use serde_json::json;
use std::ops::Bound;

const PRINCIPAL: &str = "s3.amazonaws.com";
const DAY: i64 = 86_400;
/// Rows that are read under one lock.
const BATCH: usize = 1000;
/// Rows of one file.
const ROWS: usize = 100_000;

/// When the next report is written: at midnight UTC, weekly ones on Sundays.
fn next_report(frequency: &str, now: Timestamp) -> Timestamp {
    let today = now.secs().div_euclid(DAY);
    // The first day of the epoch was a Thursday.
    let days = if frequency == "Weekly" { 7 - (today + 4).rem_euclid(7) } else { 1 };
    Timestamp::from_secs((today + days) * DAY)
}

fn schedule_key(bucket: &str, id: &str) -> String {
    format!("inventory/{bucket}/{id}")
}

impl S3 {
    /// Has the next report of a configuration written, or none if it is disabled.
    pub(crate) fn schedule_inventory(&self, cx: &Cx, found: &BucketHandle, configuration: &api::InventoryConfiguration) {
        let key = schedule_key(&found.name, &configuration.id);
        if !configuration.is_enabled {
            cx.cancel::<WriteInventory>(key);
            return;
        }
        let (scope, source) = (Scope::new(found.bucket.owner, found.bucket.region.clone()), names::bucket_arn(cx, &found.name));
        let due = next_report(&configuration.schedule.frequency, cx.clock().now());
        let input = InventoryInput { bucket: found.name.to_string(), id: configuration.id.clone() };
        if let Err(fault) = cx.schedule_keyed::<WriteInventory>(key, due, PRINCIPAL, source, scope, input) {
            tracing::error!(%fault, bucket = &*found.name, "an inventory report is not scheduled");
        }
    }

    pub(crate) fn cancel_inventory(&self, cx: &Cx, bucket: &str, id: &str) {
        cx.cancel::<WriteInventory>(schedule_key(bucket, id));
    }

    async fn write_inventory(&self, cx: &Cx, found: &BucketHandle, configuration: &api::InventoryConfiguration) -> Result<(), Fault> {
        let destination = &configuration.destination.s3_bucket_destination;
        let target = Arn::parse(&destination.bucket).ok_or_else(|| Fault::internal("a bucket without an ARN"))?;
        let prefix = destination.prefix.as_deref().map(|prefix| format!("{}/", prefix.trim_end_matches('/'))).filter(|prefix| prefix != "/");
        let folder = format!("{}{}/{}", prefix.unwrap_or_default(), found.name, configuration.id);
        let columns = Columns::of(configuration);
        let mut files = vec![];
        let mut after: Option<VersionKey> = None;
        loop {
            let mut rows = String::new();
            let mut count = 0;
            let mut more = true;
            while more && count < ROWS {
                let batch = self.inventory_batch(found, configuration, after.as_ref())?;
                more = batch.len() == BATCH;
                after = batch.last().map(|(row_key, ..)| row_key.clone()).or(after);
                for (row_key, version, is_latest) in batch {
                    if is_latest || columns.all_versions() {
                        columns.write(&mut rows, found, &row_key.key, &version, is_latest);
                    }
                    count += 1;
                }
                tokio::task::yield_now().await;
            }
            let key = format!("{folder}/data/{}.csv.gz", cx.ids().uuid());
            let bytes = gzip::stored(rows.as_bytes());
            let md5 = digest(Algorithm::Md5, &bytes).hex();
            files.push(json!({ "key": key, "size": bytes.len(), "MD5checksum": md5 }));
            put(cx, found, &target, destination, key, bytes.into()).await?;
            if !more {
                break;
            }
        }
        let manifest = json!({
            "sourceBucket": &*found.name,
            "destinationBucket": destination.bucket,
            "version": "2016-11-30",
            "creationTimestamp": cx.now.millis().to_string(),
            "fileFormat": "CSV",
            "fileSchema": columns.schema(),
            "files": files,
        });
        let manifest = serde_json::to_string_pretty(&manifest).map_err(Fault::internal)?;
        let time = cx.now.text(cloudlet_aws::TimestampFormat::DateTime);
        let (day, hour) = (time.get(..10).unwrap_or_default(), time.get(11..16).unwrap_or_default().replace(':', "-"));
        let dated = format!("{folder}/{day}T{hour}Z");
        let checksum = digest(Algorithm::Md5, manifest.as_bytes()).hex();
        let links: Vec<String> = files.iter().filter_map(|file| Some(format!("s3://{}/{}", target.resource(), file["key"].as_str()?))).collect();
        for (key, text) in [
            (format!("{folder}/hive/dt={day}-{hour}/symlink.txt"), links.join("\n")),
            (format!("{dated}/manifest.json"), manifest),
            (format!("{dated}/manifest.checksum"), checksum),
        ] {
            put(cx, found, &target, destination, key, text.into()).await?;
        }
        Ok(())
    }

    /// The next rows, each with whether it is the newest of its key. Those of other prefixes are passed over.
    fn inventory_batch(
        &self,
        found: &BucketHandle,
        configuration: &api::InventoryConfiguration,
        after: Option<&VersionKey>,
    ) -> Result<Vec<(VersionKey, Version, bool)>, Fault> {
        let prefix = configuration.filter.as_ref().map(|filter| filter.prefix.as_str()).unwrap_or_default();
        let start = match after {
            Some(after) => Bound::Excluded(after.clone()),
            None => Bound::Included(VersionKey::before(prefix)),
        };
        let read = found.tables.read(|tables| {
            let mut before = after.map(|after| after.key.clone());
            let rows = tables.objects.range((start, Bound::Unbounded)).take_while(|(row_key, _)| row_key.key.starts_with(prefix));
            rows.take(BATCH)
                .map(|(row_key, version)| {
                    let is_latest = before.as_ref() != Some(&row_key.key);
                    before = Some(row_key.key.clone());
                    (row_key.clone(), version.clone(), is_latest)
                })
                .collect()
        });
        read.ok_or_else(gone(&found.name))
    }
}

async fn put(
    cx: &Cx,
    found: &BucketHandle,
    target: &Arn,
    destination: &api::InventoryS3BucketDestination,
    key: String,
    bytes: Bytes,
) -> Result<(), Fault> {
    let caller = Caller { account: Some(found.bucket.owner), ..Caller::service(PRINCIPAL, Some(names::bucket_arn(cx, &found.name))) };
    let scope = Scope::new(found.bucket.owner, found.bucket.region.clone());
    let kms = destination.encryption.as_ref().and_then(|encryption| encryption.sse_kms.as_ref());
    let input = api::PutObjectRequest {
        bucket: target.resource().to_owned(),
        key,
        body: Some(Body::whole(bytes)),
        acl: Some("bucket-owner-full-control".to_owned()),
        server_side_encryption: kms.map(|_| "aws:kms".to_owned()),
        sse_kms_key_id: kms.map(|kms| kms.key_id.clone()),
        expected_bucket_owner: destination.account_id.clone(),
        ..api::PutObjectRequest::default()
    };
    cx.call_ignoring_output::<api::PutObject>(caller, scope, input).await
}

impl Handle<WriteInventory> for S3 {
    /// None: the destination decides.
    fn permissions(&self, _: &Cx, _: &InventoryInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: InventoryInput) -> Result<Empty, Fault> {
        let Ok(found) = self.find_in_any_region(&input.bucket, None) else { return Ok(Empty {}) };
        let configuration = found.tables.read(|tables| tables.inventory.get(&input.id).cloned()).flatten();
        if let Some(configuration) = configuration.filter(|configuration| configuration.is_enabled) {
            if let Err(fault) = self.write_inventory(cx, &found, &configuration).await {
                tracing::warn!(bucket = input.bucket, id = input.id, %fault, "an inventory report could not be delivered");
            }
            self.schedule_inventory(cx, &found, &configuration);
        }
        Ok(Empty {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_written_at_midnight_and_weekly_ones_on_sundays() {
        let at = |text| Timestamp::parse(text, cloudlet_aws::TimestampFormat::DateTime).unwrap();
        // A Monday.
        let now = at("2025-11-24T16:00:00Z");
        assert_eq!(next_report("Daily", now), at("2025-11-25T00:00:00Z"));
        assert_eq!(next_report("Weekly", now), at("2025-11-30T00:00:00Z"));
        assert_eq!(next_report("Weekly", at("2025-11-30T00:00:00Z")), at("2025-12-07T00:00:00Z"));
    }
}
