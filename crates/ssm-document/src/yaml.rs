//! YAML, read into the values of JSON: one document, plain scalars by the core schema, keys as texts.
//!
//! Bounded: aliases may not grow a document beyond `MOST_NODES`, nor nest it deeper than `DEEPEST`.

use crate::{Format, Malformed};
use granit_parser::{Event, Options, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

const YAML: &str = "tag:yaml.org,2002:";
const MOST_NODES: usize = 200_000;
/// As JSON is read.
const DEEPEST: usize = 130;

/// A collection that is being read.
enum Open {
    List(Vec<Value>),
    Fields(Map<String, Value>, Option<String>),
}

struct Reader {
    /// With the anchors of the collections.
    open: Vec<(Open, usize)>,
    anchors: BTreeMap<usize, (Value, usize)>,
    nodes: usize,
    document: Option<Value>,
}

pub fn read(text: &str) -> Result<Value, Malformed> {
    let mut reader = Reader { open: Vec::new(), anchors: BTreeMap::new(), nodes: 0, document: None };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(text, options()) {
        let (event, span) = event.map_err(|error| at(error.marker().line(), error.marker().col()))?;
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                return Err(at_span(&span));
            }
        }
        reader.take(event).ok_or_else(|| at_span(&span))?;
    }
    Ok(reader.document.unwrap_or(Value::Null))
}

/// As libyaml and its kin read, which AWS's services use.
fn options() -> Options {
    granit_parser::options! { block_scalar_eof_without_line_feed: true }
}

fn at(line: usize, column: usize) -> Malformed {
    Malformed { format: Format::Yaml, line, column: column + 1 }
}

fn at_span(span: &Span) -> Malformed {
    at(span.start.line(), span.start.col())
}

impl Reader {
    /// `None`: what no value of JSON stands for, or too much.
    fn take(&mut self, event: Event<'_>) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref())?;
                self.put(value, anchor, 1)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(Open::List(Vec::new()), anchor),
            Event::MappingStart(_, anchor, _) => self.begin(Open::Fields(Map::new(), None), anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                let (open, anchor) = self.open.pop()?;
                let value = match open {
                    Open::List(items) => Value::Array(items),
                    Open::Fields(fields, None) => Value::Object(fields),
                    Open::Fields(_, Some(_)) => return None,
                };
                self.put(value, anchor, 1)
            }
            Event::Alias(anchor) => {
                let (value, size) = self.anchors.get(&anchor)?.clone();
                self.put(value, 0, size)
            }
            // Comments, and where things begin and end.
            _ => Some(()),
        }
    }

    fn begin(&mut self, open: Open, anchor: usize) -> Option<()> {
        if self.open.len() >= DEEPEST {
            return None;
        }
        self.open.push((open, anchor));
        Some(())
    }

    fn put(&mut self, value: Value, anchor: usize, nodes: usize) -> Option<()> {
        self.nodes += nodes;
        if self.nodes > MOST_NODES {
            return None;
        }
        if anchor != 0 {
            let (size, depth) = measure(&value);
            if self.open.len() + depth > DEEPEST {
                return None;
            }
            self.anchors.insert(anchor, (value.clone(), size));
        } else if nodes > 1 && self.open.len() + measure(&value).1 > DEEPEST {
            return None;
        }
        match self.open.last_mut() {
            None => self.document = Some(value),
            Some((Open::List(items), _)) => items.push(value),
            Some((Open::Fields(fields, key), _)) => match key.take() {
                None => *key = Some(key_of(value)?),
                // `<<` merges, as YAML 1.1 has it; what is there already stays.
                Some(merge) if merge == "<<" && !matches!(value, Value::String(_)) => merge_into(fields, value)?,
                Some(name) if fields.contains_key(&name) => return None,
                Some(name) => {
                    fields.insert(name, value);
                }
            },
        }
        Some(())
    }
}

fn merge_into(fields: &mut Map<String, Value>, value: Value) -> Option<()> {
    match value {
        Value::Object(others) => {
            for (name, value) in others {
                fields.entry(name).or_insert(value);
            }
        }
        Value::Array(several) => {
            for each in several {
                if each.is_array() {
                    return None;
                }
                merge_into(fields, each)?;
            }
        }
        _ => return None,
    }
    Some(())
}

/// How many nodes a value has, and how deep it is.
fn measure(value: &Value) -> (usize, usize) {
    let of_all = |values: &mut dyn Iterator<Item = &Value>| {
        values.map(measure).fold((1, 0), |(size, depth), (other_size, other_depth)| (size + other_size, depth.max(other_depth)))
    };
    let (size, depth) = match value {
        Value::Array(items) => of_all(&mut items.iter()),
        Value::Object(fields) => of_all(&mut fields.values()),
        _ => (1, 0),
    };
    (size, depth + 1)
}

fn key_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Null => Some("null".to_owned()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Option<Value> {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() => match tag.core_suffix() {
            Some("str") => Some(Value::String(text.to_owned())),
            Some("int" | "float" | "bool" | "null") => Some(plain(text)),
            _ => None,
        },
        // `!!binary` and others of YAML itself.
        Some(tag) if tag.handle() == YAML => None,
        _ if style != ScalarStyle::Plain => Some(Value::String(text.to_owned())),
        _ => Some(plain(text)),
    }
}

/// A scalar without quotes, by the core schema.
pub fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with(['-', '+'])).map(Number::from);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().filter(|_| !digits.starts_with(['-', '+'])).map(Number::from);
    }
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = text.strip_prefix('+').unwrap_or(text);
        return digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from)).ok();
    }
    let is_float = unsigned.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+'))
        && unsigned.bytes().any(|byte| byte.is_ascii_digit());
    if is_float { text.parse::<f64>().ok().and_then(Number::from_f64) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_is_read_as_its_values() {
        let text = "---\nschemaVersion: '2.2'\nn: 3\nf: 1.5\nflag: true\nnone: ~\nsteps:\n- action: aws:runShellScript\n  inputs:\n    runCommand:\n    - |\n      echo \"{{ a }}\"\n      ls\n    - >-\n      folded\n      line\n";
        assert_eq!(
            read(text).unwrap(),
            json!({"schemaVersion": "2.2", "n": 3, "f": 1.5, "flag": true, "none": null, "steps": [{"action": "aws:runShellScript", "inputs":
                {"runCommand": ["echo \"{{ a }}\"\nls\n", "folded line"]}}]})
        );
    }

    #[test]
    fn what_flows_need_not_be_indented() {
        let wanted = json!({"a": {"b": {"c": "d"}, "e": ["f", 1]}});
        for text in
            ["a:\n  b: {\n    c: d\n  }\n  e: [f,\n  1\n  ]\n", "a:\n  b: {\n  c: d\n  }\n  e: [\nf, 1 ]", "a: {\n  b: {c: d}, e: [f, 1]\n}\n"]
        {
            assert_eq!(read(text).unwrap(), wanted, "{text}");
        }
        assert_eq!(read("a: |\n  last").unwrap(), json!({"a": "last"}));
    }

    #[test]
    fn anchors_are_resolved_and_merged_and_do_not_explode() {
        assert_eq!(read("a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2").unwrap(), json!({"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}));
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..10 {
            let previous = format!("*a{}", level - 1);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", [previous.as_str(); 10].join(",")));
        }
        assert!(read(&bomb).is_err());
        assert!(read(&"[".repeat(5_000)).is_err());
    }

    #[test]
    fn what_json_has_no_value_for_is_refused() {
        for text in ["a: 1\na: 2", "? [x]\n: y", "--- a\n--- b", "a: !!binary eA==", "a: *none"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
