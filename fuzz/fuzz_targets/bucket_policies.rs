//! Policies of buckets and access points: one that parses shows its own text, from which it is read again, as public as before.
#![no_main]

use cloudlet_aws::Account;
use cloudlet_identity::{Identity, Root, Secret};
use cloudlet_s3_access::{ResourcePolicy, Target};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    Identity::new(Root { account: Account::default(), partition: "aws", access_key: "test".into(), secret: Secret::new("test") })
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for target in [Target::Bucket("b"), Target::AccessPoint("arn:aws:s3:us-east-1:000000000000:accesspoint/ap")] {
        let Ok(policy) = ResourcePolicy::parse(text, target, &IDENTITY) else { continue };
        let shown = policy.shown(&IDENTITY);
        let again = ResourcePolicy::parse(&shown, target, &IDENTITY).unwrap_or_else(|invalid| panic!("{}: {shown}", invalid.0));
        assert_eq!(again.is_public(), policy.is_public());
        assert_eq!(again.shown(&IDENTITY), shown);
    }
});
