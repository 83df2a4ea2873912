use super::fixture::{TestCloud, arn, bob, bodies, receive, redrive};
use cloudlet_api_sqs::*;
use std::sync::Arc;

/// A queue `q` and its dead-letter queue with a number of dead letters.
async fn with_dead_letters(cloud: &TestCloud, count: usize) -> (String, String) {
    let dead = cloud.create("dead", &[]).await;
    let url = cloud.create("q", &[("RedrivePolicy", &redrive("dead", 1)), ("VisibilityTimeout", "0")]).await;
    for body in 0..count {
        cloud.send(&url, &format!("m{body}")).await;
    }
    for _ in 0..count.div_ceil(10) * 2 {
        cloud.receive(&url).await;
    }
    assert_eq!(cloud.counts(&dead).await[0], count.to_string());
    (url, dead)
}

fn start(destination: Option<&str>, rate: Option<i32>) -> StartMessageMoveTaskRequest {
    StartMessageMoveTaskRequest {
        source_arn: arn("dead").to_string(),
        destination_arn: destination.map(|name| arn(name).to_string()),
        max_number_of_messages_per_second: rate,
    }
}

async fn tasks(cloud: &TestCloud) -> Vec<ListMessageMoveTasksResultEntry> {
    let input = ListMessageMoveTasksRequest { source_arn: arn("dead").to_string(), max_results: Some(10) };
    cloud.call::<ListMessageMoveTasks>(input).await.unwrap().results.unwrap_or_default()
}

#[tokio::test]
async fn dead_letters_return_to_their_source_as_new_messages() {
    let cloud = TestCloud::new();
    let (url, dead) = with_dead_letters(&cloud, 2).await;
    cloud.advance(7);
    cloud.call::<StartMessageMoveTask>(start(None, None)).await.unwrap();
    let input = ReceiveMessageRequest { attribute_names: Some(vec!["All".into()]), max_number_of_messages: Some(10), ..receive(&url) };
    let back = cloud.receive_with(input).await;
    assert_eq!(bodies(&back), ["m0", "m1"]);
    let attributes = back[0].attributes.as_ref().unwrap();
    assert_eq!((attributes["ApproximateReceiveCount"].as_str(), attributes["SentTimestamp"].as_str()), ("1", "1764000007000"));
    assert!(!attributes.contains_key("DeadLetterQueueSourceArn"));
    assert!(cloud.receive(&dead).await.is_empty());
    let [task] = &tasks(&cloud).await[..] else { panic!("one task") };
    assert_eq!((task.status.as_deref(), task.approximate_number_of_messages_moved), (Some("COMPLETED"), Some(2)));
    assert_eq!((task.approximate_number_of_messages_to_move, &task.task_handle, &task.destination_arn), (Some(2), &None, &None));
}

#[tokio::test]
async fn a_task_moves_as_many_a_second_as_it_may() {
    let cloud = TestCloud::new();
    with_dead_letters(&cloud, 5).await;
    let to = cloud.create("to", &[]).await;
    cloud.call::<StartMessageMoveTask>(start(Some("to"), Some(2))).await.unwrap();
    assert_eq!(cloud.receive(&to).await.len(), 2);
    cloud.advance_millis(999);
    assert!(cloud.receive(&to).await.is_empty());
    cloud.advance_millis(1);
    assert_eq!(cloud.receive(&to).await.len(), 2);
    let task = tasks(&cloud).await.remove(0);
    assert_eq!((task.status.as_deref(), task.approximate_number_of_messages_moved), (Some("RUNNING"), Some(4)));
    assert_eq!(task.max_number_of_messages_per_second, Some(2));
    cloud.advance(1);
    assert_eq!(cloud.receive(&to).await.len(), 1);
    assert_eq!(tasks(&cloud).await[0].status.as_deref(), Some("COMPLETED"));
}

