//! What a session does: read from its document and its parameters.

use super::preferences::Preferences;
use crate::{
    Ssm,
    documents::{Resolved, VersionSelector},
    faults,
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, NodeAddress};
use cloudlet_shape::Map;
use cloudlet_ssm_document::{DocumentType, Given, Parameters, substitute};
use serde_json::Value;
use std::sync::Arc;

/// The preferences of an account, which it makes when it has some.
pub const RUN_SHELL: &str = "SSM-SessionManagerRunShell";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A shell.
    StandardStream,
    /// A command in a terminal.
    Interactive {
        commands: String,
        elevated: bool,
    },
    /// A command without one. Its words are the program and its arguments.
    NonInteractive {
        words: Vec<String>,
        elevated: bool,
        separate: Option<(String, String)>,
    },
    Port {
        to: NodeAddress,
        several: bool,
    },
    /// A command in a container: words, in a terminal.
    Container {
        words: Vec<String>,
        environment: Map<String>,
        /// Where the keys of its role are.
        credentials_path: Option<String>,
    },
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub target: Arc<str>,
    pub kind: Kind,
    pub session_type: &'static str,
    /// For the client.
    pub properties: Value,
    pub preferences: Preferences,
    /// The document with the preferences that apply, and the values of its parameters: for an agent.
    pub document: Value,
    pub values: Value,
}

impl Plan {
    /// Encryption and transcripts are not for ports.
    pub fn is_port(&self) -> bool {
        matches!(self.kind, Kind::Port { .. })
    }

    pub fn kms_key(&self) -> Option<&str> {
        self.preferences.kms_key.as_deref().filter(|_| !self.is_port())
    }

    pub fn shakes_hands(&self) -> bool {
        self.kms_key().is_some() || matches!(self.kind, Kind::Port { .. } | Kind::NonInteractive { .. })
    }
}

/// Of a Go template of the document: texts and lists of one.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(flag)) => flag.to_string(),
        _ => String::new(),
    }
}

/// Words as a shell splits them, and nothing else of a shell. `None`: a quote is left open.
pub fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote, mut characters) = (Vec::new(), None::<String>, None, line.chars());
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('"'), '\\') | (None, '\\') => {
                if let Some(next) = characters.next() {
                    word.get_or_insert_default().push(next);
                }
            }
            (Some(_), other) => word.get_or_insert_default().push(other),
            (None, open @ ('\'' | '"')) => {
                quote = Some(open);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            (None, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Addresses that no port may be forwarded to: those of metadata, of name servers and of clocks.
const FORBIDDEN: [&str; 9] = [
    "169.254.169.254",
    "fd00:ec2::254",
    "169.254.169.253",
    "fd00:ec2::253",
    "169.254.169.123",
    "fd00:ec2::123",
    "169.254.169.250",
    "169.254.169.251",
    "fd00:ec2::240",
];

/// AWS: the documents of ports have lists as parameters, and agents and clients take texts in their place.
pub fn plain(values: &Value) -> Value {
    let one = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([one]) => one.clone(),
        _ => value.clone(),
    };
    values.as_object().map(|values| values.iter().map(|(name, value)| (name.clone(), one(value))).collect()).unwrap_or_default()
}

fn port(properties: &Value) -> Result<(NodeAddress, bool), Fault> {
    let (host, number) = (text(properties.get("host")), text(properties.get("portNumber")));
    let several = text(properties.get("type")) == "LocalPortForwarding";
    if number.starts_with('/') {
        return Ok((NodeAddress::Socket(number), several));
    }
    let Ok(number) = number.parse::<u16>() else {
        // AWS: unverified message.
        return Err(faults::validation(format!("{number:?} is not a port.")));
    };
    if FORBIDDEN.contains(&host.as_str()) {
        return Err(faults::validation(format!("Forwarding to IP address {host} is forbidden.")));
    }
    let is_own = matches!(host.as_str(), "" | "localhost" | "127.0.0.1" | "::1");
    Ok((if is_own { NodeAddress::Port(number) } else { NodeAddress::Host(host, number) }, several))
}

/// Values of parameters as requests have them, from those of a document.
pub fn given_of(values: &Value) -> Given {
    let texts = |value: &Value| match value {
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => items.iter().map(|item| text(Some(item))).collect(),
        Value::Object(_) | Value::Array(_) => vec![value.to_string()],
        other => vec![text(Some(other))],
    };
    values.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), texts(value))).collect()
}

fn given(parameters: Option<Map<Vec<String>>>) -> Given {
    parameters.into_iter().flatten().collect()
}

/// A document that is no document of sessions.
fn is_no_session(name: &str) -> Fault {
    // AWS: unverified message.
    faults::INVALID_DOCUMENT.says(format!("Document {name} is not of type Session."))
}

