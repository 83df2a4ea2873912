//! A topic's policy: its text, read once; the default; and the statements that AddPermission writes.
//! The decision is the evaluator's.

use crate::{faults, limits};
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_policy::{Document, Kind, Policy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

/// The actions that a topic's policy may have, and AddPermission may grant. AWS: each by its name, without wildcards, and no `SNS:*`
/// (<https://github.com/cdklabs/cdk-nag/issues/676>, <https://github.com/hashicorp/terraform/issues/12740>).
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html>
const ACTIONS: [&str; 14] = [
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
    "Receive",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
    "GetDataProtectionPolicy",
    "PutDataProtectionPolicy",
];

fn is_in_scope(action: &str) -> bool {
    let name = action.split_once(':').filter(|(service, _)| service.eq_ignore_ascii_case("sns")).map(|(_, name)| name);
    name.is_some_and(|name| ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

#[derive(Clone, Debug)]
pub struct TopicPolicy {
    text: String,
    policy: Policy,
    source: PolicySource,
}

/// Whether a topic has its default policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicySource {
    Default,
    Given,
}

impl TopicPolicy {
    pub fn of_new_topic(topic: &Arn) -> Result<TopicPolicy, Fault> {
        let actions: Vec<_> = ACTIONS.iter().take(8).map(|action| format!("SNS:{action}")).collect();
        let text = json!({
            "Version": "2008-10-17",
            "Id": "__default_policy_ID",
            "Statement": [{
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": { "AWS": "*" },
                "Action": actions,
                "Resource": topic.as_str(),
                "Condition": { "StringEquals": { "AWS:SourceOwner": topic.account() } },
            }],
        });
        Ok(TopicPolicy { source: PolicySource::Default, ..TopicPolicy::read(&text.to_string(), topic)? })
    }

    pub fn read(text: &str, topic: &Arn) -> Result<TopicPolicy, Fault> {
        // AWS: says no more of what is wrong.
        let malformed = || faults::invalid("Policy Error: null");
        if text.len() > limits::POLICY_BYTES {
            return Err(malformed());
        }
        let document = Document::parse(text, Kind::Resource).map_err(|_| malformed())?;
        if !document.statements().iter().all(|statement| statement.actions().1.into_iter().all(is_in_scope)) {
            return Err(out_of_scope());
        }
        Ok(TopicPolicy::of(text, topic, document, PolicySource::Given))
    }

    fn of(text: &str, topic: &Arn, document: Document, source: PolicySource) -> TopicPolicy {
        TopicPolicy { text: text.to_owned(), policy: Policy { name: topic.as_str().into(), document }, source }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_default(&self) -> bool {
        self.source == PolicySource::Default
    }

    /// For the evaluator.
    pub fn policy(&self) -> Policy {
        self.policy.clone()
    }
}

impl Serialize for TopicPolicy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.policy.name.as_ref(), &self.text, self.source).serialize(to)
    }
}

impl<'de> Deserialize<'de> for TopicPolicy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (topic, text, source) = <(Arn, String, PolicySource)>::deserialize(from)?;
        // A policy that was accepted once is loaded, even if it would be refused today.
        let document = Document::stored(&text, Kind::Resource);
        Ok(TopicPolicy::of(&text, &topic, document, source))
    }
}

fn out_of_scope() -> Fault {
    faults::invalid("Policy statement action out of service scope!")
}

/// The policy with one more permission.
pub fn add(current: &TopicPolicy, label: &str, accounts: &[String], actions: &[String], topic: &Arn) -> Result<TopicPolicy, Fault> {
    if label.is_empty() || accounts.is_empty() || actions.is_empty() {
        // AWS: unverified messages.
        let name = if label.is_empty() {
            "Label"
        } else if accounts.is_empty() {
            "AWSAccountId"
        } else {
            "ActionName"
        };
        return Err(faults::invalid(name));
    }
    let (mut policy, mut statements) = statements_of(current.text());
    if statements.iter().any(|statement| has_label(statement, label)) {
        return Err(faults::invalid("Statement already exists"));
    }
    if !actions.iter().all(|action| ACTIONS.contains(&action.as_str())) {
        return Err(out_of_scope());
    }
    let principals: Vec<String> = accounts
        .iter()
        .map(|account| match Account::parse(account) {
            Some(account) => Ok(format!("arn:{}:iam::{account}:root", topic.partition())),
            // AWS: in the tests of module-ballerinax-aws.sns, which run against it.
            None => Err(faults::invalid("A provided account ID is not valid")),
        })
        .collect::<Result<_, _>>()?;
    statements.push(json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_list(principals) },
        "Action": one_or_list(actions.iter().map(|action| format!("SNS:{action}")).collect()),
        "Resource": topic.as_str(),
    }));
    policy.insert("Statement".into(), statements.into());
    TopicPolicy::read(&Value::Object(policy).to_string(), topic)
}

/// The policy without a permission. AWS: an unknown label is no error.
pub fn remove(current: &TopicPolicy, label: &str, topic: &Arn) -> Result<TopicPolicy, Fault> {
    let (mut policy, mut statements) = statements_of(current.text());
    let before = statements.len();
    statements.retain(|statement| !has_label(statement, label));
    if statements.len() == before {
        return Ok(current.clone());
    }
    if statements.is_empty() {
        // AWS: unverified: the last statement cannot be removed, so the default policy is restored.
        return TopicPolicy::of_new_topic(topic);
    }
    policy.insert("Statement".into(), statements.into());
    TopicPolicy::read(&Value::Object(policy).to_string(), topic)
}

/// A policy and its statements; a single one is a list of one.
fn statements_of(text: &str) -> (Map<String, Value>, Vec<Value>) {
    let mut policy: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
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

/// A single text, or a list.
fn one_or_list(mut texts: Vec<String>) -> Value {
    if texts.len() == 1 { texts.pop().map(Value::from).unwrap_or_default() } else { json!(texts) }
}
