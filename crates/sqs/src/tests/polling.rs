use super::fixture::{TestCloud, bodies, message, receive};
use cloudlet_api_sqs::*;
use std::{future::Future, pin::Pin, sync::Arc, task::Poll};

fn long(url: &str) -> ReceiveMessageRequest {
    ReceiveMessageRequest { wait_time_seconds: Some(20), max_number_of_messages: Some(10), ..receive(url) }
}

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn poll(cloud: &Arc<TestCloud>, input: ReceiveMessageRequest) -> tokio::task::JoinHandle<Vec<Message>> {
    let cloud = cloud.clone();
    tokio::spawn(async move { cloud.receive_with(input).await })
}

#[tokio::test]
async fn a_long_poll_wakes_at_once_for_a_message() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    let waiter = poll(&cloud, long(&url));
    settle().await;
    assert!(!waiter.is_finished());
    cloud.send(&url, "m").await;
    assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
}

#[tokio::test]
async fn a_long_poll_ends_empty_when_its_time_is_over() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[("ReceiveMessageWaitTimeSeconds", "10")]).await;
    let waiter = poll(&cloud, receive(&url));
    settle().await;
    cloud.advance_millis(9_999);
    settle().await;
    assert!(!waiter.is_finished());
    cloud.advance_millis(1);
    assert!(waiter.await.unwrap().is_empty());
    let short = ReceiveMessageRequest { wait_time_seconds: Some(0), ..receive(&url) };
    assert!(cloud.receive_with(short).await.is_empty(), "a receive may ask not to wait");
}

#[tokio::test]
async fn each_of_two_pollers_gets_one_of_two_messages() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    let one = ReceiveMessageRequest { wait_time_seconds: Some(20), ..receive(&url) };
    let waiters = [poll(&cloud, one.clone()), poll(&cloud, one)];
    settle().await;
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
async fn a_message_that_becomes_visible_wakes_who_waits() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[("VisibilityTimeout", "5")]).await;
    // A delay is over.
    let waiter = poll(&cloud, long(&url));
    settle().await;
    cloud.call::<SendMessage>(SendMessageRequest { delay_seconds: Some(3), ..message(&url, "m") }).await.unwrap();
    settle().await;
    cloud.advance(3);
    assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
    // A visibility timeout is over.
    let waiter = poll(&cloud, long(&url));
    settle().await;
    cloud.advance(5);
    let seen = waiter.await.unwrap();
    assert_eq!(bodies(&seen), ["m"]);
    // A visibility timeout is ended.
    let waiter = poll(&cloud, long(&url));
    settle().await;
    cloud.change(&url, &seen[0], 0).await.unwrap();
    assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
}

#[tokio::test]
async fn a_poller_hears_of_a_timeout_that_began_after_it_did() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    let waiter = poll(&cloud, long(&url));
    settle().await;
    // Taken by somebody who did not wait, before the waiter looked.
    let input = ReceiveMessageRequest { visibility_timeout: Some(2), ..receive(&url) };
    cloud.send(&url, "m").await;
    let taken = cloud.receive_with(input).await;
    settle().await;
    if taken.is_empty() {
        assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
    } else {
        assert!(!waiter.is_finished());
        cloud.advance(2);
        assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
    }
}

#[tokio::test]
async fn the_next_of_a_group_wakes_who_waits_when_the_first_is_deleted() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q.fifo", &[("FifoQueue", "true"), ("ContentBasedDeduplication", "true")]).await;
    cloud.send_to(&url, "g", "1").await;
    cloud.send_to(&url, "g", "2").await;
    let first = cloud.receive_one(&url).await.unwrap();
    let waiter = poll(&cloud, long(&url));
    settle().await;
    assert!(!waiter.is_finished());
    cloud.delete(&url, &first).await.unwrap();
    assert_eq!(bodies(&waiter.await.unwrap()), ["2"]);
}

#[tokio::test]
async fn the_next_of_a_group_comes_when_what_blocked_it_is_a_dead_letter_or_too_old() {
    let cloud = Arc::new(TestCloud::new());
    let fifo = [("FifoQueue", "true"), ("ContentBasedDeduplication", "true")];
    let url = cloud.create("q.fifo", &[&fifo[..], &[("MessageRetentionPeriod", "60"), ("VisibilityTimeout", "600")]].concat()).await;
    cloud.send_to(&url, "g", "old").await;
    cloud.receive_one(&url).await.unwrap();
    cloud.advance(50);
    cloud.send_to(&url, "g", "young").await;
    let waiter = poll(&cloud, long(&url));
    settle().await;
    cloud.advance(10);
    assert_eq!(bodies(&waiter.await.unwrap()), ["young"]);

    cloud.create("dead.fifo", &fifo).await;
    let policy = super::fixture::redrive("dead.fifo", 1);
    let url = cloud.create("r.fifo", &[&fifo[..], &[("RedrivePolicy", policy.as_str()), ("VisibilityTimeout", "5")]].concat()).await;
    cloud.send_to(&url, "g", "bad").await;
    cloud.receive_one(&url).await.unwrap();
    cloud.send_to(&url, "g", "good").await;
    let waiter = poll(&cloud, long(&url));
    settle().await;
    cloud.advance(5);
    assert_eq!(bodies(&waiter.await.unwrap()), ["good"]);
}

#[tokio::test]
async fn a_poll_ends_with_its_client_and_takes_nothing() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    {
        let mut gone: Pin<Box<dyn Future<Output = Vec<Message>>>> = Box::pin(cloud.receive_with(long(&url)));
        assert!(futures_poll(&mut gone).await.is_pending());
        cloud.send(&url, "m").await;
        // It was woken, and is dropped before it looks.
    }
    let waiter = poll(&cloud, long(&url));
    assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
}

#[tokio::test]
async fn a_wake_up_that_nobody_used_goes_to_the_next_who_waits() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    let mut gone: Pin<Box<dyn Future<Output = Vec<Message>>>> = Box::pin(cloud.receive_with(long(&url)));
    assert!(futures_poll(&mut gone).await.is_pending());
    let waiter = poll(&cloud, long(&url));
    settle().await;
    cloud.send(&url, "m").await;
    drop(gone);
    assert_eq!(bodies(&waiter.await.unwrap()), ["m"]);
}

#[tokio::test]
async fn a_poll_of_a_queue_that_is_deleted_is_told() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    let waiter = {
        let (cloud, url) = (cloud.clone(), url.clone());
        tokio::spawn(async move { cloud.call::<ReceiveMessage>(long(&url)).await })
    };
    settle().await;
    cloud.call::<DeleteQueue>(DeleteQueueRequest { queue_url: url }).await.unwrap();
    let outcome = waiter.await.unwrap();
    assert_eq!(outcome.err().map(|fault| fault.name().to_owned()).as_deref(), Some("QueueDoesNotExist"));
}

/// Polls once.
async fn futures_poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}
