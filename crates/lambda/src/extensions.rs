//! The Extensions API, as one execution environment sees it: processes beside the function that are told of its events and of its end.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use bytes::Bytes;
use cloudlet_engine::{LocalRequest, LocalResponse};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::Notify;

pub const VERSION: &str = "/2020-01-01/extension";
/// The events that are told, as AWS writes them.
const INVOKE: &str = "INVOKE";
const SHUTDOWN: &str = "SHUTDOWN";
/// AWS: ten, of both kinds together.
const MOST: usize = 10;

/// What the function is called, for the answer to a registration.
#[derive(Clone, Debug, Default)]
pub struct Described {
    pub name: String,
    pub version: String,
    pub handler: String,
    pub account: String,
}

#[derive(Default)]
pub struct Extensions {
    state: Mutex<State>,
    arrived: Notify,
    described: Described,
    /// The files that were started, which have to register.
    expected: Vec<String>,
}

#[derive(Default)]
struct State {
    registered: BTreeMap<String, Extension>,
    /// One of them cannot go on, and why.
    failure: Option<Bytes>,
}

struct Extension {
    name: String,
    events: Vec<String>,
    waiting: VecDeque<Value>,
    /// It asks for an event, and has none.
    is_idle: bool,
    /// It has asked for its first event, and that has been told.
    is_told: bool,
}

/// What an event tells the extensions.
pub struct InvokeEvent<'t> {
    pub request_id: &'t str,
    pub function_arn: &'t str,
    pub deadline: i64,
    pub trace: Option<&'t str>,
}

impl Extensions {
    pub fn new(expected: Vec<String>, described: Described) -> Extensions {
        Extensions { expected, described, ..Extensions::default() }
    }

    pub fn described(&self) -> &Described {
        &self.described
    }

    /// Whether each that was started has registered, and all that have wait for events.
    pub fn are_idle(&self) -> bool {
        let state = self.state.lock();
        let has = |name: &String| state.registered.values().any(|extension| extension.name == *name);
        self.expected.iter().all(has) && state.registered.values().all(|extension| extension.is_idle)
    }

    pub fn failure(&self) -> Option<Bytes> {
        self.state.lock().failure.clone()
    }

    pub fn are_any(&self) -> bool {
        !self.state.lock().registered.is_empty()
    }

    /// The extensions that have become ready since this was asked before: their names, and the events that they want.
    pub fn newly_ready(&self) -> Vec<(String, Vec<String>)> {
        let mut state = self.state.lock();
        let new = state.registered.values_mut().filter(|extension| extension.is_idle && !extension.is_told);
        let told = |extension: &mut Extension| {
            extension.is_told = true;
            (extension.name.clone(), extension.events.clone())
        };
        new.map(told).collect()
    }

    fn tell(&self, event: &str, document: &Value) {
        let mut state = self.state.lock();
        for extension in state.registered.values_mut().filter(|extension| extension.events.iter().any(|wanted| wanted == event)) {
            extension.waiting.push_back(document.clone());
            extension.is_idle = false;
        }
        drop(state);
        self.arrived.notify_waiters();
    }

    /// Whether one of them is to be told of the end.
    pub fn wait_for_end(&self) -> bool {
        self.state.lock().registered.values().any(|extension| extension.events.iter().any(|wanted| wanted == SHUTDOWN))
    }

    pub fn tell_invoke(&self, told: &InvokeEvent<'_>) {
        if !self.are_any() {
            return;
        }
        let tracing = told.trace.map(|trace| json!({ "type": "X-Amzn-Trace-Id", "value": trace }));
        let document = json!({
            "eventType": INVOKE,
            "deadlineMs": told.deadline,
            "requestId": told.request_id,
            "invokedFunctionArn": told.function_arn,
            "tracing": tracing.unwrap_or_else(|| json!({ "type": "X-Amzn-Trace-Id", "value": "" })),
        });
        self.tell(INVOKE, &document);
    }

