//! Reference paths: where ResultPath puts a value.

use super::path::{Path, PathError, Step};
use crate::text::to_text;
use serde_json::{Map, Value};

impl Path {
    /// Puts a value where this reference path points, making the objects on the way.
    pub fn insert(&self, mut target: Value, value: Value) -> Result<Value, PathError> {
        if !place(&mut target, &self.steps, value) {
            // AWS: unverified wording.
            return Err(PathError(format!("Unable to apply ReferencePath {} to input {}", self.text, to_text(&target))));
        }
        Ok(target)
    }
}

/// Whether the value could be placed; nothing is changed when not.
fn place(mut target: &mut Value, steps: &[Step], value: Value) -> bool {
    let fits = fits(target, steps);
    if !fits {
        return false;
    }
    for step in steps {
        target = match step {
            Step::Fields(names) => {
                let Some(name) = names.first() else { return false };
                if target.is_null() {
                    *target = Value::Object(Map::new());
                }
                let Value::Object(fields) = target else { return false };
                fields.entry(name.clone()).or_insert(Value::Null)
            }
            Step::Indexes(indexes) => {
                let index = indexes.first().and_then(|index| usize::try_from(*index).ok());
                let Some(item) = target.as_array_mut().zip(index).and_then(|(items, index)| items.get_mut(index)) else { return false };
                item
            }
            _ => return false,
        };
    }
    *target = value;
    true
}

fn fits(mut target: &Value, steps: &[Step]) -> bool {
    for step in steps {
        target = match (step, target) {
            (Step::Fields(_), Value::Null) => &Value::Null,
            (Step::Fields(names), Value::Object(fields)) => names.first().and_then(|name| fields.get(name)).unwrap_or(&Value::Null),
            (Step::Indexes(indexes), Value::Array(items)) => {
                let index = indexes.first().and_then(|index| usize::try_from(*index).ok());
                match index.and_then(|index| items.get(index)) {
                    Some(item) => item,
                    None => return false,
                }
            }
            _ => return false,
        };
    }
    true
}
