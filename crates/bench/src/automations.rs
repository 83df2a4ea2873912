//! Automation: runbooks of ten API steps, from their start to their end.

use crate::{
    client::{Connection, Turn},
    messaging::prepare,
    request::Signed,
    scenario::{Bench, CONNECTIONS},
    states::text_of,
};
use serde_json::{Value, json};

const STEPS: usize = 10;

/// Starts an automation and looks until it is over.
struct ToTheEnd {
    signed: Signed,
    start: Vec<u8>,
}

impl Turn for ToTheEnd {
    async fn go(&mut self, connection: &mut Connection) {
        let answer = connection.call(&self.start).await;
        let id = text_of(answer, "AutomationExecutionId").expect("an automation");
        let filter = json!({"Filters": [{"Key": "ExecutionId", "Values": [id]}]}).to_string();
        let list = self.signed.json_1_1("AmazonSSM.DescribeAutomationExecutions", &filter);
        loop {
            match text_of(connection.call(&list).await, "AutomationExecutionStatus").as_deref() {
                Some("Success") => return,
                Some("Pending" | "InProgress") => {}
                other => panic!("an automation ended as {other:?}"),
            }
        }
    }
}

impl Bench<'_> {
    pub async fn automations(&self, host: &str) {
        let name = "SSM 10 API steps";
        if !self.includes(name) {
            return;
        }
        let ssm = Signed::new(host, "ssm");
        let step = |number: usize| json!({"name": format!("step{number}"), "action": "aws:executeAwsApi", "inputs": {"Service": "sts", "Api": "GetCallerIdentity"}});
        let steps: Vec<Value> = (0..STEPS).map(step).collect();
        let content = json!({"schemaVersion": "0.3", "mainSteps": steps}).to_string();
        let create = json!({"Name": "bench", "DocumentType": "Automation", "Content": content}).to_string();
        prepare(self.server.address, &ssm.json_1_1("AmazonSSM.CreateDocument", &create)).await;
        let start = ssm.json_1_1("AmazonSSM.StartAutomationExecution", r#"{"DocumentName":"bench"}"#);
        let turns = (0..CONNECTIONS).map(|_| ToTheEnd { signed: Signed::new(host, "ssm"), start: start.clone() }).collect();
        self.compare_turns(name, &start, turns).await;
    }
}
