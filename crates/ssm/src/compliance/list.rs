//! ListComplianceItems.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListComplianceItems.html>

use super::filters::Filters;
use crate::{Ssm, faults, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};

pub const PAGE: usize = 50;
/// Filters on what an item has of its own.
const DETAILS: [&str; 6] = ["PatchState", "PatchSeverity", "Classification", "PatchGroup", "PatchBaselineId", "DocumentName"];

impl Handle<ListComplianceItems> for Ssm {
    fn permissions(&self, cx: &Cx, _: &ListComplianceItemsRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<ListComplianceItems>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: ListComplianceItemsRequest) -> Result<ListComplianceItemsResult, Fault> {
        let list = Paging::of::<ListComplianceItems>(cx, &input);
        let filters = Filters::of(input.filters, &DETAILS)?;
        if input.resource_types.iter().flatten().any(|kind| kind != "ManagedInstance") {
            return Err(faults::INVALID_RESOURCE_TYPE.says("The resource type isn't valid."));
        }
        let of = match input.resource_ids.as_deref() {
            None | Some([]) => None,
            Some(ids) => {
                let nodes = self.nodes.found(cx, ids).await?;
                if nodes.len() < ids.len() {
                    return Err(faults::INVALID_RESOURCE_ID.says("Invalid Resource Id"));
                }
                Some(nodes)
            }
        };
        let items = self.compliance_items(cx, of).await?.into_iter().filter(|item| filters.pass(item));
        let mut rows: Vec<_> = items.map(|item| ((item.resource_id.clone(), item.compliance_type.clone(), item.id.clone()), item)).collect();
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        let page = list.page_of(list.length(PAGE, PAGE), rows.into_iter()).map_err(|_| faults::invalid_next_token())?;
        Ok(ListComplianceItemsResult { compliance_items: Some(page.items), next_token: page.next_token })
    }
}
