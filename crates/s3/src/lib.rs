//! S3: buckets, objects, and multipart uploads.
//!
//! Each bucket is a store with its own lock. Its objects are rows of one ordered table, by key and version; their bytes are
//! blobs beside the rows. Bodies are streamed, and their digests are computed in the pass that stores them. HTTP, signatures and policies are
//! not part of this crate, except for what `http_hooks` tells the gateway.

mod acceleration;
mod access;
mod access_points;
mod acl;
mod annotations;
mod bodies;
mod bucket_policy;
mod buckets;
mod changes;
mod checksums;
mod conditions;
mod configurations;
mod cors;
mod encryption;
mod etags;
mod faults;
pub mod fuzzing;
mod http_hooks;
mod inventory;
mod lifecycle;
mod limits;
mod lists;
mod logging;
mod metadata;
mod metadata_tables;
mod multipart;
mod names;
mod notifications;
mod object_lock;
mod objects;
mod observers;
mod owners;
mod ownership;
mod public_access;
mod ranges;
mod replication;
mod requester_pays;
mod restore;
mod scheduled;
mod state;
mod storage;
mod tags;
mod turns;
mod versions;
mod website;

#[cfg(test)]
mod tests;

use cloudlet_api_s3 as api;
use cloudlet_aws::Timestamp;
use cloudlet_engine::{Dialect, Service};
use cloudlet_identity::Identity;
use cloudlet_s3_access::AccessSettings;
use cloudlet_store::{Blobs, Journal, StoreMap};
use state::BucketTables;
pub use state::SseC;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The engine.
pub struct S3 {
    /// By name, which is unique in the partition.
    buckets: Arc<StoreMap<Arc<str>, BucketTables>>,
    blobs: Blobs,
    /// The sequence number of the latest write.
    sequence: AtomicU64,
    identity: Identity,
    settings: AccessSettings,
    options: Options,
    turns: turns::Turns,
}

/// Who may use new buckets.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewBuckets {
    /// AWS: since April 2023 they block public access and have no ACLs.
    Closed,
    /// As before: nothing is blocked, and ACLs work.
    Open,
}

/// The settings of the engine.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub new_buckets: NewBuckets,
    /// AWS: since April 2026 new buckets block it.
    pub sse_c_of_new_buckets: SseC,
    /// How long lines of an access log wait for more before they are delivered. AWS: hours.
    pub log_delivery_seconds: i64,
}

impl Default for Options {
    fn default() -> Options {
        Options { new_buckets: NewBuckets::Closed, sse_c_of_new_buckets: SseC::Blocked, log_delivery_seconds: 5 }
    }
}

impl S3 {
    pub fn new(journal: &Journal, blobs: Blobs, identity: Identity, settings: AccessSettings, options: Options) -> Arc<S3> {
        let buckets = Arc::new(StoreMap::new("s3/buckets", journal));
        Arc::new(S3 { buckets, blobs, sequence: AtomicU64::new(0), identity, settings, options, turns: turns::Turns::default() })
    }

