//! UpdateOpsItem and DeleteOpsItem.

use super::{
    create::{check_data, check_related, check_topics},
    events::Happened,
    item::{CHANGE_REQUEST, check_kind, invalid, no_such_item},
};
use crate::Ssm;
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};

/// The statuses that people set. The others belong to change requests.
const STATUSES: [&str; 3] = ["Open", "InProgress", "Resolved"];

impl Handle<UpdateOpsItem> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateOpsItemRequest) -> Result<Permissions, Fault> {
        Ok(self.ops_item_permission::<UpdateOpsItem>(cx, &input.ops_item_id).into())
    }

    async fn handle(&self, cx: &Cx, input: UpdateOpsItemRequest) -> Result<UpdateOpsItemResponse, Fault> {
        let id = input.ops_item_id.clone();
        check_kind(input.category.as_deref(), input.severity.as_deref())?;
        if let Some(topics) = &input.notifications {
            check_topics(topics)?;
        }
        let item = self.ops.write(|state| {
            let before = state.item(&cx.scope, &id).cloned().ok_or_else(|| no_such_item(&id))?;
            if let Some(status) = &input.status {
                // AWS: unverified message. A change request's status follows its execution.
                if before.shape.ops_item_type.as_deref() == Some(CHANGE_REQUEST) {
                    return Err(invalid("The status of an OpsItem of the type /aws/changerequest can't be set."));
                }
                if !STATUSES.contains(&status.as_str()) {
                    return Err(invalid(format!("Status {status} is not valid. Valid are: {}.", STATUSES.join(", "))));
                }
            }
            if let Some(related) = &input.related_ops_items {
                check_related(state, &cx.scope, Some(&id), related)?;
            }
            let mut data = before.shape.operational_data.clone().unwrap_or_default();
            let deleted = input.operational_data_to_delete.as_deref().unwrap_or_default();
            if deleted.iter().any(|key| key == super::item::DEDUP) {
                return Err(invalid(format!("{} can't be deleted.", super::item::DEDUP)));
            }
            data.retain(|key, _| !deleted.contains(key));
            let known = before.shape.operational_data.clone().unwrap_or_default();
            data.extend(input.operational_data.unwrap_or_default());
            check_data(&data, Some(&known))?;
            let item = before.changed(cx, |shape| {
                shape.operational_data = Some(data);
                shape.description = input.description.or(shape.description.take());
                shape.notifications = input.notifications.or(shape.notifications.take());
                shape.priority = input.priority.or(shape.priority);
                shape.related_ops_items = input.related_ops_items.or(shape.related_ops_items.take());
                shape.status = input.status.or(shape.status.take());
                shape.title = input.title.or(shape.title.take());
                shape.category = input.category.or(shape.category.take());
                shape.severity = input.severity.or(shape.severity.take());
                shape.actual_start_time = input.actual_start_time.or(shape.actual_start_time);
                shape.actual_end_time = input.actual_end_time.or(shape.actual_end_time);
                shape.planned_start_time = input.planned_start_time.or(shape.planned_start_time);
                shape.planned_end_time = input.planned_end_time.or(shape.planned_end_time);
            });
            Happened::Updated.record(cx, state, &id, &item);
            state.put(&cx.scope, &id, item.clone());
            Ok(item)
        })?;
        Happened::Updated.tell(cx, &id, &item);
        Ok(UpdateOpsItemResponse {})
    }
}

impl Handle<DeleteOpsItem> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DeleteOpsItemRequest) -> Result<Permissions, Fault> {
        Ok(self.ops_item_permission::<DeleteOpsItem>(cx, &input.ops_item_id).into())
    }

    /// AWS: it is no fault that there is none.
    async fn handle(&self, cx: &Cx, input: DeleteOpsItemRequest) -> Result<DeleteOpsItemResponse, Fault> {
        self.ops.update(|state| state.remove(&cx.scope, &input.ops_item_id));
        Ok(DeleteOpsItemResponse {})
    }
}
