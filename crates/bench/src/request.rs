//! Signed requests as bytes.

use cloudlet_aws::Timestamp;
use cloudlet_sigv4::SigningKey;
use std::time::{SystemTime, UNIX_EPOCH};

/// Signs for one service and host. Some measurements sign every call, so it is fast rather than general.
pub struct Signed {
    host: String,
    access_key: String,
    key: SigningKey,
    time: String,
    /// `20261124/us-east-1/sqs/aws4_request`
    scope: String,
}

const REGION: &str = "us-east-1";

impl Signed {
    /// As root.
    pub fn new(host: &str, service: &'static str) -> Signed {
        Signed::with(host, service, "test", "test")
    }

    pub fn with(host: &str, service: &'static str, access_key: &str, secret: &str) -> Signed {
        Signed::of(host, service, REGION, access_key, secret)
    }

    /// As root, in another region.
    pub fn in_region(host: &str, service: &'static str, region: &str) -> Signed {
        Signed::of(host, service, region, "test", "test")
    }

    fn of(host: &str, service: &'static str, region: &str, access_key: &str, secret: &str) -> Signed {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        let time = Timestamp::from_secs(i64::try_from(now.as_secs()).expect("a clock")).basic();
        let key = SigningKey::derive(secret, &time[..8], region, service);
        let scope = format!("{}/{region}/{service}/aws4_request", &time[..8]);
        Signed { host: host.to_owned(), access_key: access_key.to_owned(), key, time, scope }
    }

    /// A whole request. Header names are lower-case.
    pub fn request(&self, method: &str, path: &str, query: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let hash = cloudlet_sigv4::payload::sha256(body);
        let mut fields: Vec<(&str, &str)> = vec![("host", &self.host), ("x-amz-content-sha256", hash.as_str()), ("x-amz-date", &self.time)];
        fields.extend(headers);
        fields.sort_unstable();
        let mut names = String::with_capacity(128);
        let mut canonical = String::with_capacity(1 << 10);
        push(&mut canonical, &[method, "\n", path, "\n", query, "\n"]);
        for (name, value) in &fields {
            push(&mut canonical, &[name, ":", value, "\n"]);
            let semicolon = if names.is_empty() { "" } else { ";" };
            push(&mut names, &[semicolon, name]);
        }
        push(&mut canonical, &["\n", &names, "\n", hash.as_str()]);
        let digest = cloudlet_sigv4::payload::sha256(canonical.as_bytes());
        let to_sign = ["AWS4-HMAC-SHA256\n", &self.time, "\n", &self.scope, "\n", digest.as_str()].concat();
        let signature = self.key.sign(to_sign.as_bytes());
        let mut request = String::with_capacity(1 << 10);
        push(&mut request, &[method, " ", path, if query.is_empty() { "" } else { "?" }, query, " HTTP/1.1\r\n"]);
        for (name, value) in fields {
            push(&mut request, &[name, ": ", value, "\r\n"]);
        }
        let credential = ["authorization: AWS4-HMAC-SHA256 Credential=", &self.access_key, "/", &self.scope];
        push(&mut request, &credential);
        push(&mut request, &[", SignedHeaders=", &names, ", Signature=", signature.as_str()]);
        push(&mut request, &["\r\ncontent-length: ", &body.len().to_string(), "\r\n\r\n"]);
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }

    pub fn json(&self, target: &str, body: &str) -> Vec<u8> {
        self.request("POST", "/", "", &[("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)], body.as_bytes())
    }

    pub fn json_1_1(&self, target: &str, body: &str) -> Vec<u8> {
        self.request("POST", "/", "", &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)], body.as_bytes())
    }

    pub fn form(&self, body: &str) -> Vec<u8> {
        self.request("POST", "/", "", &[("content-type", "application/x-www-form-urlencoded")], body.as_bytes())
    }

    pub fn caller_identity(host: &str) -> Vec<u8> {
        Signed::new(host, "sts").form("Action=GetCallerIdentity&Version=2011-06-15")
    }
}

fn push(text: &mut String, pieces: &[&str]) {
    pieces.iter().for_each(|piece| text.push_str(piece));
}

/// The same request to the path of the bare server that answers `size` bytes.
pub fn bare(of: &[u8], size: usize) -> Vec<u8> {
    let end = memchr::memchr(b'\r', of).expect("a request line");
    let line = std::str::from_utf8(&of[..end]).expect("text");
    let method = line.split(' ').next().expect("a method");
    let mut bytes = format!("{method} /{size} HTTP/1.1").into_bytes();
    bytes.extend_from_slice(&of[end..]);
    bytes
}
