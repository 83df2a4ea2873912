//! Names, ARNs and URLs of queues.

use crate::{faults, limits};
use cloudlet_aws::{Account, Arn, Fault, Region, cut};
use cloudlet_engine::Cx;

/// The parts of a QueueUrl. Missing parts are those of the call.
#[derive(Debug, PartialEq, Eq)]
pub struct Address<'a> {
    pub region: Option<&'a str>,
    pub account: Option<Account>,
    pub name: &'a str,
}

impl<'a> Address<'a> {
    /// Reads a QueueUrl. Its host may be any, since clients store URLs and reach the server by other names. Accepted are
    /// `scheme://host/account/name`, hosts `sqs.region.…`, `region.queue.…` and `queue.…`, paths `/queue/region/account/name`,
    /// a bare path, and a bare name.
    pub fn parse(url: &'a str) -> Option<Address<'a>> {
        let (host, path) = match cut::split_once(url, b':').and_then(|(_, rest)| rest.strip_prefix("//")) {
            Some(rest) => cut::split_once(rest, b'/')?,
            None => ("", url),
        };
        let mut rest = path.get(..memchr::memchr2(b'?', b'#', path.as_bytes()).unwrap_or(path.len()))?;
        let mut segment = || {
            while !rest.is_empty() {
                let (before, last) = cut::rsplit_once(rest, b'/').unwrap_or(("", rest));
                rest = before;
                if !last.is_empty() {
                    return Some(last);
                }
            }
            None
        };
        let name = segment()?;
        let (account, region) = (segment(), segment());
        // AWS: a bare name is a queue of the caller's account (recorded).
        let Some(account) = account else {
            return Some(Address { region: None, account: None, name }).filter(|_| host.is_empty());
        };
        let account = Account::parse(account)?;
        let in_path = region.filter(|region| Region::is_valid(region) && segment() == Some("queue"));
        Some(Address { region: in_path.or_else(|| region_of(host)), account: Some(account), name })
    }
}

/// The region that a host of SQS names.
fn region_of(host: &str) -> Option<&str> {
    let (first, rest) = cut::split_once(host, b'.')?;
    let second = rest.get(..memchr::memchr2(b'.', b':', rest.as_bytes()).unwrap_or(rest.len()))?;
    match (first, second) {
        // The service's own name, or a legacy one: https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
        ("sqs" | "sqs-fips" | "queue", region) | (region, "queue") => Some(region).filter(|region| Region::is_valid(region)),
        _ => None,
    }
}

/// The ARN, as text, of the queue with this URL.
pub fn resolve(cx: &Cx, url: &str) -> Result<String, Fault> {
    // A query request may be sent to the queue's URL, and then needs no QueueUrl.
    let url = if url.is_empty() { cx.origin.path.as_deref().unwrap_or_default() } else { url };
    if url.is_empty() {
        return Err(faults::missing("QueueUrl"));
    }
    // AWS: a URL that is not a queue's is the URL of a queue that does not exist.
    let Address { region, account, name } = Address::parse(url).ok_or_else(faults::no_such_queue)?;
    if region.is_some_and(|region| region != cx.scope.region.as_str()) {
        return Err(faults::INVALID_ADDRESS.says(format!("The address {url} is not valid for this endpoint.")));
    }
    let (partition, region, account) = (cx.scope.partition(), cx.scope.region.as_str(), account.unwrap_or(cx.scope.account));
    Ok(["arn:", partition, ":sqs:", region, ":", account.as_str(), ":", name].concat())
}

pub fn arn(cx: &Cx, account: Account, name: &str) -> Arn {
    Arn::build(cx.scope.partition(), "sqs", cx.scope.region.as_str(), account.as_str(), name)
}

/// The form of the queue URLs in answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urls {
    /// `http://localhost:4566/000000000000/q`: the address that the client used.
    #[default]
    Endpoint,
    /// `http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000000/q`, as AWS's own.
    Standard,
    /// `http://eu-west-1.queue.localhost.localstack.cloud:4566/000000000000/q`, as AWS's older ones; without a region for us-east-1.
    Domain,
    /// `http://localhost:4566/queue/eu-west-1/000000000000/q`
    Path,
}

/// Replaces an IP address or `localhost`, which have no subdomains. It resolves to 127.0.0.1 everywhere.
const WILDCARD_NAME: &str = "localhost.localstack.cloud";

