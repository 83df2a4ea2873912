//! Stacks of CloudFormation: `aws:createStack`, `aws:deleteStack`.

use crate::automation::work::{Outcome, Work};
use serde_json::{Map, Value, json};

const CLOUDFORMATION: &str = "cloudformation";

/// Where a stack is: it ends with one of these.
async fn reached(work: &Work<'_>, stack: &str, wanted: &str) -> Outcome {
    let answer = match work.call(CLOUDFORMATION, "DescribeStacks", &json!({"StackName": stack})).await {
        Ok(answer) => answer,
        Err(problem) => return work.refused(&problem),
    };
    let stack_of = |name: &str| answer.get("Stacks").and_then(|stacks| stacks.get(0)?.get(name)?.as_str().map(str::to_owned)).unwrap_or_default();
    let (id, status, reason) = (stack_of("StackId"), stack_of("StackStatus"), stack_of("StackStatusReason"));
    if status == wanted {
        return Work::done(json!({"StackId": id, "StackStatus": status, "StackStatusReason": reason}), None);
    }
    if status.ends_with("_IN_PROGRESS") {
        return Outcome::Again(json!({"StackId": stack}));
    }
    work.fails(&format!("Stack {stack} entered unexpected state: {status}. {reason}"))
}

pub async fn create(work: &Work<'_>) -> Outcome {
    if let Some(stack) = work.memo("StackId").and_then(Value::as_str) {
        return reached(work, stack, "CREATE_COMPLETE").await;
    }
    let mut input: Map<String, Value> = work.task.inputs.clone();
    if let Some(body) = work.value("TemplateBody").filter(|body| body.is_object()) {
        input.insert("TemplateBody".to_owned(), body.to_string().into());
    }
    match work.call(CLOUDFORMATION, "CreateStack", &Value::Object(input)).await {
        Ok(answer) => reached(work, answer.get("StackId").and_then(Value::as_str).unwrap_or_default(), "CREATE_COMPLETE").await,
        Err(problem) => work.refused(&problem),
    }
}

pub async fn delete(work: &Work<'_>) -> Outcome {
    let stack = work.text("StackName").unwrap_or_default();
    if work.task.memo.is_none()
        && let Err(problem) = work.call(CLOUDFORMATION, "DeleteStack", &Value::Object(work.task.inputs.clone())).await
    {
        return work.refused(&problem);
    }
    reached(work, &stack, "DELETE_COMPLETE").await
}
