//! The types of members that are not shapes of their own.

/// Raw bytes of a member (base64 in JSON and XML).
pub type Blob = bytes::Bytes;
/// A member whose shape the model leaves open.
pub type Document = serde_json::Value;
/// A map of the model: always keyed by text, in key order.
pub type Map<T> = std::collections::BTreeMap<String, T>;
