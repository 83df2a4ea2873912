//! Automations that a crash interrupts go on where they were: in a sleep, an approval, a wait, a loop, a pause, step by step, on many targets.

use super::{automation_fixture::*, fixture::TestCloud};
use cloudlet_api_ssm::*;
use serde_json::{Value, json};

fn books() -> Vec<(&'static str, Value)> {
    let get = json!({"name": "get", "action": "aws:executeAwsApi", "inputs": {"Service": "ssm", "Api": "GetServiceSetting", "SettingId": "/ssm/opsinsights/opscenter"}});
    let wait = json!({"name": "wait", "action": "aws:waitForAwsResourceProperty", "inputs": {"Service": "ssm", "Api": "GetServiceSetting",
        "SettingId": "/ssm/opsinsights/opscenter", "PropertySelector": "$.ServiceSetting.SettingValue", "DesiredValues": ["Enabled"]}});
    let each = json!({"name": "each", "action": "aws:loop", "inputs": {"Iterators": ["a", "b"], "Steps": [sleep("inner")]}});
    vec![
        ("sleep", json!([sleep("rest"), get])),
        ("approve", json!([{"name": "ask", "action": "aws:approve", "inputs": {"Approvers": ["approver"]}}, get])),
        ("wait", json!([wait, get])),
        ("loop", json!([each, get])),
        ("pause", json!([{"name": "hold", "action": "aws:pause", "inputs": {}}, get])),
        ("child", json!([{"name": "run", "action": "aws:executeAutomation", "inputs": {"DocumentName": "sleep"}}, get])),
    ]
}

fn signal(id: &str, kind: &str, payload: Option<(&str, String)>) -> SendAutomationSignalRequest {
    let payload = payload.map(|(name, value)| [(name.to_owned(), vec![value])].into_iter().collect());
    SendAutomationSignalRequest { automation_execution_id: id.into(), signal_type: kind.into(), payload }
}

async fn finish(cloud: &TestCloud, id: &str) {
    let approver = super::fixture::user(cloud.account(), "approver");
    let _ = cloud.call_as::<SendAutomationSignal>(&approver, signal(id, "Approve", None)).await;
    // A pause goes on when it is told to, by the id of its step.
    let execution = shown(cloud, id).await;
    let paused = execution.step_executions.unwrap().into_iter().find(|step| step.action.as_deref() == Some("aws:pause"));
    if let Some(step) = paused.and_then(|step| step.step_execution_id) {
        let resume = |step: String| signal(id, "Resume", Some(("StepExecutionId", step)));
        assert_eq!(cloud.expect_fault::<SendAutomationSignal>(resume("none".into())).await.name(), "AutomationStepNotFoundException");
        cloud.ok::<SendAutomationSignal>(resume(step)).await;
    }
    let setting = UpdateServiceSettingRequest { setting_id: "/ssm/opsinsights/opscenter".into(), setting_value: "Enabled".into() };
    cloud.ok::<UpdateServiceSetting>(setting).await;
    cloud.pass(10).await;
}

#[tokio::test]
async fn automations_go_on_after_a_crash() {
    let cloud = fixture();
    let mut ids = vec![];
    for (name, steps) in books() {
        create(&cloud, name, json!({"schemaVersion": "0.3", "mainSteps": steps})).await;
    }
    for (name, _) in books() {
        ids.push((name, start(&cloud, name, &[]).await));
    }
    let again = TestCloud { cloud: cloud.restart(), kms: cloud.kms.clone() };
    assert_eq!(format!("{:?}", again.state()), format!("{:?}", cloud.state()));
    for (name, id) in &ids {
        assert_ne!(status(&again, id).await, "Success", "{name}");
    }
    for (_, id) in &ids {
        finish(&again, id).await;
    }
    for _ in 0..3 {
        again.pass(3_600).await;
    }
    for (name, id) in &ids {
        assert_eq!(status(&again, id).await, "Success", "{name}");
    }
    let last = TestCloud { cloud: again.restart(), kms: again.kms.clone() };
    assert_eq!(format!("{:?}", last.state()), format!("{:?}", again.state()));
}

#[tokio::test]
async fn one_that_is_run_step_by_step_waits_for_its_next_order_after_a_crash() {
    let cloud = fixture();
    let get = |name: &str| json!({"name": name, "action": "aws:executeAwsApi", "inputs": {"Service": "ssm", "Api": "GetServiceSetting", "SettingId": "/ssm/opsinsights/opscenter"}});
    create(&cloud, "steps", json!({"schemaVersion": "0.3", "mainSteps": [get("one"), get("two")]})).await;
    let request = StartAutomationExecutionRequest { mode: Some("Interactive".into()), ..request("steps", &[]) };
    let id = cloud.ok::<StartAutomationExecution>(request).await.automation_execution_id.unwrap();
    cloud.settle().await;
    cloud.ok::<SendAutomationSignal>(signal(&id, "StartStep", None)).await;
    cloud.settle().await;
    let again = TestCloud { cloud: cloud.restart(), kms: cloud.kms.clone() };
    let steps = shown(&again, &id).await.step_executions.unwrap();
    assert_eq!(statuses(&steps), [("one", "Success"), ("two", "Pending")]);
    again.ok::<SendAutomationSignal>(signal(&id, "StartStep", Some(("StepName", "two".into())))).await;
    again.settle().await;
    assert_eq!(status(&again, &id).await, "Success");
}

#[tokio::test]
async fn the_targets_that_are_left_are_begun_after_a_crash() {
    let cloud = fixture();
    create(&cloud, "each", json!({"schemaVersion": "0.3", "parameters": {"Name": {"type": "String"}}, "mainSteps": [sleep("rest")]})).await;
    let values = ["a", "b", "c"].map(str::to_owned).to_vec();
    let request = StartAutomationExecutionRequest {
        target_parameter_name: Some("Name".into()),
        targets: Some(vec![Target { key: Some("ParameterValues".into()), values: Some(values) }]),
        max_concurrency: Some("1".into()),
        max_errors: Some("0".into()),
        ..request("each", &[])
    };
    let id = cloud.ok::<StartAutomationExecution>(request).await.automation_execution_id.unwrap();
    cloud.settle().await;
    cloud.pass(3_600).await;
    let again = TestCloud { cloud: cloud.restart(), kms: cloud.kms.clone() };
    for _ in 0..2 {
        assert_ne!(status(&again, &id).await, "Success");
        again.pass(3_600).await;
    }
    assert_eq!(status(&again, &id).await, "Success");
    assert_eq!(shown(&again, &id).await.progress_counters.unwrap().success_steps, Some(3));
}
