//! Requests signed by the Rust SDK's signer are verified, and those of our own signer are signed alike.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use bytes::Bytes;
use cloudlet_aws::{Fault, Head, Timestamp};
use cloudlet_sigv4::{Chunked, Flavor, Keys, Location, Payload, Target, chunks::Decoder, payload, read_claim, sign::Signer};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use std::time::{Duration, SystemTime};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const NOW: i64 = 1_795_512_600;

#[derive(Clone, Debug)]
struct Request {
    flavor: Flavor,
    location: Location,
    method: &'static str,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    token: Option<String>,
}

impl Request {
    fn head(&self) -> Head<'_> {
        Head { method: self.method, path: &self.path, query: &self.query, headers: &self.headers }
    }

    fn target(&self) -> Target<'static> {
        match self.flavor {
            Flavor::S3 => Target::s3(),
            Flavor::Other => Target::service("lambda"),
        }
        .in_region("eu-central-1")
    }

    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self.flavor == Flavor::S3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        } else {
            settings.percent_encoding_mode = PercentEncodingMode::Double;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Enabled;
            settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        }
        if self.location == Location::Query {
            settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(600));
        }
        settings.session_token_mode = SessionTokenMode::Include;
        settings
    }

    /// Signed by the SDK, as it would go over the wire.
    fn signed_by_the_sdk(&self) -> Request {
        let mut http = http::Request::builder().method(self.method).uri(if self.query.is_empty() {
            format!("http://localhost:4566{}", self.path)
        } else {
            format!("http://localhost:4566{}?{}", self.path, self.query)
        });
        for (name, value) in &self.headers {
            http = http.header(name, value);
        }
        let mut http = http.body(()).unwrap();
        let identity = Credentials::new(KEY, SECRET, self.token.clone(), None, "test").into();
        let params = params(&identity, self.target(), self.settings()).into();
        let body = match (self.flavor, self.location) {
            (Flavor::S3, Location::Query) => SignableBody::UnsignedPayload,
            _ => SignableBody::Bytes(&self.body),
        };
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let uri = http.uri().to_string();
        let signable = SignableRequest::new(self.method, uri, headers.into_iter(), body).unwrap();
        sign(signable, &params).unwrap().into_parts().0.apply_to_request_http1x(&mut http);
        let headers = http.headers().iter().map(|(name, value)| (name.to_string(), String::from_utf8(value.as_bytes().to_vec()).unwrap())).collect();
        Request { path: http.uri().path().to_owned(), query: http.uri().query().unwrap_or_default().to_owned(), headers, ..self.clone() }
    }

    fn verify(&self) -> Result<(), Fault> {
        let head = self.head();
        let target = self.target();
        let claim = read_claim(&head, &target)?.expect("a claim").admit(&head, Timestamp::from_secs(NOW), &target)?;
        assert_eq!(claim.session_token.as_deref(), self.token.as_deref());
        let hash = Payload::of(&head, Some(&claim), target.flavor)?.canonical(|| payload::sha256(&self.body));
        claim.verify(&head, &hash, SECRET, &Keys::new()).map(drop)
    }
}

fn params<'a, S: Default>(
    identity: &'a aws_smithy_runtime_api::client::identity::Identity,
    target: Target<'a>,
    settings: S,
) -> v4::SigningParams<'a, S> {
    v4::SigningParams::builder()
        .identity(identity)
        .region(target.region.unwrap())
        .name(target.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.unsigned_abs()))
        .settings(settings)
        .build()
        .unwrap()
}

/// What a careless client leaves as it is.
const CARELESS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'%')
    .add(b'^')
    .add(b'|')
    .add(b'\\')
    .add(b'[')
    .add(b']');
