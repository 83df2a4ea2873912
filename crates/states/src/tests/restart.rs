//! An execution that a crash interrupts goes on where it was, in every kind of state.

use super::fixture::*;
use cloudlet_api_states::*;

const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:work";

fn wait(next: Value) -> Value {
    let mut wait = json!({"Type": "Wait", "Seconds": 100});
    wait.as_object_mut().unwrap().extend(next.as_object().unwrap().clone());
    wait
}

fn scope() -> Value {
    json!({"StartAt": "Inner", "States": {"Inner": wait(json!({"End": true}))}})
}

fn distributed() -> Value {
    let mut scope = scope();
    scope["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
    json!({"First": {"Type": "Map", "ItemProcessor": scope, "MaxConcurrency": 2, "End": true}})
}

/// What each machine does, and its output for `[1, 2, 3]`.
fn machines() -> Vec<(&'static str, Value, Value)> {
    let items = json!([1, 2, 3]);
    let callback = json!({"Type": "Task", "Resource": format!("{ECHO}.waitForTaskToken"), "Parameters": {"EncodedMessage.$": "$$.Task.Token"},
        "HeartbeatSeconds": 5000, "End": true});
    let retry = json!({"Type": "Task", "Resource": FAILS, "Parameters": {}, "End": true,
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 30, "MaxAttempts": 2}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Caught"}]});
    let child = json!({"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "ResultSelector": {"o.$": "$.Output"},
        "Parameters": {"StateMachineArn": machine_arn("child"), "Input": {"a": 1}}, "End": true});
    vec![
        ("wait", json!({"First": wait(json!({"Next": "Last"})), "Last": {"Type": "Succeed"}}), items.clone()),
        ("map", json!({"First": {"Type": "Map", "ItemProcessor": scope(), "MaxConcurrency": 2, "End": true}}), items.clone()),
        ("parallel", json!({"First": {"Type": "Parallel", "Branches": [scope()], "End": true}}), json!([items])),
        ("callback", json!({"First": callback}), json!("done")),
        ("activity", json!({"First": {"Type": "Task", "Resource": ACTIVITY, "End": true}}), json!("done")),
        ("retry", json!({"First": retry, "Caught": {"Type": "Pass", "End": true}}), items.clone()),
        ("distributed", distributed(), items),
        ("sync", json!({"First": child}), json!({"o": {"a": 1}})),
    ]
}

/// Lets time pass and answers what is asked, until the execution is over.
async fn finish(cloud: &TestCloud, arn: &str, token: Option<String>) {
    if let Some(token) = token {
        cloud.ok::<SendTaskSuccess>(SendTaskSuccessInput { task_token: token, output: "\"done\"".into() }).await;
    }
    for _ in 0..10 {
        cloud.pass(200).await;
        if describe(cloud, arn).await.status != "RUNNING" {
            return;
        }
    }
}

#[tokio::test]
async fn executions_go_on_after_a_crash_in_every_kind_of_state() {
    for (name, states, expected) in machines() {
        let Fixture { cloud, sts } = fixture();
        cloud.ok::<CreateActivity>(CreateActivityInput { name: "work".into(), ..Default::default() }).await;
        create(&cloud, "child", "STANDARD", json!({"First": wait(json!({"End": true}))})).await;
        let machine = create(&cloud, name, "STANDARD", states).await;
        let arn = start(&cloud, &machine, json!([1, 2, 3])).await;
        assert_eq!(describe(&cloud, &arn).await.status, "RUNNING", "{name}");
        let again = cloud.restart();
        assert_eq!(format!("{:?}", again.state()), format!("{:?}", cloud.state()), "{name}");
        for cloud in [&cloud, &again] {
            let mut token = sts.sent.lock().unwrap().first().cloned();
            if name == "activity" {
                let poll = GetActivityTaskInput { activity_arn: ACTIVITY.into(), worker_name: None };
                token = cloud.ok::<GetActivityTask>(poll).await.task_token;
            }
            finish(cloud, &arn, token).await;
            assert_eq!(output(cloud, &arn).await, expected, "{name}");
        }
        assert_eq!(kinds(&cloud, &arn).await, kinds(&again, &arn).await, "{name}");
    }
}

#[tokio::test]
async fn a_crash_between_two_attempts_or_after_the_end_changes_nothing() {
    let Fixture { mut cloud, .. } = fixture();
    let (name, states, expected) = machines().swap_remove(5);
    let machine = create(&cloud, name, "STANDARD", states).await;
    let arn = start(&cloud, &machine, json!([1, 2, 3])).await;
    for _ in 0..4 {
        cloud = cloud.restart();
        cloud.pass(40).await;
    }
    assert_eq!(output(&cloud, &arn).await, expected);
    let failures = kinds(&cloud, &arn).await.iter().filter(|kind| *kind == "TaskFailed").count();
    assert_eq!(failures, 3);
    let again = cloud.restart();
    assert_eq!(kinds(&cloud, &arn).await, kinds(&again, &arn).await);
    again.pass(91 * 86_400).await;
    let describe = DescribeExecutionInput { execution_arn: arn.clone(), ..Default::default() };
    assert_eq!(again.expect_fault::<DescribeExecution>(describe).await.code(), "ExecutionDoesNotExist");
}
