//! What the head says about the body: a declared SHA-256, or aws-chunked. Bodies are checked and decoded as they flow, or whole.

use crate::body::{RequestBody, fault_of, too_large, within};
use bytes::{Bytes, BytesMut};
use cloudlet_aws::Fault;
use cloudlet_engine::Boxed;
use cloudlet_shape::{Body, BodyError, BodyStream, Trailers};
use cloudlet_sigv4::{chunks::Decoder, payload::Check};
use futures_util::future::{Either, Ready, ready};
use std::collections::VecDeque;

/// What must be done to a body before an engine may have it.
pub enum BodyEncoding {
    Plain,
    /// Its SHA-256 was declared.
    Checked(Check),
    /// aws-chunked.
    Chunked(Box<Decoder>, Trailers),
}

struct DecodedBody {
    source: RequestBody,
    encoding: BodyEncoding,
    ready: VecDeque<Bytes>,
    ended: bool,
}

impl DecodedBody {
    fn new(source: RequestBody, encoding: BodyEncoding) -> DecodedBody {
        DecodedBody { source, encoding, ready: VecDeque::new(), ended: false }
    }

    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(Ok(piece));
            }
            if self.ended {
                return None;
            }
            match self.source.next().await {
                Some(Ok(piece)) => {
                    if let Err(fault) = self.take(piece) {
                        self.ended = true;
                        return Some(Err(BodyError::Refused(fault)));
                    }
                }
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(error));
                }
                None => {
                    self.ended = true;
                    if let Err(fault) = self.finish() {
                        return Some(Err(BodyError::Refused(fault)));
                    }
                }
            }
        }
    }

    fn take(&mut self, piece: Bytes) -> Result<(), Fault> {
        match &mut self.encoding {
            BodyEncoding::Plain => self.ready.push_back(piece),
            BodyEncoding::Checked(check) => {
                check.update(&piece);
                self.ready.push_back(piece);
            }
            BodyEncoding::Chunked(decoder, _) => {
                let mut decoded = Vec::new();
                decoder.feed(piece, &mut decoded)?;
                self.ready.extend(decoded.into_iter().filter(|piece| !piece.is_empty()));
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Fault> {
        match std::mem::replace(&mut self.encoding, BodyEncoding::Plain) {
            BodyEncoding::Plain => Ok(()),
            BodyEncoding::Checked(check) => check.finish(),
            BodyEncoding::Chunked(decoder, trailers) => {
                trailers.receive(decoder.finish()?);
                Ok(())
            }
        }
    }
}

/// A body that flows to its engine. A wrong digest or signature ends it with a refusal in place of its end.
pub fn decoded(source: RequestBody, encoding: BodyEncoding, length: Option<u64>) -> Body {
    let (length, trailers) = match &encoding {
        BodyEncoding::Chunked(decoder, trailers) => (Some(decoder.decoded_length()), Some(trailers.clone())),
        BodyEncoding::Plain | BodyEncoding::Checked(_) => (length, None),
    };
    let body = DecodedBody::new(source, encoding);
    let stream: BodyStream = Box::pin(futures_util::stream::unfold(body, |mut body| async move { body.next().await.map(|piece| (piece, body)) }));
    let body = Body::stream(stream, length);
    match trailers {
        Some(trailers) => body.with_trailers(trailers),
        None => body,
    }
}

/// The whole of a body: there already, or awaited. What waits is boxed, so that the many calls that need not wait stay small.
pub type Collected = Either<Ready<Result<Bytes, Fault>>, Boxed<'static, Result<Bytes, Fault>>>;

pub fn collected(mut source: RequestBody, encoding: BodyEncoding, limit: usize) -> Collected {
    match encoding {
        BodyEncoding::Chunked(..) => Either::Right(Box::pin(collect_decoded(source, encoding, limit))),
        encoding => match source.whole_at_hand() {
            Some(bytes) => Either::Left(ready(within(bytes, limit).and_then(|bytes| checked(bytes, encoding)))),
            None => Either::Right(Box::pin(async move { checked(source.collect(limit).await?, encoding) })),
        },
    }
}

/// Holds a whole body that needs no decoding to what was declared.
pub fn checked(bytes: Bytes, encoding: BodyEncoding) -> Result<Bytes, Fault> {
    if let BodyEncoding::Checked(mut check) = encoding {
        check.update(&bytes);
        check.finish()?;
    }
    Ok(bytes)
}

async fn collect_decoded(source: RequestBody, encoding: BodyEncoding, limit: usize) -> Result<Bytes, Fault> {
    let mut body = DecodedBody::new(source, encoding);
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(fault_of)?;
        if whole.len() + piece.len() > limit {
            return Err(too_large());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}
