//! From method, path and query to an operation, by the URI templates of a REST service.
//!
//! The raw path counts: a label is split off first and decoded once, so that keys keep `//`, `..` and `%2F`.

use crate::codec::Labels;
use cloudlet_aws::Head;
use cloudlet_shape::{At, Flags, OperationSchema, ServiceSchema};
use percent_encoding::percent_decode_str;
use std::cmp::Reverse;

/// An operation, with the labels of its path.
#[derive(Clone, Debug)]
pub struct Routed {
    pub operation: &'static OperationSchema,
    pub labels: Labels,
}

/// Why no operation was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The target or action that no operation has; empty if the request names none.
    Operation {
        name: String,
        version: Option<String>,
    },
    /// The path exists, with other methods.
    Method {
        method: String,
        allowed: Vec<&'static str>,
        depth: usize,
    },
    Path {
        path: String,
    },
}

/// The routes of one service.
pub(crate) struct Routes {
    methods: Vec<Method>,
    /// What all their paths begin with, if anything: `/v20180820`.
    opening: String,
}

/// The routes of a method.
struct Method {
    name: &'static str,
    /// The most specific first.
    routes: Vec<Route>,
    /// Those among them that a request without a query may suit: few of many.
    plain: Vec<usize>,
}

impl Method {
    fn candidates(&self, query: &str) -> impl Iterator<Item = &Route> {
        let (all, plain) = if query.is_empty() { ([].as_slice(), self.plain.as_slice()) } else { (self.routes.as_slice(), [].as_slice()) };
        all.iter().chain(plain.iter().filter_map(|index| self.routes.get(*index)))
    }
}

struct Route {
    operation: &'static OperationSchema,
    method: &'static str,
    segments: Vec<Segment>,
    /// The index of the greedy label among them.
    greedy: Option<usize>,
    /// Parameters that must be there, with their value if the template names one.
    query: Vec<(&'static str, &'static str)>,
    /// Parameters and headers of required members: they tell UploadPart from PutObject.
    parameters: Vec<&'static str>,
    headers: Vec<(String, Flags)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Literal(&'static str),
    Label(&'static str),
    Greedy(&'static str),
}

/// How well a request matches an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Suitability {
    /// Something that the operation requires in query or headers is missing.
    Lacking,
    Full,
}

impl Routes {
    pub(crate) fn of(service: &'static ServiceSchema) -> Routes {
        let places =
            |operation: &&'static OperationSchema| std::iter::once((operation.method, operation.uri)).chain(operation.earlier.iter().copied());
        let of = |operation: &&'static OperationSchema| {
            let operation = *operation;
            places(&operation).map(|(method, uri)| Route::of(operation, method, uri)).collect::<Vec<_>>()
        };
        let mut routes: Vec<Route> = service.operations.iter().flat_map(of).collect();
        routes.sort_by_key(|route| {
            // Of two operations at one place, the fuller one is the current one, the other deprecated (S3's GetBucketLifecycle).
            let members = route.operation.input.members.len() + route.operation.output.members.len();
            Reverse((route.literals(), route.query.len(), route.parameters.len() + route.headers.len(), members))
        });
        let mut methods: Vec<Method> = Vec::new();
        for route in routes {
            let name = route.method;
            let method = match methods.iter_mut().find(|method| method.name == name) {
                Some(method) => method,
                None => methods.push_mut(Method { name, routes: Vec::new(), plain: Vec::new() }),
            };
            if route.query.is_empty() {
                method.plain.push(method.routes.len());
            }
            method.routes.push(route);
        }
        let first = |(_, uri): (&'static str, &'static str)| uri.split(['/', '?']).nth(1).filter(|first| !first.starts_with('{'));
        let mut firsts = service.operations.iter().flat_map(places).map(first);
        let opening = firsts.next().flatten().filter(|opening| firsts.all(|first| first == Some(opening)));
        Routes { methods, opening: opening.map(|opening| format!("/{opening}")).unwrap_or_default() }
    }

    /// The operation that matches best.
    pub(crate) fn find(&self, head: &Head<'_>, path: &str, prefixed: Prefixed) -> Option<Routed> {
        let (route, _) = self.best(head, path, prefixed)?;
        Some(Routed { operation: route.operation, labels: route.labels(path)? })
    }

    /// How well the best operation fits, and how literally its path is named.
    pub(crate) fn fit(&self, head: &Head<'_>, prefixed: Prefixed) -> Option<(Suitability, usize)> {
        self.best(head, head.path, prefixed).map(|(route, fit)| (fit, route.literals()))
    }

    /// Whether a path begins as all paths of the service do.
    pub(crate) fn may_suit(&self, path: &str) -> bool {
        path.starts_with(&self.opening) || path.contains('%')
    }

    fn best(&self, head: &Head<'_>, path: &str, prefixed: Prefixed) -> Option<(&Route, Suitability)> {
        if !self.may_suit(path) {
            return None;
        }
        let method = self.methods.iter().find(|method| method.name == head.method)?;
        let mut lacking = None;
        for route in method.candidates(head.query).filter(|route| route.suits_query(head) && route.suits_path(path)) {
            match route.fit(head, prefixed) {
                Suitability::Full => return Some((route, Suitability::Full)),
                Suitability::Lacking => lacking = lacking.or(Some((route, Suitability::Lacking))),
            }
        }
        lacking
    }

    pub(crate) fn unknown(&self, head: &Head<'_>, path: &str) -> Unknown {
        let suits = |method: &&Method| method.routes.iter().any(|route| route.suits_query(head) && route.labels(path).is_some());
        let mut allowed: Vec<&'static str> = self.methods.iter().filter(suits).map(|method| method.name).collect();
        allowed.sort_unstable();
        if allowed.is_empty() {
            Unknown::Path { path: path.to_owned() }
        } else {
            Unknown::Method { method: head.method.to_owned(), allowed, depth: segments(path).count() }
        }
    }
}

/// Whether the host had a label before the service's name; it may stand for a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefixed {
    Yes,
    No,
}

