//! Whether content is a document of its type. What other languages have to say of it is asked here: runbooks, change templates, calendars.

use crate::{change_calendars, change_manager::template, faults};
use cloudlet_aws::Fault;
use cloudlet_runbook::Runbook;
use cloudlet_ssm_document::{DocumentType, Format, MAX_CONTENT, Refused, Validated, validate};
use serde_json::Value;

/// A reader of documents of a type that the crate of documents does not know: it is given the content and its value.
type Check = fn(&str, &Value) -> Result<(), Refused>;

/// Types whose content has a language of its own, each with what reads it.
const LANGUAGES: [(DocumentType, Check); 3] =
    [(DocumentType::Automation, runbook), (DocumentType::ChangeCalendar, change_calendars::check), (DocumentType::ChangeTemplate, template::check)];

fn runbook(_: &str, value: &Value) -> Result<(), Refused> {
    Runbook::read(value).map(|_| ()).map_err(|problem| Refused::Content(problem.0))
}

fn elsewhere(kind: DocumentType, content: &str, value: &Value) -> Result<(), Refused> {
    LANGUAGES.iter().find(|(of, _)| *of == kind).map_or(Ok(()), |(_, check)| check(content, value))
}

pub fn content(kind: DocumentType, format: Format, content: &str) -> Result<Validated, Fault> {
    if content.len() > MAX_CONTENT {
        return Err(faults::MAX_DOCUMENT_SIZE_EXCEEDED.says("The size limit of a document is 64 KB."));
    }
    validate(kind, format, content, &elsewhere).map_err(|refused| match refused {
        Refused::Content(reason) => faults::INVALID_DOCUMENT_CONTENT.says(reason),
        Refused::SchemaVersion(reason) => faults::INVALID_DOCUMENT_SCHEMA_VERSION.says(reason),
    })
}
