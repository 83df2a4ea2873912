//! Tags of windows.

use super::state::WindowKey;
use crate::{
    Ssm,
    parameters::permissions::set_resource_tags,
    tags::{HasTags, no_such_resource},
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission};
use cloudlet_shape::Map;

pub struct Windows<'s>(&'s Ssm);

impl Ssm {
    pub fn window_tags(&self) -> Windows<'_> {
        Windows(self)
    }
}

impl HasTags for Windows<'_> {
    fn permission(&self, cx: &Cx, id: &str, action: &'static str) -> Result<Permission, Fault> {
        let mut permission = Permission::action(action, WindowKey::new(&cx.scope, id).arn());
        if let Ok(tags) = self.tags(cx, id) {
            set_resource_tags(&mut permission, &tags);
        }
        Ok(permission)
    }

    fn tags(&self, cx: &Cx, id: &str) -> Result<Map<String>, Fault> {
        let key = WindowKey::new(&cx.scope, id);
        self.0.windows.read(|state| state.windows.get(&key).map(|window| window.tags.clone())).ok_or_else(no_such_resource)
    }

    fn change_tags(&self, cx: &Cx, id: &str, change: &mut dyn FnMut(&mut Map<String>) -> Result<(), Fault>) -> Result<(), Fault> {
        let key = WindowKey::new(&cx.scope, id);
        self.0.windows.write(|state| change(&mut state.windows.get_mut(&key).ok_or_else(no_such_resource)?.tags))
    }
}
