//! Requests as bytes, signed once and sent often.

use cloudlet_aws::Timestamp;
use cloudlet_sigv4::SigningKey;
use std::time::{SystemTime, UNIX_EPOCH};

/// Signs for one service and host.
pub struct Signed {
    host: String,
    service: &'static str,
    access_key: String,
    key: SigningKey,
    time: String,
}

const REGION: &str = "us-east-1";

impl Signed {
    /// As root.
    pub fn new(host: &str, service: &'static str) -> Signed {
        Signed::with(host, service, "test", "test")
    }

    pub fn with(host: &str, service: &'static str, access_key: &str, secret: &str) -> Signed {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        let time = Timestamp::from_secs(i64::try_from(now.as_secs()).expect("a clock")).basic();
        let key = SigningKey::derive(secret, &time[..8], REGION, service);
        Signed { host: host.to_owned(), service, access_key: access_key.to_owned(), key, time }
    }

    /// A whole request. Header names are lower-case.
    pub fn request(&self, method: &str, path: &str, query: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let hash = cloudlet_sigv4::payload::sha256(body);
        let mut fields: Vec<(&str, &str)> = vec![("host", &self.host), ("x-amz-content-sha256", hash.as_str()), ("x-amz-date", &self.time)];
        fields.extend(headers);
        fields.sort_unstable();
        let names = fields.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let canonical: String = fields.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("{method}\n{path}\n{query}\n{canonical}\n{names}\n{}", hash.as_str());
        let scope = format!("{}/{REGION}/{}/aws4_request", &self.time[..8], self.service);
        let digest = cloudlet_sigv4::payload::sha256(canonical.as_bytes());
        let signature = self.key.sign(format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", self.time, digest.as_str()).as_bytes());
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let mut request = format!("{method} {target} HTTP/1.1\r\n");
        for (name, value) in fields {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!(
            "authorization: AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}\r\n",
            self.access_key,
            signature.as_str()
        ));
        request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }

    pub fn json(&self, target: &str, body: &str) -> Vec<u8> {
        self.request("POST", "/", "", &[("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)], body.as_bytes())
    }

    pub fn form(&self, body: &str) -> Vec<u8> {
        self.request("POST", "/", "", &[("content-type", "application/x-www-form-urlencoded")], body.as_bytes())
    }

    pub fn caller_identity(host: &str) -> Vec<u8> {
        Signed::new(host, "sts").form("Action=GetCallerIdentity&Version=2011-06-15")
    }
}

/// The same bytes without a signature's meaning, to a path of the bare server that answers `size` bytes.
pub fn bare(of: &[u8], size: usize) -> Vec<u8> {
    let end = memchr::memchr(b'\r', of).expect("a request line");
    let line = std::str::from_utf8(&of[..end]).expect("text");
    let method = line.split(' ').next().expect("a method");
    let mut bytes = format!("{method} /{size} HTTP/1.1").into_bytes();
    bytes.extend_from_slice(&of[end..]);
    bytes
}
