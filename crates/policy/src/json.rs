//! The JSON of policies: objects with their keys in order and no key twice, values as raw text with their positions.

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// An object, its members in order. A repeated key is refused.
pub(crate) struct Object<'a>(pub Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                let mut seen = std::collections::HashSet::new();
                while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if !seen.insert(key.clone()) {
                        return Err(A::Error::custom("a key comes twice"));
                    }
                    members.push((key, value));
                }
                Ok(Object(members))
            }
        }
        from.deserialize_map(Members)
    }
}

impl<'a> Object<'a> {
    pub fn of(raw: &'a RawValue) -> Option<Object<'a>> {
        serde_json::from_str(raw.get()).ok()
    }

    pub fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| *value)
    }
}

pub(crate) fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// A string, or a list of strings.
pub(crate) fn texts(raw: &RawValue) -> Option<Vec<String>> {
    match raw.get().as_bytes().first()? {
        b'"' => text(raw).map(|text| vec![text]),
        b'[' => serde_json::from_str(raw.get()).ok(),
        _ => None,
    }
}

/// Condition values: strings, numbers and truths, one or a list of them.
pub(crate) fn scalars(raw: &RawValue) -> Option<Vec<String>> {
    let scalar = |raw: &RawValue| match raw.get().as_bytes().first()? {
        b'"' => text(raw),
        b'{' | b'[' | b'n' => None,
        _ => Some(raw.get().to_owned()),
    };
    match raw.get().as_bytes().first()? {
        b'[' => elements(raw)?.into_iter().map(scalar).collect(),
        _ => scalar(raw).map(|text| vec![text]),
    }
}

pub(crate) fn elements(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

/// Where a part of a text begins in it.
pub(crate) fn offset(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}
