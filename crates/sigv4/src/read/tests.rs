use super::*;
use crate::{Algorithm, faults::*};
use cloudlet_aws::Timestamp;
use proptest::prelude::*;
use std::borrow::Cow;

type Fields = Vec<(&'static str, String)>;

const CREDENTIAL: &str = "AKIA/20261124/us-east-1/s3/aws4_request";

fn fields(authorization: &str) -> Fields {
    let always = [("host", "h"), ("x-amz-date", "20261124T093000Z"), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), ("authorization", authorization)];
    always.map(|(name, value)| (name, value.to_owned())).to_vec()
}

fn head<'a>(query: &'a str, headers: &'a Fields) -> Head<'a> {
    Head { method: "GET", path: "/", query, headers }
}

fn at_s3(authorization: &str) -> Fault {
    read_claim(&head("", &fields(authorization)), &Target::s3()).unwrap_err()
}

fn at_others(authorization: &str) -> Fault {
    read_claim(&head("", &fields(authorization)), &Target::service("sqs")).unwrap_err()
}

fn query_at_s3(query: &str) -> Fault {
    read_claim(&head(query, &Vec::new()), &Target::s3()).unwrap_err()
}

#[test]
fn a_header_claim_is_read() {
    let fields = fields(&format!("AWS4-HMAC-SHA256 Credential={CREDENTIAL},SignedHeaders=host;x-amz-date,  Signature=abc"));
    for target in [Target::s3(), Target::service("s3")] {
        let claim = read_claim(&head("", &fields), &target).unwrap().unwrap();
        assert_eq!((claim.algorithm, claim.location), (Algorithm::HmacSha256, Location::Header));
        assert_eq!((&*claim.access_key, &*claim.signature, &*claim.signed_headers), ("AKIA", "abc", "host;x-amz-date"));
        let scope = claim.scope.as_ref().unwrap();
        assert_eq!((scope.date(), scope.region(), scope.service(), scope.terminal()), ("20261124", "us-east-1", "s3", "aws4_request"));
        assert_eq!(claim.time, Timestamp::from_secs(1_795_512_600));
        assert_eq!((claim.region(), claim.auth_type(), claim.signature_version()), (Some("us-east-1"), "REST-HEADER", "AWS4-HMAC-SHA256"));
        // Nothing of a header claim is copied.
        assert!(matches!((claim.access_key, claim.signature, claim.signed_headers), (Cow::Borrowed(_), Cow::Borrowed(_), Cow::Borrowed(_))));
    }
}

#[test]
fn a_claim_of_sigv4a_names_a_set_of_regions() {
    let mut fields = fields("AWS4-ECDSA-P256-SHA256 Credential=AKIA/20261124/s3/aws4_request, SignedHeaders=host, Signature=abc");
    fields.push(("x-amz-region-set", "*,eu-west-1".to_owned()));
    let claim = read_claim(&head("", &fields), &Target::s3()).unwrap().unwrap();
    let scope = claim.scope.as_ref().unwrap();
    assert_eq!((scope.region(), scope.service()), ("", "s3"));
    assert_eq!((claim.region_set.as_deref(), claim.region()), (Some("*,eu-west-1"), Some("eu-west-1")));
}

#[test]
fn a_request_without_a_signature_is_anonymous() {
    for target in [Target::s3(), Target::service("sqs")] {
        assert!(read_claim(&head("acl&Expires=1", &Vec::new()), &target).unwrap().is_none());
    }
    // Other schemes are none of AWS's.
    assert!(read_claim(&head("", &fields("Bearer x")), &Target::service("sts")).unwrap().is_none());
    assert_eq!(crate::faults::missing_authentication_token().message(), "Request is missing Authentication Token");
}

