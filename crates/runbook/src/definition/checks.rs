//! Names in a document mean something: steps, parameters, variables.

use super::{Body, Problem, Route, Runbook, Step};
use crate::template::{each_text, references};
use std::collections::BTreeSet;

/// System variables. <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-variables.html>
const GLOBAL: [&str; 5] = ["global:ACCOUNT_ID", "global:DATE", "global:DATE_TIME", "global:REGION", "global:AWS_PARTITION"];
const AUTOMATION: &str = "automation:EXECUTION_ID";
/// Pseudo parameters, of which a rate-controlled automation or a maintenance window has the values.
pub const PSEUDO: [&str; 3] = ["RESOURCE_ID", "TARGET_ID", "INVOCATION_ID"];
/// The steps of a document, those in loops included.
const MOST_STEPS: usize = 100;

pub fn check(runbook: &Runbook) -> Result<(), Problem> {
    let all = runbook.all_steps();
    if all.is_empty() {
        return Err(Problem::new("At least one step is required in mainSteps."));
    }
    // AWS: unverified wordings in this file, but where a record is named.
    if all.len() > MOST_STEPS {
        return Err(Problem::new(format!("The document has more than {MOST_STEPS} steps.")));
    }
    let mut names = BTreeSet::new();
    for step in &all {
        if !names.insert(step.name.as_str()) {
            return Err(Problem::new(format!("Step name \"{}\" is not unique.", step.name)));
        }
    }
    check_routes(&runbook.steps, &[])?;
    for (name, parameter) in &runbook.parameters {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            // AWS: recorded: `InvalidDocumentContent: Parameter name "event_type" is not alpha-numeric.`, for a Command document.
            return Err(Problem::new(format!("Parameter name \"{name}\" is not alpha-numeric.")));
        }
        if let Some(default) = &parameter.default
            && !has_variables(default)
            && !is_blank(default)
            && parameter.check(default).is_err()
        {
            return Err(Problem::new(format!("The default value of parameter \"{name}\" is not allowed.")));
        }
    }
    if let Some(role) = &runbook.assume_role {
        check_text(runbook, &names, role)?;
        if references(role).any(|reference| reference.name.starts_with("ssm:")) {
            return Err(Problem::new("Systems Manager parameters are not supported in assumeRole."));
        }
    }
    for step in &all {
        check_step(runbook, &names, step)?;
    }
    for output in &runbook.outputs {
        if output.starts_with("variable:") {
            check_name(runbook, &names, output)?;
        } else if output.split('.').next().is_none_or(|step| !names.contains(step)) || !output.contains('.') {
            return Err(Problem::new(format!("Output \"{output}\" does not refer to an output of a step.")));
        }
    }
    Ok(())
}

fn has_variables(value: &serde_json::Value) -> bool {
    let mut found = false;
    each_text(value, &mut |text| found |= references(text).next().is_some());
    found
}

/// AWS: an empty default means that nothing is given.
fn is_blank(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.is_empty(),
        serde_json::Value::Array(items) => items.iter().all(is_blank),
        serde_json::Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Steps lead to steps of their own list, or out of their loop to those around it, as published runbooks do.
fn check_routes(steps: &[Step], around: &[&[Step]]) -> Result<(), Problem> {
    let find = |name: &str| steps.iter().chain(around.iter().copied().flatten()).find(|step| step.name == name);
    for step in steps {
        let missing =
            |property: &str, name: &str| Problem::new(format!("{property} of step: {} refers to step {name}, which does not exist.", step.name));
        if let Some(next) = &step.next
            && find(next).is_none()
        {
            return Err(missing("nextStep", next));
        }
        if let Some(Route::Step(other)) = &step.on_failure
            && find(other).is_none()
        {
            return Err(missing("onFailure", other));
        }
        if let Some(Route::Step(other)) = &step.on_cancel {
            let target = find(other).ok_or_else(|| missing("onCancel", other))?;
            if target.action.describe().is_some_and(|action| !action.after_cancel) {
                return Err(Problem::new(format!("onCancel of step: {} cannot lead to action {}.", step.name, target.action.name())));
            }
        }
        match &step.body {
            Body::Branch { choices, default } => {
                for next in choices.iter().map(|choice| &choice.next).chain(default) {
                    if find(next).is_none() {
                        return Err(missing("A choice", next));
                    }
                }
            }
            Body::Loop(of) => {
                if step.on_cancel.is_some() {
                    return Err(Problem::new(format!("onCancel is not supported for action aws:loop in step: {}.", step.name)));
                }
                check_routes(&of.steps, &[around, &[steps]].concat())?;
            }
            Body::Plain => {}
        }
    }
    Ok(())
}

fn check_step(runbook: &Runbook, names: &BTreeSet<&str>, step: &Step) -> Result<(), Problem> {
    let mut outcome = Ok(());
    let mut see = |text: &str| {
        if outcome.is_ok() {
            outcome = check_text(runbook, names, text);
        }
    };
    for (input, value) in &step.inputs {
        // The steps of a loop are looked at themselves.
        if !(input == "Steps" && matches!(step.body, Body::Loop(_))) {
            each_text(value, &mut see);
        }
    }
    if let Some(timeout) = &step.timeout_seconds {
        each_text(timeout, &mut see);
    }
    outcome?;
    if step.action == super::Action::UpdateVariable {
        let name = step.inputs.get("Name").and_then(serde_json::Value::as_str).unwrap_or_default();
        check_name(runbook, names, name).and(if name.starts_with("variable:") {
            Ok(())
        } else {
            Err(Problem::new(format!("Name must be variable:<name> in step: {}.", step.name)))
        })?;
    }
    Ok(())
}

fn check_text(runbook: &Runbook, names: &BTreeSet<&str>, text: &str) -> Result<(), Problem> {
    references(text).try_for_each(|reference| check_name(runbook, names, reference.name))
}

fn check_name(runbook: &Runbook, names: &BTreeSet<&str>, name: &str) -> Result<(), Problem> {
    // AWS: recorded: `InvalidDocumentContent: Parameter "PackageVersion" is not declared.`
    let undeclared = || Problem::new(format!("Parameter \"{name}\" is not declared."));
    if name.starts_with("ssm:") || name.starts_with("ssm-secure:") || name.starts_with("resolve:") {
        // AWS: documented: refused when the document is created.
        return Err(Problem::new(format!("Systems Manager parameter \"{name}\" cannot be referenced in the inputs of a step.")));
    }
    if name.starts_with("global:") {
        return if GLOBAL.contains(&name) { Ok(()) } else { Err(undeclared()) };
    }
    if name.starts_with("automation:") {
        return if name == AUTOMATION { Ok(()) } else { Err(undeclared()) };
    }
    if let Some(variable) = name.strip_prefix("variable:") {
        let base = variable.split(['.', '[']).next().unwrap_or_default();
        return if runbook.variables.contains_key(base) { Ok(()) } else { Err(undeclared()) };
    }
    let base = name.split(['.', '[']).next().unwrap_or_default();
    let known = if base.len() == name.len() {
        runbook.parameters.contains_key(name) || PSEUDO.contains(&name)
    } else {
        names.contains(base) || runbook.parameters.contains_key(base)
    };
    if known { Ok(()) } else { Err(undeclared()) }
}
