//! Bodies under a data key: AES-256 in counter mode, so that a range is read without the bytes before it.
//!
//! Every body, and every part of a multipart upload, has a key of its own, derived from the data key and its salt.

use crate::state::Salt;
use aws_lc_rs::{
    cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey},
    iv::FixedLength,
};
use bytes::Bytes;
use cloudlet_aws::Fault;
use cloudlet_digest::{Algorithm, digest};

const BLOCK: u64 = 16;

/// How often a body is encrypted: twice under `aws:kms:dsse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layers {
    One,
    Two,
}

/// Encrypts and decrypts the bytes of one body at any position.
pub struct Cipher {
    data_key: [u8; 32],
    layers: Layers,
    /// The parts of the body, each with the position where it begins.
    parts: Vec<(u64, Salt)>,
}

impl Cipher {
    pub fn new(data_key: [u8; 32], layers: Layers, salt: Salt) -> Cipher {
        Cipher { data_key, layers, parts: vec![(0, salt)] }
    }

    /// Of a body that was joined from parts of these sizes.
    pub fn of_parts(data_key: [u8; 32], layers: Layers, parts: impl Iterator<Item = (u64, Salt)>) -> Cipher {
        let mut start = 0_u64;
        let with_start = parts.map(|(size, salt)| {
            let at = start;
            start = start.saturating_add(size);
            (at, salt)
        });
        Cipher { data_key, layers, parts: with_start.collect() }
    }

    /// The same for both directions: what was encrypted is decrypted, and the other way round.
    pub fn apply(&self, mut position: u64, bytes: &[u8]) -> Result<Bytes, Fault> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while !rest.is_empty() {
            let next = self.parts.partition_point(|(start, _)| *start <= position);
            let Some((start, salt)) = next.checked_sub(1).and_then(|at| self.parts.get(at)) else {
                return Err(Fault::internal("a body without a key"));
            };
            let left = self.parts.get(next).map_or(u64::MAX, |(end, _)| end.saturating_sub(position));
            let (piece, after) = rest.split_at(rest.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
            self.apply_part(*salt, position.saturating_sub(*start), piece, &mut out)?;
            position = position.saturating_add(piece.len() as u64);
            rest = after;
        }
        Ok(out.into())
    }

    fn apply_part(&self, salt: Salt, position: u64, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        // The counter counts blocks: what precedes the position in its block is cut off again.
        let lead = usize::try_from(position % BLOCK).unwrap_or_default();
        let mut buffer = vec![0; lead];
        buffer.extend_from_slice(piece);
        let counter = u128::from(position / BLOCK).to_be_bytes();
        let purposes: &[&[u8]] = match self.layers {
            Layers::One => &[b"1"],
            Layers::Two => &[b"1", b"2"],
        };
        for purpose in purposes {
            let key = digest(Algorithm::Sha256, &[self.data_key.as_slice(), &salt.0, purpose].concat());
            let unusable = |_| Fault::internal("a key that cannot be used");
            let key = UnboundCipherKey::new(&AES_256, key.bytes()).and_then(DecryptingKey::ctr).map_err(unusable)?;
            key.decrypt(&mut buffer, DecryptionContext::Iv128(FixedLength::from(counter))).map_err(unusable)?;
        }
        out.extend_from_slice(buffer.get(lead..).unwrap_or_default());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> Vec<u8> {
        (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect()
    }

    #[test]
    fn a_body_is_decrypted_from_any_position_in_any_pieces() {
        for layers in [Layers::One, Layers::Two] {
            let parts = [(100, Salt([1; 16])), (33, Salt([2; 16])), (200, Salt([3; 16]))];
            let cipher = Cipher::of_parts([7; 32], layers, parts.into_iter());
            let plain = text(333);
            let sealed = cipher.apply(0, &plain).unwrap();
            assert_ne!(sealed, plain);
            for (from, to) in [(0, 333), (1, 2), (15, 17), (16, 33), (99, 101), (100, 133), (7, 333), (332, 333)] {
                let opened = cipher.apply(from as u64, &sealed[from..to]).unwrap();
                assert_eq!(opened, &plain[from..to], "{from}..{to}");
            }
            // Each part is as it was sealed alone.
            let second = Cipher::new([7; 32], layers, Salt([2; 16]));
            assert_eq!(second.apply(0, &plain[100..133]).unwrap(), sealed[100..133]);
        }
    }

    #[test]
    fn another_key_and_another_salt_give_other_bytes() {
        let seal = |key: u8, salt: u8, layers| Cipher::new([key; 32], layers, Salt([salt; 16])).apply(0, &text(64)).unwrap();
        let first = seal(1, 1, Layers::One);
        assert!(first != seal(2, 1, Layers::One) && first != seal(1, 2, Layers::One) && first != seal(1, 1, Layers::Two));
    }
}