    /// `why`: `spindown`, `timeout`, `failure`.
    pub fn tell_shutdown(&self, why: &str, deadline: i64) {
        self.tell(SHUTDOWN, &json!({ "eventType": SHUTDOWN, "shutdownReason": why, "deadlineMs": deadline }));
    }

    fn register(&self, request: &LocalRequest, id: String) -> LocalResponse {
        let Some(name) = request.header("lambda-extension-name").filter(|name| !name.is_empty()) else {
            return refused(400, "Extension.InvalidExtensionName", "Extension name is missing");
        };
        let document: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let events: Vec<String> =
            document.get("events").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        // AWS: those within the function's own process are not told of its end: its runtime interface emulator says so.
        let is_internal = !self.expected.iter().any(|expected| expected == name);
        let why = |event: &String| match event.as_str() {
            INVOKE => None,
            SHUTDOWN if is_internal => Some(format!("{SHUTDOWN}: ShutdownEventNotSupportedForInternalExtension")),
            SHUTDOWN => None,
            other => Some(format!("{other}: ErrorInvalidEventType")),
        };
        if let Some(why) = events.iter().find_map(why) {
            return refused(403, "Extension.InvalidEventType", &why);
        }
        let mut state = self.state.lock();
        if state.registered.values().any(|extension| extension.name == name) {
            return refused(403, "Extension.AlreadyRegistered", "An extension of this name is registered");
        }
        if state.registered.len() >= MOST {
            return refused(403, "Extension.TooManyExtensions", "Extension limit (10) reached.");
        }
        let extension = Extension { name: name.to_owned(), events, waiting: VecDeque::new(), is_idle: false, is_told: false };
        state.registered.insert(id.clone(), extension);
        let mut answer = json!({
            "functionName": self.described.name,
            "functionVersion": self.described.version,
            "handler": self.described.handler,
        });
        let wants_account = request.header("lambda-extension-accept-feature").is_some_and(|features| features.contains("accountId"));
        if let (true, Value::Object(members)) = (wants_account, &mut answer) {
            members.insert("accountId".into(), json!(self.described.account));
        }
        let mut answer = answered(200, &answer);
        answer.headers.push(("Lambda-Extension-Identifier", id));
        answer
    }

    /// The name of the extension that a request is from.
    pub fn sender_name(&self, request: &LocalRequest) -> Result<String, LocalResponse> {
        let id = self.sender(request)?;
        Ok(self.state.lock().registered.get(&id).map(|extension| extension.name.clone()).unwrap_or_default())
    }

    /// The extension that a request is from.
    fn sender(&self, request: &LocalRequest) -> Result<String, LocalResponse> {
        let id = request.header("lambda-extension-identifier").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| refused(403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"))?;
        if self.state.lock().registered.contains_key(id) {
            return Ok(id.to_owned());
        }
        Err(refused(403, "Extension.UnknownExtensionIdentifier", "Unknown extension identifier"))
    }

    fn fail(&self, request: &LocalRequest, phase: &str) {
        let kind = request.header("lambda-extension-function-error-type").unwrap_or("Extension.Unknown");
        let document = json!({ "errorType": kind, "errorMessage": format!("extension: {phase} error") });
        self.state.lock().failure.get_or_insert_with(|| document.to_string().into());
    }

    /// Waits for the next event of an extension. `idle` is called when it asks and there is none.
    async fn next(&self, id: &str, idle: &(dyn Fn() + Send + Sync)) -> LocalResponse {
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            {
                let mut state = self.state.lock();
                let Some(extension) = state.registered.get_mut(id) else {
                    return refused(403, "Extension.UnknownExtensionIdentifier", "Unknown extension identifier");
                };
                if let Some(document) = extension.waiting.pop_front() {
                    extension.is_idle = false;
                    return answered(200, &document);
                }
                extension.is_idle = true;
            }
            idle();
            arrived.await;
        }
    }

