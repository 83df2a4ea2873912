//! Reads JSON from serde_json's streaming deserializer, without building a tree.
//!
//! serde_json bounds the depth (128). A mismatch is stored in the context while serde's own error unwinds.

use super::Names;
use crate::{
    Missing,
    path::{Path, Step},
    text::unbase64,
};
use cloudlet_shape::{Blob, Body, Document, Events, Flags, Mismatch, Read, Reader, Schema, Target, Timestamp, TimestampFormat};
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{borrow::Cow, fmt};

const MAP_FOUND: &str = "Start of structure or map found where not expected.";
const LIST_FOUND: &str = "Start of list found where not expected";

/// Reads the neutral JSON of a shape.
pub fn read(text: &str, visit: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<Missing> {
    read_bytes(text.as_bytes(), Names::Model, visit)
}

/// Reads the bytes of a JSON text; nothing at all stands for an empty object.
pub(crate) fn read_bytes(bytes: &[u8], names: Names, visit: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<Missing> {
    read_at(bytes, names, Path::default(), visit)
}

/// The same, where the JSON is a part of the input.
pub(crate) fn read_at(bytes: &[u8], names: Names, at: Path, visit: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<Missing> {
    let bytes = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { bytes };
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let mut context = Context { path: at, ..Context::new(names) };
    visit(&mut JsonValue { from: Some(&mut from), context: &mut context })?;
    from.end().map_err(|error| Mismatch::Malformed(error.to_string()))?;
    Ok(context.missing)
}

/// Reads a JSON tree.
pub fn read_value(value: &serde_json::Value, names: Names, visit: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<Missing> {
    let mut context = Context::new(names);
    visit(&mut JsonValue { from: Some(value), context: &mut context })?;
    Ok(context.missing)
}

struct Context {
    names: Names,
    path: Path,
    missing: Missing,
    /// Why serde is unwinding.
    cause: Option<Mismatch>,
}

impl Context {
    fn new(names: Names) -> Context {
        Context { names, path: Path::default(), missing: Missing::default(), cause: None }
    }

    fn refuse<E: Error>(&mut self, cause: Mismatch) -> E {
        self.cause.get_or_insert(cause);
        E::custom("")
    }

    fn cause(&mut self, error: &impl fmt::Display) -> Mismatch {
        self.cause.take().unwrap_or_else(|| Mismatch::Malformed(error.to_string()))
    }
}

/// A value in the JSON: a deserializer that has not been used yet.
struct JsonValue<'c, D> {
    from: Option<D>,
    context: &'c mut Context,
}

impl<'c, 'de, D: Deserializer<'de>> JsonValue<'c, D> {
    fn take(&mut self) -> Read<D> {
        self.from.take().ok_or_else(|| Mismatch::Malformed("a place can be read once".into()))
    }

    fn scalar(&mut self) -> Read<Scalar<'de>> {
        let from = self.take()?;
        let scalar = from.deserialize_any(ScalarVisitor(self.context));
        scalar.map_err(|error| self.context.cause(&error))
    }
}

enum Scalar<'de> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(Cow<'de, str>),
}

impl Scalar<'_> {
    /// AWS: the sentences of its JSON services, measured at Athena and SQS: `STRING_VALUE can not be converted to an Integer`.
    fn refused<T>(&self, wanted: &str) -> Read<T> {
        let found = match self {
            Scalar::Null => "NULL_VALUE",
            Scalar::Boolean(true) => "TRUE_VALUE",
            Scalar::Boolean(false) => "FALSE_VALUE",
            Scalar::Integer(_) | Scalar::Float(_) => "NUMBER_VALUE",
            Scalar::Text(_) => "STRING_VALUE",
        };
        Err(Mismatch::Malformed(format!("{found} can not be converted to {wanted}")))
    }
}

