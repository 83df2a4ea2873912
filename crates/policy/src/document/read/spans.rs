//! Where the statements of a policy are in its text.

use crate::document::{Position, Span};
use crate::json::offset;
use serde_json::value::RawValue;

/// AWS: SimulateCustomPolicy reports the position of its parser at the start of a statement: behind the brace of a single one,
/// behind the bracket or the previous statement in a list. Recorded for a single statement and the first of a list (the
/// examples of `aws iam simulate-custom-policy`); for later ones unverified.
pub(super) fn spans(whole: &str, raw: &RawValue, list: &[&RawValue]) -> Vec<Span> {
    let mut at = Cursor { text: whole, offset: 0, position: Position { line: 1, column: 1 } };
    let mut before = at.advance(offset(whole, raw.get()) + 1);
    let mut spans = Vec::with_capacity(list.len());
    for statement in list {
        let start = offset(whole, statement.get());
        let end = start + statement.get().len();
        let behind = at.advance(end);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        spans.push(Span { bytes: (number(start), number(end)), start: before, end: behind });
        before = behind;
    }
    spans
}

struct Cursor<'a> {
    text: &'a str,
    offset: usize,
    position: Position,
}

impl Cursor<'_> {
    fn advance(&mut self, to: usize) -> Position {
        for c in self.text.get(self.offset..to).unwrap_or_default().chars() {
            match c {
                '\n' => self.position = Position { line: self.position.line + 1, column: 1 },
                _ => self.position.column += 1,
            }
        }
        self.offset = self.offset.max(to);
        self.position
    }
}
