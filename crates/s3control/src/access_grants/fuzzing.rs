//! For the fuzz targets: scopes.

use super::scope::{Scope, of_grant, session_policy};

/// What is granted in a location is in it, and its session policy is a policy.
pub fn scopes(location: &str, sub_prefix: &str) {
    let Some(granted) = of_grant(location, Some(sub_prefix)) else { return };
    let (Some(outer), Some(inner)) = (Scope::parse(location), Scope::parse(&granted)) else { return };
    assert!(outer.covers(&inner) || !location.ends_with('*') && outer.key.is_some(), "{location} {granted}");
    assert!(serde_json::from_str::<serde_json::Value>(&session_policy("aws", &inner, "READWRITE")).is_ok());
}
