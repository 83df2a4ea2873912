//! `aws:runDocument`: another document, of Systems Manager or one that was downloaded.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html#aws-rundocument>

use super::{
    download::object_of,
    execution::{Ended, Execution, OutputOf, PREPARATION, ProgramEnd, joined},
};
use cloudlet_engine::WorkerEnd;
use cloudlet_ssm_document::{Format, Given, read};
use serde_json::Value;

impl Execution<'_> {
    pub async fn document(&self, inputs: &Value, depth: usize) -> Ended {
        let path = inputs.get("documentPath").and_then(Value::as_str).unwrap_or_default();
        let document = match inputs.get("documentType").and_then(Value::as_str) {
            Some("SSMDocument") => {
                let found = self.read_document(path).await;
                found.and_then(|found| read(Format::Json, &found.content.unwrap_or_default()).map_err(|malformed| malformed.to_string()))
            }
            Some("LocalPath") => self.downloaded(path).await,
            other => Err(format!("Unsupported document type {}", other.unwrap_or_default())),
        };
        let document = match document {
            Ok(document) => document,
            Err(why) => return Ended::failed(why),
        };
        let given: Given = match inputs.get("documentParameters") {
            None | Some(Value::Null) => Given::new(),
            some => match object_of(some) {
                Some(Value::Object(fields)) => fields.into_iter().map(|(name, value)| (name, texts(value))).collect(),
                _ if some.and_then(Value::as_str) == Some("") => Given::new(),
                _ => return Ended::failed("documentParameters must be an object of JSON"),
            },
        };
        joined(self.nested(&document, &given, depth + 1).await)
    }

    /// A document among what was downloaded; without a path, the only one there.
    async fn downloaded(&self, path: &str) -> Result<Value, String> {
        let folder = format!("{}/downloads", self.folder());
        let script = "cd -- \"$1\" 2>/dev/null; if [ -n \"$0\" ]; then cat -- \"$0\"; else cat -- *.json *.yaml *.yml 2>/dev/null; fi";
        let ran = self.program(OutputOf::Nobody, "sh", &["-c", script, path, &folder], None, &[], PREPARATION).await?;
        if !matches!(ran.end, ProgramEnd::Ended(WorkerEnd::Exited(_))) || ran.output.is_empty() {
            return Err(format!("there is no document {path} among what was downloaded"));
        }
        let text = String::from_utf8_lossy(&ran.output);
        let format = if text.trim_start().starts_with('{') { Format::Json } else { Format::Yaml };
        read(format, &text).map_err(|malformed| malformed.to_string())
    }
}

/// A value as requests have it.
fn texts(value: Value) -> Vec<String> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    match value {
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => items.into_iter().map(text).collect(),
        other => vec![text(other)],
    }
}
