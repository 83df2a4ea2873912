//! Recognizes service and operation of a request: the service from the head alone where possible.

use crate::{
    HostParts, Labels,
    host::Hosts,
    route::{Prefixed, Routed, Routes, Unknown},
};
use cloudlet_aws::{Fault, FaultKind, Head, cut, signing_names};
use cloudlet_shape::{OperationSchema, Protocol, ServiceSchema};
use foldhash::HashMap;
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;
use std::borrow::Cow;

/// Knows the services and the names under which this server is reached.
pub struct Recognizer {
    services: Vec<Known>,
    hosts: Hosts,
}

struct Known {
    service: &'static ServiceSchema,
    operations: HashMap<&'static str, &'static OperationSchema>,
    /// Of REST services.
    routes: Option<Routes>,
}

/// A service, the protocol of the request, and the parts of its host name.
#[derive(Clone, Debug)]
pub struct Recognized {
    pub service: &'static ServiceSchema,
    pub protocol: Protocol,
    pub host: HostParts,
}

/// A service of AWS that this server does not have.
#[derive(Debug, PartialEq, Eq)]
pub struct Absent<'a> {
    /// As signatures name it: `dynamodb`.
    pub name: Cow<'a, str>,
    pub reads: ErrorForm,
}

/// How a client reads an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorForm {
    Json,
    Xml,
    /// <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>
    Cbor,
}

impl Unknown {
    /// The protocol's own error for it.
    pub fn fault(&self, of: &Recognized) -> Fault {
        match (self, of.protocol) {
            (Unknown::Operation { name, .. }, Protocol::AwsJson10 | Protocol::AwsJson11) => {
                // AWS: without a target there is not even a service: 404.
                let status = if name.is_empty() { 404 } else { 400 };
                FaultKind::sender("UnknownOperationException", status).says("")
            }
            // AWS: recorded at SQS, whose query form outlives its move to JSON.
            (Unknown::Operation { name, .. }, Protocol::Query) if name.is_empty() && of.service.protocol != Protocol::Query => {
                FaultKind::sender("UnknownOperationException", 404).says("")
            }
            // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
            (Unknown::Operation { name, .. }, _) if name.is_empty() => {
                FaultKind::sender("MissingAction", 400).says("The request is missing an action or operation parameter.")
            }
            (Unknown::Operation { name, .. }, Protocol::Ec2Query) => {
                FaultKind::sender("InvalidAction", 400).says(format!("The action {name} is not valid for this web service."))
            }
            // AWS: so says SQS, whose query form outlives its move to JSON (seen at https://github.com/XervoIO/aws-sqs/issues/1).
            (Unknown::Operation { name, .. }, Protocol::Query) if of.service.protocol != Protocol::Query => {
                FaultKind::sender("InvalidAction", 400).says(format!("The action {name} is not valid for this endpoint."))
            }
            (Unknown::Operation { name, version }, _) => {
                let version = version.as_deref().unwrap_or("NO_VERSION_SPECIFIED");
                FaultKind::sender("InvalidAction", 400).says(format!("Could not find operation {name} for version {version}"))
            }
            (Unknown::Method { method, allowed, depth }, Protocol::RestXml) => {
                let resource = ["SERVICE", "BUCKET"].get(*depth).unwrap_or(&"OBJECT");
                FaultKind::sender("MethodNotAllowed", 405)
                    .says("The specified method is not allowed against this resource.")
                    .with("Method", method.clone())
                    .with("ResourceType", *resource)
                    .with_header("allow", allowed.join(", "))
            }
            (Unknown::Path { path }, Protocol::RestXml) => {
                FaultKind::sender("InvalidURI", 400).says("Couldn't parse the specified URI.").with("URI", path.clone())
            }
            (Unknown::Method { allowed, .. }, _) => {
                FaultKind::sender("MethodNotAllowedException", 405).says("").with_header("allow", allowed.join(", "))
            }
            (Unknown::Path { .. }, _) => FaultKind::sender("UnknownOperationException", 404).says(""),
        }
    }
}

