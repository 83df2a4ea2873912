//! Restarts, failed writes and many messages: the indexes always agree with the rows.

use super::fixture::{TestCloud, arn, bodies, message, receive, redrive};
use crate::{
    ids::SequenceNumber,
    lanes::Counts,
    receiving::ReceiveOptions,
    settings::Settings,
    state::{Message, Queue, QueueProperties},
};
use cloudlet_api_sqs::*;
use cloudlet_aws::Timestamp;
use std::sync::Arc;

#[tokio::test]
async fn a_restart_changes_no_answer() {
    let cloud = TestCloud::journaled();
    let fifo = [("FifoQueue", "true"), ("ContentBasedDeduplication", "true"), ("VisibilityTimeout", "30")];
    cloud.create("dead", &[]).await;
    let url = cloud.create("q", &[("RedrivePolicy", &redrive("dead", 3)), ("VisibilityTimeout", "10")]).await;
    let ordered = cloud.create("q.fifo", &fifo).await;
    cloud.call::<SendMessage>(SendMessageRequest { delay_seconds: Some(5), ..message(&url, "delayed") }).await.unwrap();
    for body in ["a", "b", "c"] {
        cloud.send(&url, body).await;
        cloud.send_to(&ordered, "g", body).await;
        cloud.send_to(&ordered, "h", &format!("h{body}")).await;
    }
    let held = cloud.receive_one(&url).await.unwrap();
    let gone = cloud.receive_one(&url).await.unwrap();
    cloud.delete(&url, &gone).await.unwrap();
    let first = cloud.receive_one(&ordered).await.unwrap();
    assert_eq!(first.body.as_deref(), Some("a"));

    let again = cloud.restarted();
    assert_eq!(again.attributes(&url).await, cloud.attributes(&url).await);
    assert_eq!(again.counts(&ordered).await, cloud.counts(&ordered).await);
    assert_eq!(bodies(&again.receive(&ordered).await), ["ha", "hb", "hc"], "the other group is blocked");
    let duplicate = again.send_to(&ordered, "g", "c").await;
    assert!(again.receive(&ordered).await.is_empty(), "{duplicate:?} is still a duplicate");
    again.delete(&ordered, &first).await.unwrap();
    assert_eq!(bodies(&again.receive(&ordered).await), ["b", "c"]);
    assert_eq!(bodies(&again.receive(&url).await), ["c"]);
    again.advance(5);
    assert_eq!(bodies(&again.receive(&url).await), ["delayed"]);
    again.change(&url, &held, 0).await.unwrap();
    assert_eq!(bodies(&again.receive(&url).await), ["a"]);
    let new = again.send_to(&ordered, "g", "new").await.sequence_number.unwrap();
    let old = cloud.send_to(&ordered, "g", "new").await.sequence_number.unwrap();
    assert!(new >= old, "numbers go on");
}

#[tokio::test]
async fn a_move_task_continues_after_a_restart() {
    let cloud = TestCloud::journaled();
    cloud.create("dead", &[]).await;
    let url = cloud.create("q", &[("RedrivePolicy", &redrive("dead", 1)), ("VisibilityTimeout", "0")]).await;
    for body in ["a", "b"] {
        cloud.send(&url, body).await;
    }
    cloud.receive(&url).await;
    cloud.receive(&url).await;
    let input = StartMessageMoveTaskRequest {
        source_arn: arn("dead").to_string(),
        max_number_of_messages_per_second: Some(1),
        ..StartMessageMoveTaskRequest::default()
    };
    cloud.call::<StartMessageMoveTask>(input).await.unwrap();
    let again = cloud.restarted();
    again.advance(1);
    assert_eq!(bodies(&again.receive(&url).await), ["a", "b"]);
}

#[tokio::test]
async fn a_failed_write_changes_nothing() {
    let cloud = TestCloud::journaled();
    let url = cloud.create("q", &[("VisibilityTimeout", "0")]).await;
    cloud.send(&url, "m").await;
    let queue = cloud.engine.queue_by_arn(&arn("q")).unwrap();
    let records = cloud.records().len();
    let failed: Result<(), _> = queue.write(|queue| {
        queue.receive(&options(10), cloud.now()).unwrap();
        let number = queue.next_sequence_number(cloud.now());
        queue.insert(number, new_message(cloud.now(), None), cloud.now());
        Err(crate::faults::no_such_queue())
    });
    assert!(failed.is_err());
    assert_eq!(cloud.records().len(), records);
    assert_eq!(cloud.counts(&url).await, ["1", "0", "0"]);
    assert_eq!(cloud.receive(&url).await.len(), 1);
}

fn options(max_messages: usize) -> ReceiveOptions {
    ReceiveOptions { max_messages, visibility_timeout: 30, max_receive_count: None, attempt_id: None }
}

fn new_message(now: Timestamp, group: Option<&str>) -> Message {
    Message {
        id: Default::default(),
        body: "m".into(),
        md5: std::sync::OnceLock::new(),
        sent: now,
        visible_from: now,
        sender_id: "".into(),
        attributes: Default::default(),
        group_id: group.map(Into::into),
        deduplication_id: None,
        trace_header: None,
        data_key: None,
        dead_letter: None,
    }
}

fn queue_of(kind: crate::addresses::Kind) -> Queue {
    let mut queue = Queue::default();
    let settings = Arc::new(Settings::new(kind));
    let now = Timestamp(0);
    queue.properties.insert(
        (),
        QueueProperties { arn: arn("q"), created: now, modified: now, settings, tags: Default::default(), last_purged: None, previous_scope: None },
    );
    queue
}

