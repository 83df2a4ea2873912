//! Schemas built from the JSON of a model, and leaked: a test does not live long.

use cloudlet_shape::{At, Flags, Kind, Member, OperationSchema, Protocol, Schema, ServiceSchema, Target, TimestampFormat};
use serde_json::Value as Json;
use std::collections::HashMap;

/// A model: its shapes, and their schemas.
pub struct Model {
    shapes: Json,
    schemas: std::sync::Mutex<HashMap<String, &'static Schema>>,
}

pub fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

fn yes(json: &Json, key: &str) -> bool {
    json[key].as_bool().unwrap_or_default()
}

impl Model {
    pub fn new(suite: &Json) -> &'static Model {
        Box::leak(Box::new(Model { shapes: suite["shapes"].clone(), schemas: Default::default() }))
    }

    pub fn shape(&'static self, name: &str) -> &'static Json {
        &self.shapes[name]
    }

    /// The shape of a member, item or value.
    pub fn member_shape(&'static self, structure: &str, member: &str) -> &'static str {
        text(&self.shapes[structure]["members"][member], "shape")
    }

    pub fn schema(&'static self, name: &str) -> &'static Schema {
        if let Some(known) = self.schemas.lock().unwrap().get(name) {
            return known;
        }
        let shape = self.shape(name);
        let members: Vec<Member> = shape["members"]
            .as_object()
            .map(|members| members.iter().map(|(id, member)| self.member(shape, id, member)).collect())
            .unwrap_or_default();
        let union = yes(shape, "union") || yes(shape, "eventstream");
        let (namespace, prefix) = namespace(&shape["xmlNamespace"]);
        let schema: &'static Schema = Box::leak(Box::new(Schema {
            name: leak(name),
            members: Box::leak(members.into_boxed_slice()),
            flags: if union { Flags::UNION } else { Flags::NONE },
            xml_namespace: namespace,
            xml_prefix: prefix,
        }));
        self.schemas.lock().unwrap().insert(name.to_owned(), schema);
        schema
    }

    fn member(&'static self, owner: &Json, name: &str, member: &Json) -> Member {
        let shape = &self.shapes[text(member, "shape")];
        let payload = text(owner, "payload") == name;
        let structure = text(shape, "type") == "structure";
        let given = member["locationName"].as_str().unwrap_or(name);
        // The root element of a payload is its shape's name, unless the model says otherwise.
        let wire = match text(shape, "locationName") {
            root if payload && structure && given == name && !root.is_empty() => root,
            _ if payload && structure && given == name => text(member, "shape"),
            _ => given,
        };
        let map = text(shape, "type") == "map";
        let at = match text(member, "location") {
            "header" => At::Header,
            "headers" => At::PrefixHeaders,
            "querystring" if map => At::QueryParams,
            "querystring" => At::Query,
            "uri" => At::Uri,
            "statusCode" => At::Status,
            _ => At::Body,
        };
        let mut flags = Flags::NONE;
        let required = owner["required"].as_array().is_some_and(|required| required.iter().any(|other| other == name));
        for (on, flag) in [
            (required, Flags::REQUIRED),
            (yes(member, "flattened") || yes(shape, "flattened"), Flags::FLATTENED),
            (yes(member, "xmlAttribute"), Flags::XML_ATTRIBUTE),
            (payload, Flags::PAYLOAD),
            (yes(member, "idempotencyToken"), Flags::IDEMPOTENCY_TOKEN),
            (yes(member, "hostLabel"), Flags::HOST_LABEL),
            (yes(member, "jsonvalue") && at == At::Header, Flags::JSON_VALUE),
        ] {
            if on {
                flags = flags.and(flag);
            }
        }
        Member { name: leak(name), wire: leak(wire), query: leak(text(member, "queryName")), at, flags, of: self.target(member) }
    }

    /// The target of a reference, whose traits win over the shape's.
    pub fn target(&'static self, reference: &Json) -> &'static Target {
        let shape = &self.shapes[text(reference, "shape")];
        let kind = match text(shape, "type") {
            "boolean" => Kind::Boolean,
            "integer" | "long" | "short" | "byte" | "biginteger" => Kind::Integer,
            "float" | "double" | "bigdecimal" => Kind::Float,
            "blob" if yes(shape, "streaming") || yes(reference, "streaming") => Kind::Body,
            "blob" => Kind::Blob,
            "timestamp" => Kind::Timestamp,
            "list" => Kind::List,
            "map" => Kind::Map,
            "structure" if yes(shape, "document") => Kind::Document,
            "structure" if yes(shape, "eventstream") => Kind::Events,
            "structure" => Kind::Structure,
            _ => Kind::Text,
        };
        let name_of = |inner: &Json, default: &str| leak(inner["locationName"].as_str().unwrap_or(default));
        let mut target = Target::new(leak(text(reference, "shape")), kind);
        let format = [text(reference, "timestampFormat"), text(shape, "timestampFormat")].into_iter().find(|format| !format.is_empty());
        target.timestamp = match format {
            Some("iso8601") => Some(TimestampFormat::DateTime),
            Some("rfc822") => Some(TimestampFormat::HttpDate),
            Some("unixTimestamp") => Some(TimestampFormat::EpochSeconds),
            _ => None,
        };
        match kind {
            Kind::List => {
                target.item = Some(self.target(&shape["member"]));
                target.item_name = name_of(&shape["member"], "member");
            }
            Kind::Map => {
                target.item = Some(self.target(&shape["value"]));
                target.item_name = name_of(&shape["value"], "value");
                target.key = Some(self.target(&shape["key"]));
                target.key_name = name_of(&shape["key"], "key");
            }
            _ => {}
        }
        if yes(shape, "flattened") {
            target.flags = Flags::FLATTENED;
        }
        Box::leak(Box::new(target))
    }
}

