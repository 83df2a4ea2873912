//! The canonical request and the string to sign, built from the raw head and not from what the server parsed of it.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use crate::{Claim, Flavor, Location, escape, payload};
use cloudlet_aws::{Head, cut};
use smallvec::SmallVec;
use std::borrow::Cow;

/// One way to write a canonical request. Clients differ in small things, so those of [`Form::of`] are tried in order.
/// INVARIANT: no two requests that mean different things have a common form, or a signature would cover both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    path: PathForm,
    query: QueryForm,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PathForm {
    /// S3: the path as it was sent.
    #[default]
    Raw,
    /// S3: decoded and encoded once, for clients that escape less on the wire than in the signature.
    Anew,
    /// Other services: dot segments resolved, then the sent path encoded once more.
    Normalized,
    /// The same without resolving: some SDKs can be told to.
    Twice,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum QueryForm {
    /// Decoded, encoded, sorted.
    #[default]
    Anew,
    /// Sorted as it was sent: what botocore does with a URL that came with a query.
    Raw,
}

impl Form {
    /// The forms a signature may cover; the first is AWS's own, and the one errors show.
    pub fn of(flavor: Flavor) -> &'static [Form] {
        const fn form(path: PathForm, query: QueryForm) -> Form {
            Form { path, query }
        }
        const S3: [Form; 4] = [
            form(PathForm::Raw, QueryForm::Anew),
            form(PathForm::Anew, QueryForm::Anew),
            form(PathForm::Raw, QueryForm::Raw),
            form(PathForm::Anew, QueryForm::Raw),
        ];
        const OTHER: [Form; 5] = [
            form(PathForm::Normalized, QueryForm::Anew),
            form(PathForm::Twice, QueryForm::Anew),
            form(PathForm::Normalized, QueryForm::Raw),
            form(PathForm::Twice, QueryForm::Raw),
            // Only for paths without an escape, see `push_path`.
            form(PathForm::Raw, QueryForm::Anew),
        ];
        match flavor {
            Flavor::S3 => &S3,
            Flavor::Other => &OTHER,
        }
    }

    pub(crate) fn is_raw_at_others(self, flavor: Flavor) -> bool {
        flavor == Flavor::Other && self.path == PathForm::Raw
    }
}

/// The parts of a claim that the canonical request depends on.
#[derive(Clone, Copy)]
pub(crate) struct Covered<'a> {
    pub signed_headers: &'a str,
    pub location: Location,
}

impl<'a> Covered<'a> {
    pub fn by(claim: &'a Claim<'_>) -> Covered<'a> {
        Covered { signed_headers: &claim.signed_headers, location: claim.location }
    }
}

/// The canonical request of a head, in one form. `payload_hash` is its last line.
pub(crate) fn request(head: &Head<'_>, covered: Covered<'_>, payload_hash: &str, form: Form) -> String {
    let mut out = String::with_capacity(512 + head.path.len() + head.query.len());
    out.push_str(head.method);
    out.push('\n');
    push_path(head.path, form.path, &mut out);
    out.push('\n');
    push_query(head, covered.location, form.query, &mut out);
    out.push('\n');
    push_headers(head, covered.signed_headers, &mut out);
    out.push('\n');
    out.push_str(covered.signed_headers);
    out.push('\n');
    out.push_str(payload_hash);
    out
}

/// The string to sign of a canonical request.
pub(crate) fn string_to_sign(algorithm: &str, date: &str, scope: &str, request: &str) -> String {
    let hash = payload::sha256(request.as_bytes());
    let mut out = String::with_capacity(algorithm.len() + date.len() + scope.len() + 67);
    for line in [algorithm, date, scope] {
        out.push_str(line);
        out.push('\n');
    }
    out.push_str(&hash);
    out
}

fn push_path(path: &str, form: PathForm, out: &mut String) {
    if path.is_empty() {
        out.push('/');
        return;
    }
    match form {
        PathForm::Raw => out.push_str(path),
        PathForm::Anew => escape::push_path_anew(path, out),
        PathForm::Twice => escape::push_path(path.as_bytes(), out),
        PathForm::Normalized if !path.contains("//") && !path.contains("/.") => escape::push_path(path.as_bytes(), out),
        PathForm::Normalized => escape::push_path(resolve(path).as_bytes(), out),
    }
}

/// A path without `.`, `..` and empty segments.
fn resolve(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in &segments {
        out.push('/');
        out.push_str(segment);
    }
    // `/a/.` ends in a slash as `/a/` does.
    if segments.is_empty() || ["/", "/.", "/.."].iter().any(|end| path.ends_with(end)) {
        out.push('/');
    }
    out
}

fn push_query(head: &Head<'_>, location: Location, form: QueryForm, out: &mut String) {
    if head.query.is_empty() {
        return;
    }
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = head
        .raw_query()
        .filter(|(name, _)| location != Location::Query || *name != "X-Amz-Signature")
        .map(|(name, value)| match form {
            QueryForm::Anew => (escape::canonical_component(name), escape::canonical_component(value)),
            QueryForm::Raw => (Cow::Borrowed(name), Cow::Borrowed(value)),
        })
        .collect();
    // By name, then by value: `a=` comes before `a-b=`, unlike in an order of whole pairs.
    pairs.sort_unstable();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
}

fn push_headers(head: &Head<'_>, signed: &str, out: &mut String) {
    let mut fields: SmallVec<[(&str, &str); 24]> = SmallVec::new();
    head.headers.each(&mut |name, value| fields.push((name, value)));
    let small: Cow<'_, str> = if any(signed, |byte| byte.is_ascii_uppercase()) { signed.to_ascii_lowercase().into() } else { signed.into() };
    for name in cut::split(&small, b';') {
        out.push_str(name);
        out.push(':');
        let mut first = true;
        for (_, value) in fields.iter().filter(|(field, _)| *field == name) {
            if !first {
                out.push(',');
            }
            first = false;
            push_folded(value, out);
        }
        out.push('\n');
    }
}

/// Whether any byte matches; without a branch, so that many are compared together.
fn any(text: &str, such: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(false, |found, byte| found | such(byte))
}

/// A header value trimmed, its runs of white space one space each.
fn push_folded(value: &str, out: &mut String) {
    let value = value.trim_ascii();
    if !any(value, |byte| byte <= b' ') || !any(value, |byte| byte < b' ') && !value.contains("  ") {
        return out.push_str(value);
    }
    for (at, word) in value.split_ascii_whitespace().enumerate() {
        if at > 0 {
            out.push(' ');
        }
        out.push_str(word);
    }
}

#[cfg(test)]
mod tests;
