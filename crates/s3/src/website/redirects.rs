//! Where the rules of a website lead.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-page-redirect.html>

use crate::api;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a path may have as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

pub fn escaped(key: &str) -> String {
    utf8_percent_encode(key, ESCAPED).to_string()
}

/// The first rule for a key: before anything is read those without an error code, afterwards those with the code of the error.
pub fn rule<'r>(rules: &'r [api::RoutingRule], key: &str, status: Option<u16>) -> Option<&'r api::RoutingRule> {
    rules.iter().find(|rule| {
        let condition = rule.condition.as_ref();
        let prefix = condition.and_then(|condition| condition.key_prefix_equals.as_deref()).unwrap_or_default();
        let code = condition.and_then(|condition| condition.http_error_code_returned_equals.as_deref());
        key.starts_with(prefix) && code.map(str::parse) == status.map(Ok)
    })
}

/// The path that a rule leads to, escaped. AWS: what replaces a key is sent as it was put, and may have a query of its own.
pub fn target(rule: &api::RoutingRule, key: &str) -> String {
    let prefix = rule.condition.as_ref().and_then(|condition| condition.key_prefix_equals.as_deref()).unwrap_or_default();
    let redirect = &rule.redirect;
    match (&redirect.replace_key_with, &redirect.replace_key_prefix_with) {
        (Some(key), _) => key.clone(),
        (None, Some(replacement)) => format!("{replacement}{}", escaped(key.strip_prefix(prefix).unwrap_or(key))),
        (None, None) => escaped(key),
    }
}
