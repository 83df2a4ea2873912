//! The cost of the digests and signatures alone, on this machine, in this run.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PSS_SHA256},
};
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

const MESSAGE: &[u8] = b"a message";

/// The mean time of many signatures with RSA-PSS.
pub fn rsa_2048_signature() -> Duration {
    let (key, random) = (KeyPair::generate(KeySize::Rsa2048).expect("a key"), SystemRandom::new());
    let mut signature = vec![0; key.public_modulus_len()];
    mean(|| key.sign(&RSA_PSS_SHA256, &random, MESSAGE, &mut signature).expect("a signature"))
}

/// The mean time of many signatures with ECDSA.
pub fn p256_signature() -> Duration {
    let (key, random) = (EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"), SystemRandom::new());
    mean(|| {
        std::hint::black_box(key.sign(&random, MESSAGE).expect("a signature"));
    })
}

fn mean(mut once: impl FnMut()) -> Duration {
    let began = Instant::now();
    for _ in 0..PASSES {
        once();
    }
    began.elapsed() / PASSES
}
