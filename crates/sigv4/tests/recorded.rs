//! Requests that botocore, boto3 and awscrt signed, as they went over the wire (`record.py` wrote them).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_aws::{Fault, Head, Timestamp};
use cloudlet_sigv4::{
    Algorithm, Flavor, Keys, Location, Payload, Target, Verified, chunks, faults, payload,
    post::{self, Policy},
    read_claim, read_form_claim,
};
use serde_json::Value;

#[derive(Clone, Debug)]
struct Request {
    name: String,
    service: String,
    at: Timestamp,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    access_key: String,
    secret: String,
    token: Option<String>,
    bucket: Option<String>,
    fields: Option<Vec<(String, String)>>,
}

fn recorded() -> Vec<Request> {
    let all: Vec<Value> = serde_json::from_str(include_str!("recorded.json")).unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let pairs =
        |value: &Value| value.as_array().map(|pairs| pairs.iter().map(|pair| (text(&pair[0]).unwrap(), text(&pair[1]).unwrap())).collect::<Vec<_>>());
    all.iter()
        .map(|one| Request {
            name: text(&one["name"]).unwrap(),
            service: text(&one["service"]).unwrap(),
            at: Timestamp::from_secs(one["at"].as_i64().unwrap()),
            method: text(&one["method"]).unwrap(),
            path: text(&one["path"]).unwrap(),
            query: text(&one["query"]).unwrap(),
            headers: pairs(&one["headers"]).unwrap(),
            body: STANDARD.decode(text(&one["body"]).unwrap()).unwrap(),
            access_key: text(&one["access_key"]).unwrap(),
            secret: text(&one["secret"]).unwrap(),
            token: text(&one["token"]),
            bucket: text(&one["bucket"]),
            fields: pairs(&one["fields"]),
        })
        .collect()
}

impl Request {
    fn head(&self) -> Head<'_> {
        Head { method: &self.method, path: &self.path, query: &self.query, headers: &self.headers }
    }

    fn target(&self) -> Target<'_> {
        let target = if self.service == "s3" { Target::s3() } else { Target::service(&self.service) };
        match &self.bucket {
            Some(bucket) => target.virtual_bucket(bucket),
            None => target,
        }
    }

    /// As the gateway does it.
    fn verify(&self) -> Result<Option<Verified>, Fault> {
        let (head, target, keys) = (self.head(), self.target(), Keys::new());
        let body = std::str::from_utf8(&self.body).unwrap_or_default();
        let found = read_claim(&head, &target)?;
        let in_form = found.is_none() && target.flavor == Flavor::Other;
        let Some(claim) = (if in_form { read_form_claim(body)? } else { found }) else { return Ok(None) };
        let claim = claim.admit(&head, self.at.plus_secs(30), &target)?;
        // What identity does: look up the key, and hold the session token to it.
        if claim.access_key != self.access_key || claim.session_token.as_deref() != self.token.as_deref() {
            return Err(faults::ACCESS_DENIED.says("unknown key or token"));
        }
        let verified = if in_form {
            claim.verify_form(&head, body, &self.secret)?
        } else {
            let declared = Payload::of(&head, Some(&claim), target.flavor)?;
            let hash = declared.canonical(|| payload::sha256(&self.body));
            let verified = claim.verify(&head, &hash, &self.secret, &keys)?;
            match declared {
                Payload::Declared(hash) => {
                    let mut check = payload::Check::new(hash);
                    check.update(&self.body);
                    check.finish()?;
                }
                Payload::Chunked(mode) => {
                    let mut decoder = chunks::Decoder::new(mode, &verified, &head)?;
                    decoder.feed(Bytes::copy_from_slice(&self.body), &mut Vec::new())?;
                    decoder.finish()?;
                }
                Payload::Body | Payload::Unsigned | Payload::Word(_) => {}
            }
            verified
        };
        Ok(Some(verified))
    }
}

#[test]
fn requests_of_real_clients_are_accepted() {
    let all = recorded();
    assert!(all.len() > 60);
    for request in all.iter().filter(|request| request.fields.is_none()) {
        match request.verify() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("{}: no claim was found", request.name),
            Err(fault) => panic!("{}: {} {fault:?}", request.name, request.path),
        }
    }
}

