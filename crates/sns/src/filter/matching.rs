//! Matches a message against rules. Within an array, one element alone must satisfy all the rules for what is in it.

use super::{Field, rules::Rule};
use serde_json::{Map, Value};

/// The rest of a path, and the rules for the value at its end.
type FieldRules<'a> = (&'a str, &'a [Rule]);

/// Whether the rules of all fields are satisfied.
pub fn matches_all(fields: &[Field], message: &Value) -> bool {
    // A field that must be absent must be so in every element of every array.
    let absent = |field: &Field| field.rules.contains(&Rule::Absent) && !is_present(&field.path, message);
    let wanted: Vec<FieldRules<'_>> =
        fields.iter().filter(|field| !absent(field)).map(|field| (field.path.as_str(), field.rules.as_slice())).collect();
    wanted.is_empty() || satisfies(&wanted, message)
}

fn satisfies(wanted: &[FieldRules<'_>], value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| satisfies(wanted, element)),
        Value::Object(map) => {
            let mut below: Vec<(&Value, Vec<FieldRules<'_>>)> = Vec::new();
            for (path, rules) in wanted {
                let Some((value, rest)) = step(map, path) else { return false };
                match below.iter_mut().find(|(known, _)| std::ptr::eq(*known, value)) {
                    Some((_, wanted)) => wanted.push((rest, rules)),
                    None => below.push((value, vec![(rest, rules)])),
                }
            }
            below.iter().all(|(value, wanted)| satisfies(wanted, value))
        }
        scalar => wanted.iter().all(|(path, rules)| path.is_empty() && rules.iter().any(|rule| rule.matches(scalar))),
    }
}

fn is_present(path: &str, value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| is_present(path, element)),
        Value::Object(map) => step(map, path).is_some_and(|(value, rest)| is_present(rest, value)),
        _ => path.is_empty(),
    }
}

/// One step along a path. Names may have dots themselves; the longest that exists is taken.
fn step<'v, 'p>(map: &'v Map<String, Value>, path: &'p str) -> Option<(&'v Value, &'p str)> {
    if path.is_empty() {
        return None;
    }
    if let Some(value) = map.get(path) {
        return Some((value, ""));
    }
    path.rmatch_indices('.').find_map(|(dot, _)| Some((map.get(path.get(..dot)?)?, path.get(dot + 1..)?)))
}
