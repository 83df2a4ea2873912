//! TestState.

use super::fixture::*;
use cloudlet_api_states::*;
use cloudlet_aws::Fault;

fn test(definition: Value, input: Value) -> TestStateInput {
    TestStateInput {
        definition: definition.to_string(),
        input: Some(input.to_string()),
        inspection_level: Some("DEBUG".into()),
        ..Default::default()
    }
}

fn mock(result: Value) -> Option<MockInput> {
    Some(MockInput { result: Some(result.to_string()), ..Default::default() })
}

fn said(fault: &Fault) -> (&str, &str) {
    (fault.code(), fault.message())
}

#[tokio::test]
async fn a_state_by_itself_shows_what_it_makes_of_its_input() {
    let Fixture { cloud, .. } = fixture();
    let pass = json!({"Type": "Pass", "InputPath": "$.a", "Parameters": {"b.$": "$.x"}, "ResultPath": "$.r", "Next": "Elsewhere"});
    let tested = cloud.ok::<TestState>(test(pass, json!({"a": {"x": 1}}))).await;
    assert_eq!((tested.status.as_deref(), tested.next_state.as_deref()), (Some("SUCCEEDED"), Some("Elsewhere")));
    assert_eq!(tested.output.as_deref(), Some(r#"{"a":{"x":1},"r":{"b":1}}"#));
    let data = tested.inspection_data.unwrap();
    assert_eq!((data.after_input_path.as_deref(), data.after_parameters.as_deref(), data.result), (Some(r#"{"x":1}"#), Some(r#"{"b":1}"#), None));
    let wrong = json!({"Type": "Parallel", "Branches": [], "End": true});
    let fault = cloud.expect_fault::<TestState>(test(wrong, json!({}))).await;
    assert_eq!(fault.message(), "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/StateName/Branches'");
}

#[tokio::test]
async fn a_task_calls_its_service_under_the_role() {
    let Fixture { cloud, .. } = fixture();
    let task = json!({"Type": "Task", "Resource": ECHO, "Parameters": {"EncodedMessage": "hi"}, "End": true});
    let fault = cloud.expect_fault::<TestState>(test(task.clone(), json!({}))).await;
    assert_eq!(said(&fault), ("ValidationException", "RoleArn must be specified when testing a Task state"));
    let tested = cloud.ok::<TestState>(TestStateInput { role_arn: Some(ROLE.into()), ..test(task, json!({})) }).await;
    assert_eq!(tested.output.as_deref(), Some(r#"{"DecodedMessage":"hi"}"#));
    let task = json!({"Type": "Task", "Resource": FAILS, "Parameters": {}, "End": true,
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "BackoffRate": 2.0}]});
    let configuration = TestStateConfiguration { retrier_retry_count: Some(1), ..Default::default() };
    let input = TestStateInput { role_arn: Some(ROLE.into()), state_configuration: Some(configuration), ..test(task, json!({})) };
    let tested = cloud.ok::<TestState>(input).await;
    assert_eq!(tested.status.as_deref(), Some("RETRIABLE"));
    let details = tested.inspection_data.unwrap().error_details.unwrap();
    assert_eq!((details.retry_index, details.retry_backoff_interval_seconds), (Some(0), Some(4)));
}

#[tokio::test]
async fn mocks_have_the_shape_of_what_they_stand_for() {
    let Fixture { cloud, .. } = fixture();
    let task = json!({"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "Parameters": {"StateMachineArn": "x"}, "End": true});
    let with = |result: Value, mode: Option<&str>| {
        let mock = MockInput { result: Some(result.to_string()), field_validation_mode: mode.map(str::to_owned), ..Default::default() };
        TestStateInput { mock: Some(mock), ..test(task.clone(), json!({})) }
    };
    let fault = cloud.expect_fault::<TestState>(with(json!({}), None)).await;
    assert_eq!(said(&fault), ("ValidationException", "Mock result schema validation error: Required field 'ExecutionArn' is missing"));
    let fault = cloud.expect_fault::<TestState>(with(json!({"ExecutionArn": 5}), Some("PRESENT"))).await;
    assert_eq!(fault.message(), "Mock result schema validation error: Field 'ExecutionArn' must be a string");
    cloud.ok::<TestState>(with(json!({"anything": 1}), Some("PRESENT"))).await;
    cloud.ok::<TestState>(with(json!({"ExecutionArn": 5}), Some("NONE"))).await;
    let put = json!({"Type": "Task", "Resource": "arn:aws:states:::events:putEvents", "Parameters": {"Entries": []}, "End": true});
    let input = TestStateInput { mock: mock(json!({"Entries": [{"EventId": 1}]})), ..test(put, json!({})) };
    let fault = cloud.expect_fault::<TestState>(input).await;
    assert_eq!(fault.message(), "Mock result schema validation error: Field 'EventId' must be a string");
}

#[tokio::test]
async fn what_cannot_be_tested_is_refused() {
    let Fixture { cloud, .. } = fixture();
    let map = json!({"Type": "Map", "ItemsPath": "$.v", "End": true, "ToleratedFailureCount": 1,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}});
    let fault = cloud.expect_fault::<TestState>(test(map.clone(), json!({"v": [1]}))).await;
    assert_eq!(fault.code(), "InvalidDefinition");
    let failures = |count: i32, result: Value| {
        let configuration = TestStateConfiguration { map_iteration_failure_count: Some(count), ..Default::default() };
        TestStateInput { mock: mock(result), state_configuration: Some(configuration), ..test(map.clone(), json!({"v": [1, 2, 3]})) }
    };
    let fault = cloud.expect_fault::<TestState>(failures(4, json!([1, 1, 1]))).await;
    assert_eq!(fault.message(), "Map iteration failure count must be less than or equal to the number of Map iterations");
    let tested = cloud.ok::<TestState>(failures(2, json!([0, 0, 1]))).await;
    assert_eq!(tested.error.as_deref(), Some("States.ExceedToleratedFailureThreshold"));
    assert_eq!(tested.inspection_data.unwrap().after_items_path.as_deref(), Some("[1,2,3]"));
    let pass = TestStateInput { mock: mock(json!(1)), ..test(json!({"Type": "Pass", "End": true}), json!({})) };
    assert_eq!(cloud.expect_fault::<TestState>(pass).await.message(), "State type 'Pass' is not supported when a mock is specified");
    let machine = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    let named = |name: &str| TestStateInput { state_name: Some(name.into()), ..test(machine.clone(), json!({"a": 1})) };
    assert_eq!(cloud.expect_fault::<TestState>(named("Q")).await.message(), "State not found in definition");
    assert_eq!(cloud.ok::<TestState>(named("P")).await.output.as_deref(), Some("{\"a\":1}"));
    let task = json!({"Type": "Task", "Resource": ECHO, "Parameters": {"EncodedMessage.$": "$$.Execution.Name"}, "End": true});
    let context = |context: Value| TestStateInput { mock: mock(json!({})), context: Some(context.to_string()), ..test(task.clone(), json!({})) };
    let tested = cloud.ok::<TestState>(context(json!({"Execution": {"Name": "n"}}))).await;
    assert_eq!(tested.inspection_data.unwrap().after_parameters.as_deref(), Some(r#"{"EncodedMessage":"n"}"#));
    let fault = cloud.expect_fault::<TestState>(context(json!({"Task": {"Token": "t"}}))).await;
    assert_eq!(
        fault.message(),
        "Invalid Context object provided: Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern"
    );
}