/// The segments of a raw path. One slash at the end does not count.
fn segments(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').filter(move |_| !path.is_empty())
}

impl Route {
    fn of(operation: &'static OperationSchema, method: &'static str, uri: &'static str) -> Route {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let segments = segments(path).map(|segment| match segment.strip_prefix('{').and_then(|label| label.strip_suffix('}')) {
            Some(label) => label.strip_suffix('+').map_or(Segment::Label(label), Segment::Greedy),
            None => Segment::Literal(segment),
        });
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let query: Vec<_> = query.collect();
        let required = operation.input.members.iter().filter(|member| member.required());
        let (mut parameters, mut headers) = (Vec::new(), Vec::new());
        for member in required {
            match member.at {
                At::Query => parameters.push(member.wire),
                // `?attributes` means GetObjectAttributes, whatever else is missing.
                At::Header if query.is_empty() => headers.push((member.wire.to_ascii_lowercase(), member.flags)),
                _ => {}
            }
        }
        let segments: Vec<Segment> = segments.collect();
        let greedy = segments.iter().position(|segment| matches!(segment, Segment::Greedy(_)));
        Route { operation, method, segments, greedy, query, parameters, headers }
    }

    fn literals(&self) -> usize {
        self.segments.iter().filter(|segment| matches!(segment, Segment::Literal(_))).count()
    }

    fn suits_query(&self, head: &Head<'_>) -> bool {
        self.query.is_empty()
            || !head.query.is_empty()
                && self.query.iter().all(|(name, value)| {
                    // AWS: of several parameters with one name the first counts.
                    let first = head.raw_query().find(|(key, _)| is_named(key, name));
                    first.is_some_and(|(_, found)| value.is_empty() || found == *value)
                })
    }

    fn fit(&self, head: &Head<'_>, prefixed: Prefixed) -> Suitability {
        let in_host = |flags: Flags| flags.has(Flags::HOST_LABEL) && prefixed == Prefixed::Yes;
        let full = self.parameters.iter().all(|name| head.raw_query().any(|(key, _)| is_named(key, name)))
            && self.headers.iter().all(|(name, flags)| in_host(*flags) || head.header(name).is_some());
        if full { Suitability::Full } else { Suitability::Lacking }
    }

    /// The values of the labels, if the path suits the template and they are text.
    fn labels(&self, path: &str) -> Option<Labels> {
        let mut labels = Vec::new();
        self.walk(path, |name, text| {
            labels.push((name, decode(text)?));
            Some(())
        })?;
        Some(Labels(labels))
    }

    fn suits_path(&self, path: &str) -> bool {
        self.walk(path, |_, _| Some(())).is_some()
    }

    /// Visits the labels of a path, undecoded, if the path suits the template.
    fn walk<'p>(&self, path: &'p str, mut visit: impl FnMut(&'static str, &'p str) -> Option<()>) -> Option<()> {
        let mut rest = path.strip_prefix('/')?;
        let (before, after) = match self.greedy {
            Some(at) => (self.segments.get(..at)?, self.segments.get(at + 1..)?),
            None => {
                rest = rest.strip_suffix('/').unwrap_or(rest);
                (self.segments.as_slice(), [].as_slice())
            }
        };
        let mut ended = rest.is_empty();
        for segment in before {
            if ended {
                return None;
            }
            let (first, later) = match memchr::memchr(b'/', rest.as_bytes()) {
                Some(at) => (rest.get(..at)?, rest.get(at + 1..)?),
                None => {
                    ended = true;
                    (rest, "")
                }
            };
            rest = later;
            segment.take(first, &mut visit)?;
        }
        if let Some(Segment::Greedy(name)) = self.greedy.and_then(|at| self.segments.get(at)) {
            for segment in after.iter().rev() {
                let (earlier, last) = rest.rsplit_once('/')?;
                rest = earlier;
                segment.take(last, &mut visit)?;
            }
            if ended || rest.is_empty() {
                return None;
            }
            return visit(name, rest);
        }
        ended.then_some(())
    }
}

impl Segment {
    fn take<'p>(&self, text: &'p str, visit: &mut impl FnMut(&'static str, &'p str) -> Option<()>) -> Option<()> {
        match self {
            Segment::Literal(literal) => (*literal == text || text.contains('%') && decode(text)? == *literal).then_some(()),
            Segment::Label(_) | Segment::Greedy(_) if text.is_empty() => None,
            Segment::Label(name) | Segment::Greedy(name) => visit(name, text),
        }
    }
}

/// Whether a parameter, still percent-encoded, has a name.
fn is_named(key: &str, name: &str) -> bool {
    key == name || key.contains('%') && decode(key).as_deref() == Some(name)
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}
