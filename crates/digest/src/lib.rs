//! The checksum algorithms that AWS uses: streaming, several in one pass, combined from those of parts; with the names and the encoding of
//! AWS.
//!
//! ```
//! use cloudlet_digest::{Algorithm, Digest};
//!
//! let mut digest = Digest::new(Algorithm::Crc32);
//! digest.update(b"1234");
//! digest.update(b"56789");
//! assert_eq!(digest.finish().base64(), "y/Q5Jg==");
//! ```

mod algorithm;
mod digest;
mod sum;

pub use algorithm::Algorithm;
pub use digest::{Digest, Digests, digest, md5_hex};
pub use sum::{BadSum, Sum, hex_text};

#[cfg(test)]
mod tests;