#[test]
fn s3_reports_what_is_wrong_with_a_header() {
    let v4 = |rest: &str| at_s3(&format!("AWS4-HMAC-SHA256 {rest}"));
    for (fault, code, message) in [
        (at_s3("nonsense"), "InvalidArgument", "Authorization header is invalid -- one and only one ' ' (space) required"),
        (at_s3("Bearer token"), "InvalidArgument", "Unsupported Authorization Type"),
        (at_s3("AWS nothing"), "InvalidArgument", "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"),
        (at_s3("aws AKIA:"), "InvalidArgument", "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"),
        (at_s3("AWS  AKIA:s"), "InvalidArgument", "Authorization header is invalid -- one and only one ' ' (space) required"),
        (
            at_s3("AWS4-ECDSA-P256-SHA256 Credential=a, SignedHeaders=b, Signature=c"),
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/SERVICE/aws4_request\".",
        ),
        (
            v4("Credential=a, Signature=b"),
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature.",
        ),
        (
            v4("Credential=a, SignedHeaders-host, Signature=b"),
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the authorization component \"SignedHeaders-host\" is malformed.",
        ),
        (
            v4("Credentials=a, SignedHeaders=b, Signature=c"),
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; missing Credential.",
        ),
        (v4("Credential=a, Headers=b, Signature=c"), "AuthorizationHeaderMalformed", "The authorization header is malformed; missing SignedHeaders."),
        (v4("Credential=a, SignedHeaders=b, Sign=c"), "AuthorizationHeaderMalformed", "The authorization header is malformed; missing Signature."),
        (
            v4("Credential=AKIA/20261124/us-east-1/s3, SignedHeaders=b, Signature=c"),
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        ),
    ] {
        assert_eq!((fault.code(), fault.message(), fault.status()), (code, message, 400));
    }
    assert_eq!(at_s3("Bearer token").members(), [("ArgumentName", "Authorization".to_owned()), ("ArgumentValue", "Bearer token".to_owned())]);
}

