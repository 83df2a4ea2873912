//! What is measured.

use crate::{
    client::{Connection, Repeat, Turn, rate},
    cost, process,
    process::Process,
    request::{Signed, bare},
};
use cloudlet_digest::Algorithm;
use std::{
    env,
    path::Path,
    time::{Duration, Instant},
};

const CONNECTIONS: usize = 16;
/// The two servers are asked in turns, so that a slow minute of the machine slows both.
const TURNS: usize = 5;
const KEYS: usize = 1_000_000;

struct Bench<'a> {
    server: Process,
    yardstick: Process,
    time: Duration,
    filter: &'a str,
}

pub async fn run(server: &Path, time: Duration, filter: &str) {
    let size = std::fs::metadata(server).expect("the server binary").len();
    println!("binary                     {:>9.1} MB", size as f64 / 1e6);
    let mut starts: Vec<Duration> = (0..20).map(|_| process::start_time(server)).collect();
    starts.sort();
    println!("start to first answer      {:>9.1} ms (median; best {:.1})", starts[10].as_secs_f64() * 1e3, starts[0].as_secs_f64() * 1e3);
    let me = env::current_exe().expect("this program");
    let bench = Bench {
        server: Process::start(server, &["--port", "0", "--log", "info,cloudlet::call=off"]),
        yardstick: Process::start(&me, &["bare"]),
        time,
        filter,
    };
    let host = bench.server.address.to_string();
    Connection::open(bench.server.address).await.ask(&Signed::caller_identity(&host)).await;
    println!("memory after one answer    {:>9.1} MB", bench.server.resident() as f64 / 1e6);
    bench.rates(&host).await;
    bench.put_cpu(&host).await;
    bench.listing(&host).await;
}