    /// The table of tables.
    pub fn service(self: &Arc<Self>) -> Service {
        Service::of(&api::SERVICE, self.clone())
            .dialect(Dialect::S3)
            .http_hooks(Arc::new(http_hooks::HttpHooks::new(self.clone())))
            .store(self.buckets.clone())
            .store(self.settings.store())
            // buckets
            .handles::<api::CreateBucket>()
            .handles::<api::HeadBucket>()
            .handles::<api::DeleteBucket>()
            .handles::<api::ListBuckets>()
            .handles::<api::GetBucketLocation>()
            .handles::<api::PutBucketVersioning>()
            .handles::<api::GetBucketVersioning>()
            .handles::<api::PutBucketEncryption>()
            .handles::<api::GetBucketEncryption>()
            .handles::<api::DeleteBucketEncryption>()
            .handles::<api::PutBucketPolicy>()
            .handles::<api::GetBucketPolicy>()
            .handles::<api::DeleteBucketPolicy>()
            .handles::<api::GetBucketPolicyStatus>()
            .handles::<api::PutPublicAccessBlock>()
            .handles::<api::GetPublicAccessBlock>()
            .handles::<api::DeletePublicAccessBlock>()
            .handles::<api::PutBucketOwnershipControls>()
            .handles::<api::GetBucketOwnershipControls>()
            .handles::<api::DeleteBucketOwnershipControls>()
            .handles::<api::PutBucketAcl>()
            .handles::<api::GetBucketAcl>()
            .handles::<api::PutBucketRequestPayment>()
            .handles::<api::GetBucketRequestPayment>()
            .handles::<api::PutBucketTagging>()
            .handles::<api::GetBucketTagging>()
            .handles::<api::DeleteBucketTagging>()
            .handles::<api::PutBucketAbac>()
            .handles::<api::GetBucketAbac>()
            .handles::<api::PutObjectLockConfiguration>()
            .handles::<api::GetObjectLockConfiguration>()
            .handles::<api::PutBucketCors>()
            .handles::<api::GetBucketCors>()
            .handles::<api::DeleteBucketCors>()
            .handles::<api::PutBucketWebsite>()
            .handles::<api::GetBucketWebsite>()
            .handles::<api::DeleteBucketWebsite>()
            .handles::<api::GetBucketMetadataConfiguration>()
            .handles::<api::DeleteBucketMetadataConfiguration>()
            .handles::<api::GetBucketMetadataTableConfiguration>()
            .handles::<api::DeleteBucketMetadataTableConfiguration>()
            .handles::<api::PutBucketAccelerateConfiguration>()
            .handles::<api::GetBucketAccelerateConfiguration>()
            // objects
            .handles::<api::PutObjectAcl>()
            .handles::<api::GetObjectAcl>()
            .handles::<api::PutObject>()
            .handles::<api::GetObject>()
            .handles::<api::HeadObject>()
            .handles::<api::GetObjectAttributes>()
            .handles::<api::CopyObject>()
            .handles::<api::DeleteObject>()
            .handles::<api::DeleteObjects>()
            .handles::<api::RestoreObject>()
            .handles::<scheduled::FollowRestore>()
            .handles::<api::GetObjectTagging>()
            .handles::<api::PutObjectTagging>()
            .handles::<api::DeleteObjectTagging>()
            .handles::<api::UpdateObjectEncryption>()
            .handles::<api::PutObjectRetention>()
            .handles::<api::GetObjectRetention>()
            .handles::<api::PutObjectLegalHold>()
            .handles::<api::GetObjectLegalHold>()
            .handles::<api::PutObjectAnnotation>()
            .handles::<api::GetObjectAnnotation>()
            .handles::<api::DeleteObjectAnnotation>()
            .handles::<api::ListObjectAnnotations>()
            // lists
            .handles::<api::ListObjects>()
            .handles::<api::ListObjectsV2>()
            .handles::<api::ListObjectVersions>()
            // multipart uploads
            .handles::<api::CreateMultipartUpload>()
            .handles::<api::UploadPart>()
            .handles::<api::UploadPartCopy>()
            .handles::<api::CompleteMultipartUpload>()
            .handles::<api::AbortMultipartUpload>()
            .handles::<api::ListParts>()
            .handles::<api::ListMultipartUploads>()
            // lifecycle
            .handles::<api::GetBucketLifecycleConfiguration>()
            .handles::<api::PutBucketLifecycleConfiguration>()
            .handles::<api::DeleteBucketLifecycle>()
            .handles::<scheduled::ApplyLifecycle>()
            // replication
            .handles::<api::GetBucketReplication>()
            .handles::<api::PutBucketReplication>()
            .handles::<api::DeleteBucketReplication>()
            .handles::<scheduled::Replicate>()
            .handles::<scheduled::PutReplica>()
            .handles::<cloudlet_engine::replication::InitiateReplication>()
            // logging
            .handles::<api::GetBucketLogging>()
            .handles::<api::PutBucketLogging>()
            .handles::<scheduled::DeliverLogs>()
            .handles::<scheduled::WriteInventory>()
            // configurations with ids
            .handles::<api::PutBucketAnalyticsConfiguration>()
            .handles::<api::GetBucketAnalyticsConfiguration>()
            .handles::<api::ListBucketAnalyticsConfigurations>()
            .handles::<api::DeleteBucketAnalyticsConfiguration>()
            .handles::<api::PutBucketIntelligentTieringConfiguration>()
            .handles::<api::GetBucketIntelligentTieringConfiguration>()
            .handles::<api::ListBucketIntelligentTieringConfigurations>()
            .handles::<api::DeleteBucketIntelligentTieringConfiguration>()
            .handles::<api::PutBucketInventoryConfiguration>()
            .handles::<api::GetBucketInventoryConfiguration>()
            .handles::<api::ListBucketInventoryConfigurations>()
            .handles::<api::DeleteBucketInventoryConfiguration>()
            .handles::<api::PutBucketMetricsConfiguration>()
            .handles::<api::GetBucketMetricsConfiguration>()
            .handles::<api::ListBucketMetricsConfigurations>()
            .handles::<api::DeleteBucketMetricsConfiguration>()
            // notifications
            .handles::<api::GetBucketNotificationConfiguration>()
            .handles::<api::PutBucketNotificationConfiguration>()
            .handles::<scheduled::DeliverEvents>()
            .build()
    }

    /// A number greater than that of every write before, across restarts as long as the clock does not go back.
    fn next_sequence(&self, now: Timestamp) -> u64 {
        let floor = now.millis().unsigned_abs() << 20;
        let next = |latest: u64| Some(latest.max(floor).saturating_add(1));
        self.sequence.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).map_or(floor, |latest| latest.max(floor).saturating_add(1))
    }
}
