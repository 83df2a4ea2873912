use super::*;
use crate::{Payload, faults::*, read_claim, sign::Signer};
use cloudlet_aws::TimestampFormat;

type Fields = Vec<(String, String)>;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const NOW: &str = "2026-11-24T09:30:00Z";

fn now() -> Timestamp {
    Timestamp::parse(NOW, TimestampFormat::DateTime).unwrap()
}

fn signer(target: &Target<'_>) -> Signer<'static> {
    let service = if target.flavor == Flavor::S3 { "s3" } else { "sqs" };
    Signer { access_key: "AKIA", secret: "secret", session_token: None, region: "us-east-1", service, flavor: target.flavor }
}

fn head<'a>(query: &'a str, headers: &'a Fields) -> Head<'a> {
    Head { method: "GET", path: "/bucket/key", query, headers }
}

fn host() -> Fields {
    vec![("host".to_owned(), "localhost:4566".to_owned())]
}

/// The headers of a request signed at some moment.
fn signed(target: &Target<'_>, at: Timestamp) -> Fields {
    let mut fields = host();
    let added = signer(target).headers(&head("", &fields), EMPTY, at);
    fields.extend(added);
    fields
}

fn admit<'a>(head: &Head<'a>, target: &Target<'a>) -> Result<Admitted<'a>, Fault> {
    read_claim(head, target).unwrap().unwrap().admit(head, now(), target)
}

fn verify(head: &Head<'_>, target: &Target<'_>) -> Result<Verified, Fault> {
    admit(head, target)?.verify(head, EMPTY, "secret", &Keys::new())
}

#[test]
fn a_signed_request_is_verified_once_and_again_with_the_cached_key() {
    for target in [Target::s3(), Target::service("sqs")] {
        let fields = signed(&target, now());
        let head = head("", &fields);
        let keys = Keys::new();
        for _ in 0..2 {
            admit(&head, &target).unwrap().verify(&head, EMPTY, "secret", &keys).unwrap();
        }
        assert!(admit(&head, &target).unwrap().verify(&head, EMPTY, "changed", &keys).is_err());
    }
}

#[test]
fn s3_allows_a_quarter_of_an_hour_and_all_others_five_minutes() {
    for (target, limit) in [(Target::s3(), 900), (Target::service("sqs"), 300)] {
        for seconds in [-limit, 0, limit] {
            let fields = signed(&target, now().plus_secs(seconds));
            assert!(verify(&head("", &fields), &target).is_ok(), "{seconds}");
        }
        for seconds in [-limit - 1, limit + 1] {
            let fields = signed(&target, now().plus_secs(seconds));
            assert!(verify(&head("", &fields), &target).is_err(), "{seconds}");
        }
    }
}

#[test]
fn s3_reports_both_clocks() {
    let fields = signed(&Target::s3(), now().plus_secs(-1000));
    let fault = verify(&head("", &fields), &Target::s3()).unwrap_err();
    assert_eq!((fault.code(), fault.status()), ("RequestTimeTooSkewed", 403));
    assert_eq!(fault.message(), "The difference between the request time and the current time is too large.");
    assert_eq!(
        fault.members(),
        [("RequestTime", "20261124T091320Z".to_owned()), ("ServerTime", NOW.to_owned()), ("MaxAllowedSkewMilliseconds", "900000".to_owned())]
    );
}

#[test]
fn other_services_report_how_far_a_clock_is_off() {
    let target = Target::service("sqs");
    for (seconds, message) in [
        (-301, "Signature expired: 20261124T092459Z is now earlier than 20261124T092500Z (20261124T093000Z - 5 min.)"),
        (301, "Signature not yet current: 20261124T093501Z is still later than 20261124T093500Z (20261124T093000Z + 5 min.)"),
    ] {
        let fields = signed(&target, now().plus_secs(seconds));
        let fault = verify(&head("", &fields), &target).unwrap_err();
        assert_eq!((fault.name(), fault.code(), fault.message()), ("SignatureOutOfTime", "SignatureDoesNotMatch", message));
    }
}

#[test]
fn a_presigned_url_expires() {
    let (fields, target) = (host(), Target::s3());
    let query = signer(&target).presign(&head("versionId=v", &fields), "UNSIGNED-PAYLOAD", 60, now().plus_secs(-59));
    let good = head(&query, &fields);
    let hash = Payload::of(&good, None, Flavor::S3).unwrap();
    admit(&good, &target).unwrap().verify(&good, &hash.canonical(|| unreachable!()), "secret", &Keys::new()).unwrap();

    let query = signer(&target).presign(&head("", &fields), "UNSIGNED-PAYLOAD", 60, now().plus_secs(-60));
    let fault = admit(&head(&query, &fields), &target).unwrap_err();
    assert_eq!((fault.code(), fault.status(), fault.message()), ("AccessDenied", 403, "Request has expired"));
    assert_eq!(fault.members(), [("Expires", NOW.to_owned()), ("ServerTime", NOW.to_owned()), ("X-Amz-Expires", "60".to_owned())]);

    let query = signer(&target).presign(&head("", &fields), "UNSIGNED-PAYLOAD", 60, now().plus_secs(901));
    assert_eq!(admit(&head(&query, &fields), &target).unwrap_err().message(), "Request is not yet valid");

    let query = format!("AWSAccessKeyId=AKIA&Signature=x&Expires={}", now().secs());
    let fault = admit(&head(&query, &fields), &target).unwrap_err();
    assert_eq!(fault.message(), "Request has expired");
    assert_eq!(fault.members(), [("Expires", NOW.to_owned()), ("ServerTime", NOW.to_owned())]);
}

#[test]
fn a_presigned_request_of_another_service_is_valid_for_a_quarter_of_an_hour() {
    let (fields, target) = (host(), Target::service("sqs"));
    let presigned = |seconds, ago: i64| signer(&target).presign(&head("", &fields), EMPTY, seconds, now().plus_secs(-ago));
    assert!(verify(&head(&presigned(60, 900), &fields), &target).is_ok());
    assert!(verify(&head(&presigned(3600, 3600), &fields), &target).is_ok());
    let query = presigned(60, 901);
    let fault = verify(&head(&query, &fields), &target).unwrap_err();
    assert_eq!(fault.message(), "Signature expired: 20261124T091459Z is now earlier than 20261124T091500Z (20261124T093000Z - 15 min.)");
}

#[test]
fn s3_refuses_headers_that_were_not_signed() {
    let target = Target::s3();
    let mut fields = signed(&target, now());
    fields.push(("x-amz-tagging".to_owned(), "a=b".to_owned()));
    fields.push(("x-amz-acl".to_owned(), "private".to_owned()));
    fields.push(("content-md5".to_owned(), "1B2M2Y8AsgTpgAmY7PhCfg==".to_owned()));
    fields.push(("content-type".to_owned(), "text/plain".to_owned()));
    fields.push(("x-amzn-trace-id".to_owned(), "added by a proxy".to_owned()));
    let fault = verify(&head("", &fields), &target).unwrap_err();
    assert_eq!((fault.code(), fault.status()), ("AccessDenied", 403));
    assert_eq!(fault.message(), "There were headers present in the request which were not signed");
    assert_eq!(fault.members(), [("HeadersNotSigned", "x-amz-acl, content-md5, x-amz-tagging".to_owned())]);

    let mut fields = host();
    let query = signer(&target).presign(&head("", &fields), "UNSIGNED-PAYLOAD", 60, now());
    // Clients add the hash of the body to presigned uploads.
    fields.push(("x-amz-content-sha256".to_owned(), EMPTY.to_owned()));
    let good = head(&query, &fields);
    admit(&good, &target).unwrap().verify(&good, EMPTY, "secret", &Keys::new()).unwrap();
    for unsigned in ["x-amz-acl", "content-md5"] {
        let fields = [&fields[..], &[(unsigned.to_owned(), "value".to_owned())]].concat();
        let fault = admit(&head(&query, &fields), &target).unwrap_err();
        assert_eq!((fault.code(), fault.members()), ("AccessDenied", &[("HeadersNotSigned", unsigned.to_owned())][..]));
    }
    // Other services do not look.
    let target = Target::service("sqs");
    let mut fields = signed(&target, now());
    fields.push(("content-md5".to_owned(), "1B2M2Y8AsgTpgAmY7PhCfg==".to_owned()));
    verify(&head("", &fields), &target).unwrap();
}

fn header(credential: &str, signed: &str) -> Fields {
    let mut fields = host();
    fields.push(("x-amz-date".to_owned(), "20261124T093000Z".to_owned()));
    fields.push(("x-amz-content-sha256".to_owned(), EMPTY.to_owned()));
    fields.push(("authorization".to_owned(), format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature=s")));
    fields
}

#[test]
fn s3_reports_what_is_wrong_with_a_scope() {
    let target = Target::s3().in_region("us-east-1");
    for (credential, message) in [
        ("/20261124/us-east-1/s3/aws4_request", "a non-empty Access Key (AKID) must be provided in the credential."),
        ("A/202611/us-east-1/s3/aws4_request", "incorrect date format \"202611\". This date in the credential must be in the format \"yyyyMMdd\"."),
        ("A/20261124//s3/aws4_request", "a non-empty region must be provided in the credential."),
        ("A/20261124/us-east-1/sqs/aws4_request", "incorrect service \"sqs\". This endpoint belongs to \"s3\"."),
        ("A/20261124/us-east-1/s3/aws5_request", "incorrect terminal \"aws5_request\". This endpoint uses \"aws4_request\"."),
        ("A/20261124/aws-global/s3/aws4_request", "the region 'aws-global' is wrong; expecting 'us-east-1'"),
        ("A/20261131/zz/sqs/aws4_request", "incorrect date format \"20261131\". This date in the credential must be in the format \"yyyyMMdd\"."),
        ("A/20261124/zz/sqs/aws5_request", "the region 'zz' is wrong; expecting 'us-east-1'"),
        ("A/20261123/us-east-1/s3/aws4_request", "Invalid credential date. Date is not the same as X-Amz-Date."),
        ("A/2026112x/us-east-1/s3/aws4_request", "Invalid credential date. Date is not the same as X-Amz-Date."),
    ] {
        let fault = admit(&head("", &header(credential, "host;x-amz-date")), &target).unwrap_err();
        assert_eq!((fault.code(), fault.status()), ("AuthorizationHeaderMalformed", 400));
        assert_eq!(fault.message(), format!("The authorization header is malformed; {message}"));
        let region: &[_] = if message.contains("expecting") { &[("Region", "us-east-1".to_owned())] } else { &[] };
        assert_eq!(fault.members(), region);
    }
    let query = |credential: &str| {
        format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Signature=a&X-Amz-Date=20261124T093000Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60"
        )
    };
    let query_fault = |credential: &str| admit(&head(&query(credential), &host()), &target).unwrap_err().message().to_owned();
    assert_eq!(
        query_fault("A/20261124/us-east-1/sqs/aws4_request"),
        "Error parsing the X-Amz-Credential parameter; incorrect service \"sqs\". This endpoint belongs to \"s3\"."
    );
    assert_eq!(
        query_fault("A/20261123/us-east-1/s3/aws4_request"),
        "Invalid credential date \"20261123\". This date is not the same as X-Amz-Date: \"20261124\"."
    );
}

#[test]
fn other_services_report_all_that_is_wrong_with_a_scope_at_once() {
    let target = Target::service("sqs").in_region("us-east-1");
    let fault = admit(&head("", &header("A/20261123/mars/sns/aws5", "host")), &target).unwrap_err();
    assert!(fault.is(&SIGNATURE_DOES_NOT_MATCH));
    assert_eq!(
        fault.message(),
        "Credential should be scoped to a valid region. Credential should be scoped to correct service: 'sqs'. Credential should be scoped with a \
         valid terminator: 'aws4_request'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP. "
    );
    let nameless = header("A/20261124//iam/aws4_request", "host");
    let refused = admit(&head("", &nameless), &Target::service("iam")).unwrap_err();
    assert_eq!(refused.message(), "Credential should be scoped to a valid region. ");
    assert!(admit(&head("", &nameless), &Target::service("iam").global()).is_ok());
    let fault = admit(&head("", &header("A/20261124/us-east-1/sqs/aws4_request", "x-amz-date")), &target).unwrap_err();
    assert_eq!(fault.message(), "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
}

#[test]
fn s3_shows_what_should_have_been_signed() {
    let mut fields = signed(&Target::s3(), now());
    let signature = fields.iter_mut().find(|(name, _)| name == "authorization").unwrap();
    signature.1.replace_range(signature.1.len() - 64.., &"0".repeat(64));
    let head = head("b=2&a=1", &fields);
    let fault = verify(&head, &Target::s3()).unwrap_err();
    assert_eq!((fault.code(), fault.status()), ("SignatureDoesNotMatch", 403));
    assert_eq!(fault.message(), "The request signature we calculated does not match the signature you provided. Check your key and signing method.");
    let canonical = format!(
        "GET\n/bucket/key\na=1&b=2\nhost:localhost:4566\nx-amz-content-sha256:{EMPTY}\nx-amz-date:20261124T093000Z\n\nhost;x-amz-content-sha256;x-amz-date\n{EMPTY}"
    );
    let text = format!("AWS4-HMAC-SHA256\n20261124T093000Z\n20261124/us-east-1/s3/aws4_request\n{}", crate::payload::sha256(canonical.as_bytes()));
    let spaced = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    assert_eq!(
        fault.members(),
        [
            ("AWSAccessKeyId", "AKIA".to_owned()),
            ("StringToSign", text.clone()),
            ("SignatureProvided", "0".repeat(64)),
            ("StringToSignBytes", spaced(&text)),
            ("CanonicalRequest", canonical.clone()),
            ("CanonicalRequestBytes", spaced(&canonical)),
        ]
    );
    let (explained, explained_text) = admit(&head, &Target::s3()).unwrap().explain(&head, EMPTY).unwrap();
    assert_eq!((explained, explained_text), (canonical, text));
}

#[test]
fn other_services_only_report_that_a_signature_does_not_match() {
    let target = Target::service("sqs");
    let mut fields = signed(&target, now());
    fields[0].1.push('0');
    let fault = verify(&head("", &fields), &target).unwrap_err();
    assert_eq!((fault.name(), fault.code(), fault.status()), ("InvalidSignatureException", "SignatureDoesNotMatch", 403));
    assert_eq!(
        fault.message(),
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. \
         Consult the service documentation for details."
    );
    assert_eq!(fault.members(), []);
}

#[test]
fn a_path_encoded_twice_does_not_match_one_encoded_once() {
    let target = Target::service("sqs");
    let mut fields = host();
    let once = Head { path: "/a%20b", ..head("", &fields) };
    let added = signer(&target).headers(&once, EMPTY, now());
    fields.extend(added);
    assert!(verify(&Head { path: "/a%20b", ..head("", &fields) }, &target).is_ok());
    assert!(verify(&Head { path: "/a%2520b", ..head("", &fields) }, &target).is_err());
    assert!(verify(&Head { path: "/a b", ..head("", &fields) }, &target).is_err());
}

#[test]
fn a_set_of_regions_may_have_wildcards() {
    for (set, region, covered) in [
        ("*", "eu-west-1", true),
        ("us-east-1, eu-*", "eu-west-1", true),
        ("us-east-1,eu-*", "us-east-2", false),
        ("us-*-1", "us-east-1", true),
        ("", "us-east-1", false),
    ] {
        assert_eq!(set.split(',').any(|pattern| matches_region(pattern.trim(), region)), covered, "{set} {region}");
    }
}

#[test]
fn a_name_that_is_no_regions_is_refused_but_for_the_servers_own() {
    let long = "a".repeat(300);
    for name in ["US", "local", "us-east-1:x", "aws-global", &long] {
        let credential = format!("A/20261124/{name}/s3/aws4_request");
        let fault = admit(&head("", &header(&credential, "host;x-amz-date")), &Target::s3().at_home("us-east-1")).unwrap_err();
        assert_eq!((fault.code(), fault.members()), ("AuthorizationHeaderMalformed", &[("Region", "us-east-1".to_owned())][..]));
        let credential = format!("A/20261124/{name}/sqs/aws4_request");
        let fault = admit(&head("", &header(&credential, "host;x-amz-date")), &Target::service("sqs").at_home("us-east-1")).unwrap_err();
        assert_eq!((fault.name(), fault.message()), ("InvalidSignatureException", "Credential should be scoped to a valid region. "));
        let credential = format!("A/20261124/{name}/s3/aws4_request");
        admit(&head("", &header(&credential, "host;x-amz-date")), &Target::s3().at_home(name)).unwrap();
    }
    let other = header("A/20261124/eu-west-1/s3/aws4_request", "host;x-amz-date");
    admit(&head("", &other), &Target::s3().at_home("us-east-1")).unwrap();
}
