//! What is measured.

use crate::{
    client::{Connection, Repeat, Turn, rate},
    cost, forms, process,
    process::Process,
    request::{Signed, bare},
};
use cloudlet_digest::Algorithm;
use std::{env, path::Path, time::Duration};

pub const CONNECTIONS: usize = 16;
/// The two servers take turns, so that a slow moment of the machine slows both; the turns are many and short, so that a disturbance
/// affects few pairs.
const TURNS: usize = 16;

pub struct Bench<'a> {
    pub server: Process,
    bare: Process,
    pub time: Duration,
    pub filter: &'a str,
}

pub async fn run(server: &Path, time: Duration, filter: &str) {
    let size = std::fs::metadata(server).expect("the server binary").len();
    println!("binary                     {:>9.1} MB", size as f64 / 1e6);
    let mut starts: Vec<Duration> = (0..20).map(|_| process::start_time(server)).collect();
    starts.sort();
    println!("start to first answer      {:>9.1} ms (median; best {:.1})", starts[10].as_secs_f64() * 1e3, starts[0].as_secs_f64() * 1e3);
    let bench = Bench::start(server, &[], time, filter);
    let host = bench.server.address.to_string();
    Connection::open(bench.server.address).await.call(&Signed::caller_identity(&host)).await;
    println!("memory after one answer    {:>9.1} MB", bench.server.resident() as f64 / 1e6);
    bench.rates(&host).await;
    bench.queues(&host).await;
    bench.topics(&host).await;
    bench.keys(&host).await;
    bench.parameters(&host).await;
    bench.log_events(&host).await;
    bench.put_cpu(&host).await;
    bench.decisions(&host).await;
    bench.settings(&host).await;
    bench.bodies(&host).await;
    bench.multipart(&host).await;
    bench.lists(&host).await;
    bench.idle_polls(&host).await;
    bench.depth(&host).await;
    bench.states(&host).await;
    bench.automations(&host).await;
    bench.networks(&host).await;
    bench.functions(&host).await;
    bench.mail(server).await;
    forms::measure(server, filter).await;
    bench.sessions(server).await;
    bench.commands(server).await;
}

impl<'a> Bench<'a> {
    /// A server with further settings, beside the bare one.
    pub fn start(server: &Path, settings: &[&str], time: Duration, filter: &'a str) -> Bench<'a> {
        let me = env::current_exe().expect("this program");
        let arguments = [&["--port", "0", "--log", "info,cloudlet::call=off"], settings].concat();
        Bench { server: Process::start(server, &arguments), bare: Process::start(&me, &["bare"]), time, filter }
    }
}

impl Bench<'_> {
    async fn rates(&self, host: &str) {
        let (sts, s3) = (Signed::new(host, "sts"), Signed::new(host, "s3"));
        let mut one = Connection::open(self.server.address).await;
        one.call(&s3.request("PUT", "/bench", "", &[], b"")).await;
        let (small, large) = (vec![b'k'; 1 << 10], vec![b'm'; 1 << 20]);
        one.call(&s3.request("PUT", "/bench/small", "", &[], &small)).await;
        one.call(&s3.request("PUT", "/bench/large", "", &[], &large)).await;
        println!("{:<24} {:>12} {:>12} {:>7} {:>14} {:>10}", "", "cloudlet /s", "bare /s", "ratio", "(half of all)", "CPU in µs");
        self.compare("GetCallerIdentity", sts.form("Action=GetCallerIdentity&Version=2011-06-15")).await;
        self.compare("S3 ListBuckets", s3.request("GET", "/", "", &[], b"")).await;
        self.compare("S3 GET 1 KiB", s3.request("GET", "/bench/small", "", &[], b"")).await;
        self.compare("S3 PUT 1 KiB", s3.request("PUT", "/bench/small", "", &[], &small)).await;
        self.compare("S3 GET 1 MiB", s3.request("GET", "/bench/large", "", &[], b"")).await;
        self.compare("S3 PUT 1 MiB", s3.request("PUT", "/bench/large", "", &[], &large)).await;
    }

    pub fn includes(&self, name: &str) -> bool {
        name.contains(self.filter)
    }

    /// Measures one request. Answers the seconds of CPU that one took.
    pub async fn compare(&self, name: &str, request: Vec<u8>) -> f64 {
        self.compare_turns(name, &request, many(&request)).await
    }

    /// Alternates turns with the bare server, which answers as many bytes as ours does to this request. Prints the best rate of each, and
    /// the median of the ratios of all pairs of turns.
    pub async fn compare_turns<T: Turn>(&self, name: &str, request: &[u8], mut turns: Vec<T>) -> f64 {
        if !self.includes(name) {
            return f64::NAN;
        }
        let plain = self.plain(request).await;
        let connections = turns.len();
        let (mut ours, mut theirs, mut cost, mut ratios) = (0f64, 0f64, f64::MAX, Vec::new());
        for _ in 0..TURNS {
            let their = rate(self.bare.address, (0..connections).map(|_| Repeat(plain.clone())).collect(), self.time).await.0;
            let (our, spent);
            (our, spent, turns) = self.turn(turns).await;
            (ours, theirs, cost) = (ours.max(our), theirs.max(their), cost.min(spent));
            ratios.push(our / their);
        }
        ratios.sort_by(f64::total_cmp);
        let quarter = |part: usize| ratios[TURNS * part / 4];
        println!("{name:<24} {ours:>12.0} {theirs:>12.0} {:>7.2} ({:.2} to {:.2}) {:>10.0}", quarter(2), quarter(1), quarter(3), cost * 1e6);
        cost
    }

    /// One turn of the server: requests per second, and the seconds of CPU spent on each.
    pub async fn turn<T: Turn>(&self, turns: Vec<T>) -> (f64, f64, Vec<T>) {
        let cpu = self.server.cpu();
        let (often, turns) = rate(self.server.address, turns, self.time).await;
        (often, (self.server.cpu() - cpu).as_secs_f64() / (often * self.time.as_secs_f64()), turns)
    }

    /// A request that the bare server answers with as many bytes.
    async fn plain(&self, request: &[u8]) -> Vec<u8> {
        let answer = Connection::open(self.server.address).await.call(request).await.to_vec();
        let head = memchr::memmem::find(&answer, b"\r\n\r\n").expect("a head") + 4;
        bare(request, answer.len() - head)
    }

    /// The CPU time of a PUT of one MiB, beside that of the digests it needs: MD5 for the ETag, SHA-256 for the signature,
    /// CRC-64/NVME for the checksum.
    async fn put_cpu(&self, host: &str) {
        if !self.includes("S3 PUT 1 MiB") {
            return;
        }
        let request = Signed::new(host, "s3").request("PUT", "/bench/large", "", &[], &vec![b'm'; 1 << 20]);
        let (mut spent, mut digests) = (f64::MAX, Duration::MAX);
        for _ in 0..TURNS {
            spent = spent.min(self.turn(many(&request)).await.1);
            digests = digests.min(cost::per_mib(&[Algorithm::Md5, Algorithm::Sha256, Algorithm::Crc64Nvme]));
        }
        println!(
            "CPU of a 1 MiB PUT       {:>9.2} ms; its digests alone {:.2} ms; ratio {:.2}",
            spent * 1e3,
            digests.as_secs_f64() * 1e3,
            spent / digests.as_secs_f64()
        );
    }
}

pub fn many(request: &[u8]) -> Vec<Repeat> {
    (0..CONNECTIONS).map(|_| Repeat(request.to_vec())).collect()
}
