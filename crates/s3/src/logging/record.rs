//! One line of an access log, with its 27 fields.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>

use crate::{owners, state::Bucket};
use cloudlet_aws::{Caller, Identity, Timestamp};
use cloudlet_engine::{Origin, SignatureKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a line says beside the bucket.
#[derive(Clone, Debug, Default)]
pub struct Record<'a> {
    pub time: Timestamp,
    pub remote_ip: Option<String>,
    pub requester: Option<String>,
    pub request_id: &'a str,
    /// `REST.GET.OBJECT`
    pub operation: String,
    pub key: Option<String>,
    /// `GET /bucket/key?acl HTTP/1.1`
    pub request_uri: Option<String>,
    pub status: Option<u16>,
    pub error_code: Option<String>,
    pub bytes_sent: Option<u64>,
    pub object_size: Option<u64>,
    pub total_millis: Option<u128>,
    pub turn_around_millis: Option<u128>,
    pub referer: Option<String>,
    pub user_agent: Option<String>,
    pub version_id: Option<String>,
    pub host_id: Option<String>,
    pub signature_version: Option<&'static str>,
    pub cipher_suite: Option<&'static str>,
    pub authentication: Option<&'static str>,
    pub host: Option<String>,
    pub tls_version: Option<&'static str>,
    pub access_point: Option<String>,
    pub acl_required: Option<&'static str>,
}

fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned())
}

/// A quoted field. What could end it is escaped.
fn quoted(value: Option<&String>) -> String {
    match value {
        Some(text) if !text.is_empty() => format!("\"{}\"", text.replace('"', "%22").replace(['\r', '\n'], " ")),
        _ => "\"-\"".to_owned(),
    }
}

/// A field that is not quoted has no white space.
fn plain(value: Option<&String>) -> String {
    or_dash(value.map(|text| text.replace(char::is_whitespace, "_")))
}

/// The key as a URL has it.
fn encoded_key(key: Option<&String>) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b'~');
    or_dash(key.map(|key| utf8_percent_encode(key, ESCAPED)))
}

impl Record<'_> {
    /// What a request's origin says.
    #[must_use]
    pub fn with_origin(self, origin: &Origin) -> Self {
        Record {
            remote_ip: origin.source_ip.map(|address| address.to_string()),
            referer: origin.referer.as_ref().map(ToString::to_string),
            user_agent: origin.user_agent.as_ref().map(ToString::to_string),
            host_id: origin.host_id.as_ref().map(ToString::to_string),
            signature_version: origin.signed.map(|signed| if signed.version == "AWS" { "SigV2" } else { "SigV4" }),
            authentication: origin.signed.and_then(|signed| match signed.kind {
                SignatureKind::Header => Some("AuthHeader"),
                SignatureKind::Query => Some("QueryString"),
                SignatureKind::Post => None,
            }),
            cipher_suite: origin.tls.map(|session| session.cipher_suite),
            tls_version: origin.tls.map(|session| session.version),
            ..self
        }
    }

    pub fn line(&self, name: &str, bucket: &Bucket) -> String {
        [
            owners::canonical_id(bucket.owner),
            name.to_owned(),
            format!("[{}]", log_time(self.time)),
            or_dash(self.remote_ip.as_ref()),
            plain(self.requester.as_ref()),
            self.request_id.to_owned(),
            self.operation.clone(),
            encoded_key(self.key.as_ref()),
            quoted(self.request_uri.as_ref()),
            or_dash(self.status),
            or_dash(self.error_code.as_ref()),
            or_dash(self.bytes_sent),
            or_dash(self.object_size),
            or_dash(self.total_millis),
            or_dash(self.turn_around_millis),
            quoted(self.referer.as_ref()),
            quoted(self.user_agent.as_ref()),
            plain(self.version_id.as_ref()),
            or_dash(self.host_id.as_ref()),
            or_dash(self.signature_version),
            or_dash(self.cipher_suite),
            or_dash(self.authentication),
            plain(self.host.as_ref()),
            or_dash(self.tls_version),
            or_dash(self.access_point.as_ref()),
            or_dash(self.acl_required),
            bucket.region.to_string(),
        ]
        .join(" ")
    }
}

/// The requester as the log names it: the canonical id of an account, the ARN of everybody else.
pub fn requester(caller: &Caller) -> Option<String> {
    match (&caller.identity, caller.account) {
        (Identity::Anonymous, _) => None,
        (Identity::Root, Some(account)) => Some(owners::canonical_id(account)),
        (Identity::Service { principal, .. }, _) => Some(format!("svc:{principal}")),
        _ => Some(caller.arn.to_string()),
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `06/Feb/2019:00:00:38 +0000`
fn log_time(time: Timestamp) -> String {
    let text = time.text(cloudlet_aws::TimestampFormat::DateTime);
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let month = part(5..7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?)).copied().unwrap_or_default();
    format!("{}/{month}/{}:{} +0000", part(8..10), part(0..4), part(11..19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_a_web_server() {
        assert_eq!(log_time(Timestamp::from_secs(1_549_411_238)), "06/Feb/2019:00:00:38 +0000");
    }

    #[test]
    fn nothing_a_client_sends_adds_a_field() {
        assert_eq!(quoted(Some(&"a\" \"b\n".to_owned())), "\"a%22 %22b \"");
        assert_eq!(encoded_key(Some(&"a b/ü".to_owned())), "a%20b/%C3%BC");
        assert_eq!((quoted(None), plain(Some(&"a b".to_owned()))), ("\"-\"".into(), "a_b".into()));
    }
}
