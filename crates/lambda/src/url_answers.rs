//! What functions answer to requests of their URLs, as responses: whole, or bit by bit.
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload>

use crate::{
    faults,
    pieces::{Piece, Pieces},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use cloudlet_aws::Fault;
use cloudlet_engine::{EndpointAnswer, EndpointField};
use cloudlet_shape::Body;
use serde_json::{Map, Value};

const BUFFERED_TYPE: &str = "application/json";
/// What code that streams says of its answer: a prelude in JSON, eight zeros, and the body.
const WITH_PRELUDE: &str = "application/vnd.awslambda.http-integration-response";
const END_OF_PRELUDE: [u8; 8] = [0; 8];
/// Bytes of a prelude. AWS: unverified.
const LONGEST_PRELUDE: usize = 64 << 10;

pub fn failed() -> Fault {
    faults::BAD_GATEWAY.says("Internal Server Error")
}

pub fn field(name: &str, value: impl Into<String>) -> EndpointField {
    EndpointField { name: name.to_ascii_lowercase(), value: value.into() }
}

/// A status as functions give it: a number, or a text of one.
fn status(value: &Value) -> Option<i32> {
    let number = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())?;
    i32::try_from(number).ok().filter(|status| (100..1_000).contains(status))
}

/// The header fields and cookies of an answer or a prelude.
fn fields_of(answer: &Map<String, Value>) -> Vec<EndpointField> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let headers = answer.get("headers").and_then(Value::as_object).into_iter().flatten();
    let mut fields: Vec<EndpointField> = headers.filter(|(_, value)| !value.is_null()).map(|(name, value)| field(name, text(value))).collect();
    // The length is what the body has.
    fields.retain(|field| !matches!(field.name.as_str(), "content-length" | "transfer-encoding" | "connection"));
    fields.extend(answer.get("cookies").and_then(Value::as_array).into_iter().flatten().map(|cookie| field("set-cookie", text(cookie))));
    fields
}

/// What a function answers, as a response: an object with a status is one, everything else is the body of one.
pub fn answer(payload: &[u8]) -> Result<EndpointAnswer, Fault> {
    let value: Value = serde_json::from_slice(payload).map_err(|_| failed())?;
    let shaped = match &value {
        Value::Object(answer) if answer.contains_key("statusCode") => Some(answer),
        _ => None,
    };
    let Some(answer) = shaped else {
        let body = match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        return Ok(EndpointAnswer { status: 200, headers: vec![field("content-type", BUFFERED_TYPE)], body: Body::whole(body) });
    };
    let status = answer.get("statusCode").and_then(status).ok_or_else(failed)?;
    let mut headers = fields_of(answer);
    if !headers.iter().any(|field| field.name == "content-type") {
        headers.push(field("content-type", BUFFERED_TYPE));
    }
    let encoded = answer.get("isBase64Encoded").and_then(Value::as_bool) == Some(true);
    let body = match answer.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if encoded => STANDARD.decode(text).map_err(|_| failed())?.into(),
        Some(Value::String(text)) => text.clone().into(),
        Some(other) => other.to_string().into(),
    };
    Ok(EndpointAnswer { status, headers, body: Body::whole(body) })
}

/// What comes before the body of a stream.
pub struct Prelude {
    status: i32,
    headers: Vec<EndpointField>,
    /// Its bytes, with those that end it.
    length: usize,
}

/// A prelude, once it is there as a whole.
pub fn prelude(read: &[u8]) -> Option<Result<Prelude, Fault>> {
    let end = read.windows(END_OF_PRELUDE.len()).position(|window| window == END_OF_PRELUDE)?;
    let Ok(Value::Object(prelude)) = serde_json::from_slice(read.get(..end).unwrap_or_default()) else { return Some(Err(failed())) };
    let mut headers = fields_of(&prelude);
    if !headers.iter().any(|field| field.name == "content-type") {
        headers.push(field("content-type", "application/octet-stream"));
    }
    let status = prelude.get("statusCode").and_then(status).unwrap_or(200);
    Some(Ok(Prelude { status, headers, length: end + END_OF_PRELUDE.len() }))
}

/// The beginning of a streamed answer, and what of it is body already.
pub async fn begin(pieces: &mut Pieces) -> Result<(EndpointAnswer, Bytes), Fault> {
    let mut answer = EndpointAnswer { status: 200, headers: vec![], body: Body::default() };
    let mut read = BytesMut::new();
    let mut kind: Option<String> = None;
    loop {
        match pieces.next().await {
            Some(Piece::Head(given)) => kind = given,
            Some(Piece::Bytes(bytes)) if kind.as_deref() != Some(WITH_PRELUDE) => {
                answer.headers.push(field("content-type", kind.as_deref().unwrap_or("application/octet-stream")));
                return Ok((answer, bytes));
            }
            Some(Piece::Bytes(bytes)) => {
                read.extend_from_slice(&bytes);
                if let Some(prelude) = prelude(&read) {
                    let Prelude { status, headers, length } = prelude?;
                    return Ok((EndpointAnswer { status, headers, ..answer }, read.split_off(length).freeze()));
                }
                if read.len() > LONGEST_PRELUDE {
                    return Err(failed());
                }
            }
            Some(Piece::End(outcome)) if outcome.failed => return Err(failed()),
            Some(Piece::End(_)) => return Ok((answer, Bytes::new())),
            None => return Err(failed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloudlet_shape::BodyContent;

    fn text(answer: &EndpointAnswer) -> String {
        match answer.body.take() {
            BodyContent::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            BodyContent::Stream(_) => panic!("a stream"),
        }
    }

    #[test]
    fn what_a_function_answers_becomes_a_response() {
        for (payload, status, body) in [
            (r#"{"hello": "world"}"#, 200, r#"{"hello":"world"}"#),
            (r#"{"statusCode": 201, "body": "b"}"#, 201, "b"),
            (r#"{"statusCode": "418", "body": "teapot"}"#, 418, "teapot"),
            (r#"{"statusCode": 200, "body": "aGk=", "isBase64Encoded": true}"#, 200, "hi"),
            (r#"["hello", 3, true]"#, 200, r#"["hello",3,true]"#),
            (r#""hello""#, 200, "hello"),
            ("3.1", 200, "3.1"),
            ("null", 200, ""),
        ] {
            let answer = answer(payload.as_bytes()).unwrap();
            assert_eq!((answer.status, text(&answer).as_str()), (status, body), "{payload}");
        }
        for broken in [r#"{"statusCode": "x"}"#, "no json", r#"{"statusCode": 200, "body": "?", "isBase64Encoded": true}"#] {
            assert_eq!(answer(broken.as_bytes()).unwrap_err().status(), 502, "{broken}");
        }
    }
}
