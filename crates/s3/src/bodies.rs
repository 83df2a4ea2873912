//! Request bodies into blobs, with their digests computed in the same pass; blobs into response bodies.

use crate::{S3, faults};
use bytes::Bytes;
use cloudlet_aws::Fault;
use cloudlet_digest::{Algorithm, Digests, Sum};
use cloudlet_engine::Cx;
use cloudlet_shape::{Body, BodyContent, BodyError, BodyStream};
use cloudlet_store::{BlobId, BlobReader, BlobWriter, PendingBlob, blobs::INLINE};
use futures_util::StreamExt;
use std::io;

/// A stored body that no row names yet.
pub struct StoredBody {
    pub pending: PendingBlob,
    pub md5: Sum,
    checksums: Vec<Sum>,
}

impl StoredBody {
    /// The checksum of one of the algorithms that were given to `store`.
    pub fn checksum(&self, algorithm: Algorithm) -> Option<Sum> {
        self.checksums.iter().find(|sum| sum.algorithm() == algorithm).copied()
    }
}

pub fn blob_id(cx: &Cx) -> BlobId {
    BlobId::new(u128::from_be_bytes(cx.ids().bytes()))
}

/// Stores and digests bytes as they arrive.
struct BodyWriter {
    writer: BlobWriter,
    digests: Digests,
    max_length: u64,
}

impl BodyWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Fault> {
        let length = self.writer.length().saturating_add(bytes.len() as u64);
        if length > self.max_length {
            return Err(faults::entity_too_large(length, self.max_length));
        }
        self.digests.update(&bytes);
        self.writer.write(bytes).await.map_err(Fault::internal)
    }

    async fn finish(self) -> Result<StoredBody, Fault> {
        let checksums = self.digests.finish();
        let md5 = checksums.iter().find(|sum| sum.algorithm() == Algorithm::Md5).copied();
        let md5 = md5.ok_or_else(|| Fault::internal("a body without its MD5"))?;
        Ok(StoredBody { pending: self.writer.finish().await.map_err(Fault::internal)?, md5, checksums })
    }
}

impl S3 {
    /// Stores the body of a request. Computes MD5 for the entity tag, and the checksums of `algorithms`.
    pub(crate) async fn store(&self, cx: &Cx, body: Option<&Body>, algorithms: &[Algorithm], max_length: u64) -> Result<StoredBody, Fault> {
        let announced = body.and_then(Body::length);
        if let Some(length) = announced.filter(|length| *length > max_length) {
            return Err(faults::entity_too_large(length, max_length));
        }
        let mut writer = self.body_writer(cx, algorithms, max_length);
        match body.map_or_else(|| BodyContent::Whole(Bytes::new()), Body::take) {
            BodyContent::Whole(bytes) => writer.write(bytes).await?,
            BodyContent::Stream(mut stream) => {
                while let Some(chunk) = stream.next().await {
                    writer.write(chunk.map_err(body_fault)?).await?;
                }
            }
        }
        if announced.is_some_and(|length| length != writer.writer.length()) {
            return Err(faults::incomplete_body());
        }
        writer.finish().await
    }

    /// Stores a copy of a blob, and computes digests that are not known of the original.
    pub(crate) async fn store_copy(&self, cx: &Cx, mut reader: BlobReader, algorithms: &[Algorithm]) -> Result<StoredBody, Fault> {
        let mut writer = self.body_writer(cx, algorithms, u64::MAX);
        while let Some(chunk) = reader.next().await {
            writer.write(chunk.map_err(Fault::internal)?).await?;
        }
        writer.finish().await
    }

    fn body_writer(&self, cx: &Cx, algorithms: &[Algorithm], max_length: u64) -> BodyWriter {
        let digests = Digests::new([Algorithm::Md5].into_iter().chain(algorithms.iter().copied()));
        BodyWriter { writer: self.blobs.writer(blob_id(cx)), digests, max_length }
    }
}

fn body_fault(error: BodyError) -> Fault {
    match error {
        BodyError::Refused(fault) => fault,
        // The connection is broken: no client is left to read this answer.
        BodyError::Broken(_) => faults::incomplete_body(),
    }
}

/// The body of a response. Small ones are in memory and answered at once.
pub async fn response_body(reader: BlobReader) -> Result<Body, Fault> {
    let length = reader.left();
    if length <= INLINE as u64 {
        return Ok(Body::whole(reader.whole().await.map_err(Fault::internal)?));
    }
    let chunks = reader.map(|chunk: io::Result<Bytes>| chunk.map_err(|error| BodyError::Broken(error.to_string())));
    let stream: BodyStream = Box::pin(chunks);
    Ok(Body::stream(stream, Some(length)))
}
