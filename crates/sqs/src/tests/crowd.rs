//! Many at once: nothing is lost, seen twice or out of its group's order, and nobody sleeps through a message.
//! The clock stands still, so that only the bell can wake who waits.

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

async fn crowd(url: &str, cloud: Arc<TestCloud>, grouped: impl Fn(usize) -> Option<String> + Copy + Send + Sync + 'static) -> Vec<Vec<String>> {
    let left = Arc::new(AtomicUsize::new(SENDERS * EACH));
    let receivers: Vec<_> = (0..4)
        .map(|most| {
            let (cloud, left, url) = (cloud.clone(), left.clone(), url.to_owned());
            tokio::spawn(async move {
                let mut seen = vec![];
                while left.load(Ordering::SeqCst) > 0 {
                    let input = ReceiveMessageRequest { max_number_of_messages: Some(most + 1), wait_time_seconds: Some(20), ..receive(&url) };
                    for message in cloud.receive_with(input).await {
                        seen.push(message.body.clone().unwrap());
                        cloud.delete(&url, &message).await.unwrap();
                        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                            // All are through: who still waits may go.
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
                    match grouped(sender) {
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

fn all_once(seen: &[Vec<String>]) {
    let mut all: Vec<&String> = seen.iter().flatten().collect();
    all.sort();
    let count = all.len();
    all.dedup();
    assert_eq!((all.len(), count), (SENDERS * EACH, SENDERS * EACH));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_loses_nothing_of_a_standard_queue() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q", &[]).await;
    let seen = crowd(&url, cloud, |sender| (sender % 2 == 0).then(|| format!("tenant-{sender}"))).await;
    all_once(&seen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_keeps_the_order_of_each_group() {
    let cloud = Arc::new(TestCloud::new());
    let url = cloud.create("q.fifo", &[("FifoQueue", "true"), ("ContentBasedDeduplication", "true")]).await;
    let seen = crowd(&url, cloud, |sender| Some(format!("group-{sender}"))).await;
    all_once(&seen);
    // One receiver sees the messages of a group in their order, whoever sees those in between.
    for of_one in &seen {
        let mut last: BTreeMap<&str, &str> = BTreeMap::new();
        for body in of_one {
            let (sender, number) = body.split_once(' ').unwrap();
            assert!(last.insert(sender, number).is_none_or(|before| before < number), "{body} comes late");
        }
    }
}
