//! Region names and the host names that hold them: what is a region is short, has no other characters, and stays itself in an ARN.
#![no_main]

use cloudlet_aws::{Account, Arn, Head, Region, Scope};
use cloudlet_fuzz::{SERVICES, names};
use cloudlet_wire::Recognizer;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static RECOGNIZER: LazyLock<Recognizer> = LazyLock::new(|| Recognizer::new(&SERVICES, &names()));

fn check(name: &str) {
    let Some(region) = Region::parse(name) else { return };
    assert!(name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{name}");
    let scope = Scope::new(Account::default(), region);
    let arn = Arn::new("sqs", &scope, "queue");
    assert_eq!(Arn::parse(arn.as_str()).and_then(|arn| arn.scope()), Some(scope));
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    check(text);
    for host in [text.to_owned(), format!("{text}.localhost"), format!("sqs.{text}.amazonaws.com")] {
        let headers = vec![("host", host.clone())];
        let head = Head { method: "GET", path: "/", query: "", headers: &headers };
        if let Some(region) = RECOGNIZER.service(&head).and_then(|recognized| recognized.host.region) {
            assert!(Region::is_valid(&region), "{host}: {region}");
        }
    }
});
