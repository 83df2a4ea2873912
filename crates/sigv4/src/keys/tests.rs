use super::*;

fn scope(text: &str) -> Scope<'_> {
    Scope::of(text.into())
}

/// <https://docs.aws.amazon.com/general/latest/gr/signature-v4-examples.html>
#[test]
fn the_key_of_the_published_example_signs_its_string() {
    let key = SigningKey::derive("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam");
    let text =
        "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\nf536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59";
    assert_eq!(&*key.sign(text.as_bytes()), "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

#[test]
fn a_cached_key_is_the_one_of_its_secret_and_scope() {
    let keys = Keys::new();
    let all = [
        ("a", "secret", "20261124/us-east-1/s3/aws4_request"),
        ("a", "changed", "20261124/us-east-1/s3/aws4_request"),
        ("a", "secret", "20261125/us-east-1/s3/aws4_request"),
        ("a", "secret", "20261124/us-east-2/s3/aws4_request"),
        ("a", "secret", "20261124/us-east-1/sqs/aws4_request"),
    ];
    for _ in 0..2 {
        for (access_key, secret, text) in all {
            let scope = scope(text);
            let derived = SigningKey::derive(secret, scope.date(), scope.region(), scope.service());
            assert_eq!(keys.signing(access_key, secret, &scope).sign(b"x"), derived.sign(b"x"));
        }
    }
}

#[test]
fn made_up_scopes_take_no_more_than_the_bound() {
    let keys = Keys::new();
    for number in 0..(SHARDS * PER_SHARD * 2) {
        keys.signing("a", "secret", &scope(&format!("20261124/{number}/s3/aws4_request")));
    }
    let cached: usize = keys.hmac.shards.iter().map(|shard| shard.read().unwrap().len()).sum();
    assert!(cached <= SHARDS * PER_SHARD);
}
