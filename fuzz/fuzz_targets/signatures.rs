//! Signatures: what a request claims, in the header, the query or a form, with every check that follows.
#![no_main]

use cloudlet_aws::{Timestamp, TimestampFormat};
use cloudlet_digest::{Algorithm, digest};
use cloudlet_fuzz::Request;
use cloudlet_sigv4::{Flavor, Hex, Keys, Payload, Target, read_claim, read_form_claim};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static KEYS: LazyLock<Keys> = LazyLock::new(Keys::new);

fuzz_target!(|bytes: &[u8]| {
    let Some(request) = Request::read(bytes) else { return };
    let head = request.head();
    let now = Timestamp::parse("2026-01-01T00:00:00Z", TimestampFormat::DateTime).unwrap();
    for target in [Target::s3(), Target::s3().virtual_bucket("bucket"), Target::service("sqs"), Target::service("sts").in_region("us-east-1")] {
        let Ok(Some(found)) = read_claim(&head, &target) else { continue };
        let payload = Payload::of(&head, Some(&found), target.flavor);
        for now in [now, found.time] {
            let Ok(admitted) = found.clone().admit(&head, now, &target) else { continue };
            if let Ok(payload) = &payload {
                let hash = payload.canonical(|| Hex::new(digest(Algorithm::Sha256, request.body).bytes()));
                assert!(admitted.verify(&head, &hash, "secret", &KEYS).is_err(), "a signature was guessed");
                let _ = admitted.explain(&head, &hash);
            }
        }
    }
    let _ = Payload::of(&head, None, Flavor::S3);
    if let Ok(form) = std::str::from_utf8(request.body) {
        let _ = read_form_claim(form);
    }
});