impl<'de, D: Deserializer<'de>> Reader for JsonValue<'_, D> {
    fn boolean(&mut self) -> Read<bool> {
        match self.scalar()? {
            Scalar::Boolean(value) => Ok(value),
            // AWS: "an Boolean", so recorded.
            other => other.refused("an Boolean"),
        }
    }

    fn integer(&mut self) -> Read<i64> {
        match self.scalar()? {
            Scalar::Integer(value) => Ok(value),
            // AWS: a fraction is cut off (measured at Athena).
            Scalar::Float(value) if value.abs() < 9.3e18 => Ok(value as i64),
            other => other.refused("an Integer"),
        }
    }

    fn float(&mut self) -> Read<f64> {
        match self.scalar()? {
            Scalar::Integer(value) => Ok(value as f64),
            Scalar::Float(value) => Ok(value),
            Scalar::Text(text) => crate::text::special_float(&text).map_or_else(|| Scalar::Text(text).refused("a Double"), Ok),
            other => other.refused("a Double"),
        }
    }

    fn text(&mut self) -> Read<String> {
        match self.scalar()? {
            Scalar::Text(text) => Ok(text.into_owned()),
            other => other.refused("a String"),
        }
    }

    fn blob(&mut self) -> Read<Blob> {
        match self.scalar()? {
            Scalar::Text(text) => unbase64(&text),
            other => other.refused("a Blob"),
        }
    }

    fn timestamp(&mut self, of: &'static Target) -> Read<Timestamp> {
        let format = if self.context.names == Names::Wire { of.timestamp } else { None };
        let scalar = self.scalar()?;
        let read = match (&scalar, format) {
            (Scalar::Integer(seconds), None | Some(TimestampFormat::EpochSeconds)) => Timestamp::from_epoch(*seconds as f64),
            (Scalar::Float(seconds), None | Some(TimestampFormat::EpochSeconds)) => Timestamp::from_epoch(*seconds),
            (Scalar::Text(text), Some(format)) if format != TimestampFormat::EpochSeconds => Timestamp::parse(text, format),
            // AWS: unverified. Where the model is silent, dates in text are taken too: hand-written callers send them.
            (Scalar::Text(text), None) => Timestamp::parse_any(text),
            _ => None,
        };
        read.map_or_else(|| scalar.refused("a Timestamp"), Ok)
    }

    fn document(&mut self) -> Read<Document> {
        let from = self.take()?;
        Document::deserialize(from).map_err(|error| self.context.cause(&error))
    }

    fn body(&mut self) -> Read<Body> {
        self.blob().map(Body::whole)
    }

    fn events(&mut self) -> Read<Events> {
        let from = self.take()?;
        IgnoredAny::deserialize(from).map_err(|error| self.context.cause(&error))?;
        Ok(Events::default())
    }

    fn list(&mut self, _: &'static Target, each: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<()> {
        let from = self.take()?;
        from.deserialize_any(ListVisitor { context: self.context, each }).map_err(|error| self.context.cause(&error))
    }

    fn map(&mut self, _: &'static Target, each: &mut dyn FnMut(String, &mut dyn Reader) -> Read<()>) -> Read<()> {
        let from = self.take()?;
        from.deserialize_any(EntriesVisitor { context: self.context, each }).map_err(|error| self.context.cause(&error))
    }

    fn structure(&mut self, schema: &'static Schema, each: &mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>) -> Read<()> {
        let from = self.take()?;
        from.deserialize_any(MembersVisitor { context: self.context, schema, each }).map_err(|error| self.context.cause(&error))
    }

    fn missing(&mut self, schema: &'static Schema, index: usize) {
        self.context.missing.add(&self.context.path, schema, index);
    }
}

struct ScalarVisitor<'c>(&'c mut Context);

impl<'de> Visitor<'de> for ScalarVisitor<'_> {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar")
    }
    fn visit_unit<E: Error>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Boolean(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Integer(value))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar<'de>, E> {
        Ok(i64::try_from(value).map_or(Scalar::Float(value as f64), Scalar::Integer))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Float(value))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }
    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }
    fn visit_string<E: Error>(self, value: String) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(value)))
    }
    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Scalar<'de>, A::Error> {
        Err(self.0.refuse(Mismatch::Malformed(MAP_FOUND.into())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Scalar<'de>, A::Error> {
        Err(self.0.refuse(Mismatch::Malformed(LIST_FOUND.into())))
    }
}

