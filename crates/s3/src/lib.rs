//! S3: buckets, objects, and multipart uploads.
//!
//! A bucket is a store of its own on a shelf, so that buckets do not wait for each other. Its objects are rows of one
//! ordered table, by key and version; the bytes are blobs apart from the rows. Bodies flow in and out and are never
//! held whole: a write digests once while it stores, a read is a stream of pieces. A listing seeks into the table and
//! seeks past what a common prefix rolls up, so that a page costs the same anywhere.
//!
//! Deliberately not here: HTTP (see `front` for what S3 wants of it), signatures, policies.

mod access;
mod bodies;
mod buckets;
mod checksums;
mod conditions;
mod etags;
mod faults;
mod http_hooks;
mod keys;
mod limits;
mod lists;
mod metadata;
mod multipart;
mod names;
mod objects;
mod owners;
mod ranges;
mod state;
mod storage;
mod tags;

#[cfg(test)]
mod tests;

use cloudlet_api_s3 as api;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::Service;
use cloudlet_store::{Blobs, Journal, StoreMap};
use state::Contents;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The engine.
pub struct S3 {
    /// By name, which is unique in the whole partition.
    buckets: Arc<StoreMap<Arc<str>, Contents>>,
    blobs: Blobs,
    journal: Journal,
    /// The latest order given to a write.
    order: AtomicU64,
}

impl S3 {
    pub fn new(journal: &Journal, blobs: Blobs) -> Arc<S3> {
        Arc::new(S3 { buckets: Arc::new(StoreMap::new("s3/buckets", journal)), blobs, journal: journal.clone(), order: AtomicU64::new(0) })
    }

    /// The ids of all bodies that rows name, for the sweep after a restart.
    pub fn blob_ids(&self) -> std::collections::HashSet<cloudlet_store::BlobId> {
        let mut ids = std::collections::HashSet::new();
        for (_, bucket) in self.buckets.all() {
            bucket.read(|contents| {
                let objects = contents.objects.values().map(|object| &object.blob);
                ids.extend(objects.chain(contents.parts.values().map(|part| &part.blob)).flat_map(cloudlet_store::Blob::ids));
            });
        }
        ids
    }

    /// The table of contents.
    pub fn service(self: &Arc<Self>) -> Service {
        Service::of(&api::SERVICE, self.clone())
            .http_hooks(Arc::new(http_hooks::HttpHooks::new(self.clone())))
            .store(self.buckets.clone())
            // buckets
            .handles::<api::CreateBucket>()
            .handles::<api::HeadBucket>()
            .handles::<api::DeleteBucket>()
            .handles::<api::ListBuckets>()
            .handles::<api::GetBucketLocation>()
            // objects
            .handles::<api::PutObject>()
            .handles::<api::GetObject>()
            .handles::<api::HeadObject>()
            .handles::<api::GetObjectAttributes>()
            .handles::<api::CopyObject>()
            .handles::<api::DeleteObject>()
            .handles::<api::DeleteObjects>()
            .handles::<api::GetObjectTagging>()
            .handles::<api::PutObjectTagging>()
            .handles::<api::DeleteObjectTagging>()
            // lists
            .handles::<api::ListObjects>()
            .handles::<api::ListObjectsV2>()
            // multipart uploads
            .handles::<api::CreateMultipartUpload>()
            .handles::<api::UploadPart>()
            .handles::<api::UploadPartCopy>()
            .handles::<api::CompleteMultipartUpload>()
            .handles::<api::AbortMultipartUpload>()
            .handles::<api::ListParts>()
            .handles::<api::ListMultipartUploads>()
            .build()
    }

    /// A number greater than that of every write before, across restarts as long as the clock does not go back.
    fn next_order(&self, now: Timestamp) -> u64 {
        let floor = now.millis().unsigned_abs() << 20;
        let next = |latest: u64| Some(latest.max(floor).saturating_add(1));
        self.order.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).map_or(floor, |latest| latest.max(floor).saturating_add(1))
    }

    /// Waits until what was written is as durable as this house promises.
    async fn synced(&self) -> Result<(), Fault> {
        self.journal.synced().await.map_err(Fault::internal)
    }
}
