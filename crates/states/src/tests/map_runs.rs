use super::fixture::*;
use cloudlet_api_states::*;

fn distributed(of: &str, states: Value) -> Value {
    let start = states.as_object().unwrap().keys().next().unwrap().clone();
    json!({"First": {"Type": "Map", "Label": "L", "End": true, "ResultPath": "$.results", "ItemsPath": "$.items",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": of}, "StartAt": start, "States": states}}})
}

async fn run_of(cloud: &TestCloud, execution: &str) -> DescribeMapRunOutput {
    let runs = cloud.ok::<ListMapRuns>(ListMapRunsInput { execution_arn: execution.into(), ..Default::default() }).await.map_runs;
    cloud.ok::<DescribeMapRun>(DescribeMapRunInput { map_run_arn: runs[0].map_run_arn.clone() }).await
}

#[tokio::test]
async fn thousands_of_children_give_their_outputs_in_order_and_leave_few_rows() {
    let Fixture { cloud, .. } = fixture();
    let machine = create(&cloud, "m", "STANDARD", distributed("EXPRESS", json!({"P": {"Type": "Pass", "End": true}}))).await;
    let items: Vec<u64> = (0..3000).collect();
    let arn = start(&cloud, &machine, json!({"items": items})).await;
    assert_eq!(output(&cloud, &arn).await["results"], json!(items));
    let run = run_of(&cloud, &arn).await;
    assert_eq!((run.item_counts.total, run.item_counts.succeeded, run.execution_counts.succeeded), (3000, 3000, 3000));
    let list = ListExecutionsInput { map_run_arn: Some(run.map_run_arn), max_results: Some(1000), ..Default::default() };
    let listed = cloud.ok::<ListExecutions>(list).await;
    assert_eq!((listed.executions.len(), listed.next_token), (1000, None));
    assert_eq!(format!("{:?}", cloud.restart().state()), format!("{:?}", cloud.state()));
}

#[tokio::test]
async fn failed_children_are_redriven_as_the_executions_they_are() {
    let Fixture { cloud, .. } = fixture();
    let activity = "arn:aws:states:us-east-1:000000000000:activity:work";
    cloud.ok::<CreateActivity>(CreateActivityInput { name: "work".into(), ..Default::default() }).await;
    let child = json!({"C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "T"}], "Default": "P"},
        "T": {"Type": "Task", "Resource": activity, "End": true}, "P": {"Type": "Pass", "End": true}});
    let machine = create(&cloud, "m", "STANDARD", distributed("STANDARD", child)).await;
    let arn = start(&cloud, &machine, json!({"items": [0, 1, 2]})).await;
    let poll = || GetActivityTaskInput { activity_arn: activity.into(), worker_name: None };
    let token = cloud.ok::<GetActivityTask>(poll()).await.task_token.unwrap();
    cloud.ok::<SendTaskFailure>(SendTaskFailureInput { task_token: token, error: Some("E".into()), cause: None }).await;
    cloud.settle().await;
    assert_eq!(describe(&cloud, &arn).await.error.as_deref(), Some("States.ExceedToleratedFailureThreshold"));
    let run = run_of(&cloud, &arn).await.map_run_arn;
    let list = |status: &str| ListExecutionsInput { map_run_arn: Some(run.clone()), status_filter: Some(status.into()), ..Default::default() };
    let failed = cloud.ok::<ListExecutions>(list("FAILED")).await.executions.remove(0).execution_arn;
    cloud.ok::<RedriveExecution>(RedriveExecutionInput { execution_arn: arn.clone(), client_token: None }).await;
    assert_eq!(cloud.ok::<ListExecutions>(list("PENDING_REDRIVE")).await.executions[0].execution_arn, failed);
    assert_eq!(run_of(&cloud, &arn).await.execution_counts.pending_redrive, Some(1));
    cloud.settle().await;
    assert_eq!(cloud.ok::<ListExecutions>(list("RUNNING")).await.executions[0].execution_arn, failed);
    let token = cloud.ok::<GetActivityTask>(poll()).await.task_token.unwrap();
    cloud.ok::<SendTaskSuccess>(SendTaskSuccessInput { task_token: token, output: "7".into() }).await;
    cloud.settle().await;
    assert_eq!(output(&cloud, &arn).await["results"], json!([0, 7, 2]));
}

#[tokio::test]
async fn outputs_that_are_too_large_together_fail_the_state() {
    let Fixture { cloud, .. } = fixture();
    let text = "x".repeat(2000);
    let child = json!({"P": {"Type": "Pass", "Result": text, "End": true}});
    let machine = create(&cloud, "m", "STANDARD", distributed("EXPRESS", child)).await;
    let items: Vec<u64> = (0..300).collect();
    let arn = start(&cloud, &machine, json!({"items": items})).await;
    assert_eq!(describe(&cloud, &arn).await.error.as_deref(), Some("States.DataLimitExceeded"));
}

fn exporting(reader: Value, most: usize) -> Value {
    json!({"First": {"Type": "Map", "End": true,
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": reader, "Parameters": {"Bucket": "b", "Key": "items"}},
        "ItemBatcher": {"MaxItemsPerBatch": most},
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "out"},
            "WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSONL"}},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "P",
            "States": {"P": {"Type": "Pass", "OutputPath": "$.Items", "End": true}}}}})
}

#[tokio::test]
async fn items_come_from_a_file_and_results_go_to_files() {
    let Fixture { cloud, sts } = fixture();
    let put = |text: &str| drop(sts.objects.lock().unwrap().insert("items".to_owned(), text.as_bytes().to_vec()));
    put("{\"a\": 1}\n{\"a\": 2}\n{\"a\": 3}\n{\"a\": 4}\n{\"a\": 5}\n");
    let machine = create(&cloud, "m", "STANDARD", exporting(json!({"InputType": "JSONL", "MaxItems": 4}), 3)).await;
    let arn = start(&cloud, &machine, json!({})).await;
    let output = output(&cloud, &arn).await;
    let read = |key: &str| String::from_utf8(sts.objects.lock().unwrap()[key].clone()).unwrap();
    let manifest: Value = serde_json::from_str(&read(output["ResultWriterDetails"]["Key"].as_str().unwrap())).unwrap();
    let files = &manifest["ResultFiles"];
    assert_eq!((files["FAILED"].as_array().unwrap().len(), files["PENDING"].as_array().unwrap().len()), (0, 0));
    assert_eq!(read(files["SUCCEEDED"][0]["Key"].as_str().unwrap()), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}");
    let run = run_of(&cloud, &arn).await;
    assert_eq!((run.execution_counts.total, run.execution_counts.results_written, run.item_counts.total), (2, 2, 4));
    put("x,y\n1,2\n\"3");
    let machine = create(&cloud, "csv", "STANDARD", exporting(json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}), 1)).await;
    let arn = start(&cloud, &machine, json!({})).await;
    assert_eq!(describe(&cloud, &arn).await.error.as_deref(), Some("States.ItemReaderFailed"));
}
