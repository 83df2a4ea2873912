//! Connections: accept, HTTP/1.1 or HTTP/2, plain or TLS, and an orderly end.

mod activity;
mod addresses;

use crate::{
    Limits,
    answer::AnswerBody,
    gateway::{Parts, Peer, Transport},
    router::Server,
    sockets::{self, Upgrades},
};
use activity::{Activity, Stream, sleep};
use addresses::Addresses;
use axum::response::Response;
use cloudlet_engine::TlsSession;
use hyper::{Request, body::Incoming, service::Service};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use std::{
    convert::Infallible,
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
use tokio_rustls::{TlsAcceptor, rustls};

/// A bound port, plain or TLS.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Binds a port: 0 takes any free one.
    pub async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> io::Result<Listener> {
        Ok(Listener { tcp: TcpListener::bind(address).await?, tls })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// How long to wait before accepting again when the machine has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What all connections share.
struct Connections {
    server: Arc<Server>,
    http: auto::Builder<TokioExecutor>,
    permits: Arc<Semaphore>,
    addresses: Addresses,
    /// Changes when the server stops.
    stop: watch::Receiver<()>,
}

/// Serves until `stop` is ready, then lets calls under way end within the limit.
pub async fn serve(parts: Parts, listeners: Vec<Listener>, stop: impl Future<Output = ()>) {
    let (most, shutdown_time) = (parts.limits.connections, parts.limits.shutdown_time);
    let (running, stopped) = watch::channel(());
    let http = http(&parts.limits);
    let addresses = Addresses::new(parts.limits.connections_of_address);
    let permits = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS)));
    let connections = Arc::new(Connections { server: Arc::new(Server::new(parts)), http, permits: permits.clone(), addresses, stop: stopped });
    let accepting = listeners.into_iter().map(|listener| connections.clone().accept(listener));
    tokio::select! {
        _ = futures_util::future::join_all(accepting) => {}
        () = stop => {}
    }
    // Idle connections end now, the others when they are answered.
    drop(running);
    if tokio::time::timeout(shutdown_time, permits.acquire_many(most)).await.is_err() {
        tracing::warn!("calls under way were cut off after {} s", shutdown_time.as_secs());
    }
}

fn http(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().header_read_timeout(None).max_buf_size(limits.buffer).half_close(false);
    http.http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.headers).unwrap_or(u32::MAX))
        .max_concurrent_streams(256)
        .keep_alive_interval(Some(Duration::from_secs(60)))
        .keep_alive_timeout(Duration::from_secs(20));
    http
}

impl Connections {
    async fn accept(self: Arc<Self>, listener: Listener) {
        loop {
            let Ok(permit) = self.permits.clone().acquire_owned().await else { return };
            let (stream, address) = match listener.tcp.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    cannot_accept(&error).await;
                    continue;
                }
            };
            let Some(of_address) = self.addresses.begin(address.ip()) else {
                tracing::debug!(%address, "connection refused: the address has as many as it may have");
                continue;
            };
            let _ = stream.set_nodelay(true);
            let (connections, tls) = (self.clone(), listener.tls.clone());
            tokio::spawn(async move {
                connections.open(stream, address, tls).await;
                drop((permit, of_address));
            });
        }
    }

    /// All protocols share one port: the first byte tells TLS from HTTP.
    async fn open(&self, stream: TcpStream, address: SocketAddr, tls: Option<TlsAcceptor>) {
        let Some(tls) = tls else { return self.serve(stream, Peer { address, transport: Transport::Plain }).await };
        let patience = self.server.gateway.limits.head_time;
        let mut stop = self.stop.clone();
        let first = tokio::select! {
            first = tokio::time::timeout(patience, first_byte(&stream)) => first,
            _ = stop.changed() => return,
        };
        const HANDSHAKE: u8 = 22;
        match first {
            Ok(Ok(HANDSHAKE)) => {
                if let Ok(Ok(stream)) = tokio::time::timeout(patience, tls.accept(stream)).await {
                    let transport = Transport::Tls(session(stream.get_ref().1));
                    Box::pin(self.serve(stream, Peer { address, transport })).await;
                }
            }
            Ok(Ok(_)) => self.serve(stream, Peer { address, transport: Transport::Plain }).await,
            // Gone, or silent for too long.
            Ok(Err(_)) | Err(_) => {}
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S, peer: Peer) {
        let activity = Arc::<Activity>::default();
        let upgraded = Arc::<Upgrades>::default();
        let requests = Requests { server: self.server.clone(), peer, activity: activity.clone(), upgraded: upgraded.clone() };
        let stream = TokioIo::new(Stream::new(stream, activity.clone()));
        let mut connection = pin!(self.http.serve_connection_with_upgrades(stream, requests));
        let mut silence = pin!(activity.silence(self.server.gateway.limits.head_time));
        let mut stop = self.stop.clone();
        let mut stopping = false;
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = connection.as_mut() => break outcome,
                _ = stop.changed(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = silence.as_mut() => return tracing::debug!("connection ended: the client is silent"),
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "connection ended");
        }
        // What it became counts as the connection it was. A server that stops does not wait for it.
        if let Some(socket) = upgraded.take() {
            tokio::select! {
                () = socket => {}
                _ = stop.changed(), if !stopping => {}
            }
        }
    }
}

/// The version and the cipher suite under the names that AWS's logs have.
fn session(connection: &rustls::ServerConnection) -> TlsSession {
    use rustls::CipherSuite as Suite;
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLSv1.3",
    };
    let cipher_suite = match connection.negotiated_cipher_suite().map(|suite| suite.suite()) {
        Some(Suite::TLS13_AES_128_GCM_SHA256) => "TLS_AES_128_GCM_SHA256",
        Some(Suite::TLS13_AES_256_GCM_SHA384) => "TLS_AES_256_GCM_SHA384",
        Some(Suite::TLS13_CHACHA20_POLY1305_SHA256) => "TLS_CHACHA20_POLY1305_SHA256",
        Some(Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) => "ECDHE-ECDSA-AES128-GCM-SHA256",
        Some(Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384) => "ECDHE-ECDSA-AES256-GCM-SHA384",
        Some(Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256) => "ECDHE-ECDSA-CHACHA20-POLY1305",
        Some(Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) => "ECDHE-RSA-AES128-GCM-SHA256",
        Some(Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) => "ECDHE-RSA-AES256-GCM-SHA384",
        Some(Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256) => "ECDHE-RSA-CHACHA20-POLY1305",
        _ => "-",
    };
    TlsSession { version, cipher_suite }
}

async fn first_byte(stream: &TcpStream) -> io::Result<u8> {
    let mut byte = [0];
    match stream.peek(&mut byte).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(byte[0]),
    }
}

/// Out of file descriptors, or a client that went away before it was accepted.
async fn cannot_accept(error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        tracing::warn!(%error, "cannot accept a connection");
        sleep(ACCEPT_PAUSE).await;
    }
}

/// The requests of one connection.
struct Requests {
    server: Arc<Server>,
    peer: Peer,
    activity: Arc<Activity>,
    upgraded: Arc<Upgrades>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<AnswerBody>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (server, peer, call) = (self.server.clone(), self.peer, self.activity.begin_call());
        if sockets::is_upgrade(&request) {
            let outcome = server.sockets.open(&server.gateway, request, &self.upgraded);
            match outcome {
                Ok(response) => return Box::pin(async move { Ok(response) }),
                Err(request) => return Box::pin(async move { Ok(server.answer(*request, peer).await) }),
            }
        }
        Box::pin(async move {
            let answer = server.answer(request, peer).await;
            drop(call);
            Ok(answer)
        })
    }
}
