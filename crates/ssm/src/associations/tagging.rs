//! Tags of associations.

use super::{
    Associations,
    rows::{Association, RowKey, arn},
};
use crate::tags::{HasTags, no_such_resource};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission};
use cloudlet_shape::Map;
use std::sync::Arc;

impl HasTags for Associations {
    fn permission(&self, cx: &Cx, id: &str, action: &'static str) -> Result<Permission, Fault> {
        Ok(Permission::action(action, arn(&(cx.scope.clone(), id.into()))))
    }

    fn tags(&self, cx: &Cx, id: &str) -> Result<Map<String>, Fault> {
        let place: RowKey = (cx.scope.clone(), id.into());
        self.store.read(|state| state.associations.get(&place).map(|row| row.tags.clone())).ok_or_else(no_such_resource)
    }

    fn change_tags(&self, cx: &Cx, id: &str, change: &mut dyn FnMut(&mut Map<String>) -> Result<(), Fault>) -> Result<(), Fault> {
        let place: RowKey = (cx.scope.clone(), id.into());
        self.store.write(|state| {
            let row = state.associations.get(&place).cloned().ok_or_else(no_such_resource)?;
            let mut tags = row.tags.clone();
            change(&mut tags)?;
            state.associations.insert(place.clone(), Arc::new(Association { tags, ..(*row).clone() }));
            Ok(())
        })
    }
}
