use super::fixture::*;
use cloudlet_api_lambda::*;
use cloudlet_testing::TestCloud;
use std::sync::Arc;

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";

fn mapping() -> CreateEventSourceMappingRequest {
    CreateEventSourceMappingRequest { event_source_arn: Some(QUEUE.into()), function_name: "f".into(), ..Default::default() }
}

async fn with_code(sqs: &Arc<Sqs>, code: &str) -> TestCloud {
    let cloud = with_sqs(sqs);
    cloud.ok::<CreateFunction>(running(code)).await;
    cloud
}

fn deleted(sqs: &Sqs) -> Vec<String> {
    let mut deleted = std::mem::take(&mut *sqs.deleted.lock());
    deleted.sort();
    deleted
}

#[tokio::test]
async fn handled_messages_are_deleted_and_others_are_not() {
    for (code, partial, expected) in [
        ("echo", false, vec!["0", "1", "2"]),
        ("fail", false, vec![]),
        ("first fails", true, vec!["1", "2"]),
        ("first fails", false, vec!["0", "1", "2"]),
    ] {
        let sqs = Arc::new(Sqs::default());
        let cloud = with_code(&sqs, code).await;
        *sqs.messages.lock() = vec!["0".into(), "1".into(), "2".into()];
        let types = partial.then(|| vec!["ReportBatchItemFailures".to_owned()]);
        let made = cloud.ok::<CreateEventSourceMapping>(CreateEventSourceMappingRequest { function_response_types: types, ..mapping() }).await;
        assert_eq!((made.state.as_deref(), made.batch_size), (Some("Creating"), Some(10)));
        cloud.pass(1).await;
        assert_eq!(deleted(&sqs), expected, "{code} {partial}");
    }
}

