//! Bodies that stream.

use bytes::Bytes;
use futures_core::Stream;
use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// Why a stream ended early: the connection broke, or a digest or the signature of a chunk was wrong.
#[derive(Clone, Debug)]
pub enum BodyError {
    /// The other side went away or stalled.
    Broken(String),
    Refused(cloudlet_aws::Fault),
}

pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// A body, cheap to clone. Its content can be taken once.
#[derive(Clone, Default)]
pub struct Body {
    content: Arc<Mutex<Content>>,
    length: Option<u64>,
    trailers: Option<Trailers>,
}

/// Trailing header fields of a chunked body: announced in the head, known once the stream has ended.
#[derive(Clone, Debug)]
pub struct Trailers {
    announced: Arc<[String]>,
    received: Arc<OnceLock<Vec<(String, String)>>>,
}

impl Trailers {
    /// Trailers whose names (lower-case) the head announced.
    pub fn announced(names: impl Into<Arc<[String]>>) -> Trailers {
        Trailers { announced: names.into(), received: Arc::default() }
    }

    pub fn names(&self) -> &[String] {
        &self.announced
    }

    /// Called once, by the reader of the stream, before the stream ends. Later calls change nothing.
    pub fn receive(&self, fields: Vec<(String, String)>) {
        let _ = self.received.set(fields);
    }

    /// The value of a trailer, once the stream has ended.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.received.get()?.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
enum Content {
    #[default]
    Empty,
    Whole(Bytes),
    Stream(BodyStream),
}

/// The content of a body.
pub enum BodyContent {
    Whole(Bytes),
    Stream(BodyStream),
}

impl Body {
    pub fn empty() -> Body {
        Body { content: Arc::default(), length: Some(0), trailers: None }
    }

    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        Body { content: Arc::new(Mutex::new(Content::Whole(bytes))), length: Some(length), trailers: None }
    }

    /// A stream, with its length where it is known.
    pub fn stream(stream: BodyStream, length: Option<u64>) -> Body {
        Body { content: Arc::new(Mutex::new(Content::Stream(stream))), length, trailers: None }
    }

    #[must_use]
    pub fn with_trailers(self, trailers: Trailers) -> Body {
        Body { trailers: Some(trailers), ..self }
    }

    /// The fields that follow the body, if its head announced any.
    pub fn trailers(&self) -> Option<&Trailers> {
        self.trailers.as_ref()
    }

    /// The length in bytes, if it is known beforehand.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Takes the content; a second taker finds it empty.
    pub fn take(&self) -> BodyContent {
        match std::mem::take(&mut *self.content.lock().unwrap_or_else(PoisonError::into_inner)) {
            Content::Empty => BodyContent::Whole(Bytes::new()),
            Content::Whole(bytes) => BodyContent::Whole(bytes),
            Content::Stream(stream) => BodyContent::Stream(stream),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.length {
            Some(length) => write!(f, "body of {length} bytes"),
            None => write!(f, "body of unknown length"),
        }
    }
}
