//! A websocket as services see it, at either end.

use bytes::Bytes;
use cloudlet_engine::{Boxed, Socket, SocketClose, SocketMessage, SocketReader, SocketWriter, within};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// The largest message. Those of Session Manager are of 1,144 bytes, and of 142,000 at most.
const MESSAGE: usize = 160 << 10;
/// What is read at once, and written.
const BUFFER: usize = 16 << 10;
/// How long a peer may take nothing of what it is sent.
const STALLED: Duration = Duration::from_secs(60);

pub fn socket_config() -> WebSocketConfig {
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(MESSAGE);
    config.max_frame_size = Some(MESSAGE);
    config.read_buffer_size = BUFFER;
    config.write_buffer_size = BUFFER;
    config.max_write_buffer_size = 2 * (MESSAGE + BUFFER);
    config
}

pub fn socket<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: WebSocketStream<S>) -> Socket {
    let (sink, stream) = stream.split();
    Socket { reader: Box::new(Reader(stream)), writer: Box::new(Writer(sink)) }
}

struct Reader<S>(SplitStream<WebSocketStream<S>>);

impl<S: AsyncRead + AsyncWrite + Send + Unpin> SocketReader for Reader<S> {
    fn receive(&mut self) -> Boxed<'_, Option<SocketMessage>> {
        Box::pin(async {
            loop {
                match self.0.next().await?.ok()? {
                    Message::Text(text) => return Some(SocketMessage::Text(text.as_str().to_owned())),
                    Message::Binary(bytes) => return Some(SocketMessage::Binary(bytes)),
                    Message::Close(_) => return None,
                    Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                }
            }
        })
    }
}

struct Writer<S>(SplitSink<WebSocketStream<S>, Message>);

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Writer<S> {
    async fn write(&mut self, message: Message) -> bool {
        matches!(within(STALLED, self.0.feed(message)).await, Some(Ok(())))
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> SocketWriter for Writer<S> {
    fn send(&mut self, message: SocketMessage) -> Boxed<'_, bool> {
        let message = match message {
            SocketMessage::Text(text) => Message::Text(Utf8Bytes::from(text)),
            SocketMessage::Binary(bytes) => Message::Binary(bytes),
        };
        Box::pin(self.write(message))
    }

    fn flush(&mut self) -> Boxed<'_, bool> {
        Box::pin(async { matches!(within(STALLED, self.0.flush()).await, Some(Ok(()))) })
    }

    fn ping(&mut self) -> Boxed<'_, bool> {
        Box::pin(async { self.write(Message::Ping(Bytes::new())).await && self.flush().await })
    }

    fn close(&mut self, close: SocketClose) -> Boxed<'_, ()> {
        Box::pin(async move {
            let frame = CloseFrame { code: CloseCode::from(close.code), reason: close.reason.into() };
            let _ = within(STALLED, self.0.send(Message::Close(Some(frame)))).await;
        })
    }
}
