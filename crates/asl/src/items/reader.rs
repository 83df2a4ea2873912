//! One reader for all formats.

use super::{
    csv::Csv,
    format::Format,
    item::{Item, ReadError},
    json::Json,
    lines::{Lines, Of},
};

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
            Format::Jsonl => Kind::Lines(Lines::new(Of::Json)),
            Format::AthenaManifest => Kind::Lines(Lines::new(Of::Addresses)),
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
