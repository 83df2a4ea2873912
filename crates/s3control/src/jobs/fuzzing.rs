//! What the fuzz targets call.

use super::{
    csv::{self, Columns},
    inflate,
    manifest::InventoryManifest,
};

/// Bucket and key of a line, under the names of the columns.
pub fn read_row(schema: &str, line: &str) -> Option<(String, String)> {
    let row = csv::row(line, Columns::of(schema.split(','))?)?;
    Some((row.bucket, row.key))
}

pub fn gunzip(file: &[u8], most: usize) -> Option<Vec<u8>> {
    inflate::gunzip(file, most).ok()
}

/// How many files an inventory report has.
pub fn inventory_manifest(text: &[u8]) -> Option<usize> {
    InventoryManifest::parse(text).ok().map(|manifest| manifest.files.len())
}
