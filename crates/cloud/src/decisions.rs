//! The latest decisions, each with all that it was made from, so that it can be explained on request and costs little until then.
//! And the actions that each principal has called, from which the least policy that covers them follows.

use crate::evaluation::Evaluation;
use cloudlet_aws::{Arn, Caller, Identity};
use cloudlet_engine::{AuthOutcome, Permission, RequestContext};
use cloudlet_identity::{EffectivePolicies, Membership, Session};
use cloudlet_policy::{Explanation, Keys};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

/// One decision, and what it was made from.
#[derive(Clone)]
pub struct DecisionRecord {
    pub request: Arc<RequestContext>,
    pub permission: Permission,
    pub session: Option<Arc<Session>>,
    /// None where root acted in its own account.
    pub policies: Option<Arc<EffectivePolicies>>,
    pub resource: Option<Arc<Membership>>,
    pub outcome: AuthOutcome,
    pub reason: Cow<'static, str>,
}

impl DecisionRecord {
    /// Every condition key the call had.
    pub fn keys(&self) -> Keys {
        self.evaluation().all_keys(&self.permission, self.resource.as_deref())
    }

    /// Decides again with the same inputs, and tells of every statement of every policy.
    pub fn explain(&self) -> Explanation {
        self.evaluation().explain(&self.permission, self.resource.as_deref())
    }

    /// The caller, or the identity provider of a federated user.
    pub fn principal(&self) -> &str {
        self.permission.federated.as_deref().unwrap_or(&self.request.caller.arn)
    }

    fn evaluation(&self) -> Evaluation<'_> {
        Evaluation { request: &self.request, session: self.session.clone(), policies: self.policies.clone().unwrap_or_default() }
    }
}

/// Resources of one action that are listed; more are summarized by a common pattern: `arn:aws:s3:::bucket/*`.
const MOST_RESOURCES: usize = 50;
const MOST_PRINCIPALS: usize = 2_000;

#[derive(Clone, Default)]
struct Used {
    resources: BTreeSet<Arn>,
    /// There were too many: they are summarized by patterns.
    summarized: bool,
    /// Whether some of these calls were denied and let through.
    tolerated: bool,
}

impl Used {
    fn note(&mut self, on: &Arn) {
        if self.resources.contains(on) || self.resources.contains("*") {
            return;
        }
        self.resources.insert(if self.summarized { sibling_pattern(on) } else { on.clone() });
        if self.resources.len() > MOST_RESOURCES && !self.summarized {
            self.summarized = true;
            self.resources = self.resources.iter().map(sibling_pattern).collect();
        }
        if self.resources.len() > MOST_RESOURCES {
            self.resources = BTreeSet::from([Arn::any()]);
        }
    }
}

/// A pattern for an ARN and its siblings: the objects of a bucket, the queues of a region.
fn sibling_pattern(arn: &Arn) -> Arn {
    let text = arn.as_str();
    let resource = text.match_indices(':').nth(4).map_or(0, |(at, _)| at + 1);
    let common = text.get(resource..).and_then(|rest| rest.find('/')).map_or(resource, |at| resource + at + 1);
    text.get(..common).and_then(|common| Arn::parse(&format!("{common}*"))).unwrap_or_else(Arn::any)
}

pub(crate) struct Decisions {
    latest: Mutex<VecDeque<DecisionRecord>>,
    capacity: usize,
    used: Mutex<HashMap<Arc<str>, BTreeMap<&'static str, Used>>>,
}

/// The principal that a caller's calls count for: a role for all its sessions.
fn principal(caller: &Caller) -> Arc<str> {
    match &caller.identity {
        Identity::AssumedRole { role, .. } => role.as_str().into(),
        _ => caller.arn.clone(),
    }
}

impl Decisions {
    pub fn with_capacity(capacity: usize) -> Decisions {
        Decisions { latest: Mutex::default(), capacity, used: Mutex::default() }
    }

    pub fn is_on(&self) -> bool {
        self.capacity > 0
    }

    pub fn add(&self, record: DecisionRecord) {
        if self.capacity == 0 {
            return;
        }
        if matches!(record.outcome, AuthOutcome::Allowed | AuthOutcome::Tolerated) {
            self.note_use(&record);
        }
        let mut latest = self.latest.lock();
        let oldest = if latest.len() >= self.capacity { latest.pop_front() } else { None };
        latest.push_back(record);
        drop(latest);
        // Freed without the lock held.
        drop(oldest);
    }

    fn note_use(&self, record: &DecisionRecord) {
        // Root needs no policy.
        if matches!(record.request.caller.identity, Identity::Root | Identity::Anonymous | Identity::Service { .. }) {
            return;
        }
        let name = principal(&record.request.caller);
        let mut used = self.used.lock();
        if used.len() >= MOST_PRINCIPALS && !used.contains_key(&name) {
            return;
        }
        let one = used.entry(name).or_default().entry(record.permission.action).or_default();
        one.tolerated |= record.outcome == AuthOutcome::Tolerated;
        one.note(&record.permission.resource);
    }

    pub fn clear(&self) {
        self.latest.lock().clear();
        self.used.lock().clear();
    }

    pub fn newest_first(&self) -> Vec<DecisionRecord> {
        self.latest.lock().iter().rev().cloned().collect()
    }

    /// The least policy that covers what a principal has called: actions with the same resources share a statement.
    pub fn least_policy(&self, principal: &str) -> Option<Value> {
        let used = self.used.lock().get(principal)?.clone();
        let mut statements: BTreeMap<(bool, Vec<String>), Vec<&'static str>> = BTreeMap::new();
        for (action, one) in &used {
            let resources = if one.resources.contains("*") { vec!["*".to_owned()] } else { one.resources.iter().map(Arn::to_string).collect() };
            statements.entry((one.tolerated, resources)).or_default().push(action);
        }
        let listed = statements.into_iter().map(|((tolerated, resources), actions)| {
            let mut statement = json!({ "Effect": "Allow", "Action": actions, "Resource": resources });
            if tolerated && let Some(statement) = statement.as_object_mut() {
                // Soft mode: the principal's own policies do not allow it yet.
                statement.insert("Sid".into(), "DeniedButLetThrough".into());
            }
            statement
        });
        let mut statements: Vec<Value> = listed.collect();
        let mut number = 0;
        for statement in &mut statements {
            if let Some(sid) = statement.get_mut("Sid") {
                number += 1;
                *sid = format!("DeniedButLetThrough{number}").into();
            }
        }
        Some(json!({ "Version": "2012-10-17", "Statement": statements }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(arns: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut used = Used::default();
        arns.into_iter().for_each(|arn| used.note(&Arn::parse(&arn).unwrap()));
        used.resources.iter().map(Arn::to_string).collect()
    }

    #[test]
    fn many_resources_are_summarized_by_a_common_pattern() {
        let objects = |bucket: usize, count: usize| (0..count).map(move |key| format!("arn:aws:s3:::bucket-{bucket}/a/{key}"));
        assert_eq!(used(objects(0, MOST_RESOURCES)).len(), MOST_RESOURCES);
        assert_eq!(used(objects(0, 60).chain(objects(1, 60))), ["arn:aws:s3:::bucket-0/*", "arn:aws:s3:::bucket-1/*"]);
        assert_eq!(used((0..60).map(|number| format!("arn:aws:sqs:us-east-1:1:q{number}"))), ["arn:aws:sqs:us-east-1:1:*"]);
        assert_eq!(used((0..60).flat_map(|bucket| objects(bucket, 1))), ["*"]);
    }
}
