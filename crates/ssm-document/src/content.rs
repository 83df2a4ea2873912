//! Content: read from JSON or YAML into values, and written again, also in the other format.

use crate::{Format, Malformed, yaml, yaml_writer};
use serde_json::Value;

/// The value that content stands for. A text is a string.
pub fn read(format: Format, content: &str) -> Result<Value, Malformed> {
    match format {
        Format::Json => serde_json::from_str(content).map_err(|error| Malformed { format, line: error.line(), column: error.column() }),
        Format::Yaml => yaml::read(content),
        Format::Text => Ok(Value::String(content.to_owned())),
    }
}

/// The text of a value in a format.
pub fn write(format: Format, value: &Value) -> String {
    match format {
        Format::Json => serde_json::to_string_pretty(value).unwrap_or_default(),
        Format::Yaml => yaml_writer::write(value),
        Format::Text => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_well_formed_is_said_with_its_place() {
        assert_eq!(read(Format::Json, "https://x").unwrap_err().to_string(), "JSON not well-formed. at Line: 1, Column: 1");
        assert!(read(Format::Yaml, "a: [1, 2\nb: }").unwrap_err().to_string().starts_with("YAML not well-formed. at Line: 2"));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~\n\t]{0,20}".prop_map(|text| Value::from(text.replace('q', "é\u{2028}"))),
            prop::sample::select(vec![
                "yes", "no", "~", "1.5", "0x10", "1e3", "2.2", "|", "-", "a: b", " x", "x ", "#", "a #b", "*a", "&a", "!t", "%d", "@", "`",
            ])
            .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[ -~\n]{0,8}", inner), 0..5).prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in any_value()) {
            for format in [Format::Json, Format::Yaml] {
                let text = write(format, &value);
                prop_assert_eq!(read(format, &text), Ok(value.clone()), "{}", text);
            }
        }

        #[test]
        fn no_text_is_too_much(text in "[ -~\n]{0,200}") {
            let _ = read(Format::Yaml, &text);
        }
    }
}
