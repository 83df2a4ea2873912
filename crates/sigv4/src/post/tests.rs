use super::*;
use crate::faults::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use cloudlet_aws::TimestampFormat;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-24T09:30:00Z", TimestampFormat::DateTime).unwrap()
}

fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn policy(conditions: &str) -> Result<Policy, Fault> {
    Policy::parse(&STANDARD.encode(format!("{{\"expiration\": \"2026-11-24T09:31:00.000Z\", \"conditions\": {conditions}}}")))
}

/// What S3 says to a form under conditions that also cover its bucket.
fn judge(conditions: &str, fields: &[(&str, &str)]) -> Result<(), String> {
    let conditions = format!("[{{\"bucket\": \"b\"}}, {conditions}]");
    policy(&conditions).unwrap().check(&form(fields), "b", now()).map_err(|fault| {
        assert_eq!((fault.code(), fault.status()), ("AccessDenied", 403));
        fault.message().to_owned()
    })
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html>
#[test]
fn the_published_example_is_verified() {
    let policy = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";
    let mut fields = form(&[
        ("key", "user/user1/photo.jpg"),
        ("acl", "public-read"),
        ("success_action_redirect", "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"),
        ("Content-Type", "image/jpeg"),
        ("x-amz-meta-uuid", "14365123651274"),
        ("x-amz-server-side-encryption", "AES256"),
        ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Date", "20151229T000000Z"),
        ("x-amz-meta-tag", ""),
        ("Policy", policy),
        ("X-Amz-Signature", "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"),
    ]);
    let claim = read_claim(&fields, &Target::s3().in_region("us-east-1")).unwrap().unwrap();
    let keys = Keys::new();
    verify(&claim, &fields, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &keys).unwrap();
    let policy = Policy::parse(policy).unwrap();
    let then = Timestamp::parse("2015-12-29T00:00:00Z", TimestampFormat::DateTime).unwrap();
    policy.check(&fields, "sigv4examplebucket", then).unwrap();
    assert!(policy.check(&fields, "sigv4examplebucket", now()).is_err());
    fields[0].1 = "user/user2/photo.jpg".to_owned();
    assert_eq!(
        policy.check(&fields, "sigv4examplebucket", then).unwrap_err().message(),
        "Invalid according to Policy: Policy Condition failed: [\"starts-with\", \"$key\", \"user/user1/\"]"
    );
}

#[test]
fn a_wrong_signature_shows_the_policy() {
    let fields = form(&[("policy", "e30="), ("AWSAccessKeyId", "AKIA"), ("signature", "wrong")]);
    let claim = read_claim(&fields, &Target::s3()).unwrap().unwrap();
    let fault = verify(&claim, &fields, "secret", &Keys::new()).unwrap_err();
    assert_eq!(
        fault.members(),
        [
            ("AWSAccessKeyId", "AKIA".to_owned()),
            ("StringToSign", "e30=".to_owned()),
            ("SignatureProvided", "wrong".to_owned()),
            ("StringToSignBytes", "65 33 30 3d".to_owned())
        ]
    );
}

#[test]
fn a_form_without_a_policy_is_anonymous() {
    assert!(read_claim(&form(&[("key", "k"), ("signature", "s")]), &Target::s3()).unwrap().is_none());
    let fault = read_claim(&form(&[("key", "k"), ("policy", "p")]), &Target::s3()).unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("AccessDenied", "Access Denied"));
}

#[test]
fn a_form_must_have_all_that_its_signature_needs() {
    for (fields, name) in [
        (&[("policy", "p"), ("signature", "s")][..], "AWSAccessKeyId"),
        (&[("policy", "p"), ("AWSAccessKeyId", "s")], "Signature"),
        (&[("policy", "p"), ("x-amz-signature", "s")], "X-Amz-Algorithm"),
        (&[("policy", "p"), ("x-amz-algorithm", "s")], "X-Amz-Signature"),
        (&[("policy", "p"), ("x-amz-algorithm", "s"), ("x-amz-signature", "s")], "X-Amz-Credential"),
    ] {
        let fault = read_claim(&form(fields), &Target::s3()).unwrap_err();
        assert!(fault.is(&INVALID_ARGUMENT));
        assert_eq!(
            fault.message(),
            format!("Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields.")
        );
        assert_eq!(fault.members(), [("ArgumentName", name.to_owned()), ("ArgumentValue", String::new())]);
    }
}

