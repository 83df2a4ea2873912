//! Connections: accept, HTTP/1.1 or HTTP/2, plain or TLS, and an orderly end.

mod http1;

use crate::{Gateway, Limits, answer::AnswerBody, body::End};
use hyper::{Request, Response, body::Incoming, server::conn::http1 as hyper1, service::Service};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use std::{
    convert::Infallible,
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_rustls::TlsAcceptor;

/// A bound port, plain or TLS.
pub struct Listener {
    pub tcp: TcpListener,
    pub tls: Option<TlsAcceptor>,
}

/// How long to wait before accepting again when the machine has no file descriptors left.
const BREATH: Duration = Duration::from_millis(50);

/// Serves until `stop` is ready, then lets calls under way end within the limit.
pub async fn serve(gateway: Arc<Gateway>, listeners: Vec<Listener>, stop: impl Future<Output = ()>) {
    let connections = gateway.limits().connections;
    let room = Arc::new(Semaphore::new(usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS)));
    let (open, end) = watch::channel(());
    let doors = listeners.into_iter().map(|listener| accept(gateway.clone(), listener, room.clone(), end.clone()));
    tokio::select! {
        _ = futures_util::future::join_all(doors) => {}
        () = stop => {}
    }
    // Who has said nothing yet is not waited for. The others leave room when they are answered.
    drop(open);
    if tokio::time::timeout(gateway.limits().shutdown_time, room.acquire_many(connections)).await.is_err() {
        tracing::warn!("calls under way were cut off after {} s", gateway.limits().shutdown_time.as_secs());
    }
}

/// Both protocols, and HTTP/1.1 alone, which needs less memory: what `auto` has read to tell them apart, it keeps before each read.
struct Speech {
    http1: hyper1::Builder,
    either: auto::Builder<TokioExecutor>,
}

impl Speech {
    fn new(limits: &Limits) -> Speech {
        let mut http1 = hyper1::Builder::new();
        // Who is silent for too long is noticed by `http1` itself: hyper sets a clock anew for every request.
        http1.header_read_timeout(None).max_buf_size(limits.buffer).half_close(false);
        let mut either = auto::Builder::new(TokioExecutor::new());
        either.http1().timer(TokioTimer::new()).header_read_timeout(limits.head_time).max_buf_size(limits.buffer).half_close(false);
        either
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.headers).unwrap_or(u32::MAX))
            .max_concurrent_streams(256)
            .keep_alive_interval(Some(Duration::from_secs(60)))
            .keep_alive_timeout(Duration::from_secs(20));
        Speech { http1, either }
    }

    async fn either<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S, visitor: Visitor, mut end: watch::Receiver<()>) {
        let mut connection = pin!(self.either.serve_connection(TokioIo::new(stream), visitor).into_owned());
        tokio::select! {
            outcome = connection.as_mut() => return ended(outcome),
            _ = end.changed() => connection.as_mut().graceful_shutdown(),
        }
        ended(connection.await);
    }
}

fn ended(outcome: Result<(), impl fmt::Display>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "connection ended");
    }
}

async fn accept(gateway: Arc<Gateway>, listener: Listener, room: Arc<Semaphore>, end: watch::Receiver<()>) {
    let speech = Arc::new(Speech::new(gateway.limits()));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let (stream, peer) = match listener.tcp.accept().await {
            Ok(connection) => connection,
            Err(error) => {
                refused(&error).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let (speech, gateway, tls, mut end) = (speech.clone(), gateway.clone(), listener.tls.clone(), end.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let patience = gateway.limits().head_time;
            let opening = tokio::select! {
                opening = opening(&stream, patience) => opening,
                _ = end.changed() => Opening::Silence,
            };
            let visitor = |secure| Visitor { gateway, peer, secure };
            match (opening, tls) {
                (Opening::Silence, _) => {}
                // On the heap, so that a connection of plain HTTP/1.1 need not be as large as the others.
                (Opening::Tls, Some(tls)) => {
                    Box::pin(async move {
                        if let Ok(Ok(stream)) = tokio::time::timeout(patience, tls.accept(stream)).await {
                            speech.either(stream, visitor(true), end).await;
                        }
                    })
                    .await;
                }
                (Opening::Http2, _) => Box::pin(speech.either(stream, visitor(false), end)).await,
                (Opening::Tls | Opening::Http1, _) => http1::serve(&speech.http1, stream, visitor(false), end).await,
            }
        });
    }
}

/// What a client's first bytes say that it speaks. All of it shares one port.
enum Opening {
    Tls,
    Http1,
    /// Or bytes that may become its preface.
    Http2,
    /// It has said nothing for too long, or until the end, or is gone.
    Silence,
}

async fn opening(stream: &TcpStream, patience: Duration) -> Opening {
    const HANDSHAKE: u8 = 22;
    const PREFACE: &[u8] = b"PRI ";
    let mut bytes = [0; PREFACE.len()];
    let Ok(Ok(length)) = tokio::time::timeout(patience, stream.peek(&mut bytes)).await else { return Opening::Silence };
    match bytes.get(..length) {
        None | Some([]) => Opening::Silence,
        Some([HANDSHAKE, ..]) => Opening::Tls,
        Some(first) if PREFACE.starts_with(first) => Opening::Http2,
        Some(_) => Opening::Http1,
    }
}

/// Out of file descriptors, or a client that went away before it was greeted.
#[expect(clippy::disallowed_methods, reason = "waiting for the machine, not for the clock of the house")]
async fn refused(error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        tracing::warn!(%error, "cannot accept a connection");
        tokio::time::sleep(BREATH).await;
    }
}

/// One connection's view of the gateway.
struct Visitor {
    gateway: Arc<Gateway>,
    peer: SocketAddr,
    secure: bool,
}

impl Visitor {
    fn answer(&self, request: Request<Incoming>, body: Arc<End>) -> Pin<Box<dyn Future<Output = Response<AnswerBody>> + Send>> {
        Box::pin(self.gateway.clone().answer(request, self.peer, self.secure, body))
    }
}

impl Service<Request<Incoming>> for Visitor {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let answer = self.answer(request, Arc::default());
        Box::pin(async move { Ok(answer.await) })
    }
}

/// Binds a port: 0 takes any free one.
impl Listener {
    pub async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> io::Result<Listener> {
        Ok(Listener { tcp: TcpListener::bind(address).await?, tls })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}
