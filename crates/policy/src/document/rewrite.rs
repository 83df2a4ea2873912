//! Replaces principals in the text of a policy and nothing else.

use crate::json::{Object, elements, offset, text};
use serde_json::value::RawValue;
use std::ops::Range;

/// Replaces values of `AWS` principals, and leaves every other byte as it is. `None` from `replace` keeps a value.
///
/// AWS: a saved policy holds the unique ids of its users and roles (`AROA…`), so that a namesake created later does not
/// inherit; it is shown with ARNs as long as the principal exists, and with the bare id afterwards.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
pub fn rewrite_principals(policy: &str, mut replace: impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(policy.len());
    let mut done = 0;
    for (range, value) in sites(policy).unwrap_or_default() {
        if let Some(new) = replace(&value) {
            out.push_str(policy.get(done..range.start).unwrap_or_default());
            out.push_str(&serde_json::Value::from(new).to_string());
            done = range.end;
        }
    }
    out.push_str(policy.get(done..).unwrap_or_default());
    out
}

/// The positions of the strings, in order.
fn sites(policy: &str) -> Option<Vec<(Range<usize>, String)>> {
    let list = |raw: &'_ RawValue| if raw.get().starts_with('[') { elements(raw).is_some() } else { false };
    let mut sites = Vec::new();
    let top = Object::of(serde_json::from_str(policy).ok()?)?;
    let statements = top.get("Statement")?;
    let statements = if list(statements) { elements(statements)? } else { vec![statements] };
    for statement in statements {
        let statement = Object::of(statement)?;
        for principal in ["Principal", "NotPrincipal"].into_iter().filter_map(|element| statement.get(element)) {
            let Some(values) = Object::of(principal).and_then(|types| types.get("AWS")) else { continue };
            let values = if list(values) { elements(values)? } else { vec![values] };
            for value in values {
                let start = offset(policy, value.get());
                sites.push((start..start + value.get().len(), text(value)?));
            }
        }
    }
    sites.sort_by_key(|(range, _)| range.start);
    Some(sites)
}
