//! One step.

use super::{Action, Choice, Condition, Problem, actions::Kind, fields::Fields, fields::number};
use crate::{
    selector::Selector,
    template::references,
    types::{Type, boolean},
};
use regex::Regex;
use serde_json::{Map, Value};
use std::sync::LazyLock;

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub name: String,
    pub action: Action,
    pub description: Option<String>,
    pub inputs: Map<String, Value>,
    pub max_attempts: u32,
    /// A number, or a variable.
    pub timeout_seconds: Option<Value>,
    pub on_failure: Option<Route>,
    pub on_cancel: Option<Route>,
    pub is_end: bool,
    /// `None`: the step does not say.
    pub is_critical: Option<bool>,
    pub next: Option<String>,
    pub outputs: Vec<Output>,
    pub body: Body,
}

/// Where an automation goes when a step has failed, or when it is cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    Abort,
    Continue,
    Step(String),
}

/// An output that the document asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    pub name: String,
    pub selector: Selector,
    pub of: Type,
}

/// What the steps with a structure of their own have.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Plain,
    Branch { choices: Vec<Choice>, default: Option<String> },
    Loop(Box<Loop>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    pub steps: Vec<Step>,
    pub condition: Option<Condition>,
}

const MEMBERS: [&str; 13] = [
    "name",
    "action",
    "description",
    "inputs",
    "maxAttempts",
    "timeoutSeconds",
    "onFailure",
    "onCancel",
    "isEnd",
    "isCritical",
    "nextStep",
    "outputs",
    "precondition",
];
/// Loops in loops.
const DEEPEST: usize = 5;
/// AWS: at most so many iterations of a loop.
pub const MOST_ITERATIONS: i64 = 100;

static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("^[a-zA-Z0-9_]{1,128}$").ok());

