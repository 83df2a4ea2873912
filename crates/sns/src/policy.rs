//! A topic's policy: its text, read once; the default; and the statements that AddPermission writes.
//! The decision is the evaluator's.

use crate::{faults, limits};
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::{Allowed, PolicyStatements, StoredPolicy};
use cloudlet_policy::Kind;
use serde::{Deserialize, Serialize};
use serde_json::json;

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

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TopicPolicy {
    pub policy: StoredPolicy,
    pub source: PolicySource,
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
        Ok(TopicPolicy { source: PolicySource::Default, ..TopicPolicy::read(&text.to_string())? })
    }

    pub fn read(text: &str) -> Result<TopicPolicy, Fault> {
        // AWS: says no more of what is wrong.
        let malformed = || faults::invalid("Policy Error: null");
        if text.len() > limits::POLICY_BYTES {
            return Err(malformed());
        }
        let policy = StoredPolicy::parse(text, Kind::Resource).map_err(|_| malformed())?;
        if !policy.document.statements().iter().all(|statement| statement.actions().1.into_iter().all(is_in_scope)) {
            return Err(out_of_scope());
        }
        Ok(TopicPolicy { policy, source: PolicySource::Given })
    }

    pub fn is_default(&self) -> bool {
        self.source == PolicySource::Default
    }

    /// An empty policy if it was loaded and cannot be read.
    fn statements(&self) -> PolicyStatements {
        PolicyStatements::of(&self.policy.text).unwrap_or_else(|| PolicyStatements::with_id("__default_policy_ID"))
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
    let mut policy = current.statements();
    if policy.contains(label) {
        return Err(faults::invalid("Statement already exists"));
    }
    if !actions.iter().all(|action| ACTIONS.contains(&action.as_str())) {
        return Err(out_of_scope());
    }
    let accounts: Vec<Account> = accounts
        .iter()
        // AWS: in the tests of module-ballerinax-aws.sns, which run against it.
        .map(|account| Account::parse(account).ok_or_else(|| faults::invalid("A provided account ID is not valid")))
        .collect::<Result<_, _>>()?;
    let actions: Vec<String> = actions.iter().map(|action| format!("SNS:{action}")).collect();
    policy.allow(&Allowed { label, accounts: &accounts, actions: &actions, resource: topic.as_str() }, topic.partition());
    TopicPolicy::read(&policy.text())
}

/// The policy without a permission. AWS: an unknown label is no error.
pub fn remove(current: &TopicPolicy, label: &str, topic: &Arn) -> Result<TopicPolicy, Fault> {
    let mut policy = current.statements();
    if !policy.remove(label) {
        return Ok(current.clone());
    }
    if policy.is_empty() {
        // AWS: unverified: the last statement cannot be removed, so the default policy is restored.
        return TopicPolicy::of_new_topic(topic);
    }
    TopicPolicy::read(&policy.text())
}
