//! Tasks: mocks in their place, and executions that they wait for.

use super::fixture::*;
use crate::MockConfig;
use cloudlet_api_states::*;
use std::sync::Arc;

#[tokio::test]
async fn a_test_case_answers_in_place_of_the_services() {
    let file = json!({"StateMachines": {"m": {"TestCases": {"Happy": {"First": "Mock"}}}},
        "MockedResponses": {"Mock": {"0": {"Throw": {"Error": "E", "Cause": "c"}}, "1": {"Return": {"x": 1}}}}});
    let sts = Arc::default();
    let cloud = builder(&sts, Some(MockConfig::read(&file.to_string()).unwrap())).build();
    let task = json!({"First": {"Type": "Task", "Resource": ECHO, "Parameters": {"EncodedMessage": "hello"}, "End": true,
        "Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 60}]}});
    let machine = create(&cloud, "m", "STANDARD", task).await;
    let mocked = start(&cloud, &format!("{machine}#Happy"), json!({})).await;
    let real = start(&cloud, &machine, json!({})).await;
    assert_eq!(output(&cloud, &real).await, json!({"DecodedMessage": "hello"}));
    // The attempts go on being counted after a restart.
    let again = cloud.restart();
    again.pass(60).await;
    assert_eq!(output(&again, &mocked).await, json!({"x": 1}));
    assert_eq!(sts.sent.lock().unwrap().len(), 1);
    let absent = StartExecutionInput { state_machine_arn: format!("{machine}#Sad"), ..Default::default() };
    assert_eq!(again.expect_fault::<StartExecution>(absent).await.code(), "ValidationException");
}

#[tokio::test]
async fn a_synchronous_execution_of_a_task_waits_with_the_stopped_clock() {
    let Fixture { cloud, .. } = fixture();
    let child = create(&cloud, "child", "EXPRESS", json!({"First": {"Type": "Wait", "Seconds": 60, "End": true}})).await;
    let task = json!({"First": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:startSyncExecution",
        "Parameters": {"StateMachineArn": child, "Input": "{\"a\": 1}"}, "ResultSelector": {"s.$": "$.Status", "o.$": "$.Output"}, "End": true}});
    let parent = create(&cloud, "parent", "STANDARD", task).await;
    let arn = start(&cloud, &parent, json!({})).await;
    assert_eq!(describe(&cloud, &arn).await.status, "RUNNING");
    cloud.pass(60).await;
    assert_eq!(output(&cloud, &arn).await, json!({"s": "SUCCEEDED", "o": "{\"a\": 1}"}));
}

#[tokio::test]
async fn express_executions_end_after_five_minutes() {
    let Fixture { cloud, .. } = fixture();
    let states = json!({"First": {"Type": "Wait", "Seconds": 600, "End": true}});
    let child = create(&cloud, "child", "EXPRESS", states).await;
    let task = json!({"First": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:startSyncExecution",
        "Parameters": {"StateMachineArn": child}, "ResultSelector": {"s.$": "$.Status"}, "End": true}});
    let parent = create(&cloud, "parent", "STANDARD", task).await;
    let arn = start(&cloud, &parent, json!({})).await;
    cloud.pass(301).await;
    assert_eq!(output(&cloud, &arn).await, json!({"s": "TIMED_OUT"}));
}

#[tokio::test]
async fn what_is_not_built_is_taken_and_fails_when_it_is_called() {
    let Fixture { cloud, .. } = fixture();
    for resource in ["aws-sdk:ec2:createSnapshot", "aws-sdk:dynamodb:query", "dynamodb:getItem", "sagemaker:createModel"] {
        let parameters = json!({"TableName": "t", "Key": {}, "ModelName": "m"});
        let fields = if resource == "dynamodb:getItem" { json!({"TableName": "t", "Key": {}}) } else { parameters };
        let task = json!({"First": {"Type": "Task", "Resource": format!("arn:aws:states:::{resource}"), "Parameters": fields, "End": true}});
        let machine = create(&cloud, "m", "STANDARD", task).await;
        let arn = start(&cloud, &machine, json!({})).await;
        let cause = describe(&cloud, &arn).await.cause.unwrap();
        assert!(cause.starts_with("Cloudlet does not implement"), "{resource}: {cause}");
        cloud.ok::<DeleteStateMachine>(DeleteStateMachineInput { state_machine_arn: machine }).await;
        cloud.pass(120).await;
    }
}
