//! Objects of 64 MiB, and small ones over twice as many connections.

use crate::{
    client::Repeat,
    request::Signed,
    scenario::{Bench, CONNECTIONS},
};

/// Each has its own copy of what it sends.
const CONNECTIONS_OF_LARGE: usize = 4;
const LARGE: usize = 64 << 20;

impl Bench<'_> {
    pub async fn bodies(&self, host: &str) {
        if !self.includes("S3 64 MiB") && !self.includes("S3 32 connections") {
            return;
        }
        let s3 = Signed::new(host, "s3");
        self.done(&s3.request("PUT", "/bodies", "", &[], b"")).await;
        let small = s3.request("PUT", "/bodies/small", "", &[], &vec![b'k'; 1 << 10]);
        self.done(&small).await;
        self.over("S3 32 connections, GET 1 KiB", s3.request("GET", "/bodies/small", "", &[], b""), 2 * CONNECTIONS).await;
        self.over("S3 32 connections, PUT 1 KiB", small, 2 * CONNECTIONS).await;
        let large = s3.request("PUT", "/bodies/large", "", &[], &vec![b'l'; LARGE]);
        self.done(&large).await;
        self.over("S3 64 MiB, GET", s3.request("GET", "/bodies/large", "", &[], b""), CONNECTIONS_OF_LARGE).await;
        self.over("S3 64 MiB, PUT", large, CONNECTIONS_OF_LARGE).await;
    }

    async fn over(&self, name: &str, request: Vec<u8>, connections: usize) {
        let turns = (0..connections).map(|_| Repeat(request.clone())).collect();
        self.compare_turns(name, &request, turns).await;
    }
}
