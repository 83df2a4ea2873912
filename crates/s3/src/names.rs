//! Bucket names, and the ARNs of buckets and objects.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>

use crate::faults;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::Cx;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
const SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/// Whether a name is valid for a new general purpose bucket.
pub fn is_valid(name: &str) -> bool {
    let bytes = name.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let outer = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(inner)
        && outer(bytes.first())
        && outer(bytes.last())
        && !name.contains("..")
        && !is_address(name)
        && !PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && !SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

pub fn check(name: &str) -> Result<(), Fault> {
    if is_valid(name) { Ok(()) } else { Err(faults::invalid_bucket_name(name)) }
}

/// `192.168.5.4`
fn is_address(name: &str) -> bool {
    name.split('.').count() == 4 && name.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

pub fn bucket_arn(cx: &Cx, bucket: &str) -> Arn {
    Arn::build(cx.scope.partition(), "s3", "", "", bucket)
}

pub fn object_arn(cx: &Cx, bucket: &str, key: &str) -> Arn {
    Arn::build(cx.scope.partition(), "s3", "", "", &[bucket, "/", key].concat())
}

/// AWS: the slashes of a key are percent-encoded in a Location.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The Location of an object in an answer, in the style (path or virtual-hosted) of the request.
pub fn location(endpoint: &str, bucket: &str, key: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host);
    let key = utf8_percent_encode(key, ESCAPED);
    let virtual_host = host.strip_prefix(bucket).is_some_and(|rest| rest.starts_with('.'));
    if virtual_host { format!("{endpoint}/{key}") } else { format!("{endpoint}/{bucket}/{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_names_are_accepted() {
        for name in ["abc", "my-bucket", "a.b.c", "1234", "192.168.5.4a", "1.2.3", &"a".repeat(63), "a-.b"] {
            assert!(is_valid(name), "{name}");
        }
    }

    #[test]
    fn invalid_names_are_refused() {
        let long = "a".repeat(64);
        for name in [
            "",
            "ab",
            &long,
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            ".ab",
            "ab.",
            "a..b",
            "192.168.5.4",
            "xn--a",
            "sthree-a",
            "amzn-s3-demo-x",
            "a-s3alias",
            "a--x-s3",
            "a b",
            "ä-ab",
        ] {
            assert!(!is_valid(name), "{name}");
        }
    }

    #[test]
    fn a_location_is_in_the_style_of_the_request() {
        assert_eq!(location("http://localhost:4566", "b-1", "a/ü"), "http://localhost:4566/b-1/a%2F%C3%BC");
        assert_eq!(location("http://b-1.localhost:4566/", "b-1", "a b"), "http://b-1.localhost:4566/a%20b");
    }
}
