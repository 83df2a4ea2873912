//! Connections: accept, HTTP/1.1 or HTTP/2, plain or TLS, and an orderly end.

use crate::{Gateway, answer::AnswerBody};
use hyper::{Request, Response, body::Incoming, service::Service};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use std::{convert::Infallible, future::Future, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
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
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(gateway.limits().connections));
    let doors = listeners.into_iter().map(|listener| accept(gateway.clone(), listener, room.clone(), &graceful));
    tokio::select! {
        _ = futures_util::future::join_all(doors) => {}
        () = stop => {}
    }
    if tokio::time::timeout(gateway.limits().shutdown_time, graceful.shutdown()).await.is_err() {
        tracing::warn!("calls under way were cut off after {} s", gateway.limits().shutdown_time.as_secs());
    }
}

async fn accept(gateway: Arc<Gateway>, listener: Listener, room: Arc<Semaphore>, graceful: &GracefulShutdown) {
    let mut http = auto::Builder::new(TokioExecutor::new());
    let limits = gateway.limits();
    http.http1().timer(TokioTimer::new()).header_read_timeout(limits.head_time).max_buf_size(limits.buffer).half_close(false);
    http.http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.headers).unwrap_or(u32::MAX))
        .max_concurrent_streams(256)
        .keep_alive_interval(Some(Duration::from_secs(60)))
        .keep_alive_timeout(Duration::from_secs(20));
    let http = Arc::new(http);
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
        let (http, gateway, watcher, tls) = (http.clone(), gateway.clone(), graceful.watcher(), listener.tls.clone());
        tokio::spawn(async move {
            let _permit = permit;
            match tls {
                Some(tls) if speaks_tls(&stream, gateway.limits().head_time).await => {
                    let patience = gateway.limits().head_time;
                    if let Ok(Ok(stream)) = tokio::time::timeout(patience, tls.accept(stream)).await {
                        // On the heap, so that a plain connection need not be as large as one of TLS.
                        Box::pin(drive(&http, stream, Visitor { gateway, peer, secure: true }, watcher)).await;
                    }
                }
                _ => drive(&http, stream, Visitor { gateway, peer, secure: false }, watcher).await,
            }
        });
    }
}

/// Plain HTTP and TLS share a port: a TLS client's first byte is that of a handshake record.
async fn speaks_tls(stream: &TcpStream, patience: Duration) -> bool {
    const HANDSHAKE: u8 = 22;
    let mut first = [0];
    matches!(tokio::time::timeout(patience, stream.peek(&mut first)).await, Ok(Ok(1))) && first == [HANDSHAKE]
}

/// Out of file descriptors, or a client that went away before it was greeted.
#[expect(clippy::disallowed_methods, reason = "waiting for the machine, not for the clock of the house")]
async fn refused(error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        tracing::warn!(%error, "cannot accept a connection");
        tokio::time::sleep(BREATH).await;
    }
}

async fn drive<S>(http: &auto::Builder<TokioExecutor>, stream: S, visitor: Visitor, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http.serve_connection(TokioIo::new(stream), visitor).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended");
    }
}

/// One connection's view of the gateway.
struct Visitor {
    gateway: Arc<Gateway>,
    peer: SocketAddr,
    secure: bool,
}

impl Service<Request<Incoming>> for Visitor {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (gateway, peer, secure) = (self.gateway.clone(), self.peer, self.secure);
        Box::pin(async move { Ok(gateway.answer(request, peer, secure).await) })
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
