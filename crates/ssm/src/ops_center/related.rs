//! Related items of OpsItems: incidents and documents.

use super::item::{invalid, no_such_item};
use crate::{Ssm, faults, limits, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permissions, StoredShape, paging::Paging};
use std::ops::Bound;

const ASSOCIATIONS: [&str; 2] = ["IsParentOf", "RelatesTo"];
const TYPES: [&str; 3] = ["AWS::SSMIncidents::IncidentRecord", "AWS::SSM::Document", "AWS::SSM::OpsItem"];
const LONGEST_PAGE: usize = 50;

impl Handle<AssociateOpsItemRelatedItem> for Ssm {
    fn permissions(&self, cx: &Cx, input: &AssociateOpsItemRelatedItemRequest) -> Result<Permissions, Fault> {
        Ok(self.ops_item_permission::<AssociateOpsItemRelatedItem>(cx, &input.ops_item_id).into())
    }

    async fn handle(&self, cx: &Cx, input: AssociateOpsItemRelatedItemRequest) -> Result<AssociateOpsItemRelatedItemResponse, Fault> {
        // AWS: unverified messages.
        if !ASSOCIATIONS.contains(&input.association_type.as_str()) {
            return Err(invalid(format!("AssociationType {} is not valid. Valid are: {}.", input.association_type, ASSOCIATIONS.join(", "))));
        }
        if !TYPES.contains(&input.resource_type.as_str()) {
            return Err(invalid(format!("ResourceType {} is not valid.", input.resource_type)));
        }
        if Arn::parse(&input.resource_uri).is_none() {
            return Err(invalid(format!("ResourceUri {} is no ARN.", input.resource_uri)));
        }
        let id = cx.ids().uuid();
        let by = Some(OpsItemIdentity { arn: Some(cx.caller.arn.to_string()) });
        self.ops.write(|state| {
            state.item(&cx.scope, &input.ops_item_id).ok_or_else(|| no_such_item(&input.ops_item_id))?;
            let known = state.related_of(&cx.scope, &input.ops_item_id);
            let (mut count, mut same) = (0, None);
            for ((_, _, id), related) in known {
                count += 1;
                if related.resource_uri.as_deref() == Some(&*input.resource_uri) {
                    same = Some(id.clone());
                }
            }
            if let Some(same) = same {
                return Err(faults::OPS_ITEM_RELATED_ITEM_ALREADY_EXISTS
                    .says("The Amazon Resource Name (ARN) is already associated with the OpsItem.")
                    .with("ResourceUri", input.resource_uri.clone())
                    .with("OpsItemId", input.ops_item_id.clone())
                    .with("AssociationId", same));
            }
            if count >= limits::OPS_ITEM_RESOURCES {
                return Err(faults::OPS_ITEM_LIMIT_EXCEEDED.says("The request caused OpsItems to exceed one or more quotas."));
            }
            let summary = OpsItemRelatedItemSummary {
                ops_item_id: Some(input.ops_item_id.clone()),
                association_id: Some(id.clone()),
                resource_type: Some(input.resource_type),
                association_type: Some(input.association_type),
                resource_uri: Some(input.resource_uri),
                created_by: by.clone(),
                created_time: Some(cx.now),
                last_modified_by: by,
                last_modified_time: Some(cx.now),
            };
            state.related.insert((cx.scope.clone(), input.ops_item_id, id.clone()), StoredShape::new(summary));
            Ok(())
        })?;
        Ok(AssociateOpsItemRelatedItemResponse { association_id: Some(id) })
    }
}

impl Handle<DisassociateOpsItemRelatedItem> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DisassociateOpsItemRelatedItemRequest) -> Result<Permissions, Fault> {
        Ok(self.ops_item_permission::<DisassociateOpsItemRelatedItem>(cx, &input.ops_item_id).into())
    }

    async fn handle(&self, cx: &Cx, input: DisassociateOpsItemRelatedItemRequest) -> Result<DisassociateOpsItemRelatedItemResponse, Fault> {
        self.ops.write(|state| {
            state.item(&cx.scope, &input.ops_item_id).ok_or_else(|| no_such_item(&input.ops_item_id))?;
            let removed = state.related.remove(&(cx.scope.clone(), input.ops_item_id, input.association_id));
            removed.ok_or_else(|| {
                faults::OPS_ITEM_RELATED_ITEM_ASSOCIATION_NOT_FOUND
                    .says("The association wasn't found using the parameters you specified in the call. Verify the information and try again.")
            })?;
            Ok(DisassociateOpsItemRelatedItemResponse {})
        })
    }
}

impl Handle<ListOpsItemRelatedItems> for Ssm {
    fn permissions(&self, cx: &Cx, input: &ListOpsItemRelatedItemsRequest) -> Result<Permissions, Fault> {
        Ok(match &input.ops_item_id {
            Some(id) => self.ops_item_permission::<ListOpsItemRelatedItems>(cx, id).into(),
            None => on_all::<ListOpsItemRelatedItems>(cx).into(),
        })
    }

    async fn handle(&self, cx: &Cx, input: ListOpsItemRelatedItemsRequest) -> Result<ListOpsItemRelatedItemsResponse, Fault> {
        let list = Paging::of::<ListOpsItemRelatedItems>(cx, &input);
        let filters = input.filters.unwrap_or_default();
        let takes = |item: &OpsItemRelatedItemSummary| {
            filters.iter().all(|filter| {
                let value = match filter.key.as_str() {
                    "ResourceType" => &item.resource_type,
                    "AssociationId" => &item.association_id,
                    _ => &item.resource_uri,
                };
                value.as_ref().is_some_and(|value| filter.values.contains(value))
            })
        };
        let page = self.ops.read(|state| {
            let first = (cx.scope.clone(), input.ops_item_id.clone().unwrap_or_default(), String::new());
            let rows = state.related.range((Bound::Included(first), Bound::Unbounded));
            let rows = rows.take_while(|((scope, id, _), _)| *scope == cx.scope && input.ops_item_id.as_ref().is_none_or(|wanted| wanted == id));
            let rows = rows.filter(|(_, item)| takes(item)).map(|((_, item, id), row)| ((item.clone(), id.clone()), row.shape()));
            list.page_of(list.length(LONGEST_PAGE, LONGEST_PAGE), rows).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(ListOpsItemRelatedItemsResponse { summaries: Some(page.items), next_token: page.next_token })
    }
}
