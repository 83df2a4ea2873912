//! Request bodies as they arrive: read within time, and drained when they are refused.

use crate::budget::Reservation;
use axum::body::Body;
use bytes::Bytes;
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_shape::BodyError;
use futures_util::future::FutureExt;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

const TOO_LARGE: FaultKind = FaultKind::sender("RequestEntityTooLarge", 413);
const TIMEOUT: FaultKind = FaultKind::sender("RequestTimeout", 400);

/// A body as it arrives. What is still unread when it is dropped is read and thrown away, within limits, so that the client of a refused
/// upload sees its answer and can use its connection again.
pub struct RequestBody {
    /// What was read before it was asked for.
    ahead: Option<Result<Bytes, BodyError>>,
    /// `None` at the end.
    source: Option<Source>,
    stall_time: Duration,
    drain: u64,
    expectation: Expectation,
    refused: RefusedUnsent,
}

/// Where a body comes from.
pub enum Source {
    /// Straight from the connection.
    Connection(Incoming),
    /// Through the router.
    Router(Body),
}

impl http_body::Body for Source {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Source::Connection(incoming) => Pin::new(incoming).poll_frame(cx).map_err(axum::Error::new),
            Source::Router(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Source::Connection(incoming) => incoming.is_end_stream(),
            Source::Router(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Source::Connection(incoming) => incoming.size_hint(),
            Source::Router(body) => body.size_hint(),
        }
    }
}

/// Whether the client waits for `100 Continue` before it sends the body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    None,
    Continue,
}

/// Set when a client that waited for `100 Continue` was refused instead. It may use the connection for its next request, while HTTP counts
/// the next bytes as the body: the connection must be closed with the answer.
#[derive(Clone, Default)]
pub struct RefusedUnsent(Option<Arc<AtomicBool>>);

impl RefusedUnsent {
    fn possible(expectation: Expectation) -> RefusedUnsent {
        RefusedUnsent((expectation == Expectation::Continue).then(Arc::default))
    }

    fn set(&self) {
        if let Some(refused) = &self.0 {
            refused.store(true, Ordering::Release);
        }
    }

    pub fn is_set(&self) -> bool {
        self.0.as_ref().is_some_and(|refused| refused.load(Ordering::Acquire))
    }
}

/// A body: still arriving, or read already.
pub enum ReceivedBody {
    Arriving(RequestBody),
    Whole(WholeBody),
}

impl RequestBody {
    pub fn new(source: Source, expectation: Expectation, stall_time: Duration, drain: u64) -> RequestBody {
        let source = (!http_body::Body::is_end_stream(&source)).then_some(source);
        RequestBody { ahead: None, source, stall_time, drain, expectation, refused: RefusedUnsent::possible(expectation) }
    }

    /// For routes that know no time limits of their own.
    pub fn into_body(self) -> Body {
        let pieces = futures_util::stream::unfold(self, |mut body| async move { body.next().await.map(|piece| (piece.map_err(fault_of), body)) });
        Body::from_stream(pieces)
    }

    pub fn refused_unsent(&self) -> RefusedUnsent {
        self.refused.clone()
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        if let Some(piece) = self.ahead.take() {
            return Some(piece);
        }
        while let Some(source) = &mut self.source {
            let Ok(frame) = tokio::time::timeout(self.stall_time, source.frame()).await else {
                self.source = None;
                let text = "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.";
                return Some(Err(BodyError::Refused(TIMEOUT.says(text))));
            };
            let piece = self.piece(frame);
            if piece.is_some() {
                return piece;
            }
        }
        None
    }

    /// The data of a frame, if it has any.
    fn piece(&mut self, frame: Option<Result<Frame<Bytes>, axum::Error>>) -> Option<Result<Bytes, BodyError>> {
        self.expectation = Expectation::None;
        match frame {
            None => {
                self.source = None;
                None
            }
            Some(Err(error)) => {
                self.source = None;
                Some(Err(BodyError::Broken(error.to_string())))
            }
            Some(Ok(frame)) => {
                let data = frame.into_data().ok()?;
                if self.source.as_ref().is_some_and(http_body::Body::is_end_stream) {
                    self.source = None;
                }
                Some(Ok(data))
            }
        }
    }

