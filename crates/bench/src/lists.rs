//! Lists of S3: pages of a million keys, common prefixes that stand for ten thousand keys each, and a key with many versions.

use crate::{
    client::Connection,
    request::Signed,
    scenario::{Bench, CONNECTIONS},
};
use cloudlet_digest::{Algorithm, digest};
use std::{net::SocketAddr, sync::Arc, time::Instant};

const KEYS: usize = 1_000_000;
const PREFIXES: usize = 100;
const VERSIONS: usize = 100_000;
/// What a page may take.
const LIMIT_MILLIS: f64 = 2.0;
const REPEATS: usize = 50;

const ENABLED: &[u8] = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

impl Bench<'_> {
    pub async fn lists(&self, host: &str) {
        if !self.includes("S3 list") {
            return;
        }
        self.flat(host).await;
        self.folders(host).await;
        self.versions(host).await;
    }

    async fn flat(&self, host: &str) {
        self.put_keys(host, "listing", KEYS, |number| format!("key-{number:07}")).await;
        let counted = "<KeyCount>1000</KeyCount>";
        for (name, after) in [("first", String::new()), ("middle", after(KEYS / 2)), ("last", after(KEYS - 1_001))] {
            self.page(host, &format!("{name} page"), "/listing", &format!("list-type=2{after}"), counted).await;
        }
    }

    /// The root of 100 folders with 10,000 keys each.
    async fn folders(&self, host: &str) {
        self.put_keys(host, "folders", KEYS, |number| format!("{:03}/{number:07}", number % PREFIXES)).await;
        self.page(host, "root of folders", "/folders", "delimiter=%2F&list-type=2", "<KeyCount>100</KeyCount>").await;
    }

    /// One key with 100,000 versions, between two others.
    async fn versions(&self, host: &str) {
        let mut connection = Connection::open(self.server.address).await;
        let s3 = Signed::new(host, "s3");
        connection.call(&s3.request("PUT", "/versions", "", &[], b"")).await;
        let md5 = digest(Algorithm::Md5, ENABLED).base64();
        connection.call(&s3.request("PUT", "/versions", "versioning=", &[("content-md5", &md5)], ENABLED)).await;
        for key in ["/versions/a", "/versions/z"] {
            connection.call(&s3.request("PUT", key, "", &[], b"")).await;
        }
        self.put_keys(host, "versions", VERSIONS, |_| "many".to_owned()).await;
        self.page(host, "keys beside versions", "/versions", "list-type=2", "<KeyCount>3</KeyCount>").await;
        self.page(host, "page of versions", "/versions", "versions=", "<IsTruncated>true</IsTruncated>").await;
        self.page(host, "versions after them", "/versions", "key-marker=many&versions=", "<Key>z</Key>").await;
        self.compare("S3 list, GET among versions", Signed::new(host, "s3").request("GET", "/versions/many", "", &[], b"")).await;
        self.compare("S3 list, PUT among versions", Signed::new(host, "s3").request("PUT", "/versions/many", "", &[], b"")).await;
    }

    /// Measures one page. Its answer must have a text.
    async fn page(&self, host: &str, name: &str, path: &str, query: &str, has: &str) {
        // The server has closed the connections that were idle for too long.
        let mut connection = Connection::open(self.server.address).await;
        let request = Signed::new(host, "s3").request("GET", path, query, &[], b"");
        let mut times = Vec::new();
        for _ in 0..REPEATS {
            let began = Instant::now();
            let answer = connection.call(&request).await;
            times.push(began.elapsed());
            assert!(memchr::memmem::find(answer, has.as_bytes()).is_some(), "{name} has {has}");
        }
        times.sort();
        let median = times[REPEATS / 2].as_secs_f64() * 1e3;
        let over = if median > LIMIT_MILLIS { "  OVER THE LIMIT" } else { "" };
        println!("S3 list, {name:<20} {median:>9.2} ms (median; limit {LIMIT_MILLIS:.0}){over}");
    }

    /// Puts empty objects into a bucket, over all connections.
    async fn put_keys(&self, host: &str, bucket: &'static str, keys: usize, key: fn(usize) -> String) {
        let address = self.server.address;
        Connection::open(address).await.call(&Signed::new(host, "s3").request("PUT", &format!("/{bucket}"), "", &[], b"")).await;
        let began = Instant::now();
        let s3 = Arc::new(Signed::new(host, "s3"));
        let mut set = tokio::task::JoinSet::new();
        for first in 0..CONNECTIONS {
            set.spawn(put_each(address, s3.clone(), bucket, (first..keys).step_by(CONNECTIONS), key));
        }
        while let Some(done) = set.join_next().await {
            done.expect("a worker");
        }
        println!("{keys} keys put in     {:>9.1} s; memory {:.0} MB", began.elapsed().as_secs_f64(), self.server.resident() as f64 / 1e6);
    }
}

fn after(number: usize) -> String {
    format!("&start-after=key-{number:07}")
}

async fn put_each(address: SocketAddr, s3: Arc<Signed>, bucket: &str, numbers: impl Iterator<Item = usize>, key: fn(usize) -> String) {
    let mut connection = Connection::open(address).await;
    for number in numbers {
        connection.call(&s3.request("PUT", &format!("/{bucket}/{}", key(number)), "", &[], b"")).await;
    }
}
