//! Streaming digests: one, or several over the same bytes.

use crate::{Algorithm, Sum};
use aws_lc_rs::digest as sha;
use crc_fast::CrcAlgorithm;
use md5::Digest as _;
use xxhash_rust::{xxh3::Xxh3Default, xxh64::Xxh64};

/// Several digests are updated alternately with blocks of this size, which stay in the cache meanwhile.
const BLOCK: usize = 16 * 1024;

/// A streaming digest.
#[derive(Clone)]
pub struct Digest {
    algorithm: Algorithm,
    state: State,
}

#[derive(Clone)]
enum State {
    Md5(md5::Md5),
    Sha(Box<sha::Context>),
    Crc(Box<crc_fast::Digest>),
    XxHash64(Xxh64),
    XxHash3(Box<Xxh3Default>),
    XxHash128(Box<Xxh3Default>),
}

impl Digest {
    pub fn new(algorithm: Algorithm) -> Digest {
        let sha = |algorithm| State::Sha(Box::new(sha::Context::new(algorithm)));
        let crc = |algorithm| State::Crc(Box::new(crc_fast::Digest::new(algorithm)));
        let state = match algorithm {
            Algorithm::Md5 => State::Md5(md5::Md5::new()),
            Algorithm::Sha1 => sha(&sha::SHA1_FOR_LEGACY_USE_ONLY),
            Algorithm::Sha256 => sha(&sha::SHA256),
            Algorithm::Sha512 => sha(&sha::SHA512),
            Algorithm::Crc32 => crc(CrcAlgorithm::Crc32IsoHdlc),
            Algorithm::Crc32c => crc(CrcAlgorithm::Crc32Iscsi),
            Algorithm::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme),
            Algorithm::XxHash64 => State::XxHash64(Xxh64::new(0)),
            Algorithm::XxHash3 => State::XxHash3(Box::default()),
            Algorithm::XxHash128 => State::XxHash128(Box::default()),
        };
        Digest { algorithm, state }
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Md5(md5) => md5.update(bytes),
            State::Sha(sha) => sha.update(bytes),
            State::Crc(crc) => crc.update(bytes),
            State::XxHash64(hash) => hash.update(bytes),
            State::XxHash3(hash) | State::XxHash128(hash) => hash.update(bytes),
        }
    }

    pub fn finish(self) -> Sum {
        match self.state {
            State::Md5(md5) => Sum::of(self.algorithm, &md5.finalize()),
            State::Sha(sha) => Sum::of(self.algorithm, sha.finish().as_ref()),
            State::Crc(crc) => Sum::of_crc(self.algorithm, crc.finalize()),
            // AWS: xxHash's canonical form, big-endian, with the high half first. aws-checksums tests/xxhash_test.c.
            State::XxHash64(hash) => Sum::of(self.algorithm, &hash.digest().to_be_bytes()),
            State::XxHash3(hash) => Sum::of(self.algorithm, &hash.digest().to_be_bytes()),
            State::XxHash128(hash) => Sum::of(self.algorithm, &hash.digest128().to_be_bytes()),
        }
    }
}

/// Several digests over the same bytes, in one pass. Each algorithm occurs once.
#[derive(Clone, Default)]
pub struct Digests(Vec<Digest>);

impl Digests {
    pub fn new(algorithms: impl IntoIterator<Item = Algorithm>) -> Digests {
        let mut digests = Digests::default();
        for algorithm in algorithms {
            digests.add(algorithm);
        }
        digests
    }

    /// Adds an algorithm, unless it is there already. To be called before the first byte.
    pub fn add(&mut self, algorithm: Algorithm) {
        if !self.0.iter().any(|digest| digest.algorithm == algorithm) {
            self.0.push(Digest::new(algorithm));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self.0.as_mut_slice() {
            [] => {}
            [one] => one.update(bytes),
            many => {
                for block in bytes.chunks(BLOCK) {
                    many.iter_mut().for_each(|digest| digest.update(block));
                }
            }
        }
    }

    /// In the order in which they were added.
    pub fn finish(self) -> Vec<Sum> {
        self.0.into_iter().map(Digest::finish).collect()
    }
}

impl Sum {
    /// The composite checksum: the checksum of the checksums of the parts. S3 appends `-` and the number of parts.
    /// None when a part has another algorithm.
    pub fn composite<'a>(algorithm: Algorithm, parts: impl IntoIterator<Item = &'a Sum>) -> Option<Sum> {
        let mut digest = Digest::new(algorithm);
        for part in parts {
            if part.algorithm() != algorithm {
                return None;
            }
            digest.update(part.bytes());
        }
        Some(digest.finish())
    }
}

/// The digest of bytes in memory.
pub fn digest(algorithm: Algorithm, bytes: &[u8]) -> Sum {
    let mut digest = Digest::new(algorithm);
    digest.update(bytes);
    digest.finish()
}

/// MD5 in hexadecimal, as in ETags of S3 and message digests of SQS.
pub fn md5_hex(bytes: &[u8]) -> String {
    digest(Algorithm::Md5, bytes).hex()
}
