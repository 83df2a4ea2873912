//! ListAssociations.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListAssociations.html>

use super::{
    describe::listed,
    rows::{Association, RowKey},
};
use crate::{Ssm, faults, parameters::permissions::on_all};
use cloudlet_api_ssm::{self as api, *};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use std::sync::Arc;

const PAGE: usize = 50;

fn selects(filter: &AssociationFilter, shown: &api::Association) -> Result<bool, Fault> {
    let time = || Timestamp::parse_any(&filter.value).ok_or_else(|| faults::validation(format!("{} is no time.", filter.value)));
    let value = Some(filter.value.as_str());
    let of_target = |id: &str| {
        shown
            .targets
            .iter()
            .flatten()
            .any(|target| target.key.as_deref() == Some("InstanceIds") && target.values.iter().flatten().any(|own| own == id))
    };
    Ok(match filter.key.as_str() {
        "Name" => shown.name.as_deref() == value,
        "AssociationId" => shown.association_id.as_deref() == value,
        "AssociationName" => shown.association_name.as_deref() == value,
        "InstanceId" => shown.instance_id.as_deref() == value || of_target(&filter.value),
        "AssociationStatusName" => shown.overview.as_ref().and_then(|overview| overview.status.as_deref()) == value,
        "LastExecutedBefore" => shown.last_execution_date.is_some_and(|at| time().is_ok_and(|time| at <= time)),
        "LastExecutedAfter" => shown.last_execution_date.is_some_and(|at| time().is_ok_and(|time| at >= time)),
        "ResourceGroupName" => return Err(faults::not_implemented("associations by resource groups")),
        _ => false,
    })
}

impl Handle<ListAssociations> for Ssm {
    fn permissions(&self, cx: &Cx, _: &ListAssociationsRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<ListAssociations>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: ListAssociationsRequest) -> Result<ListAssociationsResult, Fault> {
        let list = Paging::of::<ListAssociations>(cx, &input);
        let filters = input.association_filter_list.unwrap_or_default();
        let all: Vec<(RowKey, Arc<Association>)> =
            self.associations.store.read(|state| state.of_scope(&cx.scope).map(|(place, row)| (place.clone(), row.clone())).collect());
        let mut rows = Vec::new();
        for (place, association) in &all {
            let shown = listed(self, place, association);
            let mut is_selected = true;
            for filter in &filters {
                is_selected &= selects(filter, &shown)?;
            }
            if is_selected {
                rows.push((place.1.to_string(), shown));
            }
        }
        let page = list.page_of(list.length(PAGE, PAGE), rows.into_iter()).map_err(|_| faults::invalid_next_token())?;
        Ok(ListAssociationsResult { associations: Some(page.items), next_token: page.next_token })
    }
}