    /// The whole body, if it came with the head, as short ones do.
    pub fn whole_at_hand(&mut self) -> Option<Bytes> {
        if let Some(source) = &mut self.source
            && self.ahead.is_none()
        {
            let frame = source.frame().now_or_never()?;
            self.ahead = self.piece(frame);
        }
        match (&self.source, &self.ahead) {
            (None, None) => Some(Bytes::new()),
            (None, Some(Ok(_))) => self.ahead.take()?.ok(),
            _ => None,
        }
    }

    /// The whole body, if it fits.
    pub async fn collect(mut self, limits: CollectLimits) -> Result<WholeBody, Fault> {
        let announced = self.source.as_ref().map_or(0, |source| http_body::Body::size_hint(source).lower());
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        if announced > limits.body {
            return Err(too_large());
        }
        let mut whole = Growing::new(announced, limits);
        while let Some(piece) = self.next().await {
            whole.push(&piece.map_err(fault_of)?)?;
        }
        Ok(whole.finish())
    }
}

/// How much of a body is held in memory.
pub struct CollectLimits {
    /// The largest body.
    pub body: usize,
    /// What it takes of the memory of all bodies.
    pub reservation: Reservation,
    /// The fault when that memory is used up.
    pub exhausted: Fault,
}

/// A body in memory.
pub struct WholeBody {
    pub bytes: Bytes,
    /// To be dropped with the request. A body that came with its head needs none: it never waited.
    pub reservation: Option<Reservation>,
}

/// A body that becomes whole.
pub struct Growing {
    bytes: Vec<u8>,
    announced: usize,
    limits: CollectLimits,
}

impl Growing {
    pub fn new(announced: usize, limits: CollectLimits) -> Growing {
        Growing { bytes: Vec::new(), announced, limits }
    }

    pub fn push(&mut self, piece: &[u8]) -> Result<(), Fault> {
        let length = self.bytes.len() + piece.len();
        if length > self.limits.body {
            return Err(too_large());
        }
        if length > self.bytes.capacity() {
            // Never more than twice of what has arrived, whatever was announced.
            let capacity = if self.announced >= length { self.announced.min(2 * length) } else { 2 * length };
            if !self.limits.reservation.grow_to(capacity) {
                return Err(self.limits.exhausted.clone());
            }
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    pub fn finish(self) -> WholeBody {
        WholeBody { bytes: self.bytes.into(), reservation: Some(self.limits.reservation) }
    }
}

pub fn within(bytes: Bytes, limit: usize) -> Result<Bytes, Fault> {
    if bytes.len() > limit { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> Fault {
    TOO_LARGE.says("Request size exceeded the limit of this operation.")
}

/// The answer to a body that did not come to its end.
pub fn fault_of(error: BodyError) -> Fault {
    match error {
        BodyError::Refused(fault) => fault,
        BodyError::Broken(why) => FaultKind::sender("IncompleteBody", 400).says(format!("The request body terminated unexpectedly: {why}")),
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(mut rest) = self.source.take().filter(|rest| !http_body::Body::is_end_stream(rest)) else { return };
        if self.expectation == Expectation::Continue {
            self.refused.set();
        } else if tokio::runtime::Handle::try_current().is_ok() {
            let (limit, stall_time) = (self.drain, self.stall_time);
            tokio::spawn(async move {
                let mut read = 0;
                while let Ok(Some(Ok(frame))) = tokio::time::timeout(stall_time, rest.frame()).await {
                    read += frame.data_ref().map_or(0, |data| data.len() as u64);
                    if read > limit {
                        return;
                    }
                }
            });
        }
    }
}
