//! `aws:approve`.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-approve.html>

use crate::approvals::{Principal, names};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A message to those who may approve.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub topic: String,
    pub step: String,
    pub message: Option<String>,
    pub approvers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Approval {
    approvers: Vec<Approver>,
    /// How many must approve.
    least: usize,
    pub decisions: Vec<Decision>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Approver {
    name: String,
    /// How many of those that it names must approve.
    least: usize,
}

/// What an approver has decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub by: Principal,
    pub approves: bool,
    pub comment: Option<String>,
    pub at: i64,
}

impl Approval {
    pub fn of(inputs: &Map<String, Value>) -> Result<Approval, String> {
        let count = |value: Option<&Value>| -> Result<usize, String> {
            match value.map(crate::types::shown).filter(|text| !text.trim().is_empty()) {
                None => Ok(0),
                Some(text) => text.trim().parse().map_err(|_| format!("The number of required approvals is not valid: {text}")),
            }
        };
        let enhanced = inputs.get("EnhancedApprovals").and_then(|value| value.get("Approvers")).and_then(Value::as_array);
        let mut approvers = Vec::new();
        for value in enhanced.into_iter().flatten() {
            let name = value.get("approver").map(crate::types::shown).unwrap_or_default();
            approvers.push(Approver { name, least: count(value.get("minRequiredApprovals"))? });
        }
        match inputs.get("Approvers") {
            Some(Value::Array(items)) => {
                approvers.extend(items.iter().map(|item| Approver { name: crate::types::shown(item).trim().to_owned(), least: 0 }));
            }
            Some(other) => {
                let text = crate::types::shown(other);
                approvers
                    .extend(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(|name| Approver { name: name.to_owned(), least: 0 }));
            }
            None => {}
        }
        approvers.retain(|approver| !approver.name.is_empty());
        if approvers.is_empty() || approvers.len() > 10 {
            return Err("The number of Approvers must be between 1 and 10".to_owned());
        }
        let least = count(inputs.get("MinRequiredApprovals"))?.max(1);
        if enhanced.is_none() && least > approvers.len() {
            return Err("MinRequiredApprovals cannot exceed the number of Approvers".to_owned());
        }
        Ok(Approval { approvers, least, decisions: Vec::new() })
    }

    pub fn may(&self, principal: &Principal) -> bool {
        self.approvers.iter().any(|approver| names(&approver.name, principal))
    }

    pub fn decide(&mut self, decision: Decision) {
        self.decisions.retain(|other| other.by.arn != decision.by.arn);
        self.decisions.push(decision);
    }

    /// Whether there was such a decision.
    pub fn revoke(&mut self, principal: &Principal) -> bool {
        let before = self.decisions.len();
        self.decisions.retain(|other| other.by.arn != principal.arn);
        self.decisions.len() != before
    }

    pub fn is_approved(&self) -> bool {
        let of = |approver: &Approver| self.decisions.iter().filter(|decision| decision.approves && names(&approver.name, &decision.by)).count();
        let all = self.decisions.iter().filter(|decision| decision.approves).count();
        all >= self.least && self.approvers.iter().all(|approver| of(approver) >= approver.least)
    }

    /// AWS: the form of the decisions is unverified.
    pub fn outputs(&self, status: &str) -> Map<String, Value> {
        let decisions = self.decisions.iter().map(|decision| {
            let mut out = Map::new();
            out.insert("approver".to_owned(), decision.by.arn.as_str().into());
            out.insert("decision".to_owned(), if decision.approves { "Approve" } else { "Reject" }.into());
            out.extend(decision.comment.as_deref().map(|comment| ("comment".to_owned(), comment.into())));
            out.insert("time".to_owned(), cloudlet_asl::time::instant(decision.at).into());
            Value::Object(out)
        });
        let decisions: Value = decisions.collect();
        let Value::Object(out) = json!({"ApprovalStatus": status, "ApproverDecisions": decisions}) else { return Map::new() };
        out
    }

    pub fn notice(&self, step: &str, inputs: &Map<String, Value>) -> Option<Notice> {
        let of_step = inputs.get("NotificationArn");
        let enhanced = inputs.get("EnhancedApprovals").and_then(|value| value.get("NotificationArn"));
        let topic = of_step.or(enhanced).map(crate::types::shown).filter(|arn| !arn.is_empty())?;
        let message = inputs.get("Message").map(crate::types::shown);
        Some(Notice { topic, step: step.to_owned(), message, approvers: self.approvers.iter().map(|approver| approver.name.clone()).collect() })
    }
}
