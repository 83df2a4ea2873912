//! The targets that are registered with windows.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_RegisterTargetWithMaintenanceWindow.html>

use super::{
    events,
    state::{Registered, WindowKey},
    windows::{LONGEST_PAGE, USUAL_PAGE, checked_filters, limit, merged, repeated, request},
};
use crate::{Ssm, faults, limits};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, StoredShape, paging::Paging};

fn no_such_target(id: &str) -> Fault {
    // AWS: unverified message.
    faults::DOES_NOT_EXIST.says(format!("Maintenance window target {id} does not exist"))
}

/// AWS: unverified messages.
fn check(kind: &str, targets: &[Target]) -> Result<(), Fault> {
    let key = |target: &Target| target.key.clone().unwrap_or_default().to_ascii_lowercase();
    let right = |target: &Target| {
        let key = key(target);
        let of_group = key.starts_with("resource-groups:");
        if kind == "RESOURCE_GROUP" { of_group } else { key == "instanceids" || key.starts_with("tag:") || key == "tag-key" || of_group }
    };
    if targets.is_empty() || !targets.iter().all(|target| right(target) && target.values.as_ref().is_some_and(|values| !values.is_empty())) {
        return Err(faults::validation("Targets has an entry that is not valid for the resource type."));
    }
    Ok(())
}

impl Handle<RegisterTargetWithMaintenanceWindow> for Ssm {
    fn permissions(&self, cx: &Cx, input: &RegisterTargetWithMaintenanceWindowRequest) -> Result<Permissions, Fault> {
        Ok(self.window_permission::<RegisterTargetWithMaintenanceWindow>(cx, &input.window_id).into())
    }

    async fn handle(
        &self,
        cx: &Cx,
        mut input: RegisterTargetWithMaintenanceWindowRequest,
    ) -> Result<RegisterTargetWithMaintenanceWindowResult, Fault> {
        let request = request(input.client_token.take(), input.clone());
        check(&input.resource_type, &input.targets)?;
        let key = WindowKey::new(&cx.scope, &input.window_id);
        let new_id = cx.ids().uuid();
        let (id, is_new) = self.windows.write(|state| {
            state.windows.get(&key).ok_or_else(|| faults::no_such_window(&key.id))?;
            if let Some(id) = repeated(&request, state.targets_of(&key).map(|(id, target)| (id, &target.request)))? {
                return Ok((id, false));
            }
            if state.targets_of(&key).count() >= limits::WINDOW_TARGETS {
                return Err(limit("targets of a maintenance window", limits::WINDOW_TARGETS));
            }
            let shape = MaintenanceWindowTarget {
                window_id: Some(key.id.clone()),
                window_target_id: Some(new_id.clone()),
                resource_type: Some(input.resource_type),
                targets: Some(input.targets),
                owner_information: input.owner_information,
                name: input.name,
                description: input.description,
            };
            state.targets.insert((key.clone(), new_id.clone()), Registered { shape: StoredShape::new(shape), caller: cx.caller.clone(), request });
            Ok((new_id, true))
        })?;
        if is_new {
            events::target(cx, &key, &id, "REGISTERED");
        }
        Ok(RegisterTargetWithMaintenanceWindowResult { window_target_id: Some(id) })
    }
}

