//! Automations listed.

use super::{shown, state::Execution};
use crate::{Ssm, faults, limits};
use cloudlet_api_ssm::{AutomationExecutionFilter, AutomationExecutionMetadata, DescribeAutomationExecutions, DescribeAutomationExecutionsResult};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Permission, handler, paging::Paging};
use std::{cmp::Reverse, sync::Arc};

const PAGE: usize = 50;

/// AWS: `TagKey` names a tag.
fn matches(filter: &AutomationExecutionFilter, id: &str, of: &Execution) -> Result<bool, Fault> {
    let is = |value: Option<&str>| filter.values.iter().any(|wanted| value == Some(wanted));
    let time = || {
        filter
            .values
            .first()
            .and_then(|text| Timestamp::parse_any(text))
            .ok_or_else(|| faults::INVALID_FILTER_VALUE.says("The time of a filter is not valid."))
    };
    Ok(match filter.key.as_str() {
        "DocumentNamePrefix" => filter.values.iter().any(|prefix| of.document.starts_with(prefix)),
        "ExecutionStatus" => is(Some(&of.status)),
        "ExecutionId" => is(Some(id)),
        "ParentExecutionId" => is(of.parent.as_deref()),
        "CurrentAction" => is(of.current_action.as_deref()),
        "StartTimeBefore" => of.started <= time()?,
        "StartTimeAfter" => of.started >= time()?,
        "AutomationType" => {
            let elsewhere = of.request.target_locations.as_ref().is_some_and(|locations| !locations.is_empty());
            is(Some(if elsewhere { "CrossAccount" } else { "Local" }))
        }
        "TagKey" => filter.values.iter().any(|key| of.tags.contains_key(key)),
        "AutomationSubtype" => is(of.subtype.as_deref()),
        "OpsItemId" => is(of.ops_item_id.as_deref()),
        "TargetResourceGroup" => false,
        other => return Err(faults::INVALID_FILTER_KEY.says(format!("The filter key {other} is not valid."))),
    })
}

handler!(
    Ssm,
    DescribeAutomationExecutions,
    |ssm, cx, input| Ok(Permission::of::<DescribeAutomationExecutions>(Arn::any()).into()),
    |ssm, cx, input| {
        let list = Paging::of::<DescribeAutomationExecutions>(cx, &input);
        let filters = input.filters.unwrap_or_default();
        // AWS: unverified: children are listed when they are asked for.
        let with_children = filters.iter().any(|filter| matches!(filter.key.as_str(), "ParentExecutionId" | "ExecutionId"));
        let sample = Execution::clone(&*match ssm.automations.store.read(|state| state.executions.first().map(|(_, execution)| execution.clone())) {
            Some(execution) => execution,
            None => return Ok(DescribeAutomationExecutionsResult { automation_execution_metadata_list: Some(Vec::new()), next_token: None }),
        });
        // A filter that is wrong is refused whatever there is.
        for filter in &filters {
            matches(filter, "", &sample)?;
        }
        let wanted = |id: &str, execution: &Execution| {
            (with_children || execution.parent.is_none()) && filters.iter().all(|filter| matches(filter, id, execution).unwrap_or(false))
        };
        let page = ssm.automations.store.read(|state| {
            list.page(list.length(PAGE, PAGE), |after: Option<(i64, String)>| {
                let scope = cx.scope.clone();
                let from = match after {
                    None => (scope.clone(), Reverse(i64::MAX), Arc::from("")),
                    Some((start, id)) => (scope.clone(), Reverse(start), Arc::from(id + "\0")),
                };
                let rows = state.by_start.range(from..).take_while(move |((of, _, _), ())| *of == scope).take(limits::ROWS_PER_PAGE);
                let rows = rows.filter_map(|((_, start, id), ())| Some((start.0, id, state.executions.get(id)?)));
                let rows = rows.filter(|(_, id, execution)| wanted(id, execution));
                rows.map(|(start, id, execution)| ((start, id.to_string()), shown::metadata(id, execution)))
            })
        });
        let page: cloudlet_engine::paging::Page<AutomationExecutionMetadata> = page.map_err(|_| faults::invalid_next_token())?;
        Ok(DescribeAutomationExecutionsResult { automation_execution_metadata_list: Some(page.items), next_token: page.next_token })
    }
);
