//! Under which names and from which web pages the server is reached. A page of anybody's can send requests to a server on this machine: across
//! sites, or by letting its own name point to 127.0.0.1. So foreign names and origins are refused where they could do harm.

use http::{HeaderMap, HeaderName, header};
use std::net::IpAddr;

/// What the server was told about its names, and about pages that may use it.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The names given with `--name`. Nobody else owns them.
    pub own_names: Vec<String>,
    /// All names under which clients reach AWS's services: `amazonaws.com` is one.
    pub names: Vec<String>,
    /// Origins of web pages that may call AWS's services: `https://app.example.com`, `null`, or `*`.
    pub origins: Vec<String>,
}

/// The web page behind a request, by its `Origin` or by other signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page<'a> {
    /// The request is not known to come from a page.
    None,
    /// The page may use the server.
    Allowed(&'a str),
    Foreign(&'a str),
    /// The browser says that a page of another site caused the request, and not which.
    CrossSite,
    /// The browser uses a name that may be anybody's.
    ForeignHost(&'a str),
}

/// LocalStack's name for 127.0.0.1.
const LOCALSTACK: &str = "localhost.localstack.cloud";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The text of a field; one that is no text matches nothing.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

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
        is_loopback(&name) || name.parse::<IpAddr>().is_ok() || is_single_label() || self.own_names.iter().any(|own| is_or_is_below(&name, own))
    }

    /// Why a request to the admin API is refused.
    pub fn refuse_admin(&self, headers: &HeaderMap) -> Option<String> {
        let host = text(headers, &header::HOST).unwrap_or_default();
        if !host.is_empty() && !self.is_own_host(host) {
            let name = name_of(host);
            return Some(format!(
                "The admin API does not answer under the name '{name}', which a web page may have made to lead here. \
                 If the name is yours, start the server with --name {name}."
            ));
        }
        let is_foreign = |origin: &str| host_of_origin(origin).is_none_or(|origin| !is_same_site(origin, host));
        if text(headers, &header::ORIGIN).is_some_and(is_foreign) || text(headers, &SEC_FETCH_SITE) == Some("cross-site") {
            return Some("The admin API does not answer the pages of other sites.".to_owned());
        }
        None
    }

    /// The page behind a request to AWS.
    pub fn page<'h>(&self, headers: &'h HeaderMap) -> Page<'h> {
        if let Some(origin) = text(headers, &header::ORIGIN) {
            return if self.allows(origin, headers) { Page::Allowed(origin) } else { Page::Foreign(origin) };
        }
        // Requests without an origin are those of programs, but also those for images, of links, and of a page to its own site.
        if text(headers, &SEC_FETCH_SITE) == Some("cross-site") {
            let from = text(headers, &header::REFERER).and_then(|referer| referer.get(..referer.match_indices('/').nth(2)?.0));
            return if from.is_some_and(|origin| self.allows(origin, headers)) { Page::None } else { Page::CrossSite };
        }
        match text(headers, &header::HOST) {
            Some(host) if is_browser(headers) && !self.is_known_host(host) => Page::ForeignHost(host),
            _ => Page::None,
        }
    }

    fn is_known_host(&self, host: &str) -> bool {
        let name = name_of(host);
        self.is_own_host(host) || self.names.iter().any(|known| is_or_is_below(&name, known))
    }

    /// Whether the server was told that pages of the origin may use all of it.
    pub fn names_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    }

    fn allows(&self, origin: &str, headers: &HeaderMap) -> bool {
        if self.names_origin(origin) {
            return true;
        }
        let Some(from) = host_of_origin(origin) else { return false };
        let name = name_of(from);
        let is_own_name = || self.own_names.iter().any(|own| is_or_is_below(&name, own));
        // A page that this server has given out.
        let is_same = || text(headers, &header::HOST).is_some_and(|host| host.eq_ignore_ascii_case(from) && self.is_own_host(host));
        is_loopback(&name) || is_own_name() || is_same()
    }
}

