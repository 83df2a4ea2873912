//! CloudWatch Logs: writing one event and a hundred; looking through 1,000,000 events of a group; a page at their end.

use crate::{client::Connection, messaging::prepare, request::Signed, scenario::Bench};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

const EVENTS: usize = 1_000_000;
const BATCH: usize = 5_000;
const STREAMS: usize = 4;

fn call(logs: &Signed, operation: &str, body: &str) -> Vec<u8> {
    logs.json_1_1(&format!("Logs_20140328.{operation}"), body)
}

fn put(logs: &Signed, group: &str, stream: usize, time: u128, numbers: std::ops::Range<usize>) -> Vec<u8> {
    let event = |number| {
        let message = format!("INFO request {number:07} of user-{:03} took {} ms on path /api/v1/items", number % 997, number % 89);
        format!(r#"{{"timestamp":{},"message":"{message}"}}"#, time + u128::try_from(number / 100).unwrap_or(0))
    };
    let events: Vec<String> = numbers.map(event).collect();
    call(logs, "PutLogEvents", &format!(r#"{{"logGroupName":"{group}","logStreamName":"s{stream}","logEvents":[{}]}}"#, events.join(",")))
}

impl Bench<'_> {
    pub async fn log_events(&self, host: &str) {
        if !self.includes("Logs") {
            return;
        }
        let logs = Signed::new(host, "logs");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis() - 60_000;
        for group in ["bench", "large"] {
            prepare(self.server.address, &call(&logs, "CreateLogGroup", &format!(r#"{{"logGroupName":"{group}"}}"#))).await;
            for stream in 0..STREAMS {
                let body = format!(r#"{{"logGroupName":"{group}","logStreamName":"s{stream}"}}"#);
                prepare(self.server.address, &call(&logs, "CreateLogStream", &body)).await;
            }
        }
        self.compare("Logs PutLogEvents, 1", put(&logs, "bench", 0, now, 0..1)).await;
        self.compare("Logs PutLogEvents, 100", put(&logs, "bench", 1, now, 0..100)).await;
        let mut connection = Connection::open(self.server.address).await;
        for batch in 0..EVENTS / BATCH {
            connection.call(&put(&logs, "large", batch % STREAMS, now, batch * BATCH..(batch + 1) * BATCH)).await;
        }
        println!("{EVENTS} events; memory  {:>9.0} MB", self.server.resident() as f64 / 1e6);
        for (name, pattern) in [
            ("nothing found", r#"\"no such text\""#),
            ("one in 997", r#"\"user-500\" -ERROR"#),
            ("columns, one in 89", "[level, w1, id, w2, user, w3, ms = 88, ...]"),
            ("columns, one in 997", "[level, w1, id, w2, user = user-500, ...]"),
        ] {
            let mut best = f64::MAX;
            for _ in 0..7 {
                let (began, mut pages, mut token) = (Instant::now(), 0, String::new());
                loop {
                    let body = format!(r#"{{"logGroupName":"large","filterPattern":"{pattern}"{token}}}"#);
                    let answer = String::from_utf8_lossy(connection.call(&call(&logs, "FilterLogEvents", &body)).await).into_owned();
                    pages += 1;
                    match answer.split_once(r#""nextToken":""#).and_then(|(_, rest)| rest.split_once('"')) {
                        Some((next, _)) if pages < 10 => token = format!(r#","nextToken":"{next}""#),
                        _ => break,
                    }
                }
                best = best.min(began.elapsed().as_secs_f64());
            }
            println!("Logs filter, {name:<19} {:>9.1} million events a second", EVENTS as f64 / best / 1e6);
        }
        let late = now + u128::try_from(EVENTS / 100).unwrap_or(0) - 1;
        let request = call(&logs, "FilterLogEvents", &format!(r#"{{"logGroupName":"large","startTime":{late},"limit":50}}"#));
        let mut times = Vec::new();
        for _ in 0..51 {
            let began = Instant::now();
            connection.call(&request).await;
            times.push(began.elapsed());
        }
        times.sort();
        println!("Logs page at the end       {:>9.3} ms (median)", times[25].as_secs_f64() * 1e3);
    }
}