impl Handle<UpdateMaintenanceWindowTarget> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateMaintenanceWindowTargetRequest) -> Result<Permissions, Fault> {
        Ok(self.window_permission::<UpdateMaintenanceWindowTarget>(cx, &input.window_id).into())
    }

    async fn handle(&self, cx: &Cx, input: UpdateMaintenanceWindowTargetRequest) -> Result<UpdateMaintenanceWindowTargetResult, Fault> {
        let key = WindowKey::new(&cx.scope, &input.window_id);
        let replaces = input.replace == Some(true);
        let shape = self.windows.write(|state| {
            state.windows.get(&key).ok_or_else(|| faults::no_such_window(&key.id))?;
            let row = (key.clone(), input.window_target_id.clone());
            let known = state.targets.get_mut(&row).ok_or_else(|| no_such_target(&input.window_target_id))?;
            let before = known.shape.shape();
            let targets = match input.targets {
                Some(targets) => {
                    check(before.resource_type.as_deref().unwrap_or_default(), &targets)?;
                    Some(targets)
                }
                None if replaces => return Err(faults::validation("With Replace, Targets are required.")),
                None => before.targets,
            };
            let shape = MaintenanceWindowTarget {
                targets,
                owner_information: merged(input.owner_information, before.owner_information, replaces),
                name: merged(input.name, before.name, replaces),
                description: merged(input.description, before.description, replaces),
                ..known.shape.shape()
            };
            known.shape = StoredShape::new(shape.clone());
            Ok::<_, Fault>(shape)
        })?;
        events::target(cx, &key, &input.window_target_id, "UPDATED");
        Ok(UpdateMaintenanceWindowTargetResult {
            window_id: shape.window_id,
            window_target_id: shape.window_target_id,
            targets: shape.targets,
            owner_information: shape.owner_information,
            name: shape.name,
            description: shape.description,
        })
    }
}

impl Handle<DeregisterTargetFromMaintenanceWindow> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DeregisterTargetFromMaintenanceWindowRequest) -> Result<Permissions, Fault> {
        Ok(self.window_permission::<DeregisterTargetFromMaintenanceWindow>(cx, &input.window_id).into())
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: DeregisterTargetFromMaintenanceWindowRequest,
    ) -> Result<DeregisterTargetFromMaintenanceWindowResult, Fault> {
        let key = WindowKey::new(&cx.scope, &input.window_id);
        let id = &input.window_target_id;
        self.windows.write(|state| {
            state.windows.get(&key).ok_or_else(|| faults::no_such_window(&key.id))?;
            let uses = |target: &Target| {
                target.key.as_deref().is_some_and(|key| key.eq_ignore_ascii_case("WindowTargetIds")) && target.values.iter().flatten().any(|value| value == id)
            };
            let used = state.tasks_of(&key).any(|(_, task)| task.shape.targets.iter().flatten().any(uses));
            if used && input.safe == Some(true) {
                return Err(faults::TARGET_IN_USE
                    .says("You specified the Safe option for the DeregisterTargetFromMaintenanceWindow operation, but the target is still referenced in a task."));
            }
            state.targets.remove(&(key.clone(), id.clone())).ok_or_else(|| no_such_target(id))?;
            Ok(())
        })?;
        events::target(cx, &key, id, "DEREGISTERED");
        Ok(DeregisterTargetFromMaintenanceWindowResult { window_id: Some(input.window_id), window_target_id: Some(input.window_target_id) })
    }
}

impl Handle<DescribeMaintenanceWindowTargets> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeMaintenanceWindowTargetsRequest) -> Result<Permissions, Fault> {
        Ok(self.window_permission::<DescribeMaintenanceWindowTargets>(cx, &input.window_id).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeMaintenanceWindowTargetsRequest) -> Result<DescribeMaintenanceWindowTargetsResult, Fault> {
        let list = Paging::of::<DescribeMaintenanceWindowTargets>(cx, &input);
        let filters = checked_filters(input.filters, &["Type", "WindowTargetId", "OwnerInformation"])?;
        let key = WindowKey::new(&cx.scope, &input.window_id);
        let page = self.windows.read(|state| {
            state.windows.get(&key).ok_or_else(|| faults::no_such_window(&key.id))?;
            let rows = state.targets_of(&key).filter(|(_, target)| {
                filters.iter().all(|(key, values)| {
                    let value = match key.as_str() {
                        "Type" => &target.shape.resource_type,
                        "WindowTargetId" => &target.shape.window_target_id,
                        _ => &target.shape.owner_information,
                    };
                    value.as_ref().is_some_and(|value| values.contains(value))
                })
            });
            let rows = rows.map(|(id, target)| (id.to_owned(), target.shape.shape()));
            list.page_of(list.length(USUAL_PAGE, LONGEST_PAGE), rows).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(DescribeMaintenanceWindowTargetsResult { targets: Some(page.items), next_token: page.next_token })
    }
}
