//! The attributes RedrivePolicy and RedriveAllowPolicy: the dead-letter queue of a queue, and which queues may use one.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>

use crate::{faults, limits};
use cloudlet_aws::{Arn, Fault};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The `RedrivePolicy` attribute.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RedrivePolicy {
    /// As it was given: error messages quote it.
    text: String,
    pub target: Arn,
    pub max_receive_count: u32,
}

impl PartialEq for RedrivePolicy {
    fn eq(&self, other: &Self) -> bool {
        (&self.target, self.max_receive_count) == (&other.target, other.max_receive_count)
    }
}

impl RedrivePolicy {
    pub fn parse(text: &str) -> Result<RedrivePolicy, Fault> {
        let refused = |reason: &str| faults::invalid(text, "RedrivePolicy", reason);
        let Ok(Value::Object(map)) = serde_json::from_str(text) else { return Err(refused("Redrive policy is not a valid JSON map.")) };
        // AWS: in this order: for `{}` the missing count is reported (https://github.com/ansible-collections/community.aws/issues/2321) and for
        // misspelt names (https://github.com/rubyonjets/jets/pull/101).
        let missing = |name: &str| refused(&format!("Redrive policy does not contain mandatory attribute: {name}."));
        let count = map.get("maxReceiveCount").ok_or_else(|| missing("maxReceiveCount"))?;
        let target = map.get("deadLetterTargetArn").ok_or_else(|| missing("deadLetterTargetArn"))?;
        if map.len() > 2 {
            // AWS: unverified message.
            return Err(refused("Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]."));
        }
        let target = target.as_str().and_then(Arn::parse).filter(|arn| arn.service() == "sqs");
        // AWS: unverified message.
        let target = target.ok_or_else(|| refused("Invalid value for deadLetterTargetArn."))?;
        let given = match count {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let wrong = || refused(&format!("Invalid value for maxReceiveCount: {given}, valid values are from 1 to 1000 both inclusive."));
        let max_receive_count = given.parse().ok().filter(|count| limits::RECEIVES.contains(count)).ok_or_else(wrong)?;
        Ok(RedrivePolicy { text: text.to_owned(), target, max_receive_count })
    }

    /// AWS: accepts a count in quotes, and always returns a number (https://github.com/hashicorp/terraform/pull/5888).
    pub fn text(&self) -> String {
        format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":{}}}"#, self.target, self.max_receive_count)
    }

    /// AWS: the first is recorded, the third seen at https://github.com/aws-cloudformation/cfn-lint/issues/3950; the others are unverified.
    pub fn target_fault(&self, error: TargetError) -> Fault {
        faults::invalid(
            &self.text,
            "RedrivePolicy",
            match error {
                TargetError::NotFound => "Dead letter target does not exist.",
                TargetError::OtherAccountOrRegion => "Dead-letter queue must be in the same account and region as the source.",
                TargetError::OtherType => "Dead-letter queue must be same type of queue as the source.",
                TargetError::NotAllowed => "Queue does not have permission to use the dead-letter queue.",
            },
        )
    }
}

/// Why a queue cannot be the dead-letter queue of another queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetError {
    NotFound,
    OtherAccountOrRegion,
    OtherType,
    NotAllowed,
}

/// The `RedriveAllowPolicy` attribute of a dead-letter queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RedriveAllowPolicy {
    text: String,
    permission: RedrivePermission,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum RedrivePermission {
    AllowAll,
    DenyAll,
    ByQueue(Vec<Arn>),
}

impl PartialEq for RedriveAllowPolicy {
    fn eq(&self, other: &Self) -> bool {
        self.permission == other.permission
    }
}

impl RedriveAllowPolicy {
    /// AWS: unverified messages; the rules are
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>.
    pub fn parse(text: &str) -> Result<RedriveAllowPolicy, Fault> {
        let refused = |reason: &str| faults::invalid(text, "RedriveAllowPolicy", reason);
        let Ok(Value::Object(map)) = serde_json::from_str(text) else {
            return Err(refused("Redrive allow policy is not a valid JSON map."));
        };
        if map.keys().any(|name| !["redrivePermission", "sourceQueueArns"].contains(&name.as_str())) {
            return Err(refused("Only following attributes are supported: [redrivePermission, sourceQueueArns]."));
        }
        let by_queue_only = || refused("sourceQueueArns can be specified only when redrivePermission is byQueue.");
        let permission = match map.get("redrivePermission").and_then(Value::as_str) {
            Some("allowAll") if map.len() == 1 => RedrivePermission::AllowAll,
            Some("denyAll") if map.len() == 1 => RedrivePermission::DenyAll,
            Some("allowAll" | "denyAll") => return Err(by_queue_only()),
            Some("byQueue") => RedrivePermission::ByQueue(sources(&map).ok_or_else(|| refused("Invalid value for sourceQueueArns."))?),
            Some(other) => {
                return Err(refused(&format!("Invalid value for redrivePermission: {other}, valid values are allowAll, denyAll and byQueue.")));
            }
            None => return Err(refused("Redrive allow policy does not contain mandatory attribute: redrivePermission.")),
        };
        Ok(RedriveAllowPolicy { text: text.to_owned(), permission })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn allows(&self, source: &Arn) -> bool {
        match &self.permission {
            RedrivePermission::AllowAll => true,
            RedrivePermission::DenyAll => false,
            RedrivePermission::ByQueue(sources) => sources.contains(source),
        }
    }
}

fn sources(map: &Map<String, Value>) -> Option<Vec<Arn>> {
    let listed = map.get("sourceQueueArns")?.as_array()?;
    let arns: Vec<Arn> = listed.iter().map(|arn| Arn::parse(arn.as_str()?)).collect::<Option<_>>()?;
    (1..=limits::ALLOWED_SOURCES).contains(&arns.len()).then_some(arns)
}
