//! Reads fields one by one and notes what is wrong with them.

use super::{
    diagnostics::{Code, Diagnostic},
    resource::Lookup,
    types::{Amount, Language, PathField, WorkflowType},
};
use crate::{
    intrinsics::Intrinsic,
    jsonata::{Expression, expression_text},
    jsonpath::{Path, Root},
    template::Template,
};
use serde_json::{Map, Value};

pub(super) type Fields = Map<String, Value>;

pub(super) struct Checker<'a> {
    pub workflow: WorkflowType,
    pub lookup: Lookup<'a>,
    pub diagnostics: Vec<Diagnostic>,
    /// The language of the whole machine.
    pub language: Language,
    /// What the state that is read refers to.
    pub variables: Vec<String>,
    /// Names that the scopes around this one assign.
    pub outer: Vec<String>,
    pub names: Vec<String>,
    pub labels: Vec<String>,
}

/// More diagnostics than AWS ever answers are not collected.
const MOST: usize = 1000;

impl<'a> Checker<'a> {
    pub fn new(workflow: WorkflowType, lookup: Lookup<'a>) -> Checker<'a> {
        Checker {
            workflow,
            lookup,
            diagnostics: Vec::new(),
            language: Language::JsonPath,
            variables: Vec::new(),
            outer: Vec::new(),
            names: Vec::new(),
            labels: Vec::new(),
        }
    }

    pub fn note(&mut self, code: Code, message: impl Into<String>, location: Option<String>) {
        if self.diagnostics.len() < MOST {
            self.diagnostics.push(Diagnostic::new(code, message, location));
        }
    }

    pub fn refuse(&mut self, message: impl Into<String>, location: impl Into<String>) {
        self.note(Code::SchemaValidationFailed, message, Some(location.into()));
    }

    /// Notes the fields that are missing, in one diagnostic.
    pub fn require(&mut self, fields: &Fields, names: &[&str], location: &str) {
        let missing: Vec<_> = names.iter().filter(|name| !fields.contains_key(**name)).copied().collect();
        if !missing.is_empty() {
            self.refuse(format!("These fields are required: [{}]", missing.join(", ")), if location.is_empty() { "/" } else { location });
        }
    }

    pub fn object<'v>(&mut self, value: &'v Value, location: &str) -> Option<&'v Fields> {
        let fields = value.as_object();
        if fields.is_none() {
            self.refuse("Expected value of type Object", if location.is_empty() { "/" } else { location });
        }
        fields
    }

    pub fn string(&mut self, fields: &Fields, name: &str, location: &str) -> Option<String> {
        let value = fields.get(name)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.refuse("Expected value of type String", format!("{location}/{name}"));
        }
        text
    }

    /// A whole number from `least` to `most`.
    pub fn whole(&mut self, fields: &Fields, name: &str, least: i64, most: i64, location: &str) -> Option<i64> {
        let value = fields.get(name)?;
        let number = value.as_i64();
        match number {
            None => self.refuse("Expected value of type Integer", format!("{location}/{name}")),
            Some(number) if number < least => self.refuse(format!("Value must be greater than or equal to {least}"), format!("{location}/{name}")),
            Some(number) if number > most => self.refuse(format!("Value must be less than or equal to {most}"), format!("{location}/{name}")),
            Some(_) => {}
        }
        number
    }

    pub fn path_text(&mut self, text: &str, location: &str) -> Option<Path> {
        match Path::parse(text) {
            Ok(path) => {
                if let Root::Variable(name) = path.root() {
                    self.refers(name);
                }
                Some(path)
            }
            Err(_) => {
                self.refuse("Value is not a valid JSONPath", location);
                None
            }
        }
    }

    /// A path or `null`.
    pub fn path(&mut self, fields: &Fields, name: &str, location: &str) -> PathField {
        match fields.get(name) {
            None => PathField::Absent,
            Some(Value::Null) => PathField::Null,
            Some(Value::String(text)) => self.path_text(text, &format!("{location}/{name}")).map_or(PathField::Absent, PathField::Path),
            Some(_) => {
                self.refuse("Value is not a valid JSONPath", format!("{location}/{name}"));
                PathField::Absent
            }
        }
    }

    /// A reference path below the input, or `null`.
    pub fn result_path(&mut self, fields: &Fields, location: &str) -> PathField {
        let field = self.path(fields, "ResultPath", location);
        if let PathField::Path(path) = &field
            && (!path.is_reference() || path.root() != &Root::Input)
        {
            self.refuse("Value is not a Reference Path", format!("{location}/ResultPath"));
        }
        field
    }

    /// A number, an expression, or what the field with `Path` behind its name points at.
    pub fn amount(&mut self, fields: &Fields, name: &str, range: (i64, i64), language: Language, location: &str) -> Amount {
        let path_name = format!("{name}Path");
        let here = format!("{location}/{name}");
        if fields.contains_key(name) && fields.contains_key(&path_name) {
            self.refuse(format!("Only one of these fields is allowed: [{name}, {path_name}]"), location);
        }
        match (fields.get(name), fields.get(&path_name)) {
            (Some(Value::String(text)), _) if language == Language::Jsonata => match expression_text(text) {
                Some(text) => self.expression(text, &[], &here).map_or(Amount::Absent, Amount::Expression),
                None => {
                    self.refuse("Expected value of type Integer", here);
                    Amount::Absent
                }
            },
            (Some(Value::Number(_)), _) if name == "ToleratedFailurePercentage" => fields.get(name).cloned().map_or(Amount::Absent, Amount::Number),
            (Some(value), _) => {
                self.whole(fields, name, range.0, range.1, location);
                Amount::Number(value.clone())
            }
            (None, Some(Value::String(text))) => self.path_text(text, &format!("{location}/{path_name}")).map_or(Amount::Absent, Amount::Path),
            (None, Some(_)) => {
                self.refuse("Value is not a valid JSONPath", format!("{location}/{path_name}"));
                Amount::Absent
            }
            (None, None) => Amount::Absent,
        }
    }

    /// `states`: the fields of `$states` that it may use beside `input` and `context`.
    pub fn expression(&mut self, text: &str, states: &[&str], location: &str) -> Option<Expression> {
        match Expression::parse(text) {
            Ok(expression) => {
                for name in &expression.uses().variables {
                    self.refers(name);
                }
                for field in &expression.uses().states {
                    if !["input", "context"].contains(&field.as_str()) && !states.contains(&field.as_str()) {
                        self.refuse(format!("The field '$states.{field}' is not available in this field"), location);
                    }
                }
                Some(expression)
            }
            Err(message) => {
                self.refuse(format!("The value is not a valid JSONata expression: {message}"), location);
                None
            }
        }
    }

    /// A template in JSONata: expressions in any string.
    pub fn jsonata(&mut self, value: &Value, states: &[&str], location: &str) {
        match value {
            Value::String(text) => {
                if let Some(text) = expression_text(text) {
                    self.expression(text, states, location);
                } else if text.starts_with("{%") || text.ends_with("%}") {
                    // AWS: with a blank before it, it is a literal (recorded). Unverified: one delimiter without the other.
                    self.refuse("The JSONata expression must start with '{%' and end with '%}'", location);
                }
            }
            Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| self.jsonata(item, states, &format!("{location}[{index}]"))),
            Value::Object(fields) => fields.iter().for_each(|(name, field)| self.jsonata(field, states, &format!("{location}/{name}"))),
            _ => {}
        }
    }

    /// A payload template: paths and calls in the fields whose name ends in `.$`.
    pub fn template(&mut self, value: &Value, location: &str) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    match name.strip_suffix(".$") {
                        None => {
                            if field.as_str().is_some_and(|text| text.starts_with("$.") || text.starts_with("$$.") || text.starts_with("States.")) {
                                let message =
                                    "A field name that does not end with '.$' has a value that looks like a JSONPath or an intrinsic function";
                                self.note(Code::NoDollar, message, Some(format!("{location}/{name}")));
                            }
                            self.template(field, &format!("{location}/{name}"));
                        }
                        Some(short) => {
                            if fields.contains_key(short) {
                                self.refuse(format!("Cannot have both '{short}' and '{name}'"), location);
                            }
                            if !field.as_str().is_some_and(|text| self.path_or_call(text)) {
                                let message = format!("The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call");
                                self.refuse(message, location);
                            }
                        }
                    }
                }
            }
            Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| self.template(item, &format!("{location}[{index}]"))),
            _ => {}
        }
    }

    pub fn path_or_call(&mut self, text: &str) -> bool {
        if text.starts_with('$') {
            let Ok(path) = Path::parse(text) else { return false };
            if let Root::Variable(name) = path.root() {
                self.refers(name);
            }
            return true;
        }
        let Ok(call) = Intrinsic::parse(text) else { return false };
        let mut names = Vec::new();
        call.variables(&mut names);
        names.iter().for_each(|name| self.refers(name));
        true
    }

    /// A template in the language of its state.
    pub fn payload(&mut self, fields: &Fields, name: &str, language: Language, states: &[&str], location: &str) -> Option<Template> {
        let value = fields.get(name)?;
        let here = format!("{location}/{name}");
        match language {
            Language::Jsonata => {
                self.jsonata(value, states, &here);
                Some(Template::jsonata(value))
            }
            Language::JsonPath => {
                self.template(value, &here);
                Some(Template::jsonpath(value))
            }
        }
    }

    /// Assign: an object whose names are variables.
    pub fn assign(&mut self, fields: &Fields, language: Language, states: &[&str], location: &str) -> Option<Template> {
        let here = format!("{location}/Assign");
        let assigned = self.object(fields.get("Assign")?, &here)?;
        for name in assigned.keys() {
            let name = if language == Language::JsonPath { name.strip_suffix(".$").unwrap_or(name) } else { name };
            if !is_variable_name(name) {
                self.refuse(format!("'{name}' is not a valid variable name"), here.clone());
            } else if self.outer.iter().any(|outer| outer == name) {
                self.refuse(format!("Variable '{name}' is already assigned in an outer scope"), here.clone());
            }
        }
        self.payload(fields, "Assign", language, states, location)
    }

    fn refers(&mut self, name: &str) {
        if !self.variables.iter().any(|known| known == name) {
            self.variables.push(name.to_owned());
        }
    }
}

/// AWS: an identifier of up to 80 characters; `states` is reserved.
fn is_variable_name(name: &str) -> bool {
    let mut characters = name.chars();
    name != "states"
        && name.chars().count() <= 80
        && characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_')
}
