//! What flows and is in no neutral JSON: bodies and events.

use crate::{
    Outcome,
    registry::{ReadStruct, Row},
};
use bytes::Bytes;
use cloudlet_shape::{
    Blob, Body, BodyContent, BodyError, Document, Events, Kind, Mismatch, Read, Reader, Schema, Struct, Target, Timestamp, Value, Writer,
};
use cloudlet_wire::json;
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::value::RawValue;

pub type Event = ReadStruct;

/// The bytes of the structure's streaming member, if it has one.
pub fn body(of: &dyn Struct) -> Outcome<Option<Bytes>> {
    let mut found = Found(None);
    for (index, member) in of.schema().members.iter().enumerate().filter(|(_, member)| member.of.kind == Kind::Body) {
        of.get(index).write(&mut found, member.of);
    }
    found.0.as_ref().map(collect).transpose()
}

/// All bytes of a body. Nothing is waited for: what streams here is held already.
pub fn collect(body: &Body) -> Outcome<Bytes> {
    match body.take() {
        BodyContent::Whole(bytes) => Ok(bytes),
        BodyContent::Stream(stream) => {
            let chunks = stream.collect::<Vec<_>>().now_or_never().ok_or("the stream waits for something")?;
            let chunks: Result<Vec<Bytes>, BodyError> = chunks.into_iter().collect();
            Ok(chunks.map_err(|error| format!("{error:?}"))?.concat().into())
        }
    }
}

/// Sets the events of an output.
pub fn put_events(output: &mut dyn Struct, row: &Row, events: &[Box<RawValue>]) -> Outcome<()> {
    let members = output.schema().members.iter().enumerate();
    let Some((index, target)) = members.filter(|(_, member)| member.of.kind == Kind::Events).map(|(index, member)| (index, member.of)).next() else {
        return Ok(());
    };
    let read_event = row.event.ok_or("the registry does not know what its events are")?;
    let mut list = Vec::new();
    for event in events {
        json::read(event.get(), &mut |reader| {
            list.push(Ok(read_event(reader)?));
            Ok(())
        })
        .map_err(|mismatch| format!("an event: {mismatch:?}"))?;
    }
    let mut given = Given(Events::new(Box::pin(stream::iter(list))));
    output.set(index, &mut given, target).map_err(|mismatch| format!("{mismatch:?}").into())
}

/// Picks out a body.
struct Found(Option<Body>);

impl Writer for Found {
    fn body(&mut self, value: &Body) {
        self.0 = Some(value.clone());
    }
    fn boolean(&mut self, _: bool) {}
    fn integer(&mut self, _: i64) {}
    fn float(&mut self, _: f64) {}
    fn text(&mut self, _: &str) {}
    fn blob(&mut self, _: &[u8]) {}
    fn timestamp(&mut self, _: Timestamp, _: &'static Target) {}
    fn document(&mut self, _: &Document) {}
    fn events(&mut self, _: &Events) {}
    fn list(&mut self, _: &'static Target, _: &mut dyn Iterator<Item = &dyn Value>) {}
    fn map(&mut self, _: &'static Target, _: &mut dyn Iterator<Item = (&str, &dyn Value)>) {}
    fn structure(&mut self, _: &dyn Struct) {}
}

/// A place where events stand, and nothing else.
struct Given(Events);

fn no<T>() -> Read<T> {
    Err(Mismatch::Malformed("here are events".into()))
}

impl Reader for Given {
    fn events(&mut self) -> Read<Events> {
        Ok(self.0.clone())
    }
    fn boolean(&mut self) -> Read<bool> {
        no()
    }
    fn integer(&mut self) -> Read<i64> {
        no()
    }
    fn float(&mut self) -> Read<f64> {
        no()
    }
    fn text(&mut self) -> Read<String> {
        no()
    }
    fn blob(&mut self) -> Read<Blob> {
        no()
    }
    fn timestamp(&mut self, _: &'static Target) -> Read<Timestamp> {
        no()
    }
    fn document(&mut self) -> Read<Document> {
        no()
    }
    fn body(&mut self) -> Read<Body> {
        no()
    }
    fn list(&mut self, _: &'static Target, _: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<()> {
        no()
    }
    fn map(&mut self, _: &'static Target, _: &mut dyn FnMut(String, &mut dyn Reader) -> Read<()>) -> Read<()> {
        no()
    }
    fn structure(&mut self, _: &'static Schema, _: &mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>) -> Read<()> {
        no()
    }
    fn missing(&mut self, _: &'static Schema, _: usize) {}
}
