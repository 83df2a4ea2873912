//! A queue's policy: its text, read once; and the statements that AddPermission and RemovePermission write.
//! Deliberately no decision: that is the evaluator's.

use crate::{faults, limits};
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_policy::{Document, Kind, Policy};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::{Map, Value, json};

#[derive(Clone, Debug)]
pub struct QueuePolicy {
    text: String,
    policy: Policy,
}

impl QueuePolicy {
    pub fn read(text: &str, queue: &Arn) -> Result<QueuePolicy, Fault> {
        let document = Document::parse(text, Kind::Resource).or_else(|malformed| match with_arns(text) {
            Some(text) => Document::parse(&text, Kind::Resource),
            None => Err(malformed),
        });
        let document = document.map_err(|_| faults::invalid_attribute("Policy"))?;
        check_size(text, &document)?;
        Ok(QueuePolicy { text: stored_text(text), policy: Policy { name: queue.as_str().into(), document } })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Ready to be handed to the evaluator.
    pub fn policy(&self) -> Policy {
        self.policy.clone()
    }
}

impl Serialize for QueuePolicy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.policy.name.as_ref(), &self.text).serialize(to)
    }
}

impl<'de> Deserialize<'de> for QueuePolicy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (queue, text) = <(Arn, String)>::deserialize(from)?;
        QueuePolicy::read(&text, &queue).map_err(D::Error::custom)
    }
}

/// AWS: a policy loses its spaces (https://github.com/hashicorp/terraform-provider-aws/issues/22505), and gets the older version when
/// it names none (https://github.com/hashicorp/terraform-provider-aws/issues/24046): clients that compare what they set wait in vain.
fn stored_text(text: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let mut kept: String = text
        .chars()
        .filter(|letter| {
            let space = !in_text && letter.is_ascii_whitespace();
            in_text ^= *letter == '"' && !escaped;
            escaped = in_text && *letter == '\\' && !escaped;
            !space
        })
        .collect();
    let versioned = serde_json::from_str::<Map<String, Value>>(text).is_ok_and(|policy| policy.contains_key("Version"));
    if !versioned && kept.starts_with('{') {
        kept.insert_str(1, r#""Version":"2008-10-17","#);
    }
    kept
}

/// AWS: sentences as users report them, <https://github.com/dapr/components-contrib/issues/1780>,
/// <https://github.com/ministryofjustice/cloud-platform-environments/pull/9082>; that of the principals is unverified.
fn check_size(text: &str, document: &Document) -> Result<(), Fault> {
    let over = |sentence: String| Err(faults::OVER_LIMIT.says(sentence));
    if text.len() > limits::POLICY_BYTES {
        return over("Submitted policy is over max allowed size.".to_owned());
    }
    let statements = document.statements();
    let (count, most) = (statements.len(), limits::POLICY_STATEMENTS);
    if count > most {
        return over(format!("{count} statements were found in the submitted policy, max allowed is {most}"));
    }
    let most = limits::POLICY_ACTIONS;
    if let Some(count) = statements.iter().map(|statement| statement.actions().1.count()).find(|count| *count > most) {
        return over(format!("{count} actions were found in a statement from the submitted policy, max allowed is {most}"));
    }
    let count: usize = statements.iter().filter_map(|statement| Some(statement.principals()?.1.len())).sum();
    let most = limits::POLICY_PRINCIPALS;
    if count > most {
        return over(format!("{count} principals were found in the submitted policy, max allowed is {most}"));
    }
    Ok(())
}

/// AWS: any text is taken for a resource, and is no queue (recorded: `'$sqs_queue_arn'`). Here such a text becomes the ARN of none.
fn with_arns(text: &str) -> Option<String> {
    fn mend(resource: &mut Value) {
        match resource {
            Value::String(text) if text != "*" && !text.starts_with("arn:") => *text = "arn:aws:sqs:::none".to_owned(),
            Value::Array(list) => list.iter_mut().for_each(mend),
            _ => {}
        }
    }
    let (mut policy, mut statements) = taken_apart(serde_json::from_str(text).ok()?);
    for statement in &mut statements {
        for element in ["Resource", "NotResource"] {
            if let Some(resource) = statement.get_mut(element) {
                mend(resource);
            }
        }
    }
    policy.insert("Statement".into(), statements.into());
    Some(Value::Object(policy).to_string())
}

/// What AddPermission grants.
#[derive(Debug)]
pub struct AddedPermission<'a> {
    pub label: &'a str,
    pub accounts: &'a [Account],
    pub actions: &'a [String],
}

/// The text of a queue's policy with one more permission.
pub fn add(current: Option<&QueuePolicy>, permission: &AddedPermission<'_>, queue: &Arn) -> Result<String, Fault> {
    let AddedPermission { label, accounts, actions } = *permission;
    let (mut policy, mut statements) = match current.and_then(|policy| serde_json::from_str(policy.text()).ok()) {
        Some(policy) => taken_apart(policy),
        // AWS: so reads the policy that AddPermission begins.
        None => (Map::from_iter([("Version".into(), json!("2008-10-17")), ("Id".into(), json!(format!("{queue}/SQSDefaultPolicy")))]), vec![]),
    };
    if statements.iter().any(|statement| labelled(statement, label)) {
        return Err(faults::invalid(label, "Label", "Already exists."));
    }
    let principals = accounts.iter().map(|account| format!("arn:{}:iam::{account}:root", queue.partition())).collect();
    statements.push(json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": { "AWS": alone(principals) },
        "Action": alone(actions.iter().map(|action| format!("SQS:{action}")).collect()),
        "Resource": queue.as_str(),
    }));
    policy.insert("Statement".into(), statements.into());
    Ok(Value::Object(policy).to_string())
}

/// The text without a permission; empty when none is left.
pub fn remove(current: Option<&QueuePolicy>, label: &str) -> Result<String, Fault> {
    let unknown = || faults::invalid(label, "Label", "can't find label.");
    let (mut policy, mut statements) = taken_apart(serde_json::from_str(current.ok_or_else(unknown)?.text()).map_err(|_| unknown())?);
    let before = statements.len();
    statements.retain(|statement| !labelled(statement, label));
    match statements.len() {
        left if left == before => Err(unknown()),
        0 => Ok(String::new()),
        _ => {
            policy.insert("Statement".into(), statements.into());
            Ok(Value::Object(policy).to_string())
        }
    }
}

/// A policy and its statements; a single one is a list of one.
fn taken_apart(mut policy: Map<String, Value>) -> (Map<String, Value>, Vec<Value>) {
    let statements = match policy.remove("Statement") {
        Some(Value::Array(list)) => list,
        Some(single) => vec![single],
        None => vec![],
    };
    (policy, statements)
}

fn labelled(statement: &Value, label: &str) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(label)
}

/// One stands alone, several in a list.
fn alone(mut texts: Vec<String>) -> Value {
    match (texts.pop(), texts.is_empty()) {
        (Some(only), true) => json!(only),
        (Some(last), false) => {
            texts.push(last);
            json!(texts)
        }
        (None, _) => json!([]),
    }
}
