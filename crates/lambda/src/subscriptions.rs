//! Requests of extensions to be sent what is written: to the Telemetry API, and to the Logs API before it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html>

use serde_json::Value;
use std::time::Duration;

/// AWS: an environment's subscriptions are all to one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    Telemetry,
    Logs,
}

impl Interface {
    pub fn of(path: &str) -> Option<Interface> {
        match path.trim_end_matches('/') {
            "/2022-07-01/telemetry" => Some(Interface::Telemetry),
            "/2020-08-15/logs" => Some(Interface::Logs),
            _ => None,
        }
    }

    fn schemas(self) -> &'static [&'static str] {
        match self {
            Interface::Telemetry => &["2022-07-01", "2022-12-13", "2025-01-29"],
            Interface::Logs => &["2020-08-15", "2021-03-18"],
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Interface::Telemetry => "Telemetry",
            Interface::Logs => "Logs",
        }
    }

    /// The type of a fault about a request.
    pub fn invalid(self) -> &'static str {
        match self {
            Interface::Telemetry => "ValidationError",
            Interface::Logs => "Logs.ValidationError",
        }
    }
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    Platform,
    Function,
    Extension,
}

impl Category {
    fn of(text: &str) -> Option<Category> {
        match text {
            "platform" => Some(Category::Platform),
            "function" => Some(Category::Function),
            "extension" => Some(Category::Extension),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Category::Platform => "platform",
            Category::Function => "function",
            Category::Extension => "extension",
        }
    }
}

/// Where in the environment it is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Http { port: u16, path: String },
    Tcp { port: u16 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub interface: Interface,
    pub schema: String,
    pub categories: Vec<Category>,
    pub destination: Destination,
    /// A batch is sent once it has so many entries, or bytes, or has waited so long.
    pub most_items: usize,
    pub most_bytes: usize,
    pub patience: Duration,
}

impl Subscription {
    /// Whether lines that are documents are told as such.
    pub fn has_documents(&self) -> bool {
        self.interface == Interface::Telemetry && self.schema != "2022-07-01"
    }

    /// Whether it is told that the code is done with an event.
    pub fn has_runtime_done(&self) -> bool {
        self.interface == Interface::Telemetry || self.schema != "2020-08-15"
    }
}

/// Smallest, largest, and what there is without a request.
/// <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html#telemetry-api-buffering>
const ITEMS: (u64, u64, u64) = (1_000, 10_000, 10_000);
const BYTES: (u64, u64, u64) = (262_144, 1_048_576, 262_144);
const MILLIS: (u64, u64, u64) = (25, 30_000, 1_000);
/// AWS: the names of an environment's own network. <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html#telemetry-api-destination>
const HOSTS: [&str; 2] = ["sandbox.localdomain", "sandbox"];
/// That of the Runtime API.
const RESERVED_PORT: u16 = 9001;

/// What is wrong with a request, a sentence each.
/// AWS: recorded are "URI port is not provided" and "types should not be empty"; the others are unverified.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    fn number(&mut self, document: &Value, name: &str, (least, most, usual): (u64, u64, u64)) -> u64 {
        let Some(value) = document.pointer(&format!("/buffering/{name}")).filter(|value| !value.is_null()) else { return usual };
        value.as_u64().filter(|number| (least..=most).contains(number)).unwrap_or_else(|| {
            self.add(format!("buffering.{name} should be between {least} and {most}"));
            usual
        })
    }

    fn port(&mut self, port: Option<u16>, absent: &str) -> u16 {
        match port.filter(|port| *port > 0) {
            Some(RESERVED_PORT) => self.add(format!("port {RESERVED_PORT} is reserved")),
            Some(port) => return port,
            None => self.add(absent),
        }
        0
    }

    fn destination(&mut self, document: &Value) -> Destination {
        let text = |name: &str| document.pointer(&format!("/destination/{name}")).and_then(Value::as_str);
        match text("protocol") {
            Some("HTTP") => {
                let uri = text("URI").unwrap_or_default();
                let rest = uri.strip_prefix("http://").unwrap_or_default();
                let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
                let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, port.parse().ok()));
                if !HOSTS.contains(&host) {
                    self.add(format!("URI should be http://{}", HOSTS.first().copied().unwrap_or_default()));
                }
                let port = self.port(port, "URI port is not provided");
                let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
                Destination::Http { port, path }
            }
            Some("TCP") => {
                let port = document.pointer("/destination/port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
                Destination::Tcp { port: self.port(port, "port is not provided") }
            }
            _ => {
                self.add("destination.protocol should be HTTP or TCP");
                Destination::Tcp { port: 0 }
            }
        }
    }
}

