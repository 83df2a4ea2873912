use super::fixture::{TestCloud, bodies, message, receive};
use cloudlet_api_sqs::*;
use std::{future::Future, pin::Pin, sync::Arc, task::Poll};

fn long(url: &str) -> ReceiveMessageRequest {
    ReceiveMessageRequest { wait_time_seconds: Some(20), max_number_of_messages: Some(10), ..receive(url) }
}

async fn run_other_tasks() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn poll(cloud: &Arc<TestCloud>, input: ReceiveMessageRequest) -> tokio::task::JoinHandle<Vec<Message>> {
    let cloud = cloud.clone();
    tokio::spawn(async move { cloud.receive_with(input).await })
}

#[tokio::test]
async fn a_long_poll_ends_when_a_message_is_sent() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    let waiter = poll(&cloud, long(&url));
    run_other_tasks().await;
    assert!(!waiter.is_finished());
    cloud.send(&url, "m").await;
    assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
}

#[tokio::test]
async fn a_long_poll_ends_empty_when_its_time_is_over() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[("ReceiveMessageWaitTimeSeconds", "10")]).await;
    let waiter = poll(&cloud, receive(&url));
    run_other_tasks().await;
    cloud.advance_millis(9_999);
    run_other_tasks().await;
    assert!(!waiter.is_finished());
    cloud.advance_millis(1);
    assert!(waiter.await.unwrap().is_empty());
    let short = ReceiveMessageRequest { wait_time_seconds: Some(0), ..receive(&url) };
    assert!(cloud.receive_with(short).await.is_empty(), "a receive can override the wait of its queue");
}

#[tokio::test]
async fn two_long_polls_get_one_message_each() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    let one = ReceiveMessageRequest { wait_time_seconds: Some(20), ..receive(&url) };
    let waiters = [poll(&cloud, one.clone()), poll(&cloud, one)];
    run_other_tasks().await;
    cloud.send(&url, "a").await;
    cloud.send(&url, "b").await;
    let mut seen = vec![];
    for waiter in waiters {
        seen.extend(waiter.await.unwrap().into_iter().filter_map(|message| message.body));
    }
    seen.sort();
    assert_eq!(seen, ["a", "b"]);
}

#[tokio::test]
async fn a_message_that_becomes_visible_ends_a_long_poll() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[("VisibilityTimeout", "5")]).await;
    // The end of a delay.
    let waiter = poll(&cloud, long(&url));
    run_other_tasks().await;
    cloud.call::<SendMessage>(SendMessageRequest { delay_seconds: Some(3), ..message(&url, "m") }).await.unwrap();
    run_other_tasks().await;
    cloud.advance(3);
    assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
    // The end of a visibility timeout.
    let waiter = poll(&cloud, long(&url));
    run_other_tasks().await;
    cloud.advance(5);
    let seen = waiter.await.unwrap();
    assert_eq!(bodies(&seen), ["m"]);
    // A visibility timeout is set to zero.
    let waiter = poll(&cloud, long(&url));
    run_other_tasks().await;
    cloud.change(&url, &seen[0], 0).await.unwrap();
    assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
}

#[tokio::test]
async fn a_long_poll_knows_of_timeouts_that_began_after_it() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    let waiter = poll(&cloud, long(&url));
    run_other_tasks().await;
    // A short poll may receive the message before the long poll does.
    let input = ReceiveMessageRequest { visibility_timeout: Some(2), ..receive(&url) };
    cloud.send(&url, "m").await;
    let taken = cloud.receive_with(input).await;
    run_other_tasks().await;
    if taken.is_empty() {
        assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
    } else {
        assert!(!waiter.is_finished());
        cloud.advance(2);
        assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
    }
}

#[tokio::test]
async fn deleting_the_first_of_a_group_ends_a_long_poll_with_the_next() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q.fifo", &[("FifoQueue", "true"), ("ContentBasedDeduplication", "true")]).await;
    cloud.send_to(&url, "g", "1").await;
    cloud.send_to(&url, "g", "2").await;
    let first = cloud.receive_one(&url).await.unwrap();
    let waiter = poll(&cloud, long(&url));
    run_other_tasks().await;
    assert!(!waiter.is_finished());
    cloud.delete(&url, &first).await.unwrap();
    assert_eq!(bodies(&waiter.await.unwrap()), ["2"]);
}

#[tokio::test]
async fn a_long_poll_gets_the_next_of_a_group_when_the_first_expires_or_is_a_dead_letter() {
    let cloud = Arc::new(TestCloud::new());
    let fifo = [("FifoQueue", "true"), ("ContentBasedDeduplication", "true")];
    let url = cloud.create("q.fifo", &[&fifo[..], &[("MessageRetentionPeriod", "60"), ("VisibilityTimeout", "600")]].concat()).await;
    cloud.send_to(&url, "g", "old").await;
    cloud.receive_one(&url).await.unwrap();
    cloud.advance(50);
    cloud.send_to(&url, "g", "young").await;
    let waiter = poll(&cloud, long(&url));
    run_other_tasks().await;
    cloud.advance(10);
    assert_eq!(bodies(&waiter.await.unwrap()), ["young"]);

    cloud.create("dead.fifo", &fifo).await;
    let policy = super::fixture::redrive("dead.fifo", 1);
    let url = cloud.create("r.fifo", &[&fifo[..], &[("RedrivePolicy", policy.as_str()), ("VisibilityTimeout", "5")]].concat()).await;
    cloud.send_to(&url, "g", "bad").await;
    cloud.receive_one(&url).await.unwrap();
    cloud.send_to(&url, "g", "good").await;
    let waiter = poll(&cloud, long(&url));
    run_other_tasks().await;
    cloud.advance(5);
    assert_eq!(bodies(&waiter.await.unwrap()), ["good"]);
}

#[tokio::test]
async fn a_cancelled_long_poll_receives_nothing() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    {
        let mut gone: Pin<Box<dyn Future<Output = Vec<Message>>>> = Box::pin(cloud.receive_with(long(&url)));
        assert!(poll_once(&mut gone).await.is_pending());
        cloud.send(&url, "m").await;
        // It was woken, and is dropped before it reads the queue.
    }
    let waiter = poll(&cloud, long(&url));
    assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
}

#[tokio::test]
async fn a_wake_up_of_a_cancelled_long_poll_goes_to_another() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    let mut gone: Pin<Box<dyn Future<Output = Vec<Message>>>> = Box::pin(cloud.receive_with(long(&url)));
    assert!(poll_once(&mut gone).await.is_pending());
    let waiter = poll(&cloud, long(&url));
    run_other_tasks().await;
    cloud.send(&url, "m").await;
    drop(gone);
    assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
}

#[tokio::test]
async fn deleting_a_queue_ends_its_long_polls() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    let waiter = {
        let (cloud, url) = (cloud.clone(), url.clone());
        tokio::spawn(async move { cloud.call::<ReceiveMessage>(long(&url)).await })
    };
    run_other_tasks().await;
    cloud.call::<DeleteQueue>(DeleteQueueRequest { queue_url: url }).await.unwrap();
    let outcome = waiter.await.unwrap();
    assert_eq!(outcome.err().map(|fault| fault.name().to_owned()).as_deref(), Some("QueueDoesNotExist"));
}

/// Polls once.
async fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}