impl Step {
    pub fn read(value: &Value, depth: usize) -> Result<Step, Problem> {
        let mut fields = Fields::of(value, "mainSteps")?;
        let name = fields.required("name")?.as_str().ok_or_else(|| fields.wrong("name", "a string"))?;
        if !NAME.as_ref().is_some_and(|pattern| pattern.is_match(name)) {
            // AWS: unverified wording.
            return Err(Problem::new(format!("Step name \"{name}\" is invalid: it must match the pattern ^[a-zA-Z0-9_]+$.")));
        }
        fields.called(format!("step: {name}"));
        fields.only(&MEMBERS)?;
        let action_name = fields.required("action")?.as_str().ok_or_else(|| fields.wrong("action", "a string"))?;
        let Some(action) = Action::parse(action_name) else {
            return Err(Problem::new(format!("Action {action_name} is not supported in step: {name}.")));
        };
        let inputs = fields.map("inputs")?.cloned().unwrap_or_default();
        check_inputs(name, action, &inputs)?;
        let on_failure =
            fields.text("onFailure")?.map(|text| route(text, true).ok_or_else(|| fields.wrong("onFailure", "Abort, Continue or step:<name>")));
        let on_cancel = fields.text("onCancel")?.map(|text| route(text, false).ok_or_else(|| fields.wrong("onCancel", "Abort or step:<name>")));
        let timeout = fields.get("timeoutSeconds");
        if let Some(timeout) = timeout
            && !is_variable(timeout)
            && number(timeout).is_none_or(|seconds| seconds <= 0)
        {
            return Err(fields.wrong("timeoutSeconds", "a positive integer"));
        }
        let attempts = fields.number("maxAttempts")?.unwrap_or(1);
        let max_attempts =
            u32::try_from(attempts).ok().filter(|attempts| *attempts > 0).ok_or_else(|| fields.wrong("maxAttempts", "a positive integer"))?;
        let outputs = fields.list("outputs")?.into_iter().flatten().map(|value| output(value, name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Step {
            name: name.to_owned(),
            action,
            description: fields.scalar("description")?,
            body: body(name, action, &inputs, depth)?,
            inputs,
            max_attempts,
            timeout_seconds: timeout.cloned(),
            on_failure: on_failure.transpose()?,
            on_cancel: on_cancel.transpose()?,
            is_end: fields.flag("isEnd")?.unwrap_or(false),
            is_critical: fields.flag("isCritical")?,
            next: fields.text("nextStep")?.map(str::to_owned),
            outputs,
        })
    }

    /// The steps in it.
    pub fn inner(&self) -> &[Step] {
        match &self.body {
            Body::Loop(of) => &of.steps,
            _ => &[],
        }
    }

    /// Whether its failure is the automation's.
    pub fn is_critical(&self) -> bool {
        // AWS: "If the onFailure property is set to Continue in a step, the value defaults to false."
        self.is_critical.unwrap_or(self.on_failure != Some(Route::Continue))
    }
}

fn is_variable(value: &Value) -> bool {
    value.as_str().is_some_and(|text| references(text).next().is_some())
}

fn route(text: &str, or_continue: bool) -> Option<Route> {
    match text {
        word if word.eq_ignore_ascii_case("abort") => Some(Route::Abort),
        word if word.eq_ignore_ascii_case("continue") && or_continue => Some(Route::Continue),
        _ => text.strip_prefix("step:").map(str::trim).filter(|name| !name.is_empty()).map(|name| Route::Step(name.to_owned())),
    }
}

fn output(value: &Value, step: &str) -> Result<Output, Problem> {
    let fields = Fields::of(value, format!("the outputs of step: {step}"))?;
    fields.only(&["Name", "Selector", "Type"])?;
    let text = |name: &str| fields.required(name).and_then(|value| value.as_str().ok_or_else(|| fields.wrong(name, "a string")));
    let (name, selector) = (text("Name")?, text("Selector")?);
    let of = match fields.text("Type")? {
        None => Type::String,
        Some(type_name) => {
            Type::parse(type_name).ok_or_else(|| fields.wrong("Type", "Integer, Boolean, String, StringList, StringMap or MapList"))?
        }
    };
    let selector = Selector::parse(selector).ok_or_else(|| fields.wrong("Selector", "a JSONPath expression"))?;
    Ok(Output { name: name.to_owned(), selector, of })
}

/// AWS: the wordings about inputs are unverified.
fn check_inputs(step: &str, action: Action, inputs: &Map<String, Value>) -> Result<(), Problem> {
    let Some(description) = action.describe() else { return Ok(()) };
    for input in description.inputs {
        match inputs.get(input.name).filter(|value| !value.is_null()) {
            None if input.required => {
                return Err(Problem::new(format!("Missing required input \"{}\" for action {} in step: {step}.", input.name, description.name)));
            }
            Some(value) if !fits(input.kind, value) => {
                return Err(Problem::new(format!("Input \"{}\" for action {} in step: {step} has a wrong type.", input.name, description.name)));
            }
            _ => {}
        }
    }
    let unknown = inputs.keys().find(|name| !description.open && !description.inputs.iter().any(|input| input.name == name.as_str()));
    if let Some(name) = unknown {
        return Err(Problem::new(format!("Input \"{name}\" is not supported for action {} in step: {step}.", description.name)));
    }
    let wrong = |text: &str| Err(Problem::new(format!("{text} in step: {step}.")));
    let literal = |name: &str| inputs.get(name).and_then(Value::as_str).filter(|text| references(text).next().is_none());
    match action {
        Action::AssertAwsResourceProperty | Action::WaitForAwsResourceProperty
            if literal("PropertySelector").is_some_and(|text| Selector::parse(text).is_none()) =>
        {
            return wrong("The PropertySelector is not a JSONPath expression");
        }
        Action::Approve => {
            if !inputs.contains_key("Approvers") && !inputs.contains_key("EnhancedApprovals") {
                return wrong("Missing required input \"Approvers\" for action aws:approve");
            }
            let approvers = inputs.get("Approvers").and_then(Value::as_array).filter(|list| !list.iter().any(is_variable));
            if approvers.is_some_and(|list| list.is_empty() || list.len() > 10) {
                return wrong("The number of Approvers must be between 1 and 10");
            }
            let least = inputs.get("MinRequiredApprovals").and_then(number);
            let too_many = |least: i64| approvers.is_some_and(|list| least > i64::try_from(list.len()).unwrap_or(i64::MAX));
            if least.is_some_and(|least| least < 1 || too_many(least)) {
                return wrong("MinRequiredApprovals must be positive and cannot exceed the number of Approvers");
            }
            if inputs.get("Message").and_then(Value::as_str).is_some_and(|text| text.chars().count() > 4096) {
                return wrong("The Message is longer than 4096 characters");
            }
            let topic = literal("NotificationArn");
            if topic.is_some_and(|arn| !arn.rsplit(':').next().unwrap_or_default().starts_with("Automation")) {
                return wrong("The name of the topic in NotificationArn must be prefixed with \"Automation\"");
            }
        }
        Action::ChangeInstanceState if literal("DesiredState").is_some_and(|state| !["running", "stopped", "terminated"].contains(&state)) => {
            return wrong("DesiredState must be running, stopped or terminated");
        }
        Action::ExecuteScript => return check_script(inputs, &wrong),
        Action::RunCommand if !inputs.contains_key("InstanceIds") && !inputs.contains_key("Targets") => {
            return wrong("InstanceIds or Targets is required for action aws:runCommand");
        }
        Action::Sleep => {
            let duration = literal("Duration");
            if !inputs.contains_key("Duration") && !inputs.contains_key("Timestamp") {
                return wrong("Duration or Timestamp is required for action aws:sleep");
            }
            if duration.is_some_and(|text| crate::time::duration(text).is_none_or(|millis| millis > crate::time::LONGEST_SLEEP)) {
                return wrong("The Duration is not an ISO 8601 duration of at most 604799 seconds");
            }
            if literal("Timestamp").is_some_and(|text| crate::time::instant(text).is_none()) {
                return wrong("The Timestamp is not an ISO 8601 timestamp");
            }
        }
        Action::CreateTags => {
            let kind = literal("ResourceType");
            if kind.is_some_and(|kind| !["EC2", "ManagedInstance", "MaintenanceWindow", "Parameter"].contains(&kind)) {
                return wrong("ResourceType must be EC2, ManagedInstance, MaintenanceWindow or Parameter");
            }
        }
        _ => {}
    }
    Ok(())
}

/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-executeScript.html>
fn check_script(inputs: &Map<String, Value>, wrong: &dyn Fn(&str) -> Result<(), Problem>) -> Result<(), Problem> {
    let runtime = inputs.get("Runtime").and_then(Value::as_str).unwrap_or_default();
    if references(runtime).next().is_some() {
        return Ok(());
    }
    let is_python = runtime.strip_prefix("python3.").is_some_and(|minor| minor.parse::<u8>().is_ok());
    let is_powershell = runtime.starts_with("PowerShell Core 6") || runtime.starts_with("PowerShell 7");
    if !is_python && !is_powershell {
        return wrong(&format!("Runtime {runtime} is not supported for action aws:executeScript"));
    }
    if is_python && !inputs.contains_key("Handler") {
        return wrong("Missing required input \"Handler\" for action aws:executeScript");
    }
    if !inputs.contains_key("Script") && !inputs.contains_key("Attachment") {
        return wrong("Script or Attachment is required for action aws:executeScript");
    }
    Ok(())
}

/// Whether an input can be of a kind: what has variables is seen when the step runs.
fn fits(kind: Kind, value: &Value) -> bool {
    if is_variable(value) {
        return true;
    }
    match kind {
        Kind::Text => !value.is_array() && !value.is_object(),
        Kind::Texts => match value {
            Value::Array(items) => items.iter().all(|item| !item.is_array() && !item.is_object()),
            other => !other.is_object(),
        },
        Kind::Flag => value.is_boolean() || value.as_str().is_some_and(|text| boolean(text).is_some()),
        Kind::Number => number(value).is_some(),
        Kind::Map => value.is_object(),
        Kind::Any => true,
    }
}

fn body(name: &str, action: Action, inputs: &Map<String, Value>, depth: usize) -> Result<Body, Problem> {
    match action {
        Action::Branch => {
            let choices = inputs.get("Choices").and_then(Value::as_array).filter(|choices| !choices.is_empty());
            let choices = choices.ok_or_else(|| Problem::new(format!("At least one choice is required in step: {name}.")))?;
            let choices = choices.iter().map(|choice| Choice::read(choice, name)).collect::<Result<Vec<_>, _>>()?;
            Ok(Body::Branch { choices, default: inputs.get("Default").and_then(Value::as_str).map(str::to_owned) })
        }
        Action::Loop => loop_of(name, inputs, depth).map(|of| Body::Loop(Box::new(of))),
        _ => Ok(Body::Plain),
    }
}

/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-loop.html>
fn loop_of(name: &str, inputs: &Map<String, Value>, depth: usize) -> Result<Loop, Problem> {
    let wrong = |text: &str| Problem::new(format!("{text} in step: {name}."));
    if depth >= DEEPEST {
        return Err(wrong("Loops are nested too deeply"));
    }
    let steps = inputs.get("Steps").and_then(Value::as_array).filter(|steps| !steps.is_empty());
    let steps = steps.ok_or_else(|| wrong("At least one step is required for action aws:loop"))?;
    let steps = steps.iter().map(|step| Step::read(step, depth + 1)).collect::<Result<Vec<_>, _>>()?;
    let (iterators, condition) = (inputs.get("Iterators"), inputs.get("LoopCondition"));
    if iterators.is_some() == condition.is_some() {
        return Err(wrong("Either Iterators or LoopCondition must be specified for action aws:loop"));
    }
    if let Some(Value::Array(items)) = iterators
        && i64::try_from(items.len()).unwrap_or(i64::MAX) > MOST_ITERATIONS
    {
        return Err(wrong("Iterators can have 100 items at most"));
    }
    let kind = inputs.get("IteratorDataType").and_then(Value::as_str);
    if kind.is_some_and(|kind| !["Boolean", "Integer", "String", "StringMap"].contains(&kind)) {
        return Err(wrong("IteratorDataType must be Boolean, Integer, String or StringMap"));
    }
    let most = inputs.get("MaxIterations").filter(|most| !is_variable(most)).and_then(number);
    if most.is_some_and(|most| !(1..=MOST_ITERATIONS).contains(&most)) {
        return Err(wrong("MaxIterations must be between 1 and 100"));
    }
    Ok(Loop { steps, condition: condition.map(|condition| Condition::read(condition, name)).transpose()? })
}