#[test]
fn a_form_says_what_is_wrong_with_its_credential() {
    let credential = |credential: &str| {
        let fields = form(&[
            ("policy", "p"),
            ("x-amz-signature", "s"),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-date", "20261124T093000Z"),
            ("x-amz-credential", credential),
        ]);
        let target = Target::s3().in_region("us-east-1");
        read_claim(&fields, &target).map(drop).map_err(|fault| {
            assert!(fault.is(&INVALID_ARGUMENT));
            assert_eq!(fault.members(), [("ArgumentName", "x-amz-credential".to_owned()), ("ArgumentValue", credential.to_owned())]);
            fault.message().to_owned()
        })
    };
    assert_eq!(credential("A/20261124/us-east-1/s3/aws4_request"), Ok(()));
    assert_eq!(credential("A/20261124/us-east-1/sqs/aws4_request").unwrap_err(), "incorrect service \"sqs\". This endpoint belongs to \"s3\".");
    assert_eq!(credential("A/20261124/eu-west-1/s3/aws4_request").unwrap_err(), "the region 'eu-west-1' is wrong; expecting 'us-east-1'");
    assert!(credential("A").unwrap_err().starts_with("the Credential is mal-formed"));
}

#[test]
fn conditions_hold_or_are_quoted() {
    let failed = |condition: &str| Err(format!("Invalid according to Policy: Policy Condition failed: {condition}"));
    let redirect = ("success_action_redirect", "https://localhost.test/random");
    for (condition, fields, judgement) in [
        (r#"{"acl": "private"}"#, &[("acl", "private")][..], Ok(())),
        (r#"{"acl": "private"}"#, &[("ACL", "private")], Ok(())),
        (r#"{"acl": "private"}"#, &[("acl", "public-read")], failed(r#"["eq", "$acl", "private"]"#)),
        (r#"{"acl": "private"}"#, &[], failed(r#"["eq", "$acl", "private"]"#)),
        (r#"["eq", "$key", "a\"b"]"#, &[("key", "ab")], failed(r#"["eq", "$key", "a\"b"]"#)),
        (
            r#"["eq", "$success_action_redirect", "HTTP://localhost.test/random"]"#,
            &[redirect],
            failed(r#"["eq", "$success_action_redirect", "HTTP://localhost.test/random"]"#),
        ),
        (
            r#"["eq", "success_action_redirect", "https://localhost.test/random"]"#,
            &[redirect],
            failed(r#"["eq", "success_action_redirect", "https://localhost.test/random"]"#),
        ),
        (r#"["starts-with", "$success_action_redirect", "https://"]"#, &[redirect], Ok(())),
        (
            r#"["starts-with", "$success_action_redirect", "http://localhost"]"#,
            &[redirect],
            failed(r#"["starts-with", "$success_action_redirect", "http://localhost"]"#),
        ),
        (r#"["starts-with", "$key", ""]"#, &[("key", "anything")], Ok(())),
        (r#"["starts-with", "$key", ""]"#, &[], failed(r#"["starts-with", "$key", ""]"#)),
        (r#"["starts-with", "$Content-Type", "image/"]"#, &[("content-type", "image/png, image/gif")], Ok(())),
        (
            r#"["starts-with", "$Content-Type", "image/"]"#,
            &[("content-type", "image/png,text/html")],
            failed(r#"["starts-with", "$Content-Type", "image/"]"#),
        ),
        (r#"["content-length-range", "test", 10]"#, &[], failed(r#"["content-length-range", "test", "10"]"#)),
        (r#"["content-length-range", 0, 10]"#, &[], Ok(())),
    ] {
        assert_eq!(judge(condition, fields), judgement, "{condition} {fields:?}");
    }
}

#[test]
fn fields_without_a_condition_are_extra() {
    let extra = |name: &str| Err(format!("Invalid according to Policy: Extra input fields: {name}"));
    let condition = r#"{"key": "k"}"#;
    assert_eq!(judge(condition, &[("key", "k"), ("x-ignore-me", "x"), ("policy", "p"), ("AWSAccessKeyId", "a"), ("signature", "s")]), Ok(()));
    assert_eq!(judge(condition, &[("key", "k"), ("x-amz-signature", "s"), ("file", "f")]), Ok(()));
    assert_eq!(judge(condition, &[("key", "k"), ("Content-Type", "text/plain")]), extra("content-type"));
    let without_bucket = policy(r#"[{"key": "k"}]"#).unwrap().check(&form(&[("key", "k")]), "b", now()).unwrap_err();
    assert_eq!(without_bucket.message(), "Invalid according to Policy: Extra input fields: bucket");
}

#[test]
fn a_policy_ends() {
    let policy = policy(r#"[{"bucket": "b"}]"#).unwrap();
    policy.check(&[], "b", now().plus_secs(59)).unwrap();
    assert_eq!(policy.check(&[], "b", now().plus_secs(60)).unwrap_err().message(), "Invalid according to Policy: Policy expired.");
}

#[test]
fn a_file_has_the_length_the_policy_allows() {
    let policy = policy(r#"[["content-length-range", 2, "4"], ["content-length-range", 0, 100]]"#).unwrap();
    assert_eq!(policy.longest(), Some(4));
    policy.check_length(2).unwrap();
    policy.check_length(4).unwrap();
    let fault = policy.check_length(5).unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"));
    assert_eq!(fault.members(), [("ProposedSize", "5".to_owned()), ("MaxSizeAllowed", "4".to_owned())]);
    let fault = policy.check_length(1).unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"));
    assert_eq!(fault.members(), [("ProposedSize", "1".to_owned()), ("MinSizeAllowed", "2".to_owned())]);
}

#[test]
fn a_document_that_is_no_policy_is_refused() {
    let document = |text: &str| Policy::parse(&STANDARD.encode(text)).unwrap_err();
    let good = "\"expiration\": \"2026-11-24T09:31:00Z\"";
    for (fault, message) in [
        (Policy::parse("!").unwrap_err(), "invalid Base64 encoding."),
        (document(""), "Expecting '{' but found End-of-Input"),
        (document("{"), "Invalid JSON."),
        (document("[]"), "Invalid JSON."),
        (document("{\"conditions\": []}"), "Policy missing expiration."),
        (document("{\"expiration\": \"soon\", \"conditions\": []}"), "Invalid 'expiration' value: 'soon'"),
        (document(&format!("{{{good}}}")), "Policy missing conditions."),
        (document(&format!("{{{good}, \"conditions\": {{}}}}")), "Invalid 'conditions' value: must be a List."),
        (document(&format!("{{{good}, \"conditions\": [], \"more\": 1}}")), "Unexpected: \"more\""),
        (policy(r#"[{"a": "b", "c": "d"}]"#).unwrap_err(), "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."),
        (policy("[{}]").unwrap_err(), "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."),
        (policy(r#"[{"a": 1}]"#).unwrap_err(), "Invalid Simple-Condition: value must be a string."),
        (policy("[1]").unwrap_err(), "Invalid condition test: must be a List or Object."),
        (policy("[[]]").unwrap_err(), "Invalid Condition: missing operation identifier."),
        (policy(r#"[["like", "a", "b"]]"#).unwrap_err(), "Invalid Condition: unknown operation 'like'."),
        (policy(r#"[["eq", "$a"]]"#).unwrap_err(), "Invalid eq: wrong number of arguments."),
    ] {
        assert_eq!((fault.code(), fault.status()), ("InvalidPolicyDocument", 400));
        assert_eq!(fault.message(), format!("Invalid Policy: {message}"));
    }
}

proptest::proptest! {
    #[test]
    fn noise_is_no_policy(text in "\\PC{0,20}|[\\[\\]{}:,\"a-z$0-9-]{0,40}", field in "\\PC{0,4}") {
        if let Ok(policy) = Policy::parse(&STANDARD.encode(&text)).or_else(|_| policy(&format!("[{text}]"))) {
            let _ = policy.check(&form(&[(&field, &field)]), "b", now());
            let _ = policy.check_length(1);
        }
        let _ = Policy::parse(&text);
    }
}
