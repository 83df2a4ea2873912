//! The cost of the digests alone, on this machine, in this run.

use cloudlet_digest::{Algorithm, Digest};
use std::time::{Duration, Instant};

const PASSES: u32 = 100;

/// The mean time of many passes over one MiB.
pub fn per_mib(algorithms: &[Algorithm]) -> Duration {
    let body = vec![7u8; 1 << 20];
    let began = Instant::now();
    for _ in 0..PASSES {
        for algorithm in algorithms {
            let mut digest = Digest::new(*algorithm);
            digest.update(&body);
            std::hint::black_box(digest.finish());
        }
    }
    began.elapsed() / PASSES
}
