//! PutComplianceItems.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutComplianceItems.html>

use super::{items::ASSOCIATION, state::Report};
use crate::{Ssm, faults, nodes::node_permission};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, StoredShape};
use std::sync::Arc;

/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm>
const CUSTOM_TYPES: usize = 10;
const ITEM_BYTES: usize = 200 << 10;
const TOTAL_BYTES: usize = 800 << 10;

fn invalid(kind: &str) -> Fault {
    faults::INVALID_ITEM_CONTENT.says("One or more content items isn't valid.").with("TypeName", kind)
}

fn size(item: &ComplianceItemEntry) -> usize {
    let details = item.details.iter().flatten().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    details + item.id.as_deref().map_or(0, str::len) + item.title.as_deref().map_or(0, str::len)
}

impl Handle<PutComplianceItems> for Ssm {
    fn permissions(&self, cx: &Cx, input: &PutComplianceItemsRequest) -> Result<Permissions, Fault> {
        Ok(node_permission::<PutComplianceItems>(cx, &input.resource_id).into())
    }

    async fn handle(&self, cx: &Cx, input: PutComplianceItemsRequest) -> Result<PutComplianceItemsResult, Fault> {
        if input.resource_type != "ManagedInstance" {
            return Err(faults::INVALID_RESOURCE_TYPE.says("The resource type isn't valid."));
        }
        let node = self.nodes.find(cx, &input.resource_id).await?.ok_or_else(|| faults::INVALID_RESOURCE_ID.says("Invalid Resource Id"))?;
        let kind = input.compliance_type;
        if kind != ASSOCIATION && kind != "Patch" && !kind.starts_with("Custom:") {
            return Err(invalid(&kind));
        }
        // AWS: an item is known by its id.
        if input.items.iter().any(|item| item.id.as_deref().is_none_or(str::is_empty)) {
            return Err(invalid(&kind));
        }
        if input.items.iter().any(|item| size(item) > ITEM_BYTES) {
            return Err(faults::ITEM_SIZE_LIMIT_EXCEEDED.says("The inventory item size has exceeded the size limit.").with("TypeName", kind));
        }
        if input.items.iter().map(size).sum::<usize>() > TOTAL_BYTES {
            return Err(faults::TOTAL_SIZE_LIMIT_EXCEEDED.says("The size of inventory data has exceeded the total size limit for the resource."));
        }
        let is_partial = input.upload_type.as_deref() == Some("PARTIAL");
        if is_partial && kind != ASSOCIATION {
            return Err(invalid(&kind));
        }
        let place = (cx.scope.clone(), Arc::from(node.id.as_str()), Arc::from(kind.as_str()));
        self.compliance.write(|state| {
            let before = state.reports.get(&place).cloned();
            let is_same = |told: &Arc<Report>| told.hash.is_some() && told.hash == input.item_content_hash;
            if before.as_ref().is_some_and(is_same) {
                return Ok(PutComplianceItemsResult {});
            }
            let customs = state.of_node(&cx.scope, &node.id).filter(|(kind, _)| kind.starts_with("Custom:")).count();
            if before.is_none() && kind.starts_with("Custom:") && customs >= CUSTOM_TYPES {
                return Err(faults::COMPLIANCE_TYPE_COUNT_LIMIT_EXCEEDED
                    .says("You specified too many custom compliance types. You can specify a maximum of 10 different types."));
            }
            let mut items: Vec<_> = input.items.into_iter().map(StoredShape::new).collect();
            if let Some(before) = before.filter(|_| is_partial) {
                let is_kept = |old: &&StoredShape<ComplianceItemEntry>| !items.iter().any(|new| new.id == old.id);
                let unchanged: Vec<_> = before.items.iter().filter(is_kept).cloned().collect();
                items.extend(unchanged);
            }
            let told = Report { execution: StoredShape::new(input.execution_summary), hash: input.item_content_hash, items };
            state.reports.insert(place.clone(), Arc::new(told));
            Ok(PutComplianceItemsResult {})
        })
    }
}
