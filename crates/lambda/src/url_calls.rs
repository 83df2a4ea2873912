//! Function URLs as they are called: a request becomes an event, and what the function answers becomes a response.
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>

use crate::{
    Lambda, UrlPermissions, faults, limits,
    names::{LATEST, Named},
    outcomes::Event,
    pieces::{Piece, Pieces},
    scheduled::InvokeUrl,
    state::{FunctionKey, Url},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use cloudlet_api_lambda::{Cors, Invoke};
use cloudlet_aws::{Account, Fault, Head, Identity, Region, Scope, TimestampFormat};
use cloudlet_engine::{
    Cx, EndpointAnswer, EndpointCallers, EndpointField, EndpointRefusal, EndpointRequest, HttpEndpoint, HttpEndpoints, Permission, Permissions,
    handler,
};
use cloudlet_shape::{Body, BodyError, Operation};
use futures_util::stream;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Where URLs are served under the server's own name: `/_lambda-url/ID/…`.
const PATH: &str = "/_lambda-url/";
const LABEL: &str = "lambda-url.";
const BUFFERED_TYPE: &str = "application/json";
/// What code that streams says of its answer: a prelude in JSON, eight zeros, and the body.
const WITH_PRELUDE: &str = "application/vnd.awslambda.http-integration-response";
const END_OF_PRELUDE: [u8; 8] = [0; 8];
/// Bytes of a prelude. AWS: unverified.
const LONGEST_PRELUDE: usize = 64 << 10;

/// The id in `ID.lambda-url.REGION.…`.
fn id_of_host(host: &str) -> Option<&str> {
    let (id, rest) = host.split_once('.')?;
    rest.get(..LABEL.len()).filter(|label| label.eq_ignore_ascii_case(LABEL)).map(|_| id)
}

impl Lambda {
    /// The URL of this id, its function, and the alias that it is of.
    fn url(&self, id: &str) -> Option<(Arc<Url>, Named)> {
        self.store.read(|state| {
            let ((key, qualifier), url) = state.urls.iter().find(|(_, url)| url.id == id)?;
            let qualifier = Some(qualifier.clone()).filter(|qualifier| !qualifier.is_empty());
            Some((url.clone(), Named { key: key.clone(), qualifier }))
        })
    }
}

impl HttpEndpoints for Lambda {
    fn endpoint(&self, host: &str, path: &str) -> Option<HttpEndpoint> {
        let (id, path) = match path.strip_prefix(PATH) {
            Some(rest) => match rest.split_once('/') {
                Some((id, _)) => (id, rest.get(id.len()..).unwrap_or("/")),
                None => (rest, "/"),
            },
            None => (id_of_host(host)?, path),
        };
        let id = id.to_ascii_lowercase();
        let found = self.url(&id);
        let callers = match &found {
            Some((url, _)) if url.auth_type == "AWS_IAM" => EndpointCallers::Signed,
            _ => EndpointCallers::Anonymous,
        };
        let nowhere = || Scope::new(Account::default(), Region::new("us-east-1"));
        let scope = found.map_or_else(nowhere, |(_, named)| named.key.scope());
        // AWS: 6 MB, of which base64 takes a third.
        Some(HttpEndpoint { operation: InvokeUrl::SCHEMA, scope, id, path: path.to_owned(), callers, largest: limits::SYNCHRONOUS_BYTES })
    }

    fn preflight(&self, endpoint: &HttpEndpoint, head: &Head<'_>) -> Option<Vec<(&'static str, String)>> {
        let (url, _) = self.url(&endpoint.id)?;
        let cors = url.cors.as_deref()?;
        let origin = head.header("origin")?;
        head.header("access-control-request-method")?;
        let mut fields = origin_fields(cors, origin);
        if fields.is_empty() {
            return Some(fields);
        }
        let mut list = |name, values: Option<&Vec<String>>| {
            fields.extend(values.filter(|values| !values.is_empty()).map(|values| (name, values.join(","))));
        };
        list("access-control-allow-methods", cors.allow_methods.as_ref());
        list("access-control-allow-headers", cors.allow_headers.as_ref());
        fields.extend(cors.max_age.map(|seconds| ("access-control-max-age", seconds.to_string())));
        Some(fields)
    }

    fn refusal(&self, fault: &Fault) -> EndpointRefusal {
        let kind = ("x-amzn-errortype", fault.code().to_owned());
        let json = ("content-type", "application/json".to_owned());
        let message = |status, message: &str| EndpointRefusal {
            status,
            headers: vec![json.clone(), kind.clone()],
            body: json!({ "Message": message }).to_string(),
        };
        match fault.status() {
            // AWS: recorded: a function that fails is no fault of the request, and nothing of it is told.
            502 => EndpointRefusal {
                status: 502,
                headers: vec![("content-type", "application/octet-stream".into())],
                body: "Internal Server Error".into(),
            },
            403 if fault.code().contains("AccessDenied") || fault.message() == "Forbidden" => {
                let page = "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";
                message(403, &format!("Forbidden. For troubleshooting Function URL authorization issues, see: {page}"))
            }
            404 => EndpointRefusal { status: 404, headers: vec![json, kind], body: r#"{"Message":null}"#.into() },
            status => message(status, fault.message()),
        }
    }
}

/// What lets a page of an origin read the answer.
fn origin_fields(cors: &Cors, origin: &str) -> Vec<(&'static str, String)> {
    let origins = cors.allow_origins.as_deref().unwrap_or_default();
    let fits = |allowed: &String| {
        // AWS: a wildcard may stand for a part: `https://*.example.com`.
        match allowed.split_once('*') {
            Some((start, end)) => origin.len() >= start.len() + end.len() && origin.starts_with(start) && origin.ends_with(end),
            None => allowed.eq_ignore_ascii_case(origin),
        }
    };
    if !origins.iter().any(fits) {
        return vec![];
    }
    let all = origins.iter().any(|allowed| allowed == "*") && cors.allow_credentials != Some(true);
    let mut fields = vec![("access-control-allow-origin", if all { "*".to_owned() } else { origin.to_owned() })];
    if !all {
        fields.push(("vary", "Origin".to_owned()));
    }
    if cors.allow_credentials == Some(true) {
        fields.push(("access-control-allow-credentials", "true".to_owned()));
    }
    fields.extend(cors.expose_headers.as_ref().filter(|names| !names.is_empty()).map(|names| ("access-control-expose-headers", names.join(","))));
    fields
}

/// Whether a body of this type is handed over as text.
fn is_text(kind: Option<&str>) -> bool {
    let Some(kind) = kind else { return true };
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || matches!(kind.as_str(), "application/json" | "application/javascript" | "application/xml")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

fn unescaped(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// The payload of an event, in the format 2.0.
fn payload(cx: &Cx, url: &Url, named: &Named, request: &EndpointRequest) -> Value {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    let mut cookies = Vec::new();
    let mut host = String::new();
    for EndpointField { name, value } in &request.headers {
        match name.as_str() {
            "cookie" => cookies.extend(value.split(';').map(|cookie| cookie.trim().to_owned()).filter(|cookie| !cookie.is_empty())),
            // Of the connection, not of the request.
            "connection" | "keep-alive" | "transfer-encoding" | "te" | "upgrade" | "expect" | "proxy-connection" => {}
            _ => {
                let mut value = value.as_str();
                if name == "host" {
                    // AWS: a URL has no port.
                    value = value.split(':').next().unwrap_or_default();
                    value.clone_into(&mut host);
                }
                // AWS: several of a name are one, with commas.
                headers.entry(name.clone()).and_modify(|all| *all = format!("{all},{value}")).or_insert_with(|| value.to_owned());
            }
        }
    }
    let source = cx.origin.source_ip.map(|address| address.to_string()).unwrap_or_default();
    let port = cx.endpoint().rsplit_once(':').map(|(_, port)| port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = port.unwrap_or(if cx.origin.secure { "443" } else { "80" }).to_owned();
    headers.entry("x-forwarded-for".into()).and_modify(|all| *all = format!("{all}, {source}")).or_insert_with(|| source.clone());
    headers.insert("x-forwarded-proto".into(), if cx.origin.secure { "https" } else { "http" }.into());
    headers.insert("x-forwarded-port".into(), port);
    headers.entry("x-amzn-trace-id".into()).or_insert_with(|| format!("Root={}", trace_root(cx)));
    // AWS: a URL is HTTPS alone. Over plain HTTP the fields say what most clients of AWS agree on, for code that reads them.
    headers.insert("x-amzn-tls-version".into(), "TLSv1.3".into());
    headers.insert("x-amzn-tls-cipher-suite".into(), "TLS_AES_128_GCM_SHA256".into());
    let mut query: Map<String, Value> = Map::new();
    for pair in request.query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (unescaped(name), unescaped(value));
        match query.get_mut(&name) {
            Some(Value::String(all)) => *all = format!("{all},{value}"),
            _ => drop(query.insert(name, json!(value))),
        }
    }
    // `06 Nov 1994 08:49:37`, of `Sun, 06 Nov 1994 08:49:37 GMT`.
    let date = cx.now.text(TimestampFormat::HttpDate);
    let words: Vec<&str> = date.split(' ').skip(1).collect();
    let time = match words.as_slice() {
        [day, month, year, time, ..] => format!("{day}/{month}/{year}:{time} +0000"),
        _ => String::new(),
    };
    let agent = headers.get("user-agent").cloned();
    // AWS: recorded: what is called raw is unescaped.
    let path = percent_decode_str(&request.path).decode_utf8_lossy().into_owned();
    let mut context = json!({
        "accountId": "anonymous",
        "apiId": url.id,
        "domainName": host,
        "domainPrefix": url.id,
        "http": { "method": request.method, "path": path, "protocol": request.version, "sourceIp": source, "userAgent": agent },
        "requestId": cx.request_id.as_ref(),
        "routeKey": "$default",
        "stage": "$default",
        "time": time,
        "timeEpoch": cx.now.millis(),
    });
    if let (false, Value::Object(context)) = (cx.caller.is_anonymous(), &mut context) {
        let account = cx.caller.account.map_or_else(|| named.key.account.to_string(), |account| account.to_string());
        let user = if matches!(cx.caller.identity, Identity::Root) { account.as_str() } else { cx.caller.unique_id.as_ref() };
        let iam = json!({
            "accessKey": cx.caller.access_key.as_deref(),
            "accountId": account,
            "callerId": cx.caller.unique_id.as_ref(),
            "cognitoIdentity": null,
            "principalOrgId": null,
            "userArn": cx.caller.arn.as_ref(),
            "userId": user,
        });
        context.insert("authorizer".into(), json!({ "iam": iam }));
        context.insert("accountId".into(), account.into());
    }
    let kind = headers.get("content-type").map(String::as_str);
    let text = std::str::from_utf8(&request.body).ok().filter(|_| is_text(kind));
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": !request.body.is_empty() && text.is_none(),
    });
    if let Value::Object(fields) = &mut event {
        if !cookies.is_empty() {
            fields.insert("cookies".into(), json!(cookies));
        }
        if !query.is_empty() {
            fields.insert("queryStringParameters".into(), query.into());
        }
        if !request.body.is_empty() {
            fields.insert("body".into(), text.map_or_else(|| json!(STANDARD.encode(&request.body)), |text| json!(text)));
        }
    }
    event
}

/// `1-5759e988-bd862e3fe1be46a994272793`
fn trace_root(cx: &Cx) -> String {
    format!("1-{:08x}-{}", cx.now.millis() / 1_000, cx.ids().hex(24))
}

fn failed() -> Fault {
    faults::BAD_GATEWAY.says("Internal Server Error")
}

fn field(name: &str, value: impl Into<String>) -> EndpointField {
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
async fn begin(pieces: &mut Pieces) -> Result<(EndpointAnswer, Bytes), Fault> {
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

/// The permissions that a URL needs.
/// AWS: new URLs need both since October 2025. <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>
fn permissions(lambda: &Lambda, request: &EndpointRequest) -> Result<Permissions, Fault> {
    let (url, named) = lambda.url(&request.endpoint).ok_or_else(faults::no_resource)?;
    let qualifier = named.qualifier.as_deref().filter(|qualifier| *qualifier != LATEST).unwrap_or_default();
    let resource = if qualifier.is_empty() { named.key.arn() } else { named.key.qualified_arn(qualifier) };
    let policy = lambda.policy_of(&named.key, qualifier);
    let tags = lambda.tags_of(&named.key);
    let one = |permission: Permission| {
        let permission = permission.with_resource_tags(tags.clone()).with_policy(policy.clone());
        permission.with_key("lambda:FunctionUrlAuthType", url.auth_type.clone())
    };
    let mut all = Permissions::from(one(Permission::action("lambda:InvokeFunctionUrl", resource.clone())));
    if lambda.options.url_permissions == UrlPermissions::Both {
        all.push(one(Permission::of::<Invoke>(resource)).with_key("lambda:InvokedViaFunctionUrl", "true"));
    }
    Ok(all)
}

/// With what lets other origins read it, in place of what the function says of that.
fn shared(mut answer: EndpointAnswer, url: &Url, request: &EndpointRequest) -> EndpointAnswer {
    let Some(cors) = url.cors.as_deref() else { return answer };
    let Some(origin) = request.headers.iter().find(|field| field.name == "origin") else { return answer };
    answer.headers.retain(|field| !field.name.starts_with("access-control-"));
    answer.headers.extend(origin_fields(cors, &origin.value).into_iter().map(|(name, value)| field(name, value)));
    answer
}

/// The function of a URL, and the key under which it runs.
fn event(cx: &Cx, url: &Url, named: &Named, request: &EndpointRequest) -> Result<Event, Fault> {
    let payload = Bytes::from(payload(cx, url, named, request).to_string());
    if payload.len() > limits::SYNCHRONOUS_BYTES {
        return Err(faults::REQUEST_TOO_LARGE.says("Request Entity Too Large"));
    }
    let trace = cx.origin.trace.as_deref().map(str::to_owned);
    Ok(Event { request_id: cx.request_id.to_string(), payload, client_context: None, trace })
}

handler!(Lambda, InvokeUrl, |lambda, cx, input| permissions(lambda, input), |lambda, cx, input| {
    let (url, named) = lambda.url(&input.endpoint).ok_or_else(faults::no_resource)?;
    let event = event(cx, &url, &named, &input)?;
    if url.invoke_mode != "RESPONSE_STREAM" {
        let (resolved, function) = lambda.resolved(cx, &named)?;
        let outcome = lambda.run(cx, &named, &resolved, &function, event).await?;
        let answer = if outcome.failed { Err(failed()) } else { answer(&outcome.payload) };
        return Ok(with_trace(shared(answer?, &url, &input), cx));
    }
    let mut pieces = lambda.stream(cx, &named, event).await?;
    let (answer, first) = begin(&mut pieces).await?;
    let body = stream::unfold((Some(first), pieces), |(first, mut pieces)| async move {
        if let Some(first) = first.filter(|first| !first.is_empty()) {
            return Some((Ok(first), (None, pieces)));
        }
        loop {
            match pieces.next().await? {
                Piece::Head(_) => {}
                Piece::Bytes(bytes) => return Some((Ok(bytes), (None, pieces))),
                // AWS: a stream that fails in its middle breaks off.
                Piece::End(outcome) if outcome.failed => return Some((Err(BodyError::Broken("the function failed".into())), (None, pieces))),
                Piece::End(_) => return None,
            }
        }
    });
    let answer = EndpointAnswer { body: Body::stream(Box::pin(body), None), ..answer };
    Ok(with_trace(shared(answer, &url, &input), cx))
});

fn with_trace(mut answer: EndpointAnswer, cx: &Cx) -> EndpointAnswer {
    answer.headers.push(field("x-amzn-requestid", cx.request_id.as_ref()));
    answer
}

impl Lambda {
    pub fn tags_of(&self, key: &FunctionKey) -> cloudlet_shape::Map<String> {
        self.store.read(|state| state.functions.get(key).map(|function| function.tags.clone())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: &EndpointAnswer) -> String {
        match answer.body.take() {
            cloudlet_shape::BodyContent::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            cloudlet_shape::BodyContent::Stream(_) => panic!("a stream"),
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

    #[test]
    fn hosts_name_urls() {
        assert_eq!(id_of_host("abc.lambda-url.us-east-1.on.aws"), Some("abc"));
        assert_eq!(id_of_host("abc.Lambda-URL.us-east-1.localhost:4566"), Some("abc"));
        assert_eq!(id_of_host("lambda-url.us-east-1.localhost"), None);
        assert_eq!(id_of_host("abc.s3.localhost"), None);
    }

    #[test]
    fn origins_are_compared() {
        let cors = |origins: &[&str]| Cors { allow_origins: Some(origins.iter().map(|origin| (*origin).to_owned()).collect()), ..Cors::default() };
        let allowed = |cors: &Cors, origin| origin_fields(cors, origin).first().map(|(_, value)| value.clone());
        assert_eq!(allowed(&cors(&["*"]), "https://a.example").as_deref(), Some("*"));
        assert_eq!(allowed(&cors(&["https://a.example"]), "https://a.example").as_deref(), Some("https://a.example"));
        assert_eq!(allowed(&cors(&["https://*.example"]), "https://a.example").as_deref(), Some("https://a.example"));
        assert_eq!(allowed(&cors(&["https://b.example"]), "https://a.example"), None);
    }
}
