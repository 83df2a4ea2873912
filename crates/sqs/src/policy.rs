//! A queue's policy: its text, its parsed document, and the changes by AddPermission and RemovePermission. It is evaluated elsewhere.

use crate::{faults, limits};
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_policy::{Document, Kind, Malformed, Policy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

#[derive(Clone, Debug)]
pub struct QueuePolicy {
    text: String,
    policy: Policy,
}

impl QueuePolicy {
    pub fn parse(text: &str, queue: &Arn) -> Result<QueuePolicy, Fault> {
        let document = parse_document(text).map_err(|_| faults::invalid_attribute("Policy"))?;
        check_size(text, &document)?;
        Ok(QueuePolicy { text: stored_text(text), policy: Policy { name: queue.as_str().into(), document } })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// For the policy evaluator.
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
        // A policy that was accepted once is loaded, even if it would be refused today.
        let document = parse_document(&text).unwrap_or_else(|_| Document::stored(&text, Kind::Resource));
        Ok(QueuePolicy { policy: Policy { name: queue.as_str().into(), document }, text })
    }
}

fn parse_document(text: &str) -> Result<Document, Malformed> {
    Document::parse(text, Kind::Resource).or_else(|malformed| match with_valid_resources(text) {
        Some(text) => Document::parse(&text, Kind::Resource),
        None => Err(malformed),
    })
}

/// AWS: white space is removed (https://github.com/hashicorp/terraform-provider-aws/issues/22505), and a policy without a version gets the
/// older one (https://github.com/hashicorp/terraform-provider-aws/issues/24046).
fn stored_text(text: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let mut stored: String = text
        .chars()
        .filter(|character| {
            let space = !in_string && character.is_ascii_whitespace();
            in_string ^= *character == '"' && !escaped;
            escaped = in_string && *character == '\\' && !escaped;
            !space
        })
        .collect();
    let versioned = serde_json::from_str::<Map<String, Value>>(text).is_ok_and(|policy| policy.contains_key("Version"));
    if !versioned && stored.starts_with('{') {
        stored.insert_str(1, r#""Version":"2008-10-17","#);
    }
    stored
}

/// AWS: messages as users report them, <https://github.com/dapr/components-contrib/issues/1780>,
/// <https://github.com/ministryofjustice/cloud-platform-environments/pull/9082>; the one about principals is unverified.
fn check_size(text: &str, document: &Document) -> Result<(), Fault> {
    let over = |message: String| Err(faults::OVER_LIMIT.says(message));
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

/// AWS: a resource may be any text, which then matches no queue (recorded: `'$sqs_queue_arn'`). It is replaced by an ARN of no queue.
fn with_valid_resources(text: &str) -> Option<String> {
    fn replace(resource: &mut Value) {
        match resource {
            Value::String(text) if text != "*" && !text.starts_with("arn:") => *text = "arn:aws:sqs:::none".to_owned(),
            Value::Array(list) => list.iter_mut().for_each(replace),
            _ => {}
        }
    }
    let (mut policy, mut statements) = split_statements(serde_json::from_str(text).ok()?);
    for statement in &mut statements {
        for element in ["Resource", "NotResource"] {
            if let Some(resource) = statement.get_mut(element) {
                replace(resource);
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
        Some(policy) => split_statements(policy),
        // AWS: the policy that AddPermission creates.
        None => (Map::from_iter([("Version".into(), json!("2008-10-17")), ("Id".into(), json!(format!("{queue}/SQSDefaultPolicy")))]), vec![]),
    };
    if statements.iter().any(|statement| has_label(statement, label)) {
        return Err(faults::invalid(label, "Label", "Already exists."));
    }
    let principals = accounts.iter().map(|account| format!("arn:{}:iam::{account}:root", queue.partition())).collect();
    statements.push(json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_list(principals) },
        "Action": one_or_list(actions.iter().map(|action| format!("SQS:{action}")).collect()),
        "Resource": queue.as_str(),
    }));
    policy.insert("Statement".into(), statements.into());
    Ok(Value::Object(policy).to_string())
}

/// The text without a permission; empty when none is left.
pub fn remove(current: Option<&QueuePolicy>, label: &str) -> Result<String, Fault> {
    let unknown = || faults::invalid(label, "Label", "can't find label.");
    let (mut policy, mut statements) = split_statements(serde_json::from_str(current.ok_or_else(unknown)?.text()).map_err(|_| unknown())?);
    let before = statements.len();
    statements.retain(|statement| !has_label(statement, label));
    match statements.len() {
        left if left == before => Err(unknown()),
        0 => Ok(String::new()),
        _ => {
            policy.insert("Statement".into(), statements.into());
            Ok(Value::Object(policy).to_string())
        }
    }
}

/// A policy without its statements, and the statements.
fn split_statements(mut policy: Map<String, Value>) -> (Map<String, Value>, Vec<Value>) {
    let statements = match policy.remove("Statement") {
        Some(Value::Array(list)) => list,
        Some(single) => vec![single],
        None => vec![],
    };
    (policy, statements)
}

fn has_label(statement: &Value, label: &str) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(label)
}

/// A single text, or a list of several.
fn one_or_list(mut texts: Vec<String>) -> Value {
    match (texts.pop(), texts.is_empty()) {
        (Some(only), true) => json!(only),
        (Some(last), false) => {
            texts.push(last);
            json!(texts)
        }
        (None, _) => json!([]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_policy_that_is_refused_today_is_loaded() {
        let queue = Arn::build("aws", "sqs", "us-east-1", "000000000000", "q");
        let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue.as_str()});
        let text = json!({"Version": "2012-10-17", "Statement": vec![statement; 1_000]}).to_string();
        assert!(QueuePolicy::parse(&text, &queue).is_err());
        for text in [text.as_str(), "no policy"] {
            let row = json!([queue.as_str(), text]).to_string();
            let loaded: QueuePolicy = serde_json::from_str(&row).unwrap();
            assert_eq!((loaded.text(), serde_json::to_string(&loaded).unwrap()), (text, row));
        }
    }
}
