//! ARNs, accounts and timestamps: what parses is written the same again.
#![no_main]

use cloudlet_aws::{Account, Arn, Timestamp, TimestampFormat};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(arn) = Arn::parse(text) {
        assert_eq!(arn.as_str(), text);
        if !arn.is_any() {
            let again = Arn::build(arn.partition(), arn.service(), arn.region(), arn.account(), arn.resource());
            assert_eq!(again.as_str(), text);
        }
    }
    if let Some(account) = Account::parse(text) {
        assert_eq!(account.as_str(), text);
    }
    let _ = Timestamp::parse_basic(text);
    for format in [TimestampFormat::DateTime, TimestampFormat::HttpDate, TimestampFormat::EpochSeconds] {
        if let Some(time) = Timestamp::parse(text, format) {
            // Whole milliseconds are what a timestamp can hold.
            let written = time.text(format);
            let again = Timestamp::parse(&written, format).unwrap_or_else(|| panic!("{written} cannot be read again"));
            assert_eq!(again.text(format), written);
        }
    }
    let _ = Timestamp::parse_any(text);
});
