//! The Principal element: `"*"`, or an object of types with one or many values each.

use crate::Named;
use crate::json::{Object, text, texts};
use crate::malformed::{Malformed, Reason};
use serde_json::value::RawValue;

pub(super) fn named(raw: &RawValue) -> Result<Vec<Named>, Malformed> {
    let invalid = |message: String| Malformed::new(Reason::Principal, message);
    if raw.get().starts_with('"') {
        return match text(raw).as_deref() {
            Some("*") => Ok(vec![Named::Everyone]),
            other => Err(invalid(format!("Invalid principal in policy: \"{}\"", other.unwrap_or_default()))),
        };
    }
    let object = Object::of(raw).ok_or_else(|| Malformed { reason: Reason::Principal, ..Malformed::syntax() })?;
    let mut out = Vec::new();
    for (key, values) in object.0 {
        let values = texts(values).ok_or_else(|| Malformed { reason: Reason::Principal, ..Malformed::syntax() })?;
        for value in values {
            let named = match key.as_str() {
                "AWS" => Named::aws(&value),
                "Service" => is_service(&value).then(|| Named::Service(value.as_str().into())),
                "Federated" => is_provider(&value).then(|| Named::Federated(value.as_str().into())),
                "CanonicalUser" => is_canonical_user(&value).then(|| Named::CanonicalUser(value.as_str().into())),
                _ => return Err(invalid(format!("Invalid principal in policy: \"{key}\""))),
            };
            // AWS: the type is in capitals here, as in `"SERVICE":"codepipeiine.amazonaws.com"`.
            out.push(named.ok_or_else(|| invalid(format!("Invalid principal in policy: \"{}\":\"{value}\"", key.to_uppercase())))?);
        }
    }
    if out.is_empty() {
        return Err(invalid("Missing required field Principal cannot be empty!".to_owned()));
    }
    Ok(out)
}

/// The domains of service principals, in each of AWS's partitions and inside of AWS.
const DOMAINS: [&str; 6] = ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov", "aws.internal"];

/// The form of a service principal. AWS also checks that the service exists.
fn is_service(name: &str) -> bool {
    let label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let in_domain = DOMAINS.iter().any(|domain| name.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')));
    name == "*" || (in_domain && name.split('.').all(label))
}

fn is_provider(name: &str) -> bool {
    let arn = |name: &str| name.contains(":saml-provider/") || name.contains(":oidc-provider/");
    !name.is_empty() && !name.contains('?') && (!name.starts_with("arn:") || arn(name)) && (name == "*" || !name.contains('*'))
}

fn is_canonical_user(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric())
}
