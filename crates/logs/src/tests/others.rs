//! Metric filters, subscriptions, policies, exports, queries.

use super::fixture::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_logs::*;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

fn metric_filter(name: &str, pattern: &str) -> PutMetricFilterRequest {
    let transformation =
        MetricTransformation { metric_name: "m".into(), metric_namespace: "n".into(), metric_value: "1".into(), ..Default::default() };
    PutMetricFilterRequest {
        log_group_name: "g".into(),
        filter_name: name.into(),
        filter_pattern: pattern.into(),
        metric_transformations: vec![transformation],
        ..Default::default()
    }
}

#[tokio::test]
async fn metric_filters_are_kept_and_tried() {
    let cloud = TestCloud::with_stream().await;
    for name in ["b", "a"] {
        cloud.ok::<PutMetricFilter>(metric_filter(name, "ERROR")).await;
    }
    let found = cloud.ok::<DescribeMetricFilters>(Default::default()).await.metric_filters.unwrap();
    assert_eq!(found.iter().map(|filter| filter.filter_name.as_deref().unwrap()).collect::<Vec<_>>(), ["a", "b"]);
    let groups = cloud.ok::<DescribeLogGroups>(Default::default()).await.log_groups.unwrap();
    assert_eq!(groups[0].metric_filter_count, Some(2));
    let fault = cloud.expect_fault::<PutMetricFilter>(metric_filter("c", "{ $.a = ")).await;
    assert_eq!(fault.name(), "InvalidParameterException");
    for number in 0..5 {
        cloud.ok::<PutMetricFilter>(metric_filter(&format!("r{number}"), "%x%")).await;
    }
    assert_eq!(cloud.expect_fault::<PutMetricFilter>(metric_filter("r5", "%x%")).await.name(), "LimitExceededException");
    cloud.ok::<PutMetricFilter>(metric_filter("r4", "%y%")).await;
    let test = TestMetricFilterRequest {
        filter_pattern: "[ip, status = 4*]".into(),
        log_event_messages: vec!["127.0.0.1 404".into(), "127.0.0.1 200".into()],
    };
    let matches = cloud.ok::<TestMetricFilter>(test).await.matches.unwrap();
    let values = matches[0].extracted_values.as_ref().unwrap();
    assert_eq!((matches.len(), matches[0].event_number, values["$ip"].as_str(), values["$status"].as_str()), (1, Some(1), "127.0.0.1", "404"));
}

