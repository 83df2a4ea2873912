//! Request bodies into blobs, with their digests computed in the same pass; blobs into response bodies.

use crate::{S3, encryption::Cipher, faults};
use bytes::Bytes;
use cloudlet_aws::Fault;
use cloudlet_digest::{Algorithm, Digests, Sum};
use cloudlet_engine::Cx;
use cloudlet_shape::{Body, BodyContent, BodyError, BodyStream};
use cloudlet_store::{BlobId, BlobReader, BlobWriter, PendingBlob, blobs::INLINE};
use futures_util::{StreamExt, stream};
use std::{fmt, io, task::Poll};

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
struct BodyWriter<'a> {
    writer: BlobWriter,
    digests: Digests,
    max_length: u64,
    cipher: Option<&'a Cipher>,
}

impl BodyWriter<'_> {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Fault> {
        let length = self.writer.length().saturating_add(bytes.len() as u64);
        if length > self.max_length {
            return Err(faults::entity_too_large(length, self.max_length));
        }
        self.digests.update(&bytes);
        let bytes = match self.cipher {
            Some(cipher) => cipher.apply(self.writer.length(), &bytes)?,
            None => bytes,
        };
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
    pub(crate) async fn store(
        &self,
        cx: &Cx,
        body: Option<&Body>,
        algorithms: &[Algorithm],
        max_length: u64,
        cipher: Option<&Cipher>,
    ) -> Result<StoredBody, Fault> {
        let announced = body.and_then(Body::length);
        if let Some(length) = announced.filter(|length| *length > max_length) {
            return Err(faults::entity_too_large(length, max_length));
        }
        let mut writer = self.body_writer(cx, algorithms, max_length, cipher);
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

    /// Stores a copy of a body, under another cipher, and computes digests that are not known of the original.
    pub(crate) async fn store_copy(
        &self,
        cx: &Cx,
        mut reader: PlainReader,
        algorithms: &[Algorithm],
        cipher: Option<&Cipher>,
    ) -> Result<StoredBody, Fault> {
        let mut writer = self.body_writer(cx, algorithms, u64::MAX, cipher);
        while let Some(chunk) = reader.next().await {
            writer.write(chunk?).await?;
        }
        writer.finish().await
    }

    fn body_writer<'a>(&self, cx: &Cx, algorithms: &[Algorithm], max_length: u64, cipher: Option<&'a Cipher>) -> BodyWriter<'a> {
        let digests = Digests::new([Algorithm::Md5].into_iter().chain(algorithms.iter().copied()));
        BodyWriter { writer: self.blobs.writer(blob_id(cx)), digests, max_length, cipher }
    }
}

fn body_fault(error: BodyError) -> Fault {
    match error {
        BodyError::Refused(fault) => fault,
        // The connection is broken: no client is left to read this answer.
        BodyError::Broken(_) => faults::incomplete_body(),
    }
}

/// Reads a stored body as it was sent.
pub struct PlainReader {
    reader: BlobReader,
    cipher: Option<Cipher>,
    /// Where in the body the next bytes are.
    position: u64,
}

impl PlainReader {
    /// `position`: where in the body the reader begins.
    pub fn new(reader: BlobReader, cipher: Option<Cipher>, position: u64) -> PlainReader {
        PlainReader { reader, cipher, position }
    }

    pub async fn next(&mut self) -> Option<Result<Bytes, Fault>> {
        let chunk = self.reader.next().await?.map_err(Fault::internal);
        Some(chunk.and_then(|chunk| self.decrypt(chunk)))
    }

    fn decrypt(&mut self, chunk: Bytes) -> Result<Bytes, Fault> {
        let Some(cipher) = &self.cipher else { return Ok(chunk) };
        let plain = cipher.apply(self.position, &chunk)?;
        self.position = self.position.saturating_add(plain.len() as u64);
        Ok(plain)
    }
}

/// The body of a response. Small ones are in memory and answered at once.
pub async fn response_body(mut plain: PlainReader) -> Result<Body, Fault> {
    let length = plain.reader.left();
    if length <= INLINE as u64 {
        let PlainReader { reader, cipher, position } = plain;
        let whole = reader.whole().await.map_err(Fault::internal)?;
        return Ok(Body::whole(match cipher {
            Some(cipher) => cipher.apply(position, &whole)?,
            None => whole,
        }));
    }
    let broken = |error: &dyn fmt::Display| BodyError::Broken(error.to_string());
    if plain.cipher.is_none() {
        let chunks = plain.reader.map(move |chunk: io::Result<Bytes>| chunk.map_err(|error| broken(&error)));
        let stream: BodyStream = Box::pin(chunks);
        return Ok(Body::stream(stream, Some(length)));
    }
    let chunks = stream::poll_fn(move |cx| {
        let chunk = std::task::ready!(plain.reader.poll_next_unpin(cx));
        Poll::Ready(chunk.map(|chunk| {
            let chunk = chunk.map_err(|error| broken(&error))?;
            plain.decrypt(chunk).map_err(|fault| broken(&fault.message()))
        }))
    });
    let stream: BodyStream = Box::pin(chunks);
    Ok(Body::stream(stream, Some(length)))
}
