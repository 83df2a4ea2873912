//! The tables: parameters with their past versions, resource policies, service settings.

use crate::parameters::{
    names::ParameterKey,
    parameter::{Parameter, Tier, Version},
};
use cloudlet_aws::{Arn, Scope, Timestamp};
use cloudlet_engine::StoredPolicy;
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{ops::Bound, sync::Arc};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResourcePolicy {
    pub policy: StoredPolicy,
    pub hash: String,
}

/// A service setting that was changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setting {
    pub value: String,
    pub modified: Timestamp,
    pub user: Arc<str>,
}

#[derive(Default)]
pub struct State {
    /// In the order of directories: a path's own parameters follow each other, and so do those below it.
    pub parameters: Table<ParameterKey, Arc<Parameter>>,
    /// The versions of parameters that are not current.
    pub past: Table<(ParameterKey, i64), Arc<Version>>,
    /// By the resource's ARN and the policy's id.
    pub resource_policies: Table<(Arn, String), ResourcePolicy>,
    pub settings: Table<(Scope, String), Setting>,
    /// How many parameters of a tier there are.
    pub counts: Table<(Scope, Tier), usize>,
}

tables!(State { parameters, past, resource_policies, settings } indexes(State::reindex) { counts });

impl State {
    fn reindex(&mut self) {
        for (key, parameter) in &self.parameters {
            *self.counts.get_or_insert_with((key.scope.clone(), parameter.current.tier), || 0) += 1;
        }
    }

    pub fn count(&self, scope: &Scope, tier: Tier) -> usize {
        self.counts.get(&(scope.clone(), tier)).copied().unwrap_or_default()
    }

    fn uncount(&mut self, key: &ParameterKey, tier: Tier) {
        let counted = (key.scope.clone(), tier);
        let left = self.counts.get(&counted).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            self.counts.remove(&counted);
        } else {
            self.counts.insert(counted, left);
        }
    }

    /// A parameter that has not expired.
    pub fn parameter(&self, key: &ParameterKey, now: Timestamp) -> Option<&Arc<Parameter>> {
        self.parameters.get(key).filter(|parameter| !parameter.is_expired(now))
    }

    /// Inserts a parameter, or puts it in place of what it was. Its versions stay.
    pub fn put_parameter(&mut self, key: ParameterKey, parameter: Parameter) {
        if let Some(before) = self.parameters.get(&key).map(|before| before.current.tier) {
            self.uncount(&key, before);
        }
        *self.counts.get_or_insert_with((key.scope.clone(), parameter.current.tier), || 0) += 1;
        self.parameters.insert(key, Arc::new(parameter));
    }

    /// Removes a parameter with its versions and its policies.
    pub fn remove_parameter(&mut self, key: &ParameterKey) -> Option<Arc<Parameter>> {
        let parameter = self.parameters.remove(key)?;
        self.uncount(key, parameter.current.tier);
        let past: Vec<i64> = self.past_versions(key).map(|version| version.number).collect();
        for number in past {
            self.past.remove(&(key.clone(), number));
        }
        self.remove_policies(&key.arn());
        Some(parameter)
    }

    /// The versions of a parameter that are not current, the oldest first.
    pub fn past_versions<'s>(&'s self, key: &'s ParameterKey) -> impl Iterator<Item = &'s Arc<Version>> {
        let from = (Bound::Included((key.clone(), 0)), Bound::Unbounded);
        self.past.range(from).take_while(move |((of, _), _)| of == key).map(|(_, version)| version)
    }

    pub fn policies_of<'s>(&'s self, resource: &'s Arn) -> impl Iterator<Item = (&'s str, &'s ResourcePolicy)> {
        let from = (Bound::Included((resource.clone(), String::new())), Bound::Unbounded);
        self.resource_policies.range(from).take_while(move |((of, _), _)| of == resource).map(|((_, id), policy)| (id.as_str(), policy))
    }

    pub fn remove_policies(&mut self, resource: &Arn) {
        let ids: Vec<String> = self.policies_of(resource).map(|(id, _)| id.to_owned()).collect();
        for id in ids {
            self.resource_policies.remove(&(resource.clone(), id));
        }
    }
}
