//! The ports, and how many may talk to them at once.

use crate::{connection, session::Purpose};
use cloudlet_aws::Region;
use cloudlet_cloud::Cloud;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use tokio_rustls::TlsAcceptor;

/// When a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Once the client asks, which it has to before it submits.
    StartTls,
    /// From its first byte.
    Tls,
}

/// A bound port.
pub struct Listener {
    tcp: TcpListener,
    pub purpose: Purpose,
    pub security: Security,
}

impl Listener {
    /// Binds a port: 0 takes any free one.
    pub async fn bind(address: SocketAddr, purpose: Purpose, security: Security) -> io::Result<Listener> {
        Ok(Listener { tcp: TcpListener::bind(address).await?, purpose, security })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// What all sessions share.
pub struct Mail {
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) tls: TlsAcceptor,
    /// Whose passwords are taken, unless the name that a client asks for has another.
    pub(crate) region: Region,
    /// The memory of all messages that are arriving, in pieces.
    pub(crate) memory: Arc<Semaphore>,
}

/// Messages that are arriving take this much memory together.
const MEMORY: usize = 256 << 20;
pub(crate) const PIECE: usize = 64 << 10;
/// Sessions at once, of all ports.
const SESSIONS: usize = 1_000;
/// How long to wait before accepting again when the machine has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Mail {
    pub fn new(cloud: Arc<Cloud>, tls: TlsAcceptor, region: Region) -> Arc<Mail> {
        Arc::new(Mail { cloud, tls, region, memory: Arc::new(Semaphore::new(MEMORY / PIECE)) })
    }
}

/// Serves the ports until the task is dropped.
pub async fn serve(mail: Arc<Mail>, listeners: Vec<Listener>) {
    let sessions = Arc::new(Semaphore::new(SESSIONS));
    let mut ports = JoinSet::new();
    for listener in listeners {
        ports.spawn(accept(mail.clone(), listener, sessions.clone()));
    }
    while ports.join_next().await.is_some() {}
}

async fn accept(mail: Arc<Mail>, listener: Listener, sessions: Arc<Semaphore>) {
    // Those that are under way end with their port.
    let mut under_way = JoinSet::new();
    loop {
        while under_way.try_join_next().is_some() {}
        let (stream, peer) = match listener.tcp.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a mail connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let permit = sessions.clone().try_acquire_owned().ok();
        let (mail, purpose, security) = (mail.clone(), listener.purpose, listener.security);
        under_way.spawn(async move {
            let outcome = match permit {
                Some(_) => connection::run(&mail, stream, peer, purpose, security).await,
                None => connection::refuse(stream).await,
            };
            if let Err(error) = outcome {
                tracing::debug!(%error, %peer, "a mail connection ended");
            }
            drop(permit);
        });
    }
}
