//! DescribeAssociationExecutions and DescribeAssociationExecutionTargets: the newest first.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeAssociationExecutions.html>

use super::{
    rows::Work,
    standing::{detailed, status},
};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use std::cmp::Reverse;

const PAGE: usize = 50;

fn passes(filter: &AssociationExecutionFilter, execution: &AssociationExecution) -> bool {
    match filter.key.as_str() {
        "ExecutionId" => execution.execution_id.as_deref() == Some(&filter.value),
        "Status" => execution.status.as_deref() == Some(&filter.value),
        _ => {
            let (Some(at), Some(time)) = (execution.created_time, Timestamp::parse_any(&filter.value)) else { return false };
            match filter.r#type.as_str() {
                "LESS_THAN" => at < time,
                "GREATER_THAN" => at > time,
                _ => at == time,
            }
        }
    }
}

impl Handle<DescribeAssociationExecutions> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeAssociationExecutionsRequest) -> Result<Permissions, Fault> {
        Ok(self.association_permission::<DescribeAssociationExecutions>(cx, &input.association_id).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeAssociationExecutionsRequest) -> Result<DescribeAssociationExecutionsResult, Fault> {
        let (place, _) = self.find_association(cx, Some(&input.association_id), None, None)?;
        let list = Paging::of::<DescribeAssociationExecutions>(cx, &input);
        let executions = self.associations.store.read(|state| state.executions_of(&place).cloned().collect::<Vec<_>>());
        let filters = input.filters.unwrap_or_default();
        let rows = executions.iter().enumerate().rev().map(|(index, execution)| {
            let standing = self.standing(&place.0, execution);
            let counts: Vec<String> = standing.counts().iter().map(|(word, count)| format!("{word}={count}")).collect();
            let shown = AssociationExecution {
                association_id: Some(place.1.to_string()),
                association_version: Some(execution.version.to_string()),
                execution_id: Some(execution.id.to_string()),
                status: Some(status(standing.progress).to_owned()),
                detailed_status: Some(detailed(standing.progress).to_owned()),
                created_time: Some(execution.created),
                last_execution_date: Some(execution.created),
                resource_count_by_status: Some(format!("{{{}}}", counts.join(", "))),
                ..AssociationExecution::default()
            };
            (Reverse((execution.created, index)), shown)
        });
        let rows = rows.filter(|(_, shown)| filters.iter().all(|filter| passes(filter, shown)));
        let page = list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())?;
        Ok(DescribeAssociationExecutionsResult { association_executions: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<DescribeAssociationExecutionTargets> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeAssociationExecutionTargetsRequest) -> Result<Permissions, Fault> {
        Ok(self.association_permission::<DescribeAssociationExecutionTargets>(cx, &input.association_id).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeAssociationExecutionTargetsRequest) -> Result<DescribeAssociationExecutionTargetsResult, Fault> {
        let (place, _) = self.find_association(cx, Some(&input.association_id), None, None)?;
        let list = Paging::of::<DescribeAssociationExecutionTargets>(cx, &input);
        let execution = self.associations.store.read(|state| state.executions_of(&place).find(|row| *row.id == *input.execution_id).cloned());
        let execution = execution.ok_or_else(|| {
            faults::ASSOCIATION_EXECUTION_DOES_NOT_EXIST.says("The specified execution ID doesn't exist. Verify the ID number and try again.")
        })?;
        let source = match &execution.work {
            Work::Command(id) => Some((id.clone(), "RunCommand")),
            Work::Automation(id) => Some((id.clone(), "Automation")),
            Work::Failed(_) => None,
        };
        let filters = input.filters.unwrap_or_default();
        let nodes = self.standing(&place.0, &execution).nodes;
        let rows = nodes.into_iter().map(|node| {
            let shown = AssociationExecutionTarget {
                association_id: Some(place.1.to_string()),
                association_version: Some(execution.version.to_string()),
                execution_id: Some(execution.id.to_string()),
                resource_id: Some(node.node.to_string()),
                resource_type: Some("ManagedInstance".to_owned()),
                status: Some(status(node.progress).to_owned()),
                detailed_status: Some(detailed(node.progress).to_owned()),
                last_execution_date: Some(node.at),
                output_source: source
                    .as_ref()
                    .map(|(id, kind)| OutputSource { output_source_id: Some(id.to_string()), output_source_type: Some((*kind).to_owned()) }),
            };
            (node.node.to_string(), shown)
        });
        let passes = |shown: &AssociationExecutionTarget| {
            filters.iter().all(|filter| {
                let own = match filter.key.as_str() {
                    "Status" => &shown.status,
                    "ResourceId" => &shown.resource_id,
                    _ => &shown.resource_type,
                };
                own.as_deref() == Some(&filter.value)
            })
        };
        let page = list.page_of(list.length(PAGE, PAGE), rows.filter(|(_, shown)| passes(shown))).map_err(|_| faults::invalid_next_token())?;
        Ok(DescribeAssociationExecutionTargetsResult { association_execution_targets: Some(page.items), next_token: page.next_token })
    }
}
