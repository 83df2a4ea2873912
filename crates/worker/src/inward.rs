//! Connections from the server to ports of a worker. Its first process makes them, since it is in the worker's network, and hands them over;
//! the socket that tells it whether the server lives is where it is asked. A question is a port and a number, an answer that number, with the
//! connection beside it if there is one. Where a port would be zero, the number is a signal for the worker's program, and nothing is answered.

use bytes::Bytes;
use cloudlet_engine::{ProgramSignal, WorkerPost};
use http_body_util::Full;
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustix::{
    io::Errno,
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags},
    process::{Pid, Signal, kill_process},
};
use std::{
    io::{self, IoSlice, IoSliceMut, Read},
    mem::MaybeUninit,
    net::{Ipv4Addr, TcpStream},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};
use tokio::{
    io::{AsyncWriteExt, Interest},
    sync::Mutex,
};

const QUESTION: usize = 6;
const ANSWER: usize = 4;
/// In the place of a port: the number is a signal.
const SIGNAL: u16 = 0;
/// A port in the same network answers at once, or nobody takes connections.
const CONNECT: Duration = Duration::from_secs(1);

/// The server's end.
pub struct Inward(Mutex<Asked>);

struct Asked {
    socket: tokio::net::UnixStream,
    number: u32,
}

impl Inward {
    /// While it is there, the worker may live.
    pub fn new(socket: UnixStream) -> io::Result<Inward> {
        socket.set_nonblocking(true)?;
        Ok(Inward(Mutex::new(Asked { socket: tokio::net::UnixStream::from_std(socket)?, number: 0 })))
    }

    pub async fn connect(&self, port: u16) -> io::Result<tokio::net::TcpStream> {
        let mut asked = self.0.lock().await;
        asked.number = asked.number.wrapping_add(1);
        let number = asked.number.to_be_bytes();
        let mut question = port.to_be_bytes().to_vec();
        question.extend(number);
        asked.socket.write_all(&question).await?;
        loop {
            let socket = &asked.socket;
            let (answered, connection) = socket.async_io(Interest::READABLE, || receive(socket).map_err(io::Error::from)).await?;
            // An earlier one may be that of somebody who has stopped waiting.
            if answered == number {
                let connection = TcpStream::from(connection.ok_or(io::ErrorKind::ConnectionRefused)?);
                connection.set_nonblocking(true)?;
                return tokio::net::TcpStream::from_std(connection);
            }
        }
    }

    pub async fn signal(&self, signal: ProgramSignal) -> io::Result<()> {
        let mut question = SIGNAL.to_be_bytes().to_vec();
        question.extend(number_of(signal).as_raw().to_be_bytes());
        self.0.lock().await.socket.write_all(&question).await
    }

    pub async fn post(&self, post: WorkerPost) -> Result<u16, String> {
        let connection = self.connect(post.port).await.map_err(|error| error.to_string())?;
        let request = Request::post(&post.path)
            .header(header::HOST, format!("sandbox.localdomain:{}", post.port))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::<Bytes>::new(post.body))
            .map_err(|error| error.to_string())?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(connection)).await.map_err(|error| error.to_string())?;
        let answered = sender.send_request(request);
        // The connection is driven here, and is gone with the answer.
        tokio::select! {
            answer = answered => answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string()),
            _ = connection => Err("the connection was closed".to_owned()),
        }
    }
}

fn number_of(signal: ProgramSignal) -> Signal {
    match signal {
        ProgramSignal::Terminate => Signal::TERM,
        ProgramSignal::EndCode => Signal::USR1,
    }
}

fn receive(socket: impl AsFd) -> Result<([u8; ANSWER], Option<OwnedFd>), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut number = [0; ANSWER];
    let received = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut number)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes != ANSWER {
        return Err(Errno::PIPE);
    }
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut some) => some.next(),
        _ => None,
    });
    Ok((number, descriptor))
}

/// The worker's end: answers one question that has arrived on standard input. False: the server is gone.
pub fn answer(program: Option<Pid>) -> bool {
    let mut question = [0; QUESTION];
    if std::io::stdin().lock().read_exact(&mut question).is_err() {
        return false;
    }
    let [high, low, number @ ..] = question;
    let port = u16::from_be_bytes([high, low]);
    if port == SIGNAL {
        let known = [ProgramSignal::Terminate, ProgramSignal::EndCode].map(number_of);
        let signal = known.into_iter().find(|signal| signal.as_raw() == i32::from_be_bytes(number));
        if let (Some(program), Some(signal)) = (program, signal) {
            let _ = kill_process(program, signal);
        }
        return true;
    }
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let connection = TcpStream::connect_timeout(&address, CONNECT).ok();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<_> = connection.iter().map(AsFd::as_fd).collect();
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    rustix::net::sendmsg(rustix::stdio::stdin(), &[IoSlice::new(&number)], &mut control, SendFlags::NOSIGNAL).is_ok()
}
