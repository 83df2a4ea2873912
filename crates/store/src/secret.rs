//! Values that only the journal holds in plain text. Inspection shows `(redacted)` in their place.
//! A secret must not be the key of a row: take its hash as the key.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{cell::Cell, fmt, hint::black_box, ops::Deref};

thread_local! {
    static REDACTING: Cell<bool> = const { Cell::new(false) };
}

const REDACTED: &str = "(redacted)";

/// Serializes without secrets what `serialize` serializes on this thread.
pub(crate) fn redacted<R>(serialize: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            REDACTING.set(self.0);
        }
    }
    let _restore = Restore(REDACTING.replace(true));
    serialize()
}

/// For `#[serde(serialize_with = …)]`: a field that is a secret, whatever its type.
pub fn as_secret<T: Serialize + ?Sized, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    if REDACTING.get() { to.serialize_str(REDACTED) } else { value.serialize(to) }
}

/// For a field that is secret in part: `plain` goes to the journal, `shown` to inspection.
pub fn unless_inspected<R>(plain: impl FnOnce() -> R, shown: impl FnOnce() -> R) -> R {
    if REDACTING.get() { shown() } else { plain() }
}

/// A key, a token, a password: it is neither inspected nor logged.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    pub fn new(value: impl Into<T>) -> Secret<T> {
        Secret(value.into())
    }
}

impl<T: Deref> Secret<T> {
    /// For cryptography, and for answers that contain the secret.
    pub fn reveal(&self) -> &T::Target {
        &self.0
    }
}

impl<T: Deref<Target = str>> Secret<T> {
    /// Compares in a time that does not depend on where the texts differ.
    pub fn is(&self, text: &str) -> bool {
        let (secret, text) = (self.0.as_bytes(), text.as_bytes());
        secret.len() == text.len() && black_box(secret.iter().zip(text).fold(0, |different, (a, b)| black_box(different | (a ^ b)))) == 0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T: Serialize> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        as_secret(&self.0, to)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(from).map(Secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InMemory, Journal, Persistent, Store, StoreMap, Table, tables};

    #[derive(Default)]
    struct Tables {
        keys: Table<u32, Secret<String>>,
    }

    tables!(Tables { keys });

    #[test]
    fn a_page_has_no_secrets_and_the_journal_and_a_snapshot_have_them() {
        let backend = InMemory::new();
        let store = Store::new("test", &Journal::to(backend.clone()), Tables::default());
        store.update(|tables| tables.keys.insert(1, Secret::new("hush")));
        assert_eq!(serde_json::to_string(&store.page(None, "keys", None, 10).unwrap()).unwrap(), r#"{"rows":[[1,"(redacted)"]]}"#);
        let mut records = vec![];
        store.snapshot(&mut |record| records.push(record));
        for records in [records, backend.records()] {
            assert!(serde_json::to_string(&records).unwrap().contains("hush"), "{records:?}");
        }
    }

    #[test]
    fn a_page_of_a_mapped_store_has_no_secrets() {
        let stores: StoreMap<u32, Tables> = StoreMap::new("test", &Journal::off());
        stores.create(7, Tables::default()).unwrap().update(|tables| tables.keys.insert(1, Secret::new("hush"))).unwrap();
        let instance = crate::Json::of(&7).unwrap();
        let page = stores.page(Some(&instance), "keys", None, 10).unwrap();
        assert!(!serde_json::to_string(&page).unwrap().contains("hush"));
    }

    #[test]
    fn a_secret_is_compared_and_read_and_never_printed() {
        let secret: Secret<String> = serde_json::from_str("\"hush\"").unwrap();
        assert_eq!(secret.reveal(), "hush");
        assert!(secret.is("hush"));
        assert!(!["", "hus", "hush!", "hash"].iter().any(|text| secret.is(text)));
        assert_eq!(format!("{secret:?}"), "(redacted)");
    }

    #[test]
    fn what_is_serialized_after_a_panic_is_not_redacted() {
        assert!(std::panic::catch_unwind(|| redacted(|| panic!("a bug"))).is_err());
        assert_eq!(serde_json::to_string(&Secret::<String>::new("x")).unwrap(), "\"x\"");
    }
}
