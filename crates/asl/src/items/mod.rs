//! What ItemReader reads: the items of CSV, JSON, JSON Lines and manifest files, over bytes that are given in pieces.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html>

mod csv;
mod format;
mod inventory;
mod json;
mod lines;

pub use format::{CsvHeaders, Format, format_of};
pub use inventory::{Inventory, InventoryFile, inventory};

use csv::Csv;
use json::Json;
use lines::Lines;
use serde_json::Value;

/// One item of a Map.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The key of an object's field: `Map.Item.Key`.
    pub key: Option<String>,
    pub value: Value,
}

/// AWS's words about a file that cannot be read: the cause of States.ItemReaderFailed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(pub String);

/// The largest item. AWS: unverified; the input of a child is smaller by far.
const LARGEST_ITEM: usize = 8 * 1024 * 1024;

/// Reads one file: pieces in, items out. Its memory is that of one item.
pub struct Items(Kind);

enum Kind {
    Csv(Csv),
    Json(Box<Json>),
    Lines(Lines),
}

impl Items {
    pub fn new(format: Format) -> Items {
        Items(match format {
            Format::Csv { headers, delimiter } => Kind::Csv(Csv::new(headers, delimiter)),
            Format::Json { pointer } => Kind::Json(Box::new(Json::new(pointer.as_deref()))),
            Format::Jsonl => Kind::Lines(Lines::new(lines::Of::Json)),
            Format::AthenaManifest => Kind::Lines(Lines::new(lines::Of::Addresses)),
        })
    }

    /// Takes the next piece; the items that end in it are added.
    pub fn push(&mut self, bytes: &[u8], items: &mut Vec<Item>) -> Result<(), ReadError> {
        match &mut self.0 {
            Kind::Csv(csv) => csv.push(bytes, items),
            Kind::Json(json) => json.push(bytes, items),
            Kind::Lines(lines) => lines.push(bytes, items),
        }
    }

    /// The file ends here.
    pub fn finish(self, items: &mut Vec<Item>) -> Result<(), ReadError> {
        match self.0 {
            Kind::Csv(csv) => csv.finish(items),
            Kind::Json(json) => json.finish(),
            Kind::Lines(lines) => lines.finish(items),
        }
    }
}

fn wrong<T>(message: impl Into<String>) -> Result<T, ReadError> {
    Err(ReadError(message.into()))
}

fn too_large<T>() -> Result<T, ReadError> {
    wrong(format!("An item is larger than {LARGEST_ITEM} bytes"))
}

#[cfg(test)]
mod tests;
