//! Signing keys, derived once a day per access key, region and service; and a bounded cache of them.
//! Who owns a key is not known here: the caller gives the secret, and a changed secret is another entry.

use crate::{claim::Scope, hex::Hex, v4a};
use foldhash::{HashMap, fast::RandomState};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    hash::BuildHasher,
    sync::{Arc, PoisonError, RwLock},
};

/// A SigV4 key for one day, region and service: the state of an HMAC that has taken its key. Cheap to clone.
///
/// Not aws-lc's: for messages as short as these, making and copying its contexts takes longer than the digest.
#[derive(Clone)]
pub struct SigningKey(Arc<Hmac<Sha256>>);

impl SigningKey {
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> SigningKey {
        let mut key = keyed(&[b"AWS4", secret.as_bytes()].concat());
        for part in [date, region, service, "aws4_request"] {
            key = keyed(&key.chain_update(part).finalize().into_bytes());
        }
        SigningKey(Arc::new(key))
    }

    /// The signature of a string to sign.
    pub fn sign(&self, text: &[u8]) -> Hex {
        Hex::new(&Hmac::clone(&self.0).chain_update(text).finalize().into_bytes())
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length")
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// A cache of derived keys of both kinds. Bounded; safe to share between threads.
#[derive(Default)]
pub struct Keys {
    hmac: Cache<SigningKey>,
    ecdsa: Cache<v4a::VerifyingKey>,
}

impl Keys {
    pub fn new() -> Keys {
        Keys::default()
    }

    /// The SigV4 key for a scope, derived if it is not there yet.
    pub fn signing(&self, access_key: &str, secret: &str, scope: &Scope<'_>) -> SigningKey {
        let (date, region, service) = (scope.date(), scope.region(), scope.service());
        let from = [access_key, secret, date, region, service];
        self.hmac.find(&from).unwrap_or_else(|| self.hmac.insert(&from, SigningKey::derive(secret, date, region, service)))
    }

    /// The public half of the SigV4A key of an access key; `None` if no key follows from the secret.
    pub fn verifying(&self, access_key: &str, secret: &str) -> Option<v4a::VerifyingKey> {
        let from = [access_key, secret];
        self.ecdsa.find(&from).or_else(|| Some(self.ecdsa.insert(&from, v4a::VerifyingKey::derive(access_key, secret)?)))
    }
}

const SHARDS: usize = 16;
/// Keys per shard: enough for thousands of callers, and a bound for callers that invent scopes.
const PER_SHARD: usize = 256;

struct Cache<K> {
    shards: [RwLock<HashMap<u64, Entry<K>>>; SHARDS],
    hasher: RandomState,
}

struct Entry<K> {
    /// What the key was derived from; compared in full, so that a collision of hashes is only a miss.
    from: Box<[Box<str>]>,
    key: K,
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Cache { shards: std::array::from_fn(|_| RwLock::default()), hasher: RandomState::default() }
    }
}

impl<K: Clone> Cache<K> {
    #[expect(clippy::indexing_slicing, reason = "the index is taken modulo the length")]
    fn shard(&self, from: &[&str]) -> (u64, &RwLock<HashMap<u64, Entry<K>>>) {
        let hash = self.hasher.hash_one(from);
        (hash, &self.shards[(hash % SHARDS as u64) as usize])
    }

    fn find(&self, from: &[&str]) -> Option<K> {
        let (hash, shard) = self.shard(from);
        let entries = shard.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&hash)?;
        entry.from.iter().map(|part| &**part).eq(from.iter().copied()).then(|| entry.key.clone())
    }

    fn insert(&self, from: &[&str], key: K) -> K {
        let (hash, shard) = self.shard(from);
        let mut entries = shard.write().unwrap_or_else(PoisonError::into_inner);
        // Deriving again is cheap, so the simplest bound will do: a full shard starts over.
        if entries.len() >= PER_SHARD {
            entries.clear();
        }
        entries.insert(hash, Entry { from: from.iter().map(|part| Box::from(*part)).collect(), key: key.clone() });
        key
    }
}

#[cfg(test)]
mod tests;
