//! A message is held against rules. What is satisfied in a list must be satisfied by one of its elements alone.

use super::{Leaf, rules::Rule};
use serde_json::{Map, Value};

/// What is left of a path, and the rules at its end.
type Wanted<'a> = (&'a str, &'a [Rule]);

/// Whether all leaves are satisfied.
pub fn fits(leaves: &[Leaf], subject: &Value) -> bool {
    // What must not be there must be nowhere, in no element of any list.
    let absent = |leaf: &Leaf| leaf.rules.contains(&Rule::Absent) && !is_there(&leaf.path, subject);
    let wanted: Vec<Wanted<'_>> = leaves.iter().filter(|leaf| !absent(leaf)).map(|leaf| (leaf.path.as_str(), leaf.rules.as_slice())).collect();
    wanted.is_empty() || all(&wanted, subject)
}

fn all(wanted: &[Wanted<'_>], value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| all(wanted, element)),
        Value::Object(map) => {
            let mut below: Vec<(&Value, Vec<Wanted<'_>>)> = Vec::new();
            for (path, rules) in wanted {
                let Some((value, rest)) = step(map, path) else { return false };
                match below.iter_mut().find(|(known, _)| std::ptr::eq(*known, value)) {
                    Some((_, together)) => together.push((rest, rules)),
                    None => below.push((value, vec![(rest, rules)])),
                }
            }
            below.iter().all(|(value, wanted)| all(wanted, value))
        }
        leaf => wanted.iter().all(|(path, rules)| path.is_empty() && rules.iter().any(|rule| rule.takes(leaf))),
    }
}

fn is_there(path: &str, value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| is_there(path, element)),
        Value::Object(map) => step(map, path).is_some_and(|(value, rest)| is_there(rest, value)),
        _ => path.is_empty(),
    }
}

/// One step along a path: keys may have dots themselves, and the longest that fits is taken.
fn step<'v, 'p>(map: &'v Map<String, Value>, path: &'p str) -> Option<(&'v Value, &'p str)> {
    if path.is_empty() {
        return None;
    }
    if let Some(value) = map.get(path) {
        return Some((value, ""));
    }
    path.rmatch_indices('.').find_map(|(dot, _)| Some((map.get(path.get(..dot)?)?, path.get(dot + 1..)?)))
}
