use super::fixture::*;
use cloudlet_api_logs as logs;
use cloudlet_api_states::*;
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions, Service,
    vended_logs::{DeliverLogs, DeliverLogsInput},
};
use cloudlet_shape::Empty;
use std::sync::{Arc, Mutex};

/// Stands in for Logs, with one group.
#[derive(Default)]
struct Group(Mutex<Vec<String>>);

impl Handle<DeliverLogs> for Group {
    fn permissions(&self, _: &Cx, _: &DeliverLogsInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: DeliverLogsInput) -> Result<Empty, Fault> {
        if input.log_group != GROUP {
            return Err(FaultKind::sender("ResourceNotFoundException", 400).says("The specified log group does not exist."));
        }
        let types = input.events.iter().map(|event| serde_json::from_str::<Value>(&event.message).unwrap()["type"].as_str().unwrap().to_owned());
        self.0.lock().unwrap().extend(types);
        Ok(Empty {})
    }
}

const GROUP: &str = "arn:aws:logs:us-east-1:000000000000:log-group:g:*";

fn logging(level: &str, group: &str) -> Option<LoggingConfiguration> {
    let log_group_arn = Some(group.to_owned());
    let destination = LogDestination { cloud_watch_logs_log_group: Some(CloudWatchLogsLogGroup { log_group_arn }) };
    Some(LoggingConfiguration { level: Some(level.into()), include_execution_data: None, destinations: Some(vec![destination]) })
}

fn machine(name: &str, of: &str, level: &str, group: &str) -> CreateStateMachineInput {
    let definition = json!({"StartAt": "a", "States": {"a": {"Type": "Pass", "Next": "b"}, "b": {"Type": "Fail", "Error": "E"}}});
    CreateStateMachineInput {
        name: name.into(),
        definition: definition.to_string(),
        role_arn: ROLE.into(),
        r#type: Some(of.into()),
        logging_configuration: logging(level, group),
        ..Default::default()
    }
}

#[tokio::test]
async fn events_are_logged_at_the_level_of_the_machine() {
    let sts = Arc::default();
    let group = Arc::new(Group::default());
    let for_service = group.clone();
    let cloud = builder(&sts, None).service(move |_| Service::of(&logs::SERVICE, for_service.clone()).handles::<DeliverLogs>().build()).build();
    for (name, of, level, expected) in [
        ("all", "STANDARD", "ALL", vec!["ExecutionStarted", "PassStateEntered", "PassStateExited", "FailStateEntered", "ExecutionFailed"]),
        ("express", "EXPRESS", "ALL", vec!["ExecutionStarted", "PassStateEntered", "PassStateExited", "FailStateEntered", "ExecutionFailed"]),
        ("error", "STANDARD", "ERROR", vec!["FailStateEntered", "ExecutionFailed"]),
        ("fatal", "EXPRESS", "FATAL", vec!["ExecutionFailed"]),
        ("off", "STANDARD", "OFF", vec![]),
    ] {
        let arn = cloud.ok::<CreateStateMachine>(machine(name, of, level, GROUP)).await.state_machine_arn;
        cloud.ok::<StartExecution>(StartExecutionInput { state_machine_arn: arn, ..Default::default() }).await;
        cloud.settle().await;
        assert_eq!(std::mem::take(&mut *group.0.lock().unwrap()), expected, "{name}");
    }
    let elsewhere = "arn:aws:logs:us-east-1:000000000000:log-group:other:*";
    let fault = cloud.expect_fault::<CreateStateMachine>(machine("x", "STANDARD", "ALL", elsewhere)).await;
    let expected = ("InvalidLoggingConfiguration", "Invalid Logging Configuration: Log Destination not found.");
    assert_eq!((fault.name(), fault.message()), expected);
}
