//! Automations listed.

use super::{shown, state::Execution};
use crate::{Ssm, faults, limits};
use cloudlet_api_ssm::{AutomationExecutionFilter, DescribeAutomationExecutions, DescribeAutomationExecutionsResult};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Permission, handler, paging::Paging};
use std::{cmp::Reverse, sync::Arc};

const PAGE: usize = 50;

fn time(filter: &AutomationExecutionFilter) -> Result<Timestamp, Fault> {
    let time = filter.values.first().and_then(|text| Timestamp::parse_any(text));
    time.ok_or_else(|| faults::INVALID_FILTER_VALUE.says("The time of a filter is not valid."))
}

/// A filter that is wrong is refused whatever there is. The model knows its keys.
fn check(filter: &AutomationExecutionFilter) -> Result<(), Fault> {
    if matches!(filter.key.as_str(), "StartTimeBefore" | "StartTimeAfter") { time(filter).map(drop) } else { Ok(()) }
}

/// AWS: `TagKey` names a tag.
fn matches(filter: &AutomationExecutionFilter, id: &str, of: &Execution) -> bool {
    let is = |value: Option<&str>| filter.values.iter().any(|wanted| value == Some(wanted));
    match filter.key.as_str() {
        "DocumentNamePrefix" => filter.values.iter().any(|prefix| of.document.starts_with(prefix)),
        "ExecutionStatus" => is(Some(&of.status)),
        "ExecutionId" => is(Some(id)),
        "ParentExecutionId" => is(of.parent.as_deref()),
        "CurrentAction" => is(of.current_action.as_deref()),
        "StartTimeBefore" => time(filter).is_ok_and(|time| of.started <= time),
        "StartTimeAfter" => time(filter).is_ok_and(|time| of.started >= time),
        "AutomationType" => {
            let elsewhere = of.request.target_locations.as_ref().is_some_and(|locations| !locations.is_empty());
            is(Some(if elsewhere { "CrossAccount" } else { "Local" }))
        }
        "TagKey" => filter.values.iter().any(|key| of.tags.contains_key(key)),
        "AutomationSubtype" => is(of.subtype.as_deref()),
        "OpsItemId" => is(of.ops_item_id.as_deref()),
        // There are no resource groups.
        _ => false,
    }
}

handler!(
    Ssm,
    DescribeAutomationExecutions,
    |ssm, cx, input| Ok(Permission::of::<DescribeAutomationExecutions>(Arn::any()).into()),
    |ssm, cx, input| {
        let list = Paging::of::<DescribeAutomationExecutions>(cx, &input);
        let after: Option<(i64, String)> = list.after().map_err(|_| faults::invalid_next_token())?;
        let filters = input.filters.unwrap_or_default();
        filters.iter().try_for_each(check)?;
        // AWS: unverified: children are listed when they are asked for.
        let with_children = filters.iter().any(|filter| matches!(filter.key.as_str(), "ParentExecutionId" | "ExecutionId"));
        let is_wanted = |id: &str, execution: &Execution| {
            (with_children || execution.parent.is_none()) && filters.iter().all(|filter| matches(filter, id, execution))
        };
        let length = list.length(PAGE, PAGE);
        let (mut items, mut next_token) = (vec![], None);
        ssm.automations.store.read(|state| {
            let from = match after {
                None => (cx.scope.clone(), Reverse(i64::MAX), Arc::from("")),
                Some((start, id)) => (cx.scope.clone(), Reverse(start), Arc::from(id + "\0")),
            };
            let (mut looked, mut last) = (0, None);
            for ((_, start, id), ()) in state.by_start.range(from..).take_while(|((of, _, _), ())| *of == cx.scope) {
                // What does not match takes its time too: a page may be empty, and go on.
                if items.len() == length || looked == limits::ROWS_PER_PAGE {
                    next_token = last.map(|last: (i64, String)| list.token(&last));
                    break;
                }
                looked += 1;
                last = Some((start.0, id.to_string()));
                if let Some(execution) = state.executions.get(id).filter(|execution| is_wanted(id, execution)) {
                    items.push(shown::metadata(id, execution));
                }
            }
        });
        Ok(DescribeAutomationExecutionsResult { automation_execution_metadata_list: Some(items), next_token })
    }
);
