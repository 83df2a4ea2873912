//! Associations: they run when they are made, by their schedule, and when they are told.

use super::{fixture::*, machine::Machine};
use crate::{NodeOptions, Options, nodes::LOCAL, service};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Account, Region, Scope};
use cloudlet_testing::TestCloud as Cloud;
use std::sync::Arc;

fn cloud() -> Cloud {
    let machine = Arc::new(Machine::default());
    let builder = Cloud::builder().service(move |parts| {
        let local = Some(Scope::new(Account::default(), Region::new("us-east-1")));
        service(&parts.journal, machine.clone(), Options { nodes: NodeOptions { local, ..NodeOptions::default() } })
    });
    builder.journaled().build()
}

fn create(lines: &[&str]) -> CreateAssociationRequest {
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    CreateAssociationRequest {
        name: "AWS-RunShellScript".into(),
        parameters: Some([("commands".to_owned(), lines)].into_iter().collect()),
        targets: Some(vec![Target { key: Some("InstanceIds".into()), values: Some(vec![LOCAL.into()]) }]),
        ..Default::default()
    }
}

async fn made(cloud: &Cloud, input: CreateAssociationRequest) -> String {
    cloud.ok::<CreateAssociation>(input).await.association_description.unwrap().association_id.unwrap()
}

async fn executions(cloud: &Cloud, id: &str) -> Vec<AssociationExecution> {
    let input = DescribeAssociationExecutionsRequest { association_id: id.into(), ..Default::default() };
    cloud.ok::<DescribeAssociationExecutions>(input).await.association_executions.unwrap()
}

async fn described(cloud: &Cloud, id: &str) -> AssociationDescription {
    let input = DescribeAssociationRequest { association_id: Some(id.into()), ..Default::default() };
    cloud.ok::<DescribeAssociation>(input).await.association_description.unwrap()
}

#[tokio::test]
async fn an_association_runs_at_once_and_by_its_schedule() {
    let cloud = cloud();
    let id = made(&cloud, CreateAssociationRequest { schedule_expression: Some("rate(1 hour)".into()), ..create(&["echo x"]) }).await;
    assert_eq!(described(&cloud, &id).await.overview.unwrap().status.as_deref(), Some("Pending"));
    cloud.settle().await;
    let association = described(&cloud, &id).await;
    assert_eq!(association.overview.unwrap().status.as_deref(), Some("Success"));
    assert_eq!(association.last_successful_execution_date, Some(cloud.now()));
    cloud.pass(3_600).await;
    cloud.pass(3_600).await;
    assert_eq!(executions(&cloud, &id).await.len(), 3);
    let again = cloud.restart();
    again.pass(3_600).await;
    let all = executions(&again, &id).await;
    assert_eq!((all.len(), all[0].status.as_deref(), all[0].resource_count_by_status.as_deref()), (4, Some("Success"), Some("{Success=1}")));
    let execution_id = all[0].execution_id.clone().unwrap();
    let input = DescribeAssociationExecutionTargetsRequest { association_id: id.clone(), execution_id, ..Default::default() };
    let targets = again.ok::<DescribeAssociationExecutionTargets>(input).await.association_execution_targets.unwrap();
    assert_eq!((targets.len(), targets[0].resource_id.as_deref()), (1, Some(LOCAL)));
    let status = DescribeInstanceAssociationsStatusRequest { instance_id: LOCAL.into(), ..Default::default() };
    let status = again.ok::<DescribeInstanceAssociationsStatus>(status).await.instance_association_status_infos.unwrap();
    assert_eq!((status.len(), status[0].status.as_deref()), (1, Some("Success")));
    let effective = DescribeEffectiveInstanceAssociationsRequest { instance_id: LOCAL.into(), ..Default::default() };
    assert_eq!(again.ok::<DescribeEffectiveInstanceAssociations>(effective).await.associations.unwrap().len(), 1);
    assert!(again.ok::<ListCommands>(Default::default()).await.commands.unwrap().is_empty());
    again.ok::<DeleteAssociation>(DeleteAssociationRequest { association_id: Some(id), ..Default::default() }).await;
    again.pass(7_200).await;
    assert!(again.ok::<ListAssociations>(Default::default()).await.associations.unwrap().is_empty());
}

