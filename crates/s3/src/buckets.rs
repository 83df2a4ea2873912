//! The operations on buckets.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/creating-buckets-s3.html>

mod create;
mod tagging;

use crate::{S3, access, api, faults, limits, lists::incorrect_token, names, owners, state::Versioning};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use cloudlet_shape::Empty;
use std::ops::Bound;

/// Buckets that ListBuckets reads under one lock.
const BATCH: usize = 1000;

/// Whether a bucket can be in a region.
fn is_bucket_region(name: &str) -> bool {
    name == "us-east-1" || (name != "EU" && api::targets::BUCKET_LOCATION_CONSTRAINT.values.contains(&name))
}

/// The `bucket-region` of ListBuckets.
pub fn check_region_name(name: &str) -> Result<(), Fault> {
    if is_bucket_region(&name.to_ascii_lowercase()) {
        return Ok(());
    }
    Err(faults::INVALID_ARGUMENT.says(format!("Argument value {name} is not a valid AWS Region")).with("ArgumentName", "bucket-region"))
}

impl Handle<api::HeadBucket> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::HeadBucketRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::HeadBucket>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::HeadBucketRequest) -> Result<api::HeadBucketOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        Ok(api::HeadBucketOutput {
            bucket_arn: Some(names::bucket_arn(cx, &found.name).to_string()),
            bucket_region: Some(found.bucket.region.to_string()),
            access_point_alias: Some(false),
            ..Default::default()
        })
    }
}

impl Handle<api::GetBucketLocation> for S3 {
    /// The request may be signed for any region: clients learn the right one from its answer.
    fn permissions(&self, cx: &Cx, input: &api::GetBucketLocationRequest) -> Result<Permissions, Fault> {
        Ok(self.find_in_any_region(&input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketLocation>(cx).into())
    }

    async fn handle(&self, _: &Cx, input: api::GetBucketLocationRequest) -> Result<api::GetBucketLocationOutput, Fault> {
        let found = self.find_in_any_region(&input.bucket, None)?;
        Ok(api::GetBucketLocationOutput { location_constraint: found.bucket.location_constraint.clone() })
    }
}

impl Handle<api::DeleteBucket> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteBucketRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::DeleteBucket>(cx).into())
    }

    async fn handle(&self, _: &Cx, input: api::DeleteBucketRequest) -> Result<Empty, Fault> {
        let name = input.bucket.as_str();
        if self.has_access_points(name) {
            return Err(FaultKind::sender("BucketHasAccessPointsAttached", 400).says(
                "The bucket you are attempting to delete has access points attached. Delete your access points before you delete your bucket.",
            ));
        }
        let removed = self.buckets.remove_if(name, |tables| {
            if !tables.objects.is_empty() {
                let versioned = tables.bucket.get(&()).is_some_and(|bucket| bucket.versioning != Versioning::Unversioned);
                let message = if versioned {
                    "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
                } else {
                    "The bucket you tried to delete is not empty"
                };
                return Err(FaultKind::sender("BucketNotEmpty", 409).says(message).with("BucketName", name));
            }
            // Multipart uploads in progress do not prevent the deletion.
            Ok(tables.parts.values().map(|part| part.blob.clone()).collect::<Vec<_>>())
        });
        for blob in removed.ok_or_else(access::gone(name))?? {
            self.blobs.delete(&blob);
        }
        Ok(Empty {})
    }
}

impl Handle<api::ListBuckets> for S3 {
    fn permissions(&self, cx: &Cx, _: &api::ListBucketsRequest) -> Result<Permissions, Fault> {
        Ok(access::account_permission(cx, "s3:ListAllMyBuckets").into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListBucketsRequest) -> Result<api::ListBucketsOutput, Fault> {
        let account = cx.scope.account;
        let size = page_size(input.max_buckets)?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let list = Paging::with_filters::<api::ListBuckets>(
            cx,
            &[prefix, input.bucket_region.as_deref().unwrap_or_default()],
            input.continuation_token.as_deref(),
        );
        let after: Option<String> = list.after().map_err(incorrect_token)?;
        if let Some(region) = &input.bucket_region {
            check_region_name(region)?;
            if !region.eq_ignore_ascii_case(cx.scope.region.as_str()) {
                let message = "Requests with bucket-region specified must be made to the corresponding regional endpoint";
                return Err(faults::INVALID_ARGUMENT.says(message).with("ArgumentName", "bucket-region"));
            }
        }
        // AWS: the region is answered only to requests with parameters, the ARN to all (measured, <https://github.com/brekkylab/backlot>).
        let detailed = input.max_buckets.is_some() || input.continuation_token.is_some() || input.prefix.is_some() || input.bucket_region.is_some();
        let mut page: Vec<api::Bucket> = Vec::new();
        let mut start = after.map_or(Bound::Included(prefix.to_owned()), |name| Bound::Excluded(name.max(prefix.to_owned())));
        let mut token = None;
        'page: loop {
            let from: Bound<&str> = start.as_ref().map(String::as_str);
            let batch = self.buckets.range::<str>((from, Bound::Unbounded), BATCH);
            let Some((last, _)) = batch.last() else { break };
            start = Bound::Excluded(last.to_string());
            for (name, tables) in &batch {
                if !name.starts_with(prefix) {
                    break 'page;
                }
                let Some(bucket) = tables.read(|tables| tables.bucket.get(&()).cloned()).flatten() else { continue };
                if bucket.owner != account || input.bucket_region.as_deref().is_some_and(|region| region != bucket.region.as_str()) {
                    continue;
                }
                if page.len() == size {
                    token = page.last().and_then(|bucket| bucket.name.as_deref()).map(|name| list.token(&name));
                    break 'page;
                }
                page.push(api::Bucket {
                    name: Some(name.to_string()),
                    creation_date: Some(bucket.creation_date),
                    bucket_region: detailed.then(|| bucket.region.to_string()),
                    bucket_arn: Some(names::bucket_arn(cx, name).to_string()),
                });
            }
        }
        Ok(api::ListBucketsOutput { buckets: Some(page), owner: Some(owners::owner(account)), continuation_token: token, prefix: input.prefix })
    }
}

fn page_size(requested: Option<i32>) -> Result<usize, Fault> {
    requested.map_or(Ok(()), limits::check_max_buckets)?;
    limits::page_size("max-buckets", requested, limits::MAX_BUCKETS_PAGE)
}
