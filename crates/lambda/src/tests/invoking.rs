use super::fixture::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_lambda::*;
use cloudlet_aws::Fault;
use cloudlet_testing::{TestCloud, service};
use serde_json::{Value, json};
use std::sync::{Arc, atomic::Ordering};

fn payload(answer: &InvocationResponse) -> Value {
    serde_json::from_slice(answer.payload.as_ref().unwrap()).unwrap()
}

#[tokio::test]
async fn a_function_answers() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(running("echo")).await;
    let answer = cloud.ok::<Invoke>(InvocationRequest { log_type: Some("Tail".into()), ..invoke("f", r#"{"a":1}"#) }).await;
    assert_eq!((payload(&answer), answer.status_code, &answer.function_error), (json!({"a": 1}), Some(200), &None));
    assert_eq!(answer.executed_version.as_deref(), Some("$LATEST"));
    let log = String::from_utf8(STANDARD.decode(answer.log_result.unwrap()).unwrap()).unwrap();
    let lines: Vec<&str> = log.lines().map(|line| line.split('\t').next().unwrap()).collect();
    let expected = ["START RequestId: REQUEST Version: $LATEST", "a line", "END RequestId: REQUEST", "REPORT RequestId: REQUEST"];
    assert_eq!(lines, expected);
    let empty = cloud.ok::<Invoke>(InvocationRequest { payload: None, ..invoke("f", "") }).await;
    assert_eq!(payload(&empty), json!({}));
}

/// How often lines were sent to CloudWatch Logs, which this cloud has not.
fn writes(cloud: &TestCloud) -> usize {
    cloud.calls().iter().filter(|call| call.operation == "PutLogEvents").count()
}

#[tokio::test]
async fn an_answer_does_not_wait_for_what_follows_it() {
    let machine = Arc::<Machine>::default();
    let cloud = builder_on(machine.clone()).build();
    cloud.ok::<CreateFunction>(running("lingers")).await;
    cloud.ok::<PutFunctionConcurrency>(reserve(1)).await;
    for number in 0..4 {
        // The one before has answered, and its environment is not ready: this one waits for it, and is not throttled.
        let request = invoke("f", &number.to_string());
        let call = cloud.ok::<Invoke>(request);
        let goes_on = async {
            tokio::task::yield_now().await;
            machine.goes_on.add_permits(usize::from(number > 0));
        };
        let (answer, ()) = tokio::join!(call, goes_on);
        assert_eq!((payload(&answer), writes(&cloud)), (json!(number), number));
    }
    machine.goes_on.add_permits(1);
    while writes(&cloud) < 4 {
        tokio::task::yield_now().await;
    }
    assert_eq!(machine.started.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_log_has_what_is_written_after_the_answer() {
    let machine = Arc::<Machine>::default();
    let cloud = builder_on(machine.clone()).build();
    cloud.ok::<CreateFunction>(running("lingers")).await;
    machine.goes_on.add_permits(1);
    let answer = cloud.ok::<Invoke>(InvocationRequest { log_type: Some("Tail".into()), ..invoke("f", "1") }).await;
    let log = String::from_utf8(STANDARD.decode(answer.log_result.unwrap()).unwrap()).unwrap();
    assert!(log.contains("a line\na late line\nEND RequestId"), "{log}");
    assert_eq!(writes(&cloud), 1);
}

#[tokio::test]
async fn an_environment_of_a_deleted_function_is_not_used_again() {
    let machine = Arc::<Machine>::default();
    let cloud = builder_on(machine.clone()).build();
    for started in 1..3 {
        cloud.ok::<CreateFunction>(running("lingers")).await;
        cloud.ok::<Invoke>(invoke("f", "1")).await;
        cloud.ok::<DeleteFunction>(DeleteFunctionRequest { function_name: "f".into(), ..DeleteFunctionRequest::default() }).await;
        machine.goes_on.add_permits(1);
        while writes(&cloud) < started {
            tokio::task::yield_now().await;
        }
        assert_eq!(machine.started.load(Ordering::Relaxed), started);
    }
}

#[tokio::test]
async fn failures_are_told_as_aws_tells_them() {
    for (code, expected) in [
        ("fail", json!({"errorType": "E", "errorMessage": "no"})),
        ("bad start", json!({"errorType": "Start", "errorMessage": "no", "stackTrace": []})),
        ("exit", json!({"errorType": "Runtime.ExitError", "errorMessage": "RequestId: REQUEST Error: Runtime exited with error: exit status 3"})),
    ] {
        let cloud = cloud();
        cloud.ok::<CreateFunction>(running(code)).await;
        let answer = cloud.ok::<Invoke>(invoke("f", "1")).await;
        assert_eq!((payload(&answer), answer.function_error.as_deref(), answer.status_code), (expected, Some("Unhandled"), Some(200)));
    }
}

#[tokio::test]
async fn what_cannot_be_run_is_refused() {
    let cloud = cloud();
    let fault = cloud.expect_fault::<Invoke>(invoke("f", "1")).await;
    assert_eq!(fault.message(), format!("Function not found: {FUNCTION}:$LATEST"));
    cloud.ok::<CreateFunction>(running("echo")).await;
    let fault = cloud.expect_fault::<Invoke>(invoke("f", "no json")).await;
    assert_eq!(fault.name(), "InvalidRequestContentException");
    cloud.ok::<PutFunctionConcurrency>(PutFunctionConcurrencyRequest { function_name: "f".into(), reserved_concurrent_executions: 0 }).await;
    let fault = cloud.expect_fault::<Invoke>(invoke("f", "1")).await;
    let reason = ("Reason", "ReservedFunctionConcurrentInvocationLimitExceeded".to_owned());
    assert_eq!((fault.name(), fault.message(), fault.members().contains(&reason)), ("TooManyRequestsException", "Rate Exceeded.", true));
}

async fn as_topic(cloud: &TestCloud, topic: &str) -> Result<InvocationResponse, Fault> {
    cloud.call_as::<Invoke>(service("sns.amazonaws.com", topic), invoke(FUNCTION, "1")).await
}

#[tokio::test]
async fn a_service_needs_the_functions_policy() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(running("echo")).await;
    let (topic, other) = ("arn:aws:sns:us-east-1:000000000000:t", "arn:aws:sns:us-east-1:000000000000:other");
    assert_eq!(as_topic(&cloud, topic).await.unwrap_err().name(), "AccessDeniedException");
    let allow = AddPermissionRequest { source_arn: Some(topic.into()), ..permission("f", "sns", "sns.amazonaws.com") };
    cloud.ok::<AddPermission>(allow).await;
    as_topic(&cloud, topic).await.unwrap();
    assert_eq!(as_topic(&cloud, other).await.unwrap_err().name(), "AccessDeniedException");
}

#[tokio::test]
async fn an_event_is_tried_three_times_and_then_told_and_dead_lettered() {
    let sqs = Arc::new(Sqs::default());
    let cloud = with_sqs(&sqs);
    let dead = Some(DeadLetterConfig { target_arn: Some("arn:aws:sqs:us-east-1:000000000000:dead".into()) });
    cloud.ok::<CreateFunction>(CreateFunctionRequest { dead_letter_config: dead, ..running("fail") }).await;
    let to = "arn:aws:sqs:us-east-1:000000000000:failures";
    let config = DestinationConfig { on_failure: Some(OnFailure { destination: Some(to.into()) }), on_success: None };
    let put = PutFunctionEventInvokeConfigRequest { function_name: "f".into(), destination_config: Some(config), ..Default::default() };
    cloud.ok::<PutFunctionEventInvokeConfig>(put).await;
    let answer = cloud.ok::<Invoke>(event("f", r#"{"a":1}"#)).await;
    assert_eq!((answer.status_code, answer.payload), (Some(202), None));
    cloud.settle().await;
    cloud.pass(59).await;
    cloud.pass(1).await;
    assert!(sqs.sent.lock().is_empty());
    cloud.pass(119).await;
    assert!(sqs.sent.lock().is_empty());
    cloud.pass(1).await;
    let sent = std::mem::take(&mut *sqs.sent.lock());
    assert_eq!(sent.iter().map(|sent| sent.queue_url.rsplit('/').next().unwrap()).collect::<Vec<_>>(), ["failures", "dead"]);
    let record: Value = serde_json::from_str(&sent[0].message_body).unwrap();
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(record["requestContext"]["functionArn"], format!("{FUNCTION}:$LATEST"));
    assert_eq!((&record["requestPayload"], &record["responsePayload"]["errorMessage"]), (&json!({"a": 1}), &json!("no")));
    assert_eq!(sent[1].message_body, r#"{"a":1}"#);
    let attributes = sent[1].message_attributes.as_ref().unwrap();
    assert_eq!(attributes["ErrorCode"].string_value.as_deref(), Some("200"));
    cloud.pass(100_000).await;
    assert!(sqs.sent.lock().is_empty(), "it is over");
}

#[tokio::test]
async fn an_event_that_is_throttled_waits_until_it_is_too_old() {
    let sqs = Arc::new(Sqs::default());
    let cloud = with_sqs(&sqs);
    cloud.ok::<CreateFunction>(running("echo")).await;
    let to = "arn:aws:sqs:us-east-1:000000000000:outcomes";
    let destination = |to: &str| Some(to.to_owned());
    let config = DestinationConfig {
        on_failure: Some(OnFailure { destination: destination(to) }),
        on_success: Some(OnSuccess { destination: destination(to) }),
    };
    let put = PutFunctionEventInvokeConfigRequest {
        function_name: "f".into(),
        destination_config: Some(config),
        maximum_event_age_in_seconds: Some(600),
        ..Default::default()
    };
    cloud.ok::<PutFunctionEventInvokeConfig>(put).await;
    // All that is reserved is kept for a version: nothing is left for the function itself.
    cloud.ok::<PublishVersion>(publish("f")).await;
    cloud.ok::<PutFunctionConcurrency>(reserve(1)).await;
    cloud.ok::<PutProvisionedConcurrencyConfig>(provision("1", 1)).await;
    cloud.settle().await;
    cloud.ok::<Invoke>(event("f", "1")).await;
    for _ in 0..10 {
        cloud.pass(30).await;
    }
    assert!(sqs.sent.lock().is_empty());
    for _ in 0..20 {
        cloud.pass(30).await;
    }
    let sent = std::mem::take(&mut *sqs.sent.lock());
    let record: Value = serde_json::from_str(&sent[0].message_body).unwrap();
    assert_eq!((sent.len(), &record["requestContext"]["condition"]), (1, &json!("EventAgeExceeded")));
}

#[tokio::test]
async fn waiting_events_survive_a_restart() {
    let cloud = builder().journaled().build();
    cloud.ok::<CreateFunction>(running("fail")).await;
    cloud.ok::<Invoke>(event("f", "1")).await;
    cloud.settle().await;
    let again = cloud.restart();
    again.pass(60).await;
    let runs = again.calls().iter().filter(|call| call.operation == "RunEvent").count();
    assert_eq!(runs, 1);
}

fn reserve(reserved: i32) -> PutFunctionConcurrencyRequest {
    PutFunctionConcurrencyRequest { function_name: "f".into(), reserved_concurrent_executions: reserved }
}

fn provision(qualifier: &str, count: i32) -> PutProvisionedConcurrencyConfigRequest {
    PutProvisionedConcurrencyConfigRequest { function_name: "f".into(), qualifier: qualifier.into(), provisioned_concurrent_executions: count }
}

#[tokio::test]
async fn a_function_that_nothing_may_run_has_no_events_that_wait() {
    let sqs = Arc::new(Sqs::default());
    let cloud = with_sqs(&sqs);
    cloud.ok::<CreateFunction>(running("echo")).await;
    let destination = Some("arn:aws:sqs:us-east-1:000000000000:outcomes".to_owned());
    let config = DestinationConfig { on_failure: Some(OnFailure { destination }), on_success: None };
    let put = PutFunctionEventInvokeConfigRequest { function_name: "f".into(), destination_config: Some(config), ..Default::default() };
    cloud.ok::<PutFunctionEventInvokeConfig>(put).await;
    cloud.ok::<PutFunctionConcurrency>(reserve(0)).await;
    cloud.ok::<Invoke>(event("f", "1")).await;
    cloud.settle().await;
    let sent = std::mem::take(&mut *sqs.sent.lock());
    let record: Value = serde_json::from_str(&sent[0].message_body).unwrap();
    assert_eq!((sent.len(), &record["requestContext"]["condition"]), (1, &json!("ZeroReservedConcurrency")));
}

#[tokio::test]
async fn concurrency_is_provisioned_for_a_version_or_an_alias() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(running("echo")).await;
    cloud.ok::<PublishVersion>(publish("f")).await;
    cloud.ok::<CreateAlias>(alias("f", "live", "1")).await;
    let said = cloud.expect_fault::<PutProvisionedConcurrencyConfig>(provision("$LATEST", 1)).await;
    assert!(said.message().contains("unpublished"), "{said}");
    assert_eq!(cloud.expect_fault::<PutProvisionedConcurrencyConfig>(provision("9", 1)).await.status(), 404);
    for (count, why) in [(1_001, "greater than account's unreserved concurrency [1000]"), (901, "minimum value of [100]")] {
        let said = cloud.expect_fault::<PutProvisionedConcurrencyConfig>(provision("live", count)).await;
        assert!(said.message().contains(why), "{said}");
    }
    let put = cloud.ok::<PutProvisionedConcurrencyConfig>(provision("live", 2)).await;
    assert_eq!((put.status.as_deref(), put.allocated_provisioned_concurrent_executions), (Some("IN_PROGRESS"), Some(0)));
    cloud.settle().await;
    let get = |qualifier: &str| GetProvisionedConcurrencyConfigRequest { function_name: "f".into(), qualifier: qualifier.into() };
    let found = cloud.ok::<GetProvisionedConcurrencyConfig>(get("live")).await;
    assert_eq!((found.status.as_deref(), found.allocated_provisioned_concurrent_executions), (Some("READY"), Some(2)));
    let said = cloud.expect_fault::<PutProvisionedConcurrencyConfig>(provision("1", 1)).await;
    assert_eq!(said.message(), "Version is pointed by a Provisioned Concurrency alias");
    let said = cloud.expect_fault::<PutFunctionConcurrency>(reserve(1)).await;
    assert!(said.message().contains("total provisioned concurrency [2]"), "{said}");
    let settings = cloud.ok::<GetAccountSettings>(GetAccountSettingsRequest {}).await;
    assert_eq!(settings.account_limit.unwrap().unreserved_concurrent_executions, Some(998));
    let delete = DeleteProvisionedConcurrencyConfigRequest { function_name: "f".into(), qualifier: "live".into() };
    cloud.ok::<DeleteProvisionedConcurrencyConfig>(delete).await;
    let said = cloud.expect_fault::<GetProvisionedConcurrencyConfig>(get("live")).await;
    assert_eq!(said.name(), "ProvisionedConcurrencyConfigNotFoundException");
}

#[tokio::test]
async fn code_that_fails_at_its_start_is_not_provisioned() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(running("bad start")).await;
    cloud.ok::<PublishVersion>(publish("f")).await;
    cloud.ok::<PutProvisionedConcurrencyConfig>(provision("1", 1)).await;
    cloud.settle().await;
    let get = GetProvisionedConcurrencyConfigRequest { function_name: "f".into(), qualifier: "1".into() };
    let found = cloud.ok::<GetProvisionedConcurrencyConfig>(get).await;
    assert_eq!((found.status.as_deref(), found.status_reason.as_deref()), (Some("FAILED"), Some("FUNCTION_ERROR_INIT_FAILURE")));
}

#[tokio::test]
async fn what_a_caller_says_of_itself_is_a_document() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(running("echo")).await;
    let with = |context: &str| InvocationRequest { client_context: Some(STANDARD.encode(context)), ..invoke("f", "1") };
    cloud.ok::<Invoke>(with("{\n  \"custom\": {\"a\": \"b\"}\n}")).await;
    for refused in [with("[]"), with("no json"), InvocationRequest { client_context: Some("?".into()), ..invoke("f", "1") }] {
        let fault = cloud.expect_fault::<Invoke>(refused).await;
        assert_eq!(said(&fault), ("InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object."));
    }
    let long = json!({ "custom": { "a": "b".repeat(2_700) } }).to_string();
    assert_eq!(cloud.expect_fault::<Invoke>(with(&long)).await.name(), "InvalidRequestContentException");
}

#[tokio::test]
async fn a_bucket_takes_failures_alone() {
    let cloud = builder().mode(cloudlet_cloud::Mode::Soft).build();
    cloud.ok::<CreateFunction>(python("f")).await;
    let destination = || Some("arn:aws:s3:::b".to_owned());
    let put = |config| PutFunctionEventInvokeConfigRequest { function_name: "f".into(), destination_config: Some(config), ..Default::default() };
    let failures = DestinationConfig { on_failure: Some(OnFailure { destination: destination() }), on_success: None };
    cloud.ok::<PutFunctionEventInvokeConfig>(put(failures)).await;
    let successes = DestinationConfig { on_success: Some(OnSuccess { destination: destination() }), on_failure: None };
    let text = "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:s3:::b), onFailure=null) is invalid.";
    assert_eq!(cloud.expect_fault::<PutFunctionEventInvokeConfig>(put(successes)).await.message(), text);
}
