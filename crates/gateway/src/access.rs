//! Under which names and from which web pages the server is reached. A page of anybody's can send requests to a server on this machine: across
//! sites, or by letting its own name point to 127.0.0.1. So foreign names and origins are refused where they could do harm.

use http::{HeaderMap, HeaderName, Version, header};
use std::net::IpAddr;

/// The names that are certainly this server's.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Those that were given with `--name`.
    pub names: Vec<String>,
}

/// LocalStack's name for 127.0.0.1.
const LOCALSTACK: &str = "localhost.localstack.cloud";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A host name without its port and its last dot, in lower case.
fn name_of(host: &str) -> String {
    let host = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').filter(|(name, _)| !name.contains(':')).map_or(host, |(name, _)| name),
    };
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn is_or_is_below(name: &str, base: &str) -> bool {
    name.strip_suffix(base).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A name that leads to the client's own machine.
fn is_loopback(name: &str) -> bool {
    is_or_is_below(name, "localhost") || is_or_is_below(name, LOCALSTACK) || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `http://localhost:3000` without its scheme.
fn host_of_origin(origin: &str) -> Option<&str> {
    let (scheme, host) = origin.split_once("://")?;
    matches!(scheme, "http" | "https").then_some(host)
}

impl Access {
    /// Whether a name can be no other's: IP addresses, `localhost` and names below it, names of one label, and what the server was given.
    pub fn is_own_host(&self, host: &str) -> bool {
        let name = name_of(host);
        let is_single_label = || !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_loopback(&name) || name.parse::<IpAddr>().is_ok() || is_single_label() || self.names.iter().any(|own| is_or_is_below(&name, own))
    }

    /// Why a request to the admin API is refused: a status and a message.
    pub fn refuse_admin(&self, version: Version, headers: &HeaderMap) -> Option<(u16, String)> {
        let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        match text(&header::HOST) {
            None if version < Version::HTTP_11 => {}
            None => return Some((400, "The request has no Host.".to_owned())),
            Some(host) if self.is_own_host(host) => {}
            Some(host) => {
                let name = name_of(host);
                return Some((
                    403,
                    format!(
                        "The admin API does not answer under the name '{name}', which a web page may have made to lead here. \
                         If the name is yours, start the server with --name {name}."
                    ),
                ));
            }
        }
        let host = text(&header::HOST).unwrap_or_default();
        let is_foreign = |origin: &str| host_of_origin(origin).is_none_or(|origin| !is_same_site(origin, host));
        if text(&header::ORIGIN).is_some_and(is_foreign) || text(&SEC_FETCH_SITE) == Some("cross-site") {
            return Some((403, "The admin API does not answer the pages of other sites.".to_owned()));
        }
        None
    }
}

/// Ports do not tell sites apart, and all loopback names are one machine.
fn is_same_site(one: &str, other: &str) -> bool {
    let (one, other) = (name_of(one), name_of(other));
    one == other || is_loopback(&one) && is_loopback(&other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        Access { names: vec!["cloud.example.test".to_owned()] }
    }

    fn admin(headers: &[(&'static str, &'static str)]) -> u16 {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        access().refuse_admin(Version::HTTP_11, &headers).map_or(200, |(status, _)| status)
    }

    #[test]
    fn names_that_nobody_else_can_own_are_the_servers() {
        for host in [
            "127.0.0.1:4566",
            "10.0.0.7",
            "[::1]:4566",
            "[fe80::1]",
            "localhost",
            "LOCALHOST.:4566",
            "bucket.s3.localhost:4566",
            "cloudlet:4566",
            "localhost.localstack.cloud:4566",
            "sqs.us-east-1.localhost.localstack.cloud",
            "cloud.example.test",
            "s3.cloud.example.test:80",
        ] {
            assert!(access().is_own_host(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:4566",
            "localhost.evil.example",
            "notlocalhost.com",
            "xlocalhost.localstack.cloud",
            "example.test",
            "s3.amazonaws.com",
            "[::1",
            "a b",
        ] {
            assert!(!access().is_own_host(host), "{host}");
        }
    }

    #[test]
    fn the_admin_api_is_not_for_pages_of_other_sites() {
        assert_eq!(admin(&[]), 400);
        assert_eq!(admin(&[("host", "evil.example:4566")]), 403);
        assert_eq!(admin(&[("host", "localhost:4566")]), 200);
        assert_eq!(admin(&[("host", "localhost:4566"), ("origin", "http://localhost:3000")]), 200);
        assert_eq!(admin(&[("host", "10.0.0.7:4566"), ("origin", "http://10.0.0.7:4566")]), 200);
        assert_eq!(admin(&[("host", "10.0.0.7:4566"), ("origin", "http://localhost:4566")]), 403);
        for origin in ["http://evil.example", "null", "", "http://localhost.evil.example:4566", "file://localhost"] {
            assert_eq!(admin(&[("host", "localhost:4566"), ("origin", origin)]), 403, "{origin}");
        }
        assert_eq!(admin(&[("host", "localhost:4566"), ("sec-fetch-site", "cross-site")]), 403);
        assert_eq!(admin(&[("host", "localhost:4566"), ("sec-fetch-site", "none")]), 200);
    }
}
