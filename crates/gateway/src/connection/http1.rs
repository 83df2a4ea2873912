//! One connection of plain HTTP/1.1. It rests while a call waits for something to happen, as a long poll does: what hyper holds
//! for a connection that is being read and written, two buffers of eight kilobytes above all, is given back until there is an answer.
//! Then hyper is handed the connection anew, with a short request that stands in for the one it has read, and that answer to it.

use super::{Visitor, ended};
use crate::{answer::AnswerBody, body::End};
use bytes::{Buf, Bytes};
use cloudlet_shape::{BodyError, BodyStream};
use hyper::{
    Request, Response, Version,
    body::Incoming,
    header::{CONNECTION, HeaderValue},
    server::conn::http1::{self, Connection},
    service::Service,
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::watch,
};

/// A call that takes longer waits for something.
const PATIENCE: Duration = Duration::from_millis(50);

/// The bytes of a short answer, its head included.
const SHORT: usize = 2_048;

type Answering = Pin<Box<dyn Future<Output = Response<AnswerBody>> + Send>>;

pub(super) async fn serve(http1: &http1::Builder, stream: TcpStream, visitor: Visitor, mut end: watch::Receiver<()>) {
    let seat = Arc::new(Seat::default());
    let patience = visitor.gateway.limits().head_time;
    let mut silence = pin!(seat.silence(|| sleep(patience)));
    let mut stream = Stream { stream, ahead: Bytes::new(), seat: seat.clone() };
    let mut desk = Desk { visitor, seat: seat.clone(), answer: Mutex::default() };
    let mut last = false;
    loop {
        // On the heap, so that a connection at rest does not hold its room.
        let mut connection = Box::new(http1.serve_connection(TokioIo::new(stream), desk));
        loop {
            tokio::select! {
                biased;
                outcome = &mut *connection => return ended(outcome),
                () = seat.rests() => break,
                () = &mut silence => return,
                _ = end.changed(), if !last => last = true,
            }
            if last {
                Pin::new(&mut *connection).graceful_shutdown();
            }
        }
        let Some(calling) = seat.calling.lock().take() else { return };
        let behind;
        (stream, desk, behind) = apart(connection);
        let Calling { mut answering, stand_in, .. } = calling;
        let answer = tokio::select! {
            biased;
            answer = &mut answering => answer,
            // Nobody is there to hear it.
            () = stream.gone() => return,
        };
        last |= end.has_changed().is_err();
        stream.ahead = [stand_in.head(last).as_bytes(), &behind, &stream.ahead].concat().into();
        *desk.answer.lock() = Some(answer.map(|body| Flowing::of(body, &seat)));
    }
}

/// Takes a connection out of hyper's hands, with what the client has sent behind its request.
fn apart(connection: Box<Connection<TokioIo<Stream>, Desk>>) -> (Stream, Desk, Bytes) {
    let http1::Parts { io, read_buf, service, .. } = connection.into_parts();
    // A copy, for it is a part of the buffer that is to be given back.
    (io.into_inner(), service, Bytes::copy_from_slice(&read_buf))
}

/// Where the call of a connection sits while it is answered.
#[derive(Default)]
struct Seat {
    calling: Mutex<Option<Calling>>,
    /// How many there were.
    calls: AtomicU64,
    body: Arc<End>,
    /// Bytes were written that may not have left hyper yet.
    writes: AtomicBool,
    /// An answer flows.
    flows: AtomicBool,
    /// How many calls and writes there were.
    signs_of_life: AtomicU64,
}

struct Calling {
    answering: Answering,
    stand_in: StandIn,
    number: u64,
}

/// As much of a request as hyper's part of its answer depends on.
struct StandIn {
    version: Version,
    is_head: bool,
    connection: Option<HeaderValue>,
}

impl StandIn {
    fn of(request: &Request<Incoming>) -> StandIn {
        // Copied, as above.
        let connection = request.headers().get(CONNECTION).and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
        StandIn { version: request.version(), is_head: request.method() == hyper::Method::HEAD, connection }
    }

    fn head(&self, last: bool) -> String {
        let method = if self.is_head { "HEAD" } else { "GET" };
        let version = if self.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
        let connection = self.connection.as_ref().and_then(|value| value.to_str().ok());
        let connection = if last { Some("close") } else { connection };
        let connection = connection.map(|value| format!("connection: {value}\r\n")).unwrap_or_default();
        format!("{method} / {version}\r\n{connection}\r\n")
    }
}

impl Seat {
    /// Ready when a call has been waiting for a while, and nothing but its answer is missing. To be polled after the connection,
    /// which wakes it.
    async fn rests(&self) {
        loop {
            let number = poll_fn(|_| self.waiting().map_or(Poll::Pending, Poll::Ready)).await;
            sleep(PATIENCE).await;
            if self.waiting() == Some(number) {
                return;
            }
        }
    }

    /// Ready when the client has not sent the head of a request for a whole spell, and has not been busy.
    async fn silence<S: Future<Output = ()>>(&self, spell: impl Fn() -> S) {
        let mut known = None;
        loop {
            let signs = self.signs_of_life.load(Ordering::Relaxed);
            let busy = self.writes.load(Ordering::Relaxed) || self.flows.load(Ordering::Relaxed) || self.calling.lock().is_some();
            if !busy && known == Some(signs) {
                return tracing::debug!("connection ended: the client is silent");
            }
            known = Some(signs);
            spell().await;
        }
    }