/// Reads a request, or says what is wrong with it.
pub fn read(interface: Interface, body: &[u8]) -> Result<Subscription, String> {
    let document: Value = serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
    let mut problems = Problems::default();
    let schemas = interface.schemas();
    let schema = match document.get("schemaVersion").and_then(Value::as_str) {
        Some(schema) if schemas.contains(&schema) => schema,
        None if interface == Interface::Logs => "2020-08-15",
        _ => {
            problems.add(format!("schemaVersion should be one of {}", schemas.join(", ")));
            ""
        }
    };
    let types = document.get("types").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut categories = Vec::new();
    for value in types {
        match value.as_str().and_then(Category::of) {
            Some(category) if categories.contains(&category) => {}
            Some(category) => categories.push(category),
            None => problems.add(format!("types should not have {value}")),
        }
    }
    if types.is_empty() {
        problems.add("types should not be empty");
    }
    let destination = problems.destination(&document);
    let mut size = |name, limits| usize::try_from(problems.number(&document, name, limits)).unwrap_or(usize::MAX);
    let (most_items, most_bytes) = (size("maxItems", ITEMS), size("maxBytes", BYTES));
    let patience = Duration::from_millis(problems.number(&document, "timeoutMs", MILLIS));
    if !problems.0.is_empty() {
        return Err(problems.0.join("; "));
    }
    Ok(Subscription { interface, schema: schema.to_owned(), categories, destination, most_items, most_bytes, patience })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reads(document: &Value) -> Result<Subscription, String> {
        read(Interface::Telemetry, document.to_string().as_bytes())
    }

    #[test]
    fn a_subscription_has_what_aws_gives_it() {
        let found = reads(&json!({
            "schemaVersion": "2022-12-13",
            "types": ["platform", "function"],
            "destination": { "protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/a?b=c" },
        }));
        let found = found.unwrap();
        assert_eq!(found.destination, Destination::Http { port: 8080, path: "/a?b=c".into() });
        assert_eq!((found.most_items, found.most_bytes, found.patience), (10_000, 262_144, Duration::from_secs(1)));
        let logs = json!({ "types": ["extension"], "destination": { "protocol": "TCP", "port": 5000 }, "buffering": { "timeoutMs": 25 } });
        let found = read(Interface::Logs, logs.to_string().as_bytes()).unwrap();
        assert_eq!((found.schema.as_str(), found.destination), ("2020-08-15", Destination::Tcp { port: 5000 }));
        assert_eq!(found.patience, Duration::from_millis(25));
    }

    #[test]
    fn what_is_wrong_is_said_at_once() {
        let found = reads(&json!({
            "schemaVersion": "2022-07-01",
            "types": [],
            "destination": { "protocol": "HTTP", "URI": "http://sandbox.localdomain" },
        }));
        assert_eq!(found.unwrap_err(), "types should not be empty; URI port is not provided");
        let right = json!({ "schemaVersion": "2022-07-01", "types": ["platform"], "destination": { "protocol": "TCP", "port": 5000 } });
        for (pointer, value) in [
            ("/schemaVersion", json!("2020-08-15")),
            ("/types", json!(["platform", "party"])),
            ("/destination", json!({ "protocol": "HTTP", "URI": "http://example.com:80/" })),
            ("/destination", json!({ "protocol": "HTTP", "URI": "https://sandbox.localdomain:80/" })),
            ("/destination", json!({ "protocol": "TCP", "port": 9001 })),
            ("/destination", json!({ "protocol": "TCP", "port": 70_000 })),
            ("/destination/protocol", json!("UDP")),
        ] {
            let mut wrong = right.clone();
            *wrong.pointer_mut(pointer).unwrap() = value;
            assert!(reads(&wrong).is_err(), "{wrong}");
        }
        for buffering in [json!({ "timeoutMs": 24 }), json!({ "maxItems": 10_001 }), json!({ "maxBytes": 1 }), json!({ "maxBytes": "many" })] {
            let mut wrong = right.clone();
            wrong["buffering"] = buffering;
            assert!(reads(&wrong).is_err(), "{wrong}");
        }
        assert!(read(Interface::Telemetry, b"{").is_err());
        assert!(reads(&right).is_ok());
    }
}
