//! A digest of a request's members, to compare requests without storing them: a page token is bound to the request of its list.

use cloudlet_shape::{Body, Document, Events, Member, Struct, Target, Timestamp, Value, Writer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Of these names, and of those members of a request that are present and included. A streaming body is not read.
    pub fn of(names: &[&str], request: &dyn Struct, includes: impl Fn(&Member) -> bool) -> Fingerprint {
        let mut digest = Digester(Sha256::new());
        for name in names {
            digest.text(name);
        }
        digest.members(request, &includes);
        digest.finish()
    }

    /// Of texts alone.
    pub fn of_texts(texts: &[&str]) -> Fingerprint {
        let mut digest = Digester(Sha256::new());
        for text in texts {
            digest.text(text);
        }
        digest.finish()
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Every value is written with its type and its length, so that no two requests are written alike.
struct Digester(Sha256);

impl Digester {
    fn put(&mut self, kind: u8, bytes: &[u8]) {
        self.0.update([kind]);
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn members(&mut self, value: &dyn Struct, includes: &dyn Fn(&Member) -> bool) {
        for (index, member) in value.schema().members.iter().enumerate() {
            let inner = value.get(index);
            if !inner.is_absent() && includes(member) {
                self.text(member.name);
                inner.write(self, member.of);
            }
        }
        self.put(b'.', &[]);
    }

    fn finish(self) -> Fingerprint {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(self.0.finalize()) {
            *to = from;
        }
        Fingerprint(bytes)
    }
}

impl Writer for Digester {
    fn boolean(&mut self, value: bool) {
        self.put(b'b', &[u8::from(value)]);
    }
    fn integer(&mut self, value: i64) {
        self.put(b'i', &value.to_le_bytes());
    }
    fn float(&mut self, value: f64) {
        self.put(b'f', &value.to_le_bytes());
    }
    fn text(&mut self, value: &str) {
        self.put(b't', value.as_bytes());
    }
    fn blob(&mut self, value: &[u8]) {
        self.put(b'x', value);
    }
    fn timestamp(&mut self, value: Timestamp, _: &'static Target) {
        self.put(b's', &value.millis().to_le_bytes());
    }
    fn document(&mut self, value: &Document) {
        self.put(b'd', value.to_string().as_bytes());
    }
    fn body(&mut self, _: &Body) {
        self.put(b'y', &[]);
    }
    fn events(&mut self, _: &Events) {
        self.put(b'e', &[]);
    }
    fn list(&mut self, of: &'static Target, items: &mut dyn Iterator<Item = &dyn Value>) {
        self.put(b'[', &[]);
        for item in items {
            item.write(self, of.item());
        }
        self.put(b']', &[]);
    }
    fn map(&mut self, of: &'static Target, entries: &mut dyn Iterator<Item = (&str, &dyn Value)>) {
        self.put(b'{', &[]);
        for (key, value) in entries {
            self.text(key);
            value.write(self, of.item());
        }
        self.put(b'}', &[]);
    }
    fn structure(&mut self, value: &dyn Struct) {
        self.put(b'(', &[]);
        self.members(value, &|_| true);
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;
    use cloudlet_api_kms::{ListKeysRequest, Tag, TagResourceRequest};

    #[test]
    fn members_that_differ_make_another_fingerprint_and_excluded_ones_do_not() {
        let request = |limit, marker: Option<&str>| ListKeysRequest { limit, marker: marker.map(Into::into), ..ListKeysRequest::default() };
        let of = |request| Fingerprint::of(&["kms"], &request, |member| member.name != "Marker");
        assert_eq!(of(request(Some(1), Some("a"))), of(request(Some(1), Some("b"))));
        assert_ne!(of(request(Some(1), None)), of(request(Some(2), None)));
        assert_ne!(of(request(Some(1), None)), of(request(None, None)));
        assert_ne!(of(request(None, None)), Fingerprint::of(&["sqs"], &request(None, None), |_| true));
    }

    #[test]
    fn texts_that_join_alike_differ() {
        assert_ne!(Fingerprint::of_texts(&["ab", "c"]), Fingerprint::of_texts(&["a", "bc"]));
        let of = |tags: &[(&str, &str)]| {
            let tags = tags.iter().map(|(key, value)| Tag { tag_key: (*key).into(), tag_value: (*value).into() }).collect();
            Fingerprint::of(&[], &TagResourceRequest { key_id: "k".into(), tags }, |_| true)
        };
        assert_ne!(of(&[("a", "b"), ("c", "d")]), of(&[("a", "b")]));
        assert_ne!(of(&[("a", "b"), ("c", "d")]), of(&[("c", "d"), ("a", "b")]));
    }
}
