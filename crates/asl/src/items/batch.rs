//! ItemBatcher: items become the inputs of children, several in one.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html>

use super::item::{ReadError, wrong};
use crate::text::size;
use serde_json::{Value, json};

/// AWS: bytes of an input.
const LARGEST: usize = 262_144;

/// The input of a child, and how many items are in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub input: Value,
    pub count: i64,
}

/// Collects items into batches. Without limits each item is an input of its own.
pub struct Batcher {
    limits: Option<(usize, usize)>,
    input: Option<Value>,
    /// Bytes of a batch beside its items.
    around: usize,
    items: Vec<Value>,
    bytes: usize,
}

impl Batcher {
    pub fn new(most_items: Option<i64>, most_bytes: Option<i64>, input: Option<Value>) -> Batcher {
        let number = |most: Option<i64>| most.and_then(|most| usize::try_from(most).ok());
        let limits = (most_items.is_some() || most_bytes.is_some())
            .then(|| (number(most_items).unwrap_or(usize::MAX).max(1), number(most_bytes).unwrap_or(LARGEST)));
        let around = input.as_ref().map_or(12, |input| size(input) + 27);
        Batcher { limits, input, around, items: Vec::new(), bytes: around }
    }

    /// Takes the next item; the batch that it does not fit into is added.
    pub fn push(&mut self, item: Value, batches: &mut Vec<Batch>) -> Result<(), ReadError> {
        let Some((most_items, most_bytes)) = self.limits else {
            batches.push(Batch { input: item, count: 1 });
            return Ok(());
        };
        let length = size(&item) + 1;
        if self.around + length > most_bytes {
            // AWS: unverified wording.
            return wrong("An item is larger than a batch may be.");
        }
        if self.items.len() >= most_items || self.bytes + length > most_bytes {
            self.end(batches);
        }
        self.bytes += length;
        self.items.push(item);
        Ok(())
    }

    /// There are no more items.
    pub fn finish(mut self, batches: &mut Vec<Batch>) {
        self.end(batches);
    }

    fn end(&mut self, batches: &mut Vec<Batch>) {
        let items = std::mem::take(&mut self.items);
        self.bytes = self.around;
        if items.is_empty() {
            return;
        }
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let input = match &self.input {
            Some(input) => json!({"BatchInput": input, "Items": items}),
            None => json!({"Items": items}),
        };
        batches.push(Batch { input, count });
    }
}
