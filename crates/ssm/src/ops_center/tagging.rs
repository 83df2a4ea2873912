//! Tags of OpsItems and of metadata.

use super::{
    item::{Item, arn},
    metadata::metadata_arn,
};
use crate::{
    Ssm,
    parameters::permissions::set_resource_tags,
    tags::{HasTags, no_such_resource},
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Permission};
use cloudlet_shape::Map;

type Change<'c> = &'c mut dyn FnMut(&mut Map<String>) -> Result<(), Fault>;

pub struct OpsItems<'s>(&'s Ssm);

impl Ssm {
    pub fn ops_item_tags(&self) -> OpsItems<'_> {
        OpsItems(self)
    }

    pub fn ops_metadata_tags(&self) -> OpsMetadatas<'_> {
        OpsMetadatas(self)
    }
}

impl HasTags for OpsItems<'_> {
    fn permission(&self, cx: &Cx, id: &str, action: &'static str) -> Result<Permission, Fault> {
        let mut permission = Permission::action(action, arn(&cx.scope, id));
        if let Ok(tags) = self.tags(cx, id) {
            set_resource_tags(&mut permission, &tags);
        }
        Ok(permission)
    }

    fn tags(&self, cx: &Cx, id: &str) -> Result<Map<String>, Fault> {
        self.0.ops.read(|state| state.item(&cx.scope, id).map(|item| item.tags.clone())).ok_or_else(no_such_resource)
    }

    fn change_tags(&self, cx: &Cx, id: &str, change: Change<'_>) -> Result<(), Fault> {
        self.0.ops.write(|state| {
            let item = state.item(&cx.scope, id).cloned().ok_or_else(no_such_resource)?;
            let mut tags = item.tags.clone();
            change(&mut tags)?;
            state.put(&cx.scope, id, Item { tags, ..(*item).clone() });
            Ok(())
        })
    }
}

pub struct OpsMetadatas<'s>(&'s Ssm);

impl OpsMetadatas<'_> {
    /// AWS: by the ARN, or by what is behind `opsmetadata` in it.
    fn id(&self, cx: &Cx, id: &str) -> String {
        let own = Arn::parse(id).filter(|arn| arn.scope().as_ref() == Some(&cx.scope));
        own.and_then(|arn| arn.resource().strip_prefix("opsmetadata").map(str::to_owned)).unwrap_or_else(|| id.to_owned())
    }
}

impl HasTags for OpsMetadatas<'_> {
    fn permission(&self, cx: &Cx, id: &str, action: &'static str) -> Result<Permission, Fault> {
        let mut permission = Permission::action(action, metadata_arn(&cx.scope, &self.id(cx, id)));
        if let Ok(tags) = self.tags(cx, id) {
            set_resource_tags(&mut permission, &tags);
        }
        Ok(permission)
    }

    fn tags(&self, cx: &Cx, id: &str) -> Result<Map<String>, Fault> {
        let id = self.id(cx, id);
        self.0.ops.read(|state| state.metadata_by_id(&cx.scope, &id).map(|(_, metadata)| metadata.tags.clone())).ok_or_else(no_such_resource)
    }

    fn change_tags(&self, cx: &Cx, id: &str, change: Change<'_>) -> Result<(), Fault> {
        let id = self.id(cx, id);
        self.0.ops.write(|state| {
            let (key, mut metadata) =
                state.metadata_by_id(&cx.scope, &id).map(|(key, metadata)| (key.clone(), metadata.clone())).ok_or_else(no_such_resource)?;
            change(&mut metadata.tags)?;
            state.metadata.insert(key, metadata);
            Ok(())
        })
    }
}