#[tokio::test]
async fn a_moved_message_wakes_who_waits_for_it() {
    let cloud = Arc::new(TestCloud::new());
    with_dead_letters(&cloud, 2).await;
    let to = cloud.create("to", &[]).await;
    let waiter = |cloud: Arc<TestCloud>, to: String| {
        tokio::spawn(async move { cloud.receive_with(ReceiveMessageRequest { wait_time_seconds: Some(20), ..receive(&to) }).await })
    };
    let first = waiter(cloud.clone(), to.clone());
    tokio::task::yield_now().await;
    cloud.call::<StartMessageMoveTask>(start(Some("to"), Some(1))).await.unwrap();
    assert_eq!(bodies(&first.await.unwrap()), ["m0"]);
    let second = waiter(cloud.clone(), to);
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    cloud.advance(1);
    assert_eq!(bodies(&second.await.unwrap()), ["m1"]);
}

#[tokio::test]
async fn a_cancelled_task_moves_no_more() {
    let cloud = TestCloud::new();
    with_dead_letters(&cloud, 3).await;
    let to = cloud.create("to", &[]).await;
    let handle = cloud.call::<StartMessageMoveTask>(start(Some("to"), Some(1))).await.unwrap().task_handle.unwrap();
    assert_eq!(tasks(&cloud).await[0].task_handle.as_ref(), Some(&handle));
    let again = cloud.call::<StartMessageMoveTask>(start(Some("to"), Some(1))).await.unwrap_err();
    assert_eq!(again.message(), "There is already a task running. Only one active task is allowed for a source queue arn at a given time.");
    cloud.advance(1);
    let cancel = || cloud.call::<CancelMessageMoveTask>(CancelMessageMoveTaskRequest { task_handle: handle.clone() });
    assert_eq!(cancel().await.unwrap().approximate_number_of_messages_moved, Some(2));
    cloud.advance(60);
    assert_eq!(cloud.receive(&to).await.len(), 2);
    assert_eq!(tasks(&cloud).await[0].status.as_deref(), Some("CANCELLED"));
    assert_eq!(cancel().await.unwrap_err().name(), "UnsupportedOperation");
    cloud.call::<StartMessageMoveTask>(start(Some("to"), None)).await.unwrap();
    assert_eq!(tasks(&cloud).await.len(), 2);
}

#[tokio::test]
async fn a_message_without_a_source_queue_fails_the_task_and_stays() {
    let cloud = TestCloud::new();
    let (_, dead) = with_dead_letters(&cloud, 1).await;
    cloud.send(&dead, "sent here").await;
    cloud.call::<StartMessageMoveTask>(start(None, None)).await.unwrap();
    let task = tasks(&cloud).await.remove(0);
    assert_eq!((task.status.as_deref(), task.failure_reason.as_deref()), (Some("FAILED"), Some("CouldNotDetermineMessageSource")));
    assert_eq!(bodies(&cloud.receive(&dead).await), ["sent here"]);
}

#[tokio::test]
async fn a_move_between_fifo_queues_preserves_order() {
    let cloud = TestCloud::new();
    let fifo = [("FifoQueue", "true"), ("ContentBasedDeduplication", "true"), ("VisibilityTimeout", "0")];
    cloud.create("dead.fifo", &fifo).await;
    let policy = redrive("dead.fifo", 1);
    let url = cloud.create("q.fifo", &[&fifo[..], &[("RedrivePolicy", policy.as_str())]].concat()).await;
    for body in ["1", "2", "3"] {
        cloud.send_to(&url, "g", body).await;
    }
    cloud.receive(&url).await;
    assert!(cloud.receive(&url).await.is_empty());
    let input = StartMessageMoveTaskRequest { source_arn: arn("dead.fifo").to_string(), ..StartMessageMoveTaskRequest::default() };
    cloud.call::<StartMessageMoveTask>(input).await.unwrap();
    assert_eq!(bodies(&cloud.receive(&url).await), ["1", "2", "3"]);
}

