//! Signing keys, derived once a day per access key, region and service; and a bounded place to keep them.
//! Deliberately no policy of who owns a key: identity hands over the secret, and a changed secret is another entry.

use crate::{claim::Scope, hex::Hex, v4a};
use aws_lc_rs::hmac;
use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, Hash, Hasher},
    sync::{Arc, PoisonError, RwLock},
};

/// A SigV4 key for one day, region and service. Cheap to clone.
#[derive(Clone)]
pub struct SigningKey(Arc<hmac::Key>);

impl SigningKey {
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> SigningKey {
        let mut start = Vec::with_capacity(4 + secret.len());
        start.extend_from_slice(b"AWS4");
        start.extend_from_slice(secret.as_bytes());
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, &start);
        for part in [date, region, service, "aws4_request"] {
            key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
        }
        SigningKey(Arc::new(key))
    }

    /// The signature of a string to sign.
    pub fn sign(&self, text: &[u8]) -> Hex {
        Hex::new(hmac::sign(&self.0, text).as_ref())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// Derived keys of both kinds, kept for the next request. Bounded; safe to share between threads.
pub struct Keys {
    shards: [RwLock<HashMap<u64, Entry, RandomState>>; SHARDS],
    hasher: RandomState,
}

const SHARDS: usize = 16;
/// Keys kept per shard: enough for thousands of callers, and a bound for those who make up scopes.
const PER_SHARD: usize = 256;

struct Entry {
    /// What the key was derived from; compared in full, so that a collision of hashes is only a miss.
    from: Box<str>,
    key: Derived,
}

#[derive(Clone)]
enum Derived {
    Hmac(SigningKey),
    Ecdsa(v4a::VerifyingKey),
}

impl Default for Keys {
    fn default() -> Self {
        Keys { shards: std::array::from_fn(|_| RwLock::default()), hasher: RandomState::new() }
    }
}

impl Keys {
    pub fn new() -> Keys {
        Keys::default()
    }

    /// The SigV4 key for a scope, derived if it is not there yet.
    pub fn signing(&self, access_key: &str, secret: &str, scope: &Scope<'_>) -> SigningKey {
        let from = [access_key, secret, scope.date(), scope.region(), scope.service()];
        let make = || Derived::Hmac(SigningKey::derive(secret, scope.date(), scope.region(), scope.service()));
        match self.get(&from, make) {
            Derived::Hmac(key) => key,
            Derived::Ecdsa(_) => SigningKey::derive(secret, scope.date(), scope.region(), scope.service()),
        }
    }

    /// The public half of the SigV4A key of an access key; `None` if no key follows from the secret.
    pub fn verifying(&self, access_key: &str, secret: &str) -> Option<v4a::VerifyingKey> {
        let from = [access_key, secret];
        let (hash, shard) = self.place(&from);
        if let Some(Derived::Ecdsa(key)) = find(shard, hash, &from) {
            return Some(key);
        }
        let key = v4a::VerifyingKey::derive(access_key, secret)?;
        keep(shard, hash, &from, Derived::Ecdsa(key.clone()));
        Some(key)
    }

    fn get(&self, from: &[&str], make: impl FnOnce() -> Derived) -> Derived {
        let (hash, shard) = self.place(from);
        find(shard, hash, from).unwrap_or_else(|| {
            let key = make();
            keep(shard, hash, from, key.clone());
            key
        })
    }

    #[expect(clippy::indexing_slicing, reason = "the index is taken modulo the length")]
    fn place(&self, from: &[&str]) -> (u64, &Shard) {
        let mut hasher = self.hasher.build_hasher();
        from.hash(&mut hasher);
        let hash = hasher.finish();
        (hash, &self.shards[(hash % SHARDS as u64) as usize])
    }
}

type Shard = RwLock<HashMap<u64, Entry, RandomState>>;

fn find(shard: &Shard, hash: u64, from: &[&str]) -> Option<Derived> {
    let entries = shard.read().unwrap_or_else(PoisonError::into_inner);
    entries.get(&hash).filter(|entry| entry.is_from(from)).map(|entry| entry.key.clone())
}

fn keep(shard: &Shard, hash: u64, from: &[&str], key: Derived) {
    let mut entries = shard.write().unwrap_or_else(PoisonError::into_inner);
    // Deriving again is cheap, so the simplest bound will do: a full shard starts over.
    if entries.len() >= PER_SHARD {
        entries.clear();
    }
    entries.insert(hash, Entry { from: from.join("\0").into(), key });
}

impl Entry {
    fn is_from(&self, from: &[&str]) -> bool {
        let mut rest: &str = &self.from;
        for (at, part) in from.iter().enumerate() {
            if at > 0 {
                let Some(next) = rest.strip_prefix('\0') else { return false };
                rest = next;
            }
            let Some(next) = rest.strip_prefix(part) else { return false };
            rest = next;
        }
        rest.is_empty()
    }
}