/// All browsers call themselves so, and scripts in pages cannot change it in most of them.
fn is_browser(headers: &HeaderMap) -> bool {
    text(headers, &header::USER_AGENT).is_some_and(|agent| agent.starts_with("Mozilla/"))
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
        Access {
            own_names: vec!["cloud.example.test".to_owned()],
            names: vec!["amazonaws.com".to_owned(), "cloud.example.test".to_owned()],
            origins: vec!["https://app.example.com".to_owned()],
        }
    }

    fn fields(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn names_that_can_be_no_others_are_the_servers() {
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
        let others = ["", "evil.example:4566", "localhost.evil.example", "notlocalhost.com", "xlocalhost.localstack.cloud", "example.test"];
        for host in others.into_iter().chain(["s3.amazonaws.com", "[::1", "a b"]) {
            assert!(!access().is_own_host(host), "{host}");
        }
    }

    #[test]
    fn the_admin_api_is_not_for_pages_of_other_sites() {
        let admits = |list: &[(&'static str, &str)]| access().refuse_admin(&fields(list)).is_none();
        assert!(admits(&[("host", "localhost:4566")]));
        assert!(!admits(&[("host", "evil.example:4566")]));
        assert!(admits(&[("host", "localhost:4566"), ("origin", "http://localhost:3000")]));
        assert!(admits(&[("host", "10.0.0.7:4566"), ("origin", "http://10.0.0.7:4566")]));
        assert!(!admits(&[("host", "10.0.0.7:4566"), ("origin", "http://localhost:4566")]));
        // What may call AWS need not see the state of all services.
        for origin in ["http://evil.example", "null", "", "http://localhost.evil.example:4566", "file://localhost", "https://app.example.com"] {
            assert!(!admits(&[("host", "localhost:4566"), ("origin", origin)]), "{origin}");
        }
        assert!(!admits(&[("host", "localhost:4566"), ("sec-fetch-site", "cross-site")]));
        assert!(admits(&[("host", "localhost:4566"), ("sec-fetch-site", "none")]));
    }

    #[test]
    fn pages_under_development_and_allowed_ones_may_call_aws() {
        let page = |host: &str, origin: &str| match access().page(&fields(&[("host", host), ("origin", origin)])) {
            Page::Allowed(_) => true,
            Page::Foreign(_) => false,
            other => panic!("{other:?}"),
        };
        for origin in ["http://localhost:3000", "https://app.localhost", "http://127.0.0.1:8080", "http://[::1]", "https://APP.example.com"] {
            assert!(page("localhost:4566", origin), "{origin}");
        }
        assert!(page("localhost:4566", "http://site.cloud.example.test"));
        assert!(page("192.168.0.7:4566", "http://192.168.0.7:4566") && page("cloudlet:4566", "http://cloudlet:4566"));
        for origin in [
            "http://evil.example",
            "null",
            "https://bucket.s3.amazonaws.com",
            "http://app.example.com",
            "https://app.example.com:444",
            "http://192.168.0.8",
        ] {
            assert!(!page("localhost:4566", origin), "{origin}");
        }
        // The page's own name was made to lead here.
        assert!(!page("evil.example:4566", "http://evil.example:4566"));
    }

    #[test]
    fn requests_without_an_origin_are_told_from_those_of_other_sites() {
        let page = |list: &[(&'static str, &str)]| match access().page(&fields(list)) {
            Page::None => "none",
            Page::CrossSite => "cross-site",
            Page::ForeignHost(_) => "foreign host",
            Page::Allowed(_) | Page::Foreign(_) => "origin",
        };
        assert_eq!(page(&[("host", "my.server:4566"), ("user-agent", "Boto3/1.40")]), "none");
        assert_eq!(page(&[("host", "evil.example:4566"), ("user-agent", "Mozilla/5.0")]), "foreign host");
        for host in ["localhost:4566", "192.168.0.7", "bucket.s3.amazonaws.com", "s3.cloud.example.test"] {
            assert_eq!(page(&[("host", host), ("user-agent", "Mozilla/5.0")]), "none", "{host}");
        }
        let cross_site = ("sec-fetch-site", "cross-site");
        assert_eq!(page(&[("host", "localhost:4566"), cross_site]), "cross-site");
        assert_eq!(page(&[("host", "localhost:4566"), cross_site, ("referer", "https://app.example.com/page")]), "none");
        assert_eq!(page(&[("host", "localhost:4566"), cross_site, ("referer", "https://app.example.com.evil.example/")]), "cross-site");
        assert_eq!(page(&[("host", "localhost:4566"), ("sec-fetch-site", "same-site")]), "none");
    }
}
