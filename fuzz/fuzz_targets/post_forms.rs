//! The policy of a browser form, and its fields. The first line is the policy's JSON, each other one a field.
#![no_main]

use cloudlet_aws::Timestamp;
use cloudlet_sigv4::{Keys, Target, post};
use libfuzzer_sys::fuzz_target;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = three.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let digit = ALPHABET[(word >> (18 - 6 * at) & 63) as usize];
            text.push(if at > three.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let policy = lines.next().unwrap_or_default();
    let mut fields: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    // As it is, and as a browser would send it.
    for policy in [policy.to_owned(), base64(policy.as_bytes())] {
        if let Ok(parsed) = post::Policy::parse(&policy) {
            let _ = parsed.check(&fields, "bucket", Timestamp(0));
            let _ = parsed.check_length(parsed.longest().unwrap_or(7));
        }
        fields.push(("policy".to_owned(), policy));
        if let Ok(Some(claim)) = post::read_claim(&fields, &Target::s3()) {
            assert!(post::verify(&claim, &fields, "secret", &Keys::new()).is_err(), "a signature was guessed");
        }
        fields.pop();
    }
});