impl Ssm {
    pub async fn session_plan(&self, cx: &Cx, target: &str, document: Option<&str>, parameters: Option<Map<Vec<String>>>) -> Result<Plan, Fault> {
        let found: Option<Resolved> = match document {
            Some(name) if name != RUN_SHELL => Some(self.documents.resolve(cx, name, VersionSelector::default())?),
            _ => self.documents.find(cx, RUN_SHELL),
        };
        let of_account = self.documents.find(cx, RUN_SHELL).map(|found| found.value()).unwrap_or_default();
        let Some(found) = found else {
            if parameters.is_some_and(|parameters| parameters.iter().next().is_some()) {
                return Err(faults::INVALID_PARAMETERS.says("The document does not support parameters."));
            }
            return Plan::of(target.into(), serde_json::json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream" }), &Given::new());
        };
        if found.kind() != DocumentType::Session {
            return Err(is_no_session(found.name()));
        }
        let mut document = found.value();
        if document.get("inputs").is_none_or(Value::is_null)
            && let (Value::Object(parts), Some(inputs)) = (&mut document, of_account.get("inputs"))
        {
            parts.insert("inputs".to_owned(), inputs.clone());
        }
        Plan::of(target.into(), document, &given(parameters))
    }
}

impl Plan {
    /// What a document of the type Session says, with these parameters.
    pub fn of(target: Arc<str>, value: Value, given: &Given) -> Result<Plan, Fault> {
        let values = Parameters::of(&value).values(given).map_err(|invalid| faults::INVALID_PARAMETERS.says(invalid.to_string()))?;
        let lookup = |name: &str| values.get(name).cloned();
        let part = |name: &str| substitute(value.get(name).unwrap_or(&Value::Null), &lookup);
        let (inputs, properties) = (part("inputs"), part("properties"));
        let properties = if properties.is_object() { plain(&properties) } else { properties };
        let preferences = Preferences::of(&inputs)?;
        let linux = properties.get("linux");
        let commands = text(linux.and_then(|linux| linux.get("commands")));
        let elevated = text(linux.and_then(|linux| linux.get("runAsElevated"))) == "true";
        let (kind, session_type) = match value.get("sessionType").and_then(Value::as_str).unwrap_or("Standard_Stream") {
            "InteractiveCommands" => (Kind::Interactive { commands, elevated }, "InteractiveCommands"),
            "NonInteractiveCommands" => {
                let words = words(&commands).filter(|words| !words.is_empty());
                let words = words.ok_or_else(|| faults::validation("Failed to parse commands input"))?;
                let separate = text(linux.and_then(|linux| linux.get("separateOutputStream"))).eq_ignore_ascii_case("true");
                let prefix = |name: &str| text(linux.and_then(|linux| linux.get(name)));
                let separate = separate.then(|| (prefix("stdOutSeparatorPrefix"), prefix("stdErrSeparatorPrefix")));
                (Kind::NonInteractive { words, elevated, separate }, "NonInteractiveCommands")
            }
            "Port" => {
                let (to, several) = port(&properties)?;
                (Kind::Port { to, several }, "Port")
            }
            _ => (Kind::StandardStream, "Standard_Stream"),
        };
        let values = Value::Object(values.clone());
        Ok(Plan { target, kind, session_type, properties, preferences, document: value, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_and_no_shell_is_there() {
        let split = |line: &str| words(line).unwrap();
        assert_eq!(split("ls -l  /tmp"), ["ls", "-l", "/tmp"]);
        assert_eq!(split("echo 'a b' \"c \\\" d\" e\\ f ''"), ["echo", "a b", "c \" d", "e f", ""]);
        assert_eq!(split("a && b"), ["a", "&&", "b"]);
        assert!(words("echo 'open").is_none() && split("  ").is_empty());
    }

    #[test]
    fn what_clients_are_told_of_a_port_are_texts() {
        let document = serde_json::json!({
            "schemaVersion": "1.0", "sessionType": "Port",
            "parameters": {"portNumber": {"type": "StringList"}, "localPortNumber": {"type": "StringList", "default": ["0"]}},
            "properties": {"portNumber": "{{ portNumber }}", "localPortNumber": "{{ localPortNumber }}", "type": "LocalPortForwarding"},
        });
        let given: Given = [("portNumber".to_owned(), vec!["80".to_owned()])].into_iter().collect();
        let plan = Plan::of("mi-1".into(), document, &given).unwrap();
        assert_eq!(plan.properties, serde_json::json!({"portNumber": "80", "localPortNumber": "0", "type": "LocalPortForwarding"}));
    }

    #[test]
    fn ports_lead_to_the_node_or_to_a_host() {
        let to = |properties: Value| port(&properties);
        let json = |host: &str, number: &str, kind: &str| serde_json::json!({"host": [host], "portNumber": [number], "type": kind});
        assert_eq!(to(json("", "80", "LocalPortForwarding")).unwrap(), (NodeAddress::Port(80), true));
        assert_eq!(to(json("localhost", "22", "")).unwrap(), (NodeAddress::Port(22), false));
        assert_eq!(to(json("db", "5432", "LocalPortForwarding")).unwrap().0, NodeAddress::Host("db".into(), 5432));
        assert_eq!(to(json("", "/run/x.sock", "LocalPortForwarding")).unwrap().0, NodeAddress::Socket("/run/x.sock".into()));
        assert!(to(json("169.254.169.254", "80", "")).is_err() && to(json("", "70000", "")).is_err() && to(json("", "", "")).is_err());
    }
}
