//! Files with an item on every line: JSON Lines, and the manifests of Athena.

use super::item::{Item, LARGEST_ITEM, ReadError, too_large, wrong};
use serde_json::Value;

pub(super) struct Lines {
    of: Of,
    line: Vec<u8>,
    number: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Json,
    /// `s3://bucket/key`
    Addresses,
}

impl Lines {
    pub fn new(of: Of) -> Lines {
        Lines { of, line: Vec::new(), number: 0 }
    }

    pub fn push(&mut self, mut bytes: &[u8], items: &mut Vec<Item>) -> Result<(), ReadError> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(bytes.get(..end).unwrap_or_default());
            self.end_line(items)?;
            bytes = bytes.get(end + 1..).unwrap_or_default();
        }
        self.line.extend_from_slice(bytes);
        if self.line.len() > LARGEST_ITEM { too_large() } else { Ok(()) }
    }

    pub fn finish(mut self, items: &mut Vec<Item>) -> Result<(), ReadError> {
        self.end_line(items)
    }

    fn end_line(&mut self, items: &mut Vec<Item>) -> Result<(), ReadError> {
        self.number += 1;
        if self.line.len() > LARGEST_ITEM {
            return too_large();
        }
        let line = std::mem::take(&mut self.line);
        let Ok(text) = std::str::from_utf8(&line) else { return wrong(format!("Line {} is not UTF-8", self.number)) };
        let text = if self.number == 1 { text.trim_start_matches('\u{feff}') } else { text }.trim();
        if text.is_empty() {
            return Ok(());
        }
        let value = match self.of {
            Of::Json => match serde_json::from_str(text) {
                Ok(value) => value,
                Err(error) => return wrong(format!("Line {} is not valid JSON: {error}", self.number)),
            },
            Of::Addresses => {
                let address = text.trim_matches('"');
                let parts = address.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
                if !parts.is_some_and(|(bucket, key)| !bucket.is_empty() && !key.is_empty()) {
                    return wrong(format!("Line {} of the manifest is not an address of an object: {address}", self.number));
                }
                Value::String(address.to_owned())
            }
        };
        items.push(Item { key: None, value });
        Ok(())
    }
}
