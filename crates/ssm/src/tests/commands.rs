//! Managed nodes and Run Command, on nodes of the tests.

use super::{fixture::*, machine::Machine};
use crate::{
    NodeOptions, Options,
    nodes::{LOCAL, RegisterManagedInstance},
    service,
};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Account, Region, Scope};
use cloudlet_testing::TestCloud as Cloud;
use std::sync::Arc;

fn builder(machine: &Arc<Machine>) -> cloudlet_testing::Builder {
    let machine = machine.clone();
    Cloud::builder().service(move |parts| {
        let local = Some(Scope::new(Account::default(), Region::new("us-east-1")));
        let nodes = NodeOptions { local, platform_name: Some("Debian".into()), ..NodeOptions::default() };
        service(&parts.journal, machine.clone(), Options { nodes })
    })
}

fn cloud() -> Cloud {
    builder(&Arc::default()).build()
}

fn shell(lines: &[&str]) -> SendCommandRequest {
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    SendCommandRequest {
        instance_ids: Some(vec![LOCAL.into()]),
        document_name: "AWS-RunShellScript".into(),
        parameters: Some([("commands".to_owned(), lines)].into_iter().collect()),
        ..Default::default()
    }
}

fn invocation(id: &str, node: &str) -> GetCommandInvocationRequest {
    GetCommandInvocationRequest { command_id: id.into(), instance_id: node.into(), plugin_name: None }
}

async fn send(cloud: &Cloud, input: SendCommandRequest) -> String {
    cloud.ok::<SendCommand>(input).await.command.unwrap().command_id.unwrap()
}

async fn run(cloud: &Cloud, input: SendCommandRequest) -> GetCommandInvocationResult {
    let id = send(cloud, input).await;
    cloud.settle().await;
    cloud.ok::<GetCommandInvocation>(invocation(&id, LOCAL)).await
}

async fn command_of(cloud: &Cloud, id: &str) -> Command {
    let input = ListCommandsRequest { command_id: Some(id.into()), ..Default::default() };
    cloud.ok::<ListCommands>(input).await.commands.unwrap().remove(0)
}

fn words(invocation: &GetCommandInvocationResult) -> (&str, &str, i32) {
    (invocation.status.as_deref().unwrap(), invocation.status_details.as_deref().unwrap(), invocation.response_code.unwrap())
}

async fn make(cloud: &Cloud, name: &str, content: &str) {
    let input = CreateDocumentRequest {
        name: name.into(),
        content: content.into(),
        document_type: Some("Command".into()),
        document_format: Some("YAML".into()),
        ..Default::default()
    };
    cloud.ok::<CreateDocument>(input).await;
}

/// Nodes with a tag, by an activation.
async fn nodes(cloud: &Cloud, count: usize, tag: &str) -> Vec<String> {
    let tags = Some(vec![Tag { key: "group".into(), value: tag.into() }]);
    let limit = i32::try_from(count).ok();
    let input = CreateActivationRequest { iam_role: "service-role/nodes".into(), registration_limit: limit, tags, ..Default::default() };
    let made = cloud.ok::<CreateActivation>(input).await;
    let mut ids = vec![];
    for _ in 0..count {
        let input = crate::nodes::RegisterManagedInstanceRequest {
            activation_id: made.activation_id.clone().unwrap(),
            activation_code: made.activation_code.clone().unwrap(),
            ..Default::default()
        };
        ids.push(cloud.ok::<RegisterManagedInstance>(input).await.instance_id.unwrap());
    }
    ids
}

fn tagged(lines: &[&str], tag: &str) -> SendCommandRequest {
    let target = Target { key: Some("tag:group".into()), values: Some(vec![tag.into()]) };
    SendCommandRequest { instance_ids: None, targets: Some(vec![target]), ..shell(lines) }
}

#[tokio::test]
async fn a_script_runs_and_its_output_is_kept() {
    let cloud = cloud();
    let id = send(&cloud, shell(&["echo one", "err two"])).await;
    assert_eq!(command_of(&cloud, &id).await.status.as_deref(), Some("Pending"));
    cloud.settle().await;
    let got = cloud.ok::<GetCommandInvocation>(invocation(&id, LOCAL)).await;
    assert_eq!(words(&got), ("Success", "Success", 0));
    assert_eq!((got.standard_output_content.as_deref(), got.standard_error_content.as_deref()), (Some("one\n"), Some("two\n")));
    assert_eq!(got.plugin_name.as_deref(), Some("aws:runShellScript"));
    let command = command_of(&cloud, &id).await;
    assert_eq!((command.status.as_deref(), command.completed_count, command.target_count), (Some("Success"), Some(1), Some(1)));
    let list = ListCommandInvocationsRequest { command_id: Some(id), details: Some(true), ..Default::default() };
    let listed = cloud.ok::<ListCommandInvocations>(list).await.command_invocations.unwrap();
    assert_eq!(listed[0].command_plugins.as_ref().unwrap()[0].output.as_deref(), Some("one\n\n----------ERROR-------\ntwo\n"));
}

