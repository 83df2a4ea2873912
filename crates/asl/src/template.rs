//! Payload templates: fields whose name ends in `.$` hold a path or an intrinsic call.

use crate::{
    intrinsics::{Intrinsic, IntrinsicError},
    jsonpath::Path,
    scope::Scope,
    text::to_text,
};
use serde_json::{Map, Value};

/// Why a template could not be filled: an error's name, and what AWS says behind "An error occurred while executing the state …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    pub error: &'static str,
    pub message: String,
}

/// Fills a template.
pub fn fill(template: &Value, scope: &mut Scope<'_>) -> Result<Value, TemplateError> {
    match template {
        Value::Object(fields) => {
            let mut out = Map::with_capacity(fields.len());
            for (name, value) in fields {
                match (name.strip_suffix(".$"), value) {
                    (Some(short), Value::String(text)) => out.insert(short.to_owned(), expression(name, text, scope)?),
                    _ => out.insert(name.clone(), fill(value, scope)?),
                };
            }
            Ok(Value::Object(out))
        }
        Value::Array(items) => items.iter().map(|item| fill(item, scope)).collect(),
        other => Ok(other.clone()),
    }
}

/// The value of a path or an intrinsic call; `field` is named in the error.
pub(crate) fn expression(field: &str, text: &str, scope: &mut Scope<'_>) -> Result<Value, TemplateError> {
    let runtime = |message| TemplateError { error: "States.Runtime", message };
    if text.starts_with('$') {
        let path = Path::parse(text).map_err(|error| runtime(error.0))?;
        return scope.value(&path).map_err(|_| {
            runtime(format!("The JSONPath '{text}' specified for the field '{field}' could not be found in the input '{}'", to_text(scope.input)))
        });
    }
    let failed =
        |message| TemplateError { error: "States.IntrinsicFailure", message: format!("The function '{text}' had the following error: {message}") };
    let call = Intrinsic::parse(text).map_err(failed)?;
    call.evaluate(scope).map_err(|error| match error {
        IntrinsicError::Failed(message) => failed(message),
        IntrinsicError::Missing(path) => runtime(format!(
            "The function '{text}' had the following error: The JsonPath argument for the field '{path}' could not be found in the input '{}'",
            to_text(scope.input)
        )),
    })
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
        fill(template, &mut Scope { input: &input, context: &context, variables: &variables, random: &mut random })
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
