//! Change templates: which runbooks a change may run, and who approves it in which order.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/change-templates-custom-editor.html>

use cloudlet_ssm_document::{Refused, substitute, text_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub information: Option<String>,
    /// With a version, where the template names one. None at all: any runbook.
    pub runbooks: Vec<(String, Option<String>)>,
    pub emergency: bool,
    pub auto_approvable: bool,
    pub levels: Vec<Level>,
}

/// A step of the type `aws:approve`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    pub name: String,
    pub message: Option<String>,
    pub topic: Option<String>,
    pub timeout_seconds: i64,
    /// How many must approve, whoever they are.
    pub least: usize,
    pub approvers: Vec<Approver>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approver {
    pub name: String,
    pub kind: Kind,
    /// How many of those that it names must approve.
    pub least: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    User,
    Group,
    Role,
    /// Of IAM Identity Center, which is not here: nobody is one.
    Foreign,
}

const MOST_LEVELS: usize = 5;
const MOST_APPROVERS: usize = 5;
/// Seven days.
const USUAL_TIMEOUT: i64 = 604_800;
/// Thirty days.
const LONGEST_TIMEOUT: i64 = 2_592_000;

/// Why a template is refused. AWS: unverified messages.
fn wrong<T>(why: impl Into<String>) -> Result<T, String> {
    Err(why.into())
}

/// Whether the content of a document is a change template. Values that have variables are checked when a change is asked for.
pub fn check(_: &str, value: &Value) -> Result<(), Refused> {
    Template::read(value).map(drop).map_err(Refused::Content)
}

fn has_variable(text: &str) -> bool {
    text.contains("{{")
}

fn flag(value: &Value, name: &str) -> Result<bool, String> {
    match value.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(Value::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
        Some(_) => wrong(format!("{name} must be true or false.")),
    }
}

fn text(value: &Value, name: &str) -> Result<Option<String>, String> {
    match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => wrong(format!("{name} must be a text.")),
    }
}

/// A number, or a text of one. None: it has a variable.
fn number(value: Option<&Value>, name: &str, usual: i64) -> Result<Option<i64>, String> {
    match value {
        None | Some(Value::Null) => Ok(Some(usual)),
        Some(Value::String(text)) if has_variable(text) => Ok(None),
        Some(other) => match text_of(other).trim().parse::<i64>() {
            Ok(number) if number >= 0 => Ok(Some(number)),
            _ => wrong(format!("{name} must be a number that is not negative.")),
        },
    }
}

impl Template {
    /// A template whose parameters have values.
    pub fn with(value: &Value, lookup: &dyn Fn(&str) -> Option<Value>) -> Result<Template, String> {
        let mut value = value.clone();
        if let Some(steps) = value.get_mut("mainSteps") {
            *steps = substitute(steps, lookup);
        }
        let template = Template::read(&value)?;
        for level in &template.levels {
            if level.approvers.is_empty() {
                return wrong(format!("The step {} has no approvers.", level.name));
            }
            if let Some(approver) = level.approvers.iter().find(|approver| approver.name.is_empty() || has_variable(&approver.name)) {
                return wrong(format!("The step {} has an approver that is not valid: {:?}.", level.name, approver.name));
            }
            if level.topic.as_deref().is_some_and(|topic| cloudlet_aws::Arn::parse(topic).is_none_or(|arn| arn.service() != "sns")) {
                return wrong(format!("NotificationArn of the step {} is no ARN of a topic.", level.name));
            }
        }
        Ok(template)
    }

    fn read(value: &Value) -> Result<Template, String> {
        let steps = match value.get("mainSteps") {
            Some(Value::Array(steps)) => steps.as_slice(),
            None | Some(Value::Null) => &[],
            Some(_) => return wrong("mainSteps must be a list."),
        };
        let auto_approvable = flag(value, "autoApprovable")?;
        if steps.is_empty() && !auto_approvable {
            return wrong("A change template has at least one step of the action aws:approve, unless it is autoApprovable.");
        }
        if steps.len() > MOST_LEVELS {
            return wrong(format!("A change template has no more than {MOST_LEVELS} levels of approvals."));
        }
        let levels = steps.iter().map(level).collect::<Result<Vec<_>, _>>()?;
        for (at, level) in levels.iter().enumerate() {
            if levels.iter().take(at).any(|other| other.name == level.name) {
                return wrong(format!("The step name {} is used more than once.", level.name));
            }
        }
        let runbooks = match value.get("executableRunBooks") {
            None | Some(Value::Null) => vec![],
            Some(Value::Array(runbooks)) => runbooks.iter().map(runbook).collect::<Result<_, _>>()?,
            Some(_) => return wrong("executableRunBooks must be a list."),
        };
        Ok(Template {
            information: text(value, "templateInformation")?.or(text(value, "description")?),
            runbooks,
            emergency: flag(value, "emergencyChange")?,
            auto_approvable,
            levels,
        })
    }

