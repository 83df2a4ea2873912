//! The algorithms, as AWS names them.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    #[serde(rename = "MD5")]
    Md5,
    #[serde(rename = "SHA1")]
    Sha1,
    #[serde(rename = "SHA256")]
    Sha256,
    #[serde(rename = "SHA512")]
    Sha512,
    #[serde(rename = "CRC32")]
    Crc32,
    #[serde(rename = "CRC32C")]
    Crc32c,
    #[serde(rename = "CRC64NVME")]
    Crc64Nvme,
    #[serde(rename = "XXHASH64")]
    XxHash64,
    #[serde(rename = "XXHASH3")]
    XxHash3,
    #[serde(rename = "XXHASH128")]
    XxHash128,
}

use Algorithm::{Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256, Sha512, XxHash3, XxHash64, XxHash128};

impl Algorithm {
    pub const ALL: [Algorithm; 10] = [Md5, Sha1, Sha256, Sha512, Crc32, Crc32c, Crc64Nvme, XxHash64, XxHash3, XxHash128];

    /// The value of S3's `ChecksumAlgorithm`.
    pub const fn name(self) -> &'static str {
        match self {
            Md5 => "MD5",
            Sha1 => "SHA1",
            Sha256 => "SHA256",
            Sha512 => "SHA512",
            Crc32 => "CRC32",
            Crc32c => "CRC32C",
            Crc64Nvme => "CRC64NVME",
            XxHash64 => "XXHASH64",
            XxHash3 => "XXHASH3",
            XxHash128 => "XXHASH128",
        }
    }

    /// The header or trailer that carries such a checksum.
    pub const fn header(self) -> &'static str {
        match self {
            Md5 => "x-amz-checksum-md5",
            Sha1 => "x-amz-checksum-sha1",
            Sha256 => "x-amz-checksum-sha256",
            Sha512 => "x-amz-checksum-sha512",
            Crc32 => "x-amz-checksum-crc32",
            Crc32c => "x-amz-checksum-crc32c",
            Crc64Nvme => "x-amz-checksum-crc64nvme",
            XxHash64 => "x-amz-checksum-xxhash64",
            XxHash3 => "x-amz-checksum-xxhash3",
            XxHash128 => "x-amz-checksum-xxhash128",
        }
    }

    /// By the value of `ChecksumAlgorithm`, in upper case.
    pub fn named(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// By the name of a header, in any case.
    pub fn of_header(header: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.header().eq_ignore_ascii_case(header))
    }

    /// The number of bytes of a checksum.
    #[expect(clippy::len_without_is_empty, reason = "an algorithm is not a collection")]
    pub const fn len(self) -> usize {
        match self {
            Crc32 | Crc32c => 4,
            Crc64Nvme | XxHash64 | XxHash3 => 8,
            Md5 | XxHash128 => 16,
            Sha1 => 20,
            Sha256 => 32,
            Sha512 => 64,
        }
    }

    /// Whether the checksum of a whole can be computed from those of its parts. Only then can a multipart upload have a
    /// full object checksum.
    pub const fn combines(self) -> bool {
        matches!(self, Crc32 | Crc32c | Crc64Nvme)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
