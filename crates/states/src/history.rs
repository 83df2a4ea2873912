//! GetExecutionHistory.

use crate::{States, executions::on_execution, faults, machines::page_length};
use cloudlet_api_states::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{
    handler,
    paging::{InvalidToken, Paging},
};
use cloudlet_store::Json;
use cloudlet_wire::from_json;
use serde_json::Value;
use std::sync::Arc;

/// The members that hold what an execution works on.
const DATA: [&str; 6] = ["input", "output", "parameters", "error", "cause", "assignedVariables"];

/// The events of one row.
pub fn events(row: &Json) -> Vec<Value> {
    row.read().unwrap_or_default()
}

fn id(event: &Value) -> u64 {
    event.get("id").and_then(Value::as_u64).unwrap_or(0)
}

fn shape(mut event: Value, with_data: bool) -> Result<HistoryEvent, Fault> {
    if !with_data && let Some(fields) = event.as_object_mut() {
        for details in fields.values_mut().filter_map(Value::as_object_mut) {
            DATA.iter().for_each(|name| drop(details.remove(*name)));
        }
    }
    from_json(&event.to_string()).map_err(|mismatch| Fault::internal(format_args!("an event cannot be read: {mismatch:?}")))
}

handler!(
    States,
    GetExecutionHistory,
    |states, cx, input| Ok(on_execution::<GetExecutionHistory>(&input.execution_arn)?.into()),
    |states, cx, input| {
        if crate::arns::kind(&input.execution_arn)? == "express" {
            return Err(faults::wrong_resource("express"));
        }
        states.shown_execution(&input.execution_arn)?;
        let arn: Arc<str> = input.execution_arn.as_str().into();
        let list = Paging::of::<GetExecutionHistory>(cx, &input);
        let length = page_length(input.max_results);
        let reverse = input.reverse_order.unwrap_or(false);
        let page = states.store.read(|state| {
            list.page(length, |after: Option<u64>| {
                let rows: Box<dyn Iterator<Item = Vec<Value>> + '_> = if reverse {
                    let last = after.map_or(u64::MAX, |after| after.saturating_sub(1));
                    Box::new(state.history.range((arn.clone(), 0)..=(arn.clone(), last)).rev().map(|(_, row)| {
                        let mut events = events(row);
                        events.reverse();
                        events
                    }))
                } else {
                    // The row that the last event is in may have more.
                    let from = after
                        .and_then(|after| state.history.range((arn.clone(), 0)..=(arn.clone(), after)).next_back().map(|((_, first), _)| *first));
                    Box::new(state.history.range((arn.clone(), from.unwrap_or(0))..=(arn.clone(), u64::MAX)).map(|(_, row)| events(row)))
                };
                let wanted = move |event: &Value| match after {
                    None => true,
                    Some(after) if reverse => id(event) < after,
                    Some(after) => id(event) > after,
                };
                rows.flatten().filter(wanted).map(|event| (id(&event), event))
            })
        });
        let page = page.map_err(|InvalidToken| faults::invalid_page())?;
        let with_data = input.include_execution_data.unwrap_or(true);
        let events = page.items.into_iter().map(|event| shape(event, with_data)).collect::<Result<_, _>>()?;
        Ok(GetExecutionHistoryOutput { events, next_token: page.next_token })
    }
);
