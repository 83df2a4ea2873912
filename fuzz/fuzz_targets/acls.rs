//! ACLs of S3 in headers: each is refused, or the same when it is read from its document.
#![no_main]

use cloudlet_s3::fuzzing::acl;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let canned = lines.next().filter(|canned| !canned.is_empty());
    let grants: Vec<&str> = lines.collect();
    assert!(acl(canned, &grants));
});
