//! Run Command: one command on a thousand nodes, from the request to the end of the last.

use crate::{client::Connection, request::Signed, scenario::Bench, states::text_of};
use serde_json::json;
use std::{path::Path, time::Instant};

const NODES: usize = 1_000;

impl Bench<'_> {
    pub async fn commands(&self, server: &Path) {
        if !self.includes("SendCommand") {
            return;
        }
        let bench = Bench::start(server, &[], self.time, self.filter);
        let host = bench.server.address.to_string();
        let (ssm, iam) = (Signed::new(&host, "ssm"), Signed::new(&host, "iam"));
        let mut connection = Connection::open(bench.server.address).await;
        let trust = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A\
                     %22ssm.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D";
        connection.call(&iam.form(&format!("Action=CreateRole&Version=2010-05-08&RoleName=node&AssumeRolePolicyDocument={trust}"))).await;
        let activation = json!({"IamRole": "node", "RegistrationLimit": NODES, "Tags": [{"Key": "of", "Value": "bench"}]}).to_string();
        let made = connection.call(&ssm.json_1_1("AmazonSSM.CreateActivation", &activation)).await;
        let (id, code) = (text_of(made, "ActivationId").expect("an id"), text_of(made, "ActivationCode").expect("a code"));
        let register = ssm.json_1_1("AmazonSSM.RegisterManagedInstance", &json!({"ActivationId": id, "ActivationCode": code}).to_string());
        for _ in 0..NODES {
            connection.call(&register).await;
        }
        let command = json!({
            "DocumentName": "AWS-RunShellScript",
            "Parameters": {"commands": ["true"]},
            "Targets": [{"Key": "tag:of", "Values": ["bench"]}],
            "MaxErrors": "100%",
        });
        let (began, cpu) = (Instant::now(), bench.server.cpu());
        let sent = connection.call(&ssm.json_1_1("AmazonSSM.SendCommand", &command.to_string())).await;
        let id = text_of(sent, "CommandId").expect("a command");
        let answered = began.elapsed();
        let list = ssm.json_1_1("AmazonSSM.ListCommands", &json!({ "CommandId": id }).to_string());
        loop {
            match text_of(connection.call(&list).await, "Status").as_deref() {
                Some("Success") => break,
                Some("Pending" | "InProgress") => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                other => panic!("the command ended as {other:?}"),
            }
        }
        let (took, cpu) = (began.elapsed().as_secs_f64(), (bench.server.cpu() - cpu).as_secs_f64());
        println!(
            "SendCommand to {NODES} nodes: {:>7.1} s, answered after {:.0} ms; {:.0} nodes a second, {:.1} ms of the server's CPU each, {:.0} MB",
            took,
            answered.as_secs_f64() * 1e3,
            NODES as f64 / took,
            cpu * 1e3 / NODES as f64,
            bench.server.resident() as f64 / 1e6
        );
    }
}
