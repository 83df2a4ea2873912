//! restJson1: HTTP bindings with JSON documents.
//! <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html>

use crate::{
    Answer, Codec, Content, Ids, Incoming, Malformed, Missing, answer,
    aws_json::malformed,
    bindings::{self, Documents},
    codec::{ReadInput, literal_query, message_is_a_member},
    event_stream::{self, Payloads},
    json::{self, JsonWriter, Names},
    path::Path,
};
use cloudlet_aws::Fault;
use cloudlet_shape::{At, Body, Kind, OperationSchema, Read, Reader, ServiceSchema, Struct};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

pub(crate) struct RestJson;

struct Json;

impl Documents for Json {
    fn read(&self, bytes: &[u8], at: Path, _: &[&str], visit: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<Missing> {
        json::read_at(bytes, Names::Wire, at, visit)
    }
}

/// A request of an earlier model, with a document that has what its query had.
fn of_now<'a>(operation: &OperationSchema, incoming: Incoming<'a>) -> Incoming<'a> {
    let mut document: Map<String, Value> = serde_json::from_slice(&incoming.body.whole()).unwrap_or_default();
    for pair in incoming.head.query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let member = operation.input.members.iter().find(|member| member.at == At::Body && member.wire == name);
        if let (Some(member), Ok(value)) = (member, percent_decode_str(value).decode_utf8()) {
            let number = value.parse::<i64>().ok().filter(|_| member.of.kind == Kind::Integer);
            document.insert(name.to_owned(), number.map_or_else(|| Value::from(&*value), Value::from));
        }
    }
    Incoming { body: Content::Whole(Value::from(document).to_string().into()), ..incoming }
}

impl Codec for RestJson {
    fn decode(&self, operation: &'static OperationSchema, incoming: Incoming<'_>, read: ReadInput<'_>) -> Result<Missing, Malformed> {
        let incoming = if operation.earlier.is_empty() || incoming.head.method == operation.method { incoming } else { of_now(operation, incoming) };
        let found = bindings::read(&incoming, literal_query(operation), &Json, read).map_err(|unread| malformed(unread.why))?;
        Ok(found.missing.and(found.missing_in_document))
    }

    fn encode(&self, operation: &'static OperationSchema, output: &dyn Struct, ids: &Ids<'_>) -> Answer {
        let mut answer = Answer::new(operation.status);
        answer.put("x-amzn-requestid", ids.request_id);
        let mut writer = JsonWriter::new(Names::Wire);
        match answer::head(output, &mut answer) {
            answer::Content::Payload(member, value) => value.write(&mut writer, member.of),
            answer::Content::Raw(body, content_type) => {
                answer.put_if_absent("content-type", content_type);
                answer.body = body;
                return answer;
            }
            answer::Content::Events => {
                answer.put("content-type", event_stream::CONTENT_TYPE);
                answer.body = event_stream::body(output, Payloads::Json, None);
                return answer;
            }
            answer::Content::Document => writer.object(output, &mut |member| member.at == At::Body),
            answer::Content::Nothing if output.schema().payload().is_some() || answer.status == 204 => return answer,
            // AWS: an answer without members is an empty object.
            answer::Content::Nothing => writer.object(output, &mut |member| member.at == At::Body),
        }
        answer.put_if_absent("content-type", "application/json");
        answer.body = Body::whole(writer.into_bytes());
        answer
    }

    fn fault(&self, _: &'static ServiceSchema, fault: &Fault, ids: &Ids<'_>) -> Answer {
        let mut answer = Answer::new(fault.status());
        answer.put("x-amzn-requestid", ids.request_id);
        answer.put("x-amzn-errortype", fault.name());
        answer.put("content-type", "application/json");
        for (name, value) in fault.headers() {
            answer.put(*name, value);
        }
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        // AWS: a client looks for `message` or `Message`; which one a service writes, its model says (Lambda: `Message`).
        if !fault.message().is_empty() && !message_is_a_member(fault) {
            pairs.push(("message", fault.message()));
        }
        pairs.extend(fault.members().iter().map(|(name, value)| (*name, value.as_str())));
        let mut writer = JsonWriter::new(Names::Wire);
        writer.error(&pairs, fault.documents());
        answer.body = Body::whole(writer.into_bytes());
        answer
    }
}
