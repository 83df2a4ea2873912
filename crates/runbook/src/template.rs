//! `{{ variables }}` in the texts of a document, and their values.
//!
//! A text that is one variable and nothing else becomes the variable's value with its type; inside a longer text the value is written as text. A list
//! that stands as an element of a list gives its elements: `InstanceIds: ["{{ launch.InstanceIds }}"]`.

use crate::types::shown;
use cloudlet_asl::text;
use regex::Regex;
use serde_json::{Map, Value};
use std::{ops::Range, sync::LazyLock};

/// Bytes that the inputs of one step may grow to.
const LARGEST: usize = 4 << 20;
/// Values in values.
const DEEPEST: usize = 64;

/// AWS: what does not look like a variable is text: `{{.State}}` in a script, or `{{ a + b }}`.
static VARIABLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\{\{\s*((?:global|automation|variable|ssm|ssm-secure|resolve):[^\s{}]+|[A-Za-z0-9_][A-Za-z0-9_.:/\[\]-]*)\s*\}\}").ok()
});

/// A variable in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'t> {
    pub name: &'t str,
    /// The place of the variable with its braces.
    pub at: Range<usize>,
}

/// The variables of a text, in order.
pub fn references(text: &str) -> impl Iterator<Item = Reference<'_>> {
    let found = VARIABLE.as_ref().filter(|_| text.contains("{{")).map(|pattern| pattern.captures_iter(text));
    found.into_iter().flatten().filter_map(|captures| {
        let (whole, name) = (captures.get(0)?, captures.get(1)?);
        Some(Reference { name: name.as_str(), at: whole.range() })
    })
}

/// The name of the variable that a text consists of.
pub fn whole(text: &str) -> Option<&str> {
    let trimmed = text.trim();
    references(trimmed).next().filter(|reference| reference.at == (0..trimmed.len())).map(|reference| reference.name)
}

/// Calls a function with every text in a value, keys included.
pub fn each_text<'v>(value: &'v Value, see: &mut dyn FnMut(&'v str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, see)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            see(name);
            each_text(value, see);
        }),
        _ => {}
    }
}

/// Why variables have no values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    Unknown(String),
    TooLarge,
}

/// The values of variables by their names.
pub type Scope<'s> = dyn Fn(&str) -> Option<Value> + 's;

/// A value with all its variables replaced.
pub fn resolve(value: &Value, scope: &Scope<'_>) -> Result<Value, Unresolved> {
    let mut budget = LARGEST;
    resolve_in(value, scope, &mut budget, 0)
}

fn resolve_in(value: &Value, scope: &Scope<'_>, budget: &mut usize, depth: usize) -> Result<Value, Unresolved> {
    if depth > DEEPEST {
        return Err(Unresolved::TooLarge);
    }
    match value {
        Value::String(text) => resolve_text(text, scope, budget),
        Value::Array(items) => {
            let mut out = Vec::with_capacity(items.len());
            for item in items {
                let resolved = resolve_in(item, scope, budget, depth + 1)?;
                match resolved {
                    Value::Array(inner) if item.as_str().is_some_and(|text| whole(text).is_some()) => out.extend(inner),
                    other => out.push(other),
                }
            }
            Ok(Value::Array(out))
        }
        Value::Object(fields) => {
            let mut out = Map::new();
            for (name, value) in fields {
                let name = if name.contains("{{") { shown(&resolve_text(name, scope, budget)?) } else { name.clone() };
                out.insert(name, resolve_in(value, scope, budget, depth + 1)?);
            }
            Ok(Value::Object(out))
        }
        other => Ok(other.clone()),
    }
}

fn resolve_text(text: &str, scope: &Scope<'_>, budget: &mut usize) -> Result<Value, Unresolved> {
    let mut take = |bytes: usize| -> Result<(), Unresolved> {
        *budget = budget.checked_sub(bytes).ok_or(Unresolved::TooLarge)?;
        Ok(())
    };
    let find = |name: &str| scope(name).ok_or_else(|| Unresolved::Unknown(name.to_owned()));
    if let Some(name) = whole(text) {
        let value = find(name)?;
        take(text::size(&value))?;
        return Ok(value);
    }
    let (mut out, mut end) = (String::new(), 0);
    for reference in references(text) {
        let value = shown(&find(reference.name)?);
        take(value.len())?;
        out.push_str(text.get(end..reference.at.start).unwrap_or_default());
        out.push_str(&value);
        end = reference.at.end;
    }
    let rest = text.get(end..).unwrap_or_default();
    take(text.len())?;
    out.push_str(rest);
    Ok(Value::String(out))
}

/// A member of a value by what follows a name: `.key` and `[0]`.
pub fn member(value: &Value, path: &str) -> Option<Value> {
    let mut at = value;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']')?;
            at = at.as_array()?.get(index.parse::<usize>().ok()?)?;
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, after) = after.split_at_checked(end)?;
            at = at.as_object()?.get(name)?;
            rest = after;
        }
    }
    Some(at.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope(name: &str) -> Option<Value> {
        match name {
            "list" => Some(json!(["a", "b"])),
            "step.Out" => Some(json!(7)),
            "global:REGION" => Some(json!("us-east-1")),
            "map" => Some(json!({"k": true})),
            _ => None,
        }
    }

    #[test]
    fn a_whole_value_keeps_its_type() {
        assert_eq!(resolve(&json!("{{ step.Out }}"), &scope), Ok(json!(7)));
        assert_eq!(resolve(&json!("n={{step.Out}}, {{global:REGION}} {{ map }}"), &scope), Ok(json!("n=7, us-east-1 {\"k\":true}")));
        assert_eq!(resolve(&json!(["{{ list }}", "c"]), &scope), Ok(json!(["a", "b", "c"])));
        assert_eq!(resolve(&json!({"{{global:REGION}}": ["x{{ list }}"]}), &scope), Ok(json!({"us-east-1": ["x[\"a\",\"b\"]"]})));
        assert_eq!(resolve(&json!("{{ other }}"), &scope), Err(Unresolved::Unknown("other".to_owned())));
    }

    #[test]
    fn what_is_no_variable_is_text() {
        for text in ["{{.State.Status}}", "{{ a + b }}", "{ {x} }", "{{}}", "f'{{\"a\": 1}}'"] {
            assert_eq!(references(text).count(), 0, "{text}");
            assert_eq!(resolve(&json!(text), &scope), Ok(json!(text)));
        }
    }

    #[test]
    fn members_of_values() {
        let value = json!({"a": [{"b": 1}]});
        assert_eq!(member(&value, ".a[0].b"), Some(json!(1)));
        assert_eq!(member(&value, ".a[1]"), None);
        assert_eq!(member(&value, ""), Some(value.clone()));
    }

    #[test]
    fn inputs_do_not_grow_without_bound() {
        let large = Value::String("x".repeat(1 << 20));
        let many = Value::Array(vec![json!("{{ big }}"); 8]);
        assert_eq!(resolve(&many, &move |_| Some(large.clone())), Err(Unresolved::TooLarge));
    }
}
