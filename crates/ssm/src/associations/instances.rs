//! What is associated with one node: DescribeEffectiveInstanceAssociations and DescribeInstanceAssociationsStatus.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeInstanceAssociationsStatus.html>

use super::{
    describe::targets,
    rows::{Association, RowKey, Work},
    standing::{detailed, status},
};
use crate::{
    Ssm,
    commands::is_target,
    documents::VersionSelector,
    faults,
    nodes::{ManagedNode, node_permission},
};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use std::sync::Arc;

const PAGE: usize = 50;
const EFFECTIVE: usize = 5;

/// Whether a node is a target of an association.
pub fn targets_of(row: &Association, node: &ManagedNode) -> bool {
    targets(&row.wanted).is_some_and(|targets| is_target(node, &targets))
}

impl Ssm {
    /// The associations that a node is a target of.
    async fn associated(&self, cx: &Cx, id: &str) -> Result<(ManagedNode, Vec<(RowKey, Arc<Association>)>), Fault> {
        let node = self.nodes.find(cx, id).await?.ok_or_else(|| faults::INVALID_INSTANCE_ID.says(""))?;
        let all = self.associations.store.read(|state| {
            let of_node = state.of_scope(&cx.scope).filter(|(_, row)| targets_of(row, &node));
            of_node.map(|(place, row)| (place.clone(), row.clone())).collect()
        });
        Ok((node, all))
    }
}

impl Handle<DescribeEffectiveInstanceAssociations> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeEffectiveInstanceAssociationsRequest) -> Result<Permissions, Fault> {
        Ok(node_permission::<DescribeEffectiveInstanceAssociations>(cx, &input.instance_id).into())
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: DescribeEffectiveInstanceAssociationsRequest,
    ) -> Result<DescribeEffectiveInstanceAssociationsResult, Fault> {
        let list = Paging::of::<DescribeEffectiveInstanceAssociations>(cx, &input);
        let (node, all) = self.associated(cx, &input.instance_id).await?;
        let rows = all.into_iter().map(|(place, row)| {
            let found = self.documents.resolve(cx, &row.wanted.name, VersionSelector::version(row.wanted.document_version.as_deref()));
            let shown = InstanceAssociation {
                association_id: Some(place.1.to_string()),
                instance_id: Some(node.id.clone()),
                content: found.ok().map(|found| found.version.content.to_string()),
                association_version: Some(row.version.to_string()),
            };
            (place.1.to_string(), shown)
        });
        let page = list.page_of(list.length(EFFECTIVE, EFFECTIVE), rows).map_err(|_| faults::invalid_next_token())?;
        Ok(DescribeEffectiveInstanceAssociationsResult { associations: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<DescribeInstanceAssociationsStatus> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeInstanceAssociationsStatusRequest) -> Result<Permissions, Fault> {
        Ok(node_permission::<DescribeInstanceAssociationsStatus>(cx, &input.instance_id).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeInstanceAssociationsStatusRequest) -> Result<DescribeInstanceAssociationsStatusResult, Fault> {
        let list = Paging::of::<DescribeInstanceAssociationsStatus>(cx, &input);
        let (node, all) = self.associated(cx, &input.instance_id).await?;
        let rows = all.into_iter().map(|(place, row)| {
            let last = self.associations.store.read(|state| state.executions_of(&place).last().cloned());
            let on_node = last.as_ref().and_then(|last| self.standing(&place.0, last).nodes.into_iter().find(|on| *on.node == *node.id));
            let error = last.and_then(|last| match last.work {
                Work::Failed(why) => Some(why.to_string()),
                _ => None,
            });
            let failed = error.is_some();
            let shown = InstanceAssociationStatusInfo {
                association_id: Some(place.1.to_string()),
                name: Some(row.wanted.name.clone()),
                document_version: Some(row.wanted.document_version.clone().unwrap_or_else(|| "$DEFAULT".to_owned())),
                association_version: Some(row.version.to_string()),
                instance_id: Some(node.id.clone()),
                execution_date: on_node.as_ref().map(|on| on.at),
                status: Some(on_node.as_ref().map_or(if failed { "Failed" } else { "Pending" }, |on| status(on.progress)).to_owned()),
                detailed_status: Some(on_node.as_ref().map_or(if failed { "Failed" } else { "Pending" }, |on| detailed(on.progress)).to_owned()),
                execution_summary: on_node.as_ref().map(|on| format!("command {}", on.command)),
                error_code: error,
                output_url: None,
                association_name: row.wanted.association_name.clone(),
            };
            (place.1.to_string(), shown)
        });
        let page = list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())?;
        Ok(DescribeInstanceAssociationsStatusResult { instance_association_status_infos: Some(page.items), next_token: page.next_token })
    }
}
