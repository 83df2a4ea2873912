//! LambdaInvoke: a function is asked for every object, and answers what became of it.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html>

use super::{csv::Row, manifest::Access, rules::refused};
use crate::api::LambdaInvokeOperation;
use bytes::Bytes;
use cloudlet_api_lambda::{InvocationRequest, InvocationResponse, Invoke};
use cloudlet_aws::{Arn, Fault, FaultKind};
use cloudlet_engine::Cx;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// How often an object is tried whose result is temporary. AWS: until the job ends; it does not say how often.
const ATTEMPTS: usize = 5;
/// Of a function's answer, that much is in the report.
const LONGEST_RESULT: usize = 1024;
const TEMPORARY: FaultKind = FaultKind::sender("TemporaryFailure", 200);
const PERMANENT: FaultKind = FaultKind::sender("PermanentFailure", 200);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Schema {
    /// Names the bucket by its ARN.
    First,
    /// Has the arguments of the job, and the name of the bucket.
    Second,
}

impl Schema {
    fn of(operation: &LambdaInvokeOperation) -> Option<Schema> {
        match operation.invocation_schema_version.as_deref() {
            None | Some("1.0") => Some(Schema::First),
            Some("2.0") => Some(Schema::Second),
            Some(_) => None,
        }
    }
}

/// AWS: unverified texts.
pub fn check(operation: &LambdaInvokeOperation) -> Result<(), Fault> {
    let arn = operation.function_arn.as_deref().and_then(Arn::parse);
    if !arn.is_some_and(|arn| arn.service() == "lambda" && arn.resource().starts_with("function:")) {
        return Err(refused("FunctionArn must be the ARN of a Lambda function."));
    }
    match Schema::of(operation) {
        None => Err(refused("InvocationSchemaVersion must be 1.0 or 2.0.")),
        Some(Schema::First) if operation.user_arguments.as_ref().is_some_and(|arguments| !arguments.is_empty()) => {
            Err(refused("UserArguments need the invocation schema version 2.0."))
        }
        Some(_) => Ok(()),
    }
}

/// Asks the function for one object, again while its result is temporary.
pub async fn invoke(cx: &Cx, access: &Access, job: &str, operation: &LambdaInvokeOperation, row: &Row) -> Result<String, Fault> {
    let name = operation.function_arn.clone().unwrap_or_default();
    let scope = Arn::parse(&name).and_then(|arn| arn.scope()).ok_or_else(|| Fault::internal("a function without an account"))?;
    let mut outcome = Err(Fault::internal("no attempt"));
    for _ in 0..ATTEMPTS {
        let (invocation, task) = (cx.ids().uuid(), cx.ids().uuid());
        let event = event(cx.scope.partition(), operation, job, &invocation, &task, row).to_string();
        let input = InvocationRequest {
            function_name: name.clone(),
            invocation_type: Some("RequestResponse".to_owned()),
            payload: Some(Bytes::from(event)),
            ..InvocationRequest::default()
        };
        outcome = match cx.call::<Invoke>(access.caller.clone(), scope.clone(), input).await {
            Ok(output) => result(&output, &task),
            Err(fault) => Err(fault),
        };
        let again = outcome
            .as_ref()
            .is_err_and(|fault| fault.code() == TEMPORARY.code || fault.status() == 429 || (fault.status() >= 500 && fault.status() != 501));
        if !again {
            break;
        }
    }
    outcome
}

/// What the function is told. The key is percent-encoded.
fn event(partition: &str, operation: &LambdaInvokeOperation, job: &str, invocation: &str, task: &str, row: &Row) -> Value {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');
    let key = utf8_percent_encode(&row.key, ESCAPED).to_string();
    match Schema::of(operation) {
        Some(Schema::Second) => json!({
            "invocationSchemaVersion": "2.0",
            "invocationId": invocation,
            "job": { "id": job, "userArguments": operation.user_arguments.clone().unwrap_or_default() },
            "tasks": [{ "taskId": task, "s3Key": key, "s3VersionId": row.version_id, "s3Bucket": row.bucket }],
        }),
        _ => {
            let bucket = Arn::build(partition, "s3", "", "", &row.bucket).to_string();
            json!({
                "invocationSchemaVersion": "1.0",
                "invocationId": invocation,
                "job": { "id": job },
                "tasks": [{ "taskId": task, "s3Key": key, "s3VersionId": row.version_id, "s3BucketArn": bucket }],
            })
        }
    }
}