fn subscription(name: &str, pattern: &str, destination: &str) -> PutSubscriptionFilterRequest {
    PutSubscriptionFilterRequest {
        log_group_name: "g".into(),
        filter_name: name.into(),
        filter_pattern: pattern.into(),
        destination_arn: destination.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_function_gets_the_events_that_match() {
    let cloud = TestCloud::with_stream().await;
    *cloud.others.refuses.lock() = true;
    let fault = cloud.expect_fault::<PutSubscriptionFilter>(subscription("x", "", FUNCTION)).await;
    assert!(fault.message().starts_with("Could not execute the lambda function."), "{fault:?}");
    *cloud.others.refuses.lock() = false;
    cloud.ok::<PutSubscriptionFilter>(subscription("x", "ERROR", FUNCTION)).await;
    assert_eq!(cloud.others.take(), [format!("logs.amazonaws.com DryRun {FUNCTION} ")]);
    cloud.put("g", "s", &[(0, "fine")]).await;
    cloud.settle().await;
    assert!(cloud.others.take().is_empty());
    cloud.put("g", "s", &[(0, "fine"), (1, "ERROR 1"), (2, "ERROR 2")]).await;
    cloud.settle().await;
    let seen = cloud.others.take();
    let payload = seen[0].strip_prefix(&format!("logs.amazonaws.com Event {FUNCTION} ")).unwrap();
    let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
    let data = unzipped(&STANDARD.decode(payload["awslogs"]["data"].as_str().unwrap()).unwrap());
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        (&data["messageType"], &data["owner"], &data["logGroup"], &data["logStream"]),
        (&"DATA_MESSAGE".into(), &"000000000000".into(), &"g".into(), &"s".into())
    );
    assert_eq!(
        (&data["subscriptionFilters"][0], &data["logEvents"][1]["message"], data["logEvents"].as_array().unwrap().len()),
        (&"x".into(), &"ERROR 2".into(), 2)
    );

    cloud.ok::<PutSubscriptionFilter>(subscription("y", "", FUNCTION)).await;
    let fault = cloud.expect_fault::<PutSubscriptionFilter>(subscription("z", "", FUNCTION)).await;
    assert_eq!(said(&fault), ("LimitExceededException", "Resource limit exceeded."));
    cloud.ok::<PutSubscriptionFilter>(subscription("y", "[]", FUNCTION)).await;
    let delete = |name: &str| DeleteSubscriptionFilterRequest { log_group_name: "g".into(), filter_name: name.into() };
    cloud.ok::<DeleteSubscriptionFilter>(delete("x")).await;
    let fault = cloud.expect_fault::<DeleteSubscriptionFilter>(delete("x")).await;
    assert_eq!(fault.message(), "The specified subscription filter does not exist.");
}

#[tokio::test]
async fn a_destination_that_is_not_built_says_so() {
    let cloud = TestCloud::with_stream().await;
    let role = Some("arn:aws:iam::000000000000:role/r".to_owned());
    let kinesis = PutSubscriptionFilterRequest { role_arn: role, ..subscription("x", "", "arn:aws:kinesis:us-east-1:000000000000:stream/s") };
    assert_eq!(cloud.expect_fault::<PutSubscriptionFilter>(kinesis).await.status(), 501);
    let fault = cloud.expect_fault::<PutSubscriptionFilter>(subscription("x", "", "arn:aws:sqs:us-east-1:000000000000:q")).await;
    assert_eq!(fault.name(), "InvalidParameterException");
}

#[tokio::test]
async fn an_export_writes_lines_of_each_stream() {
    let cloud = TestCloud::with_stream().await;
    cloud.stream("g", "a/b").await;
    cloud.put("g", "s", &[(0, "one"), (1_000, "two")]).await;
    cloud.put("g", "a/b", &[(500, "three"), (10_000, "late")]).await;
    let base = cloudlet_testing::START.millis();
    let export = |bucket: &str| CreateExportTaskRequest {
        log_group_name: "g".into(),
        from: base,
        to: base + 5_000,
        destination: bucket.into(),
        ..Default::default()
    };
    let fault = cloud.expect_fault::<CreateExportTask>(export("none")).await;
    assert_eq!(fault.message(), "The given bucket does not exist. Please make sure the bucket is valid.");
    let id = cloud.ok::<CreateExportTask>(export("b")).await.task_id.unwrap();
    assert_eq!(cloud.expect_fault::<CreateExportTask>(export("b")).await.name(), "LimitExceededException", "one at a time");
    cloud.others.take();
    cloud.pass(2).await;
    let expected = [
        format!("b/exportedlogs/{id}/a-b/000000.gz: 2025-11-24T16:00:00.500Z three\n"),
        format!("b/exportedlogs/{id}/s/000000.gz: 2025-11-24T16:00:00Z one\n2025-11-24T16:00:01Z two\n"),
    ];
    assert_eq!(cloud.others.take(), expected);
    let task = &cloud.ok::<DescribeExportTasks>(Default::default()).await.export_tasks.unwrap()[0];
    assert_eq!(task.status.as_ref().unwrap().code.as_deref(), Some("COMPLETED"));
    assert_eq!(cloud.expect_fault::<CancelExportTask>(CancelExportTaskRequest { task_id: id }).await.name(), "InvalidOperationException");
}

#[tokio::test]
async fn a_query_answers_rows_and_a_record_is_found_by_its_pointer() {
    let cloud = TestCloud::with_stream().await;
    cloud.put("g", "s", &[(0, r#"{"level":"INFO","ms":5}"#), (1_000, r#"{"level":"ERROR","ms":7}"#)]).await;
    let start = cloudlet_testing::START.secs();
    let query = |text: &str| StartQueryRequest {
        log_group_name: Some("g".into()),
        start_time: start - 60,
        end_time: start + 60,
        query_string: text.into(),
        ..Default::default()
    };
    let run = async |text: &str| {
        let query_id = cloud.ok::<StartQuery>(query(text)).await.query_id.unwrap();
        cloud.ok::<GetQueryResults>(GetQueryResultsRequest { query_id, ..Default::default() }).await
    };
    let results = run("fields ms | filter level = 'ERROR'").await;
    assert_eq!(results.status.as_deref(), Some("Complete"));
    let rows = results.results.unwrap();
    assert_eq!((rows.len(), rows[0][0].field.as_deref(), rows[0][0].value.as_deref()), (1, Some("ms"), Some("7")));
    let statistics = results.statistics.unwrap();
    assert_eq!((statistics.records_matched, statistics.records_scanned), (Some(1.0), Some(2.0)));
    let pointer = rows[0][1].value.clone().unwrap();
    let record = cloud.ok::<GetLogRecord>(GetLogRecordRequest { log_record_pointer: pointer, ..Default::default() }).await.log_record.unwrap();
    assert_eq!((record["level"].as_str(), record["@logStream"].as_str()), ("ERROR", "s"));
    let rows = run("stats sum(ms) as total").await.results.unwrap();
    assert_eq!(rows[0][0].value.as_deref(), Some("12"));
    let rows = run("").await.results.unwrap();
    assert_eq!(rows[0][0].value.as_deref(), Some("2025-11-24 16:00:01.000"), "the newest first");

    let fault = cloud.expect_fault::<StartQuery>(query("nonsense")).await;
    assert_eq!(fault.name(), "MalformedQueryException");
    assert_eq!(cloud.expect_fault::<StartQuery>(query("pattern @message")).await.status(), 501);
    let queries = cloud.ok::<DescribeQueries>(DescribeQueriesRequest { max_results: Some(2), ..Default::default() }).await;
    assert_eq!((queries.queries.unwrap().len(), queries.next_token.is_some()), (2, true));
    let fields = cloud.ok::<GetLogGroupFields>(GetLogGroupFieldsRequest { log_group_name: Some("g".into()), ..Default::default() }).await;
    assert!(fields.log_group_fields.unwrap().iter().any(|field| field.name.as_deref() == Some("level") && field.percent == Some(100)));
}

#[tokio::test]
async fn a_query_answers_more_rows_than_a_page_has_if_it_is_asked_to() {
    let cloud = TestCloud::with_stream().await;
    let events = vec![(0, "x"); 10_000];
    cloud.put("g", "s", &events).await;
    cloud.put("g", "s", &events).await;
    let start = cloudlet_testing::START.secs();
    let page = async |limit: Option<i32>| {
        let query = StartQueryRequest {
            log_group_name: Some("g".into()),
            start_time: start - 60,
            end_time: start + 60,
            query_string: "fields @message".into(),
            limit,
            ..Default::default()
        };
        let query_id = cloud.ok::<StartQuery>(query).await.query_id.unwrap();
        let (mut lengths, mut next_token) = (Vec::new(), None);
        loop {
            let input = GetQueryResultsRequest { query_id: query_id.clone(), next_token, ..Default::default() };
            let results = cloud.ok::<GetQueryResults>(input).await;
            lengths.push(results.results.unwrap().len());
            next_token = results.next_token;
            if next_token.is_none() {
                return lengths;
            }
        }
    };
    assert_eq!(page(None).await, [10_000]);
    assert_eq!(page(Some(15_000)).await, [10_000, 5_000]);
}

#[tokio::test]
async fn query_definitions_are_kept() {
    let cloud = TestCloud::new();
    let put = |id: Option<&str>, name: &str| PutQueryDefinitionRequest {
        name: name.into(),
        query_string: "fields @message".into(),
        query_definition_id: id.map(Into::into),
        ..Default::default()
    };
    let id = cloud.ok::<PutQueryDefinition>(put(None, "one")).await.query_definition_id.unwrap();
    cloud.ok::<PutQueryDefinition>(put(Some(&id), "two")).await;
    assert_eq!(cloud.expect_fault::<PutQueryDefinition>(put(Some("x"), "two")).await.name(), "ResourceNotFoundException");
    let found = cloud.ok::<DescribeQueryDefinitions>(Default::default()).await.query_definitions.unwrap();
    assert_eq!((found.len(), found[0].name.as_deref()), (1, Some("two")));
    let delete = || DeleteQueryDefinitionRequest { query_definition_id: id.clone() };
    assert_eq!(cloud.ok::<DeleteQueryDefinition>(delete()).await.success, Some(true));
    assert_eq!(cloud.expect_fault::<DeleteQueryDefinition>(delete()).await.name(), "ResourceNotFoundException");
    let again = |token: &str| PutQueryDefinitionRequest { client_token: Some(token.into()), ..put(None, "three") };
    let mut ids = Vec::new();
    for token in ["t", "t", "u"] {
        ids.push(cloud.ok::<PutQueryDefinition>(again(token)).await.query_definition_id.unwrap());
    }
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "a request that comes again makes no second one: {ids:?}");
}
