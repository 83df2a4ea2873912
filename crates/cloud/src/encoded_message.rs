//! The encoded authorization message of EC2's denials, which `sts:DecodeAuthorizationMessage` decodes.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html>

use cloudlet_engine::{Ids, Permission, RequestContext};
use cloudlet_identity::messages;
use serde_json::json;

/// The context of a denial in the form of AWS's decoded message, encrypted so that only this server can read it.
pub(crate) fn encode(ids: &Ids, cx: &RequestContext, permission: &Permission, reason: &str) -> String {
    let items: Vec<_> = permission
        .keys
        .iter()
        .map(|(key, values)| json!({"key": key, "values": {"items": values.iter().map(|value| json!({"value": &**value})).collect::<Vec<_>>()}}))
        .collect();
    let decoded = json!({
        "allowed": false,
        "explicitDeny": reason.starts_with("with an explicit deny"),
        "matchedStatements": {"items": []},
        "failures": {"items": []},
        "context": {
            "principal": {"id": &*cx.caller.unique_id, "arn": &*cx.caller.arn},
            "action": permission.action,
            "resource": permission.resource.as_str(),
            "conditions": {"items": items},
        },
    });
    messages::encode(ids, &decoded.to_string())
}
