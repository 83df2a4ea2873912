//! The Rust side of the round trip (`tests/test_round_trip.py`): reads requests into the generated types and writes answers from
//! them, JSON lines from standard input to standard output. No server: nothing is signed, authorized or performed.
//!
//! `{"request": {method, path, query, headers, body}}` gives `{service, operation, protocol, input, missing, body?}`;
//! `{"answer": {service, operation, protocol, output, events?}}` gives `{status, headers, body}`;
//! `{"fault": {service, operation, protocol, name, message}}` gives the same; `{"list": null}` gives all operations.
//! Structures are neutral JSON (the names of the model, instants in epoch seconds), bodies are base64.

mod registry;
mod streams;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_aws::Head;
use cloudlet_shape::{Body, Kind, OperationSchema, Protocol, ServiceSchema, Struct};
use cloudlet_wire::{Answer, Content, Ids, Incoming, Recognized, Recognizer, codec, json, to_json};
use registry::{Registry, Row};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, value::RawValue};
use std::{
    error::Error,
    io::{BufRead, Write},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Question {
    Request(Request),
    Answer(AnswerRequest),
    Fault(Refusal),
    List(()),
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

#[derive(Deserialize)]
struct AnswerRequest {
    service: String,
    operation: String,
    protocol: String,
    output: Box<RawValue>,
    #[serde(default)]
    events: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Refusal {
    service: String,
    operation: String,
    protocol: String,
    name: String,
    message: String,
}

#[derive(Serialize)]
struct Understood {
    service: &'static str,
    operation: &'static str,
    protocol: String,
    input: Box<RawValue>,
    missing: Vec<String>,
    /// What the input's streaming member holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

const IDS: Ids<'static> = Ids { request_id: "00000000-0000-4000-8000-000000000000", extended_id: "extended" };

fn main() -> Outcome<()> {
    let registry = Registry::new();
    let names = ["localhost".to_owned(), "amazonaws.com".to_owned()];
    let recognizer = Recognizer::new(&registry.services(), &names);
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let reply = reply(&registry, &recognizer, &line?).unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }).to_string());
        writeln!(out, "{reply}")?;
        out.flush()?;
    }
    Ok(())
}

fn reply(registry: &Registry, recognizer: &Recognizer, line: &str) -> Outcome<String> {
    Ok(match serde_json::from_str(line)? {
        Question::Request(request) => serde_json::to_string(&read(registry, recognizer, &request)?)?,
        Question::Answer(wanted) => written(&write(registry, &wanted)?)?.to_string(),
        Question::Fault(refusal) => written(&refuse(registry, &refusal)?)?.to_string(),
        Question::List(()) => Json::from_iter(registry.rows().map(listed)).to_string(),
    })
}

fn listed(row: &Row) -> Json {
    let service = row.schema.service;
    let faults: Vec<&str> = row.schema.faults.iter().map(|fault| fault.name).collect();
    let protocols: Vec<String> = protocols(service).map(|protocol| format!("{protocol:?}")).collect();
    serde_json::json!({ "service": service.name, "operation": row.schema.name, "protocols": protocols, "faults": faults })
}

fn protocols(service: &ServiceSchema) -> impl Iterator<Item = Protocol> {
    std::iter::once(service.protocol).chain(service.also.iter().copied())
}

fn spoken(service: &ServiceSchema, name: &str) -> Outcome<Protocol> {
    protocols(service).find(|protocol| format!("{protocol:?}") == name).ok_or_else(|| format!("{} does not speak {name}", service.name).into())
}

/// Recognize, route and decode, as the gateway does.
fn read(registry: &Registry, recognizer: &Recognizer, request: &Request) -> Outcome<Understood> {
    let head = Head { method: &request.method, path: &request.path, query: &request.query, headers: &request.headers };
    let body = Bytes::from(STANDARD.decode(&request.body)?);
    let recognized = recognizer.service(&head).or_else(|| recognizer.service_of_form(&head, &body)).ok_or("no service was recognized")?;
    let Recognized { service, protocol, .. } = recognized;
    let form = matches!(protocol, Protocol::Query | Protocol::Ec2Query).then_some(&body[..]);
    let routed =
        recognizer.operation(&recognized, &head, head.path, form).map_err(|unknown| format!("no operation of {}: {unknown:?}", service.name))?;
    let row = registry.row(service.name, routed.operation.name)?;
    let mut input = None;
    let incoming = Incoming { head: &head, labels: &routed.labels, body: content(routed.operation, body) };
    let missing = codec(protocol)
        .decode(routed.operation, incoming, &mut |reader| {
            input = Some((row.input)(reader)?);
            Ok(())
        })
        .map_err(|malformed| format!("{} of {}: {malformed:?}", routed.operation.name, service.name))?;
    let input = input.ok_or("the codec read nothing")?;
    Ok(Understood {
        service: service.name,
        operation: routed.operation.name,
        protocol: format!("{protocol:?}"),
        body: streams::body(&*input)?.map(|bytes| STANDARD.encode(bytes)),
        input: RawValue::from_string(to_json(&*input))?,
        missing: missing.into_paths(),
    })
}

fn content(operation: &OperationSchema, body: Bytes) -> Content {
    let flows = operation.input.payload().is_some_and(|(_, member)| member.of.kind == Kind::Body);
    if flows { Content::Stream(Body::whole(body)) } else { Content::Whole(body) }
}

fn write(registry: &Registry, wanted: &AnswerRequest) -> Outcome<Answer> {
    let row = registry.row(&wanted.service, &wanted.operation)?;
    let mut output: Option<Box<dyn Struct>> = None;
    let missing = json::read(wanted.output.get(), &mut |reader| {
        output = Some((row.output)(reader)?);
        Ok(())
    });
    let missing = missing.map_err(|mismatch| format!("the output: {mismatch:?}"))?;
    let mut output = output.ok_or("there is no output")?;
    streams::put_events(&mut *output, row, &wanted.events)?;
    let streamed =
        |path: &&String| !output.schema().members.iter().any(|member| member.of.kind == Kind::Events && path.eq_ignore_ascii_case(member.name));
    if let Some(path) = missing.paths().iter().find(streamed) {
        return Err(format!("the output lacks {path}").into());
    }
    Ok(codec(spoken(row.schema.service, &wanted.protocol)?).encode(row.schema, &*output, &IDS))
}

fn refuse(registry: &Registry, refusal: &Refusal) -> Outcome<Answer> {
    let row = registry.row(&refusal.service, &refusal.operation)?;
    let kind = row.schema.faults.iter().find(|kind| kind.name == refusal.name).ok_or("the operation has no such fault")?;
    let fault = kind.says(refusal.message.clone());
    Ok(codec(spoken(row.schema.service, &refusal.protocol)?).fault(row.schema.service, &fault, &IDS))
}

fn written(answer: &Answer) -> Outcome<Json> {
    let body = streams::collect(&answer.body)?;
    Ok(serde_json::json!({ "status": answer.status, "headers": answer.headers, "body": STANDARD.encode(body) }))
}