impl Recognizer {
    /// `bases`: the names under which the server is reached, without ports: `localhost`, `amazonaws.com`.
    pub fn new(services: &[&'static ServiceSchema], bases: &[String]) -> Recognizer {
        let known = services.iter().map(|service| Known {
            service,
            operations: service.operations.iter().map(|operation| (operation.name, *operation)).collect(),
            routes: is_rest(service.protocol).then(|| Routes::of(service)),
        });
        Recognizer { services: known.collect(), hosts: Hosts::new(services, bases) }
    }

    /// The service of AWS that a request is signed for, if this server does not have it.
    pub fn absent<'h>(&self, head: &Head<'h>) -> Option<Absent<'h>> {
        let name = signing_name(head).filter(|name| self.is_absent(name))?;
        let reads = match head.header("smithy-protocol") {
            Some("rpc-v2-cbor") => ErrorForm::Cbor,
            _ if is_form(head) || parameter(head.query, "Action").is_some() || signing_names::reads_xml(&name) => ErrorForm::Xml,
            _ => ErrorForm::Json,
        };
        Some(Absent { name, reads })
    }

    fn is_absent(&self, signing_name: &str) -> bool {
        signing_names::is_of_aws(signing_name) && self.services.iter().all(|known| known.service.signing_name != signing_name)
    }

    /// The service, from the head alone. `None`: the form is needed, or the service is unknown or absent.
    ///
    /// In this order: the JSON target, the signature's scope, the host, the action in the URL, and at last the path.
    pub fn service(&self, head: &Head<'_>) -> Option<Recognized> {
        let host = head.header("host").map(|name| self.hosts.parts(name)).unwrap_or_default();
        if let Some((prefix, _)) = head.header("x-amz-target").and_then(|target| cut::rsplit_once(target, b'.'))
            && !prefix.is_empty()
            && let Some(known) = self.services.iter().find(|known| known.service.target_prefix == prefix)
        {
            return Some(Recognized { service: known.service, protocol: known.service.protocol, host });
        }
        let scope = signing_name(head);
        let label = host.service.as_deref();
        let all = || -> Candidates<'_> { self.services.iter().collect() };
        let signed = scope.as_deref().and_then(|scope| some(self.services.iter().filter(|known| scope == known.service.signing_name).collect()));
        let candidates = match signed {
            Some(signed) => by_host(&signed, label).or(Some(signed)),
            None => label.and_then(|_| by_host(&all(), label)),
        };
        if candidates.is_none() && scope.is_some_and(|scope| self.is_absent(&scope)) {
            return None;
        }
        let choice = if candidates.is_some() { Choice::Narrowed } else { Choice::Open };
        let candidates = candidates.unwrap_or_else(all);
        let prefixed = if host.prefix.is_some() { Prefixed::Yes } else { Prefixed::No };
        self.among(&candidates, head, prefixed, choice).map(|(service, protocol)| Recognized { service, protocol, host })
    }

    /// Chooses a service by the form of the request.
    fn among(&self, candidates: &[&Known], head: &Head<'_>, prefixed: Prefixed, choice: Choice) -> Option<(&'static ServiceSchema, Protocol)> {
        let spoken = |known: &Known, wanted: fn(Protocol) -> bool| {
            [known.service.protocol].iter().chain(known.service.also).copied().find(|protocol| wanted(*protocol))
        };
        let action = parameter(head.query, "Action");
        if action.is_some() || is_form(head) {
            let speakers: Vec<(&Known, Protocol)> =
                candidates.iter().filter_map(|known| spoken(known, is_query).map(|protocol| (*known, protocol))).collect();
            let version = parameter(head.query, "Version");
            let named = action.as_deref().and_then(|action| by_action(&speakers, action, version.as_deref()));
            if let Some((known, protocol)) = named.or(speakers.first().copied().filter(|_| choice == Choice::Narrowed)) {
                return Some((known.service, protocol));
            }
            if is_form(head) && head.method == "POST" && choice == Choice::Open {
                return None;
            }
        }
        let json = head.header("content-type").is_some_and(|kind| kind.starts_with("application/x-amz-json"));
        if json || head.header("x-amz-target").is_some() {
            let speaker = candidates.iter().find_map(|known| spoken(known, is_json).map(|protocol| (known.service, protocol)));
            if let Some(speaker) = speaker.filter(|_| choice == Choice::Narrowed) {
                return Some(speaker);
            }
        }
        // Most paths are of one candidate alone, and the operation finds the route later.
        if let Some(only) = only(candidates.iter().filter(|known| known.routes.as_ref().is_none_or(|routes| routes.may_suit(head.path))))
            && choice == Choice::Narrowed
            && only.routes.is_some()
            && only.service.also.is_empty()
        {
            return Some((only.service, only.service.protocol));
        }
        let routed = candidates.iter().filter_map(|known| Some((known.routes.as_ref()?.fit(head, prefixed)?, known.service)));
        // The first of equals: candidates are in their given order.
        let best = routed.reduce(|best, other| if other.0 > best.0 { other } else { best });
        if let Some((_, service)) = best {
            return Some((service, service.protocol));
        }
        // No route matches. The service with the fewest literals in its paths takes the request: at AWS that is S3.
        let rest = candidates.iter().filter(|known| known.routes.is_some()).map(|known| known.service);
        let catcher = rest.min_by_key(|service| service.operations.iter().map(|operation| literal_length(operation.uri)).min());
        let first = candidates.first().map(|known| known.service).filter(|_| choice == Choice::Narrowed);
        let protocol = |service: &ServiceSchema| {
            let query = service.also.iter().copied().find(|protocol| is_query(*protocol) && !json);
            query.unwrap_or(service.protocol)
        };
        catcher.or(first).map(|service| (service, protocol(service)))
    }

    /// The service of an unsigned form to a general host, by its `Action` and `Version`.
    pub fn service_of_form(&self, head: &Head<'_>, form: &[u8]) -> Option<Recognized> {
        let form = std::str::from_utf8(form).ok()?;
        let action = parameter(form, "Action").or_else(|| parameter(head.query, "Action"))?;
        let version = parameter(form, "Version").or_else(|| parameter(head.query, "Version"));
        let speakers: Vec<(&Known, Protocol)> = self
            .services
            .iter()
            .filter_map(|known| Some((known, [known.service.protocol].iter().chain(known.service.also).copied().find(|p| is_query(*p))?)))
            .collect();
        let (known, protocol) = by_action(&speakers, &action, version.as_deref())?;
        let host = head.header("host").map(|name| self.hosts.parts(name)).unwrap_or_default();
        Some(Recognized { service: known.service, protocol, host })
    }

    /// The operation. `path` may differ from the head's (virtual-hosted S3 is rewritten to path style first);
    /// `form` is the body of a query-protocol request.
    pub fn operation(&self, of: &Recognized, head: &Head<'_>, path: &str, form: Option<&[u8]>) -> Result<Routed, Unknown> {
        let nothing = || Unknown::Path { path: path.to_owned() };
        let known = self.services.iter().find(|known| known.service.name == of.service.name).ok_or_else(nothing)?;
        let named = |name: &str, version: Option<String>| {
            let operation = known.operations.get(name).copied();
            operation
                .map(|operation| Routed { operation, labels: Labels::default() })
                .ok_or_else(|| Unknown::Operation { name: name.to_owned(), version })
        };
        match of.protocol {
            Protocol::AwsJson10 | Protocol::AwsJson11 => {
                let target = head.header("x-amz-target").unwrap_or_default();
                match cut::rsplit_once(target, b'.') {
                    Some((prefix, name)) if prefix == of.service.target_prefix => named(name, None),
                    _ => Err(Unknown::Operation { name: target.to_owned(), version: None }),
                }
            }
            Protocol::Query | Protocol::Ec2Query => {
                let form = form.and_then(|form| std::str::from_utf8(form).ok()).unwrap_or_default();
                let find = |name| parameter(form, name).or_else(|| parameter(head.query, name)).map(Cow::into_owned);
                let version = find("Version");
                let action = find("Action").unwrap_or_default();
                // AWS: EC2 answers to all its older versions, the others to one. Links in mails have none.
                let suits = of.protocol == Protocol::Ec2Query || version.as_deref().is_none_or(|version| version == of.service.version);
                if suits { named(&action, version) } else { Err(Unknown::Operation { name: action, version }) }
            }
            Protocol::RestJson | Protocol::RestXml => {
                let routes = known.routes.as_ref().ok_or_else(nothing)?;
                let prefixed = if of.host.prefix.is_some() { Prefixed::Yes } else { Prefixed::No };
                routes.find(head, path, prefixed).ok_or_else(|| routes.unknown(head, path))
            }
        }
    }
}

