//! The parameters of an automation: what a request gives, what the document has, and what Parameter Store holds.

use crate::{Ssm, faults};
use cloudlet_api_ssm::{GetParameter, GetParameterRequest};
use cloudlet_aws::{Arn, Caller, Fault};
use cloudlet_engine::Cx;
use cloudlet_runbook::{
    Runbook, Type,
    definition::{Parameter, ParameterProblem},
    template::{references, resolve},
    types::texts,
};
use cloudlet_shape::Map;
use serde_json::Value;

fn invalid(message: impl Into<String>) -> Fault {
    faults::INVALID_AUTOMATION_EXECUTION_PARAMETERS.says(message)
}

/// The values of all parameters, with defaults. `from_targets` are those that targets give.
pub fn merged(runbook: &Runbook, given: Option<&Map<Vec<String>>>, from_targets: &[&str]) -> Result<Map<Vec<String>>, Fault> {
    if let Some(name) = given.into_iter().flatten().map(|(name, _)| name).find(|name| !runbook.parameters.contains_key(name.as_str())) {
        // AWS: unverified message.
        return Err(invalid(format!("Parameter {name} is not defined in the document.")));
    }
    let mut out = Map::default();
    for (name, parameter) in &runbook.parameters {
        let value = given.and_then(|given| given.get(name)).cloned();
        match value.or_else(|| parameter.default.as_ref().map(|default| default_texts(parameter, default))) {
            Some(value) => drop(out.insert(name.clone(), value)),
            None if from_targets.contains(&name.as_str()) => {}
            // AWS: recorded.
            None => return Err(invalid(format!("Missing required parameter: {name} in user inputs."))),
        }
    }
    Ok(out)
}

fn default_texts(parameter: &Parameter, default: &Value) -> Vec<String> {
    match (parameter.of, default) {
        (Type::MapList, Value::Array(items)) => items.iter().map(Value::to_string).collect(),
        _ => texts(default),
    }
}

/// The role that a document names, with the values of parameters. `None`: it names none.
pub fn role(cx: &Cx, runbook: &Runbook, values: &Map<Vec<String>>) -> Result<Option<Arn>, Fault> {
    let Some(text) = &runbook.assume_role else { return Ok(None) };
    let value = |name: &str| match name {
        "global:ACCOUNT_ID" => Some(Value::from(cx.scope.account.as_str())),
        "global:REGION" => Some(Value::from(cx.scope.region.as_str())),
        "global:AWS_PARTITION" => Some(Value::from(cx.scope.partition())),
        name => Some(Value::from(values.get(name).and_then(|texts| texts.first()).map(String::as_str).unwrap_or_default())),
    };
    let resolved = resolve(&Value::from(text.as_str()), &value).unwrap_or_default();
    let text = resolved.as_str().unwrap_or_default().trim().to_owned();
    if text.is_empty() {
        return Ok(None);
    }
    let role = Arn::parse(&text).filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"));
    role.map(Some).ok_or_else(|| invalid("The format of the supplied assume role ARN is invalid."))
}

/// The values with their types, checked.
pub fn typed(runbook: &Runbook, values: &Map<Vec<String>>) -> Result<serde_json::Map<String, Value>, Fault> {
    let mut out = serde_json::Map::new();
    for (name, parameter) in &runbook.parameters {
        let Some(texts) = values.get(name) else { continue };
        let is_blank = texts.iter().all(String::is_empty);
        let is_default = parameter.default.as_ref().is_some_and(|default| default_texts(parameter, default) == *texts);
        let read = if is_default || is_blank && parameter.default.is_some() {
            // AWS: a blank that the document has itself is no value, and not checked.
            parameter.default.clone().map(Ok).unwrap_or_else(|| parameter.value(texts))
        } else {
            parameter.value(texts)
        };
        let value = match read {
            Ok(value) if parameter.of.fits(&value) => value,
            // A default that names a parameter of Parameter Store.
            Ok(_) => parameter.value(texts).map_err(|problem| invalid(said(name, &problem)))?,
            Err(problem) => return Err(invalid(said(name, &problem))),
        };
        out.insert(name.clone(), value);
    }
    Ok(out)
}

/// AWS: unverified messages.
fn said(name: &str, problem: &ParameterProblem) -> String {
    match problem {
        ParameterProblem::Type(of) => format!("Parameter {name} has an invalid value: it must be of type {}.", of.name()),
        ParameterProblem::NotAllowed(allowed) => format!("Parameter {name} must be one of the allowed values: [{}].", allowed.join(", ")),
        ParameterProblem::Pattern(pattern) => format!("Parameter {name} must satisfy the regular expression: {pattern}."),
        ParameterProblem::Items => format!("Parameter {name} has too few or too many items."),
        ParameterProblem::Characters => format!("Parameter {name} has too few or too many characters."),
    }
}

impl Ssm {
    /// The values with those of Parameter Store, which are read as the automation.
    pub async fn with_stored(&self, cx: &Cx, caller: &Caller, values: Map<Vec<String>>) -> Result<Map<Vec<String>>, Fault> {
        let mut out = Map::default();
        for (name, texts) in values {
            let mut resolved = Vec::with_capacity(texts.len());
            for text in texts {
                resolved.push(self.stored(cx, caller, text).await?);
            }
            out.insert(name, resolved);
        }
        Ok(out)
    }

    async fn stored(&self, cx: &Cx, caller: &Caller, text: String) -> Result<String, Fault> {
        let mut out = text.clone();
        let wanted: Vec<(String, String)> = references(&text)
            .filter_map(|reference| Some((text.get(reference.at)?.to_owned(), reference.name.strip_prefix("ssm:")?.to_owned())))
            .collect();
        for (variable, name) in wanted {
            let input = GetParameterRequest { name: name.clone(), with_decryption: None };
            let found = cx.call::<GetParameter>(caller.clone(), cx.scope.clone(), input).await;
            // AWS: unverified message.
            let found = found.map_err(|fault| invalid(format!("Failed to resolve Systems Manager parameter {name}: {}", fault.message())))?;
            let value = found.parameter.and_then(|parameter| parameter.value).unwrap_or_default();
            out = out.replace(&variable, &value);
        }
        Ok(out)
    }
}