#[test]
fn forms_of_real_clients_are_accepted_and_their_policies_hold() {
    let all = recorded();
    let forms: Vec<&Request> = all.iter().filter(|request| request.fields.is_some()).collect();
    assert_eq!(forms.len(), 3);
    for form in forms {
        let fields = form.fields.as_ref().unwrap();
        let claim = post::read_claim(fields, &Target::s3()).unwrap().unwrap();
        assert_eq!(claim.location, Location::Post);
        assert_eq!(claim.session_token.as_deref(), form.token.as_deref());
        post::verify(&claim, fields, &form.secret, &Keys::new()).unwrap();
        let policy = Policy::parse(&fields.iter().find(|(name, _)| name == "policy").unwrap().1).unwrap();
        policy.check(fields, "bucket", form.at).unwrap();
        assert_eq!(policy.longest(), Some(10));
        assert!(policy.check_length(11).unwrap_err().is(&faults::ENTITY_TOO_LARGE));
        assert_eq!(
            policy.check(fields, "other", form.at).unwrap_err().message(),
            "Invalid according to Policy: Policy Condition failed: [\"eq\", \"$bucket\", \"bucket\"]"
        );
        assert_eq!(policy.check(fields, "bucket", form.at.plus_secs(700)).unwrap_err().message(), "Invalid according to Policy: Policy expired.");
        assert!(post::verify(&claim, fields, "another secret", &Keys::new()).unwrap_err().is(&faults::SIGNATURE_DOES_NOT_MATCH));
    }
}

#[test]
fn another_secret_is_refused() {
    for mut request in recorded().into_iter().filter(|request| request.fields.is_none()) {
        request.secret.push('x');
        assert!(request.verify().unwrap_err().is(&faults::SIGNATURE_DOES_NOT_MATCH), "{}", request.name);
    }
}

/// What a header may become without its meaning changing: signatures fold white space.
fn folded(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every byte of method, path, signed headers and body, changed in one bit, must be noticed.
#[test]
fn no_signed_byte_can_be_changed() {
    for request in recorded().into_iter().filter(|request| request.fields.is_none()) {
        let claim = read_claim(&request.head(), &request.target()).unwrap();
        let signed = claim.as_ref().map(|claim| claim.signed_headers.to_string()).unwrap_or_default();
        let v4 = claim.as_ref().is_some_and(|claim| claim.scope.is_some());
        let unsigned_body = claim.as_ref().is_some_and(|claim| {
            matches!(Payload::of(&request.head(), Some(claim), request.target().flavor), Ok(Payload::Unsigned | Payload::Chunked(_)))
        });
        let refused = |changed: &Request, what: &str| {
            // A request that no longer claims anything is anonymous, and that is no way in.
            assert!(!matches!(changed.verify(), Ok(Some(_))), "{}: {what} of {changed:?}", request.name);
        };
        let flip = |text: &str, at: usize| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1;
            String::from_utf8(bytes).ok()
        };
        let mut changed = request.clone();
        changed.method = "PATCH".to_owned();
        refused(&changed, "method");
        for at in 0..request.path.len() {
            if let Some(path) = flip(&request.path, at) {
                let mut changed = request.clone();
                changed.path = path;
                // Dot segments that say the same are the same, as at AWS.
                if request.target().flavor == Flavor::Other && request.path.contains("/.") {
                    continue;
                }
                refused(&changed, "path");
            }
        }
        for (at, (name, value)) in request.headers.iter().enumerate() {
            let covered = if v4 { signed.split(';').any(|signed| signed == name) } else { name.starts_with("x-amz-") || name == "content-type" };
            if !covered {
                continue;
            }
            for byte in 0..value.len() {
                let Some(other) = flip(value, byte) else { continue };
                if folded(&other) == folded(value) {
                    continue;
                }
                let mut changed = request.clone();
                changed.headers[at].1 = other;
                refused(&changed, name);
            }
        }
        for at in 0..request.body.len() {
            let mut changed = request.clone();
            changed.body[at] ^= 1;
            if !v4 || unsigned_body {
                continue;
            }
            refused(&changed, "body");
        }
    }
}

#[test]
fn no_byte_of_a_signed_query_can_be_changed() {
    let meaning = |query: &str| {
        let head = Head { method: "", path: "", query, headers: &Vec::<(String, String)>::new() };
        let mut pairs: Vec<(String, String)> = head
            .raw_query()
            .map(|(name, value)| {
                let decode = |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
                (decode(name), decode(value))
            })
            .collect();
        pairs.sort();
        pairs
    };
    for request in recorded().into_iter().filter(|request| !request.query.is_empty()) {
        let claim = read_claim(&request.head(), &request.target()).unwrap().unwrap();
        // SigV2 covers the sub-resources only.
        if matches!(claim.algorithm, Algorithm::V2 | Algorithm::V2Query) {
            continue;
        }
        for at in 0..request.query.len() {
            let mut bytes = request.query.as_bytes().to_vec();
            bytes[at] ^= 1;
            let Ok(query) = String::from_utf8(bytes) else { continue };
            if meaning(&query) == meaning(&request.query) {
                continue;
            }
            let mut changed = request.clone();
            changed.query = query;
            assert!(!matches!(changed.verify(), Ok(Some(_))), "{}: {} became {}", request.name, request.query, changed.query);
        }
    }
}
