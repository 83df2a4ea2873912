//! Selectors: JSONPath into the answer of an action. A definite path gives a value, any other a list.

use cloudlet_asl::jsonpath::{Path, Root};
use serde_json::Value;

/// A selector that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector(Path);

impl Selector {
    pub fn parse(text: &str) -> Option<Selector> {
        // AWS: the root may be left out, as its library lets it be.
        let text = text.trim();
        let path = if text.starts_with('$') { Path::parse(text) } else { Path::parse(&format!("$.{text}")) };
        let path = path.ok()?;
        (*path.root() == Root::Input).then_some(Selector(path))
    }

    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// `None`: there is nothing at the path.
    pub fn select(&self, answer: &Value) -> Option<Value> {
        self.0.evaluate(answer).ok().filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_into_answers() {
        let answer = json!({"Reservations": [{"Instances": [{"Id": "a"}]}, {"Instances": [{"Id": "b"}]}]});
        let select = |text: &str| Selector::parse(text).unwrap().select(&answer);
        assert_eq!(select("$.Reservations[1].Instances[0].Id"), Some(json!("b")));
        assert_eq!(select("$.Reservations..Instances..Id"), Some(json!(["a", "b"])));
        assert_eq!(select("$.Reservations[5].Instances[0].Id"), None);
        assert_eq!(select("$.Reservations[*].Instances[?(@.Id == 'b')].Id"), Some(json!(["b"])));
        assert_eq!(select("$"), Some(answer.clone()));
        assert_eq!(select("Reservations[1].Instances[0].Id"), Some(json!("b")));
        assert_eq!(Selector::parse("$$.x"), None);
        assert_eq!(Selector::parse("x["), None);
    }
}
