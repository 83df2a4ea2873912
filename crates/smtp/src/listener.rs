//! The ports, and how many may talk to them at once.

use crate::{
    connection,
    session::Purpose,
    shared::{Mail, Security},
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

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

/// Sessions at once, of all ports.
const SESSIONS: usize = 1_000;
/// How long to wait before accepting again when the machine has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the ports until the task is dropped.
pub async fn serve(mail: Arc<Mail>, listeners: Vec<Listener>) {
    let sessions = Arc::new(Semaphore::new(SESSIONS));
    let mut ports = JoinSet::new();
    for listener in listeners {
        ports.spawn(accept(mail.clone(), listener, sessions.clone()));
    }
    while ports.join_next().await.is_some() {}
}

#[expect(clippy::disallowed_methods, reason = "waiting for the machine, not for the clock of the services")]
fn pause() -> tokio::time::Sleep {
    tokio::time::sleep(ACCEPT_PAUSE)
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
                pause().await;
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