#[tokio::test]
async fn source_and_destination_must_exist() {
    let cloud = TestCloud::new();
    with_dead_letters(&cloud, 1).await;
    cloud.create("plain", &[]).await;
    let from = |source: &str, to: Option<&str>| StartMessageMoveTaskRequest {
        source_arn: source.into(),
        destination_arn: to.map(Into::into),
        max_number_of_messages_per_second: None,
    };
    let (dead, plain, absent) = (arn("dead").to_string(), arn("plain").to_string(), arn("absent").to_string());
    for (input, code, message) in [
        (from(&plain, None), "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."),
        (from(&absent, None), "ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."),
        (from(&dead, Some(&absent)), "ResourceNotFoundException", "The resource that you specified for the DestinationArn parameter doesn't exist."),
        (
            from("dead", None),
            "InvalidParameterValue",
            "You must use this format to specify the SourceArn: arn:<partition>:<service>:<region>:<account-id>:<resource-id>",
        ),
    ] {
        let fault = cloud.call::<StartMessageMoveTask>(input).await.unwrap_err();
        assert_eq!((fault.code(), fault.message()), (code, message));
    }
    for rate in [0, 501] {
        let input = StartMessageMoveTaskRequest { max_number_of_messages_per_second: Some(rate), ..from(&dead, None) };
        assert_eq!(cloud.call::<StartMessageMoveTask>(input).await.unwrap_err().code(), "InvalidParameterValue");
    }
    let cancel = |handle: &str| cloud.call::<CancelMessageMoveTask>(CancelMessageMoveTaskRequest { task_handle: handle.into() });
    assert_eq!(cancel("nonsense").await.unwrap_err().message(), "Value for parameter TaskHandle is invalid.");
    let handle = cloud.call::<StartMessageMoveTask>(from(&dead, None)).await.unwrap().task_handle.unwrap();
    cloud.reset(None).await.unwrap();
    with_dead_letters(&cloud, 1).await;
    let absent = cancel(&handle).await.unwrap_err();
    assert_eq!((absent.code(), absent.message()), ("ResourceNotFoundException", "Task does not exist."));
}

#[tokio::test]
async fn a_task_without_a_destination_is_authorized_for_the_queues_that_messages_came_from() {
    let cloud = TestCloud::new();
    let (url, _) = with_dead_letters(&cloud, 1).await;
    // The dead-letter queue gets another source, and the queue of the dead letter is none any more.
    cloud.set(&url, &[("RedrivePolicy", "")]).await.unwrap();
    let allowed = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/bob"},"Action":"sqs:*","Resource":"*"}}"#;
    cloud.create("other", &[("RedrivePolicy", &redrive("dead", 1)), ("Policy", allowed)]).await;
    cloud.set(&cloud.create("dead", &[]).await, &[("Policy", allowed)]).await.unwrap();
    let start_as_bob = || cloud.call_as::<StartMessageMoveTask>(bob(), start(None, None));
    assert_eq!(start_as_bob().await.unwrap_err().code(), "AccessDenied");
    cloud.set(&url, &[("Policy", allowed)]).await.unwrap();
    start_as_bob().await.unwrap();
    assert_eq!(bodies(&cloud.receive(&url).await), ["m0"]);
}

#[tokio::test]
async fn a_task_does_not_move_to_a_queue_that_became_a_source_after_its_start() {
    let cloud = TestCloud::new();
    let (url, _) = with_dead_letters(&cloud, 2).await;
    cloud.call::<StartMessageMoveTask>(start(None, Some(1))).await.unwrap();
    let late = cloud.create("late", &[("RedrivePolicy", &redrive("dead", 1)), ("VisibilityTimeout", "0")]).await;
    cloud.send(&late, "late").await;
    cloud.receive(&late).await;
    cloud.receive(&late).await;
    cloud.advance(10);
    assert_eq!(cloud.counts(&late).await[0], "0");
    let task = tasks(&cloud).await.remove(0);
    assert_eq!((task.status.as_deref(), task.failure_reason.as_deref()), (Some("FAILED"), Some("AccessDenied")));
    assert_eq!(cloud.counts(&url).await[0], "2");
}
