//! Tags of automations.

use super::{
    Automations,
    state::{Execution, execution_arn},
};
use crate::{
    Ssm,
    tags::{HasTags, no_such_resource},
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission};
use cloudlet_shape::Map;
use std::sync::Arc;

/// Automations as resources that have tags.
pub struct AutomationTags<'a>(&'a Automations);

impl Ssm {
    pub fn automation_tags(&self) -> AutomationTags<'_> {
        AutomationTags(&self.automations)
    }
}

impl HasTags for AutomationTags<'_> {
    fn permission(&self, cx: &Cx, id: &str, action: &'static str) -> Result<Permission, Fault> {
        let tags = self.tags(cx, id)?;
        Ok(Permission::action(action, execution_arn(&cx.scope, id)).with_resource_tags(tags))
    }

    fn tags(&self, cx: &Cx, id: &str) -> Result<Map<String>, Fault> {
        let found = self
            .0
            .store
            .read(|state| state.executions.get(id).filter(|execution| execution.scope == cx.scope).map(|execution| execution.tags.clone()));
        found.ok_or_else(no_such_resource)
    }

    fn change_tags(&self, cx: &Cx, id: &str, change: &mut dyn FnMut(&mut Map<String>) -> Result<(), Fault>) -> Result<(), Fault> {
        let id: Arc<str> = id.into();
        self.0.store.write(|state| {
            let found = state.executions.get(&id).filter(|execution| execution.scope == cx.scope).cloned();
            let execution = found.ok_or_else(no_such_resource)?;
            let mut tags = execution.tags.clone();
            change(&mut tags)?;
            state.put(&id, Execution { tags, ..(*execution).clone() });
            Ok(())
        })
    }
}
