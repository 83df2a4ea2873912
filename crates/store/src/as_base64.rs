//! Bytes in a row as base64 text: `#[serde(with = "cloudlet_store::as_base64")]`.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serializer, de::Error};
use std::borrow::Cow;

pub fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&BASE64_STANDARD.encode(bytes))
}

pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    let text = Cow::<'de, str>::deserialize(from)?;
    BASE64_STANDARD.decode(text.as_bytes()).map(Bytes::from).map_err(D::Error::custom)
}