/// Whether signature or host narrow the services down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Narrowed,
    Open,
}

/// The services of a host label.
fn by_host<'k>(of: &[&'k Known], label: Option<&str>) -> Option<Candidates<'k>> {
    let label = label?;
    let exact = some(of.iter().copied().filter(|known| known.service.endpoint_prefix == label).collect());
    // A host of its own beside the usual one: `s3-website`.
    let variant = |known: &&Known| label.strip_prefix(known.service.endpoint_prefix).is_some_and(|rest| rest.starts_with('-'));
    exact.or_else(|| some(of.iter().copied().filter(variant).collect()))
}

/// The service that has an action, in its version if one is given; else the service of that version.
fn by_action<'k>(speakers: &[(&'k Known, Protocol)], action: &str, version: Option<&str>) -> Option<(&'k Known, Protocol)> {
    let of_version = |(known, _): &&(&Known, Protocol)| version.is_none_or(|version| version == known.service.version);
    let has = |(known, _): &&(&Known, Protocol)| known.operations.contains_key(action);
    let both = speakers.iter().filter(of_version).find(has);
    both.or_else(|| speakers.iter().find(has)).or_else(|| version.and_then(|_| speakers.iter().find(of_version))).copied()
}

/// The services that a request may be for. Signatures leave one or two.
type Candidates<'k> = SmallVec<[&'k Known; 4]>;

