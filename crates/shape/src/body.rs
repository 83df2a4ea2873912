//! Bodies and event streams: values that flow instead of being held.

use crate::Struct;
use bytes::Bytes;
use futures_core::Stream;
use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

/// Why a stream ended before its end: the connection broke, a digest or a chunk's signature was wrong.
/// A refusal carries the whole fault, so that it reaches the client as AWS words it.
#[derive(Clone, Debug)]
pub enum BodyError {
    /// The other side went away or stalled.
    Broken(String),
    Refused(cloudlet_aws::Fault),
}

pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Box<dyn Struct>, BodyError>> + Send>>;

/// A streaming body: a handle that is cheap to clone, whose stream can be taken once.
#[derive(Clone, Default)]
pub struct Body(Arc<Mutex<Content>>, Option<u64>);

#[derive(Default)]
enum Content {
    #[default]
    Empty,
    Whole(Bytes),
    Stream(BodyStream),
}

/// What a body turns out to be when it is taken.
pub enum Taken {
    Whole(Bytes),
    Stream(BodyStream),
}

impl Body {
    pub fn empty() -> Body {
        Body(Arc::default(), Some(0))
    }

    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        Body(Arc::new(Mutex::new(Content::Whole(bytes))), Some(length))
    }

    /// A stream, with its length where it is known.
    pub fn stream(stream: BodyStream, length: Option<u64>) -> Body {
        Body(Arc::new(Mutex::new(Content::Stream(stream))), length)
    }

    /// The length in bytes, if it is known beforehand.
    pub fn length(&self) -> Option<u64> {
        self.1
    }

    /// Takes the content; a second taker finds it empty.
    pub fn take(&self) -> Taken {
        match std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            Content::Empty => Taken::Whole(Bytes::new()),
            Content::Whole(bytes) => Taken::Whole(bytes),
            Content::Stream(stream) => Taken::Stream(stream),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(length) => write!(f, "body of {length} bytes"),
            None => write!(f, "body of unknown length"),
        }
    }
}

/// A stream of events (each a member of a union), with the union's schema known to the operation.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<Option<EventStream>>>);

impl Events {
    pub fn new(stream: EventStream) -> Events {
        Events(Arc::new(Mutex::new(Some(stream))))
    }

    pub fn take(&self) -> Option<EventStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("events")
    }
}
