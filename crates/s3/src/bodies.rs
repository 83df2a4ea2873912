//! Bytes on their way in and out: digested once while they are stored, read as a stream.

use crate::{S3, faults};
use bytes::Bytes;
use cloudlet_aws::Fault;
use cloudlet_digest::{Algorithm, Digests, Sum};
use cloudlet_engine::Cx;
use cloudlet_shape::{Body, BodyError, BodyStream, Taken};
use cloudlet_store::{BlobId, BlobReader, BlobWriter, Fresh, blobs::INLINE};
use futures_util::StreamExt;
use std::io;

/// A body that is stored, and named by no row yet.
pub struct Stored {
    pub fresh: Fresh,
    pub md5: Sum,
    sums: Vec<Sum>,
}

impl Stored {
    /// The checksum that was asked for.
    pub fn sum(&self, algorithm: Algorithm) -> Option<Sum> {
        self.sums.iter().find(|sum| sum.algorithm() == algorithm).copied()
    }
}

pub fn blob_id(cx: &Cx) -> BlobId {
    BlobId::new(u128::from_be_bytes(cx.ids().bytes()))
}

/// A write under way: one walk over the bytes for the store and all digests.
struct Intake {
    writer: BlobWriter,
    digests: Digests,
    most: u64,
}

impl Intake {
    async fn take(&mut self, bytes: Bytes) -> Result<(), Fault> {
        let length = self.writer.length().saturating_add(bytes.len() as u64);
        if length > self.most {
            return Err(faults::entity_too_large(length, self.most));
        }
        self.digests.update(&bytes);
        self.writer.write(bytes).await.map_err(Fault::internal)
    }

    async fn finish(self) -> Result<Stored, Fault> {
        let sums = self.digests.finish();
        let md5 = sums.iter().find(|sum| sum.algorithm() == Algorithm::Md5).copied();
        let md5 = md5.ok_or_else(|| Fault::internal("a body without its MD5"))?;
        Ok(Stored { fresh: self.writer.finish().await.map_err(Fault::internal)?, md5, sums })
    }
}

impl S3 {
    /// Stores what the client sends: MD5 for the entity tag, and the further digests of `algorithms`.
    pub(crate) async fn store(&self, cx: &Cx, body: Option<&Body>, algorithms: &[Algorithm], most: u64) -> Result<Stored, Fault> {
        let announced = body.and_then(Body::length);
        if let Some(length) = announced.filter(|length| *length > most) {
            return Err(faults::entity_too_large(length, most));
        }
        let mut intake = self.intake(cx, algorithms, most);
        match body.map_or_else(|| Taken::Whole(Bytes::new()), Body::take) {
            Taken::Whole(bytes) => intake.take(bytes).await?,
            Taken::Stream(mut stream) => {
                while let Some(piece) = stream.next().await {
                    intake.take(piece.map_err(refusal)?).await?;
                }
            }
        }
        if announced.is_some_and(|length| length != intake.writer.length()) {
            return Err(faults::incomplete_body());
        }
        intake.finish().await
    }

    /// Stores a second body with the bytes of a first one, which are read, because a digest of them is not known yet.
    pub(crate) async fn store_again(&self, cx: &Cx, mut reader: BlobReader, algorithms: &[Algorithm]) -> Result<Stored, Fault> {
        let mut intake = self.intake(cx, algorithms, u64::MAX);
        while let Some(piece) = reader.next().await {
            intake.take(piece.map_err(Fault::internal)?).await?;
        }
        intake.finish().await
    }

    fn intake(&self, cx: &Cx, algorithms: &[Algorithm], most: u64) -> Intake {
        let digests = Digests::new([Algorithm::Md5].into_iter().chain(algorithms.iter().copied()));
        Intake { writer: self.blobs.writer(blob_id(cx)), digests, most }
    }
}

fn refusal(error: BodyError) -> Fault {
    match error {
        BodyError::Refused(fault) => fault,
        // Nobody is left to read this.
        BodyError::Broken(_) => faults::incomplete_body(),
    }
}

/// The body of an answer. What stands in the row is handed over whole.
pub async fn answer(reader: BlobReader) -> Result<Body, Fault> {
    let length = reader.left();
    if length <= INLINE as u64 {
        return Ok(Body::whole(reader.whole().await.map_err(Fault::internal)?));
    }
    let pieces = reader.map(|piece: io::Result<Bytes>| piece.map_err(|error| BodyError::Broken(error.to_string())));
    let stream: BodyStream = Box::pin(pieces);
    Ok(Body::stream(stream, Some(length)))
}
