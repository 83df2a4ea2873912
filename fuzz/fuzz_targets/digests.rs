//! Checksums as text: what parses is written the same again.
#![no_main]

use cloudlet_digest::{Algorithm, Sum};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for algorithm in Algorithm::ALL {
        if let Ok(sum) = Sum::from_base64(algorithm, text) {
            assert_eq!(sum.base64(), text);
            let _ = sum.combine(&sum, bytes.len() as u64);
        }
    }
});
