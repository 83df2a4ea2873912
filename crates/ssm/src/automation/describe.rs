//! One automation, and its steps.

use super::shown;
use crate::{Ssm, faults};
use cloudlet_api_ssm::{
    AutomationExecution, DescribeAutomationStepExecutions, DescribeAutomationStepExecutionsResult, GetAutomationExecution,
    GetAutomationExecutionResult, StepExecution, StepExecutionFilter,
};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, handler, paging::Paging};
use std::sync::Arc;

/// AWS: GetAutomationExecution shows so many steps.
const STEPS: usize = 100;
const PAGE: usize = 50;

impl Ssm {
    fn all_steps(&self, cx: &Cx, id: &str) -> Result<Vec<StepExecution>, Fault> {
        if let Some(change) = self.shown_change(cx, id) {
            return Ok(change.step_executions.unwrap_or_default());
        }
        let execution = self.execution_of(cx, id)?;
        let runbook = self.runbook_of(&execution.definition)?;
        let id: Arc<str> = id.into();
        Ok(self.automations.store.read(|state| shown::steps(state, &id, &execution, &runbook)))
    }

    pub fn shown_execution(&self, cx: &Cx, id: &str) -> Result<AutomationExecution, Fault> {
        if let Some(change) = self.shown_change(cx, id) {
            return Ok(change);
        }
        let execution = self.execution_of(cx, id)?;
        let mut steps = self.all_steps(cx, id)?;
        let truncated = steps.len() > STEPS;
        steps.truncate(STEPS);
        Ok(shown::execution(id, &execution, steps, truncated))
    }
}

handler!(
    Ssm,
    GetAutomationExecution,
    |ssm, cx, input| Ok(ssm.on_execution::<GetAutomationExecution>(cx, &input.automation_execution_id)),
    |ssm, cx, input| Ok(GetAutomationExecutionResult { automation_execution: Some(ssm.shown_execution(cx, &input.automation_execution_id)?) })
);

fn matches(filter: &StepExecutionFilter, step: &StepExecution) -> Result<bool, Fault> {
    let is = |value: Option<&str>| filter.values.iter().any(|wanted| value == Some(wanted));
    let parent = step.parent_step_details.as_ref();
    let time = || {
        filter
            .values
            .first()
            .and_then(|text| Timestamp::parse_any(text))
            .ok_or_else(|| faults::INVALID_FILTER_VALUE.says("The time of a filter is not valid."))
    };
    Ok(match filter.key.as_str() {
        "StepExecutionStatus" => is(step.step_status.as_deref()),
        "StepExecutionId" => is(step.step_execution_id.as_deref()),
        "StepName" => is(step.step_name.as_deref()),
        "Action" => is(step.action.as_deref()),
        "StartTimeBefore" => step.execution_start_time.is_some_and(|started| time().is_ok_and(|time| started <= time)) && time().is_ok(),
        "StartTimeAfter" => step.execution_start_time.is_some_and(|started| time().is_ok_and(|time| started >= time)),
        "ParentStepExecutionId" => is(parent.and_then(|parent| parent.step_execution_id.as_deref())),
        "ParentStepIteration" => is(parent.and_then(|parent| parent.iteration).map(|iteration| iteration.to_string()).as_deref()),
        "ParentStepIteratorValue" => is(parent.and_then(|parent| parent.iterator_value.as_deref())),
        other => return Err(faults::INVALID_FILTER_KEY.says(format!("The filter key {other} is not valid."))),
    })
}

handler!(
    Ssm,
    DescribeAutomationStepExecutions,
    |ssm, cx, input| Ok(ssm.on_execution::<DescribeAutomationStepExecutions>(cx, &input.automation_execution_id)),
    |ssm, cx, input| {
        let list = Paging::of::<DescribeAutomationStepExecutions>(cx, &input);
        let mut kept = Vec::new();
        for step in ssm.all_steps(cx, &input.automation_execution_id)? {
            let all = input.filters.iter().flatten().map(|filter| matches(filter, &step)).collect::<Result<Vec<_>, _>>()?;
            if all.into_iter().all(|matches| matches) {
                kept.push(step);
            }
        }
        if input.reverse_order == Some(true) {
            kept.reverse();
        }
        let page = list.page_of(list.length(PAGE, PAGE), kept.into_iter().enumerate());
        let page = page.map_err(|_| faults::invalid_next_token())?;
        Ok(DescribeAutomationStepExecutionsResult { step_executions: Some(page.items), next_token: page.next_token })
    }
);
