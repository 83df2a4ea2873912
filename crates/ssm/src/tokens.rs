//! Tokens with which channels are opened: one of each thing at a time, used once, for some minutes.

use cloudlet_aws::Timestamp;
use cloudlet_engine::Ids;
use parking_lot::Mutex;
use std::{collections::HashMap, hash::Hash};

/// How long a token can be used.
/// AWS: unverified.
const MILLIS: i64 = 300_000;
const CHARACTERS: usize = 180;

/// What a token stands for.
pub trait Token: Clone {}

struct Issued<T> {
    token: String,
    until: Timestamp,
    of: T,
}

pub struct Tokens<K, T>(Mutex<HashMap<K, Issued<T>>>);

impl<K, T> Default for Tokens<K, T> {
    fn default() -> Self {
        Tokens(Mutex::default())
    }
}

impl<K: Eq + Hash, T: Token> Tokens<K, T> {
    /// A new token, in place of the one before.
    pub fn issue(&self, key: K, of: T, ids: &Ids, now: Timestamp) -> String {
        let mut bytes = vec![0; CHARACTERS * 3 / 4];
        ids.fill_secret(&mut bytes);
        let token = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
        let issued = Issued { token: token.clone(), until: Timestamp(now.millis().saturating_add(MILLIS)), of };
        self.0.lock().insert(key, issued);
        token
    }

    /// What the token stands for, if it is the one of this key. It can be used once.
    pub fn take(&self, key: &K, given: &str, now: Timestamp) -> Option<T> {
        let mut issued = self.0.lock();
        let is_right = issued.get(key).is_some_and(|issued| issued.until >= now && is_same(&issued.token, given));
        if is_right { issued.remove(key).map(|issued| issued.of) } else { None }
    }

    /// What the token of this key stands for, for any caller.
    pub fn peek(&self, key: &K) -> Option<T> {
        self.0.lock().get(key).map(|issued| issued.of.clone())
    }

    pub fn has(&self, key: &K) -> bool {
        self.0.lock().contains_key(key)
    }

    pub fn forget(&self, key: &K) {
        self.0.lock().remove(key);
    }
}

/// In a time that does not tell how much is right.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |different, (one, other)| different | (one ^ other)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Token for u8 {}

    #[test]
    fn a_token_is_used_once_and_not_too_late() {
        let (tokens, ids) = (Tokens::<&str, u8>::default(), Ids::seeded(1));
        let first = tokens.issue("a", 1, &ids, Timestamp(0));
        let second = tokens.issue("a", 2, &ids, Timestamp(0));
        assert_eq!((tokens.take(&"a", &first, Timestamp(0)), tokens.take(&"b", &second, Timestamp(0))), (None, None));
        assert_eq!((tokens.take(&"a", &second, Timestamp(1)), tokens.take(&"a", &second, Timestamp(1))), (Some(2), None));
        let third = tokens.issue("a", 3, &ids, Timestamp(0));
        assert_eq!(tokens.take(&"a", &third, Timestamp(MILLIS + 1)), None);
    }
}
