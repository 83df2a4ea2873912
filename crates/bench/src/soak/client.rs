//! What clients do: producers send, and now and then send again; consumers receive, and delete, hold on, give back, or forget.

use super::{
    plan::{DEAD, Lane, Plan, QUEUES, Role, Target, VISIBILITY, topic_arn},
    records::{Entry, Log, Seen, Span, now},
};
use crate::{client::Connection, request::Signed};
use serde_json::{Value, json};
use std::{path::Path, process::ExitCode, time::Duration};

/// Producers wait while a queue is as full as this: it has to be emptied in the end.
const FULL: u64 = 5_000;
const GROUPS: u32 = 40;

struct Client<'a> {
    plan: &'a Plan,
    connection: Connection,
    log: Log,
}

pub fn run(plan: &Plan, role: Role, number: u64, file: &Path) -> ExitCode {
    block(async {
        let mut client = Client::new(plan, file).await;
        match role {
            Role::Produce(lane) => client.produce(lane, number).await,
            Role::Consume(queue) => loop {
                client.consume(queue).await;
            },
        }
    })
}

/// Empties all queues. Says what is left when they do not become empty.
pub fn drain(plan: &Plan, folder: &Path) -> Option<String> {
    block(async {
        let mut client = Client::new(plan, &folder.join("drain")).await;
        // What the last clients held comes back within their longest visibility, and dead letters move on a receive.
        for _ in 0..1_000 {
            let mut left = vec![];
            for queue in QUEUES {
                while client.clear(queue).await {}
                let counts = client.counts(queue).await;
                if counts.iter().any(|count| *count > 0) {
                    left.push(format!("{queue}: {counts:?}"));
                }
            }
            if left.is_empty() {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some("messages that do not come back".to_owned())
    })
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

fn number<T: std::str::FromStr + Default>(value: &Value) -> T {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

impl<'a> Client<'a> {
    async fn new(plan: &'a Plan, file: &Path) -> Client<'a> {
        Client { plan, connection: Connection::open(plan.address).await, log: Log::open(file) }
    }

    /// The answer's JSON, or what was refused.
    async fn sqs(&mut self, operation: &str, input: &Value) -> Result<Value, String> {
        let signed = Signed::new(&self.plan.address.to_string(), "sqs");
        let answer = self.connection.exchange(&signed.json(&format!("AmazonSQS.{operation}"), &input.to_string())).await;
        let (head, body) = parts(answer);
        if head.starts_with("HTTP/1.1 200") {
            return Ok(serde_json::from_str(if body.is_empty() { "{}" } else { body }).expect("JSON"));
        }
        assert!(head.starts_with("HTTP/1.1 4"), "{operation}: {head} {body}");
        Err(body.to_owned())
    }

    async fn counts(&mut self, queue: &str) -> [u64; 3] {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"];
        let answer = self.sqs("GetQueueAttributes", &json!({ "QueueUrl": self.plan.url(queue), "AttributeNames": names })).await.expect("counts");
        names.map(|name| number(&answer["Attributes"][name]))
    }

    async fn produce(&mut self, lane: Lane, client: u64) -> ! {
        let mut last: Option<(String, String)> = None;
        for turn in 0u64.. {
            if turn % 100 == 0 {
                for queue in lane.queues() {
                    while self.counts(queue).await[0] > FULL {
                        tokio::time::sleep(Duration::from_millis(500)).await;
                    }
                }
            }
            // The same again, as a client does that has lost its answer: a FIFO queue takes it once.
            let again = last.take().filter(|_| lane.is_fifo() && rand::random_range(0..20) == 0);
            let (body, group) = again.unwrap_or_else(|| (format!("{client}-{turn}"), format!("g{}", rand::random_range(0..GROUPS))));
            self.send(lane, &body, &group).await;
            last = Some((body, group));
            tokio::time::sleep(Duration::from_micros(rand::random_range(0..8_000))).await;
        }
        unreachable!("there are more turns than time")
    }

    async fn send(&mut self, lane: Lane, body: &str, group: &str) {
        self.log.note(&Entry::Sending { lane, body: body.to_owned(), group: group.to_owned() });
        let (id, sequence) = match lane.target() {
            Target::Queue(queue) => {
                let mut input = json!({ "QueueUrl": self.plan.url(queue), "MessageBody": body });
                if lane.is_fifo() {
                    input["MessageGroupId"] = group.into();
                    input["MessageDeduplicationId"] = body.into();
                }
                let answer = self.sqs("SendMessage", &input).await.expect("a message is taken");
                (text(&answer["MessageId"]), number(&answer["SequenceNumber"]))
            }
            Target::Topic(topic) => {
                let order = if lane.is_fifo() { format!("&MessageGroupId={group}&MessageDeduplicationId={body}") } else { String::new() };
                let form = format!("Action=Publish&Version=2010-03-31&TopicArn={}&Message={body}{order}", topic_arn(topic).replace(':', "%3A"));
                let signed = Signed::new(&self.plan.address.to_string(), "sns");
                let (_, answer) = parts(self.connection.call(&signed.form(&form)).await);
                let between =
                    |name: &str| answer.split(&format!("<{name}>")).nth(1).and_then(|rest| rest.split('<').next()).unwrap_or("-").to_owned();
                (between("MessageId"), between("SequenceNumber").parse().unwrap_or_default())
            }
        };
        self.log.note(&Entry::Sent { lane, body: body.to_owned(), id, sequence });
    }

    async fn receive(&mut self, queue: &str, most: u32, wait: u32) -> Vec<(Seen, String)> {
        let input = json!({
            "QueueUrl": self.plan.url(queue),
            "MaxNumberOfMessages": most,
            "WaitTimeSeconds": wait,
            "MessageSystemAttributeNames": ["ApproximateReceiveCount", "SequenceNumber", "MessageGroupId"],
        });
        let from = now();
        let answer = self.sqs("ReceiveMessage", &input).await.expect("a receive");
        let span = Span { from, to: now() };
        let read = |message: &Value| {
            let attributes = &message["Attributes"];
            let seen = Seen {
                body: text(&message["Body"]),
                id: text(&message["MessageId"]),
                group: text(&attributes["MessageGroupId"]),
                sequence: number(&attributes["SequenceNumber"]),
                count: number(&attributes["ApproximateReceiveCount"]),
            };
            (seen, text(&message["ReceiptHandle"]))
        };
        let received: Vec<(Seen, String)> = answer["Messages"].as_array().map(|all| all.iter().map(read).collect()).unwrap_or_default();
        let seen = received.iter().map(|(seen, _)| seen.clone()).collect();
        self.log.note(&Entry::Received { queue: queue.to_owned(), span, seen });
        received
    }

    async fn consume(&mut self, queue: &str) {
        let received = self.receive(queue, rand::random_range(1..=10), rand::random_range(0..4)).await;
        if received.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..20))).await;
        match rand::random_range(0..100) {
            // Forgotten: they come back by themselves.
            0..3 => {}
            3..8 => self.hide(queue, &received, 0).await,
            8..12 => {
                self.hide(queue, &received, 2 * VISIBILITY).await;
                tokio::time::sleep(Duration::from_millis(rand::random_range(0..VISIBILITY * 1_000 + 500))).await;
                self.delete(queue, &received).await;
            }
            // Too late: others may have it already.
            12..13 => {
                tokio::time::sleep(Duration::from_millis(VISIBILITY * 1_000 - 20)).await;
                self.delete(queue, &received).await;
            }
            _ => self.delete(queue, &received).await,
        }
    }

    async fn hide(&mut self, queue: &str, received: &[(Seen, String)], seconds: u64) {
        for (seen, handle) in received {
            let (queue, id, at) = (queue.to_owned(), seen.id.clone(), now());
            self.log.note(&Entry::Hiding { queue: queue.clone(), at, id: id.clone(), seconds });
            let input = json!({ "QueueUrl": self.plan.url(&queue), "ReceiptHandle": handle, "VisibilityTimeout": seconds });
            if self.sqs("ChangeMessageVisibility", &input).await.is_ok() {
                self.log.note(&Entry::Hidden { queue, span: Span { from: at, to: now() }, id, seconds });
            }
        }
    }

    async fn delete(&mut self, queue: &str, received: &[(Seen, String)]) {
        let ids: Vec<String> = received.iter().map(|(seen, _)| seen.id.clone()).collect();
        // A FIFO queue's messages are done in their order, one after the other.
        if queue.ends_with(".fifo") {
            for (id, (_, handle)) in ids.into_iter().zip(received) {
                self.log.note(&Entry::Deleting { queue: queue.to_owned(), at: now(), ids: vec![id.clone()] });
                let input = json!({ "QueueUrl": self.plan.url(queue), "ReceiptHandle": handle });
                if self.sqs("DeleteMessage", &input).await.is_err() {
                    return;
                }
                self.log.note(&Entry::Deleted { queue: queue.to_owned(), at: now(), ids: vec![id] });
            }
            return;
        }
        self.log.note(&Entry::Deleting { queue: queue.to_owned(), at: now(), ids: ids.clone() });
        let entries: Vec<Value> =
            received.iter().enumerate().map(|(id, (_, handle))| json!({ "Id": id.to_string(), "ReceiptHandle": handle })).collect();
        let answer = self.sqs("DeleteMessageBatch", &json!({ "QueueUrl": self.plan.url(queue), "Entries": entries })).await.expect("deletes");
        assert!(answer["Failed"].as_array().is_none_or(Vec::is_empty), "a standard queue takes any handle: {answer}");
        self.log.note(&Entry::Deleted { queue: queue.to_owned(), at: now(), ids });
    }

    /// Takes out what is there.
    async fn clear(&mut self, queue: &str) -> bool {
        let received = self.receive(queue, 10, 0).await;
        if !received.is_empty() {
            self.delete(queue, &received).await;
        }
        !received.is_empty() && queue != DEAD || received.len() == 10
    }
}

fn parts(answer: &[u8]) -> (&str, &str) {
    std::str::from_utf8(answer).expect("text").split_once("\r\n\r\n").expect("a head and a body")
}
