//! Values of JSON, written as YAML: blocks, and texts of several lines as they are.

use crate::yaml;
use serde_json::Value;

const LONGEST_KEY: usize = 100;

pub fn write(value: &Value) -> String {
    let mut out = String::from("---\n");
    match value {
        Value::Object(fields) if !fields.is_empty() => write_fields(value, 0, &mut out),
        Value::Array(items) if !items.is_empty() => write_fields(value, 0, &mut out),
        _ => {
            write_scalar(value, 0, &mut out);
            out.push('\n');
        }
    }
    out
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// The lines of a collection that is not empty.
fn write_fields(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                indent(depth, out);
                // YAML looks for the colon of a plain key so far and no further.
                let is_long = name.len() > LONGEST_KEY;
                if is_long {
                    out.push_str("? ");
                }
                write_text(name, out);
                if is_long {
                    out.push('\n');
                    indent(depth, out);
                }
                out.push(':');
                write_nested(value, depth, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                indent(depth, out);
                out.push('-');
                write_nested(item, depth, out);
            }
        }
        _ => {}
    }
}

/// What follows a key or a dash.
fn write_nested(value: &Value, depth: usize, out: &mut String) {
    let is_block = match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if is_block {
        out.push('\n');
        write_fields(value, depth + 1, out);
    } else {
        out.push(' ');
        write_scalar(value, depth + 1, out);
        out.push('\n');
    }
}

fn write_scalar(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::String(text) if is_block(text) => write_block(text, depth, out),
        Value::String(text) => write_text(text, out),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
        other => out.push_str(&other.to_string()),
    }
}

/// Whether a text of several lines can stand in a block as it is.
fn is_block(text: &str) -> bool {
    let lines: Vec<&str> = text.split('\n').collect();
    lines.len() > 1
        && lines.first().is_some_and(|first| !first.is_empty() && !first.starts_with([' ', '\t']))
        && lines.iter().all(|line| !line.ends_with([' ', '\t']) && !line.starts_with('\t'))
        && text.chars().all(|character| character == '\n' || !character.is_control() && !is_break(character))
        && !text.ends_with("\n\n")
        && !text.contains('\u{feff}')
}

fn write_block(text: &str, depth: usize, out: &mut String) {
    out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(depth.max(1), out);
            out.push_str(line);
        }
    }
}

/// Line breaks of Unicode, which YAML of version 1.1 has too.
fn is_break(character: char) -> bool {
    matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A text on one line: plain if it can be, else in quotes.
fn write_text(text: &str, out: &mut String) {
    if is_plain(text) { out.push_str(text) } else { out.push_str(&quoted(text)) }
}

fn is_plain(text: &str) -> bool {
    let begins_well = text.starts_with(|first: char| first.is_alphabetic() || first == '/' || first == '_' || first == '$');
    begins_well
        && text.chars().all(|character| {
            character.is_alphanumeric() || matches!(character, ' ' | '_' | '-' | '.' | '/' | '(' | ')' | '+' | '$' | ';' | '=' | ',' | ':' | '\'')
        })
        && !text.contains(": ")
        && !text.ends_with([' ', ':'])
        // What YAML of version 1.1 takes for something else.
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&text.to_ascii_lowercase().as_str())
        && yaml::plain(text).is_string()
}

/// In double quotes. JSON's escapes are YAML's too.
fn quoted(text: &str) -> String {
    let json = Value::String(text.to_owned()).to_string();
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_control() || is_break(character) || character == '\u{feff}' {
            out.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn long_keys_and_large_numbers_are_read_again() {
        let value = json!({"k".repeat(3_000): {"n": u64::MAX, "m": [1.5e300, -0.0]}});
        assert_eq!(yaml::read(&write(&value)), Ok(value));
    }

    #[test]
    fn a_document_reads_well() {
        let value = json!({"schemaVersion": "2.2", "description": "Runs it", "mainSteps": [{"action": "aws:runShellScript", "inputs": {"runCommand":
            ["a\nb\n", "{{ x }}"], "none": [], "m": 1}}]});
        let text = "---\nschemaVersion: \"2.2\"\ndescription: Runs it\nmainSteps:\n  -\n    action: aws:runShellScript\n    inputs:\n      runCommand:\n        - |\n          a\n          b\n        - \"{{ x }}\"\n      none: []\n      m: 1\n";
        assert_eq!(write(&value), text);
    }
}