/// Compares the indexes with those that the rows give.
fn assert_consistent(queue: &Queue, now: Timestamp) {
    let mut rebuilt = Queue::default();
    rebuilt.properties.insert((), queue.properties().unwrap().clone());
    for (number, message) in &queue.messages {
        rebuilt.messages.insert(*number, message.clone());
    }
    for (number, flight) in &queue.flights {
        rebuilt.flights.insert(*number, *flight);
    }
    rebuilt.reindex();
    while rebuilt.settle(now) > 0 {}
    assert_eq!(rebuilt.ready, queue.ready);
    assert_eq!(rebuilt.lanes, queue.lanes);
    assert_eq!(rebuilt.groups, queue.groups);
    assert_eq!(rebuilt.delayed, queue.delayed);
    assert_eq!(rebuilt.in_flight, queue.in_flight);
    assert_eq!(rebuilt.dead_letter_sources, queue.dead_letter_sources);
    let hour = now.plus_secs(3_600);
    assert!([now, hour].into_iter().all(|then| queue.tenants_are_consistent(then) && rebuilt.tenants_are_consistent(then)));
    let Counts { visible, delayed, in_flight } = queue.counts(now);
    assert_eq!(visible + delayed + in_flight, queue.messages.len());
}

/// Random operations: after each one the indexes are those that a restart builds.
fn run_random_operations(kind: crate::addresses::Kind, seed: u64) {
    let mut queue = queue_of(kind);
    let ids = cloudlet_engine::Ids::seeded(seed);
    let mut now = Timestamp(1_000_000);
    let mut numbers: Vec<SequenceNumber> = vec![];
    for _ in 0..400 {
        let random = ids.number();
        match random % 8 {
            0..=2 => {
                let group = match (random >> 8) % 4 {
                    0 if kind == crate::addresses::Kind::Standard => None,
                    group => Some(format!("g{group}")),
                };
                let mut message = new_message(now, group.as_deref());
                if kind == crate::addresses::Kind::Standard && (random >> 16).is_multiple_of(3) {
                    message.visible_from = now.plus_secs(7);
                }
                let number = queue.next_sequence_number(now);
                queue.insert(number, message, now);
            }
            3 | 4 => {
                let options = ReceiveOptions {
                    visibility_timeout: u32::try_from((random >> 8) % 3 * 5).unwrap(),
                    ..options(usize::try_from((random >> 16) % 4).unwrap() + 1)
                };
                numbers.extend(queue.receive(&options, now).unwrap().messages.iter().map(|received| received.number));
            }
            5 if !numbers.is_empty() => {
                let number = numbers.swap_remove(usize::try_from(random >> 8).unwrap_or(0) % numbers.len());
                queue.remove(number, now);
            }
            6 if !numbers.is_empty() => {
                let number = numbers[usize::try_from(random >> 8).unwrap_or(0) % numbers.len()];
                if let Some(flight) = queue.flights.get(&number).copied().filter(|flight| flight.invisible_until > now) {
                    queue.set_invisible_until(number, flight, now.plus_secs(i64::try_from((random >> 16) % 4).unwrap()), now);
                }
            }
            _ => now = now.plus_millis(i64::try_from(random % 5_000).unwrap()),
        }
        while queue.settle(now) > 0 {}
        assert_consistent(&queue, now);
    }
}

#[test]
fn indexes_agree_with_rows_after_random_operations() {
    for seed in 0..20 {
        run_random_operations(crate::addresses::Kind::Standard, seed);
        run_random_operations(crate::addresses::Kind::Fifo, seed);
    }
}

#[test]
fn many_due_messages_become_visible_in_portions() {
    let mut queue = queue_of(crate::addresses::Kind::Standard);
    let start = Timestamp(1_000_000);
    for _ in 0..5_000 {
        let number = queue.next_sequence_number(start);
        queue.insert(number, Message { visible_from: start.plus_secs(60), ..new_message(start, None) }, start);
    }
    let later = start.plus_secs(60);
    assert_eq!(queue.counts(later).visible, 5_000, "they count as visible before they are moved");
    assert_eq!(queue.receive(&options(10), later).unwrap().messages.len(), 10);
    assert!(queue.delayed.len() > 3_000, "one receive does not move all");
    assert_eq!(queue.counts(later), Counts { visible: 4_990, delayed: 0, in_flight: 10 });
}

#[tokio::test]
async fn a_short_poll_is_refused_when_too_many_messages_are_in_flight() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let queue = cloud.engine.queue_by_arn(&arn("q")).unwrap();
    let now = cloud.now();
    queue
        .write(|queue| {
            for _ in 0..120_001 {
                let number = queue.next_sequence_number(now);
                queue.insert(number, new_message(now, None), now);
            }
            while !queue.receive(&options(10), now).unwrap().over_limit {}
            Ok(())
        })
        .unwrap();
    assert_eq!(cloud.counts(&url).await, ["1", "0", "120000"]);
    let fault = cloud.call::<ReceiveMessage>(receive(&url)).await.unwrap_err();
    assert_eq!((fault.code(), fault.status()), ("OverLimit", 403));
    assert!(fault.message().starts_with("Too many messages have been received without being deleted."), "{fault}");
    cloud.advance(30);
    assert_eq!(cloud.receive(&url).await.len(), 10);
}