#[tokio::test]
async fn failures_say_the_exit_status_and_outputs_are_cut() {
    let cloud = cloud();
    let failed = run(&cloud, shell(&["err no", "exit 7"])).await;
    assert_eq!(words(&failed), ("Failed", "Failed", 7));
    assert_eq!(failed.standard_error_content.as_deref(), Some("no\nfailed to run commands: exit status 7"));
    assert_eq!(words(&run(&cloud, shell(&["exit 168"])).await), ("Success", "Success", 0));
    let long = run(&cloud, shell(&["many 30000"])).await.standard_output_content.unwrap();
    assert!(long.len() == 24_000 && long.ends_with("--output truncated--"));
}

#[tokio::test]
async fn what_is_sent_is_checked() {
    let cloud = cloud();
    let name = async |input| cloud.expect_fault::<SendCommand>(input).await.name().to_owned();
    assert_eq!(name(SendCommandRequest { document_name: "none".into(), ..shell(&["x"]) }).await, "InvalidDocument");
    assert_eq!(name(SendCommandRequest { document_name: "AWS-HelloWorld".into(), ..shell(&["x"]) }).await, "InvalidDocument");
    assert_eq!(name(SendCommandRequest { parameters: None, ..shell(&[]) }).await, "InvalidParameters");
    let unknown = [("what".to_owned(), vec![])].into_iter().collect();
    assert_eq!(name(SendCommandRequest { parameters: Some(unknown), ..shell(&[]) }).await, "InvalidParameters");
    assert_eq!(name(SendCommandRequest { document_hash: Some("00".into()), ..shell(&["x"]) }).await, "InvalidDocument");
    let fault =
        cloud.expect_fault::<SendCommand>(SendCommandRequest { instance_ids: Some(vec!["i-0123456789abcdef0".into()]), ..shell(&["x"]) }).await;
    assert_eq!((fault.name(), fault.message()), ("InvalidInstanceId", "Instances not in a valid state for account"));
    assert_eq!(name(SendCommandRequest { instance_ids: Some(vec![LOCAL.into(), LOCAL.into()]), ..shell(&["x"]) }).await, "DuplicateInstanceId");
    let groups = Target { key: Some("resource-groups:Name".into()), values: Some(vec!["g".into()]) };
    assert_eq!(name(SendCommandRequest { instance_ids: None, targets: Some(vec![groups]), ..shell(&["x"]) }).await, "NotImplemented");
    let early = cloud.expect_fault::<GetCommandInvocation>(invocation(&"0".repeat(36), LOCAL)).await;
    assert_eq!(early.name(), "InvocationDoesNotExist");
    let empty = send(&cloud, tagged(&["x"], "nobody")).await;
    let command = command_of(&cloud, &empty).await;
    assert_eq!((command.status.as_deref(), command.status_details.as_deref()), (Some("Success"), Some("NoInstancesInTag")));
}

#[tokio::test]
async fn steps_have_preconditions_and_stop_where_they_say() {
    let cloud = cloud();
    let document = "schemaVersion: '2.2'\nparameters:\n  word: {type: String, default: hi}\n  list: {type: StringList, default: [echo a, echo b]}\n  safe: {type: String, default: s, interpolationType: ENV_VAR}\nmainSteps:\n\
        - {action: 'aws:runPowerShellScript', name: windows, precondition: {StringEquals: [platformType, Windows]}, inputs: {runCommand: [exit 1]}}\n\
        - {action: 'aws:runShellScript', name: first, inputs: {runCommand: ['echo {{ word }}', '{{ list }}', 'env SSM_safe', 'exit 3'], onFailure: exit}}\n\
        - {action: 'aws:runShellScript', name: second, inputs: {runCommand: [echo never]}}\n\
        - {action: 'aws:runShellScript', name: last, inputs: {runCommand: [echo always], finallyStep: true}}\n";
    make(&cloud, "steps", document).await;
    let input = SendCommandRequest { document_name: "steps".into(), parameters: None, ..shell(&[]) };
    let id = send(&cloud, input).await;
    cloud.settle().await;
    let step = async |name: &str| {
        let input = GetCommandInvocationRequest { plugin_name: Some(name.into()), ..invocation(&id, LOCAL) };
        cloud.ok::<GetCommandInvocation>(input).await
    };
    assert!(step("windows").await.standard_output_content.unwrap().starts_with("Step execution skipped due to unsatisfied preconditions"));
    let first = step("first").await;
    assert_eq!((words(&first), first.standard_output_content.as_deref()), (("Failed", "Failed", 3), Some("hi\na\nb\ns\n")));
    assert_eq!(step("second").await.standard_output_content.as_deref(), Some(""));
    assert_eq!(step("last").await.standard_output_content.as_deref(), Some("always\n"));
    assert_eq!(cloud.expect_fault::<GetCommandInvocation>(invocation(&id, LOCAL)).await.name(), "InvalidPluginName");
    assert_eq!(command_of(&cloud, &id).await.status.as_deref(), Some("Failed"));
}