fn some(list: Candidates<'_>) -> Option<Candidates<'_>> {
    (!list.is_empty()).then_some(list)
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    items.next().filter(|_| items.next().is_none())
}

fn is_rest(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::RestJson | Protocol::RestXml)
}

fn is_query(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Query | Protocol::Ec2Query)
}

fn is_json(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::AwsJson10 | Protocol::AwsJson11)
}

fn is_form(head: &Head<'_>) -> bool {
    const FORM: &str = "application/x-www-form-urlencoded";
    head.header("content-type").is_some_and(|kind| kind.trim_start().get(..FORM.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(FORM)))
}

fn literal_length(uri: &str) -> usize {
    uri.split(['/', '?']).filter(|segment| !segment.starts_with('{')).map(str::len).sum()
}

/// The value of a parameter, decoded.
fn parameter<'a>(form: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let pairs = cut::split(form.trim_end_matches(['\r', '\n']), b'&');
    let mut pairs = pairs.map(|pair| cut::split_once(pair, b'=').unwrap_or((pair, "")));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    percent_decode_str(value).decode_utf8().ok()
}

/// The service in the scope of a signature: `Credential=AKID/20261124/eu-west-1/sqs/aws4_request`, in a header or a parameter.
/// The scope of SigV4A has no region, and SigV2 has no scope.
fn signing_name<'a>(head: &Head<'a>) -> Option<Cow<'a, str>> {
    let scope = match head.header("authorization").filter(|authorization| authorization.starts_with("AWS4-")) {
        Some(authorization) => Cow::Borrowed(credential(authorization)?),
        None => parameter(head.query, "X-Amz-Credential")?,
    };
    match scope {
        Cow::Borrowed(scope) => last_but_one(scope).map(Cow::Borrowed),
        Cow::Owned(scope) => last_but_one(&scope).map(|name| Cow::Owned(name.to_owned())),
    }
}

fn credential(authorization: &str) -> Option<&str> {
    const NAME: &str = "Credential=";
    let at = memchr::memmem::find(authorization.as_bytes(), NAME.as_bytes())?;
    let rest = authorization.get(at + NAME.len()..)?;
    rest.get(..memchr::memchr2(b',', b' ', rest.as_bytes()).unwrap_or(rest.len()))
}

fn last_but_one(scope: &str) -> Option<&str> {
    let (before, _) = cut::rsplit_once(scope, b'/')?;
    Some(cut::rsplit_once(before, b'/').map_or(before, |(_, last)| last))
}