    /// Whether a runbook is one of those that the template allows. `is` says whether a version that it names is the one that is asked for.
    pub fn allows(&self, name: &str, is: impl Fn(&str) -> bool) -> bool {
        self.runbooks.is_empty() || self.runbooks.iter().any(|(known, version)| known == name && version.as_deref().is_none_or(&is))
    }
}

fn runbook(value: &Value) -> Result<(String, Option<String>), String> {
    match text(value, "name")? {
        Some(name) if !name.is_empty() => Ok((name, text(value, "version")?)),
        _ => wrong("A runbook of executableRunBooks has no name."),
    }
}

fn level(step: &Value) -> Result<Level, String> {
    let Some(name) = text(step, "name")?.filter(|name| !name.is_empty()) else { return wrong("A step has no name.") };
    match text(step, "action")?.as_deref() {
        Some("aws:approve") => {}
        other => {
            return wrong(format!(
                "The step {name} has the action {}: a change template has steps of the action aws:approve only.",
                other.unwrap_or("none")
            ));
        }
    }
    let inputs = step.get("inputs").filter(|inputs| inputs.is_object());
    let Some(inputs) = inputs else { return wrong(format!("The step {name} has no inputs.")) };
    let Some(enhanced) = inputs.get("EnhancedApprovals").filter(|enhanced| enhanced.is_object()) else {
        return wrong(format!("The step {name} has no EnhancedApprovals."));
    };
    let approvers = match enhanced.get("Approvers") {
        Some(Value::Array(approvers)) => approvers.iter().map(|value| approver(&name, value)).collect::<Result<Vec<_>, _>>()?,
        None | Some(Value::Null) => vec![],
        Some(_) => return wrong(format!("Approvers of the step {name} must be a list.")),
    };
    if approvers.len() > MOST_APPROVERS {
        return wrong(format!("The step {name} has more than {MOST_APPROVERS} approvers."));
    }
    let timeout = number(step.get("timeoutSeconds"), "timeoutSeconds", USUAL_TIMEOUT)?.unwrap_or(USUAL_TIMEOUT);
    if !(1..=LONGEST_TIMEOUT).contains(&timeout) {
        return wrong(format!("timeoutSeconds of the step {name} must be between 1 and {LONGEST_TIMEOUT}."));
    }
    let least = number(inputs.get("MinRequiredApprovals"), "MinRequiredApprovals", 0)?.unwrap_or(0);
    let topic = text(enhanced, "NotificationArn")?.or(text(inputs, "NotificationArn")?).filter(|topic| !topic.is_empty());
    Ok(Level {
        name,
        message: text(inputs, "Message")?,
        topic,
        timeout_seconds: timeout,
        least: usize::try_from(least).unwrap_or(usize::MAX),
        approvers,
    })
}

fn approver(step: &str, value: &Value) -> Result<Approver, String> {
    let Some(name) = text(value, "approver")? else { return wrong(format!("An approver of the step {step} has no approver.")) };
    let kind = text(value, "type")?.unwrap_or_default();
    let kind = match kind.as_str() {
        "IamUser" => Kind::User,
        "IamGroup" => Kind::Group,
        "IamRole" => Kind::Role,
        "SSOUser" | "SSOGroup" => Kind::Foreign,
        text if has_variable(text) => Kind::Foreign,
        other => return wrong(format!("The approver type {other:?} is not valid. Valid are: IamUser, IamGroup, IamRole, SSOGroup, SSOUser.")),
    };
    let least = number(value.get("minRequiredApprovals"), "minRequiredApprovals", 0)?.unwrap_or(0);
    Ok(Approver { name: name.trim().to_owned(), kind, least: usize::try_from(least).unwrap_or(usize::MAX) })
}
