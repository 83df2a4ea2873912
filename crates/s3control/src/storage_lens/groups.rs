//! Groups: which objects Storage Lens counts apart.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-lens-groups.html>

use super::{MOST_LISTED, invalid_token, rules};
use crate::{
    S3Control, account_permission, api, check_account,
    state::{Key, LensGroup, Tags},
};
use cloudlet_aws::{Arn, Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, StoredShape, paging::Paging};
use cloudlet_shape::{Empty, Operation};
use std::sync::Arc;

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-lens-groups-overview.html>
const MOST_GROUPS: usize = 50;

fn no_such_group() -> Fault {
    // AWS: unverified code and text.
    FaultKind::sender("NoSuchStorageLensGroup", 404).says("The specified Storage Lens group does not exist")
}

fn arn(cx: &Cx, name: &str) -> Arn {
    Arn::new("s3", &cx.scope, &format!("storage-lens-group/{name}"))
}

fn on_group<O: Operation>(cx: &Cx, account: &str, name: &str) -> Result<Permission, Fault> {
    check_account(cx, account)?;
    Ok(Permission::of::<O>(arn(cx, name)).owned_by(cx.scope.account))
}

impl Handle<api::CreateStorageLensGroup> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::CreateStorageLensGroupRequest) -> Result<Permissions, Fault> {
        let permission = on_group::<api::CreateStorageLensGroup>(cx, &input.account_id, &input.storage_lens_group.name)?;
        let tags = input.tags.iter().flatten().map(|tag| (&tag.key, tag.value.clone()));
        let tagged = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        Ok(permission.with_request_tags(tags).and([tagged.then_some("s3:TagResource")]))
    }

    async fn handle(&self, cx: &Cx, input: api::CreateStorageLensGroupRequest) -> Result<Empty, Fault> {
        let name = input.storage_lens_group.name.clone();
        rules::check_group(&name, &input.storage_lens_group)?;
        let tags: Tags = input.tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect();
        crate::tagging::check(&tags)?;
        let row = LensGroup { group: StoredShape::new(input.storage_lens_group), tags };
        self.store.write(|state| {
            let key = Key::new(&cx.scope, &name);
            if state.lens_groups.get(&key).is_some() {
                // AWS: unverified code and text.
                return Err(FaultKind::sender("StorageLensGroupAlreadyExists", 409).says("The Storage Lens group already exists"));
            }
            if Key::all_of(&state.lens_groups, &cx.scope).count() >= MOST_GROUPS {
                return Err(rules::INVALID.says(format!("An account can have at most {MOST_GROUPS} Storage Lens groups in a Region.")));
            }
            state.lens_groups.insert(key, Arc::new(row));
            Ok(())
        })?;
        Ok(Empty {})
    }
}

impl Handle<api::GetStorageLensGroup> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetStorageLensGroupRequest) -> Result<Permissions, Fault> {
        Ok(on_group::<api::GetStorageLensGroup>(cx, &input.account_id, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetStorageLensGroupRequest) -> Result<api::GetStorageLensGroupResult, Fault> {
        let row = self.store.read(|state| state.lens_groups.get(&Key::new(&cx.scope, &input.name)).cloned()).ok_or_else(no_such_group)?;
        let shown = api::StorageLensGroup { storage_lens_group_arn: Some(arn(cx, &input.name).to_string()), ..row.group.shape() };
        Ok(api::GetStorageLensGroupResult { storage_lens_group: Some(shown) })
    }
}

impl Handle<api::UpdateStorageLensGroup> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::UpdateStorageLensGroupRequest) -> Result<Permissions, Fault> {
        Ok(on_group::<api::UpdateStorageLensGroup>(cx, &input.account_id, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::UpdateStorageLensGroupRequest) -> Result<Empty, Fault> {
        rules::check_group(&input.name, &input.storage_lens_group)?;
        self.store.write(|state| {
            let key = Key::new(&cx.scope, &input.name);
            let tags = state.lens_groups.get(&key).ok_or_else(no_such_group)?.tags.clone();
            state.lens_groups.insert(key, Arc::new(LensGroup { group: StoredShape::new(input.storage_lens_group), tags }));
            Ok::<_, Fault>(())
        })?;
        Ok(Empty {})
    }
}

impl Handle<api::DeleteStorageLensGroup> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::DeleteStorageLensGroupRequest) -> Result<Permissions, Fault> {
        Ok(on_group::<api::DeleteStorageLensGroup>(cx, &input.account_id, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteStorageLensGroupRequest) -> Result<Empty, Fault> {
        let removed = self.store.write(|state| Ok::<_, Fault>(state.lens_groups.remove(&Key::new(&cx.scope, &input.name))))?;
        removed.ok_or_else(no_such_group)?;
        Ok(Empty {})
    }
}

impl Handle<api::ListStorageLensGroups> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::ListStorageLensGroupsRequest) -> Result<Permissions, Fault> {
        account_permission(cx, &input.account_id, "s3:ListStorageLensGroups")
    }

    async fn handle(&self, cx: &Cx, input: api::ListStorageLensGroupsRequest) -> Result<api::ListStorageLensGroupsResult, Fault> {
        let paging = Paging::of::<api::ListStorageLensGroups>(cx, &input);
        let page = self.store.read(|state| {
            let rows = Key::all_of(&state.lens_groups, &cx.scope).map(|(key, _)| (key.id.clone(), key.id.clone()));
            paging.page_of(MOST_LISTED, rows)
        });
        let page = page.map_err(|_| invalid_token())?.map(|name| api::ListStorageLensGroupEntry {
            storage_lens_group_arn: arn(cx, &name).to_string(),
            name,
            home_region: cx.scope.region.to_string(),
        });
        Ok(api::ListStorageLensGroupsResult { next_token: page.next_token, storage_lens_group_list: Some(page.items) })
    }
}
