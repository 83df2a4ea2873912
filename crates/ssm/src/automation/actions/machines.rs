//! `aws:executeStateMachine`.

use crate::automation::work::{Outcome, Work};
use cloudlet_runbook::types::shown;
use serde_json::{Map, Value, json};

/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-executeStateMachine.html>
pub async fn execute(work: &Work<'_>) -> Outcome {
    if let Some(arn) = work.memo("executionArn").and_then(Value::as_str) {
        return ended(work, arn).await;
    }
    let mut input = Map::new();
    input.extend(work.text("stateMachineArn").map(|arn| ("stateMachineArn".to_owned(), arn.into())));
    input.extend(work.text("name").map(|name| ("name".to_owned(), name.into())));
    input.extend(work.text("input").map(|text| ("input".to_owned(), text.into())));
    match work.call("stepfunctions", "StartExecution", &Value::Object(input)).await {
        Ok(answer) => ended(work, &answer.get("executionArn").map(shown).unwrap_or_default()).await,
        Err(problem) => work.refused(&problem),
    }
}

async fn ended(work: &Work<'_>, arn: &str) -> Outcome {
    let described = match work.call("stepfunctions", "DescribeExecution", &json!({"executionArn": arn})).await {
        Ok(described) => described,
        Err(problem) => return work.refused(&problem),
    };
    let status = described.get("status").map(shown).unwrap_or_default();
    match status.as_str() {
        "RUNNING" | "PENDING_REDRIVE" => Outcome::Again(json!({"executionArn": arn})),
        "SUCCEEDED" => {
            const OUTPUTS: [&str; 8] = ["executionArn", "input", "name", "output", "startDate", "stateMachineArn", "status", "stopDate"];
            let outputs: Map<String, Value> = OUTPUTS.iter().filter_map(|name| Some(((*name).to_owned(), described.get(*name)?.clone()))).collect();
            Work::done(Value::Object(outputs), Some(described))
        }
        _ => {
            let of = |name: &str| described.get(name).map(shown).unwrap_or_default();
            // AWS: unverified wording.
            work.fails(&format!("State machine execution {arn} ended with status {status}. {} {}", of("error"), of("cause")))
        }
    }
}