impl Urls {
    /// The URL of a queue, for this client.
    pub fn of(self, cx: &Cx, arn: &Arn) -> String {
        let endpoint = cx.endpoint().trim_end_matches('/');
        let (scheme, host) = endpoint.split_once("://").unwrap_or(("http", endpoint));
        let (account, region, name) = (arn.account(), arn.region(), arn.resource());
        match self {
            Urls::Endpoint => format!("{endpoint}/{account}/{name}"),
            Urls::Path => format!("{endpoint}/queue/{region}/{account}/{name}"),
            Urls::Standard => format!("{scheme}://sqs.{region}.{}/{account}/{name}", base(host)),
            Urls::Domain if region == "us-east-1" => format!("{scheme}://queue.{}/{account}/{name}", base(host)),
            Urls::Domain => format!("{scheme}://{region}.queue.{}/{account}/{name}", base(host)),
        }
    }
}

/// A host without the labels of SQS, with its port.
fn base(host: &str) -> String {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => (name, Some(port)),
        _ => (host, None),
    };
    let labels: Vec<&str> = name.split('.').collect();
    let base = match labels.as_slice() {
        ["sqs", region, rest @ ..] if Region::is_valid(region) => rest,
        [region, "queue", rest @ ..] if Region::is_valid(region) => rest,
        ["queue", rest @ ..] => rest,
        all => all,
    };
    let is_address = name.starts_with('[') || base.iter().all(|label| label.bytes().all(|digit| digit.is_ascii_digit()));
    let name = if is_address || base == ["localhost"] { WILDCARD_NAME.to_owned() } else { base.join(".") };
    port.map_or_else(|| name.clone(), |port| format!("{name}:{port}"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Standard,
    Fifo,
}

/// Checks a new queue's name.
pub fn check_name(name: &str, kind: Kind) -> Result<(), Fault> {
    let stem = match kind {
        Kind::Standard => Some(name),
        Kind::Fifo => name.strip_suffix(".fifo"),
    };
    let valid = stem.is_some_and(|stem| {
        !stem.is_empty() && name.len() <= limits::QUEUE_NAME && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    });
    if valid {
        return Ok(());
    }
    Err(faults::INVALID_PARAMETER_VALUE.says(match kind {
        Kind::Standard => "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        Kind::Fifo => {
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length."
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Option<(Option<&str>, Option<String>, &str)> {
        Address::parse(url).map(|address| (address.region, address.account.map(|account| account.to_string()), address.name))
    }

    #[test]
    fn every_url_form_of_clients_is_read() {
        let account = || Some("000000000000".to_owned());
        for (url, region) in [
            ("http://localhost:4566/000000000000/q", None),
            ("https://127.0.0.1/000000000000/q", None),
            ("http://my.proxy.example/some/prefix/000000000000/q", None),
            ("https://sqs.eu-west-1.amazonaws.com/000000000000/q", Some("eu-west-1")),
            ("http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000000/q", Some("eu-west-1")),
            ("https://us-gov-east-1.queue.amazonaws.com/000000000000/q", Some("us-gov-east-1")),
            ("http://queue.localhost:4566/000000000000/q", None),
            ("http://queue.amazonaws.com/000000000000/q", None),
            ("http://localhost:4566/queue/eu-west-1/000000000000/q", Some("eu-west-1")),
            ("/000000000000/q", None),
            ("000000000000/q", None),
        ] {
            assert_eq!(parse(url), Some((region, account(), "q")), "{url}");
        }
        assert_eq!(parse("q.fifo"), Some((None, None, "q.fifo")));
    }

    #[test]
    fn other_urls_are_refused() {
        for url in ["http://localhost:4566", "http://localhost:4566/", "http://localhost:4566/q", "http://localhost/12/q", "", "/", "://"] {
            assert_eq!(parse(url), None, "{url}");
        }
    }

    #[test]
    fn a_fifo_suffix_is_required_for_fifo_queues_alone() {
        let long = "n".repeat(81);
        for (name, standard, fifo) in [
            ("my-queue_1", true, false),
            ("my-queue.fifo", false, true),
            (".fifo", false, false),
            ("my queue", false, false),
            ("", false, false),
            (long.as_str(), false, false),
            ("ü", false, false),
        ] {
            assert_eq!(check_name(name, Kind::Standard).is_ok(), standard, "{name}");
            assert_eq!(check_name(name, Kind::Fifo).is_ok(), fifo, "{name}");
        }
    }
}
