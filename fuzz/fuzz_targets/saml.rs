//! SAML metadata and responses, which anybody may send unsigned. Canonical XML stays the same, and no signature is guessed.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_saml::{Encryption, Metadata, PrivateKey, canonical, read};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static PROVIDER: LazyLock<Metadata> =
    LazyLock::new(|| Metadata::parse(include_str!("../../crates/saml/src/tests/metadata.xml")).expect("the metadata of the tests"));
static KEYS: LazyLock<Vec<PrivateKey>> =
    LazyLock::new(|| PrivateKey::from_pem(include_str!("../../crates/saml/src/tests/private_key.pem")).into_iter().collect());
/// What the provider did sign.
const SIGNED: [&str; 2] = ["alice", "https://idp.example.com/metadata"];

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Metadata::parse(text);
    if let Some(once) = canonical(text) {
        let again = canonical(&once).unwrap_or_else(|| panic!("it cannot be read again: {once}"));
        assert_eq!(once, again);
    }
    for encoded in [text.to_owned(), STANDARD.encode(text)] {
        if let Ok(assertion) = read(&encoded, &PROVIDER, Encryption::Allowed(KEYS.as_slice())) {
            assert_eq!([assertion.subject.as_str(), assertion.issuer.as_str()], SIGNED, "a signature was guessed");
        }
    }
});
