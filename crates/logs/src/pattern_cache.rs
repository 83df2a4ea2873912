//! Patterns of filters, parsed once.

use crate::patterns::{InvalidPattern, Pattern};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

/// So many patterns are kept.
const PATTERNS: usize = 512;

#[derive(Default)]
pub struct PatternCache(Mutex<BTreeMap<Box<str>, Arc<Pattern>>>);

impl PatternCache {
    pub fn get(&self, text: &str) -> Result<Arc<Pattern>, InvalidPattern> {
        if let Some(pattern) = self.0.lock().get(text) {
            return Ok(pattern.clone());
        }
        let pattern = Arc::new(Pattern::parse(text)?);
        let mut patterns = self.0.lock();
        if patterns.len() >= PATTERNS {
            patterns.clear();
        }
        patterns.insert(text.into(), pattern.clone());
        Ok(pattern)
    }
}
