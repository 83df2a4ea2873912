//! The statements of a resource's policy by their labels, which are their `Sid`s: what AddPermission and RemovePermission change.

use cloudlet_aws::Account;
use serde_json::{Map, Value, json};

pub struct PolicyStatements {
    /// The policy without its statements.
    policy: Map<String, Value>,
    statements: Vec<Value>,
}

/// What a statement allows.
#[derive(Clone, Copy, Debug)]
pub struct Allowed<'a> {
    pub label: &'a str,
    pub accounts: &'a [Account],
    /// `sqs:SendMessage`
    pub actions: &'a [String],
    pub resource: &'a str,
}

impl PolicyStatements {
    /// None if the text is no JSON object. A single statement is a list of one.
    pub fn of(text: &str) -> Option<PolicyStatements> {
        let mut policy: Map<String, Value> = serde_json::from_str(text).ok()?;
        let statements = match policy.remove("Statement") {
            Some(Value::Array(list)) => list,
            Some(single) => vec![single],
            None => vec![],
        };
        Some(PolicyStatements { policy, statements })
    }

    /// A new policy without statements.
    pub fn with_id(id: &str) -> PolicyStatements {
        PolicyStatements { policy: Map::from_iter([("Version".into(), json!("2008-10-17")), ("Id".into(), json!(id))]), statements: vec![] }
    }

    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    pub fn contains(&self, label: &str) -> bool {
        self.statements.iter().any(|statement| has_label(statement, label))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.statements.iter_mut()
    }

    /// Adds a statement that allows actions of accounts.
    pub fn allow(&mut self, allowed: &Allowed<'_>, partition: &str) {
        let principals = allowed.accounts.iter().map(|account| format!("arn:{partition}:iam::{account}:root")).collect();
        self.statements.push(json!({
            "Sid": allowed.label,
            "Effect": "Allow",
            "Principal": { "AWS": one_or_list(principals) },
            "Action": one_or_list(allowed.actions.to_vec()),
            "Resource": allowed.resource,
        }));
    }

    /// Removes the statement of a label. False if there is none.
    pub fn remove(&mut self, label: &str) -> bool {
        let before = self.statements.len();
        self.statements.retain(|statement| !has_label(statement, label));
        self.statements.len() < before
    }

    pub fn text(mut self) -> String {
        self.policy.insert("Statement".into(), self.statements.into());
        Value::Object(self.policy).to_string()
    }
}

fn has_label(statement: &Value, label: &str) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(label)
}

/// A single text, or a list of several.
fn one_or_list(mut texts: Vec<String>) -> Value {
    if texts.len() == 1 { texts.pop().map(Value::from).unwrap_or_default() } else { json!(texts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_added_and_removed_by_label() {
        let mut policy = PolicyStatements::of(r#"{"Version":"2008-10-17","Statement":{"Sid":"a","Effect":"Deny"}}"#).unwrap();
        let actions = ["sns:Publish".to_owned()];
        policy.allow(&Allowed { label: "b", accounts: &[Account::default()], actions: &actions, resource: "arn:aws:sns:::t" }, "aws");
        assert!(policy.contains("a") && policy.contains("b") && !policy.contains("c"));
        assert!(policy.remove("a") && !policy.remove("a") && !policy.is_empty());
        let text = policy.text();
        assert!(text.contains(r#""Principal":{"AWS":"arn:aws:iam::000000000000:root"}"#) && text.contains(r#""Action":"sns:Publish""#), "{text}");
        assert!(PolicyStatements::of("[]").is_none());
    }
}
