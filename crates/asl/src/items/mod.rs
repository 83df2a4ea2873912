//! What ItemReader reads: the items of CSV, JSON, JSON Lines and manifest files, over bytes that are given in pieces.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html>

mod batch;
mod csv;
mod format;
mod inventory;
mod item;
mod json;
mod lines;
mod reader;

pub use batch::{Batch, Batcher};
pub use format::{CsvHeaders, Format, format_of};
pub use inventory::{Inventory, InventoryFile, inventory};
pub use item::{Item, ReadError};
pub use reader::Items;

#[cfg(test)]
mod tests;
