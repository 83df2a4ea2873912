//! Policy templates: policies with parameters. The policy of a delegation request is rendered from one.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-policy-templates.html>
//! Deliberately no limits on what a template grants: AWS reviews templates when a partner registers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Characters of a rendered policy. See the page above.
pub const LONGEST_RENDERED: usize = 2_048;

/// A parameter of a template, with its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    pub name: String,
    pub value: ParameterValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParameterValue {
    One(String),
    /// A text that contains the parameter becomes a list.
    List(Vec<String>),
}

impl ParameterValue {
    pub fn values(&self) -> &[String] {
        match self {
            ParameterValue::One(value) => std::slice::from_ref(value),
            ParameterValue::List(values) => values,
        }
    }
}

/// Why a template cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderError {
    /// A parameter of the template has no value.
    Missing(String),
    /// A list is used where one text is needed: in the name of a condition key, in an effect.
    List(String),
    TooLong,
}

/// The elements of a policy, in the order in which they are written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Template {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(deserialize_with = "one_or_many")]
    statement: Vec<Statement>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    /// The parameter that includes the statement, or with a `!` excludes it.
    #[serde(rename = "@Enabled", skip_serializing)]
    enabled: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_action: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Statement>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Statements {
        Many(Vec<Statement>),
        One(Box<Statement>),
    }
    Ok(match Statements::deserialize(from)? {
        Statements::Many(many) => many,
        Statements::One(one) => vec![*one],
    })
}

/// The policy that a template makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub text: String,
    /// The permissions boundaries that its Allow statements require by `iam:PermissionsBoundary`.
    pub boundaries: Vec<String>,
}

impl Template {
    /// The policy with all parameters replaced.
    pub fn render(&self, parameters: &[Parameter]) -> Result<Rendered, RenderError> {
        let enabled = self.statement.iter().filter(|statement| statement.is_enabled(parameters));
        let statement = enabled.map(|statement| statement.filled(parameters)).collect::<Result<Vec<_>, _>>()?;
        let mut boundaries = Vec::new();
        for value in statement.iter().filter(|statement| statement.allows()).filter_map(|statement| statement.condition.as_ref()) {
            collect_boundaries(value, &mut boundaries);
        }
        let policy = Template { version: self.version.clone(), id: self.id.clone(), statement };
        let text = serde_json::to_string(&policy).unwrap_or_default();
        if text.chars().count() > LONGEST_RENDERED { Err(RenderError::TooLong) } else { Ok(Rendered { text, boundaries }) }
    }
}

impl Statement {
    /// "Include the statement when parameter value is `True`", or with a `!` when it "is NOT `True`".
    // AWS: unverified: a parameter without a value is not `True`.
    fn is_enabled(&self, parameters: &[Parameter]) -> bool {
        let is_true = |name: &str| find(parameters, name).is_some_and(|value| value.values() == ["True"]);
        match self.enabled.as_deref() {
            None => true,
            Some(condition) => condition.strip_prefix('!').map_or_else(|| is_true(condition), |name| !is_true(name)),
        }
    }

    fn allows(&self) -> bool {
        self.effect.as_ref().and_then(Value::as_str) == Some("Allow")
    }

    fn filled(&self, parameters: &[Parameter]) -> Result<Statement, RenderError> {
        let fill = |value: &Option<Value>| value.as_ref().map(|value| filled(value, parameters)).transpose();
        Ok(Statement {
            enabled: None,
            sid: fill(&self.sid)?,
            effect: fill(&self.effect)?,
            action: fill(&self.action)?,
            not_action: fill(&self.not_action)?,
            resource: fill(&self.resource)?,
            not_resource: fill(&self.not_resource)?,
            condition: fill(&self.condition)?,
        })
    }
}

fn find<'p>(parameters: &'p [Parameter], name: &str) -> Option<&'p ParameterValue> {
    parameters.iter().find(|parameter| parameter.name == name).map(|parameter| &parameter.value)
}

fn filled(value: &Value, parameters: &[Parameter]) -> Result<Value, RenderError> {
    Ok(match value {
        Value::String(text) => match expanded(text, parameters)? {
            Expanded::One(text) => Value::String(text),
            Expanded::Many(texts) => Value::Array(texts.into_iter().map(Value::String).collect()),
        },
        Value::Array(items) => {
            let mut all = Vec::new();
            for item in items {
                match filled(item, parameters)? {
                    Value::Array(many) => all.extend(many),
                    one => all.push(one),
                }
            }
            Value::Array(all)
        }
        Value::Object(members) => {
            let mut object = Map::new();
            for (name, value) in members {
                match expanded(name, parameters)? {
                    Expanded::One(name) => object.insert(name, filled(value, parameters)?),
                    Expanded::Many(_) => return Err(RenderError::List(name.clone())),
                };
            }
            Value::Object(object)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

enum Expanded {
    One(String),
    Many(Vec<String>),
}

/// Every combination of the values of the parameters in a text: "a cross-product of all combinations".
fn expanded(text: &str, parameters: &[Parameter]) -> Result<Expanded, RenderError> {
    let (mut texts, mut many) = (vec![String::new()], false);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        let Some((name, behind)) = after.split_once('}') else { break };
        let value = find(parameters, name).ok_or_else(|| RenderError::Missing(name.to_owned()))?;
        many |= matches!(value, ParameterValue::List(_));
        let (mut next, mut length) = (Vec::new(), 0);
        for head in &texts {
            for value in value.values() {
                length += head.len() + before.len() + value.len();
                if length > LONGEST_RENDERED {
                    return Err(RenderError::TooLong);
                }
                next.push(format!("{head}{before}{value}"));
            }
        }
        (texts, rest) = (next, behind);
    }
    for text in &mut texts {
        text.push_str(rest);
    }
    if many {
        return Ok(Expanded::Many(texts));
    }
    Ok(Expanded::One(texts.pop().unwrap_or_default()))
}

fn collect_boundaries(condition: &Value, into: &mut Vec<String>) {
    let operators = condition.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_object);
    for (_, values) in operators.flatten().filter(|(key, _)| key.eq_ignore_ascii_case("iam:PermissionsBoundary")) {
        let listed = values.as_array().map(Vec::as_slice).unwrap_or_else(|| std::slice::from_ref(values));
        for arn in listed.iter().filter_map(Value::as_str).filter(|arn| arn.starts_with("arn:")) {
            if !into.iter().any(|known| known == arn) {
                into.push(arn.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests;
