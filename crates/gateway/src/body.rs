//! Request bodies: read within time, held to what the head declared, freed of their chunks.

use bytes::{Bytes, BytesMut};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_shape::{Body, BodyError, BodyStream, Trailers};
use cloudlet_sigv4::{chunks::Decoder, payload::Check};
use http_body_util::BodyExt;
use hyper::body::Incoming;
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
        Inflow { incoming, stall, drain, waits, end }
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            let incoming = self.incoming.as_mut()?;
            let frame = match tokio::time::timeout(self.stall, incoming.frame()).await {
                Ok(frame) => frame,
                Err(_) => {
                    self.incoming = None;
                    let text = "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.";
                    return Some(Err(BodyError::Refused(TIMEOUT.says(text))));
                }
            };
            self.waits = Waits::No;
            match frame {
                None => {
                    self.incoming = None;
                    self.end.set(End::READ);
                    return None;
                }
                Some(Err(error)) => {
                    self.incoming = None;
                    return Some(Err(BodyError::Broken(error.to_string())));
                }
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
            }
        }
    }

    /// The whole body, if it fits.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, Fault> {
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
                trailers.arrive(decoder.finish()?);
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

/// The whole of a treated body.
pub async fn gathered(inflow: Inflow, treatment: Treatment, limit: usize) -> Result<Bytes, Fault> {
    match treatment {
        Treatment::Plain => inflow.collect(limit).await,
        Treatment::Checked(mut check) => {
            let bytes = inflow.collect(limit).await?;
            check.update(&bytes);
            check.finish()?;
            Ok(bytes)
        }
        // On the heap: small documents seldom come in chunks.
        Treatment::Chunked(..) => Box::pin(unchunked(inflow, treatment, limit)).await,
    }
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
