//! A document read from JSON.

use super::{Parameter, Problem, Runbook, Step, Variable, checks, fields::Fields};
use crate::types::Type;
use serde_json::Value;

const MEMBERS: [&str; 12] = [
    "schemaVersion",
    "description",
    "assumeRole",
    "parameters",
    "variables",
    "mainSteps",
    "outputs",
    "files",
    // of change templates
    "templateInformation",
    "executableRunBooks",
    "emergencyChange",
    "autoApprovable",
];
const VERSION: &str = "0.3";

impl Runbook {
    /// Reads and checks a document of type Automation or Automation.ChangeTemplate.
    pub fn read(document: &Value) -> Result<Runbook, Problem> {
        let runbook = runbook(document)?;
        checks::check(&runbook)?;
        Ok(runbook)
    }
}

fn runbook(document: &Value) -> Result<Runbook, Problem> {
    let fields = Fields::of(document, "the document")?;
    fields.only(&MEMBERS)?;
    let version = fields.scalar("schemaVersion")?;
    if version.as_deref() != Some(VERSION) {
        let version = version.unwrap_or_default();
        // AWS: unverified wording.
        return Err(Problem::new(format!("Document schema version, {version}, is not supported by the document type Automation.")));
    }
    let steps = fields.required("mainSteps")?.as_array().ok_or_else(|| fields.wrong("mainSteps", "a list"))?;
    let steps = steps.iter().map(|step| Step::read(step, 0)).collect::<Result<Vec<_>, _>>()?;
    let mut runbook = Runbook {
        description: fields.scalar("description")?,
        assume_role: fields.text("assumeRole")?.map(str::to_owned),
        parameters: Default::default(),
        variables: Default::default(),
        steps,
        outputs: Vec::new(),
    };
    for (name, value) in fields.map("parameters")?.into_iter().flatten() {
        runbook.parameters.insert(name.clone(), Parameter::read(name, value)?);
    }
    for (name, value) in fields.map("variables")?.into_iter().flatten() {
        runbook.variables.insert(name.clone(), variable(name, value)?);
    }
    for value in fields.list("outputs")?.into_iter().flatten() {
        let text = value.as_str().ok_or_else(|| fields.wrong("outputs", "a list of strings"))?;
        runbook.outputs.push(crate::template::whole(text).unwrap_or(text).trim().to_owned());
    }
    Ok(runbook)
}

fn variable(name: &str, value: &Value) -> Result<Variable, Problem> {
    let fields = Fields::of(value, format!("variable: {name}"))?;
    fields.only(&["type", "description", "default", "allowedValues", "allowedPattern"])?;
    let type_name = fields.required("type")?.as_str().unwrap_or_default();
    let of = Type::parse(type_name).ok_or_else(|| Problem::new(format!("Variable \"{name}\" has an unsupported type: {type_name}.")))?;
    let default = fields.get("default").cloned();
    if default.as_ref().is_some_and(|default| !of.fits(default) && of.convert(default.clone()).is_none()) {
        return Err(fields.wrong("default", &format!("a {}", of.name())));
    }
    Ok(Variable { of, default: default.and_then(|default| of.convert(default)) })
}
