//! The metadata of an object: system-defined and user-defined.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>

mod rfc2047;

pub use rfc2047::encode_reversibly;

use crate::limits::MAX_METADATA;
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_shape::Map;
use serde::{Deserialize, Serialize};

pub const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// Headers that are stored as the client sent them and answered with the object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemMetadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `None`: the default, `binary/octet-stream`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// Takes them from the input of PutObject, CopyObject or CreateMultipartUpload.
macro_rules! system_metadata {
    ($input:expr) => {
        $crate::metadata::SystemMetadata {
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $crate::metadata::object_encoding($input.content_encoding.take()),
            content_language: $input.content_language.take(),
            content_type: $crate::metadata::non_empty($input.content_type.take()),
            expires: $input.expires.take(),
        }
    };
}
pub(crate) use system_metadata;

/// `aws-chunked` is the encoding of the request, not of the object.
pub fn object_encoding(header: Option<String>) -> Option<String> {
    let header = header?;
    if !header.contains("aws-chunked") {
        return Some(header);
    }
    let rest: Vec<&str> = header.split(',').map(str::trim).filter(|one| !one.is_empty() && *one != "aws-chunked").collect();
    non_empty(Some(rest.join(",")))
}

/// An empty header means the same as none.
pub fn non_empty(field: Option<String>) -> Option<String> {
    field.filter(|text| !text.is_empty())
}

/// The user-defined metadata of a request as it is stored: names in lower case, values decoded.
pub fn to_stored(metadata: Option<Map<String>>) -> Result<Map<String>, Fault> {
    let stored: Map<String> = metadata.into_iter().flatten().map(|(name, value)| (name.to_ascii_lowercase(), rfc2047::decode(&value))).collect();
    let size: usize = stored.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum();
    if size > MAX_METADATA {
        return Err(FaultKind::sender("MetadataTooLarge", 400)
            .says("Your metadata headers exceed the maximum allowed metadata size")
            .with("Size", size.to_string())
            .with("MaxSizeAllowed", MAX_METADATA.to_string()));
    }
    Ok(stored)
}

/// The user-defined metadata as headers carry it.
pub fn to_headers(metadata: &Map<String>) -> Map<String> {
    metadata.iter().map(|(name, value)| (name.clone(), rfc2047::encode(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chunked_encoding_is_not_stored() {
        let stored = |header: &str| object_encoding(Some(header.to_owned()));
        assert_eq!(stored("aws-chunked"), None);
        assert_eq!(stored("aws-chunked,gzip"), Some("gzip".into()));
        assert_eq!(stored("gzip, aws-chunked"), Some("gzip".into()));
        assert_eq!(stored("gzip"), Some("gzip".into()));
        assert_eq!(stored(""), Some(String::new()));
    }

    #[test]
    fn metadata_names_are_in_lower_case_and_2_kb_is_the_maximum() {
        let metadata = |value: String| Some(Map::from([("Colour".to_owned(), value)]));
        assert_eq!(to_stored(metadata("red".into())).unwrap(), Map::from([("colour".to_owned(), "red".to_owned())]));
        assert!(to_stored(metadata("x".repeat(MAX_METADATA - 6))).is_ok());
        assert_eq!(to_stored(metadata("x".repeat(MAX_METADATA - 5))).unwrap_err().code(), "MetadataTooLarge");
    }
}
