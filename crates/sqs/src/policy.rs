//! A queue's policy: what it may be, and the changes by AddPermission and RemovePermission. It is evaluated elsewhere.

use crate::{faults, limits};
use cloudlet_aws::Fault;
use cloudlet_engine::{Allowed, PolicyStatements, StoredPolicy};
use cloudlet_policy::{Document, Kind};
use serde_json::{Map, Value};

/// Reads a policy that is set.
pub fn parse(text: &str) -> Result<StoredPolicy, Fault> {
    let parsed = Document::parse(text, Kind::Resource).or_else(|malformed| match with_valid_resources(text) {
        Some(text) => Document::parse(&text, Kind::Resource),
        None => Err(malformed),
    });
    let document = parsed.map_err(|_| faults::invalid_attribute("Policy"))?;
    check_size(text, &document)?;
    Ok(StoredPolicy { text: stored_text(text).into(), document })
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
    let mut policy = PolicyStatements::of(text)?;
    for statement in policy.iter_mut() {
        for element in ["Resource", "NotResource"] {
            if let Some(resource) = statement.get_mut(element) {
                replace(resource);
            }
        }
    }
    Some(policy.text())
}

/// The text of a queue's policy with one more permission.
pub fn add(current: Option<&StoredPolicy>, allowed: &Allowed<'_>, partition: &str) -> Result<String, Fault> {
    // AWS: the policy that AddPermission creates.
    let created = || PolicyStatements::with_id(&format!("{}/SQSDefaultPolicy", allowed.resource));
    let mut policy = current.and_then(|policy| PolicyStatements::of(&policy.text)).unwrap_or_else(created);
    if policy.contains(allowed.label) {
        return Err(faults::invalid(allowed.label, "Label", "Already exists."));
    }
    policy.allow(allowed, partition);
    Ok(policy.text())
}

/// The text without a permission; empty when none is left.
pub fn remove(current: Option<&StoredPolicy>, label: &str) -> Result<String, Fault> {
    let mut policy = current.and_then(|policy| PolicyStatements::of(&policy.text));
    match policy.as_mut().is_some_and(|policy| policy.remove(label)) {
        true => Ok(policy.filter(|policy| !policy.is_empty()).map(PolicyStatements::text).unwrap_or_default()),
        false => Err(faults::invalid(label, "Label", "can't find label.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_over_todays_limits_is_loaded() {
        let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"});
        let text = json!({"Version": "2012-10-17", "Statement": vec![statement; 1_000]}).to_string();
        assert!(parse(&text).is_err());
        let loaded: StoredPolicy = serde_json::from_str(&json!(["resource", text]).to_string()).unwrap();
        assert_eq!((&*loaded.text, loaded.document.statements().len()), (text.as_str(), 1_000));
    }
}
