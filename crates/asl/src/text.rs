//! JSON as AWS prints it: compact, in the order of the input, with doubles as Java prints them.

use serde_json::Value;
use std::fmt::Write;

/// The compact text of a value.
pub fn to_text(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, &mut out);
    out
}

/// The number of bytes of the compact text.
pub fn size(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(_) => to_text(value).len(),
        Value::String(text) => string_size(text),
        Value::Array(items) => items.iter().map(size).sum::<usize>() + items.len().saturating_sub(1) + 2,
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| string_size(name) + 1 + size(value)).sum::<usize>() + fields.len().saturating_sub(1) + 2
        }
    }
}

fn string_size(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum::<usize>() + 2
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Number(number) => match (number.is_f64(), number.as_f64()) {
            (true, Some(double)) => out.push_str(&java_double(double)),
            _ => {
                let _ = write!(out, "{number}");
            }
        },
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(name, out);
                out.push(':');
                write_value(value, out);
            }
            out.push('}');
        }
        Value::String(text) => write_string(text, out),
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// `Double.toString`: plain between 10^-3 and 10^7, otherwise with an exponent.
pub fn java_double(double: f64) -> String {
    let magnitude = double.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{double:?}");
    }
    let text = format!("{double:E}");
    match text.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0E{exponent}"),
        _ => text,
    }
}

/// A value as Java prints its maps, lists and strings: `{a=1, b=[x, y]}`.
pub fn java_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(java_text).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", java_text(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => to_text(other),
    }
}

/// The name that AWS's messages have for the type of a value.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A whole number that a value holds, also when it is written as a double.
pub fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().filter(|double| double.fract() == 0.0 && double.abs() < 9e15).map(|double| double as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_stay_what_they_are() {
        let text = r#"{"b":9007199254740993,"a":1.0,"c":1.0E10,"d":-0.5,"e":1.0E-5,"f":[]}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(to_text(&value), text);
        assert_eq!(size(&value), text.len());
    }

    #[test]
    fn sizes_count_escapes() {
        let value = json!({"a\n": "\u{1}\"é", "b": [true, false, null, 12.5]});
        assert_eq!(size(&value), to_text(&value).len());
    }

    #[test]
    fn maps_print_as_in_java() {
        assert_eq!(java_text(&json!({"Arg1": 1, "Arg2": [], "x": ["a", null]})), "{Arg1=1, Arg2=[], x=[a, null]}");
    }
}