#[tokio::test]
async fn filters_delete_what_they_refuse() {
    let sqs = Arc::new(Sqs::default());
    let cloud = with_code(&sqs, "fail").await;
    *sqs.messages.lock() = vec![r#"{"take":true}"#.into(), r#"{"take":false}"#.into()];
    let criteria = |pattern: &str| Some(FilterCriteria { filters: Some(vec![Filter { pattern: Some(pattern.into()) }]) });
    let fault =
        cloud.expect_fault::<CreateEventSourceMapping>(CreateEventSourceMappingRequest { filter_criteria: criteria("[]"), ..mapping() }).await;
    assert_eq!(fault.message(), "Invalid filter pattern definition.");
    let input = CreateEventSourceMappingRequest { filter_criteria: criteria(r#"{"body":{"take":[true]}}"#), ..mapping() };
    cloud.ok::<CreateEventSourceMapping>(input).await;
    cloud.pass(1).await;
    assert_eq!(deleted(&sqs), [r#"{"take":false}"#]);
}

#[tokio::test]
async fn a_window_gathers_a_batch() {
    let sqs = Arc::new(Sqs::default());
    let cloud = with_code(&sqs, "echo").await;
    let input = CreateEventSourceMappingRequest { batch_size: Some(100), maximum_batching_window_in_seconds: Some(20), ..mapping() };
    cloud.ok::<CreateEventSourceMapping>(input).await;
    *sqs.messages.lock() = vec!["0".into()];
    cloud.pass(1).await;
    *sqs.messages.lock() = vec!["1".into()];
    for _ in 0..10 {
        cloud.pass(1).await;
    }
    assert!(deleted(&sqs).is_empty());
    for _ in 0..12 {
        cloud.pass(1).await;
    }
    assert_eq!(deleted(&sqs), ["0", "1"]);
}

#[tokio::test]
async fn mappings_are_checked_changed_and_deleted() {
    let sqs = Arc::new(Sqs::default());
    let cloud = with_code(&sqs, "echo").await;
    let refused = |input: CreateEventSourceMappingRequest| {
        let cloud = &cloud;
        async move { cloud.expect_fault::<CreateEventSourceMapping>(input).await.message().to_owned() }
    };
    let many = CreateEventSourceMappingRequest { batch_size: Some(11), ..mapping() };
    assert_eq!(refused(many).await, "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10");
    let none = CreateEventSourceMappingRequest { event_source_arn: None, ..mapping() };
    assert_eq!(refused(none).await, "Unrecognized event source.");
    let absent = CreateEventSourceMappingRequest { function_name: "g".into(), ..mapping() };
    assert_eq!(refused(absent).await, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g");
    let made = cloud.ok::<CreateEventSourceMapping>(mapping()).await;
    let id = made.uuid.unwrap();
    assert!(refused(mapping()).await.ends_with(&format!("Please update or delete the existing mapping with UUID {id}")));
    let off = UpdateEventSourceMappingRequest { uuid: id.clone(), enabled: Some(false), ..Default::default() };
    assert_eq!(cloud.ok::<UpdateEventSourceMapping>(off).await.state.as_deref(), Some("Disabling"));
    *sqs.messages.lock() = vec!["0".into()];
    cloud.pass(10).await;
    assert_eq!(sqs.messages.lock().len(), 1, "nothing is received");
    let listed = cloud.ok::<ListEventSourceMappings>(ListEventSourceMappingsRequest::default()).await.event_source_mappings.unwrap();
    assert_eq!(listed.iter().map(|mapping| mapping.state.as_deref()).collect::<Vec<_>>(), [Some("Disabled")]);
    cloud.ok::<DeleteEventSourceMapping>(DeleteEventSourceMappingRequest { uuid: id.clone() }).await;
    assert_eq!(cloud.expect_fault::<GetEventSourceMapping>(GetEventSourceMappingRequest { uuid: id }).await.status(), 404);
}

#[tokio::test]
async fn what_only_streams_have_is_refused() {
    let cloud = with_code(&Arc::new(Sqs::default()), "echo").await;
    for (input, message) in [
        (
            CreateEventSourceMappingRequest { starting_position: Some("LATEST".into()), ..mapping() },
            "StartingPosition is not valid for SQS event sources.",
        ),
        (
            CreateEventSourceMappingRequest { parallelization_factor: Some(2), ..mapping() },
            "Unsupported ParallelizationFactor parameter for given event source mapping type.",
        ),
        (
            CreateEventSourceMappingRequest { topics: Some(vec!["t".into()]), ..mapping() },
            "Unsupported Topics parameter for given event source mapping type.",
        ),
        (
            CreateEventSourceMappingRequest { self_managed_event_source: Some(SelfManagedEventSource::default()), ..mapping() },
            "Unsupported SelfManagedEventSource parameter for given event source mapping type.",
        ),
        (
            CreateEventSourceMappingRequest { document_db_event_source_config: Some(Default::default()), ..mapping() },
            "Unsupported DocumentDBEventSourceConfig parameter for given event source mapping type.",
        ),
    ] {
        assert_eq!(cloud.expect_fault::<CreateEventSourceMapping>(input).await.message(), message);
    }
    let elsewhere =
        CreateEventSourceMappingRequest { event_source_arn: None, self_managed_event_source: Some(SelfManagedEventSource::default()), ..mapping() };
    assert_eq!(cloud.expect_fault::<CreateEventSourceMapping>(elsewhere).await.status(), 501);
}

#[tokio::test]
async fn a_queue_with_an_order_has_small_batches_and_no_window() {
    let cloud = with_code(&Arc::new(Sqs::default()), "echo").await;
    let fifo = CreateEventSourceMappingRequest { event_source_arn: Some(format!("{QUEUE}.fifo")), ..mapping() };
    let window = CreateEventSourceMappingRequest { batch_size: Some(100), maximum_batching_window_in_seconds: Some(5), ..fifo.clone() };
    let fault = cloud.expect_fault::<CreateEventSourceMapping>(window).await;
    assert_eq!(fault.message(), "Batching window is not supported for FIFO queues");
    let large = CreateEventSourceMappingRequest { batch_size: Some(11), ..fifo };
    assert_eq!(cloud.expect_fault::<CreateEventSourceMapping>(large).await.name(), "InvalidParameterValueException");
}

#[tokio::test]
async fn a_mapping_is_checked_anew_for_another_function() {
    let cloud = with_code(&Arc::new(Sqs::default()), "echo").await;
    cloud.ok::<CreateFunction>(CreateFunctionRequest { timeout: Some(60), ..python("slow") }).await;
    let id = cloud.ok::<CreateEventSourceMapping>(mapping()).await.uuid.unwrap();
    let update = |name: &str| UpdateEventSourceMappingRequest { uuid: id.clone(), function_name: Some(name.into()), ..Default::default() };
    let fault = cloud.expect_fault::<UpdateEventSourceMapping>(update("slow")).await;
    assert_eq!(fault.message(), "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds");
    cloud.ok::<UpdateEventSourceMapping>(update("f")).await;
}
