//! The steps of documents that run on nodes: `mainSteps` of schemas 2.0 and 2.2, `runtimeConfig` of schema 1.2.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html>

use crate::{
    Platform, parameters,
    schema::{Checked, Node, Others},
};
use serde_json::{Map, Value};

/// The actions that the agent has.
const ACTIONS: [&str; 18] = [
    "aws:applications",
    "aws:cloudWatch",
    "aws:configureDocker",
    "aws:configurePackage",
    "aws:domainJoin",
    "aws:downloadContent",
    "aws:psModule",
    "aws:refreshAssociation",
    "aws:runDockerAction",
    "aws:runDocument",
    "aws:runPowerShellScript",
    "aws:runShellScript",
    "aws:softwareInventory",
    "aws:updateAgent",
    "aws:updateSsmAgent",
    "aws:updateECSAgent",
    "aws:runPatchBaseline",
    "aws:updateWindowsUpdate",
];

/// Those that exist on Windows alone.
const ON_WINDOWS: [&str; 5] = ["aws:applications", "aws:cloudWatch", "aws:domainJoin", "aws:psModule", "aws:updateWindowsUpdate"];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The following steps run, and the command fails.
    #[default]
    Continue,
    Exit,
    SuccessAndExit,
}

/// Two texts that must be equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    pub left: String,
    pub right: String,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub action: String,
    pub name: String,
    pub inputs: Value,
    pub preconditions: Vec<Precondition>,
    pub on_failure: OnFailure,
    /// It ends the command, successfully, if it succeeds.
    pub exits_on_success: bool,
    /// It runs after all others, whatever became of them.
    pub is_final: bool,
}

#[derive(Clone, Debug)]
pub struct Steps {
    pub schema_version: String,
    pub steps: Vec<Step>,
}

impl Steps {
    /// Those of a document, which has been checked.
    pub fn of(document: &Value) -> Option<Steps> {
        read(&Node::root(document)).ok()
    }

    /// Whether this is a document of schema 1.2, whose preconditions follow from its plugins.
    pub fn is_of_old_schema(&self) -> bool {
        self.schema_version.starts_with("1.")
    }

    /// The platforms that it can run on.
    pub fn platforms(&self) -> Vec<Platform> {
        let runs_on = |platform: Platform| self.steps.iter().any(|step| step.runs_on(platform));
        let platforms: Vec<Platform> = Platform::ALL.into_iter().filter(|platform| runs_on(*platform)).collect();
        if platforms.is_empty() { Platform::ALL.to_vec() } else { platforms }
    }
}

impl Step {
    fn runs_on(&self, platform: Platform) -> bool {
        let of_platform = self.preconditions.iter().find_map(|condition| match (condition.left.as_str(), condition.right.as_str()) {
            ("platformType", name) | (name, "platformType") => Some(name),
            _ => None,
        });
        match of_platform {
            Some(name) => name.eq_ignore_ascii_case(platform.as_str()),
            None => match platform {
                Platform::Windows => !matches!(self.action.as_str(), "aws:runShellScript" | "aws:configureDocker" | "aws:runDockerAction"),
                Platform::Linux | Platform::MacOs => !ON_WINDOWS.contains(&self.action.as_str()),
            },
        }
    }
}

pub fn read(node: &Node<'_>) -> Checked<Steps> {
    let version = node.get("schemaVersion").map(|node| node.text()).transpose()?.unwrap_or_default();
    let steps = if version.starts_with("1.") {
        node.object(&["schemaVersion", "runtimeConfig"], &["description", "parameters"], Others::Refused)?;
        node.get("runtimeConfig").map(|node| runtime_config(&node)).transpose()?.unwrap_or_default()
    } else {
        node.object(&["schemaVersion", "mainSteps"], &["description", "parameters", "outputs", "variables", "files"], Others::Refused)?;
        node.get("mainSteps").map(|node| main_steps(&node, version)).transpose()?.unwrap_or_default()
    };
    Ok(Steps { schema_version: version.to_owned(), steps })
}

fn known_action(node: &Node<'_>, action: &str) -> Checked<()> {
    if ACTIONS.contains(&action) {
        return Ok(());
    }
    let mut sorted = ACTIONS;
    sorted.sort_unstable();
    node.refuse(format!("instance value ({action:?}) not found in enum (possible values: {})", serde_json::to_string(&sorted).unwrap_or_default()))
}

