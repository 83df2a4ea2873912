//! Values whose type is only known at run time.

use crate::model::Model;
use cloudlet_shape::{Body, BodyContent, Document, Kind, Read, Reader, Schema, Struct, Target, Timestamp, Value, Writer};
use serde_json::{Value as Json, json};

pub enum Dynamic {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Blob(Vec<u8>),
    Timestamp(Timestamp),
    Document(Document),
    Body(Body),
    List(Vec<Dynamic>),
    Map(Vec<(String, Dynamic)>),
    Structure(Structure),
}

pub struct Structure {
    model: &'static Model,
    schema: &'static Schema,
    members: Vec<Option<Dynamic>>,
}

impl Structure {
    pub fn new(model: &'static Model, schema: &'static Schema) -> Structure {
        Structure { model, schema, members: schema.members.iter().map(|_| None).collect() }
    }

    /// What a generated structure does.
    pub fn read(&mut self, reader: &mut dyn Reader) -> Read<()> {
        let schema = self.schema;
        reader.structure(schema, &mut |index, reader| self.set(index, reader, schema.members[index].of))?;
        for (index, member) in schema.members.iter().enumerate() {
            if member.required() && self.members[index].is_none() {
                reader.missing(schema, index);
            }
        }
        Ok(())
    }

    pub fn from_json(model: &'static Model, schema: &'static Schema, json: &Json) -> Structure {
        let mut structure = Structure::new(model, schema);
        for (name, value) in json.as_object().unwrap() {
            let (index, member) = schema.member(name).unwrap_or_else(|| panic!("no member {name} in {}", schema.name));
            if !value.is_null() {
                structure.members[index] = Some(from_json(model, model.member_shape(schema.name, name), member.of, value));
            }
        }
        structure
    }

    pub fn to_json(&self) -> Json {
        let present =
            self.schema.members.iter().zip(&self.members).filter_map(|(member, value)| Some((member.name.to_owned(), to_json(value.as_ref()?))));
        Json::Object(present.collect())
    }
}

fn from_json(model: &'static Model, shape: &str, of: &Target, json: &Json) -> Dynamic {
    let inner = |key: &str, json: &Json| {
        let reference = &model.shape(shape)[key];
        from_json(model, reference["shape"].as_str().unwrap(), model.target(reference), json)
    };
    let text = || json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    match of.kind {
        Kind::Boolean => Dynamic::Boolean(json.as_bool().unwrap()),
        Kind::Integer => Dynamic::Integer(json.as_i64().unwrap()),
        Kind::Float => Dynamic::Float(json.as_f64().unwrap_or_else(|| text().replace("Infinity", "inf").parse().unwrap())),
        Kind::Text => Dynamic::Text(text()),
        Kind::Blob => Dynamic::Blob(text().into_bytes()),
        Kind::Body => Dynamic::Body(Body::whole(text())),
        Kind::Timestamp => Dynamic::Timestamp(Timestamp::from_epoch(json.as_f64().unwrap()).unwrap()),
        Kind::Document => Dynamic::Document(json.clone()),
        Kind::List => Dynamic::List(json.as_array().unwrap().iter().map(|item| inner("member", item)).collect()),
        Kind::Map => Dynamic::Map(json.as_object().unwrap().iter().map(|(key, value)| (key.clone(), inner("value", value))).collect()),
        Kind::Structure => Dynamic::Structure(Structure::from_json(model, model.schema(shape), json)),
        Kind::Events => panic!("no case has events"),
    }
}

