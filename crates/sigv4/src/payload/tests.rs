use super::*;
use cloudlet_aws::Timestamp;

fn claim(location: Location, algorithm: Algorithm) -> Claim<'static> {
    Claim {
        algorithm,
        location,
        access_key: "A".into(),
        scope: (algorithm != Algorithm::V2).then_some(crate::Scope::of("20261124/r/s3/aws4_request".into())),
        region_set: None,
        signed_headers: "host".into(),
        signature: "".into(),
        session_token: None,
        time: Timestamp::default(),
        expires: None,
    }
}

fn of(declared: Option<&str>, query: &str, claim: Option<&Claim<'_>>, flavor: Flavor) -> Result<String, Fault> {
    let headers: Vec<(&str, String)> = declared.map(|declared| ("x-amz-content-sha256", declared.to_owned())).into_iter().collect();
    let head = Head { method: "PUT", path: "/", query, headers: &headers };
    Payload::of(&head, claim, flavor).map(|payload| format!("{payload:?}"))
}

#[test]
fn each_form_of_the_header_is_understood_at_s3() {
    let header = claim(Location::Header, Algorithm::HmacSha256);
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(of(Some(hash), "", Some(&header), Flavor::S3).unwrap(), format!("Declared({hash:?})"));
    assert_eq!(of(Some("UNSIGNED-PAYLOAD"), "", Some(&header), Flavor::S3).unwrap(), "Unsigned");
    for chunked in [Chunked::HmacSha256, Chunked::HmacSha256Trailer, Chunked::UnsignedTrailer] {
        assert_eq!(of(Some(chunked.name()), "", Some(&header), Flavor::S3).unwrap(), format!("Chunked({chunked:?})"));
    }
    let v4a = claim(Location::Header, Algorithm::EcdsaP256Sha256);
    for chunked in [Chunked::EcdsaP256Sha256, Chunked::EcdsaP256Sha256Trailer] {
        assert_eq!(of(Some(chunked.name()), "", Some(&v4a), Flavor::S3).unwrap(), format!("Chunked({chunked:?})"));
        assert!(of(Some(chunked.name()), "", Some(&header), Flavor::S3).is_err());
    }
}

#[test]
fn s3_wants_the_header_of_those_who_sign_in_headers() {
    let fault = of(None, "", Some(&claim(Location::Header, Algorithm::HmacSha256)), Flavor::S3).unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("InvalidRequest", "Missing required header for this request: x-amz-content-sha256"));
    for other in [None, Some(claim(Location::Query, Algorithm::HmacSha256)), Some(claim(Location::Header, Algorithm::V2))] {
        assert_eq!(of(None, "", other.as_ref(), Flavor::S3).unwrap(), "Unsigned");
    }
    let query = "X-Amz-Content-Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert!(of(None, query, Some(&claim(Location::Query, Algorithm::HmacSha256)), Flavor::S3).unwrap().starts_with("Declared"));
}

#[test]
fn s3_says_what_the_header_may_be() {
    let fault = of(Some("nonsense"), "", Some(&claim(Location::Header, Algorithm::HmacSha256)), Flavor::S3).unwrap_err();
    assert_eq!(fault.code(), "InvalidArgument");
    assert!(fault.message().starts_with("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC"));
    assert_eq!(fault.members(), [("ArgumentName", "x-amz-content-sha256".to_owned()), ("ArgumentValue", "nonsense".to_owned())]);
    let fault = of(Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), "", None, Flavor::S3).unwrap_err();
    assert!(fault.message().starts_with("Anonymous requests don't support this x-amz-content-sha256 value."));
}

#[test]
fn elsewhere_the_body_itself_is_signed() {
    let header = claim(Location::Header, Algorithm::HmacSha256);
    assert_eq!(of(None, "", Some(&header), Flavor::Other).unwrap(), "Body");
    assert_eq!(of(Some("whatever"), "", Some(&header), Flavor::Other).unwrap(), "Body");
    assert_eq!(of(Some("UNSIGNED-PAYLOAD"), "", Some(&header), Flavor::Other).unwrap(), "Unsigned");
}

#[test]
fn a_body_is_held_to_its_declared_hash() {
    let declared = sha256(b"hello").to_string().to_ascii_uppercase();
    let check = |pieces: &[&[u8]]| {
        let mut check = Check::new(&declared);
        for piece in pieces {
            check.update(piece);
        }
        check.finish()
    };
    check(&[b"hel", b"", b"lo"]).unwrap();
    let fault = check(&[b"hello!"]).unwrap_err();
    assert_eq!((fault.code(), fault.status()), ("XAmzContentSHA256Mismatch", 400));
    assert_eq!(fault.message(), "The provided 'x-amz-content-sha256' header does not match what was computed.");
    assert_eq!(fault.members(), [("ClientComputedContentSHA256", declared.clone()), ("S3ComputedContentSHA256", sha256(b"hello!").to_string())]);
}
