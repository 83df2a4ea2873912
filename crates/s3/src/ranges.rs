//! The Range header and x-amz-copy-source-range.
//! <https://www.rfc-editor.org/rfc/rfc9110#name-range-requests>

use crate::faults;
use cloudlet_aws::Fault;
use std::ops::Range;

/// `None`: the whole object. AWS: so is a header that is malformed, names several ranges, or ends before it starts (recorded).
pub fn parse(header: &str, size: u64) -> Result<Option<Range<u64>>, Fault> {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else { return Ok(None) };
    let unsatisfiable = || Err(faults::invalid_range(header, size));
    match (number(first), number(last)) {
        (Some(first), _) if last.is_empty() => {
            if first < size {
                Ok(Some(first..size))
            } else {
                unsatisfiable()
            }
        }
        (Some(first), Some(last)) if last < first => Ok(None),
        (Some(first), Some(last)) => {
            if first < size {
                Ok(Some(first..size.min(last.saturating_add(1))))
            } else {
                unsatisfiable()
            }
        }
        (None, Some(suffix)) if first.is_empty() => match suffix {
            0 => unsatisfiable(),
            _ if size == 0 => unsatisfiable(),
            _ => Ok(Some(size.saturating_sub(suffix)..size)),
        },
        _ => Ok(None),
    }
}

/// The range of an UploadPartCopy: `bytes=first-last`, within the size of the source.
pub fn parse_copy(header: &str, size: u64) -> Result<Range<u64>, Fault> {
    let parts = header.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    match parts.map(|(first, last)| (number(first), number(last))) {
        Some((Some(first), Some(last))) if first <= last => {
            if first >= size {
                return Err(faults::INVALID_REQUEST.says("The specified copy range is invalid for the source object size"));
            }
            if last >= size {
                return Err(faults::invalid_argument(
                    format!("Range specified is not valid for source object of size: {size}"),
                    "x-amz-copy-source-range",
                    header,
                ));
            }
            Ok(first..last.saturating_add(1))
        }
        _ => Err(faults::invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            header,
        )),
    }
}

/// Digits only. A number that is too large is the largest.
fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_aws_recorded_them() {
        let cases: [(&str, Option<Range<u64>>); 13] = [
            ("bytes=0-8", Some(0..9)),
            ("bytes=1-1", Some(1..2)),
            ("bytes=1-0", None),
            ("bytes=1-", Some(1..10)),
            ("bytes=-1-", None),
            ("bytes=-2", Some(8..10)),
            ("bytes=-15", Some(0..10)),
            ("bytes=0-100", Some(0..10)),
            ("bytes=0--1", None),
            ("bytes=0-1,3-4,6-9", None),
            ("0-1", None),
            ("bytes=-", None),
            ("bytes=0-99999999999999999999999", Some(0..10)),
        ];
        for (header, expected) in cases {
            assert_eq!(parse(header, 10).unwrap(), expected, "{header}");
        }
    }

    #[test]
    fn ranges_beyond_the_object_are_refused() {
        for (header, size) in [("bytes=-0", 10), ("bytes=100-200", 10), ("bytes=10-", 10), ("bytes=0-", 0), ("bytes=-1", 0)] {
            let fault = parse(header, size).unwrap_err();
            assert_eq!((fault.code(), fault.status()), ("InvalidRange", 416), "{header}");
        }
    }

    #[test]
    fn a_copy_range_has_both_ends_within_the_source() {
        assert_eq!(parse_copy("bytes=0-9", 10).unwrap(), 0..10);
        assert_eq!(parse_copy("bytes=0-10", 10).unwrap_err().message(), "Range specified is not valid for source object of size: 10");
        assert_eq!(parse_copy("bytes=20-30", 10).unwrap_err().code(), "InvalidRequest");
        for header in ["0-2", "bytes=0", "bytes=hello-world", "bytes=0-bar", "bytes=hello-", "bytes=0-2,3-5", "bytes=5-", "bytes=-3"] {
            assert_eq!(parse_copy(header, 10).unwrap_err().code(), "InvalidArgument", "{header}");
        }
    }
}
