//! One OpsItem, and what calls on it need to be allowed.

use crate::{Ssm, faults, parameters::permissions::set_resource_tags};
use cloudlet_api_ssm::{OpsItem, OpsItemDataValue, OpsItemNotification, OpsItemSummary};
use cloudlet_aws::{Arn, Fault, Scope, Timestamp};
use cloudlet_engine::{Cx, Permission, StoredShape};
use cloudlet_shape::{Map, Operation};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub const ISSUE: &str = "/aws/issue";
pub const CHANGE_REQUEST: &str = "/aws/changerequest";

pub const DEDUP: &str = "/aws/dedup";
pub const RESOURCES: &str = "/aws/resources";
pub const AUTOMATIONS: &str = "/aws/automations";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    pub shape: StoredShape<OpsItem>,
    pub tags: Map<String>,
    /// The hash of the deduplication string and the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedup: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// What filters read of an OpsItem that mirrors a change request.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Change {
    pub requester_arn: String,
    pub requester_name: String,
    pub approver_arns: Vec<String>,
    pub approver_names: Vec<String>,
    pub template: String,
    pub resource_groups: Vec<String>,
}

impl Item {
    pub fn new(shape: OpsItem, tags: Map<String>, dedup: Option<String>, change: Option<Change>) -> Item {
        Item { shape: StoredShape::new(shape), tags, dedup, change }
    }

    pub fn created(&self) -> Timestamp {
        self.shape.created_time.unwrap_or_default()
    }

    pub fn status(&self) -> &str {
        self.shape.status.as_deref().unwrap_or_default()
    }

    /// AWS: an OpsItem that is open or in progress keeps equal ones from being created.
    pub fn is_open(&self) -> bool {
        matches!(self.status(), "Open" | "InProgress")
    }

    pub fn topics(&self) -> &[OpsItemNotification] {
        self.shape.notifications.as_deref().unwrap_or_default()
    }

    /// The same after a change of its shape, which is counted.
    #[must_use]
    pub fn changed(&self, cx: &Cx, change: impl FnOnce(&mut OpsItem)) -> Item {
        let mut shape = self.shape.shape();
        change(&mut shape);
        let version: u64 = shape.version.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default();
        shape.version = Some((version + 1).to_string());
        shape.last_modified_by = Some(cx.caller.arn.to_string());
        shape.last_modified_time = Some(cx.now);
        Item { shape: StoredShape::new(shape), ..self.clone() }
    }

    /// In a list. Only data that can be searched for is in it.
    pub fn summary(&self) -> OpsItemSummary {
        let shape = self.shape.shape();
        let data = shape.operational_data.map(|data| data.into_iter().filter(|(_, value)| is_searchable(value)).collect());
        OpsItemSummary {
            created_by: shape.created_by,
            created_time: shape.created_time,
            last_modified_by: shape.last_modified_by,
            last_modified_time: shape.last_modified_time,
            priority: shape.priority,
            source: shape.source,
            status: shape.status,
            ops_item_id: shape.ops_item_id,
            title: shape.title,
            operational_data: data,
            category: shape.category,
            severity: shape.severity,
            ops_item_type: shape.ops_item_type,
            actual_start_time: shape.actual_start_time,
            actual_end_time: shape.actual_end_time,
            planned_start_time: shape.planned_start_time,
            planned_end_time: shape.planned_end_time,
        }
    }
}

pub fn is_searchable(value: &OpsItemDataValue) -> bool {
    value.r#type.as_deref() == Some("SearchableString")
}

pub fn arn(scope: &Scope, id: &str) -> Arn {
    Arn::new("ssm", scope, &format!("opsitem/{id}"))
}

pub fn no_such_item(id: &str) -> Fault {
    // AWS: unverified message.
    faults::OPS_ITEM_NOT_FOUND.says(format!("OpsItem Id : [{id}] Not Found"))
}

const CATEGORIES: [&str; 5] = ["Availability", "Cost", "Performance", "Recovery", "Security"];

/// AWS: the values of the console and of alarms' actions; unverified that others are refused, and how.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/OpsCenter-create-OpsItems-from-CloudWatch-Alarms.html>
pub fn check_kind(category: Option<&str>, severity: Option<&str>) -> Result<(), Fault> {
    if let Some(other) = category.filter(|category| !CATEGORIES.contains(category)) {
        return Err(invalid(format!("Category {other} is not valid. Valid are: {}.", CATEGORIES.join(", "))));
    }
    match severity.filter(|severity| !["1", "2", "3", "4"].contains(severity)) {
        Some(other) => Err(invalid(format!("Severity {other} is not valid. Valid are: 1, 2, 3, 4."))),
        None => Ok(()),
    }
}

pub fn invalid(message: impl Into<String>) -> Fault {
    faults::OPS_ITEM_INVALID_PARAMETER.says(message)
}

impl Ssm {
    pub fn ops_item(&self, scope: &Scope, id: &str) -> Result<Arc<Item>, Fault> {
        self.ops.read(|state| state.item(scope, id).cloned()).ok_or_else(|| no_such_item(id))
    }

    /// The operation's own action on an OpsItem, which need not exist.
    pub fn ops_item_permission<O: Operation>(&self, cx: &Cx, id: &str) -> Permission {
        let mut permission = Permission::of::<O>(arn(&cx.scope, id));
        if let Some(item) = self.ops.read(|state| state.item(&cx.scope, id).cloned()) {
            set_resource_tags(&mut permission, &item.tags);
        }
        permission
    }
}
