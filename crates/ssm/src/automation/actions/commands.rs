//! `aws:runCommand`.

use crate::automation::work::{Outcome, Work};
use cloudlet_runbook::types::{shown, texts};
use serde_json::{Map, Value, json};

const SAME: [&str; 12] = [
    "DocumentName",
    "DocumentVersion",
    "CloudWatchOutputConfig",
    "Comment",
    "DocumentHash",
    "DocumentHashType",
    "MaxConcurrency",
    "MaxErrors",
    "NotificationConfig",
    "OutputS3BucketName",
    "OutputS3KeyPrefix",
    "ServiceRoleArn",
];
/// AWS: of an output in a failure.
const SHOWN: usize = 2_500;

/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-runcommand.html>
pub async fn run(work: &Work<'_>) -> Outcome {
    if let Some(command) = work.memo("CommandId").and_then(Value::as_str) {
        return ended(work, command).await;
    }
    let mut input = Map::new();
    for name in SAME {
        input.extend(work.value(name).filter(|value| value.as_str() != Some("")).map(|value| (name.to_owned(), value.clone())));
    }
    let instances = work.texts("InstanceIds");
    if !instances.is_empty() {
        input.insert("InstanceIds".to_owned(), json!(instances));
    }
    input.extend(work.value("Targets").filter(|value| value.is_array()).map(|targets| ("Targets".to_owned(), targets.clone())));
    input.extend(work.number("TimeoutSeconds").map(|seconds| ("TimeoutSeconds".to_owned(), seconds.into())));
    input.extend(work.text("OutputS3Region").map(|region| ("OutputS3Region".to_owned(), region.into())));
    let parameters = match work.value("Parameters") {
        Some(Value::String(text)) => serde_json::from_str::<Value>(text).ok(),
        other => other.cloned(),
    };
    if let Some(Value::Object(parameters)) = parameters {
        // Run Command takes lists of texts.
        let lists: Map<String, Value> = parameters.iter().map(|(name, value)| (name.clone(), json!(texts(value)))).collect();
        input.insert("Parameters".to_owned(), Value::Object(lists));
    }
    match work.call("ssm", "SendCommand", &Value::Object(input)).await {
        Ok(answer) => {
            let command = answer.get("Command").and_then(|command| command.get("CommandId")).map(shown).unwrap_or_default();
            ended(work, &command).await
        }
        Err(problem) => work.refused(&problem),
    }
}

async fn ended(work: &Work<'_>, command: &str) -> Outcome {
    let listed = match work.call("ssm", "ListCommands", &json!({"CommandId": command})).await {
        Ok(listed) => listed,
        Err(problem) => return work.refused(&problem),
    };
    let status = listed.get("Commands").and_then(|commands| commands.get(0)?.get("Status")).map(shown).unwrap_or_default();
    if matches!(status.as_str(), "Pending" | "InProgress" | "Cancelling" | "") {
        return Outcome::Again(json!({"CommandId": command}));
    }
    let invocations = match work.call("ssm", "ListCommandInvocations", &json!({"CommandId": command, "Details": true})).await {
        Ok(answer) => answer.get("CommandInvocations").and_then(Value::as_array).cloned().unwrap_or_default(),
        Err(problem) => return work.refused(&problem),
    };
    let plugins: Vec<&Value> =
        invocations.iter().flat_map(|invocation| invocation.get("CommandPlugins").and_then(Value::as_array).into_iter().flatten()).collect();
    let code = plugins.iter().filter_map(|plugin| plugin.get("ResponseCode")?.as_i64()).find(|code| *code != 0).unwrap_or(0);
    let output: String = plugins.iter().filter_map(|plugin| plugin.get("Output")).map(shown).collect();
    let payload = json!({"Status": status, "ResponseCode": code, "Output": output, "CommandId": command});
    let outputs = json!({"CommandId": command, "Status": status, "ResponseCode": code.to_string(), "Output": output, "OutputPayload": payload});
    if status == "Success" {
        return Work::done(outputs.clone(), Some(outputs));
    }
    let short: String = output.chars().take(SHOWN).collect();
    // AWS: recorded.
    work.fails(&format!(
        "Command {command} returns unexpected invocation result: \n{{Status=[{status}], ResponseCode=[{code}], Output=[{short}], OutputPayload=[{payload}], CommandId=[{command}]}}"
    ))
}