/// What became of the task. A function that failed, or answered something else, fails its task for good.
fn result(output: &InvocationResponse, task: &str) -> Result<String, Fault> {
    let payload = output.payload.as_deref().unwrap_or_default();
    let short = |text: &str| text.chars().take(LONGEST_RESULT).collect::<String>();
    if output.function_error.is_some() {
        return Err(PERMANENT.says(format!("Lambda returned function error: {}", short(&String::from_utf8_lossy(payload)))));
    }
    let answer: Value = serde_json::from_slice(payload).map_err(|_| PERMANENT.says("The response of the Lambda function is not valid JSON."))?;
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let results = answer.get("results").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let found = results.iter().find(|result| text(result, "taskId") == task);
    let (code, said) = match found {
        Some(found) => (text(found, "resultCode"), short(&text(found, "resultString"))),
        None => (text(&answer, "treatMissingKeysAs"), "The response of the Lambda function has no result for the task.".to_owned()),
    };
    match code.as_str() {
        "Succeeded" => Ok(said),
        "TemporaryFailure" => Err(TEMPORARY.says(said)),
        _ => Err(PERMANENT.says(said)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(version: Option<&str>) -> LambdaInvokeOperation {
        LambdaInvokeOperation {
            function_arn: Some("arn:aws:lambda:us-east-1:000000000000:function:f".into()),
            invocation_schema_version: version.map(Into::into),
            user_arguments: (version == Some("2.0")).then(|| [("a".to_owned(), "b".to_owned())].into()),
        }
    }

    fn answered(payload: &str) -> Result<String, (String, String)> {
        let output = InvocationResponse { payload: Some(Bytes::from(payload.to_owned())), ..Default::default() };
        result(&output, "t").map_err(|fault| (fault.code().to_owned(), fault.message().to_owned()))
    }

    #[test]
    fn each_schema_has_its_event() {
        let row = Row { bucket: "b".into(), key: "a b/ü".into(), version_id: None };
        let first = event("aws", &operation(None), "j", "i", "t", &row);
        let second = event("aws", &operation(Some("2.0")), "j", "i", "t", &row);
        let task = |event: &Value| event.get("tasks").and_then(|tasks| tasks.get(0)).cloned().unwrap();
        assert_eq!(first.get("job"), Some(&json!({ "id": "j" })));
        assert_eq!(task(&first), json!({ "taskId": "t", "s3Key": "a%20b/%C3%BC", "s3VersionId": null, "s3BucketArn": "arn:aws:s3:::b" }));
        assert_eq!(second.get("job"), Some(&json!({ "id": "j", "userArguments": { "a": "b" } })));
        assert_eq!(task(&second), json!({ "taskId": "t", "s3Key": "a%20b/%C3%BC", "s3VersionId": null, "s3Bucket": "b" }));
    }

    #[test]
    fn a_function_says_what_became_of_its_task() {
        let of = |code: &str| format!(r#"{{"results":[{{"taskId":"t","resultCode":"{code}","resultString":"said"}}]}}"#);
        assert_eq!(answered(&of("Succeeded")), Ok("said".into()));
        assert_eq!(answered(&of("TemporaryFailure")), Err(("TemporaryFailure".into(), "said".into())));
        assert_eq!(answered(&of("PermanentFailure")), Err(("PermanentFailure".into(), "said".into())));
        assert_eq!(answered(&of("other")).unwrap_err().0, "PermanentFailure");
        assert!(answered(r#"{"treatMissingKeysAs":"Succeeded","results":[]}"#).is_ok());
        assert_eq!(answered(r#"{"treatMissingKeysAs":"TemporaryFailure"}"#).unwrap_err().0, "TemporaryFailure");
        for odd in ["", "null", "[]", "{}", r#"{"results":7}"#, r#"{"results":[7,{"taskId":7}]}"#] {
            assert_eq!(answered(odd).unwrap_err().0, "PermanentFailure", "{odd}");
        }
        let failed = InvocationResponse {
            function_error: Some("Unhandled".into()),
            payload: Some(Bytes::from_static(br#"{"errorMessage":"x"}"#)),
            ..Default::default()
        };
        assert_eq!(result(&failed, "t").unwrap_err().message(), r#"Lambda returned function error: {"errorMessage":"x"}"#);
    }

    #[test]
    fn arguments_need_the_second_schema() {
        assert!(check(&operation(None)).is_ok() && check(&operation(Some("1.0"))).is_ok() && check(&operation(Some("2.0"))).is_ok());
        assert!(check(&operation(Some("3.0"))).is_err());
        assert!(check(&LambdaInvokeOperation { invocation_schema_version: None, ..operation(Some("2.0")) }).is_err());
        assert!(check(&LambdaInvokeOperation { function_arn: Some("arn:aws:s3:::b".into()), ..operation(None) }).is_err());
    }
}
