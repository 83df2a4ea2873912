//! The parameters that a document declares.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-syntax-data-elements-parameters.html>

use crate::{
    Pattern,
    schema::{Checked, Node, Others},
};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterType {
    String,
    StringList,
    Boolean,
    Integer,
    MapList,
    StringMap,
    /// `AWS::EC2::Instance::Id`: a text, which the console offers choices for.
    Aws(String),
    /// `List<AWS::EC2::Instance::Id>`
    AwsList(String),
}

impl ParameterType {
    const PLAIN: [(ParameterType, &str); 6] = [
        (ParameterType::String, "String"),
        (ParameterType::StringList, "StringList"),
        (ParameterType::Boolean, "Boolean"),
        (ParameterType::Integer, "Integer"),
        (ParameterType::MapList, "MapList"),
        (ParameterType::StringMap, "StringMap"),
    ];

    pub fn parse(name: &str) -> Option<ParameterType> {
        if let Some((kind, _)) = Self::PLAIN.iter().find(|(_, known)| *known == name) {
            return Some(kind.clone());
        }
        let is_aws = |name: &str| {
            let parts: Vec<&str> = name.split("::").collect();
            parts.first() == Some(&"AWS")
                && parts.len() >= 3
                && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        };
        match name.strip_prefix("List<").and_then(|rest| rest.strip_suffix('>')) {
            Some(item) => is_aws(item).then(|| ParameterType::AwsList(item.to_owned())),
            None => is_aws(name).then(|| ParameterType::Aws(name.to_owned())),
        }
    }

    pub fn name(&self) -> String {
        match self {
            ParameterType::Aws(name) => name.clone(),
            ParameterType::AwsList(item) => format!("List<{item}>"),
            plain => Self::PLAIN.iter().find(|(kind, _)| kind == plain).map_or_else(String::new, |(_, name)| (*name).to_owned()),
        }
    }

    /// Whether several values are given for it.
    pub fn is_list(&self) -> bool {
        matches!(self, ParameterType::StringList | ParameterType::MapList | ParameterType::AwsList(_))
    }
}

#[derive(Clone, Debug)]
pub struct Parameter {
    pub kind: ParameterType,
    pub description: Option<String>,
    pub default: Option<Value>,
    pub allowed_values: Option<Vec<Value>>,
    pub allowed_pattern: Option<Pattern>,
    pub min_chars: Option<u64>,
    pub max_chars: Option<u64>,
    pub min_items: Option<u64>,
    pub max_items: Option<u64>,
    /// It is handed over in the environment of what is run, and not put into its text.
    pub in_environment: bool,
}

impl Parameter {
    pub fn is_required(&self) -> bool {
        self.default.is_none()
    }
}

/// All of a document, in its order.
#[derive(Clone, Debug, Default)]
pub struct Parameters(pub Vec<(String, Parameter)>);

impl Parameters {
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, parameter)| parameter)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Those of a whole document, which has been checked.
    pub fn of(document: &Value) -> Parameters {
        document.get("parameters").map(|declared| read(&Node::root(declared)).unwrap_or_default()).unwrap_or_default()
    }
}

const KEYS: [&str; 14] = [
    "description",
    "default",
    "allowedValues",
    "allowedPattern",
    "displayType",
    "minChars",
    "maxChars",
    "minItems",
    "maxItems",
    "interpolationType",
    "assumeRole",
    "minValue",
    "maxValue",
    "required",
];

/// The declarations of a document: its `parameters`.
pub fn read(node: &Node<'_>) -> Checked<Parameters> {
    let mut parameters = Vec::new();
    for (name, node) in node.fields()? {
        if !is_name(name) {
            return node.refuse(format!("Parameter name \"{name}\" is not valid."));
        }
        parameters.push((name.clone(), parameter(name, &node)?));
    }
    Ok(Parameters(parameters))
}

pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

fn parameter(name: &str, node: &Node<'_>) -> Checked<Parameter> {
    node.object(&["type"], &KEYS, Others::Refused)?;
    let count = |key: &str| node.get(key).map(|node| node.count()).transpose();
    let Some(kind) = node.get("type").map(|node| node.text()).transpose()?.and_then(ParameterType::parse) else {
        return node.refuse(format!("Parameter \"{name}\" has an invalid type."));
    };
    let allowed_pattern = match node.get("allowedPattern") {
        None => None,
        Some(node) => match Pattern::parse(node.text()?) {
            Some(pattern) => Some(pattern),
            None => return node.refuse(format!("Parameter \"{name}\" has an invalid allowedPattern.")),
        },
    };
    let allowed_values = match node.get("allowedValues") {
        None => None,
        Some(node) => Some(node.items()?.map(|item| item.value.clone()).collect()),
    };
    if let Some(node) = node.get("interpolationType") {
        node.one_of(&["ENV_VAR"])?;
    }
    let parameter = Parameter {
        description: node.get("description").map(|node| node.text().map(str::to_owned)).transpose()?,
        default: node.get("default").map(|node| node.value.clone()),
        allowed_values,
        allowed_pattern,
        min_chars: count("minChars")?,
        max_chars: count("maxChars")?,
        min_items: count("minItems")?,
        max_items: count("maxItems")?,
        in_environment: node.get("interpolationType").is_some(),
        kind,
    };
    if let Some(default) = &parameter.default
        && !is_of(&parameter.kind, default)
    {
        return node.refuse(format!("Parameter \"{name}\" has a default value that is not of type {}.", parameter.kind.name()));
    }
    Ok(parameter)
}

/// Whether a value has a type. A number or truth value also stands as a text, and a text is a list of one.
pub fn is_of(kind: &ParameterType, value: &Value) -> bool {
    let is_text = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    match kind {
        ParameterType::String | ParameterType::Aws(_) => is_text(value) || value.is_null(),
        ParameterType::StringList | ParameterType::AwsList(_) => value.as_array().map_or_else(|| is_text(value), |items| items.iter().all(is_text)),
        ParameterType::Boolean => value.is_boolean() || value.as_str().is_some_and(|text| matches!(text, "true" | "false")),
        ParameterType::Integer => value.is_i64() || value.is_u64() || value.as_str().is_some_and(|text| text.parse::<i64>().is_ok()),
        ParameterType::MapList => value.as_array().is_some_and(|items| items.iter().all(Value::is_object)),
        // A map may be written as a text of JSON.
        ParameterType::StringMap => {
            value.is_object() || value.as_str().is_some_and(|text| matches!(serde_json::from_str(text), Ok(Value::Object(_))))
        }
    }
}
