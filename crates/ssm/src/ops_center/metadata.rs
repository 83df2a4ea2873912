//! Metadata of applications, as Application Manager keeps it.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateOpsMetadata.html>

use super::state::{Metadata, State};
use crate::{
    Ssm, faults, limits,
    parameters::permissions::{on_all, set_request_tags, set_resource_tags},
    tags,
};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Fault, Scope};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, paging::Paging};
use cloudlet_shape::{Map, Operation};
use std::ops::Bound;

const LONGEST_PAGE: usize = 50;
const LONGEST_METADATA_PAGE: usize = 10;

pub fn metadata_arn(scope: &Scope, id: &str) -> Arn {
    Arn::new("ssm", scope, &format!("opsmetadata{id}"))
}

/// The end of the ARN, with the slash in front of it.
fn id_of(cx: &Cx, arn: &str) -> Result<String, Fault> {
    let id = Arn::parse(arn).filter(|arn| arn.service() == "ssm" && arn.scope().as_ref() == Some(&cx.scope));
    id.and_then(|arn| arn.resource().strip_prefix("opsmetadata").map(str::to_owned)).ok_or_else(not_found)
}

fn not_found() -> Fault {
    faults::OPS_METADATA_NOT_FOUND.says("The OpsMetadata object doesn't exist.")
}

fn values(metadata: Map<MetadataValue>) -> Map<String> {
    metadata.into_iter().map(|(key, value)| (key, value.value.unwrap_or_default())).collect()
}

fn check_count(count: usize) -> Result<(), Fault> {
    if count > limits::METADATA_KEYS {
        return Err(faults::OPS_METADATA_KEY_LIMIT_EXCEEDED.says(
            "The OpsMetadata object exceeds the maximum number of OpsMetadata keys that you can assign to an application in Application Manager.",
        ));
    }
    Ok(())
}

impl Ssm {
    fn metadata_permission<O: Operation>(&self, cx: &Cx, arn: &str) -> Result<Permission, Fault> {
        let id = id_of(cx, arn)?;
        let mut permission = Permission::of::<O>(metadata_arn(&cx.scope, &id));
        if let Some(tags) = self.ops.read(|state| state.metadata_by_id(&cx.scope, &id).map(|(_, metadata)| metadata.tags.clone())) {
            set_resource_tags(&mut permission, &tags);
        }
        Ok(permission)
    }

    fn change_metadata<R>(
        &self,
        cx: &Cx,
        arn: &str,
        change: impl FnOnce(&mut State, &(Scope, String), Metadata) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        let id = id_of(cx, arn)?;
        self.ops.write(|state| {
            let (key, metadata) =
                state.metadata_by_id(&cx.scope, &id).map(|(key, metadata)| (key.clone(), metadata.clone())).ok_or_else(not_found)?;
            change(state, &key, metadata)
        })
    }
}

impl Handle<CreateOpsMetadata> for Ssm {
    fn permissions(&self, cx: &Cx, input: &CreateOpsMetadataRequest) -> Result<Permissions, Fault> {
        let tags = input.tags.as_deref().unwrap_or_default();
        let mut permission = Permission::of::<CreateOpsMetadata>(Arn::new("ssm", &cx.scope, "opsmetadata/*"));
        set_request_tags(&mut permission, tags);
        Ok(permission.and([(!tags.is_empty()).then_some("ssm:AddTagsToResource")]))
    }

    async fn handle(&self, cx: &Cx, input: CreateOpsMetadataRequest) -> Result<CreateOpsMetadataResult, Fault> {
        let tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        let values = values(input.metadata.unwrap_or_default());
        check_count(values.len())?;
        // AWS: unverified form of the id: the id of the application where it is a name, else a path of it.
        let name: String =
            input.resource_id.chars().map(|letter| if letter.is_ascii_alphanumeric() || "-_./".contains(letter) { letter } else { '-' }).collect();
        let id = format!("/aws/ssm/{}/appmanager", name.trim_matches('/'));
        let metadata = Metadata { id: id.clone(), values, tags, created: cx.now, modified: cx.now, user: cx.caller.arn.clone() };
        self.ops.write(|state| {
            let key = (cx.scope.clone(), input.resource_id);
            if state.metadata.contains(&key) || state.metadata_by_id(&cx.scope, &id).is_some() {
                return Err(faults::OPS_METADATA_ALREADY_EXISTS.says("An OpsMetadata object already exists for the selected resource."));
            }
            if state.metadata.len() >= limits::METADATA {
                return Err(faults::OPS_METADATA_LIMIT_EXCEEDED.says("Your account reached the maximum number of OpsMetadata objects allowed by Application Manager. The maximum is 200 OpsMetadata objects. Delete one or more OpsMetadata object and try again."));
            }
            state.metadata.insert(key, metadata);
            Ok(())
        })?;
        Ok(CreateOpsMetadataResult { ops_metadata_arn: Some(metadata_arn(&cx.scope, &id).to_string()) })
    }
}

