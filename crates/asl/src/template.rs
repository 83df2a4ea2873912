//! Templates, read once: in JSONPath the fields whose name ends in `.$` hold a path or an intrinsic call, in JSONata any string may be an
//! expression.

use crate::{
    intrinsics::{Intrinsic, IntrinsicError},
    jsonata::{Expression, expression_text},
    jsonpath::Path,
    scope::Scope,
    text::to_text,
};
use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// Nothing in it is evaluated.
    Literal(Value),
    Array(Vec<Template>),
    Object(Vec<(String, Template)>),
    /// `field` is the name that errors show.
    Path {
        field: String,
        path: Path,
    },
    Call {
        field: String,
        call: Intrinsic,
    },
    Expression(Expression),
}

/// Why a template could not be filled: an error's name, and what AWS says behind "An error occurred while executing the state …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    pub error: &'static str,
    pub message: String,
}

impl Template {
    /// A payload template of a JSONPath state. What is not a path and not a call is a literal: definitions were checked before.
    pub fn jsonpath(value: &Value) -> Template {
        match value {
            Value::Object(fields) => {
                let read = |(name, value): (&String, &Value)| match (name.strip_suffix(".$"), value.as_str()) {
                    (Some(short), Some(text)) => match Template::path_or_call(name, text) {
                        Some(template) => (short.to_owned(), template),
                        None => (name.clone(), Template::Literal(value.clone())),
                    },
                    _ => (name.clone(), Template::jsonpath(value)),
                };
                Template::object(fields.iter().map(read).collect())
            }
            Value::Array(items) => Template::array(items.iter().map(Template::jsonpath).collect()),
            other => Template::Literal(other.clone()),
        }
    }

    pub fn jsonata(value: &Value) -> Template {
        match value {
            Value::String(text) => {
                let expression = expression_text(text).and_then(|text| Expression::parse(text).ok());
                expression.map_or_else(|| Template::Literal(value.clone()), Template::Expression)
            }
            Value::Array(items) => Template::array(items.iter().map(Template::jsonata).collect()),
            Value::Object(fields) => Template::object(fields.iter().map(|(name, value)| (name.clone(), Template::jsonata(value))).collect()),
            other => Template::Literal(other.clone()),
        }
    }

    /// A path or an intrinsic call.
    pub fn path_or_call(field: &str, text: &str) -> Option<Template> {
        let field = field.to_owned();
        if text.starts_with('$') {
            return Path::parse(text).ok().map(|path| Template::Path { field, path });
        }
        Intrinsic::parse(text).ok().map(|call| Template::Call { field, call })
    }

    fn array(items: Vec<Template>) -> Template {
        let literals: Option<Vec<Value>> = items.iter().map(Template::literal).collect();
        literals.map_or(Template::Array(items), |literals| Template::Literal(Value::Array(literals)))
    }

    fn object(fields: Vec<(String, Template)>) -> Template {
        let literals: Option<Map<String, Value>> = fields.iter().map(|(name, field)| Some((name.clone(), field.literal()?))).collect();
        literals.map_or(Template::Object(fields), |literals| Template::Literal(Value::Object(literals)))
    }

    fn literal(&self) -> Option<Value> {
        if let Template::Literal(value) = self { Some(value.clone()) } else { None }
    }

    /// The text of the expression that it is, for messages.
    pub fn expression(&self) -> &str {
        if let Template::Expression(expression) = self { expression.text() } else { "" }
    }

    /// The value of a template of a JSONPath state.
    pub fn fill(&self, scope: &mut Scope<'_>) -> Result<Value, TemplateError> {
        let runtime = |message| TemplateError { error: "States.Runtime", message };
        match self {
            Template::Literal(value) => Ok(value.clone()),
            Template::Array(items) => items.iter().map(|item| item.fill(scope)).collect(),
            Template::Object(fields) => {
                let mut out = Map::with_capacity(fields.len());
                for (name, field) in fields {
                    out.insert(name.clone(), field.fill(scope)?);
                }
                Ok(Value::Object(out))
            }
            Template::Path { field, path } => scope.value(path).map_err(|_| {
                let (text, input) = (path.text(), to_text(scope.input));
                runtime(format!("The JSONPath '{text}' specified for the field '{field}' could not be found in the input '{input}'"))
            }),
            Template::Call { call, .. } => call.evaluate(scope).map_err(|error| {
                let what = format!("The function '{}' had the following error:", call.text());
                match error {
                    IntrinsicError::Failed(message) => TemplateError { error: "States.IntrinsicFailure", message: format!("{what} {message}") },
                    IntrinsicError::Missing(path) => {
                        let input = to_text(scope.input);
                        runtime(format!("{what} The JsonPath argument for the field '{path}' could not be found in the input '{input}'"))
                    }
                }
            }),
            Template::Expression(expression) => Ok(Value::String(format!("{{% {} %}}", expression.text()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use serde_json::json;

    fn filled(template: &Value) -> Result<Value, TemplateError> {
        let mut random = Random::from_seed(1);
        let (input, context) = (json!({"a": {"b": 1}}), json!({"State": {"Name": "S"}}));
        let variables = |name: &str| (name == "v").then(|| json!([1, 2]));
        Template::jsonpath(template).fill(&mut Scope { input: &input, context: &context, variables: &variables, random: &mut random })
    }

    #[test]
    fn paths_and_calls_are_filled_in() {
        let template = json!({"x.$": "$.a", "y.$": "$$.State.Name", "z": [{"v.$": "$v[1]"}, "$.a"], "f.$": "States.Format('{}', $.a.b)"});
        assert_eq!(filled(&template), Ok(json!({"x": {"b": 1}, "y": "S", "z": [{"v": 2}, "$.a"], "f": "1"})));
    }

    #[test]
    fn a_missing_value_is_named() {
        let error = filled(&json!({"value.$": "$.no_such_jsonpath"})).unwrap_err();
        assert_eq!(error.error, "States.Runtime");
        assert_eq!(
            error.message,
            "The JSONPath '$.no_such_jsonpath' specified for the field 'value.$' could not be found in the input '{\"a\":{\"b\":1}}'"
        );
    }
}
