//! A server with a data folder: durable writes beside a bare loop of write and fdatasync on the same disk, reads beside a server in
//! memory, the start with many rows, and the rate of a snapshot beside that of a copy.

use crate::{
    client::{Connection, Turn, rate},
    messaging::{prepare, queue_url},
    process::{self, Process},
    request::Signed,
    scenario::{CONNECTIONS, many},
};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const TURNS: usize = 8;
/// Objects and messages that a start reads.
const ROWS: usize = 100_000;
const BODIES: usize = 64;
const BODY: usize = 16 << 20;

pub async fn run(server: &Path, time: Duration, folder: &Path) {
    let data = folder.join("data");
    let _ = fs::remove_dir_all(&data);
    fs::create_dir_all(folder).expect("a folder");
    writes(server, time, folder, &data).await;
    let _ = fs::remove_dir_all(&data);
    start(server, &data).await;
    let _ = fs::remove_dir_all(&data);
    snapshot(server, folder, &data).await;
    let _ = fs::remove_dir_all(folder);
}

fn started(server: &Path, data: &Path) -> Process {
    Process::start(server, &["--port", "0", "--log", "info,cloudlet::call=off", "--data-dir", data.to_str().expect("a path")])
}

/// Writes of 300 bytes per second, each made durable.
fn bare_writes(folder: &Path, time: Duration) -> f64 {
    let path = folder.join("bare");
    let mut file = File::create(&path).expect("a file");
    let began = Instant::now();
    let mut done = 0u32;
    while began.elapsed() < time {
        file.write_all(&[b'x'; 300]).and_then(|()| file.sync_data()).expect("a write");
        done += 1;
    }
    let rate = f64::from(done) / began.elapsed().as_secs_f64();
    fs::remove_file(path).expect("the file goes");
    rate
}

