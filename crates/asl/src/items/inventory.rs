//! `manifest.json` of S3 Inventory: where the files of the inventory are, and their columns.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html>

use super::{
    format::{CsvHeaders, Format},
    item::{ReadError, refuse_duplicates, wrong},
};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Inventory {
    /// The bucket of the files.
    pub bucket: String,
    pub files: Vec<InventoryFile>,
    pub format: Format,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryFile {
    pub key: String,
    pub size: Option<u64>,
}

/// Reads a manifest. The files are CSV, compressed with gzip.
pub fn inventory(bytes: &[u8]) -> Result<Inventory, ReadError> {
    let Ok(manifest) = serde_json::from_slice::<Value>(bytes) else { return wrong("The manifest is not valid JSON") };
    let text = |name: &str| manifest.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("fileFormat") != "CSV" {
        return wrong(format!("An inventory of format {} cannot be read", text("fileFormat")));
    }
    let bucket = text("destinationBucket");
    let bucket = bucket.rsplit(":::").next().unwrap_or(bucket).to_owned();
    let headers: Vec<String> = text("fileSchema").split(',').map(|name| name.trim().to_owned()).collect();
    refuse_duplicates(&headers)?;
    let files = manifest.get("files").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let files = files
        .iter()
        .filter_map(|file| Some(InventoryFile { key: file.get("key")?.as_str()?.to_owned(), size: file.get("size").and_then(Value::as_u64) }));
    Ok(Inventory { bucket, files: files.collect(), format: Format::Csv { headers: CsvHeaders::Given(headers), delimiter: b',' } })
}
