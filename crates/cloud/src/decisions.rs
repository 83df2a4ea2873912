//! What was decided lately, with all that it was decided from: so that it can be explained when somebody asks, and costs little until then.
//! And what each principal has called, from which the least policy that covers it follows.

use crate::authorize::Subject;
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
    pub about: Arc<RequestContext>,
    pub permission: Permission,
    pub session: Option<Arc<Session>>,
    /// Of nobody where root was at home.
    pub effective_policies: Option<Arc<EffectivePolicies>>,
    pub resource: Option<Arc<Membership>>,
    pub effect: AuthOutcome,
    pub reason: Cow<'static, str>,
}

impl DecisionRecord {
    /// Every condition key the call had.
    pub fn keys(&self) -> Keys {
        self.subject().all_keys(&self.permission, self.resource.as_deref())
    }

    /// Decides again, as then, and looks at every statement of every policy.
    pub fn explain(&self) -> Explanation {
        self.subject().explain(&self.permission, self.resource.as_deref())
    }

    /// Who asked: the caller, or the provider that vouches for somebody.
    pub fn principal(&self) -> &str {
        self.permission.federated.as_deref().unwrap_or(&self.about.caller.arn)
    }

    fn subject(&self) -> Subject<'_> {
        Subject { about: &self.about, session: self.session.clone(), effective_policies: self.effective_policies.clone().unwrap_or_default() }
    }
}

/// Resources of one action that are told apart; of more, what they have in common: `arn:aws:s3:::bucket/*`.
const MOST_RESOURCES: usize = 50;
const MOST_PRINCIPALS: usize = 2_000;

#[derive(Clone, Default)]
struct Used {
    resources: BTreeSet<Arn>,
    /// There were too many: they are gathered under patterns.
    gathered: bool,
    /// Whether some of these calls were denied and let through.
    tolerated: bool,
}

impl Used {
    fn note(&mut self, on: &Arn) {
        if self.resources.contains(on) || self.resources.contains("*") {
            return;
        }
        self.resources.insert(if self.gathered { around(on) } else { on.clone() });
        if self.resources.len() > MOST_RESOURCES && !self.gathered {
            self.gathered = true;
            self.resources = self.resources.iter().map(around).collect();
        }
        if self.resources.len() > MOST_RESOURCES {
            self.resources = BTreeSet::from([Arn::any()]);
        }
    }
}

/// A pattern for an ARN and its neighbours: the objects of a bucket, the queues of a region.
fn around(arn: &Arn) -> Arn {
    let text = arn.as_str();
    let resource = text.match_indices(':').nth(4).map_or(0, |(at, _)| at + 1);
    let common = text.get(resource..).and_then(|rest| rest.find('/')).map_or(resource, |at| resource + at + 1);
    text.get(..common).and_then(|common| Arn::parse(&format!("{common}*"))).unwrap_or_else(Arn::any)
}

pub(crate) struct Decisions {
    latest: Mutex<VecDeque<DecisionRecord>>,
    room: usize,
    used: Mutex<HashMap<Arc<str>, BTreeMap<&'static str, Used>>>,
}

/// Under which name a caller's calls are gathered: a role for all its sessions.
fn principal(caller: &Caller) -> Arc<str> {
    match &caller.identity {
        Identity::AssumedRole { role, .. } => role.as_str().into(),
        _ => caller.arn.clone(),
    }
}

impl Decisions {
    pub fn remembering(room: usize) -> Decisions {
        Decisions { latest: Mutex::default(), room, used: Mutex::default() }
    }

    pub fn remembers(&self) -> bool {
        self.room > 0
    }

    pub fn add(&self, decided: DecisionRecord) {
        if self.room == 0 {
            return;
        }
        if matches!(decided.effect, AuthOutcome::Allowed | AuthOutcome::Tolerated) {
            self.record_use(&decided);
        }
        let mut latest = self.latest.lock();
        let oldest = if latest.len() >= self.room { latest.pop_front() } else { None };
        latest.push_back(decided);
        drop(latest);
        // Freed outside of the lock.
        drop(oldest);
    }

    fn record_use(&self, decided: &DecisionRecord) {
        // Root needs no policy.
        if matches!(decided.about.caller.identity, Identity::Root | Identity::Anonymous | Identity::Service { .. }) {
            return;
        }
        let name = principal(&decided.about.caller);
        let mut used = self.used.lock();
        if used.len() >= MOST_PRINCIPALS && !used.contains_key(&name) {
            return;
        }
        let one = used.entry(name).or_default().entry(decided.permission.action).or_default();
        one.tolerated |= decided.effect == AuthOutcome::Tolerated;
        one.note(&decided.permission.resource);
    }

    pub fn forget(&self) {
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
        let written = statements.into_iter().map(|((tolerated, resources), actions)| {
            let mut statement = json!({ "AuthOutcome": "Allow", "Action": actions, "Resource": resources });
            if tolerated && let Some(statement) = statement.as_object_mut() {
                // In soft mode: what the principal's own policies do not allow yet.
                statement.insert("Sid".into(), "DeniedButLetThrough".into());
            }
            statement
        });
        let mut statements: Vec<Value> = written.collect();
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
    fn of_many_resources_a_policy_names_what_they_have_in_common() {
        let objects = |bucket: usize, count: usize| (0..count).map(move |key| format!("arn:aws:s3:::bucket-{bucket}/a/{key}"));
        assert_eq!(used(objects(0, MOST_RESOURCES)).len(), MOST_RESOURCES);
        assert_eq!(used(objects(0, 60).chain(objects(1, 60))), ["arn:aws:s3:::bucket-0/*", "arn:aws:s3:::bucket-1/*"]);
        assert_eq!(used((0..60).map(|number| format!("arn:aws:sqs:us-east-1:1:q{number}"))), ["arn:aws:sqs:us-east-1:1:*"]);
        assert_eq!(used((0..60).flat_map(|bucket| objects(bucket, 1))), ["*"]);
    }
}