    fn writes(&self) {
        self.writes.store(true, Ordering::Relaxed);
        self.signs_of_life.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of the call that waits for nothing but its answer.
    fn waiting(&self) -> Option<u64> {
        let rests = self.body.is_read() && !self.writes.load(Ordering::Relaxed);
        if rests { self.calling.lock().as_ref().map(|calling| calling.number) } else { None }
    }
}

#[expect(clippy::disallowed_methods, reason = "a matter of the connection, not of the clock of the house")]
fn sleep(time: Duration) -> tokio::time::Sleep {
    tokio::time::sleep(time)
}

/// Answers the requests of a connection, one after the other.
struct Desk {
    visitor: Visitor,
    seat: Arc<Seat>,
    /// The answer to the stand-in, which is the next request.
    answer: Mutex<Option<Response<AnswerBody>>>,
}

impl Service<Request<Incoming>> for Desk {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Seated;

    fn call(&self, request: Request<Incoming>) -> Seated {
        if let Some(answer) = self.answer.lock().take() {
            return Seated::Answered(Some(answer));
        }
        let stand_in = StandIn::of(&request);
        let answering = self.visitor.answer(request, self.seat.body.clone());
        let number = self.seat.calls.fetch_add(1, Ordering::Relaxed);
        self.seat.signs_of_life.fetch_add(1, Ordering::Relaxed);
        *self.seat.calling.lock() = Some(Calling { answering, stand_in, number });
        Seated::Calling(self.seat.clone())
    }
}

enum Seated {
    Answered(Option<Response<AnswerBody>>),
    Calling(Arc<Seat>),
}

impl Future for Seated {
    type Output = Result<Response<AnswerBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Seated::Answered(answer) => answer.take().map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer))),
            Seated::Calling(seat) => {
                let mut calling = seat.calling.lock();
                let Some(Calling { answering, .. }) = &mut *calling else { return Poll::Pending };
                let answer = ready!(answering.as_mut().poll(cx));
                *calling = None;
                Poll::Ready(Ok(answer.map(|body| Flowing::of(body, seat))))
            }
        }
    }
}

impl Drop for Seated {
    /// The client is gone: so is its call.
    fn drop(&mut self) {
        if let Seated::Calling(seat) = self {
            let calling = seat.calling.lock().take();
            drop(calling);
        }
    }
}

/// An answer that flows. The client need not say anything until its end.
struct Flowing {
    stream: BodyStream,
    seat: Arc<Seat>,
}

impl Flowing {
    fn of(body: AnswerBody, seat: &Arc<Seat>) -> AnswerBody {
        match body {
            AnswerBody::Whole(_) => body,
            AnswerBody::Stream { stream, length } => {
                seat.flows.store(true, Ordering::Relaxed);
                AnswerBody::Stream { stream: Box::pin(Flowing { stream, seat: seat.clone() }), length }
            }
        }
    }
}

impl futures_util::Stream for Flowing {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().stream.as_mut().poll_next(cx)
    }
}

impl Drop for Flowing {
    fn drop(&mut self) {
        self.seat.flows.store(false, Ordering::Relaxed);
    }
}

/// The connection itself, and bytes that are to be read before its own.
struct Stream {
    stream: TcpStream,
    ahead: Bytes,
    seat: Arc<Seat>,
}

impl Stream {
    /// Ready when the client has closed the connection. If it has sent more, that can no longer be seen.
    async fn gone(&self) {
        poll_fn(|cx| {
            let mut byte = [0];
            match self.stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
                Poll::Ready(Ok(1..)) | Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(()),
            }
        })
        .await;
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        if me.ahead.is_empty() {
            return Pin::new(&mut me.stream).poll_read(cx, buffer);
        }
        let length = me.ahead.len().min(buffer.remaining());
        buffer.put_slice(me.ahead.get(..length).unwrap_or_default());
        me.ahead.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.seat.writes();
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        ready!(Pin::new(&mut me.stream).poll_flush(cx))?;
        me.seat.writes.store(false, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.seat.writes();
        let stream = Pin::new(&mut self.get_mut().stream);
        // A short answer is copied together: for one piece the kernel's way is shorter.
        let mut whole = [0; SHORT];
        let length: usize = bytes.iter().map(|piece| piece.len()).sum();
        let Some(whole) = whole.get_mut(..length) else { return stream.poll_write_vectored(cx, bytes) };
        let mut rest = &mut *whole;
        for piece in bytes {
            let (place, after) = rest.split_at_mut(piece.len());
            place.copy_from_slice(piece);
            rest = after;
        }
        stream.poll_write(cx, whole)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many spells pass until a client is left to which this happens in each of the first hundred.
    async fn spells(happens: impl Fn(&Seat)) -> u64 {
        let (seat, spells) = (Seat::default(), AtomicU64::new(0));
        seat.silence(|| {
            let spell = spells.fetch_add(1, Ordering::Relaxed);
            if spell < 100 {
                happens(&seat)
            } else {
                seat.flows.store(false, Ordering::Relaxed)
            }
            std::future::ready(())
        })
        .await;
        spells.into_inner()
    }

    #[tokio::test]
    async fn a_client_that_sends_no_head_is_left_after_a_spell() {
        assert_eq!(spells(|_| ()).await, 1);
    }

    #[tokio::test]
    async fn a_client_that_is_sent_something_is_not_left() {
        assert_eq!(spells(|seat| seat.flows.store(true, Ordering::Relaxed)).await, 101);
    }

    #[tokio::test]
    async fn a_client_that_was_answered_in_the_last_spell_is_not_left() {
        let answer = |seat: &Seat| {
            seat.writes();
            seat.writes.store(false, Ordering::Relaxed);
        };
        assert_eq!(spells(answer).await, 101);
    }
}
