//! The whole pipeline: any request to a server without authentication. A panic anywhere is a finding, although the gateway would catch it.
#![no_main]

use cloudlet_fuzz::TestCloud;
use libfuzzer_sys::fuzz_target;
use std::{cell::Cell, sync::LazyLock};

static CLOUD: LazyLock<TestCloud> = LazyLock::new(TestCloud::start);

thread_local! {
    static SENT: Cell<u32> = const { Cell::new(0) };
}

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
    let mut lines = bytes[..end].split(|byte| *byte == b'\n');
    let Some(first) = lines.next() else { return };
    let mut head = [first, b" HTTP/1.1\r\n"].concat();
    for line in lines {
        // These are the harness's own: it says how long the body is.
        let ours = [&b"content-length"[..], b"transfer-encoding", b"connection", b"expect", b"upgrade"];
        if !ours.iter().any(|name| line.len() >= name.len() && line[..name.len()].eq_ignore_ascii_case(name)) {
            head.extend_from_slice(line);
            head.extend_from_slice(b"\r\n");
        }
    }
    let answer = CLOUD.send(&head, bytes.get(end + 2..).unwrap_or_default());
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
    assert!(!answer.starts_with(b"HTTP/1.1 500"), "{}", String::from_utf8_lossy(&answer));
    SENT.set(SENT.get() + 1);
    if SENT.get() % 500 == 0 {
        CLOUD.prepare();
    }
});