async fn writes(server: &Path, time: Duration, folder: &Path, data: &Path) {
    let durable = started(server, data);
    let memory = Process::start(server, &["--port", "0", "--log", "info,cloudlet::call=off"]);
    println!("{:<24} {:>12} {:>12} {:>7}", "with a data folder", "cloudlet /s", "beside /s", "ratio");
    let small = vec![b'k'; 1 << 10];
    for process in [&durable, &memory] {
        let host = process.address.to_string();
        prepare(process.address, &Signed::new(&host, "sqs").json("AmazonSQS.CreateQueue", r#"{"QueueName":"bench"}"#)).await;
        let s3 = Signed::new(&host, "s3");
        prepare(process.address, &s3.request("PUT", "/bench", "", &[], b"")).await;
        prepare(process.address, &s3.request("PUT", "/bench/small", "", &[], &small)).await;
    }
    let of = |process: &Process| {
        let host = process.address.to_string();
        let send = format!(r#"{{"QueueUrl":"{}","MessageBody":"a message of some length"}}"#, queue_url(&host, "bench"));
        let s3 = Signed::new(&host, "s3");
        [
            Signed::new(&host, "sqs").json("AmazonSQS.SendMessage", &send),
            s3.request("PUT", "/bench/small", "", &[], &small),
            s3.request("GET", "/bench/small", "", &[], b""),
        ]
    };
    let (ours, theirs) = (of(&durable), of(&memory));
    for (index, name) in ["SQS SendMessage", "S3 PUT 1 KiB", "S3 GET 1 KiB"].iter().enumerate() {
        let (mut best, mut beside_best, mut ratios) = (0f64, 0f64, Vec::new());
        for _ in 0..TURNS {
            // A write is compared with a bare write, a read with a read from memory.
            let beside = if index < 2 { bare_writes(folder, time) } else { rate(memory.address, many(&theirs[index]), time).await.0 };
            let rate = rate(durable.address, many(&ours[index]), time).await.0;
            (best, beside_best) = (best.max(rate), beside_best.max(beside));
            ratios.push(rate / beside);
        }
        ratios.sort_by(f64::total_cmp);
        println!("{name:<24} {best:>12.0} {beside_best:>12.0} {:>7.2}", ratios[TURNS / 2]);
    }
}

/// Puts objects, or sends messages, until there are enough.
struct Fill {
    s3: Signed,
    sqs: Signed,
    url: String,
    body: Vec<u8>,
    next: usize,
}

impl Turn for Fill {
    async fn go(&mut self, connection: &mut Connection) {
        if self.next >= ROWS {
            tokio::task::yield_now().await;
            return;
        }
        connection.call(&self.s3.request("PUT", &format!("/fill/key-{:06}", self.next), "", &[], &self.body)).await;
        let entries: String = (0..10).map(|id| format!(r#"{{"Id":"{id}","MessageBody":"a message of some length"}},"#)).collect();
        if self.next.is_multiple_of(10) {
            let batch = format!(r#"{{"QueueUrl":"{}","Entries":[{}]}}"#, self.url, entries.trim_end_matches(','));
            connection.call(&self.sqs.json("AmazonSQS.SendMessageBatch", &batch)).await;
        }
        self.next += CONNECTIONS * 4;
    }
}

async fn start(server: &Path, data: &Path) {
    let process = started(server, data);
    let host = process.address.to_string();
    prepare(process.address, &Signed::new(&host, "sqs").json("AmazonSQS.CreateQueue", r#"{"QueueName":"fill"}"#)).await;
    prepare(process.address, &Signed::new(&host, "s3").request("PUT", "/fill", "", &[], b"")).await;
    let fill =
        |next| Fill { s3: Signed::new(&host, "s3"), sqs: Signed::new(&host, "sqs"), url: queue_url(&host, "fill"), body: vec![b'x'; 1 << 10], next };
    let mut turns: Vec<Fill> = (0..CONNECTIONS * 4).map(fill).collect();
    let began = Instant::now();
    while turns.iter().any(|turn| turn.next < ROWS) {
        turns = rate(process.address, turns, Duration::from_millis(500)).await.1;
    }
    println!("{ROWS} objects and {ROWS} messages in {:>6.1} s", began.elapsed().as_secs_f64());
    drop(process);
    let arguments = ["--data-dir", data.to_str().expect("a path")];
    // The first start after a kill repairs, and warms the cache of the disk.
    let first = process::start_time_with(server, &arguments);
    let mut starts: Vec<Duration> = (0..5).map(|_| process::start_time_with(server, &arguments)).collect();
    starts.sort();
    println!("start with them            {:>9.0} ms (median; first {:.0})", starts[2].as_secs_f64() * 1e3, first.as_secs_f64() * 1e3);
}

async fn snapshot(server: &Path, folder: &Path, data: &Path) {
    let process = started(server, data);
    let host = process.address.to_string();
    let (sts, s3) = (Signed::new(&host, "sts"), Signed::new(&host, "s3"));
    prepare(process.address, &s3.request("PUT", "/large", "", &[], b"")).await;
    let mut connection = Connection::open(process.address).await;
    for number in 0..BODIES {
        connection.call(&s3.request("PUT", &format!("/large/{number}"), "", &[], &vec![b'x'; BODY])).await;
    }
    let bytes = (BODIES * BODY) as f64 / 1e6;
    let (from, to): (PathBuf, PathBuf) = (folder.join("plain"), folder.join("copy"));
    File::create(&from).and_then(|mut file| (0..BODIES).try_for_each(|_| file.write_all(&vec![b'x'; BODY]))).expect("a file");
    let (mut ratios, mut best, mut called) = (vec![], 0f64, 0f64);
    for _ in 0..3 {
        let began = Instant::now();
        fs::copy(&from, &to).and_then(|_| File::open(&to)?.sync_all()).expect("a copy");
        let copied = bytes / began.elapsed().as_secs_f64();
        let (address, path) = (process.address, to.clone());
        let began = Instant::now();
        let saving = std::thread::spawn(move || save(address, &path));
        // Calls go on meanwhile.
        let mut answers = 0;
        while !saving.is_finished() {
            connection.call(&sts.form("Action=GetCallerIdentity&Version=2011-06-15")).await;
            answers += 1;
        }
        saving.join().expect("the thread").expect("a snapshot");
        let took = began.elapsed().as_secs_f64();
        ratios.push(bytes / took / copied);
        (best, called) = (best.max(bytes / took), called.max(f64::from(answers) / took));
    }
    ratios.sort_by(f64::total_cmp);
    println!("snapshot of {bytes:.0} MB     {best:>9.0} MB/s; ratio to a copy {:.2}; {called:.0} calls /s meanwhile", ratios[1]);
}

fn save(address: std::net::SocketAddr, path: &Path) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(format!("GET /_cloudlet/snapshot HTTP/1.0\r\nhost: {address}\r\n\r\n").as_bytes())?;
    let mut file = File::create(path)?;
    let mut piece = vec![0; 1 << 18];
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return file.sync_all();
        }
        file.write_all(&piece[..read])?;
    }
}
