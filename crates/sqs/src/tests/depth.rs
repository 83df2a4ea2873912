//! Many messages, and restarts: what is found through indexes is what the rows say.

use super::fixture::{TestCloud, arn, bodies, message, receive, redrive};
use crate::{
    lanes::Counts,
    receiving::Wish,
    settings::Settings,
    state::{Message, Place, Profile, Queue},
};
use cloudlet_api_sqs::*;
use cloudlet_aws::Timestamp;
use std::sync::Arc;

#[tokio::test]
async fn a_restart_changes_nothing_a_client_sees() {
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
    let twin = again.send_to(&ordered, "g", "c").await;
    assert!(again.receive(&ordered).await.is_empty(), "{twin:?} is a duplicate still");
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
async fn a_restart_in_the_middle_of_a_move_task_goes_on_with_it() {
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
async fn a_failed_write_leaves_no_trace() {
    let cloud = TestCloud::journaled();
    let url = cloud.create("q", &[("VisibilityTimeout", "0")]).await;
    cloud.send(&url, "m").await;
    let queue = cloud.engine.open(&arn("q")).unwrap();
    let records = cloud.records().len();
    let failed: Result<(), _> = queue.change(|queue| {
        queue.receive(&wish(10), cloud.now()).unwrap();
        let place = queue.next_place(cloud.now());
        queue.put(place, letter(cloud.now(), None), cloud.now());
        Err(crate::faults::no_such_queue())
    });
    assert!(failed.is_err());
    assert_eq!(cloud.records().len(), records);
    assert_eq!(cloud.counts(&url).await, ["1", "0", "0"]);
    assert_eq!(cloud.receive(&url).await.len(), 1);
}

fn wish(most: usize) -> Wish {
    Wish { most, visibility: 30, max_receives: None, attempt: None }
}

fn letter(now: Timestamp, group: Option<&str>) -> Message {
    Message {
        id: Default::default(),
        body: "m".into(),
        md5: std::sync::OnceLock::new(),
        sent: now,
        due: now,
        sender: "".into(),
        attributes: Default::default(),
        group: group.map(Into::into),
        deduplication: None,
        trace: None,
        data_key: None,
        past: None,
    }
}

fn queue_of(kind: crate::addresses::Kind) -> Queue {
    let mut queue = Queue::default();
    let settings = Arc::new(Settings::new(kind));
    let now = Timestamp(0);
    queue.profile.insert((), Profile { arn: arn("q"), created: now, modified: now, settings, tags: Default::default(), purged: None });
    queue
}

/// What the indexes should be, the slow way.
fn is_whole(queue: &Queue, now: Timestamp) {
    let mut fresh = Queue::default();
    fresh.profile.insert((), queue.profile().unwrap().clone());
    for (place, message) in &queue.messages {
        fresh.messages.insert(*place, message.clone());
    }
    for (place, flight) in &queue.flights {
        fresh.flights.insert(*place, *flight);
    }
    fresh.reindex();
    while fresh.settle(now) > 0 {}
    assert_eq!(fresh.ready, queue.ready);
    assert_eq!(fresh.lanes, queue.lanes);
    assert_eq!(fresh.groups, queue.groups);
    assert_eq!(fresh.delayed, queue.delayed);
    assert_eq!(fresh.in_flight, queue.in_flight);
    let hour = now.plus_secs(3_600);
    assert!([now, hour].into_iter().all(|then| queue.is_counted_well(then) && fresh.is_counted_well(then)));
    let Counts { visible, delayed, in_flight } = queue.counts(now);
    assert_eq!(visible + delayed + in_flight, queue.messages.len());
}

/// A long, arbitrary life: after each step the indexes are those that a restart would make.
fn lives(kind: crate::addresses::Kind, seed: u64) {
    let mut queue = queue_of(kind);
    let ids = cloudlet_engine::Ids::seeded(seed);
    let mut now = Timestamp(1_000_000);
    let mut places: Vec<Place> = vec![];
    for _ in 0..400 {
        let dice = ids.number();
        match dice % 8 {
            0..=2 => {
                let group = match (dice >> 8) % 4 {
                    0 if kind == crate::addresses::Kind::Standard => None,
                    group => Some(format!("g{group}")),
                };
                let mut letter = letter(now, group.as_deref());
                if kind == crate::addresses::Kind::Standard && (dice >> 16).is_multiple_of(3) {
                    letter.due = now.plus_secs(7);
                }
                let place = queue.next_place(now);
                queue.put(place, letter, now);
            }
            3 | 4 => {
                let wish = Wish { visibility: u32::try_from((dice >> 8) % 3 * 5).unwrap(), ..wish(usize::try_from((dice >> 16) % 4).unwrap() + 1) };
                places.extend(queue.receive(&wish, now).unwrap().messages.iter().map(|flown| flown.place));
            }
            5 if !places.is_empty() => {
                let place = places.swap_remove(usize::try_from(dice >> 8).unwrap_or(0) % places.len());
                queue.withdraw(place, now);
            }
            6 if !places.is_empty() => {
                let place = places[usize::try_from(dice >> 8).unwrap_or(0) % places.len()];
                if let Some(flight) = queue.flights.get(&place).copied().filter(|flight| flight.until > now) {
                    queue.divert(place, flight, now.plus_secs(i64::try_from((dice >> 16) % 4).unwrap()), now);
                }
            }
            _ => now = now.plus_millis(i64::try_from(dice % 5_000).unwrap()),
        }
        while queue.settle(now) > 0 {}
        is_whole(&queue, now);
    }
}

#[test]
fn indexes_follow_from_rows_through_any_life() {
    for seed in 0..20 {
        lives(crate::addresses::Kind::Standard, seed);
        lives(crate::addresses::Kind::Fifo, seed);
    }
}

#[test]
fn what_lands_in_great_number_is_let_in_piece_by_piece() {
    let mut queue = queue_of(crate::addresses::Kind::Standard);
    let start = Timestamp(1_000_000);
    for _ in 0..5_000 {
        let place = queue.next_place(start);
        queue.put(place, Message { due: start.plus_secs(60), ..letter(start, None) }, start);
    }
    let later = start.plus_secs(60);
    assert_eq!(queue.counts(later).visible, 5_000, "they count as visible before they are let in");
    assert_eq!(queue.receive(&wish(10), later).unwrap().messages.len(), 10);
    assert!(queue.delayed.len() > 3_000, "one receive does not pay for all");
    assert_eq!(queue.counts(later), Counts { visible: 4_990, delayed: 0, in_flight: 10 });
}

#[tokio::test]
async fn a_client_is_told_when_too_much_is_in_flight_if_it_does_not_wait() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let queue = cloud.engine.open(&arn("q")).unwrap();
    let now = cloud.now();
    queue
        .change(|queue| {
            for _ in 0..120_001 {
                let place = queue.next_place(now);
                queue.put(place, letter(now, None), now);
            }
            while !queue.receive(&wish(10), now).unwrap().over_limit {}
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