#[tokio::test]
async fn one_waits_for_its_interval_is_started_by_hand_and_changed() {
    let cloud = cloud();
    let waiting = CreateAssociationRequest {
        schedule_expression: Some("cron(0 0 3 1 1 ? 2030)".into()),
        apply_only_at_cron_interval: Some(true),
        association_name: Some("nightly".into()),
        ..create(&["exit 1"])
    };
    let id = made(&cloud, CreateAssociationRequest { schedule_expression: Some("rate(30 days)".into()), ..waiting }).await;
    cloud.settle().await;
    assert!(executions(&cloud, &id).await.is_empty());
    cloud.ok::<StartAssociationsOnce>(StartAssociationsOnceRequest { association_ids: vec![id.clone()] }).await;
    cloud.settle().await;
    assert_eq!(described(&cloud, &id).await.overview.unwrap().status.as_deref(), Some("Failed"));
    let update = UpdateAssociationRequest { association_id: id.clone(), parameters: create(&["echo y"]).parameters, ..Default::default() };
    let updated = cloud.ok::<UpdateAssociation>(update).await.association_description.unwrap();
    assert_eq!((updated.association_version.as_deref(), updated.association_name, updated.schedule_expression), (Some("2"), None, None));
    cloud.settle().await;
    assert_eq!(described(&cloud, &id).await.overview.unwrap().status.as_deref(), Some("Success"));
    let versions = ListAssociationVersionsRequest { association_id: id.clone(), ..Default::default() };
    assert_eq!(cloud.ok::<ListAssociationVersions>(versions).await.association_versions.unwrap().len(), 2);
    let first = DescribeAssociationRequest { association_id: Some(id), association_version: Some("1".into()), ..Default::default() };
    let first = cloud.ok::<DescribeAssociation>(first).await.association_description.unwrap();
    assert_eq!(first.association_name.as_deref(), Some("nightly"));
}

#[tokio::test]
async fn what_is_refused() {
    let cloud = cloud();
    let name = async |input| cloud.expect_fault::<CreateAssociation>(input).await.name().to_owned();
    assert_eq!(name(CreateAssociationRequest { name: "none".into(), ..create(&["x"]) }).await, "InvalidDocument");
    assert_eq!(name(CreateAssociationRequest { schedule_expression: Some("rate(5 minutes)".into()), ..create(&["x"]) }).await, "InvalidSchedule");
    assert_eq!(name(CreateAssociationRequest { parameters: None, ..create(&[]) }).await, "InvalidParameters");
    assert_eq!(name(CreateAssociationRequest { targets: None, ..create(&["x"]) }).await, "InvalidTarget");
    let under = |name: &str| CreateAssociationRequest { calendar_names: Some(vec![name.into()]), ..create(&["x"]) };
    assert_eq!(name(under("none")).await, "InvalidDocument");
    assert_eq!(name(under("AWS-RunShellScript")).await, "InvalidDocument");
    let by_instance = || CreateAssociationRequest { targets: None, instance_id: Some(LOCAL.into()), ..create(&["echo x"]) };
    made(&cloud, by_instance()).await;
    assert_eq!(name(by_instance()).await, "AssociationAlreadyExists");
    let entry = |name: &str| CreateAssociationBatchRequestEntry {
        name: name.into(),
        instance_id: Some(LOCAL.into()),
        parameters: create(&["x"]).parameters,
        ..Default::default()
    };
    let batch = CreateAssociationBatchRequest { entries: vec![entry("AWS-RunPowerShellScript"), entry("none")], ..Default::default() };
    let batch = cloud.ok::<CreateAssociationBatch>(batch).await;
    assert_eq!((batch.successful.unwrap().len(), batch.failed.unwrap().len()), (1, 1));
    let document = CreateDocumentRequest {
        name: "mine".into(),
        content: r#"{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"s","inputs":{"runCommand":["echo"]}}]}"#.into(),
        ..Default::default()
    };
    cloud.ok::<CreateDocument>(document).await;
    made(&cloud, CreateAssociationRequest { name: "mine".into(), parameters: None, ..create(&[]) }).await;
    let delete = DeleteDocumentRequest { name: "mine".into(), ..Default::default() };
    assert_eq!(said(&cloud.expect_fault::<DeleteDocument>(delete).await).0, "AssociatedInstances");
}