#[tokio::test]
async fn parameters_of_parameter_store_are_put_in() {
    let cloud = cloud();
    cloud.ok::<PutParameter>(string("/app/word", "stored")).await;
    let got = run(&cloud, shell(&["echo {{ssm:/app/word}} {{ssm:/app/word:1}}"])).await;
    assert_eq!(got.standard_output_content.as_deref(), Some("stored stored\n"));
    let missing = run(&cloud, shell(&["echo {{ssm:/app/none}}"])).await;
    assert_eq!(words(&missing), ("Failed", "Failed", 1));
}

#[tokio::test]
async fn a_document_runs_another_and_what_was_downloaded() {
    let cloud = cloud();
    make(
        &cloud,
        "inner",
        "schemaVersion: '2.2'\nparameters:\n  word: {type: String}\nmainSteps:\n- {action: 'aws:runShellScript', name: s, inputs: {runCommand: ['echo in {{ word }}']}}\n",
    )
    .await;
    make(
        &cloud,
        "outer",
        "schemaVersion: '2.2'\nmainSteps:\n- {action: 'aws:runDocument', name: s, inputs: {documentType: SSMDocument, documentPath: inner, documentParameters: '{\"word\":\"x\"}'}}\n",
    )
    .await;
    let outer = SendCommandRequest { document_name: "outer".into(), parameters: None, ..shell(&[]) };
    assert_eq!(run(&cloud, outer).await.standard_output_content.as_deref(), Some("in x\n"));
    let given = [
        ("sourceType", vec!["SSMDocument".to_owned()]),
        ("sourceInfo", vec![r#"{"name":"inner"}"#.to_owned()]),
        ("documentParameters", vec![r#"{"word":"y"}"#.to_owned()]),
    ];
    let given = given.into_iter().map(|(name, values)| (name.to_owned(), values)).collect();
    let id = send(&cloud, SendCommandRequest { document_name: "AWS-RunDocument".into(), parameters: Some(given), ..shell(&[]) }).await;
    cloud.settle().await;
    let step = GetCommandInvocationRequest { plugin_name: Some("runDocument".into()), ..invocation(&id, LOCAL) };
    assert_eq!(cloud.ok::<GetCommandInvocation>(step).await.standard_output_content.as_deref(), Some("in y\n"));
}

#[tokio::test]
async fn a_command_ends_at_its_timeout_and_when_it_is_cancelled() {
    let cloud = Arc::new(cloud());
    let mut input = shell(&["echo begun", "sleep"]);
    input.parameters.as_mut().unwrap().insert("executionTimeout".to_owned(), vec!["60".into()]);
    let id = send(&cloud, input).await;
    let settled = tokio::spawn({
        let cloud = cloud.clone();
        async move { cloud.settle().await }
    });
    let status = async |wanted: &str| loop {
        let got = cloud.ok::<GetCommandInvocation>(invocation(&id, LOCAL)).await;
        if got.status.as_deref() == Some(wanted) {
            break got;
        }
        tokio::task::yield_now().await;
    };
    status("InProgress").await;
    while !settled.is_finished() {
        cloud.advance(61);
        tokio::task::yield_now().await;
    }
    let got = status("TimedOut").await;
    assert_eq!((words(&got), got.standard_output_content.as_deref()), (("TimedOut", "ExecutionTimedOut", 137), Some("begun\n")));

    let id = send(&cloud, shell(&["sleep"])).await;
    let settled = tokio::spawn({
        let cloud = cloud.clone();
        async move { cloud.settle().await }
    });
    while command_of(&cloud, &id).await.status.as_deref() != Some("InProgress") {
        tokio::task::yield_now().await;
    }
    cloud.ok::<CancelCommand>(CancelCommandRequest { command_id: id.clone(), instance_ids: None }).await;
    settled.await.unwrap();
    let got = cloud.ok::<GetCommandInvocation>(invocation(&id, LOCAL)).await;
    assert_eq!(words(&got), ("Cancelled", "Cancelled", 137));
    assert_eq!(command_of(&cloud, &id).await.status.as_deref(), Some("Cancelled"));
}

#[tokio::test]
async fn nodes_are_registered_described_and_targeted_by_tags() {
    let cloud = cloud();
    let ids = nodes(&cloud, 3, "web").await;
    nodes(&cloud, 1, "db").await;
    let filter = InstanceInformationStringFilter { key: "tag:group".into(), values: vec!["web".into()] };
    let input = DescribeInstanceInformationRequest { filters: Some(vec![filter]), ..Default::default() };
    let described = cloud.ok::<DescribeInstanceInformation>(input).await.instance_information_list.unwrap();
    assert_eq!(described.len(), 3);
    assert_eq!((described[0].ping_status.as_deref(), described[0].resource_type.as_deref()), (Some("Online"), Some("ManagedInstance")));
    let all = cloud.ok::<DescribeInstanceInformation>(Default::default()).await.instance_information_list.unwrap();
    assert_eq!(all.len(), 5);
    assert_eq!(all.iter().find(|node| node.instance_id.as_deref() == Some(LOCAL)).unwrap().platform_name.as_deref(), Some("Debian"));
    let input = ListInventoryEntriesRequest { instance_id: ids[0].clone(), type_name: "AWS:InstanceInformation".into(), ..Default::default() };
    assert_eq!(cloud.ok::<ListInventoryEntries>(input).await.entries.unwrap()[0]["InstanceId"], ids[0]);
    let id = send(&cloud, tagged(&["echo x"], "web")).await;
    cloud.settle().await;
    assert_eq!(command_of(&cloud, &id).await.completed_count, Some(3));
    cloud.ok::<DeregisterManagedInstance>(DeregisterManagedInstanceRequest { instance_id: ids[0].clone() }).await;
    assert_eq!(
        cloud.expect_fault::<SendCommand>(SendCommandRequest { instance_ids: Some(vec![ids[0].clone()]), ..shell(&["x"]) }).await.name(),
        "InvalidInstanceId"
    );
    let activations = cloud.ok::<DescribeActivations>(Default::default()).await.activation_list.unwrap();
    assert_eq!(activations.iter().map(|activation| activation.registrations_count.unwrap()).sum::<i32>(), 4);
    let over = crate::nodes::RegisterManagedInstanceRequest { activation_id: activations[0].activation_id.clone().unwrap(), ..Default::default() };
    assert_eq!(cloud.expect_fault::<RegisterManagedInstance>(over).await.name(), "InvalidActivation");
}

#[tokio::test]
async fn too_many_errors_end_a_command() {
    let cloud = cloud();
    nodes(&cloud, 5, "web").await;
    let one_by_one =
        |errors: &str| SendCommandRequest { max_concurrency: Some("1".into()), max_errors: Some(errors.into()), ..tagged(&["exit 1"], "web") };
    let id = send(&cloud, one_by_one("1")).await;
    cloud.settle().await;
    let command = command_of(&cloud, &id).await;
    assert_eq!((command.status.as_deref(), command.error_count, command.completed_count), (Some("Failed"), Some(2), Some(5)));
    let list = ListCommandInvocationsRequest { command_id: Some(id), ..Default::default() };
    let listed = cloud.ok::<ListCommandInvocations>(list).await.command_invocations.unwrap();
    assert_eq!(listed.iter().filter(|row| row.status_details.as_deref() == Some("Terminated")).count(), 3);
    let id = send(&cloud, one_by_one("100%")).await;
    cloud.settle().await;
    assert_eq!(command_of(&cloud, &id).await.status_details.as_deref(), Some("Incomplete"));
}

#[tokio::test]
async fn a_command_that_ran_when_the_server_stopped_has_failed_and_others_go_on() {
    let machine = Arc::new(Machine::default());
    let cloud = Arc::new(builder(&machine).journaled().build());
    nodes(&cloud, 2, "web").await;
    let input = SendCommandRequest { max_concurrency: Some("1".into()), max_errors: Some("1".into()), ..tagged(&["sleep"], "web") };
    let id = send(&cloud, input).await;
    let settled = tokio::spawn({
        let cloud = cloud.clone();
        async move { cloud.settle().await }
    });
    while command_of(&cloud, &id).await.status.as_deref() != Some("InProgress") {
        tokio::task::yield_now().await;
    }
    let again = cloud.restart();
    settled.abort();
    let running = tokio::spawn({
        let again = Arc::new(again);
        async move {
            let settle = again.settle();
            tokio::pin!(settle);
            loop {
                tokio::select! {
                    () = &mut settle => break,
                    () = tokio::task::yield_now() => {
                        // The second node's turn has come: its script does not end by itself.
                        again.advance(3_700);
                    }
                }
            }
            let list = ListCommandInvocationsRequest { command_id: Some(id.clone()), ..Default::default() };
            again.ok::<ListCommandInvocations>(list).await.command_invocations.unwrap()
        }
    });
    let mut details: Vec<String> = running.await.unwrap().into_iter().map(|row| row.status_details.unwrap()).collect();
    details.sort();
    assert!(details[1] == "Failed" || details[0] == "Failed", "{details:?}");
    assert!(details.iter().all(|details| details != "InProgress"), "{details:?}");
}
