//! Policies of identities: they let other accounts, or users of the own one, send.
//! <https://docs.aws.amazon.com/ses/latest/dg/sending-authorization-policies.html>

use crate::{identities, limits, refusal::Refusal, state::Identity};
use cloudlet_engine::{Cx, StoredPolicy};
use cloudlet_policy::Kind;
use serde_json::Value;

/// A policy about this identity alone.
pub fn parse(cx: &Cx, identity: &str, text: &str) -> Result<StoredPolicy, Refusal> {
    // AWS: unverified messages.
    if text.len() > limits::POLICY_BYTES {
        return Err(Refusal::InvalidPolicy("The policy is larger than 4 KB.".to_owned()));
    }
    let policy = StoredPolicy::parse(text, Kind::Resource).map_err(|malformed| Refusal::InvalidPolicy(malformed.message.to_string()))?;
    let arn = identities::arn_of(&cx.scope, &identities::name_of(identity));
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    let is_own = |resource: &Value| resource.as_str().is_some_and(|resource| resource.eq_ignore_ascii_case(arn.as_str()));
    for resource in statements.iter().filter_map(|statement| statement.get("Resource")) {
        let all_own = match resource {
            Value::Array(resources) => resources.iter().all(is_own),
            single => is_own(single),
        };
        if !all_own {
            return Err(Refusal::InvalidPolicy(format!("The resource of each statement must be {arn}.")));
        }
    }
    Ok(policy)
}

pub fn put(identity: &mut Identity, name: String, policy: StoredPolicy) -> Result<(), Refusal> {
    if !identity.policies.contains_key(&name) && identity.policies.len() >= limits::POLICIES {
        // AWS: unverified message.
        return Err(Refusal::Limit("The identity has as many policies as it may have.".to_owned()));
    }
    identity.policies.insert(name, policy);
    Ok(())
}
