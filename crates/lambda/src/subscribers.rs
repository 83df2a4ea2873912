//! Subscribers to what is written in an environment: each has a queue, whose entries are sent in batches.

use crate::subscriptions::{Destination, Subscription};
use bytes::Bytes;
use cloudlet_engine::{ByteStream, Worker, WorkerPost, within};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{collections::VecDeque, future::pending, sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, sync::Notify};

/// How long the other end may take to accept a batch.
const SENDING: Duration = Duration::from_secs(5);
/// Milliseconds that are waited before each further attempt.
const AGAIN: [u64; 5] = [50, 100, 200, 400, 800];

pub struct Subscriber {
    pub subscription: Subscription,
    queue: Mutex<Queue>,
    arrived: Notify,
}

#[derive(Default)]
struct Queue {
    /// As they are sent.
    entries: VecDeque<String>,
    bytes: usize,
    dropped: Dropped,
    /// What there is is sent without waiting for more.
    is_flushed: bool,
    is_closed: bool,
}

/// Entries that were not delivered.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    pub records: usize,
    pub bytes: usize,
}

impl Dropped {
    fn add(&mut self, bytes: usize) {
        (self.records, self.bytes) = (self.records + 1, self.bytes + bytes);
    }

    pub fn record(self) -> Value {
        let reason = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.";
        json!({ "droppedBytes": self.bytes, "droppedRecords": self.records, "reason": reason })
    }
}

impl Subscriber {
    pub fn new(subscription: Subscription) -> Subscriber {
        Subscriber { subscription, queue: Mutex::default(), arrived: Notify::new() }
    }

    /// One more entry, or one more that is dropped.
    pub fn offer(&self, entry: String) {
        let mut queue = self.queue.lock();
        // AWS: expect batches of twice the size that was asked for.
        let is_full = queue.bytes + entry.len() > 2 * self.subscription.most_bytes || queue.entries.len() >= 2 * self.subscription.most_items;
        if is_full {
            queue.dropped.add(entry.len());
        } else {
            queue.bytes += entry.len();
            queue.entries.push_back(entry);
        }
        drop(queue);
        self.arrived.notify_one();
    }

    pub fn flush(&self) {
        self.queue.lock().is_flushed = true;
        self.arrived.notify_one();
    }

    pub fn close(&self) {
        self.queue.lock().is_closed = true;
        self.arrived.notify_one();
    }

    /// Something that it waits for may have changed.
    pub fn wake(&self) {
        self.arrived.notify_one();
    }

    pub async fn woken(&self) {
        self.arrived.notified().await;
    }

    pub fn is_closed(&self) -> bool {
        self.queue.lock().is_closed
    }

    pub fn take_dropped(&self) -> Option<Dropped> {
        Some(std::mem::take(&mut self.queue.lock().dropped)).filter(|dropped| *dropped != Dropped::default())
    }

    /// The next entries to send together. `None`: the environment is gone.
    pub async fn batch(&self) -> Option<Vec<String>> {
        while self.queue.lock().entries.is_empty() {
            if self.is_closed() {
                return None;
            }
            self.woken().await;
        }
        let full = async {
            while !self.is_due() {
                self.woken().await;
            }
        };
        within(self.subscription.patience, full).await;
        let mut queue = self.queue.lock();
        queue.is_flushed = false;
        let mut bytes = 0;
        let fits = queue.entries.iter().take(self.subscription.most_items).take_while(|entry| {
            bytes += entry.len();
            bytes <= self.subscription.most_bytes
        });
        let fits = fits.count().max(1).min(queue.entries.len());
        let batch: Vec<String> = queue.entries.drain(..fits).collect();
        queue.bytes -= batch.iter().map(String::len).sum::<usize>();
        Some(batch)
    }

    fn is_due(&self) -> bool {
        let queue = self.queue.lock();
        let is_full = queue.entries.len() >= self.subscription.most_items || queue.bytes >= self.subscription.most_bytes;
        is_full || queue.is_flushed || queue.is_closed
    }

    pub fn drop_batch(&self, batch: &[String]) {
        let mut queue = self.queue.lock();
        batch.iter().for_each(|entry| queue.dropped.add(entry.len()));
    }
}

/// What keeps a subscriber's connection open from one batch to the next.
#[derive(Default)]
pub struct Line(Option<Box<dyn ByteStream>>);

impl Line {
    /// Whether the other end has taken a batch.
    pub async fn send(&mut self, worker: &Arc<dyn Worker>, to: &Destination, batch: &[String]) -> bool {
        match to {
            Destination::Http { port, path } => {
                let body = Bytes::from(format!("[{}]", batch.join(",")));
                let posted = worker.post(WorkerPost { port: *port, path: path.clone(), body });
                matches!(within(SENDING, posted).await, Some(Ok(status)) if (200..300).contains(&status))
            }
            Destination::Tcp { port } => {
                let mut text = batch.join("\n");
                text.push('\n');
                let sent = self.write(worker, *port, text.as_bytes());
                let is_sent = within(SENDING, sent).await == Some(true);
                if !is_sent {
                    self.0 = None;
                }
                is_sent
            }
        }
    }

    async fn write(&mut self, worker: &Arc<dyn Worker>, port: u16, bytes: &[u8]) -> bool {
        if self.0.is_none() {
            self.0 = worker.connect(port).await.ok();
        }
        match &mut self.0 {
            Some(stream) => stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok(),
            None => false,
        }
    }
}

/// Waits for the time of an attempt, by its number. False: there is none any more.
pub async fn attempt(number: usize) -> bool {
    match number.checked_sub(1) {
        None => true,
        Some(failed) => match AGAIN.get(failed) {
            Some(wait) => {
                within(Duration::from_millis(*wait), pending::<()>()).await;
                true
            }
            None => false,
        },
    }
}
