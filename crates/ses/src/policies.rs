//! Policies of identities: they let other accounts, or users of the own one, send.
//! <https://docs.aws.amazon.com/ses/latest/dg/sending-authorization-policies.html>

use crate::{
    identities, limits,
    refusal::{INVALID_PARAMETER_VALUE, Refusal},
    state::Identity,
};
use cloudlet_api_sesv2::faults as v2;
use cloudlet_engine::{Cx, StoredPolicy};
use cloudlet_policy::Kind;
use serde_json::Value;

/// A policy about this identity alone.
pub fn parse(cx: &Cx, identity: &str, text: &str) -> Result<StoredPolicy, Refusal> {
    // AWS: unverified messages.
    if text.len() > limits::POLICY_BYTES {
        return Err(Refusal::InvalidPolicy("The policy is larger than 4 KB.".to_owned()));
    }
    // AWS: measured, that a policy is shown without its blanks.
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let compact = if document.is_object() { document.to_string() } else { text.to_owned() };
    let policy = StoredPolicy::parse(&compact, Kind::Resource).map_err(|malformed| Refusal::InvalidPolicy(malformed.message.to_string()))?;
    let arn = identities::arn_of(&cx.scope, &identities::name_of(identity));
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

/// Its length is checked by the model. AWS: measured (<https://github.com/floci-io/floci>, `SesPolicyService.java`).
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.trim().is_empty() {
        return Err(Refusal::invalid("PolicyName is required."));
    }
    if name.bytes().all(usual) {
        return Ok(());
    }
    Err(Refusal::invalid("PolicyName is invalid. Policy names must only include alpha-numeric characters, dashes, and underscores."))
}

pub fn put(identity: &mut Identity, of: &str, name: String, policy: StoredPolicy) -> Result<(), Refusal> {
    if !identity.policies.contains_key(&name) && identity.policies.len() >= limits::POLICIES {
        // AWS: measured, with the code of each API.
        let message = format!("Number of policies for <{of}> exceeds max allowed number of policies per resource");
        return Err(Refusal::As { v1: INVALID_PARAMETER_VALUE, v2: v2::LIMIT_EXCEEDED, message });
    }
    identity.policies.insert(name, policy);
    Ok(())
}
