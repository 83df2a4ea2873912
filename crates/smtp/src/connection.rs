//! One connection: bytes to the session, its steps to the services, their answers back.

use crate::{
    inbound::Inbound,
    session::{Bounds, Encryption, Purpose, Session, Step},
    shared::{Mail, PIECE, Peer, Security},
    submission::Submission,
};
use cloudlet_engine::TlsSession;
use std::{future::Future, io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::server::TlsStream;

/// A client that says nothing for this long is left.
const IDLE: Duration = Duration::from_secs(60);
/// A message may take this long to arrive.
const DATA: Duration = Duration::from_secs(600);
/// A handshake may take this long.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// What a client still sends after its connection has ended is read for this long, and so many bytes of it.
const LINGER: Duration = Duration::from_secs(2);
const DRAINED: usize = 1 << 20;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(b"421 Too many concurrent SMTP connections\r\n").await
}

/// TLS from here on.
async fn encrypt(mail: &Mail, stream: TcpStream, peer: &mut Peer) -> io::Result<TlsStream<TcpStream>> {
    let stream = timeout(HANDSHAKE, mail.tls.accept(stream)).await??;
    let (_, connection) = stream.get_ref();
    peer.server_name = connection.server_name().map(str::to_owned);
    let version = match connection.protocol_version() {
        Some(tokio_rustls::rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLSv1.3",
    };
    let cipher_suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or("");
    peer.tls = Some(TlsSession { version, cipher_suite });
    Ok(stream)
}

pub async fn run(mail: &Mail, stream: TcpStream, address: SocketAddr, purpose: Purpose, security: Security) -> io::Result<()> {
    let mut peer = Peer { address, tls: None, server_name: None };
    let host = match purpose {
        // AWS: without the region.
        Purpose::Submission => "email-smtp.amazonaws.com".to_owned(),
        Purpose::Inbound => format!("inbound-smtp.{}.amazonaws.com", mail.region.as_str()),
    };
    let id = mail.cloud.runtime.ids.alphanumeric(20);
    let begun = |encryption| Session::new(purpose, encryption, &host, &id, Bounds::default());
    if security == Security::Tls {
        let mut stream = encrypt(mail, stream, &mut peer).await?;
        let (mut session, greeting) = begun(Encryption::Tls);
        write(&mut stream, &greeting).await?;
        talk(mail, &mut stream, &mut session, &peer, purpose).await?;
        return finish(stream).await;
    }
    let mut stream = stream;
    let (mut session, greeting) = begun(Encryption::None);
    write(&mut stream, &greeting).await?;
    if talk(mail, &mut stream, &mut session, &peer, purpose).await? == Talk::StartsTls {
        let mut stream = encrypt(mail, stream, &mut peer).await?;
        session.encrypted();
        talk(mail, &mut stream, &mut session, &peer, purpose).await?;
        return finish(stream).await;
    }
    finish(stream).await
}

/// Ends a connection so that the client reads the last reply: what it is still sending is read, for a while.
async fn finish(mut stream: impl Stream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut buffer = vec![0; 16 << 10];
    let drain = async {
        let mut left = DRAINED;
        while left > 0 {
            match stream.read(&mut buffer).await {
                Ok(read) if read > 0 => left = left.saturating_sub(read),
                _ => break,
            }
        }
    };
    let _ = timeout(LINGER, drain).await;
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Talk {
    Ended,
    StartsTls,
}

async fn write(stream: &mut impl Stream, reply: &str) -> io::Result<()> {
    let written = async {
        stream.write_all(reply.as_bytes()).await?;
        stream.write_all(b"\r\n").await?;
        stream.flush().await
    };
    timeout(IDLE, written).await?
}

async fn talk(mail: &Mail, stream: &mut impl Stream, session: &mut Session, peer: &Peer, purpose: Purpose) -> io::Result<Talk> {
    let mut submission = Submission::new(mail, peer);
    let inbound = Inbound { mail, peer };
    let mut buffer = vec![0; 16 << 10];
    // Memory of the message that is arriving, and until when it may.
    let mut memory = None;
    let mut deadline: Option<Instant> = None;
    loop {
        while let Some(step) = session.step() {
            let reply = match step {
                Step::Reply(reply) => reply,
                Step::Close(reply) => {
                    write(stream, &reply).await?;
                    return Ok(Talk::Ended);
                }
                Step::StartTls(reply) => {
                    write(stream, &reply).await?;
                    return Ok(Talk::StartsTls);
                }
                Step::Authenticate { user, password } => session.authenticated(submission.authenticate(&user, &password)),
                Step::Recipient { from, to } => session.recipient(inbound.recipient(from, to).await),
                Step::Message(message) => {
                    let reply = match purpose {
                        Purpose::Submission => boxed(submission.send(*message)).await,
                        Purpose::Inbound => boxed(inbound.receive(*message)).await,
                    };
                    memory = None;
                    session.message_done();
                    reply
                }
            };
            write(stream, &reply).await?;
        }
        if !session.is_in_data() {
            memory = None;
            deadline = None;
        }
        let until = if session.is_in_data() { *deadline.get_or_insert_with(|| Instant::now() + DATA) } else { Instant::now() + IDLE };
        let until = until.min(Instant::now() + IDLE);
        let read = match timeout_at(until, stream.read(&mut buffer)).await {
            Ok(read) => read?,
            Err(_) => {
                write(stream, "451 4.4.2 Timeout waiting for data from client.").await?;
                return Ok(Talk::Ended);
            }
        };
        if read == 0 {
            return Ok(Talk::Ended);
        }
        session.push(buffer.get(..read).unwrap_or_default());
        if session.is_in_data() {
            let wanted = u32::try_from(session.held() / PIECE).unwrap_or(u32::MAX);
            let has = memory.as_ref().map_or(0, tokio::sync::OwnedSemaphorePermit::num_permits);
            let more = wanted.saturating_sub(u32::try_from(has).unwrap_or(u32::MAX));
            if more > 0 {
                match (mail.memory.clone().try_acquire_many_owned(more), &mut memory) {
                    (Ok(permit), Some(held)) => tokio::sync::OwnedSemaphorePermit::merge(held, permit),
                    (Ok(permit), none) => *none = Some(permit),
                    (Err(_), _) => session.give_up(),
                }
            }
        }
    }
}

/// A message's call is large, and rare among the steps.
fn boxed<'f, T>(future: impl Future<Output = T> + Send + 'f) -> std::pin::Pin<Box<dyn Future<Output = T> + Send + 'f>> {
    Box::pin(future)
}
