//! What is stored beside the bytes of an object: its system header fields and the user's metadata.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>

mod words;

pub use words::protect as protected;

use crate::limits::MAX_METADATA;
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_shape::Map;
use serde::{Deserialize, Serialize};

pub const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// Header fields that are stored as the client wrote them and sent back with the object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemFields {
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

/// Takes the field of every input that has them: PutObject, CopyObject, CreateMultipartUpload.
macro_rules! system_fields {
    ($input:expr) => {
        $crate::metadata::SystemFields {
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $crate::metadata::stored_encoding($input.content_encoding.take()),
            content_language: $input.content_language.take(),
            content_type: $crate::metadata::filled($input.content_type.take()),
            expires: $input.expires.take(),
        }
    };
}
pub(crate) use system_fields;

/// `aws-chunked` is how the body travelled, and no encoding of the object.
pub fn stored_encoding(header: Option<String>) -> Option<String> {
    let header = header?;
    if !header.contains("aws-chunked") {
        return Some(header);
    }
    let kept: Vec<&str> = header.split(',').map(str::trim).filter(|one| !one.is_empty() && *one != "aws-chunked").collect();
    filled(Some(kept.join(",")))
}

/// An empty field is as good as none.
pub fn filled(field: Option<String>) -> Option<String> {
    field.filter(|text| !text.is_empty())
}

/// The user's metadata as it is stored: names in lower case, values out of the form that mail headers use.
pub fn stored(metadata: Option<Map<String>>) -> Result<Map<String>, Fault> {
    let stored: Map<String> = metadata.into_iter().flatten().map(|(name, value)| (name.to_ascii_lowercase(), words::decode(&value))).collect();
    let size: usize = stored.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum();
    if size > MAX_METADATA {
        return Err(FaultKind::sender("MetadataTooLarge", 400)
            .says("Your metadata headers exceed the maximum allowed metadata size")
            .with("Size", size.to_string())
            .with("MaxSizeAllowed", MAX_METADATA.to_string()));
    }
    Ok(stored)
}

/// The user's metadata as a header shows it.
pub fn shown(metadata: &Map<String>) -> Map<String> {
    metadata.iter().map(|(name, value)| (name.clone(), words::encode(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chunked_encoding_is_not_stored() {
        let stored = |header: &str| stored_encoding(Some(header.to_owned()));
        assert_eq!(stored("aws-chunked"), None);
        assert_eq!(stored("aws-chunked,gzip"), Some("gzip".into()));
        assert_eq!(stored("gzip, aws-chunked"), Some("gzip".into()));
        assert_eq!(stored("gzip"), Some("gzip".into()));
        assert_eq!(stored(""), Some(String::new()));
    }

    #[test]
    fn names_are_lower_case_and_two_kilobytes_are_the_most() {
        let metadata = |value: String| Some(Map::from([("Colour".to_owned(), value)]));
        assert_eq!(stored(metadata("red".into())).unwrap(), Map::from([("colour".to_owned(), "red".to_owned())]));
        assert!(stored(metadata("x".repeat(MAX_METADATA - 6))).is_ok());
        assert_eq!(stored(metadata("x".repeat(MAX_METADATA - 5))).unwrap_err().code(), "MetadataTooLarge");
    }
}
