//! What the digests alone cost, on this machine, in this run.

use cloudlet_digest::{Algorithm, Digest};
use std::time::{Duration, Instant};

/// The time of the best of several passes over one MiB.
pub fn per_mib(algorithms: &[Algorithm]) -> Duration {
    let body = vec![7u8; 1 << 20];
    (0..40)
        .map(|_| {
            let began = Instant::now();
            for algorithm in algorithms {
                let mut digest = Digest::new(*algorithm);
                digest.update(&body);
                std::hint::black_box(digest.finish());
            }
            began.elapsed()
        })
        .min()
        .expect("passes")
}
