//! All that is known of the compliance of nodes.

use crate::{
    Ssm,
    associations::{Work, targets_of},
    commands::Progress,
    nodes::ManagedNode,
};
use cloudlet_api_ssm::{ComplianceExecutionSummary, ComplianceItem};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use std::sync::Arc;

pub const ASSOCIATION: &str = "Association";

impl Ssm {
    /// The items of these nodes, or of all.
    pub async fn compliance_items(&self, cx: &Cx, of: Option<Vec<ManagedNode>>) -> Result<Vec<ComplianceItem>, Fault> {
        let nodes = match of {
            Some(nodes) => nodes,
            None => self.nodes.all(cx).await?,
        };
        let mut items = Vec::new();
        for node in &nodes {
            items.extend(self.of_associations(cx, node));
            self.compliance.read(|state| {
                for (kind, told) in state.of_node(&cx.scope, &node.id) {
                    items.extend(told.items.iter().map(|item| {
                        let item = item.shape();
                        ComplianceItem {
                            compliance_type: Some(kind.to_string()),
                            resource_type: Some("ManagedInstance".to_owned()),
                            resource_id: Some(node.id.clone()),
                            id: item.id,
                            title: Some(item.title.unwrap_or_default()),
                            status: Some(item.status),
                            severity: Some(item.severity),
                            execution_summary: Some(told.execution.shape()),
                            details: Some(item.details.unwrap_or_default()),
                        }
                    }));
                }
            });
        }
        Ok(items)
    }

    /// How the associations of a node stand: each as it last ended there. Those whose compliance is told by hand are left out.
    fn of_associations(&self, cx: &Cx, node: &ManagedNode) -> Vec<ComplianceItem> {
        let all: Vec<_> = self.associations.store.read(|state| {
            let is_told = |row: &crate::associations::Association| row.wanted.sync_compliance.as_deref() == Some("MANUAL");
            let of_node = state.of_scope(&cx.scope).filter(|(_, row)| !is_told(row) && targets_of(row, node));
            of_node.map(|(place, row)| (place.clone(), row.clone())).collect()
        });
        let item = |(place, row): (crate::associations::RowKey, Arc<crate::associations::Association>)| {
            let executions: Vec<_> = self.associations.store.read(|state| state.executions_of(&place).cloned().collect());
            let ended = executions.iter().rev().find_map(|execution| match &execution.work {
                Work::Failed(_) => Some((Progress::Failed, execution.created, None)),
                _ => {
                    let on_node = self.standing(&place.0, execution).nodes.into_iter().find(|on| *on.node == *node.id && on.progress.is_over())?;
                    Some((on_node.progress, on_node.at, Some(on_node.command)))
                }
            });
            let (progress, at, command) = ended?;
            let status = if progress == Progress::Success { "COMPLIANT" } else { "NON_COMPLIANT" };
            let version = row.wanted.document_version.clone().unwrap_or_else(|| "$DEFAULT".to_owned());
            let details = [("DocumentName", row.wanted.name.clone()), ("DocumentVersion", version)];
            Some(ComplianceItem {
                compliance_type: Some(ASSOCIATION.to_owned()),
                resource_type: Some("ManagedInstance".to_owned()),
                resource_id: Some(node.id.clone()),
                id: Some(place.1.to_string()),
                title: Some(row.wanted.association_name.clone().unwrap_or_default()),
                status: Some(status.to_owned()),
                severity: Some(row.wanted.compliance_severity.clone().unwrap_or_else(|| "UNSPECIFIED".to_owned())),
                execution_summary: Some(ComplianceExecutionSummary {
                    execution_time: at,
                    execution_type: command.as_ref().map(|_| "Command".to_owned()),
                    execution_id: command.map(|command| command.to_string()),
                }),
                details: Some(details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<String>>()),
            })
        };
        all.into_iter().filter_map(item).collect()
    }
}
