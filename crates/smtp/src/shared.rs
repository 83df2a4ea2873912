//! What all sessions share, and who is at the other end of one.

use cloudlet_aws::Region;
use cloudlet_cloud::Cloud;
use cloudlet_engine::TlsSession;
use std::{net::SocketAddr, sync::Arc};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// When a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Once the client asks, which it has to before it submits.
    StartTls,
    /// From its first byte.
    Tls,
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    pub tls: Option<TlsSession>,
    /// The name that the client asked for in its handshake.
    pub server_name: Option<String>,
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

impl Mail {
    pub fn new(cloud: Arc<Cloud>, tls: TlsAcceptor, region: Region) -> Arc<Mail> {
        Arc::new(Mail { cloud, tls, region, memory: Arc::new(Semaphore::new(MEMORY / PIECE)) })
    }
}
