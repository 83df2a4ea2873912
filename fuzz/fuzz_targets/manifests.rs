//! Manifests of S3 Batch Operations and inventory reports, and scopes of Access Grants: every line is a row or none, every file is unpacked or refused
//! within the limit, and what is granted in a location is in it.
#![no_main]

use cloudlet_s3control::fuzzing::{gunzip, inventory_manifest, read_row, scopes};
use libfuzzer_sys::fuzz_target;

const MOST: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    if let Some(unpacked) = gunzip(bytes, MOST) {
        assert!(unpacked.len() <= MOST);
    }
    inventory_manifest(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (schema, rows) = text.split_once('\n').unwrap_or(("Bucket, Key, VersionId", text));
    scopes(schema, rows);
    for line in rows.lines() {
        if let Some((bucket, key)) = read_row(schema, line) {
            assert!(!bucket.is_empty() && !key.is_empty());
        }
    }
});
