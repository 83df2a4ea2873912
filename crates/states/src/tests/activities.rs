use super::fixture::*;
use cloudlet_api_states::*;
use std::{future::Future, pin::pin, task::Poll};

const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:work";

fn poll_input() -> GetActivityTaskInput {
    GetActivityTaskInput { activity_arn: ACTIVITY.into(), worker_name: Some("one".into()) }
}

#[tokio::test]
async fn a_worker_that_leaves_takes_no_task_along() {
    let Fixture { cloud, .. } = fixture();
    cloud.ok::<CreateActivity>(CreateActivityInput { name: "work".into(), ..Default::default() }).await;
    let machine = create(&cloud, "m", "STANDARD", json!({"First": {"Type": "Task", "Resource": ACTIVITY, "End": true}})).await;
    {
        let mut poll = pin!(cloud.call::<GetActivityTask>(poll_input()));
        let first = std::future::poll_fn(|context| Poll::Ready(poll.as_mut().poll(context).is_pending())).await;
        assert!(first, "there is no task yet");
        start(&cloud, &machine, json!({})).await;
    }
    let task = cloud.ok::<GetActivityTask>(poll_input()).await;
    assert!(task.task_token.is_some());
}

#[tokio::test]
async fn a_task_of_an_activity_that_does_not_exist_is_not_scheduled() {
    let Fixture { cloud, .. } = fixture();
    let machine = create(&cloud, "m", "STANDARD", json!({"First": {"Type": "Task", "Resource": ACTIVITY, "End": true}})).await;
    let arn = start(&cloud, &machine, json!({})).await;
    assert_eq!(kinds(&cloud, &arn).await, ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]);
    let cause = format!("An error occurred while executing the state 'First' (entered at the event id #2). The activity {ACTIVITY} does not exist.");
    assert_eq!(describe(&cloud, &arn).await.cause, Some(cause));
}
