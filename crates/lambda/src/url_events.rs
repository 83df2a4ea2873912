//! Requests to function URLs as events, in the format 2.0.
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads>

use crate::{names::Named, state::Url};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_aws::{Identity, TimestampFormat};
use cloudlet_engine::{Cx, EndpointField, EndpointRequest};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

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
pub fn payload(cx: &Cx, url: &Url, named: &Named, request: &EndpointRequest) -> Value {
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