/// The properties of a plugin are one step or several.
fn runtime_config(node: &Node<'_>) -> Checked<Vec<Step>> {
    let mut steps = Vec::new();
    for (action, node) in node.fields()? {
        known_action(&node, action)?;
        node.object(&["properties"], &["description", "settings"], Others::Refused)?;
        let properties = node.get("properties").map(|node| node.value.clone()).unwrap_or_default();
        let several = match properties {
            Value::Array(several) => several,
            single => vec![single],
        };
        for (index, inputs) in several.into_iter().enumerate() {
            let id = inputs.get("id").and_then(Value::as_str).map_or_else(|| format!("{index}.{action}"), str::to_owned);
            steps.push(Step {
                action: action.clone(),
                name: id,
                inputs,
                preconditions: Vec::new(),
                on_failure: OnFailure::Continue,
                exits_on_success: false,
                is_final: false,
            });
        }
    }
    Ok(steps)
}

fn main_steps(node: &Node<'_>, version: &str) -> Checked<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    for node in node.items()? {
        let optional: &[&str] = if version == "2.0" {
            &["inputs", "maxAttempts", "onFailure", "settings", "timeoutSeconds", "precondition", "description"]
        } else {
            &["inputs", "maxAttempts", "onFailure", "settings", "timeoutSeconds", "precondition", "onSuccess", "finallyStep", "description"]
        };
        node.object(&["action", "name"], optional, Others::Refused)?;
        let Some(action) = node.get("action") else { continue };
        let action_name = action.text()?;
        known_action(&node, action_name)?;
        let name = node.get("name").map(|node| node.text()).transpose()?.unwrap_or_default();
        if !is_step_name(name) {
            return node.refuse(format!("ECMA 262 regex \"^[a-zA-Z0-9_\\-]{{1,128}}$\" does not match input string {name:?}"));
        }
        if steps.iter().any(|step| step.name == name) {
            // AWS: unverified message.
            return node.refuse(format!("Step name \"{name}\" is not unique."));
        }
        steps.push(step(&node, action_name, name)?);
    }
    if steps.is_empty() {
        return node.refuse("array is too short: must have at least 1 elements but instance has 0 elements");
    }
    Ok(steps)
}

fn step(node: &Node<'_>, action: &str, name: &str) -> Checked<Step> {
    let inputs = match node.get("inputs") {
        Some(inputs) => {
            inputs.object(&[], &[], Others::Allowed)?;
            inputs.value.clone()
        }
        None => Value::Object(Map::new()),
    };
    // They may be under `inputs` as well, where the agent looks for them.
    let find = |key: &str| node.get(key).or_else(|| node.get("inputs").and_then(|inputs| inputs.get(key)));
    let on_failure = match find("onFailure").map(|node| node.one_of(&["exit", "successAndExit", "continue", "Abort", "Continue"])).transpose()? {
        Some("exit" | "Abort") => OnFailure::Exit,
        Some("successAndExit") => OnFailure::SuccessAndExit,
        _ => OnFailure::Continue,
    };
    let exits_on_success = find("onSuccess").map(|node| node.one_of(&["exit", "continue"])).transpose()? == Some("exit");
    let is_final = find("finallyStep").is_some_and(|node| node.value == &Value::Bool(true) || node.value.as_str() == Some("true"));
    let preconditions = node.get("precondition").map(|node| preconditions(&node)).transpose()?.unwrap_or_default();
    Ok(Step { action: action.to_owned(), name: name.to_owned(), inputs, preconditions, on_failure, exits_on_success, is_final })
}

fn preconditions(node: &Node<'_>) -> Checked<Vec<Precondition>> {
    node.object(&["StringEquals"], &[], Others::Refused)?;
    let Some(equal) = node.get("StringEquals") else { return Ok(Vec::new()) };
    let texts: Vec<&str> = equal.items()?.map(|item| item.text()).collect::<Checked<_>>()?;
    let [left, right] = texts.as_slice() else {
        return equal.refuse(format!("array must have exactly 2 elements but instance has {} elements", texts.len()));
    };
    let precondition = Precondition { left: (*left).to_owned(), right: (*right).to_owned() };
    let names_something = |text: &str| text == "platformType" || text.contains("{{");
    if !names_something(left) && !names_something(right) {
        // AWS: unverified message.
        return equal.refuse("The precondition must compare platformType or a parameter.");
    }
    Ok(vec![precondition])
}

fn is_step_name(name: &str) -> bool {
    (1..=128).contains(&name.len()) && parameters::is_name(name)
}
