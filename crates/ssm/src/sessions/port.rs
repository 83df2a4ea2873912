//! Forwarded ports: one connection after the other, or several at once in smux.

use super::{
    backend::{Backend, Ending, Input, Output},
    live::LiveSession,
};
use bytes::{BufMut, Bytes, BytesMut};
use cloudlet_engine::{ByteStream, Node, NodeAddress};
use cloudlet_session_channel::{Demux, MuxEvent, PayloadKind, finish, flag, payload, push_buffer, pushed};
use std::{collections::HashMap, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
    task::JoinSet,
};

/// Connections of a session at the same time.
const STREAMS: usize = 256;
/// Pieces for a connection that have not been written yet.
const QUEUE: usize = 64;
/// Bytes of a connection that are sent at once. Clients take payloads of any length.
const PIECE: usize = 16 << 10;

type Connection = Box<dyn ByteStream>;

/// One connection at a time, which is there from the beginning.
pub async fn start_single(live: &Arc<LiveSession>, to: NodeAddress, again: bool) -> Result<Backend, String> {
    let node = live.node()?.clone();
    let connection = node.connect(to.clone()).await.map_err(|why| format!("Unable to connect to specified port: {why}"))?;
    let (mut backend, inputs, outputs) = Backend::new();
    backend.tasks.spawn(single(node, to, again, connection, inputs, outputs));
    Ok(backend)
}

async fn single(
    node: Arc<dyn Node>,
    to: NodeAddress,
    again: bool,
    connection: Connection,
    mut inputs: mpsc::Receiver<Input>,
    outputs: mpsc::Sender<Output>,
) {
    let mut open = Some(tokio::io::split(connection));
    let ended = |ending| Output::Ended(ending);
    loop {
        let mut buffer = BytesMut::with_capacity(PIECE);
        let next = async {
            match &mut open {
                Some((read, _)) => read.read_buf(&mut buffer).await.unwrap_or(0),
                None => std::future::pending().await,
            }
        };
        let input = tokio::select! {
            read = next => {
                if read > 0 {
                    if outputs.send(Output::Data(PayloadKind::Output, buffer.freeze())).await.is_err() {
                        return;
                    }
                } else if again {
                    // The next data opens it again.
                    open = None;
                } else {
                    let _ = outputs.send(ended(Ending::default())).await;
                    return;
                }
                continue;
            }
            input = inputs.recv() => input,
        };
        match input {
            Some(Input::Data(bytes)) => {
                if open.is_none() {
                    match node.connect(to.clone()).await {
                        Ok(connection) => open = Some(tokio::io::split(connection)),
                        Err(why) => {
                            let _ = outputs.send(ended(Ending::failed(format!("Unable to connect to specified port: {why}")))).await;
                            return;
                        }
                    }
                }
                if let Some((_, write)) = &mut open
                    && write.write_all(&bytes).await.is_err()
                {
                    open = None;
                }
            }
            Some(Input::Flag(flag::DISCONNECT_TO_PORT)) => open = None,
            Some(Input::Flag(flag::TERMINATE_SESSION)) => {
                let _ = outputs.send(ended(Ending::default())).await;
                return;
            }
            Some(Input::Flag(_) | Input::Size(_)) => {}
            None => return,
        }
    }
}

/// Several connections, which the client opens.
pub fn start_several(live: &Arc<LiveSession>, to: NodeAddress) -> Result<Backend, String> {
    let (mut backend, inputs, outputs) = Backend::new();
    backend.tasks.spawn(several(live.node()?.clone(), to, inputs, outputs));
    Ok(backend)
}

async fn several(node: Arc<dyn Node>, to: NodeAddress, mut inputs: mpsc::Receiver<Input>, outputs: mpsc::Sender<Output>) {
    let (mut demux, mut events) = (Demux::default(), Vec::new());
    let mut streams: HashMap<u32, mpsc::Sender<Bytes>> = HashMap::new();
    let mut tasks = JoinSet::new();
    while let Some(input) = inputs.recv().await {
        match input {
            Input::Data(bytes) => {
                if demux.take(&bytes, &mut events).is_err() {
                    let _ = outputs.send(Output::Ended(Ending::failed("The stream of connections cannot be read."))).await;
                    return;
                }
            }
            Input::Flag(flag::TERMINATE_SESSION) => {
                let _ = outputs.send(Output::Ended(Ending::default())).await;
                return;
            }
            Input::Flag(_) | Input::Size(_) => {}
        }
        while tasks.try_join_next().is_some() {}
        for event in events.drain(..) {
            match event {
                MuxEvent::Opened(stream) => {
                    streams.retain(|_, queue| !queue.is_closed());
                    if streams.len() < STREAMS {
                        let (queue, queued) = mpsc::channel(QUEUE);
                        streams.insert(stream, queue);
                        tasks.spawn(connection(node.clone(), to.clone(), stream, queued, outputs.clone()));
                    } else if outputs.send(Output::Data(PayloadKind::Output, of_finish(stream))).await.is_err() {
                        return;
                    }
                }
                MuxEvent::Data(stream, data) => {
                    if let Some(queue) = streams.get(&stream) {
                        // A connection that takes nothing holds the others up, within the queues.
                        let _ = queue.send(data).await;
                    }
                }
                MuxEvent::Finished(stream) => drop(streams.remove(&stream)),
            }
        }
    }
}

fn of_finish(stream: u32) -> Bytes {
    let mut bytes = BytesMut::new();
    finish(stream, &mut bytes);
    bytes.freeze()
}

async fn connection(node: Arc<dyn Node>, to: NodeAddress, stream: u32, queued: mpsc::Receiver<Bytes>, outputs: mpsc::Sender<Output>) {
    match node.connect(to).await {
        Ok(connection) => {
            let (read, write) = tokio::io::split(connection);
            tokio::join!(write_all(write, queued), read_all(read, stream, &outputs));
        }
        Err(_) => {
            let _ = outputs.send(Output::Data(PayloadKind::Flag, payload(flag::CONNECT_TO_PORT_ERROR))).await;
            let _ = outputs.send(Output::Data(PayloadKind::Output, of_finish(stream))).await;
        }
    }
}

async fn write_all(mut write: WriteHalf<Connection>, mut queued: mpsc::Receiver<Bytes>) {
    while let Some(bytes) = queued.recv().await {
        if write.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // The client has finished; the other direction may go on.
    let _ = write.shutdown().await;
}

async fn read_all(mut read: ReadHalf<Connection>, stream: u32, outputs: &mpsc::Sender<Output>) {
    loop {
        // What is read is not copied again before it is framed.
        let mut buffer = push_buffer(PIECE);
        if !matches!(read.read_buf(&mut (&mut buffer).limit(PIECE)).await, Ok(1..)) {
            break;
        }
        if outputs.send(Output::Data(PayloadKind::Output, pushed(stream, buffer))).await.is_err() {
            return;
        }
    }
    // The client is told at once, whether or not it has finished itself.
    let _ = outputs.send(Output::Data(PayloadKind::Output, of_finish(stream))).await;
}