/// What a visitor of aggregates says to a scalar.
macro_rules! no_scalars {
    ($message:literal) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str($message)
        }
        fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
            Err(self.context.refuse(Mismatch::Malformed($message.into())))
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
            Err(self.context.refuse(Mismatch::Malformed($message.into())))
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
            Err(self.context.refuse(Mismatch::Malformed($message.into())))
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
            Err(self.context.refuse(Mismatch::Malformed($message.into())))
        }
        fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
            Err(self.context.refuse(Mismatch::Malformed($message.into())))
        }
        fn visit_unit<E: Error>(self) -> Result<(), E> {
            Err(self.context.refuse(Mismatch::Malformed($message.into())))
        }
    };
}

/// Reads one value with `read`, unless it is null.
struct Present<'r, 'c> {
    context: &'c mut Context,
    read: &'r mut dyn FnMut(&mut dyn Reader) -> Read<()>,
}

impl<'de> DeserializeSeed<'de> for Present<'_, '_> {
    /// Whether there was a value.
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Present<'_, '_> {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }
    fn visit_none<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        let mut place = JsonValue { from: Some(from), context: self.context };
        let read = (self.read)(&mut place);
        let unread = place.from.take();
        read.map_err(|cause| self.context.refuse::<D::Error>(cause))?;
        if let Some(from) = unread {
            IgnoredAny::deserialize(from)?;
        }
        Ok(true)
    }
}

struct ListVisitor<'r, 'c> {
    context: &'c mut Context,
    each: &'r mut dyn FnMut(&mut dyn Reader) -> Read<()>,
}

impl<'de> Visitor<'de> for ListVisitor<'_, '_> {
    type Value = ();
    no_scalars!("Expected list or null");

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.context.refuse(Mismatch::Malformed(MAP_FOUND.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            self.context.path.push(Step::Item(index));
            let more = items.next_element_seed(Present { context: self.context, read: self.each })?;
            self.context.path.pop();
            if more.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }
}

struct EntriesVisitor<'r, 'c> {
    context: &'c mut Context,
    each: &'r mut dyn FnMut(String, &mut dyn Reader) -> Read<()>,
}

impl<'de> Visitor<'de> for EntriesVisitor<'_, '_> {
    type Value = ();
    no_scalars!("Expected map or null");

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.context.refuse(Mismatch::Malformed(LIST_FOUND.into())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(key) = entries.next_key::<String>()? {
            self.context.path.push(Step::Entry(key.clone()));
            let each = &mut *self.each;
            let mut key = Some(key);
            entries.next_value_seed(Present { context: self.context, read: &mut |reader| key.take().map_or(Ok(()), |key| each(key, reader)) })?;
            self.context.path.pop();
        }
        Ok(())
    }
}

struct MembersVisitor<'r, 'c> {
    context: &'c mut Context,
    schema: &'static Schema,
    each: &'r mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>,
}

impl<'de> Visitor<'de> for MembersVisitor<'_, '_> {
    type Value = ();
    no_scalars!("Expected structure or null");

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.context.refuse(Mismatch::Malformed(LIST_FOUND.into())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut present = 0;
        let mut expected = 0;
        let names = self.context.names;
        while let Some(found) = entries.next_key_seed(MemberName { schema: self.schema, names, expected })? {
            let Some((index, name)) = found.and_then(|index| Some((index, self.schema.members.get(index)?.name))) else {
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            expected = index + 1;
            self.context.path.push(Step::Member(name));
            let each = &mut *self.each;
            let there = entries.next_value_seed(Present { context: self.context, read: &mut |reader| each(index, reader) })?;
            self.context.path.pop();
            present += usize::from(there);
        }
        if self.schema.flags.has(Flags::UNION) && present != 1 {
            // AWS: unverified wording; that a union with none or two members set is refused is Smithy's rule.
            let name = self.schema.name;
            return Err(self.context.refuse(Mismatch::Malformed(format!("{name} must have exactly one member set"))));
        }
        Ok(())
    }
}

/// Finds a key among the members; clients mostly send them in the model's order.
struct MemberName {
    schema: &'static Schema,
    names: Names,
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for MemberName {
    type Value = Option<usize>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<usize>, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for MemberName {
    type Value = Option<usize>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }
    fn visit_str<E: Error>(self, key: &str) -> Result<Option<usize>, E> {
        let members = self.schema.members;
        let is = |index: &usize| members.get(*index).is_some_and(|member| key == if self.names == Names::Wire { member.wire } else { member.name });
        Ok((self.expected..members.len()).find(is).or_else(|| (0..self.expected.min(members.len())).find(is)))
    }
}
