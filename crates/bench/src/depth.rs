//! A million messages in one queue: the cost of the first and of the last twentieth of them.

use crate::{
    client::Connection,
    messaging::{handles, prepare, queue_url},
    request::Signed,
    scenario::{Bench, CONNECTIONS},
};
use std::{cell::Cell, rc::Rc, time::Instant};

const MESSAGES: usize = 1_000_000;
const TWENTIETH: usize = MESSAGES / 20;
const BATCH: usize = 10;

#[derive(Clone, Copy)]
enum Step {
    Send,
    SendBatch,
    Take,
    TakeBatch,
}

/// The speed of a step, and its cost for the server.
struct Pace {
    per_second: f64,
    /// Microseconds of processor time.
    each: f64,
}

impl Bench<'_> {
    pub async fn depth(&self, host: &str) {
        if !self.includes("SQS 1,000,000 messages") {
            return;
        }
        prepare(self.server.address, &Signed::new(host, "sqs").json("AmazonSQS.CreateQueue", r#"{"QueueName":"deep"}"#)).await;
        let before = self.server.resident();
        let shallow = self.run_step(host, Step::Send, TWENTIETH).await;
        self.run_step(host, Step::SendBatch, MESSAGES - 2 * TWENTIETH).await;
        let deep = self.run_step(host, Step::Send, TWENTIETH).await;
        print("send", "the first 5 %", &shallow, "the last 5 %", &deep);
        println!("{MESSAGES} messages cost   {:>9.0} MB", (self.server.resident() - before) as f64 / 1e6);
        let deep = self.run_step(host, Step::Take, TWENTIETH).await;
        self.run_step(host, Step::TakeBatch, MESSAGES - 2 * TWENTIETH).await;
        let shallow = self.run_step(host, Step::Take, TWENTIETH).await;
        print("receive and delete", "the last 5 %", &shallow, "of a full queue", &deep);
    }

    /// Does a step for this many messages, over all connections.
    async fn run_step(&self, host: &str, step: Step, messages: usize) -> Pace {
        let local = tokio::task::LocalSet::new();
        let left = Rc::new(Cell::new(messages));
        let (cpu, watch) = (self.server.cpu(), Instant::now());
        local
            .run_until(async {
                let mut set = tokio::task::JoinSet::new();
                for _ in 0..CONNECTIONS {
                    let (sqs, queue, left, address) = (Signed::new(host, "sqs"), queue_url(host, "deep"), left.clone(), self.server.address);
                    set.spawn_local(async move {
                        let mut connection = Connection::open(address).await;
                        let of = match step {
                            Step::Send | Step::Take => 1,
                            Step::SendBatch | Step::TakeBatch => BATCH,
                        };
                        let send = send(&sqs, &queue, of);
                        while left.get() >= of {
                            left.set(left.get() - of);
                            match step {
                                Step::Send | Step::SendBatch => drop(connection.call(&send).await.len()),
                                Step::Take | Step::TakeBatch => take(&mut connection, &sqs, &queue, of).await,
                            }
                        }
                    });
                }
                while let Some(done) = set.join_next().await {
                    done.expect("a worker");
                }
            })
            .await;
        let (spent, took) = ((self.server.cpu() - cpu).as_secs_f64(), watch.elapsed().as_secs_f64());
        Pace { per_second: messages as f64 / took, each: spent * 1e6 / messages as f64 }
    }
}

fn print(what: &str, first: &str, shallow: &Pace, second: &str, deep: &Pace) {
    println!(
        "{what}, {first}: {:.0} /s, {:.1} µs of CPU; {second}: {:.0} /s, {:.1} µs; ratio {:.2} (by CPU {:.2})",
        shallow.per_second,
        shallow.each,
        deep.per_second,
        deep.each,
        deep.per_second / shallow.per_second,
        shallow.each / deep.each
    );
}

fn send(sqs: &Signed, queue: &str, of: usize) -> Vec<u8> {
    const BODY: &str = "a message of some length";
    if of == 1 {
        return sqs.json("AmazonSQS.SendMessage", &format!(r#"{{"QueueUrl":"{queue}","MessageBody":"{BODY}"}}"#));
    }
    let entries: Vec<String> = (0..of).map(|id| format!(r#"{{"Id":"{id}","MessageBody":"{BODY}"}}"#)).collect();
    sqs.json("AmazonSQS.SendMessageBatch", &format!(r#"{{"QueueUrl":"{queue}","Entries":[{}]}}"#, entries.join(",")))
}

async fn take(connection: &mut Connection, sqs: &Signed, queue: &str, of: usize) {
    let receive = format!(r#"{{"QueueUrl":"{queue}","MaxNumberOfMessages":{of}}}"#);
    let answer = connection.call(&sqs.json("AmazonSQS.ReceiveMessage", &receive)).await;
    let handles: Vec<&str> = handles(answer).collect();
    assert_eq!(handles.len(), of, "the queue holds more messages");
    let delete = match handles.as_slice() {
        [one] => sqs.json("AmazonSQS.DeleteMessage", &format!(r#"{{"QueueUrl":"{queue}","ReceiptHandle":"{one}"}}"#)),
        many => {
            let entries: Vec<String> = many.iter().enumerate().map(|(id, handle)| format!(r#"{{"Id":"{id}","ReceiptHandle":"{handle}"}}"#)).collect();
            sqs.json("AmazonSQS.DeleteMessageBatch", &format!(r#"{{"QueueUrl":"{queue}","Entries":[{}]}}"#, entries.join(",")))
        }
    };
    connection.call(&delete).await;
}
