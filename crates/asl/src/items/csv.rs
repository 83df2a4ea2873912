//! CSV as RFC 4180 writes it: quoted fields, doubled quotes, any line ending, a byte order mark.

use super::{
    format::CsvHeaders,
    item::{Item, LARGEST_ITEM, ReadError, refuse_duplicates, too_large, wrong},
};
use serde_json::{Map, Value};

pub(super) struct Csv {
    headers: Option<Vec<String>>,
    delimiter: u8,
    /// The fields of the row so far, and the bytes of the one that is read.
    row: Vec<String>,
    field: Vec<u8>,
    at: At,
    row_bytes: usize,
    /// How much of a byte order mark was seen; 3 when it is over.
    mark: usize,
    after_return: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first byte of a field.
    Start,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the end, or the first of two.
    Quote,
}

const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

impl Csv {
    pub fn new(headers: CsvHeaders, delimiter: u8) -> Csv {
        let headers = match headers {
            CsvHeaders::FirstRow => None,
            CsvHeaders::Given(names) => Some(names),
        };
        Csv { headers, delimiter, row: Vec::new(), field: Vec::new(), at: At::Start, row_bytes: 0, mark: 0, after_return: false }
    }

    pub fn push(&mut self, bytes: &[u8], items: &mut Vec<Item>) -> Result<(), ReadError> {
        for byte in bytes {
            if self.mark < MARK.len() {
                if MARK.get(self.mark) == Some(byte) {
                    self.mark += 1;
                    continue;
                }
                // What looked like a mark was text.
                let seen = MARK.get(..self.mark).unwrap_or_default().to_vec();
                self.mark = MARK.len();
                for byte in seen {
                    self.byte(byte, items)?;
                }
            }
            self.byte(*byte, items)?;
        }
        Ok(())
    }

    pub fn finish(mut self, items: &mut Vec<Item>) -> Result<(), ReadError> {
        if self.at == At::Quoted {
            return wrong("A quoted field of the CSV file is not closed");
        }
        if self.at != At::Start || !self.row.is_empty() {
            self.end_row(items)?;
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8, items: &mut Vec<Item>) -> Result<(), ReadError> {
        self.row_bytes += 1;
        if self.row_bytes > LARGEST_ITEM {
            return too_large();
        }
        if std::mem::take(&mut self.after_return) && byte == b'\n' {
            return Ok(());
        }
        match (self.at, byte) {
            (At::Quoted, b'"') => self.at = At::Quote,
            (At::Quoted, _) => self.field.push(byte),
            (At::Start, b'"') => self.at = At::Quoted,
            (At::Quote, b'"') => {
                self.field.push(b'"');
                self.at = At::Quoted;
            }
            (_, b'\n') => self.end_row(items)?,
            (_, b'\r') => {
                self.after_return = true;
                self.end_row(items)?;
            }
            (_, byte) if byte == self.delimiter => {
                self.end_field()?;
                self.at = At::Start;
            }
            _ => {
                self.field.push(byte);
                self.at = At::Plain;
            }
        }
        Ok(())
    }

    fn end_field(&mut self) -> Result<(), ReadError> {
        match String::from_utf8(std::mem::take(&mut self.field)) {
            Ok(text) => self.row.push(text),
            Err(_) => return wrong("The CSV file is not UTF-8"),
        }
        Ok(())
    }

    fn end_row(&mut self, items: &mut Vec<Item>) -> Result<(), ReadError> {
        let empty = self.at == At::Start && self.row.is_empty();
        if !empty {
            self.end_field()?;
        }
        self.at = At::Start;
        self.row_bytes = 0;
        let row = std::mem::take(&mut self.row);
        if empty {
            return Ok(());
        }
        let Some(headers) = &self.headers else {
            refuse_duplicates(&row)?;
            self.headers = Some(row);
            return Ok(());
        };
        // AWS: short rows are filled with empty strings, long ones are cut.
        let cells = row.into_iter().chain(std::iter::repeat(String::new()));
        let mut pairs: Vec<(String, Value)> = headers.iter().cloned().zip(cells.map(Value::String)).collect();
        // AWS: in the order of their names (recorded).
        pairs.sort_by(|one, other| one.0.cmp(&other.0));
        items.push(Item { key: None, value: Value::Object(pairs.into_iter().collect::<Map<String, Value>>()) });
        Ok(())
    }
}