    /// Answers a request below the API's path. `id` is for a new registration; `idle` is called when an extension asks for an event and has none.
    pub async fn answer(&self, path: &str, request: &LocalRequest, id: String, idle: &(dyn Fn() + Send + Sync)) -> LocalResponse {
        if (request.method.as_str(), path) == ("POST", "/register") {
            return self.register(request, id);
        }
        let id = match self.sender(request) {
            Ok(id) => id,
            Err(refused) => return refused,
        };
        match (request.method.as_str(), path) {
            ("GET", "/event/next") => self.next(&id, idle).await,
            ("POST", "/init/error") => {
                self.fail(request, "init");
                idle();
                answered(202, &json!({ "status": "OK" }))
            }
            ("POST", "/exit/error") => {
                self.fail(request, "exit");
                idle();
                answered(202, &json!({ "status": "OK" }))
            }
            _ => refused(404, "NotFound", "There is nothing at this path"),
        }
    }
}

pub fn refused(status: u16, kind: &str, message: &str) -> LocalResponse {
    answered(status, &json!({ "errorMessage": message, "errorType": kind }))
}

pub fn answered(status: u16, document: &Value) -> LocalResponse {
    LocalResponse { status, headers: vec![("Content-Type", "application/json".to_owned())], body: document.to_string().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, headers: &[(&str, &str)], body: &str) -> LocalRequest {
        LocalRequest {
            method: method.into(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Bytes::from(body.to_owned()),
            ..LocalRequest::default()
        }
    }

    #[tokio::test]
    async fn an_extension_registers_and_is_told_of_events() {
        let extensions = Extensions::new(vec!["a".into()], Described { name: "f".into(), ..Described::default() });
        assert!(!extensions.are_idle(), "the one that was started has not registered");
        let events = r#"{"events":["INVOKE","SHUTDOWN"]}"#;
        let answer = extensions.answer("/register", &request("POST", &[("lambda-extension-name", "a")], events), "id".into(), &|| {}).await;
        assert_eq!(answer.status, 200);
        assert!(answer.headers.contains(&("Lambda-Extension-Identifier", "id".into())));
        let told = InvokeEvent { request_id: "r", function_arn: "arn", deadline: 1, trace: None };
        extensions.tell_invoke(&told);
        let next = request("GET", &[("lambda-extension-identifier", "id")], "");
        let answer = extensions.answer("/event/next", &next, String::new(), &|| {}).await;
        let document: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((document["eventType"].as_str(), document["requestId"].as_str()), (Some("INVOKE"), Some("r")));
        let idle = Mutex::new(0);
        let count = || *idle.lock() += 1;
        let waiting = extensions.answer("/event/next", &next, String::new(), &count);
        tokio::select! {
            biased;
            _ = waiting => panic!("there is no event"),
            () = std::future::ready(()) => {}
        }
        assert!(extensions.are_idle());
    }

    #[tokio::test]
    async fn unknown_extensions_and_events_are_refused() {
        let extensions = Extensions::default();
        let next = request("GET", &[("lambda-extension-identifier", "x")], "");
        assert_eq!(extensions.answer("/event/next", &next, String::new(), &|| {}).await.status, 403);
        assert_eq!(extensions.answer("/event/next", &request("GET", &[], ""), String::new(), &|| {}).await.status, 403);
        let bad = request("POST", &[("lambda-extension-name", "a")], r#"{"events":["PARTY"]}"#);
        assert_eq!(extensions.answer("/register", &bad, "id".into(), &|| {}).await.status, 403);
        let end = request("POST", &[("lambda-extension-name", "a")], r#"{"events":["SHUTDOWN"]}"#);
        let refused = extensions.answer("/register", &end, "id".into(), &|| {}).await;
        assert!(refused.status == 403 && String::from_utf8_lossy(&refused.body).contains("ShutdownEventNotSupportedForInternalExtension"));
    }
}
