//! Whether content is a document of its type, and what is known of it then.

use crate::{
    DocumentType, Format, Parameters, Platform, content, parameters,
    schema::{Node, Others, Violation},
    steps,
};
use serde_json::Value;
use std::fmt;

/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm>
pub const MAX_CONTENT: usize = 64 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// InvalidDocumentContent, with its reason.
    Content(String),
    /// InvalidDocumentSchemaVersion
    SchemaVersion(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Content(message) | Refused::SchemaVersion(message) => f.write_str(message),
        }
    }
}

impl From<Violation> for Refused {
    fn from(violation: Violation) -> Refused {
        Refused::Content(violation.to_string())
    }
}

#[derive(Clone, Debug)]
pub struct Validated {
    pub value: Value,
    pub schema_version: Option<String>,
    pub description: Option<String>,
    pub parameters: Parameters,
    pub platforms: Vec<Platform>,
}

/// What reads documents that this crate does not: runbooks, change templates, calendars. It is given the type, the content and its value.
pub type CheckElsewhere<'c> = &'c dyn Fn(DocumentType, &str, &Value) -> Result<(), Refused>;

pub fn validate(kind: DocumentType, format: Format, text: &str, elsewhere: CheckElsewhere<'_>) -> Result<Validated, Refused> {
    if !kind.takes(format) {
        return Err(Refused::Content(format!("Document format {} is not supported for document type {}.", format.as_str(), kind.as_str())));
    }
    let value = content::read(format, text).map_err(|malformed| Refused::Content(malformed.to_string()))?;
    let node = Node::root(&value);
    let mut validated =
        Validated { schema_version: None, description: None, parameters: Parameters::default(), platforms: Vec::new(), value: Value::Null };
    if format != Format::Text {
        let versions = kind.schema_versions();
        if !versions.is_empty() {
            let version = schema_version(&node)?;
            if !versions.contains(&version.as_str()) {
                return Err(Refused::SchemaVersion(format!("{version} is not a valid schema version for {} document type", kind.as_str())));
            }
            validated.schema_version = Some(version);
        } else {
            node.object(&[], &[], Others::Allowed)?;
            validated.schema_version = value.get("schemaVersion").and_then(Value::as_str).map(str::to_owned);
        }
        validated.description = value.get("description").and_then(Value::as_str).map(str::to_owned);
        if let Some(declared) = node.get("parameters")
            && !versions.is_empty()
        {
            validated.parameters = parameters::read(&declared)?;
        }
    }
    match kind {
        DocumentType::Command | DocumentType::Policy => validated.platforms = steps::read(&node)?.platforms(),
        DocumentType::Session => {
            session(&node)?;
            validated.platforms = Platform::ALL.to_vec();
        }
        DocumentType::Package => package(&node)?,
        DocumentType::CloudFormation if format != Format::Text => node.object(&["schemaVersion", "templateBody"], &[], Others::Allowed)?,
        DocumentType::Automation | DocumentType::ChangeTemplate => {
            node.object(&["schemaVersion"], &[], Others::Allowed)?;
            validated.platforms = Platform::ALL.to_vec();
            elsewhere(kind, text, &value)?;
        }
        DocumentType::ChangeCalendar => elsewhere(kind, text, &value)?,
        _ => {}
    }
    validated.value = value;
    Ok(validated)
}

fn schema_version(node: &Node<'_>) -> Result<String, Refused> {
    node.object(&["schemaVersion"], &[], Others::Allowed)?;
    match node.get("schemaVersion").map(|node| node.value) {
        Some(Value::String(version)) => Ok(version.clone()),
        // YAML without quotes.
        Some(Value::Number(version)) => Ok(version.to_string()),
        _ => Ok(node.get("schemaVersion").map(|node| node.text()).transpose()?.unwrap_or_default().to_owned()),
    }
}

/// The inputs of the preferences of sessions.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html>
const SESSION_INPUTS: [&str; 13] = [
    "s3BucketName",
    "s3KeyPrefix",
    "s3EncryptionEnabled",
    "cloudWatchLogGroupName",
    "cloudWatchEncryptionEnabled",
    "cloudWatchStreamingEnabled",
    "kmsKeyId",
    "runAsEnabled",
    "runAsDefaultUser",
    "idleSessionTimeout",
    "maxSessionDuration",
    "shellProfile",
    "separateOutputStream",
];

