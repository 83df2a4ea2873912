//! The parts of a host name: prefix, service, region.
//! <https://docs.aws.amazon.com/general/latest/gr/rande.html>

use cloudlet_aws::Region;
use cloudlet_shape::ServiceSchema;
use std::net::Ipv4Addr;

/// The parts of a host name: `b1.s3.eu-west-1.localhost:4566` is prefix `b1`, service `s3`, region `eu-west-1`;
/// `bucket.localhost` is prefix `bucket`; addresses and unknown hosts have no parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostParts {
    pub prefix: Option<String>,
    /// The service's host label, without `-fips` and region: an endpoint prefix, or a variant of one (`s3-website`).
    pub service: Option<String>,
    pub region: Option<String>,
}

/// The names a server is reached under, and those of its services.
pub(crate) struct Hosts {
    /// Longest first.
    bases: Vec<String>,
    /// Host labels of services, with the endpoint prefix they stand for.
    labels: Vec<(String, &'static str)>,
    /// `sync-`: prefixes of some operations that have no dot.
    openings: Vec<&'static str>,
}

/// AWS: endpoints of their own beside a service's usual one: `s3-website.eu-central-1`, `s3-control`, `kms-fips`.
const VARIANTS: [&str; 7] = ["fips", "website", "accelerate", "accesspoint", "control", "object-lambda", "outposts"];

/// AWS: endpoints that no model names, with the endpoint prefix of the service that they belong to: the channels of Session Manager.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html>
const UNNAMED: [(&str, &str); 1] = [("ssmmessages", "ssm")];

impl Hosts {
    pub(crate) fn new(services: &[&'static ServiceSchema], bases: &[String]) -> Hosts {
        let mut bases: Vec<String> = bases.iter().map(|base| base.trim_matches('.').to_ascii_lowercase()).collect();
        bases.sort_by_key(|base| std::cmp::Reverse(base.len()));
        let mut labels = Vec::new();
        let mut openings = Vec::new();
        for service in services {
            labels.push((service.endpoint_prefix.to_owned(), service.endpoint_prefix));
            // AWS: a namespace keeps the host of a service's first days: SQS is still reached as `eu-west-1.queue.amazonaws.com`.
            let host = service.xml_namespace.split("://").nth(1).and_then(|rest| rest.split(['/', '.']).next());
            labels.extend(host.map(|host| (host.to_owned(), service.endpoint_prefix)));
            let unnamed = UNNAMED.iter().filter(|(_, prefix)| *prefix == service.endpoint_prefix);
            labels.extend(unnamed.map(|(label, _)| ((*label).to_owned(), service.endpoint_prefix)));
            openings.extend(service.operations.iter().map(|operation| operation.host_prefix).filter(|prefix| prefix.ends_with('-')));
        }
        labels.sort_unstable();
        labels.dedup();
        openings.sort_unstable();
        openings.dedup();
        Hosts { bases, labels, openings }
    }

    pub(crate) fn parts(&self, host: &str) -> HostParts {
        // An address has no parts.
        if host.starts_with(|c: char| c.is_ascii_digit()) && without_port(host).parse::<Ipv4Addr>().is_ok() {
            return HostParts::default();
        }
        let host = host.to_ascii_lowercase();
        let host = without_port(&host).trim_end_matches('.');
        let found = self.bare(host);
        if found.prefix.is_none() && found.service.is_some() {
            return found;
        }
        // `sync-localhost`, `stream-logs.eu-west-1.amazonaws.com`: only if it is not ambiguous.
        let opened = self.openings.iter().filter_map(|opening| host.strip_prefix(opening));
        opened
            .map(|rest| (self.is_base(rest), self.bare(rest)))
            .find(|(base, found)| *base || (found.prefix.is_none() && found.service.is_some()))
            .map_or(found, |(_, opened)| opened)
    }

    fn is_base(&self, host: &str) -> bool {
        self.bases.iter().any(|base| base == host)
    }

    fn bare(&self, host: &str) -> HostParts {
        let rest = self.bases.iter().find_map(|base| if host == base { Some("") } else { host.strip_suffix(base.as_str())?.strip_suffix('.') });
        let Some(rest) = rest.filter(|rest| !rest.is_empty()) else { return HostParts::default() };
        let mut labels: Vec<&str> = rest.split('.').collect();
        let mut region = None;
        if let Some(last) = labels.last().filter(|last| Region::is_valid(last)) {
            region = Some((*last).to_owned());
            labels.pop();
        }
        if labels.last() == Some(&"dualstack") {
            labels.pop();
        }
        let Some((service, named)) = labels.last().and_then(|label| self.service(label)) else {
            // No service: all of it is a prefix (`my.bucket.localhost`).
            return HostParts { prefix: Some(rest.to_owned()), ..HostParts::default() };
        };
        labels.pop();
        region = region.or(named);
        // AWS: the older order, `eu-west-1.queue.amazonaws.com`.
        if region.is_none() && labels.len() == 1 && labels.last().is_some_and(|label| Region::is_valid(label)) {
            region = labels.pop().map(str::to_owned);
        }
        HostParts { prefix: (!labels.is_empty()).then(|| labels.join(".")), service: Some(service), region }
    }

    /// The service of a host label, and the region that some labels hold (`s3-us-west-2`, `s3-website-eu-west-1`).
    fn service(&self, label: &str) -> Option<(String, Option<String>)> {
        let known = |label: &str| self.labels.iter().find(|(known, _)| known == label).map(|(_, prefix)| (*prefix).to_owned());
        if let Some(service) = known(label) {
            return Some((service, None));
        }
        let (mut label, mut region) = (label, None);
        for (at, _) in label.match_indices('-') {
            if let (Some(before), Some(after)) = (label.get(..at), label.get(at + 1..))
                && Region::is_valid(after)
            {
                (label, region) = (before, Some(after.to_owned()));
                break;
            }
        }
        let label = label.strip_suffix("-fips").unwrap_or(label);
        if let Some(service) = known(label) {
            return Some((service, region));
        }
        let variant =
            self.labels.iter().filter_map(|(known, _)| label.strip_prefix(known.as_str())?.strip_prefix('-')).any(|rest| VARIANTS.contains(&rest));
        variant.then(|| (label.to_owned(), region))
    }
}

/// `localhost:4566`, `[::1]:4566`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) => {
            name
        }
        _ => host,
    }
}
