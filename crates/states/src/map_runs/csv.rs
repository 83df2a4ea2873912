//! Comma-separated values. <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html>

use serde_json::{Map, Value};

/// The records of a text. Quotes as in RFC 4180; empty lines are none.
pub fn records(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                field.push('"');
                characters.next();
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            other if other == delimiter && !quoted => record.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push(record);
    }
    records.retain(|record| record.len() > 1 || record.first().is_some_and(|only| !only.is_empty()));
    records
}

/// AWS: a short record gets empty strings, what is too much is left out.
pub fn object(headers: &[String], record: Vec<String>) -> Value {
    let mut fields = record.into_iter();
    let mut pairs: Vec<(String, Value)> = headers.iter().map(|header| (header.clone(), fields.next().unwrap_or_default().into())).collect();
    // AWS: in the order of their names (recorded with the headers `H1` and none).
    pairs.sort_by(|one, other| one.0.cmp(&other.0));
    Value::Object(pairs.into_iter().collect::<Map<String, Value>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_delimiters() {
        assert_eq!(records("a,b\r\n\"x,\"\"y\"\"\",2\n\n", ','), [["a", "b"], ["x,\"y\"", "2"]]);
        assert_eq!(records("\u{feff}a|b", '|'), [["a", "b"]]);
    }

    #[test]
    fn short_and_long_records() {
        let headers = ["a".to_owned(), "b".to_owned()];
        assert_eq!(object(&headers, vec!["1".to_owned()]), serde_json::json!({"a": "1", "b": ""}));
        assert_eq!(object(&headers, vec!["1".into(), "2".into(), "3".into()]), serde_json::json!({"a": "1", "b": "2"}));
    }
}
