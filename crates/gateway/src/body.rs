//! Request bodies: read within time, held to what the head declared, freed of their chunks.

use bytes::{Bytes, BytesMut};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::Boxed;
use cloudlet_shape::{Body, BodyError, BodyStream, Trailers};
use cloudlet_sigv4::{chunks::Decoder, payload::Check};
use futures_util::future::{Either, FutureExt, Ready, ready};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

const TOO_LARGE: FaultKind = FaultKind::sender("RequestEntityTooLarge", 413);
const TIMEOUT: FaultKind = FaultKind::sender("RequestTimeout", 400);

/// A body as it arrives. What nobody has read when it is dropped is read and thrown away, within limits,
/// so that a refused client gets to see its answer and may use its connection again.
pub struct Inflow {
    /// What was read before anybody waited for it.
    ahead: Option<Result<Bytes, BodyError>>,
    incoming: Option<Incoming>,
    stall: Duration,
    drain: u64,
    /// The client waits for leave to send; a refusal needs no draining.
    waits: Waits,
    end: Arc<End>,
}

/// How the body of a request ended, for whoever writes the answer and whoever keeps the connection.
#[derive(Default)]
pub struct End(AtomicU8);

impl End {
    const OPEN: u8 = 0;
    const READ: u8 = 1;
    const REFUSED: u8 = 2;

    fn set(&self, state: u8) {
        self.0.store(state, Ordering::Release);
    }

    /// Nothing of the request is left on the connection.
    pub fn is_read(&self) -> bool {
        self.0.load(Ordering::Acquire) == End::READ
    }

