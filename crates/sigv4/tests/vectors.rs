//! AWS's own test suite for SigV4, as botocore's source distribution carries it. It is not part of this repository.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use cloudlet_aws::{Head, Timestamp, TimestampFormat};
use cloudlet_sigv4::{Keys, Target, payload, read_claim};
use std::{
    fs,
    path::{Path, PathBuf},
};

const SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/vectors/botocore-1.44.5/tests/unit/auth/aws4_testsuite");
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn requests(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            requests(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "sreq") {
            found.push(path);
        }
    }
}

/// The suite's files have Windows line ends here and there.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap().replace("\r\n", "\n")
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn parse(text: &str) -> Request {
    let (top, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = top.lines();
    let first = lines.next().unwrap();
    let (method, rest) = first.split_once(' ').unwrap();
    let target = rest.strip_suffix(" HTTP/1.1").unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in lines {
        // A line that begins with white space goes on with the header above it.
        match line.split_once(':') {
            Some((name, value)) if !line.starts_with(' ') => headers.push((name.to_ascii_lowercase(), value.to_owned())),
            _ => {
                let value = &mut headers.last_mut().unwrap().1;
                value.push('\n');
                value.push_str(line);
            }
        }
    }
    Request { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), headers, body: body.to_owned() }
}

#[test]
fn the_suite_of_aws_is_verified() {
    let suite = Path::new(SUITE);
    assert!(suite.is_dir(), "AWS's SigV4 test suite is not there. `cargo xtask vectors` fetches it to {SUITE}");
    let mut files = Vec::new();
    requests(suite, &mut files);
    files.sort();
    assert!(files.len() >= 30, "the suite has {} requests", files.len());
    let now = Timestamp::parse("2015-08-30T12:36:00Z", TimestampFormat::DateTime).unwrap();
    let target = Target::service("service").in_region("us-east-1");
    let keys = Keys::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let mut request = parse(&read(&file));
        // One of the signed requests carries the signature of another one; the `.authz` files are right.
        request.headers.retain(|(name, _)| name != "authorization");
        request.headers.push(("authorization".to_owned(), read(&file.with_extension("authz"))));
        let head = Head { method: &request.method, path: &request.path, query: &request.query, headers: &request.headers };
        let claim = read_claim(&head, &target).unwrap().unwrap().admit(&head, now, &target).unwrap();
        let hash = payload::sha256(request.body.as_bytes());
        let (canonical, text) = claim.explain(&head, &hash).unwrap();
        assert_eq!(canonical, read(&file.with_extension("creq")), "{name}");
        assert_eq!(text, read(&file.with_extension("sts")), "{name}");
        let verified = claim.verify(&head, &hash, SECRET, &keys);
        assert!(verified.is_ok(), "{name}: {}", claim.signature);
        assert!(claim.verify(&head, &hash, "another", &keys).is_err(), "{name}");
    }
}