fn namespace(json: &Json) -> (&'static str, &'static str) {
    match json {
        Json::String(uri) => (leak(uri), ""),
        other => (leak(text(other, "uri")), leak(text(other, "prefix"))),
    }
}

static EMPTY: Schema = Schema { name: "Empty", members: &[], flags: Flags::NONE, xml_namespace: "", xml_prefix: "" };

/// The operation of a case, in a service of its own.
pub fn operation(model: &'static Model, suite: &Json, case: &Json) -> &'static OperationSchema {
    let metadata = &suite["metadata"];
    let given = &case["given"];
    let protocol = match (text(metadata, "protocol"), text(metadata, "jsonVersion")) {
        ("json", "1.0") => Protocol::AwsJson10,
        ("json", _) => Protocol::AwsJson11,
        ("rest-json", _) => Protocol::RestJson,
        ("rest-xml", _) => Protocol::RestXml,
        ("query", _) => Protocol::Query,
        ("ec2", _) => Protocol::Ec2Query,
        (other, _) => panic!("{other}"),
    };
    let compatible = metadata.get("awsQueryCompatible").is_some();
    let schema = |reference: &Json| if reference.is_null() { &EMPTY } else { model.schema(text(reference, "shape")) };
    let (input, output) = (schema(&given["input"]), schema(&given["output"]));
    let uri = match text(&given["http"], "requestUri") {
        "" => "/",
        uri => leak(uri),
    };
    let method = match text(&given["http"], "method") {
        "" => "POST",
        method => leak(method),
    };
    let name = leak(match text(given, "name") {
        "" => "OperationName",
        name => name,
    });
    let wrapper = match text(&given["output"], "resultWrapper") {
        "" if protocol == Protocol::Query && !output.members.is_empty() => leak(&format!("{name}Result")),
        wrapper => leak(wrapper),
    };
    let service: &'static mut ServiceSchema = Box::leak(Box::new(ServiceSchema {
        name: "service",
        id: "Service",
        version: leak(text(metadata, "apiVersion")),
        protocol,
        also: if compatible { &[Protocol::Query] } else { &[] },
        signing_name: "service",
        endpoint_prefix: "service",
        target_prefix: leak(text(metadata, "targetPrefix")),
        xml_namespace: namespace(&metadata["xmlNamespace"]).0,
        operations: &[],
    }));
    // The ring of service and operation is closed by a second service that lists the operation.
    let make = |service: &'static ServiceSchema| -> &'static OperationSchema {
        Box::leak(Box::new(OperationSchema {
            method,
            uri,
            status: given["http"]["responseCode"].as_u64().map_or(200, |status| status as u16),
            result_wrapper: wrapper,
            output_root: leak(match text(model.shape(output.name), "locationName") {
                "" => output.name,
                root => root,
            }),
            host_prefix: leak(text(&given["endpoint"], "hostPrefix")),
            ..OperationSchema::new(name, service, input, output)
        }))
    };
    let inner = make(service);
    let listing: &'static ServiceSchema = Box::leak(Box::new(ServiceSchema {
        operations: Box::leak(Box::new([inner])),
        name: "service",
        id: "Service",
        version: service.version,
        protocol,
        also: service.also,
        signing_name: "service",
        endpoint_prefix: "service",
        target_prefix: service.target_prefix,
        xml_namespace: service.xml_namespace,
    }));
    make(listing)
}