    /// The client never got leave to send its body, and may use the connection as if it had nothing left to send,
    /// while HTTP counts the next bytes as the body. The connection must be closed with the answer.
    pub fn is_refused(&self) -> bool {
        self.0.load(Ordering::Acquire) == End::REFUSED
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    No,
    /// `Expect: 100-continue`
    ForLeave,
}

impl Inflow {
    pub fn new(incoming: Incoming, stall: Duration, drain: u64, waits: Waits, end: Arc<End>) -> Inflow {
        let incoming = (!http_body::Body::is_end_stream(&incoming)).then_some(incoming);
        end.set(if incoming.is_none() { End::READ } else { End::OPEN });
        Inflow { ahead: None, incoming, stall, drain, waits, end }
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        if let Some(piece) = self.ahead.take() {
            return Some(piece);
        }
        while let Some(incoming) = &mut self.incoming {
            let Ok(frame) = tokio::time::timeout(self.stall, incoming.frame()).await else {
                self.incoming = None;
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

    /// What a frame brings, if it brings anything. The last one ends the body.
    fn piece(&mut self, frame: Option<Result<Frame<Bytes>, hyper::Error>>) -> Option<Result<Bytes, BodyError>> {
        self.waits = Waits::No;
        match frame {
            None => {
                self.incoming = None;
                self.end.set(End::READ);
                None
            }
            Some(Err(error)) => {
                self.incoming = None;
                Some(Err(BodyError::Broken(error.to_string())))
            }
            Some(Ok(frame)) => {
                let data = frame.into_data().ok()?;
                if self.incoming.as_ref().is_some_and(http_body::Body::is_end_stream) {
                    self.incoming = None;
                    self.end.set(End::READ);
                }
                Some(Ok(data))
            }
        }
    }

    /// The whole body, if it came with the head, as short ones do.
    fn at_hand(&mut self) -> Option<Bytes> {
        if let Some(incoming) = &mut self.incoming
            && self.ahead.is_none()
        {
            // Nobody is woken: who waits for more asks again.
            let frame = incoming.frame().now_or_never()?;
            self.ahead = self.piece(frame);
        }
        match (&self.incoming, &self.ahead) {
            (None, None) => Some(Bytes::new()),
            (None, Some(Ok(_))) => self.ahead.take()?.ok(),
            _ => None,
        }
    }

    /// The whole body, if it fits.
    async fn collect(mut self, limit: usize) -> Result<Bytes, Fault> {
        let announced = self.incoming.as_ref().map_or(0, |incoming| http_body::Body::size_hint(incoming).lower());
        if usize::try_from(announced).unwrap_or(usize::MAX) > limit {
            return Err(too_large());
        }
        let Some(first) = self.next().await else { return Ok(Bytes::new()) };
        let first = first.map_err(fault_of)?;
        let Some(second) = self.next().await else { return within(first, limit) };
        let mut whole = BytesMut::from(first);
        let mut piece = second.map_err(fault_of)?;
        loop {
            if whole.len() + piece.len() > limit {
                return Err(too_large());
            }
            whole.extend_from_slice(&piece);
            match self.next().await {
                Some(next) => piece = next.map_err(fault_of)?,
                None => return Ok(whole.freeze()),
            }
        }
    }
}

fn within(bytes: Bytes, limit: usize) -> Result<Bytes, Fault> {
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

impl Drop for Inflow {
    fn drop(&mut self) {
        if self.waits == Waits::ForLeave {
            if self.incoming.as_ref().is_some_and(|incoming| !http_body::Body::is_end_stream(incoming)) {
                self.end.set(End::REFUSED);
            }
            return;
        }
        let Some(mut rest) = self.incoming.take() else { return };
        if http_body::Body::is_end_stream(&rest) {
            self.end.set(End::READ);
        } else if tokio::runtime::Handle::try_current().is_ok() {
            let (limit, stall) = (self.drain, self.stall);
            tokio::spawn(async move {
                let mut read = 0;
                while let Ok(Some(Ok(frame))) = tokio::time::timeout(stall, rest.frame()).await {
                    read += frame.data_ref().map_or(0, |data| data.len() as u64);
                    if read > limit {
                        return;
                    }
                }
            });
        }
    }
}

/// What must be done to a body before an engine may have it.
pub enum Treatment {
    Plain,
    /// Its SHA-256 was declared.
    Checked(Check),
    /// aws-chunked.
    Chunked(Box<Decoder>, Trailers),
}

struct Flow {
    inflow: Inflow,
    treatment: Treatment,
    ready: VecDeque<Bytes>,
    over: bool,
}

impl Flow {
    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(Ok(piece));
            }
            if self.over {
                return None;
            }
            match self.inflow.next().await {
                Some(Ok(piece)) => {
                    if let Err(fault) = self.take(piece) {
                        self.over = true;
                        return Some(Err(BodyError::Refused(fault)));
                    }
                }
                Some(Err(error)) => {
                    self.over = true;
                    return Some(Err(error));
                }
                None => {
                    self.over = true;
                    if let Err(fault) = self.end() {
                        return Some(Err(BodyError::Refused(fault)));
                    }
                }
            }
        }
    }

    fn take(&mut self, piece: Bytes) -> Result<(), Fault> {
        match &mut self.treatment {
            Treatment::Plain => self.ready.push_back(piece),
            Treatment::Checked(check) => {
                check.update(&piece);
                self.ready.push_back(piece);
            }
            Treatment::Chunked(decoder, _) => {
                let mut decoded = Vec::new();
                decoder.feed(piece, &mut decoded)?;
                self.ready.extend(decoded.into_iter().filter(|piece| !piece.is_empty()));
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        match std::mem::replace(&mut self.treatment, Treatment::Plain) {
            Treatment::Plain => Ok(()),
            Treatment::Checked(check) => check.finish(),
            Treatment::Chunked(decoder, trailers) => {
                trailers.receive(decoder.finish()?);
                Ok(())
            }
        }
    }
}

/// A body that flows to its engine. A wrong digest or signature ends it with a refusal in place of its end.
pub fn flowing(inflow: Inflow, treatment: Treatment, length: Option<u64>) -> Body {
    let (length, trailers) = match &treatment {
        Treatment::Chunked(decoder, trailers) => (Some(decoder.decoded_length()), Some(trailers.clone())),
        Treatment::Plain | Treatment::Checked(_) => (length, None),
    };
    let flow = Flow { inflow, treatment, ready: VecDeque::new(), over: false };
    let stream: BodyStream = Box::pin(futures_util::stream::unfold(flow, |mut flow| async move { flow.next().await.map(|piece| (piece, flow)) }));
    let body = Body::stream(stream, length);
    match trailers {
        Some(trailers) => body.with_trailers(trailers),
        None => body,
    }
}

/// A body that is there, or will be. What waits lies on the heap: few calls do, and theirs need not all have the room.
pub type Gathering = Either<Ready<Result<Bytes, Fault>>, Boxed<'static, Result<Bytes, Fault>>>;

/// The whole of a treated body.
pub fn gathered(mut inflow: Inflow, treatment: Treatment, limit: usize) -> Gathering {
    match treatment {
        Treatment::Chunked(..) => Either::Right(Box::pin(unchunked(inflow, treatment, limit))),
        treatment => match inflow.at_hand() {
            Some(bytes) => Either::Left(ready(within(bytes, limit).and_then(|bytes| treated(bytes, treatment)))),
            None => Either::Right(Box::pin(async move { treated(inflow.collect(limit).await?, treatment) })),
        },
    }
}

/// A body that needed no decoding, held to what was declared.
pub fn treated(bytes: Bytes, treatment: Treatment) -> Result<Bytes, Fault> {
    if let Treatment::Checked(mut check) = treatment {
        check.update(&bytes);
        check.finish()?;
    }
    Ok(bytes)
}

async fn unchunked(inflow: Inflow, treatment: Treatment, limit: usize) -> Result<Bytes, Fault> {
    let mut flow = Flow { inflow, treatment, ready: VecDeque::new(), over: false };
    let mut whole = BytesMut::new();
    while let Some(piece) = flow.next().await {
        let piece = piece.map_err(fault_of)?;
        if whole.len() + piece.len() > limit {
            return Err(too_large());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}
