//! Tags of managed nodes. Those of instances are EC2's.

use super::{LOCAL, Nodes, find::managed_arn, rows::Registered};
use crate::tags::{HasTags, no_such_resource};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission};
use cloudlet_shape::Map;
use std::sync::Arc;

impl Nodes {
    fn is_local(&self, cx: &Cx, id: &str) -> bool {
        id == LOCAL && self.options.local.as_ref() == Some(&cx.scope)
    }
}

impl HasTags for Nodes {
    fn permission(&self, cx: &Cx, id: &str, action: &'static str) -> Result<Permission, Fault> {
        Ok(Permission::action(action, managed_arn(&cx.scope, id)))
    }

    fn tags(&self, cx: &Cx, id: &str) -> Result<Map<String>, Fault> {
        let is_local = self.is_local(cx, id);
        self.store.read(|state| match is_local {
            true => Ok(state.local_tags.get(&cx.scope).cloned().unwrap_or_default()),
            false => state.registered.get(&(cx.scope.clone(), Arc::from(id))).map(|row| row.tags.clone()).ok_or_else(no_such_resource),
        })
    }

    fn change_tags(&self, cx: &Cx, id: &str, change: &mut dyn FnMut(&mut Map<String>) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut tags = self.tags(cx, id)?;
        change(&mut tags)?;
        let is_local = self.is_local(cx, id);
        self.store.write(|state| {
            if is_local {
                state.local_tags.insert(cx.scope.clone(), tags);
                return Ok(());
            }
            let place = (cx.scope.clone(), Arc::from(id));
            let row = state.registered.get(&place).ok_or_else(no_such_resource)?;
            let changed = Registered { tags, ..(**row).clone() };
            state.registered.insert(place, Arc::new(changed));
            Ok(())
        })
    }
}
