//! Requests to the server: as nobody (to register), as the machine with its own key, and as the node's role.

use crate::{identity::Identity, options::Options};
use bytes::Bytes;
use cloudlet_api_sts::Credentials;
use cloudlet_aws::{Blame, Fault, Head, Region, Timestamp};
use cloudlet_engine::{ByteStream, HttpClient, HttpRequest, HttpResponse, Runtime};
use cloudlet_http_client::{Bounds, Client, connect};
use cloudlet_session_channel::control::{CreateChannel, SCHEMA};
use cloudlet_sigv4::{Flavor, payload::sha256, sign::Signer};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;

const TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of an answer.
const ANSWER: usize = 32 << 20;
/// How long before their end keys are renewed.
const MARGIN: i64 = 600;

pub struct Service {
    pub endpoint: String,
    pub region: Region,
    pub identity: Identity,
    pub runtime: Arc<Runtime>,
    http: Client,
    keys: Mutex<Option<Credentials>>,
}

/// A request before it is signed.
pub struct Request<'r> {
    pub service: &'r str,
    pub method: &'static str,
    /// Escaped.
    pub path: &'r str,
    pub query: &'r str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Request<'_> {
    /// An operation of a service of JSON.
    pub fn json(service: &'static str, target: &str, body: String) -> Request<'static> {
        let headers = vec![("content-type", "application/x-amz-json-1.1".to_owned()), ("x-amz-target", target.to_owned())];
        Request { service, method: "POST", path: "/", query: "", headers, body: body.into() }
    }
}

pub fn client() -> Client {
    Client::new(Bounds { requests: 64, answer: ANSWER })
}

fn authority(endpoint: &str) -> &str {
    endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest).trim_end_matches('/')
}

/// Names of fields as the client takes them.
fn known(name: &str) -> Option<&'static str> {
    ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "authorization"].into_iter().find(|known| *known == name)
}

/// What went wrong, as the server tells it in JSON or XML.
fn fault(response: &HttpResponse) -> Fault {
    let text = String::from_utf8_lossy(&response.body);
    let (code, message) = match serde_json::from_str::<Value>(&text) {
        Ok(value) => {
            let member = |names: [&str; 2]| names.iter().find_map(|name| value.get(*name)?.as_str()).unwrap_or_default().to_owned();
            let code = member(["__type", "code"]);
            (code.rsplit('#').next().unwrap_or_default().to_owned(), member(["message", "Message"]))
        }
        Err(_) => of_xml(&text).unwrap_or_else(|| ("Unknown".to_owned(), format!("the server answered {}", response.status))),
    };
    let blame = if response.status >= 500 { Blame::Receiver } else { Blame::Sender };
    Fault::named(code, response.status, blame, message)
}

fn of_xml(text: &str) -> Option<(String, String)> {
    let document = roxmltree::Document::parse(text).ok()?;
    let root = document.root_element();
    let of = |name: &str| root.descendants().find(|node| node.has_tag_name(name)).and_then(|node| node.text()).map(str::to_owned);
    let code = of("Code").unwrap_or_else(|| root.tag_name().name().to_owned());
    Some((code, of("Message").unwrap_or_default()))
}

/// The server could not be asked.
fn unreachable(why: impl ToString) -> Fault {
    Fault::named("Unreachable", 503, Blame::Receiver, why.to_string())
}

pub async fn deliver(http: &Client, endpoint: &str, request: Request<'_>, signed: Vec<(String, String)>) -> Result<HttpResponse, Fault> {
    let mut headers = request.headers;
    headers.extend(signed.into_iter().filter_map(|(name, value)| Some((known(&name)?, value))));
    let question = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let to = format!("{endpoint}{}{question}", request.path);
    let sent = http.send(HttpRequest { method: request.method, to, headers, body: request.body, timeout: TIMEOUT }).await;
    let response = sent.map_err(unreachable)?;
    if (200..300).contains(&response.status) { Ok(response) } else { Err(fault(&response)) }
}

pub fn json_of(response: &HttpResponse) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

