//! IAM policies: a document that parses is the same once it is normalized, and is evaluated without a panic.
#![no_main]

use cloudlet_aws::{Account, Arn, Caller};
use cloudlet_policy::{Document, Keys, Kind, Policies, Policy, Principal, Request, decide, explain};
use libfuzzer_sys::fuzz_target;

const KINDS: [Kind; 7] = [Kind::Identity, Kind::Resource, Kind::Trust, Kind::Key, Kind::VpcEndpoint, Kind::ServiceControl, Kind::ResourceControl];

fuzz_target!(|bytes: &[u8]| {
    let Some((which, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let kind = KINDS[usize::from(*which) % KINDS.len()];
    let Ok(document) = Document::parse(text, kind) else { return };
    let normalized = document.normalized();
    let again = Document::parse(&normalized, kind).unwrap_or_else(|malformed| panic!("{malformed:?}: {normalized}"));
    assert_eq!(again.normalized(), normalized);

    let account = Account::default();
    let caller = Caller::root(account, "aws", None);
    let resource = Arn::build("aws", "sqs", "us-east-1", account.as_str(), "queue");
    let keys = Keys::new().with("aws:SourceIp", "10.0.0.1").with("aws:CurrentTime", "2026-01-01T00:00:00Z").with("aws:username", "bob");
    let request = Request { principal: Principal::of(&caller), action: "sqs:SendMessage", resource: &resource, resource_account: None, keys: &keys };
    for document in [document, again] {
        let policies = [Policy { name: "policy".into(), document }];
        for applied in [
            Policies { identity: &policies, ..Policies::default() },
            Policies { resource: &policies, ..Policies::default() },
            Policies { session: &policies, boundary: policies.first(), ..Policies::default() },
        ] {
            let decision = decide(&request, &applied);
            let _ = decision.message(&request, &applied);
            let _ = explain(&request, &applied);
        }
    }
});
