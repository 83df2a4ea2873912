//! The types of parameters, variables and outputs, and their values as the API writes them: lists of texts.

use cloudlet_asl::text::to_text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Type {
    String,
    StringList,
    Boolean,
    Integer,
    StringMap,
    MapList,
}

const NAMES: [(Type, &str); 6] = [
    (Type::String, "String"),
    (Type::StringList, "StringList"),
    (Type::Boolean, "Boolean"),
    (Type::Integer, "Integer"),
    (Type::StringMap, "StringMap"),
    (Type::MapList, "MapList"),
];

impl Type {
    /// `AWS::EC2::Instance::Id` is a String, and `List<AWS::EC2::Instance::Id>` a StringList, which the console lets people choose.
    pub fn parse(name: &str) -> Option<Type> {
        let known = NAMES.iter().find(|(_, known)| *known == name).map(|(of, _)| *of);
        known.or_else(|| match name.strip_prefix("List<") {
            Some(inner) => inner.strip_suffix('>').filter(|inner| is_resource(inner)).map(|_| Type::StringList),
            None => is_resource(name).then_some(Type::String),
        })
    }

    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(of, _)| *of == self).map_or("", |(_, name)| name)
    }

    /// Whether a value has this type as it is.
    pub fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (Type::String, Value::String(_)) | (Type::Boolean, Value::Bool(_)) | (Type::StringMap, Value::Object(_)) => true,
            (Type::Integer, Value::Number(number)) => number.is_i64() || number.is_u64(),
            (Type::StringList, Value::Array(items)) => items.iter().all(Value::is_string),
            (Type::MapList, Value::Array(items)) => items.iter().all(Value::is_object),
            _ => false,
        }
    }

    /// A value from the texts of a request. `None`: they are not of this type.
    pub fn read(self, texts: &[String]) -> Option<Value> {
        let single = || match texts {
            [] => Some(""),
            [one] => Some(one.as_str()),
            _ => None,
        };
        match self {
            Type::String => single().map(Value::from),
            Type::StringList => Some(match texts {
                // AWS: a list as JSON is taken too.
                [one] if one.trim_start().starts_with('[') => {
                    serde_json::from_str::<Vec<String>>(one).map_or_else(|_| Value::from(texts), Value::from)
                }
                _ => Value::from(texts),
            }),
            Type::Boolean => boolean(single()?).map(Value::Bool),
            Type::Integer => single()?.trim().parse::<i64>().ok().map(Value::from),
            Type::StringMap => serde_json::from_str::<Map<String, Value>>(single()?).ok().map(Value::Object),
            Type::MapList => maps(texts).map(Value::Array),
        }
    }

    /// A value of an answer as this type: what a selector has found.
    pub fn convert(self, value: Value) -> Option<Value> {
        match (self, value) {
            (Type::String, Value::String(text)) => Some(Value::String(text)),
            (Type::String, Value::Null) => None,
            (Type::String, other) => Some(Value::String(to_text(&other))),
            (Type::Boolean, Value::Bool(flag)) => Some(Value::Bool(flag)),
            (Type::Boolean, Value::String(text)) => boolean(&text).map(Value::Bool),
            (Type::Integer, Value::Number(number)) => {
                let whole = number
                    .as_i64()
                    .or_else(|| number.as_f64().filter(|double| double.fract() == 0.0 && double.abs() < 9e15).map(|double| double as i64));
                whole.map(Value::from)
            }
            (Type::Integer, Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
            (Type::StringList, Value::Array(items)) => Some(items.into_iter().map(|item| Value::String(shown(&item))).collect()),
            (Type::StringList, Value::Null) | (Type::MapList, Value::Null) => None,
            (Type::StringList, other) => Some(Value::from(vec![shown(&other)])),
            (Type::StringMap, Value::Object(fields)) => Some(Value::Object(fields)),
            (Type::StringMap, Value::String(text)) => serde_json::from_str::<Map<String, Value>>(&text).ok().map(Value::Object),
            (Type::MapList, Value::Array(items)) => items.iter().all(Value::is_object).then_some(Value::Array(items)),
            (Type::MapList, Value::Object(fields)) => Some(Value::Array(vec![Value::Object(fields)])),
            _ => None,
        }
    }
}

fn is_resource(name: &str) -> bool {
    let parts: Vec<&str> = name.split("::").collect();
    parts.len() >= 3
        && parts.first() == Some(&"AWS")
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

pub fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        word if word.eq_ignore_ascii_case("true") => Some(true),
        word if word.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Texts that are maps, or one that is a list of maps.
fn maps(texts: &[String]) -> Option<Vec<Value>> {
    let mut out = Vec::new();
    for text in texts {
        match serde_json::from_str::<Value>(text).ok()? {
            Value::Object(fields) => out.push(Value::Object(fields)),
            Value::Array(items) if items.iter().all(Value::is_object) => out.extend(items),
            _ => return None,
        }
    }
    Some(out)
}

/// A value as text: a text as it is, anything else as JSON.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => to_text(other),
    }
}

/// A value as the API shows parameters and outputs.
pub fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Null => Vec::new(),
        other => vec![shown(other)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(of: Type, texts: &[&str]) -> Option<Value> {
        of.read(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_of_resources_are_texts() {
        assert_eq!(Type::parse("AWS::EC2::Instance::Id"), Some(Type::String));
        assert_eq!(Type::parse("List<AWS::EC2::Instance::Id>"), Some(Type::StringList));
        assert_eq!(["string", "List<String>", "AWS::", "Map"].map(Type::parse), [None; 4]);
    }

    #[test]
    fn parameters_are_read_from_texts() {
        assert_eq!(read(Type::String, &["a"]), Some(json!("a")));
        assert_eq!(read(Type::String, &["a", "b"]), None);
        assert_eq!(read(Type::StringList, &["[\"a\",\"b\"]"]), Some(json!(["a", "b"])));
        assert_eq!(read(Type::Boolean, &["True"]), Some(json!(true)));
        assert_eq!(read(Type::Integer, &["12"]), Some(json!(12)));
        assert_eq!(read(Type::Integer, &["x"]), None);
        assert_eq!(read(Type::StringMap, &["{\"a\":1}"]), Some(json!({"a": 1})));
        assert_eq!(read(Type::MapList, &["{\"a\":1}", "[{\"b\":2}]"]), Some(json!([{"a": 1}, {"b": 2}])));
    }

    #[test]
    fn answers_become_the_type_of_an_output() {
        assert_eq!(Type::String.convert(json!(5)), Some(json!("5")));
        assert_eq!(Type::StringList.convert(json!(["a", 1])), Some(json!(["a", "1"])));
        assert_eq!(Type::Integer.convert(json!("7")), Some(json!(7)));
        assert_eq!(Type::Boolean.convert(json!("false")), Some(json!(false)));
        assert_eq!(Type::StringMap.convert(json!([])), None);
        assert_eq!(texts(&json!(["a", {"b": 1}])), ["a", "{\"b\":1}"]);
    }
}