pub fn text_of(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

impl Service {
    pub fn new(options: &Options, identity: Identity, runtime: Arc<Runtime>) -> Service {
        let endpoint = options.endpoint.trim_end_matches('/').to_owned();
        Service { endpoint, region: options.region.clone(), identity, runtime, http: client(), keys: Mutex::default() }
    }

    fn now(&self) -> Timestamp {
        self.runtime.clock.now()
    }

    fn headers(&self, request: &Request<'_>, signer: &Signer<'_>, sign: Option<&dyn Fn(&str) -> String>) -> Vec<(String, String)> {
        let mut fields: Vec<(String, String)> = vec![("host".to_owned(), authority(&self.endpoint).to_owned())];
        fields.extend(request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let head = Head { method: request.method, path: request.path, query: request.query, headers: &fields };
        let hash = sha256(&request.body);
        match sign {
            Some(sign) => signer.headers_with(&head, hash.as_str(), self.now(), sign),
            None => signer.headers(&head, hash.as_str(), self.now()),
        }
    }

    /// As the role.
    pub async fn send(&self, request: Request<'_>) -> Result<HttpResponse, Fault> {
        let keys = self.keys().await?;
        let flavor = if request.service == "s3" { Flavor::S3 } else { Flavor::Other };
        let signer = Signer {
            access_key: &keys.access_key_id,
            secret: &keys.secret_access_key,
            session_token: Some(&keys.session_token),
            region: self.region.as_str(),
            service: request.service,
            flavor,
        };
        let signed = self.headers(&request, &signer, None);
        let answer = deliver(&self.http, &self.endpoint, request, signed).await;
        // A server that was started anew without its data does not know them.
        if answer.as_ref().is_err_and(|fault| fault.name() == "UnrecognizedClientException") {
            *self.keys.lock().await = None;
        }
        answer
    }

    /// The keys of the node's role.
    pub async fn keys(&self) -> Result<Credentials, Fault> {
        let mut keys = self.keys.lock().await;
        if let Some(keys) = keys.as_ref().filter(|keys| keys.expiration > self.now().plus_secs(MARGIN)) {
            return Ok(keys.clone());
        }
        let body = json!({ "Fingerprint": self.identity.fingerprint }).to_string();
        let request = Request::json("ssm", "AmazonSSM.RequestManagedInstanceRoleToken", body);
        let signer = Signer {
            access_key: &self.identity.id,
            secret: "",
            session_token: None,
            region: self.region.as_str(),
            service: "ssm",
            flavor: Flavor::Other,
        };
        let signed = self.headers(&request, &signer, Some(&|text| self.identity.sign(text)));
        let value = json_of(&deliver(&self.http, &self.endpoint, request, signed).await?);
        let text = |name: &str| text_of(&value, name).ok_or_else(|| unreachable("the server gave no keys"));
        let expires = value.get("TokenExpirationDate").and_then(Value::as_f64).and_then(Timestamp::from_epoch);
        let new = Credentials {
            access_key_id: text("AccessKeyId")?,
            secret_access_key: text("SecretAccessKey")?,
            session_token: text("SessionToken")?,
            expiration: expires.unwrap_or_else(|| self.now()),
        };
        *keys = Some(new.clone());
        Ok(new)
    }

    /// An operation of Systems Manager, as the role.
    pub async fn ssm(&self, operation: &str, body: &Value) -> Result<Value, Fault> {
        let request = Request::json("ssm", &format!("AmazonSSM.{operation}"), body.to_string());
        self.send(request).await.map(|response| json_of(&response))
    }

    /// The token with which a channel is opened. `path`: `/v1/control-channel/ID`.
    pub async fn channel_token(&self, path: &str) -> Result<String, Fault> {
        let id = || self.runtime.ids.uuid();
        let body = CreateChannel { message_schema_version: SCHEMA.to_owned(), request_id: id(), client_id: id() };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let headers = vec![("content-type", "application/json".to_owned())];
        let request = Request { service: "ssmmessages", method: "POST", path, query: "", headers, body: body.into() };
        let response = self.send(request).await?;
        let text = String::from_utf8_lossy(&response.body).into_owned();
        let document = roxmltree::Document::parse(&text).map_err(unreachable)?;
        let token = document.descendants().find(|node| node.has_tag_name("TokenValue")).and_then(|node| node.text());
        token.map(str::to_owned).ok_or_else(|| unreachable("the server gave no token"))
    }

    /// The address of this machine, seen from where the server is. Nothing is sent.
    pub fn own_address(&self) -> String {
        let host = authority(&self.endpoint);
        let host = if host.rsplit_once(':').is_some() { host.to_owned() } else { format!("{host}:80") };
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect(host).and_then(|()| socket.local_addr()));
        socket.map_or_else(|_| "127.0.0.1".to_owned(), |address| address.ip().to_string())
    }

    /// A connection for a websocket, and its URL.
    pub async fn connect(&self, path: &str) -> Result<(Box<dyn ByteStream>, String), String> {
        let stream = connect(&self.endpoint).await.map_err(|error| error.to_string())?;
        let scheme = if self.endpoint.starts_with("https://") { "wss" } else { "ws" };
        Ok((stream, format!("{scheme}://{}{path}", authority(&self.endpoint))))
    }
}

/// Waits in real time.
pub async fn rest(runtime: &Runtime, time: Duration) {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    runtime.clock.sleep_until(Timestamp(runtime.clock.now().millis().saturating_add(millis))).await;
}
