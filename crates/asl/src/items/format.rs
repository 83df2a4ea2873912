//! ReaderConfig: which format a file has.

use super::item::{ReadError, refuse_duplicates, wrong};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    Csv {
        headers: CsvHeaders,
        delimiter: u8,
    },
    /// An array, or an object whose fields are the items; `pointer` is ItemsPointer.
    Json {
        pointer: Option<String>,
    },
    Jsonl,
    /// `s3://bucket/key` on every line: files to read in their turn.
    AthenaManifest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsvHeaders {
    FirstRow,
    Given(Vec<String>),
}

/// AWS: bytes of CSVHeaders.
const LONGEST_HEADERS: usize = 10 * 1024;
/// AWS: an ItemsPointer is shorter than this.
const LONGEST_POINTER: usize = 2000;

/// The format of the files that hold items. Manifests are read first: see `ManifestType`.
pub fn format_of(config: &Value) -> Result<Format, ReadError> {
    let text = |name: &str| config.get(name).and_then(Value::as_str);
    match text("InputType") {
        Some("CSV") => csv(config),
        Some("JSON") => match text("ItemsPointer") {
            Some(pointer) if pointer.len() >= LONGEST_POINTER => wrong("The field 'ItemsPointer' is too long"),
            Some(pointer) if !pointer.is_empty() && !pointer.starts_with('/') => wrong("The field 'ItemsPointer' is not a valid JSON Pointer"),
            pointer => Ok(Format::Json { pointer: pointer.map(str::to_owned) }),
        },
        Some("JSONL") => Ok(Format::Jsonl),
        Some("PARQUET") => wrong("Items of type PARQUET cannot be read"),
        Some(other) => wrong(format!("Items of type {other} cannot be read")),
        None => wrong("The field 'InputType' is required but was missing"),
    }
}

fn csv(config: &Value) -> Result<Format, ReadError> {
    let text = |name: &str| config.get(name).and_then(Value::as_str);
    let delimiter = match text("CSVDelimiter") {
        None | Some("COMMA") => b',',
        Some("PIPE") => b'|',
        Some("SEMICOLON") => b';',
        Some("SPACE") => b' ',
        Some("TAB") => b'\t',
        Some(other) => return wrong(format!("The CSVDelimiter {other} is not known")),
    };
    let headers = match text("CSVHeaderLocation") {
        Some("FIRST_ROW") => CsvHeaders::FirstRow,
        Some("GIVEN") => {
            let given = config.get("CSVHeaders").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let names: Vec<String> = given.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            if names.is_empty() {
                return wrong("The field 'CSVHeaders' is required but was missing");
            }
            if names.iter().map(String::len).sum::<usize>() > LONGEST_HEADERS {
                return wrong("The CSV headers are longer than 10 KiB");
            }
            refuse_duplicates(&names)?;
            CsvHeaders::Given(names)
        }
        _ => return wrong("The field 'CSVHeaderLocation' is required but was missing"),
    };
    Ok(Format::Csv { headers, delimiter })
}