impl Bench<'_> {
    async fn rates(&self, host: &str) {
        let (sts, s3, sqs) = (Signed::new(host, "sts"), Signed::new(host, "s3"), Signed::new(host, "sqs"));
        let mut one = Connection::open(self.server.address).await;
        one.ask(&s3.request("PUT", "/bench", "", &[], b"")).await;
        let (small, large) = (vec![b'k'; 1 << 10], vec![b'm'; 1 << 20]);
        one.ask(&s3.request("PUT", "/bench/small", "", &[], &small)).await;
        one.ask(&s3.request("PUT", "/bench/large", "", &[], &large)).await;
        one.ask(&sqs.json("AmazonSQS.CreateQueue", r#"{"QueueName":"bench"}"#)).await;
        one.ask(&sqs.json("AmazonSQS.CreateQueue", r#"{"QueueName":"cycle"}"#)).await;
        println!("{:<24} {:>12} {:>12} {:>7} {:>10} {:>10}", "", "cloudlet /s", "bare /s", "ratio", "CPU µs", "bare µs");
        self.compare("GetCallerIdentity", sts.form("Action=GetCallerIdentity&Version=2011-06-15")).await;
        self.compare("S3 GET 1 KiB", s3.request("GET", "/bench/small", "", &[], b"")).await;
        self.compare("S3 PUT 1 KiB", s3.request("PUT", "/bench/small", "", &[], &small)).await;
        self.compare("S3 GET 1 MiB", s3.request("GET", "/bench/large", "", &[], b"")).await;
        self.compare("S3 PUT 1 MiB", s3.request("PUT", "/bench/large", "", &[], &large)).await;
        let queue = |name: &str| format!("http://{host}/000000000000/{name}");
        let send = sqs.json("AmazonSQS.SendMessage", &format!(r#"{{"QueueUrl":"{}","MessageBody":"a message of some length"}}"#, queue("bench")));
        let bare_rate = self.compare("SQS SendMessage", send).await;
        if let Some(bare_rate) = bare_rate {
            let cycle = || Cycle { signed: Signed::new(host, "sqs"), queue: queue("cycle") };
            let cycles = rate(self.server.address, (0..CONNECTIONS).map(|_| cycle()).collect(), self.time * 3).await;
            println!("{:<24} {cycles:>12.0} {bare_rate:>12.0} {:>7.2}", "SQS cycle", cycles / bare_rate);
        }
    }

    /// Asks both servers the same, and prints the best turn of each. Returns the bare server's rate.
    async fn compare(&self, name: &str, request: Vec<u8>) -> Option<f64> {
        if !name.contains(self.filter) {
            return None;
        }
        let answer = Connection::open(self.server.address).await.ask(&request).await.to_vec();
        let head = memchr::memmem::find(&answer, b"\r\n\r\n").expect("a head") + 4;
        let plain = bare(&request, answer.len() - head);
        let (mut ours, mut theirs) = (Best::default(), Best::default());
        for _ in 0..TURNS {
            theirs.turn(&self.yardstick, &plain, self.time).await;
            ours.turn(&self.server, &request, self.time).await;
        }
        let ratio = ours.rate / theirs.rate;
        println!("{name:<24} {:>12.0} {:>12.0} {ratio:>7.2} {:>10.1} {:>10.1}", ours.rate, theirs.rate, ours.micros, theirs.micros);
        Some(theirs.rate)
    }

    /// What a PUT of one MiB costs the server, beside the digests it demands: MD5 for the ETag, SHA-256 of the signature,
    /// CRC-64/NVME for the checksum that S3 keeps.
    async fn put_cpu(&self, host: &str) {
        if !"S3 PUT 1 MiB".contains(self.filter) {
            return;
        }
        const PUTS: u32 = 400;
        let request = Signed::new(host, "s3").request("PUT", "/bench/large", "", &[], &vec![b'm'; 1 << 20]);
        let mut connection = Connection::open(self.server.address).await;
        let before = self.server.cpu();
        for _ in 0..PUTS {
            connection.ask(&request).await;
        }
        let spent = (self.server.cpu() - before) / PUTS;
        let digests = cost::per_mib(&[Algorithm::Md5, Algorithm::Sha256, Algorithm::Crc64Nvme]);
        println!(
            "CPU of a 1 MiB PUT       {:>9.2} ms; its digests alone {:.2} ms; ratio {:.2}",
            spent.as_secs_f64() * 1e3,
            digests.as_secs_f64() * 1e3,
            spent.as_secs_f64() / digests.as_secs_f64()
        );
    }

    /// The first and the last page of a thousand keys among a million.
    async fn listing(&self, host: &str) {
        if !"S3 list".contains(self.filter) {
            return;
        }
        let s3 = Signed::new(host, "s3");
        let mut connection = Connection::open(self.server.address).await;
        connection.ask(&s3.request("PUT", "/listing", "", &[], b"")).await;
        let began = Instant::now();
        let fill = (0..CONNECTIONS).map(|part| Fill { s3: Signed::new(host, "s3"), next: part });
        fill_all(self.server.address, fill.collect()).await;
        // The first connection stood idle for so long that the server has closed it.
        let mut connection = Connection::open(self.server.address).await;
        println!("{KEYS} keys put in     {:>9.1} s; memory {:.0} MB", began.elapsed().as_secs_f64(), self.server.resident() as f64 / 1e6);
        for (name, after) in [("first", String::new()), ("last", format!("&start-after=key-{:07}", KEYS - 1_001))] {
            let s3 = Signed::new(host, "s3");
            let request = s3.request("GET", "/listing", &format!("list-type=2{after}"), &[], b"");
            let mut times = Vec::new();
            for _ in 0..50 {
                let began = Instant::now();
                let answer = connection.ask(&request).await;
                times.push(began.elapsed());
                assert!(memchr::memmem::find(answer, b"<KeyCount>1000</KeyCount>").is_some(), "a page of a thousand keys");
            }
            times.sort();
            println!("S3 list, {name:<5} page     {:>9.2} ms (median)", times[25].as_secs_f64() * 1e3);
        }
    }
}

/// The best turn of a server: its rate, and the CPU time it spent on each call then. A busy machine spoils the first more than the second.
#[derive(Default)]
struct Best {
    rate: f64,
    micros: f64,
}

impl Best {
    async fn turn(&mut self, server: &Process, request: &[u8], time: Duration) {
        let before = server.cpu();
        let rate = rate(server.address, (0..CONNECTIONS).map(|_| Repeat(request.to_vec())).collect(), time).await;
        let micros = (server.cpu() - before).as_secs_f64() * 1e6 / (rate * time.as_secs_f64());
        if rate > self.rate {
            *self = Best { rate, micros };
        }
    }
}

/// Sends a message, receives one, deletes it.
struct Cycle {
    signed: Signed,
    queue: String,
}

impl Turn for Cycle {
    async fn go(&mut self, connection: &mut Connection) {
        let queue = &self.queue;
        connection
            .ask(&self.signed.json("AmazonSQS.SendMessage", &format!(r#"{{"QueueUrl":"{queue}","MessageBody":"a message of some length"}}"#)))
            .await;
        let answer = connection.ask(&self.signed.json("AmazonSQS.ReceiveMessage", &format!(r#"{{"QueueUrl":"{queue}"}}"#))).await;
        let text = std::str::from_utf8(answer).expect("text");
        let handle = text.split(r#""ReceiptHandle":""#).nth(1).and_then(|rest| rest.split('"').next()).expect("a message was received").to_owned();
        connection.ask(&self.signed.json("AmazonSQS.DeleteMessage", &format!(r#"{{"QueueUrl":"{queue}","ReceiptHandle":"{handle}"}}"#))).await;
    }
}

/// Puts every sixteenth key of a million.
struct Fill {
    s3: Signed,
    next: usize,
}

async fn fill_all(address: std::net::SocketAddr, fills: Vec<Fill>) {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let mut set = tokio::task::JoinSet::new();
            for mut fill in fills {
                set.spawn_local(async move {
                    let mut connection = Connection::open(address).await;
                    while fill.next < KEYS {
                        connection.ask(&fill.s3.request("PUT", &format!("/listing/key-{:07}", fill.next), "", &[], b"")).await;
                        fill.next += CONNECTIONS;
                    }
                });
            }
            while let Some(done) = set.join_next().await {
                done.expect("a worker");
            }
        })
        .await;
}