/// As the cases write values: blobs as their text, instants in seconds.
fn to_json(value: &Dynamic) -> Json {
    match value {
        Dynamic::Boolean(value) => json!(value),
        Dynamic::Integer(value) => json!(value),
        Dynamic::Float(value) if value.is_nan() => json!("NaN"),
        Dynamic::Float(value) if value.is_infinite() => json!(if *value > 0.0 { "Infinity" } else { "-Infinity" }),
        Dynamic::Float(value) => json!(value),
        Dynamic::Text(value) => json!(value),
        Dynamic::Blob(value) => json!(String::from_utf8_lossy(value)),
        Dynamic::Timestamp(value) => json!(value.millis() as f64 / 1000.0),
        Dynamic::Document(value) => value.clone(),
        Dynamic::Body(value) => match value.take() {
            BodyContent::Whole(bytes) => json!(String::from_utf8_lossy(&bytes)),
            BodyContent::Stream(_) => json!("a stream"),
        },
        Dynamic::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Dynamic::Map(entries) => Json::Object(entries.iter().map(|(key, value)| (key.clone(), to_json(value))).collect()),
        Dynamic::Structure(structure) => structure.to_json(),
    }
}

fn read(model: &'static Model, shape: &str, of: &'static Target, reader: &mut dyn Reader) -> Read<Dynamic> {
    let item = |key: &str, reader: &mut dyn Reader| read(model, model.shape(shape)[key]["shape"].as_str().unwrap(), of.item(), reader);
    Ok(match of.kind {
        Kind::Boolean => Dynamic::Boolean(reader.boolean()?),
        Kind::Integer => Dynamic::Integer(reader.integer()?),
        Kind::Float => Dynamic::Float(reader.float()?),
        Kind::Text => Dynamic::Text(reader.text()?),
        Kind::Blob => Dynamic::Blob(reader.blob()?.to_vec()),
        Kind::Timestamp => Dynamic::Timestamp(reader.timestamp(of)?),
        Kind::Document => Dynamic::Document(reader.document()?),
        Kind::Body => Dynamic::Body(reader.body()?),
        Kind::Events => panic!("no case has events"),
        Kind::List => {
            let mut items = Vec::new();
            reader.list(of, &mut |reader| {
                items.push(item("member", reader)?);
                Ok(())
            })?;
            Dynamic::List(items)
        }
        Kind::Map => {
            let mut entries = Vec::new();
            reader.map(of, &mut |key, reader| {
                entries.push((key, item("value", reader)?));
                Ok(())
            })?;
            Dynamic::Map(entries)
        }
        Kind::Structure => {
            let mut structure = Structure::new(model, model.schema(shape));
            structure.read(reader)?;
            Dynamic::Structure(structure)
        }
    })
}

impl Value for Dynamic {
    fn write(&self, writer: &mut dyn Writer, of: &'static Target) {
        match self {
            Dynamic::Boolean(value) => writer.boolean(*value),
            Dynamic::Integer(value) => writer.integer(*value),
            Dynamic::Float(value) => writer.float(*value),
            Dynamic::Text(value) => writer.text(value),
            Dynamic::Blob(value) => writer.blob(value),
            Dynamic::Timestamp(value) => writer.timestamp(*value, of),
            Dynamic::Document(value) => writer.document(value),
            Dynamic::Body(value) => writer.body(value),
            Dynamic::List(items) => writer.list(of, &mut items.iter().map(|item| item as &dyn Value)),
            Dynamic::Map(entries) => writer.map(of, &mut entries.iter().map(|(key, value)| (key.as_str(), value as &dyn Value))),
            Dynamic::Structure(structure) => writer.structure(structure),
        }
    }
}

impl Value for Structure {
    fn write(&self, writer: &mut dyn Writer, _: &'static Target) {
        writer.structure(self);
    }
}

impl Struct for Structure {
    fn schema(&self) -> &'static Schema {
        self.schema
    }

    fn get(&self, index: usize) -> &dyn Value {
        &self.members[index]
    }

    fn set(&mut self, index: usize, reader: &mut dyn Reader, of: &'static Target) -> Read<()> {
        let name = self.schema.members[index].name;
        self.members[index] = Some(read(self.model, self.model.member_shape(self.schema.name, name), of, reader)?);
        Ok(())
    }
}
