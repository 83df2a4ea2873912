//! Ten thousand idle long polls: their memory and CPU, and that one message wakes one of them.

use crate::{
    client::Connection,
    messaging::{handles, prepare, queue_url},
    request::Signed,
    scenario::Bench,
};
use std::{cell::Cell, rc::Rc, time::Duration};

const POLLS: usize = 10_000;
/// How many connections are opened at a time: the backlog of a listening socket is about as long.
const AT_A_TIME: usize = 100;
const WAIT: u64 = 20;

impl Bench<'_> {
    pub async fn idle_polls(&self, host: &str) {
        if !self.includes("SQS 10,000 long polls") {
            return;
        }
        // A connection is a descriptor here and one in the server, which inherits the limit.
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!(limit > POLLS as u64 + 200, "the machine allows {limit} open files only");
        let sqs = Signed::new(host, "sqs");
        prepare(self.server.address, &sqs.json("AmazonSQS.CreateQueue", r#"{"QueueName":"idle"}"#)).await;
        let url = queue_url(host, "idle");
        let poll = Rc::new(sqs.json("AmazonSQS.ReceiveMessage", &format!(r#"{{"QueueUrl":"{url}","WaitTimeSeconds":{WAIT}}}"#)));
        let (before, cpu) = (self.server.resident(), self.server.cpu());
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let (woken, mut set) = (Rc::new(Cell::new(0usize)), tokio::task::JoinSet::new());
                for opened in 0..POLLS {
                    let mut connection = Connection::with_buffer(self.server.address, 1 << 10).await;
                    let (poll, woken) = (poll.clone(), woken.clone());
                    set.spawn_local(async move {
                        if handles(connection.call(&poll).await).next().is_some() {
                            woken.set(woken.get() + 1);
                        }
                    });
                    if opened % AT_A_TIME == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                tokio::time::sleep(Duration::from_secs(5)).await;
                let cost = self.server.resident().saturating_sub(before);
                println!(
                    "{POLLS} idle long polls    {:>9.1} MB ({:.1} kB each); {:.0} µs of CPU each to begin",
                    cost as f64 / 1e6,
                    cost as f64 / 1e3 / POLLS as f64,
                    (self.server.cpu() - cpu).as_secs_f64() * 1e6 / POLLS as f64
                );
                let quiet = self.server.cpu();
                tokio::time::sleep(Duration::from_secs(2)).await;
                println!("  CPU while they wait      {:>9.2} %", (self.server.cpu() - quiet).as_secs_f64() / 2.0 * 100.0);
                assert_eq!(set.len(), POLLS, "all of them wait");
                prepare(self.server.address, &sqs.json("AmazonSQS.SendMessage", &format!(r#"{{"QueueUrl":"{url}","MessageBody":"wake"}}"#))).await;
                while let Some(done) = set.join_next().await {
                    done.expect("a poll is answered");
                }
                assert_eq!(woken.get(), 1, "one message wakes one of them");
            })
            .await;
    }
}
