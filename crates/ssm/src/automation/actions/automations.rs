//! `aws:executeAutomation`.

use crate::automation::work::{Outcome, Work};
use cloudlet_runbook::types::{shown, texts};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const SAME: [&str; 8] = ["DocumentName", "DocumentVersion", "MaxConcurrency", "MaxErrors", "Tags", "TargetLocations", "TargetMaps", "Targets"];

/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-executeAutomation.html>
pub async fn execute(work: &Work<'_>) -> Outcome {
    if let Some(child) = work.memo("ExecutionId").and_then(Value::as_str) {
        return ended(work, child);
    }
    let mut input = Map::new();
    for name in SAME {
        input.extend(work.value(name).filter(|value| value.as_str() != Some("")).map(|value| (name.to_owned(), value.clone())));
    }
    input.extend(work.text("TargetParameterName").map(|name| ("TargetParameterName".to_owned(), name.into())));
    if let Some(Value::Object(parameters)) = work.value("RuntimeParameters") {
        let lists: Map<String, Value> = parameters.iter().map(|(name, value)| (name.clone(), json!(texts(value)))).collect();
        input.insert("Parameters".to_owned(), Value::Object(lists));
    }
    let answer = match work.call("ssm", "StartAutomationExecution", &Value::Object(input)).await {
        Ok(answer) => answer,
        Err(problem) => return work.refused(&problem),
    };
    let child: Arc<str> = answer.get("AutomationExecutionId").map(shown).unwrap_or_default().into();
    work.ssm.automations.store.update(|state| {
        if let Some(execution) = state.executions.get(&child).cloned() {
            let adopted = crate::automation::Execution { parent: Some(work.id.clone()), waited_for: true, ..(*execution).clone() };
            state.put(&child, adopted);
        }
    });
    ended(work, &child)
}

fn ended(work: &Work<'_>, child: &str) -> Outcome {
    let Some(execution) = work.ssm.automations.store.read(|state| state.executions.get(child).cloned()) else {
        return work.fails(&format!("Automation {child} does not exist"));
    };
    if !execution.is_over() {
        return Outcome::Again(json!({"ExecutionId": child}));
    }
    if execution.status == "Success" || execution.status == "CompletedWithSuccess" {
        let output: Vec<String> = execution.outputs.values().flatten().cloned().collect();
        let outputs = json!({"ExecutionId": child, "Status": execution.status, "Output": output});
        return Work::done(outputs, Some(json!(execution.outputs)));
    }
    // AWS: unverified wording.
    let why = execution.failure.clone().unwrap_or_default();
    work.fails(&format!("Automation {child} ended with status {}. {why}", execution.status))
}
