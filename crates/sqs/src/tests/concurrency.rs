//! Many senders and receivers at once: no message is lost, received twice or out of the order of its group, and every wait ends when
//! messages come. The clock is stopped, so messages alone wake waiting receives.

use super::fixture::{TestCloud, receive};
use cloudlet_api_sqs::*;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

const SENDERS: usize = 4;
const EACH: usize = 300;

async fn send_and_receive(
    url: &str,
    cloud: Arc<TestCloud>,
    group_of: impl Fn(usize) -> Option<String> + Copy + Send + Sync + 'static,
) -> Vec<Vec<String>> {
    let remaining = Arc::new(AtomicUsize::new(SENDERS * EACH));
    let receivers: Vec<_> = (0..4)
        .map(|most| {
            let (cloud, remaining, url) = (cloud.clone(), remaining.clone(), url.to_owned());
            tokio::spawn(async move {
                let mut seen = vec![];
                while remaining.load(Ordering::SeqCst) > 0 {
                    let input = ReceiveMessageRequest { max_number_of_messages: Some(most + 1), wait_time_seconds: Some(20), ..receive(&url) };
                    for message in cloud.receive_with(input).await {
                        seen.push(message.body.clone().unwrap());
                        cloud.delete(&url, &message).await.unwrap();
                        if remaining.fetch_sub(1, Ordering::SeqCst) == 1 {
                            // That was the last: the other receives need not wait on.
                            cloud.advance(20);
                        }
                    }
                }
                seen
            })
        })
        .collect();
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (cloud, url) = (cloud.clone(), url.to_owned());
            tokio::spawn(async move {
                for number in 0..EACH {
                    let body = format!("{sender} {number:05}");
                    match group_of(sender) {
                        Some(group) => drop(cloud.send_to(&url, &group, &body).await),
                        None => drop(cloud.send(&url, &body).await),
                    }
                    if number % 7 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let mut seen = vec![];
    for receiver in receivers {
        seen.push(receiver.await.unwrap());
    }
    seen
}

fn assert_each_once(seen: &[Vec<String>]) {
    let mut all: Vec<&String> = seen.iter().flatten().collect();
    all.sort();
    let count = all.len();
    all.dedup();
    assert_eq!((all.len(), count), (SENDERS * EACH, SENDERS * EACH));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_message_of_a_standard_queue_is_received_once() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    let seen = send_and_receive(&url, cloud, |sender| (sender % 2 == 0).then(|| format!("tenant-{sender}"))).await;
    assert_each_once(&seen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_group_of_a_fifo_queue_is_received_in_order() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q.fifo", &[("FifoQueue", "true"), ("ContentBasedDeduplication", "true")]).await;
    let seen = send_and_receive(&url, cloud, |sender| Some(format!("group-{sender}"))).await;
    assert_each_once(&seen);
    // Each receiver gets the messages of a group in their order; others get those in between.
    for bodies in &seen {
        let mut last: BTreeMap<&str, &str> = BTreeMap::new();
        for body in bodies {
            let (sender, number) = body.split_once(' ').unwrap();
            assert!(last.insert(sender, number).is_none_or(|before| before < number), "{body} is out of order");
        }
    }
}