#[test]
fn s3_requires_a_date() {
    let authorization = format!("AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=host, Signature=c");
    for date in [None, Some("yesterday"), Some("20261324T093000Z"), Some("2026-11-24T09:30:00Z")] {
        let mut fields: Fields = vec![("authorization", authorization.clone()), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD".to_owned())];
        fields.extend(date.map(|date| ("x-amz-date", date.to_owned())));
        let fault = read_claim(&head("", &fields), &Target::s3()).unwrap_err();
        assert_eq!((fault.code(), fault.status()), ("AccessDenied", 403));
        assert_eq!(fault.message(), "AWS authentication requires a valid Date or x-amz-date header");
    }
    for date in ["Tue, 24 Nov 2026 09:30:00 GMT", "Tue, 24 Nov 2026 09:30:00 +0000", "20261124T093000Z"] {
        let fields: Fields = [("authorization", authorization.as_str()), ("date", date), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec();
        assert_eq!(read_claim(&head("", &fields), &Target::s3()).unwrap().unwrap().time, Timestamp::from_secs(1_795_512_600), "{date}");
    }
}

#[test]
fn s3_reports_what_is_wrong_with_a_query() {
    let all = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={CREDENTIAL}&X-Amz-Signature=a&X-Amz-Date=20261124T093000Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60"
    );
    assert!(read_claim(&head(&all, &Vec::new()), &Target::s3()).unwrap().is_some());
    let missing = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
    let without = |name: &str| all.split('&').filter(|pair| !pair.starts_with(&format!("X-Amz-{name}="))).collect::<Vec<_>>().join("&");
    // AWS: the algorithm tells that a request is presigned.
    assert!(read_claim(&head(&without("Algorithm"), &Vec::new()), &Target::s3()).unwrap().is_none());
    for name in ["Credential", "Signature", "Date", "SignedHeaders", "Expires"] {
        assert_eq!(query_at_s3(&without(name)).message(), missing, "{name}");
    }
    for (from, to, message) in [
        ("AWS4-HMAC-SHA256", "AWS4", "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\""),
        (
            CREDENTIAL,
            "AKIA",
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        ),
        ("20261124T093000Z", "20261124", "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
        ("Expires=60", "Expires=soon", "X-Amz-Expires should be a number"),
        ("Expires=60", "Expires=-1", "X-Amz-Expires must be non-negative"),
        (
            "Expires=60",
            "Expires=604801",
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
        ),
    ] {
        let fault = query_at_s3(&all.replacen(from, to, 1));
        assert_eq!((fault.code(), fault.message(), fault.status()), ("AuthorizationQueryParametersError", message, 400));
    }
}

#[test]
fn sigv2_requires_all_of_its_parameters() {
    // AWS: the signature tells that a request is presigned.
    assert!(read_claim(&head("AWSAccessKeyId=a&Expires=1", &Vec::new()), &Target::s3()).unwrap().is_none());
    for query in ["Signature=a&Expires=1", "AWSAccessKeyId=a&Signature=b"] {
        let fault = query_at_s3(query);
        assert_eq!((fault.code(), fault.status()), ("AccessDenied", 403));
        assert_eq!(fault.message(), "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters");
    }
    for expires in ["now", "1e9", "%201", "2147483648", "-9223372036854775809"] {
        let fault = query_at_s3(&format!("AWSAccessKeyId=a&Signature=b&Expires={expires}"));
        assert_eq!(fault.message(), format!("Invalid date (should be seconds since epoch): {}", expires.replace("%20", " ")));
    }
    assert_eq!(query_at_s3("AWSAccessKeyId=a&Signature=b&Expires=-62167219201").status(), 500);
    for expires in ["2147483647", "%2B01790000000", "-62167219200"] {
        assert!(read_claim(&head(&format!("AWSAccessKeyId=a&Signature=b&Expires={expires}"), &Vec::new()), &Target::s3()).unwrap().is_some());
    }
}

#[test]
fn two_mechanisms_at_once_are_refused() {
    let fields = fields("AWS AKIA:signature");
    for query in ["X-Amz-Algorithm=AWS4-HMAC-SHA256", "AWSAccessKeyId=a&Signature=b&Expires=1"] {
        let fault = read_claim(&head(query, &fields), &Target::s3()).unwrap_err();
        assert!(fault.is(&INVALID_ARGUMENT));
        assert!(fault.message().starts_with("Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"));
    }
    let fault = query_at_s3("X-Amz-Algorithm=AWS4-HMAC-SHA256&Signature=s");
    assert_eq!(fault.members(), [("ArgumentName", "Authorization".to_owned())]);
    let fault = read_claim(&head("X-Amz-Algorithm=AWS4-HMAC-SHA256", &fields), &Target::service("sqs")).unwrap_err();
    assert_eq!((fault.name(), fault.code()), ("InvalidSignatureException", "SignatureDoesNotMatch"));
    assert_eq!(fault.message(), "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.");
}

#[test]
fn other_services_report_all_that_is_missing_at_once() {
    let fields: Fields = vec![("authorization", "AWS4-HMAC-SHA256 Credential=".to_owned())];
    let fault = read_claim(&head("", &fields), &Target::service("sqs")).unwrap_err();
    assert_eq!((fault.name(), fault.code(), fault.status()), ("IncompleteSignatureException", "IncompleteSignature", 400));
    assert_eq!(
        fault.message(),
        format!(
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires \
             'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and \
             encoded with Base64) Authorization={}",
            fingerprint("AWS4-HMAC-SHA256 Credential=")
        )
    );
}

#[test]
fn other_services_report_what_is_wrong_with_a_claim() {
    let good = format!("Credential={CREDENTIAL}, SignedHeaders=host, Signature=a");
    let pair = format!("AWS4-HMAC-SHA256 Credential= {CREDENTIAL}, SignedHeaders=host, Signature=a");
    for (fault, message) in [
        (
            at_others(&pair),
            format!("Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '{}'.", fingerprint(&pair)),
        ),
        (at_others(&format!("AWS4-HMAC-SHA25 {good}")), "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). ".to_owned()),
        (
            at_others("AWS4-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=host, Signature=a"),
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c/d'".to_owned(),
        ),
        (
            read_claim(&head("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261124T093000Z&X-Amz-SignedHeaders=host", &Vec::new()), &Target::service("sts")).unwrap_err(),
            "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters.".to_owned(),
        ),
    ] {
        assert!(fault.is(&INCOMPLETE_SIGNATURE));
        assert_eq!(fault.message(), message);
    }
    let fields: Fields = vec![("authorization", format!("AWS4-HMAC-SHA256 {good}")), ("x-amz-date", "201".to_owned())];
    assert_eq!(
        read_claim(&head("", &fields), &Target::service("sts")).unwrap_err().message(),
        "Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601"
    );
}

#[test]
fn a_session_token_is_found_in_header_and_query() {
    let mut fields = fields(&format!("AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=host, Signature=a"));
    fields.push(("x-amz-s3session-token", "express".to_owned()));
    assert_eq!(read_claim(&head("", &fields), &Target::s3()).unwrap().unwrap().session_token.as_deref(), Some("express"));
    fields.push(("x-amz-security-token", "session".to_owned()));
    assert_eq!(read_claim(&head("", &fields), &Target::s3()).unwrap().unwrap().session_token.as_deref(), Some("session"));
    let query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={CREDENTIAL}&X-Amz-Signature=a&X-Amz-Date=20261124T093000Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Security-Token=a%2Bb%3D"
    );
    assert_eq!(read_claim(&head(&query, &Vec::new()), &Target::s3()).unwrap().unwrap().session_token.as_deref(), Some("a+b="));
}

#[test]
fn s3_reports_the_hash_of_the_body_then_the_clock_then_the_header() {
    let target = Target::s3().at(Timestamp::from_secs(1_795_512_600));
    let claim = |changes: &[(&'static str, Option<&str>)]| {
        let mut fields = fields("AWS4-HMAC-SHA256 nonsense");
        for (name, value) in changes {
            fields.retain(|(field, _)| field != name);
            fields.extend(value.map(|value| (*name, value.to_owned())));
        }
        let fault = read_claim(&head("", &fields), &target).unwrap_err();
        (fault.code().to_owned(), fault.status())
    };
    let expected = |code: &str, status| (code.to_owned(), status);
    assert_eq!(claim(&[("x-amz-content-sha256", None), ("x-amz-date", None)]), expected("InvalidRequest", 400));
    assert_eq!(claim(&[("x-amz-content-sha256", Some("unsigned-payload")), ("x-amz-date", None)]), expected("InvalidArgument", 400));
    assert_eq!(claim(&[("x-amz-date", None)]), expected("AccessDenied", 403));
    assert_eq!(claim(&[("x-amz-date", Some("20261124T091459Z"))]), expected("RequestTimeTooSkewed", 403));
    assert_eq!(claim(&[]), expected("AuthorizationHeaderMalformed", 400));
}

proptest! {
    #[test]
    fn random_input_is_refused_without_a_panic(
        kind in prop::sample::select(vec!["AWS4-HMAC-SHA256 ", "AWS4-ECDSA-P256-SHA256 ", "AWS ", "", "AWS4-"]),
        rest in "(Credential=|SignedHeaders=|Signature=|[a-z0-9/,; =%:]{0,12}|\\PC{0,3}){0,6}",
        date in "[0-9TZ]{14,17}|\\PC{0,6}",
        query in "((X-Amz-(Algorithm|Credential|Signature|Date|SignedHeaders|Expires)|AWSAccessKeyId|Signature|SignatureVersion|Expires)=(AWS4-HMAC-SHA256|2|[0-9a-zA-Z/%é]{0,12})&?){0,8}",
    ) {
        for authorization in [None, Some(format!("{kind}{rest}"))] {
            let mut fields: Fields = vec![("host", "h".to_owned()), ("x-amz-date", date.clone())];
            fields.extend(authorization.map(|value| ("authorization", value)));
            for target in [Target::s3().in_region("r"), Target::service("sqs")] {
                let head = head(&query, &fields);
                if let Ok(Some(claim)) = read_claim(&head, &target)
                    && let Ok(admitted) = claim.admit(&head, Timestamp::from_secs(1_795_512_600), &target)
                {
                    prop_assert!(admitted.verify(&head, "UNSIGNED-PAYLOAD", "secret", &crate::Keys::new()).is_err());
                }
            }
        }
        let _ = read_form_claim(&query);
    }
}
