//! What happens on a connection, so that a silent client can be left. hyper has a timer of its own for the heads of requests; it is set anew
//! for every request, which costs a short call 2 % of its rate, and it does not know HTTP/2.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

#[derive(Default)]
pub struct Activity {
    /// How many requests began and how many pieces were written.
    events: AtomicU64,
    calls: AtomicUsize,
}

/// A call under way.
pub struct CallUnderWay(Arc<Activity>);

impl Activity {
    pub fn begin_call(self: &Arc<Activity>) -> CallUnderWay {
        self.event();
        self.calls.fetch_add(1, Ordering::Relaxed);
        CallUnderWay(self.clone())
    }

    fn event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// Ready when for a whole `patience` the client has begun no request and taken nothing of an answer, and no call is under way.
    pub async fn silence(&self, patience: Duration) {
        self.silence_between(|| sleep(patience)).await
    }

    async fn silence_between<S: Future<Output = ()>>(&self, pause: impl Fn() -> S) {
        let mut known = None;
        loop {
            let events = self.events.load(Ordering::Relaxed);
            if self.calls.load(Ordering::Relaxed) == 0 && known == Some(events) {
                return;
            }
            known = Some(events);
            pause().await;
        }
    }
}

impl Drop for CallUnderWay {
    fn drop(&mut self) {
        self.0.event();
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "waiting for a client or for the machine, not for the clock of the services")]
pub fn sleep(time: Duration) -> Sleep {
    tokio::time::sleep(time)
}

/// The bytes of a short answer, its head included.
const SHORT: usize = 2_048;

/// The stream of a connection, which counts what is written.
pub struct Stream<S> {
    inner: S,
    activity: Arc<Activity>,
}

impl<S> Stream<S> {
    pub fn new(inner: S, activity: Arc<Activity>) -> Stream<S> {
        Stream { inner, activity }
    }

    fn written(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(1..)) = outcome {
            self.activity.event();
        }
        outcome
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.written(outcome)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }

    /// A short answer is copied together: the kernel takes one piece faster than two. Measured: 2 % of the rate of short calls.
    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, pieces: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut whole = [0; SHORT];
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        let Some(whole) = whole.get_mut(..length) else {
            let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, pieces);
            return self.written(outcome);
        };
        let mut rest = &mut *whole;
        for piece in pieces {
            let (place, after) = rest.split_at_mut(piece.len());
            place.copy_from_slice(piece);
            rest = after;
        }
        self.poll_write(cx, whole)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pauses pass until a client is left, if this happens in each of them.
    async fn pauses(happens: impl Fn(u64, &Arc<Activity>)) -> u64 {
        let (activity, pauses) = (Arc::<Activity>::default(), AtomicU64::new(0));
        let pause = || {
            happens(pauses.fetch_add(1, Ordering::Relaxed), &activity);
            std::future::ready(())
        };
        activity.silence_between(pause).await;
        pauses.into_inner()
    }

    #[tokio::test]
    async fn a_client_that_sends_no_request_is_left_after_one_pause() {
        assert_eq!(pauses(|_, _| ()).await, 1);
    }

    #[tokio::test]
    async fn a_client_that_takes_its_answer_is_not_left() {
        let writes = |pause, activity: &Arc<Activity>| {
            if pause < 100 {
                activity.event();
            }
        };
        assert_eq!(pauses(writes).await, 101);
    }

    #[tokio::test]
    async fn a_client_whose_call_is_under_way_is_not_left() {
        let call = parking_lot::Mutex::new(None);
        let calls = |pause, activity: &Arc<Activity>| match pause {
            0 => *call.lock() = Some(activity.begin_call()),
            100 => *call.lock() = None,
            _ => {}
        };
        // The end of the call is an event.
        assert_eq!(pauses(calls).await, 102);
    }
}
