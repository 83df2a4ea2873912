//! Mocks and tests of single states.

use super::*;
use crate::definition::{WorkflowType, read};
use serde_json::json;

fn definition() -> Definition {
    let text = json!({"StartAt": "T", "States": {
        "T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "InputPath": "$.in", "Parameters": {"FunctionName": "f", "Payload.$": "$"},
              "ResultSelector": {"n.$": "$.Payload"}, "ResultPath": "$.out", "Next": "M",
              "Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 2}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "W"}]},
        "M": {"Type": "Map", "ItemsPath": "$.list", "ItemSelector": {"v.$": "$$.Map.Item.Value"}, "Next": "W",
              "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": {"i.$": "$$.Map.Item.Index", "v.$": "$v"}, "End": true}}}},
        "W": {"Type": "Wait", "Seconds": 100, "End": true}}});
    read(&text.to_string(), WorkflowType::Standard, &|_| true).unwrap()
}

fn test(request: TestRequest) -> TestOutcome {
    let (machine, _) = Machine::test(&definition(), Execution::default(), request, 1, 0).unwrap();
    machine.test_outcome().unwrap()
}

fn of(state: &str, input: Value, mock: Option<TestMock>) -> TestRequest {
    TestRequest { state: Some(state.to_owned()), input, mock, ..TestRequest::default() }
}

#[test]
fn a_task_with_a_mock_shows_every_step() {
    let outcome = test(of("T", json!({"in": 5}), Some(TestMock::Result(json!({"Payload": 7})))));
    assert_eq!(
        (outcome.status, outcome.next.as_deref(), outcome.output),
        (TestStatus::Succeeded, Some("M"), Some(json!({"in": 5, "out": {"n": 7}})))
    );
    let expected = json!({"input": "{\"in\":5}", "afterInputPath": "5", "afterParameters": "{\"FunctionName\":\"f\",\"Payload\":5}", "result": "{\"Payload\":7}",
        "afterResultSelector": "{\"n\":7}", "afterResultPath": "{\"in\":5,\"out\":{\"n\":7}}"});
    assert_eq!(Value::Object(outcome.data), expected);
}

#[test]
fn errors_are_retried_caught_or_fail() {
    let failure = || Some(TestMock::Failure(Failure::new("E", "why")));
    let retried = test(TestRequest { retries: 1, ..of("T", json!({"in": 5}), failure()) });
    assert_eq!((retried.status, &retried.data["errorDetails"]), (TestStatus::Retriable, &json!({"retryIndex": 0, "retryBackoffIntervalSeconds": 4})));
    let caught = test(TestRequest { retries: 2, ..of("T", json!({"in": 5}), failure()) });
    assert_eq!((caught.status, caught.next.as_deref()), (TestStatus::CaughtError, Some("W")));
    assert_eq!((caught.output, &caught.data["errorDetails"]), (Some(json!({"Error": "E", "Cause": "why"})), &json!({"catchIndex": 0})));
    let failed = test(of("M", json!({"list": []}), failure()));
    assert_eq!((failed.status, failed.failure), (TestStatus::Failed, Some(Failure::new("E", "why"))));
}

#[test]
fn maps_nested_states_and_waits() {
    let map = test(of("M", json!({"list": [1, 2]}), Some(TestMock::Result(json!([3])))));
    assert_eq!((map.status, map.output), (TestStatus::Succeeded, Some(json!([3]))));
    assert_eq!(map.data["afterItemSelector"], json!("[{\"v\":1},{\"v\":2}]"));
    let variables = json!({"v": "x"}).as_object().unwrap().clone();
    let nested = test(TestRequest { variables: variables.clone(), ..of("P", json!({}), None) });
    assert_eq!((nested.output, nested.next), (Some(json!({"i": 0, "v": "x"})), None));
    let context = Some(json!({"Map": {"Item": {"Index": 9}}}));
    assert_eq!(test(TestRequest { variables, context, ..of("P", json!({}), None) }).output, Some(json!({"i": 9, "v": "x"})));
    assert_eq!(test(of("W", json!({"a": 1}), None)).output, Some(json!({"a": 1})));
    let refused = Machine::test(&definition(), Execution::default(), of("W", json!({}), Some(TestMock::Result(json!(1)))), 1, 0);
    assert_eq!(refused.unwrap_err(), "State type 'Wait' is not supported when a mock is specified");
}

#[test]
fn mocks_of_a_test_case_answer_by_attempt() {
    let file = json!({"StateMachines": {"S": {"TestCases": {"Happy": {"T": "Twice"}}}},
        "MockedResponses": {"Twice": {"0-1": {"Throw": {"Error": "E", "Cause": "c"}}, "2": {"Return": {"Payload": 1}}}}});
    let config = MockConfig::read(&file.to_string()).unwrap();
    assert_eq!(config.cases().collect::<Vec<_>>(), [("S", "Happy")]);
    let mut mocks = config.case("S", "Happy").unwrap();
    let definition = definition();
    let (mut machine, mut effects) = Machine::start(&definition, Execution::default(), "{\"in\": 1, \"list\": []}", 1, 0).unwrap();
    for _ in 0..20 {
        let event = effects.iter().find_map(|effect| match effect {
            Effect::Call(call) => mocks.answer(call),
            Effect::Timer { timer, .. } => Some(Event::Fired { timer: *timer }),
            _ => None,
        });
        let Some(event) = event else { break };
        effects = machine.step(&definition, event, 0);
    }
    assert_eq!(machine.status(), Status::Succeeded);
    for wrong in [
        json!({"StateMachines": {}, "MockedResponses": {"A": {"1": {"Return": 1}}}}),
        json!({"StateMachines": {}, "MockedResponses": {"A": {"0": {"Return": 1, "Throw": {}}}}}),
        json!({"StateMachines": {"S": {"TestCases": {"C": {"T": "None"}}}}, "MockedResponses": {}}),
    ] {
        assert!(MockConfig::read(&wrong.to_string()).is_err(), "{wrong}");
    }
}