impl Handle<GetOpsMetadata> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetOpsMetadataRequest) -> Result<Permissions, Fault> {
        Ok(self.metadata_permission::<GetOpsMetadata>(cx, &input.ops_metadata_arn)?.into())
    }

    async fn handle(&self, cx: &Cx, input: GetOpsMetadataRequest) -> Result<GetOpsMetadataResult, Fault> {
        let id = id_of(cx, &input.ops_metadata_arn)?;
        let list = Paging::of::<GetOpsMetadata>(cx, &input);
        let (resource, values) = self
            .ops
            .read(|state| state.metadata_by_id(&cx.scope, &id).map(|((_, resource), metadata)| (resource.clone(), metadata.values.clone())))
            .ok_or_else(not_found)?;
        let rows = values.into_iter().map(|(key, value)| (key.clone(), (key, MetadataValue { value: Some(value) })));
        let page = list.page_of(list.length(LONGEST_METADATA_PAGE, LONGEST_METADATA_PAGE), rows).map_err(|_| faults::invalid_next_token())?;
        let metadata = Some(page.items.into_iter().collect());
        Ok(GetOpsMetadataResult { resource_id: Some(resource), metadata, next_token: page.next_token })
    }
}

impl Handle<UpdateOpsMetadata> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateOpsMetadataRequest) -> Result<Permissions, Fault> {
        Ok(self.metadata_permission::<UpdateOpsMetadata>(cx, &input.ops_metadata_arn)?.into())
    }

    async fn handle(&self, cx: &Cx, input: UpdateOpsMetadataRequest) -> Result<UpdateOpsMetadataResult, Fault> {
        self.change_metadata(cx, &input.ops_metadata_arn, |state, key, mut metadata| {
            let deleted = input.keys_to_delete.unwrap_or_default();
            metadata.values.retain(|name, _| !deleted.contains(name));
            metadata.values.extend(values(input.metadata_to_update.unwrap_or_default()));
            check_count(metadata.values.len())?;
            state.metadata.insert(key.clone(), Metadata { modified: cx.now, user: cx.caller.arn.clone(), ..metadata });
            Ok(())
        })?;
        Ok(UpdateOpsMetadataResult { ops_metadata_arn: Some(input.ops_metadata_arn) })
    }
}

impl Handle<DeleteOpsMetadata> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DeleteOpsMetadataRequest) -> Result<Permissions, Fault> {
        Ok(self.metadata_permission::<DeleteOpsMetadata>(cx, &input.ops_metadata_arn)?.into())
    }

    async fn handle(&self, cx: &Cx, input: DeleteOpsMetadataRequest) -> Result<DeleteOpsMetadataResult, Fault> {
        self.change_metadata(cx, &input.ops_metadata_arn, |state, key, _| {
            state.metadata.remove(key);
            Ok(DeleteOpsMetadataResult {})
        })
    }
}

impl Handle<ListOpsMetadata> for Ssm {
    fn permissions(&self, cx: &Cx, _: &ListOpsMetadataRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<ListOpsMetadata>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: ListOpsMetadataRequest) -> Result<ListOpsMetadataResult, Fault> {
        let list = Paging::of::<ListOpsMetadata>(cx, &input);
        let filters = input.filters.unwrap_or_default();
        // AWS: unverified which keys there are.
        if let Some(unknown) = filters.iter().find(|filter| !["ResourceId", "OpsMetadataArn"].contains(&filter.key.as_str())) {
            return Err(faults::OPS_METADATA_INVALID_ARGUMENT.says(format!("The filter {} is not valid.", unknown.key)));
        }
        let page = self.ops.read(|state| {
            let from = (Bound::Included((cx.scope.clone(), String::new())), Bound::Unbounded);
            let rows = state.metadata.range(from).take_while(|((scope, _), _)| *scope == cx.scope).map(|((_, resource), metadata)| {
                let shown = OpsMetadata {
                    resource_id: Some(resource.clone()),
                    ops_metadata_arn: Some(metadata_arn(&cx.scope, &metadata.id).to_string()),
                    last_modified_date: Some(metadata.modified),
                    last_modified_user: Some(metadata.user.to_string()),
                    creation_date: Some(metadata.created),
                };
                (resource.clone(), shown)
            });
            let rows = rows.filter(|(_, shown)| {
                filters.iter().all(|filter| {
                    let value = if filter.key == "ResourceId" { &shown.resource_id } else { &shown.ops_metadata_arn };
                    value.as_ref().is_some_and(|value| filter.values.contains(value))
                })
            });
            list.page_of(list.length(LONGEST_PAGE, LONGEST_PAGE), rows).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(ListOpsMetadataResult { ops_metadata_list: Some(page.items), next_token: page.next_token })
    }
}