const CARELESS_QUERY: &AsciiSet = &CARELESS.add(b'&').add(b'=').add(b'+').add(b'\'');
const CAREFUL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn encoded(set: &'static AsciiSet) -> impl Strategy<Value = String> {
    prop_oneof![
        Just(".".to_owned()),
        Just("..".to_owned()),
        "[a-z%+ .~:@!$'()*,;=é/-]{0,8}".prop_map(move |text| utf8_percent_encode(&text, set).to_string()),
        "\\PC{0,5}".prop_map(move |text| utf8_percent_encode(&text, CAREFUL).to_string()),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let path = prop::collection::vec(encoded(CARELESS), 0..5).prop_map(|segments| format!("/{}", segments.join("/")));
    // A name without a value goes over the wire in two ways; the SDK knows only the one with an equal-sign.
    let query = prop::collection::vec((encoded(CARELESS_QUERY), encoded(CARELESS_QUERY)), 0..4).prop_map(|pairs| {
        pairs.iter().filter(|(name, _)| !name.is_empty()).map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    });
    let headers = prop::collection::btree_map("x-amz-meta-[a-c]|content-type|x-other", " {0,2}[!-~]{1,6}(  ?[!-~é]{1,3})? {0,2}", 0..4);
    (
        prop::sample::select(vec![Flavor::S3, Flavor::Other]),
        prop::sample::select(vec![Location::Header, Location::Query]),
        prop::sample::select(vec!["GET", "PUT", "POST", "DELETE", "HEAD"]),
        path,
        query,
        headers,
        prop::collection::vec(any::<u8>(), 0..20),
        prop::option::of("[A-Za-z0-9+/]{4,40}={0,2}"),
    )
        .prop_map(|(flavor, location, method, path, query, headers, body, token)| {
            let mut headers: Vec<(String, String)> = headers.into_iter().collect();
            headers.push(("host".to_owned(), "localhost:4566".to_owned()));
            Request { flavor, location, method, path, query, headers, body, token }
        })
}

/// The SDK parses URLs strictly: what its parser refuses, it cannot sign.
fn parses(request: &Request) -> bool {
    format!("http://localhost:4566{}?{}", request.path, request.query).parse::<http::Uri>().is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_the_rust_sdk_signs_is_accepted(request in request().prop_filter("a URL", parses)) {
        let signed = request.signed_by_the_sdk();
        prop_assert!(signed.verify().is_ok(), "{:?}\n{:#?}", signed.verify(), signed);
    }

    #[test]
    fn another_body_is_refused(request in request().prop_filter("a URL", parses), at in any::<prop::sample::Index>()) {
        let mut request = Request { flavor: Flavor::Other, ..request };
        request.body.push(0);
        let mut signed = request.signed_by_the_sdk();
        let at = at.index(signed.body.len());
        signed.body[at] ^= 1;
        prop_assert!(signed.verify().is_err());
    }

    #[test]
    fn our_own_signer_signs_what_is_accepted(request in request().prop_filter("a URL", parses)) {
        let target = request.target();
        let signer = Signer { access_key: KEY, secret: SECRET, session_token: request.token.as_deref(), region: "eu-central-1", service: target.service, flavor: request.flavor };
        let mut signed = request.clone();
        let now = Timestamp::from_secs(NOW);
        let hash = match (request.flavor, request.location) {
            (Flavor::S3, Location::Query) => "UNSIGNED-PAYLOAD".to_owned(),
            _ => payload::sha256(&request.body).to_string(),
        };
        match request.location {
            Location::Query => signed.query = signer.presign(&request.head(), &hash, 600, now),
            _ => signed.headers.extend(signer.headers(&request.head(), &hash, now)),
        }
        prop_assert!(signed.verify().is_ok(), "{:?}\n{:#?}", signed.verify(), signed);
    }

    #[test]
    fn chunks_and_trailers_that_the_rust_sdk_signs_are_decoded(
        big in prop::collection::vec(8192_usize..8300, 0..3),
        last in 1_usize..100,
        trailers in prop::collection::btree_map("x-amz-[a-d]", "[!-~]{1,8}", 1..3),
        piece in 1_usize..5000,
    ) {
        let length: usize = big.iter().sum::<usize>() + last;
        let names = trailers.keys().cloned().collect::<Vec<_>>().join(",");
        let request = Request {
            flavor: Flavor::S3,
            location: Location::Header,
            method: "PUT",
            path: "/bucket/key".to_owned(),
            query: String::new(),
            headers: vec![
                ("host".to_owned(), "localhost:4566".to_owned()),
                ("x-amz-decoded-content-length".to_owned(), length.to_string()),
                ("x-amz-trailer".to_owned(), names),
            ],
            body: Vec::new(),
            token: None,
        };
        let identity = Credentials::new(KEY, SECRET, None, None, "test").into();
        let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let uri = "http://localhost:4566/bucket/key";
        let signable = SignableRequest::new("PUT", uri, headers.into_iter(), SignableBody::StreamingSignedPayloadTrailer).unwrap();
        let head_params = params(&identity, request.target(), request.settings()).into();
        let (instructions, mut running) = sign(signable, &head_params).unwrap().into_parts();
        let mut signed = request.clone();
        signed.headers.extend(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())));

        let chunk_params = params(&identity, request.target(), ());
        let mut body = Vec::new();
        for size in big.into_iter().chain([last, 0]) {
            let chunk = Bytes::from(vec![7_u8; size]);
            running = v4::sign_chunk(&chunk, &running, &chunk_params).unwrap().into_parts().1;
            body.extend_from_slice(format!("{size:X};chunk-signature={running}\r\n").as_bytes());
            body.extend_from_slice(&chunk);
            if size > 0 {
                body.extend_from_slice(b"\r\n");
            }
        }
        let mut fields = aws_smithy_runtime_api::http::Headers::new();
        // Sent in another order than signed in.
        for (name, value) in trailers.iter().rev() {
            fields.insert(name.clone(), value.clone());
            body.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
        }
        running = v4::sign_trailer(&fields, &running, &chunk_params).unwrap().into_parts().1;
        body.extend_from_slice(format!("x-amz-trailer-signature:{running}\r\n\r\n").as_bytes());

        let (head, target) = (signed.head(), signed.target());
        let claim = read_claim(&head, &target).unwrap().unwrap().admit(&head, Timestamp::from_secs(NOW), &target).unwrap();
        let declared = Payload::of(&head, Some(&claim), Flavor::S3).unwrap();
        prop_assert_eq!(declared, Payload::Chunked(Chunked::HmacSha256Trailer));
        let verified = claim.verify(&head, &declared.canonical(|| unreachable!()), SECRET, &Keys::new()).unwrap();
        let mut decoder = Decoder::new(Chunked::HmacSha256Trailer, &verified, &head).unwrap();
        let (mut rest, mut out) = (Bytes::from(body), Vec::new());
        while !rest.is_empty() {
            decoder.feed(rest.split_to(piece.min(rest.len())), &mut out).unwrap();
        }
        prop_assert_eq!(decoder.finish().unwrap().len(), trailers.len());
        prop_assert_eq!(out.concat(), vec![7_u8; length]);
    }
}