fn session(node: &Node<'_>) -> Result<(), Refused> {
    node.object(&["schemaVersion", "sessionType"], &["description", "parameters", "inputs", "properties"], Others::Refused)?;
    let Some(kind) = node.get("sessionType") else { return Ok(()) };
    kind.one_of(&["InteractiveCommands", "NonInteractiveCommands", "Port", "Standard_Stream"])?;
    if let Some(inputs) = node.get("inputs") {
        inputs.object(&[], &SESSION_INPUTS, Others::Refused)?;
        for (key, least, most) in [("idleSessionTimeout", 1, 60), ("maxSessionDuration", 1, 1_440)] {
            let Some(minutes) = inputs.get(key) else { continue };
            // A variable, or nothing.
            if minutes.value.as_str().is_some_and(|text| text.is_empty() || text.contains("{{")) {
                continue;
            }
            if !(least..=most).contains(&minutes.count()?) {
                // AWS: unverified message.
                return Err(Refused::Content(format!("The value of {key} must be between {least} and {most} minutes.")));
            }
        }
        if let Some(profile) = inputs.get("shellProfile") {
            profile.object(&[], &["windows", "linux", "macos"], Others::Refused)?;
        }
    }
    Ok(())
}

fn package(node: &Node<'_>) -> Result<(), Refused> {
    node.object(&["schemaVersion", "packages", "files"], &["description", "parameters", "version", "publisher"], Others::Allowed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(kind: DocumentType, value: &Value) -> Result<Validated, String> {
        validate(kind, Format::Json, &value.to_string(), &|_, _, _| Ok(())).map_err(|refused| refused.to_string())
    }

    fn command(steps: &Value) -> Value {
        json!({"schemaVersion": "2.2", "description": "d", "parameters": {"a": {"type": "String", "default": "x"}}, "mainSteps": steps})
    }

    #[test]
    fn a_command_has_steps_and_platforms() {
        let step = json!([{"action": "aws:runShellScript", "name": "s", "inputs": {"runCommand": ["ls {{ a }}"]}}]);
        let validated = check(DocumentType::Command, &command(&step)).unwrap();
        assert_eq!(validated.platforms, [Platform::Linux, Platform::MacOs]);
        assert_eq!(validated.schema_version.as_deref(), Some("2.2"));
        let both = json!([
            {"action": "aws:runShellScript", "name": "l", "precondition": {"StringEquals": ["platformType", "Linux"]}, "inputs": {}},
            {"action": "aws:runPowerShellScript", "name": "w", "precondition": {"StringEquals": ["platformType", "Windows"]}, "inputs": {}},
        ]);
        assert_eq!(check(DocumentType::Command, &command(&both)).unwrap().platforms, [Platform::Windows, Platform::Linux]);
        let old = json!({"schemaVersion": "1.2", "description": "d", "runtimeConfig": {"aws:runShellScript": {"properties":
            [{"id": "0.aws:runShellScript", "runCommand": "{{ commands }}"}]}}});
        assert!(check(DocumentType::Command, &old).is_ok());
    }

    #[test]
    fn what_is_refused_is_said_with_the_reason() {
        let said = |kind, value: Value| check(kind, &value).unwrap_err();
        assert!(said(DocumentType::Command, json!({})).contains("missing required properties ([\\\"schemaVersion\\\"])"));
        assert_eq!(said(DocumentType::Session, json!({"schemaVersion": "2.0"})), "2.0 is not a valid schema version for Session document type");
        assert!(said(DocumentType::Command, command(&json!([]))).contains("too short"));
        assert!(said(DocumentType::Command, command(&json!([{"action": "aws:none", "name": "s"}]))).contains("not found in enum"));
        assert!(said(DocumentType::Command, command(&json!([{"action": "aws:runShellScript"}]))).contains("missing required properties"));
        assert!(said(DocumentType::Command, command(&json!([{"action": "aws:runShellScript", "name": "s", "inputs": []}]))).contains("(array)"));
        assert!(said(DocumentType::CloudFormation, json!({"Resources": {}})).contains(r#"([\"schemaVersion\",\"templateBody\"])"#));
        assert!(said(DocumentType::ChangeCalendar, json!({})).contains("JSON"));
        let session = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"idleSessionTimeout": "61"}});
        assert!(said(DocumentType::Session, session).contains("between 1 and 60"));
    }
}
