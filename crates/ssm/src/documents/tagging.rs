//! Tags of documents.

use super::{Documents, rows::DocumentKey};
use crate::tags::{HasTags, no_such_resource};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission};
use cloudlet_shape::Map;

impl HasTags for Documents {
    fn permission(&self, cx: &Cx, id: &str, action: &'static str) -> Result<Permission, Fault> {
        self.permission_of(cx, id, action)
    }

    fn tags(&self, cx: &Cx, id: &str) -> Result<Map<String>, Fault> {
        let key = DocumentKey::new(cx.scope.clone(), id);
        self.store.read(|state| state.documents.get(&key).map(|document| document.tags.clone())).ok_or_else(no_such_resource)
    }

    fn change_tags(&self, cx: &Cx, id: &str, change: &mut dyn FnMut(&mut Map<String>) -> Result<(), Fault>) -> Result<(), Fault> {
        let key = DocumentKey::new(cx.scope.clone(), id);
        self.store.write(|state| {
            let mut tags = state.documents.get(&key).map(|document| document.tags.clone()).ok_or_else(no_such_resource)?;
            change(&mut tags)?;
            state.change(&key, |document| document.tags = tags);
            Ok(())
        })
    }
}
