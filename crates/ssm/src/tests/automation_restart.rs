//! Automations that a crash interrupts go on where they were: in a sleep, an approval, a wait, a loop, on many targets.

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
        ("child", json!([{"name": "run", "action": "aws:executeAutomation", "inputs": {"DocumentName": "sleep"}}, get])),
    ]
}

async fn finish(cloud: &TestCloud, id: &str) {
    let approver = super::fixture::user(cloud.account(), "approver");
    let signal = SendAutomationSignalRequest { automation_execution_id: id.into(), signal_type: "Approve".into(), payload: None };
    let _ = cloud.call_as::<SendAutomationSignal>(&approver, signal).await;
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
