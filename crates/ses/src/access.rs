//! The permissions that calls need, and the policies of identities that let other accounts send.
//! <https://docs.aws.amazon.com/ses/latest/dg/sending-authorization.html>

use crate::{Ses, envelope::Envelope, identities, state::Identity};
use cloudlet_aws::{Arn, Scope};
use cloudlet_engine::{Cx, Document, Permission, Permissions, Policy};
use cloudlet_policy::Kind;
use cloudlet_shape::Operation;
use serde_json::{Value, json};

/// For an operation that is not about one resource.
pub fn any<O: Operation>(cx: &Cx) -> Permission {
    Permission { owner: Some(cx.scope.account), ..Permission::of::<O>(Arn::any()) }.with_key("ses:ApiVersion", version::<O>())
}

fn version<O: Operation>() -> &'static str {
    if O::SCHEMA.service.name == "ses" { "1" } else { "2" }
}

/// For an operation on a resource: `identity/example.com`.
pub fn resource<O: Operation>(cx: &Cx, resource: &str) -> Permission {
    Permission::of::<O>(Arn::new("ses", &cx.scope, resource)).with_key("ses:ApiVersion", version::<O>())
}

pub fn identity<O: Operation>(ses: &Ses, cx: &Cx, name: &str) -> Permission {
    let name = identities::name_of(name);
    let permission = resource::<O>(cx, &format!("identity/{name}"));
    match ses.identity(&cx.scope, &name) {
        Some(identity) => permission.with_resource_tags(identity.tags.iter().map(|(key, value)| (key, value.clone()))),
        None => permission,
    }
}

/// All policies of an identity as one. The evaluator gets one for each resource.
fn policy_of(identity: &Identity, arn: &Arn) -> Option<Policy> {
    let statements: Vec<Value> = identity
        .policies
        .values()
        .filter_map(|policy| serde_json::from_str::<Value>(&policy.text).ok())
        .filter_map(|policy| policy.get("Statement").cloned())
        .flat_map(|statements| match statements {
            Value::Array(statements) => statements,
            single => vec![single],
        })
        .collect();
    if statements.is_empty() {
        return None;
    }
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    Some(Policy { name: arn.as_str().into(), document: Document::stored(&text, Kind::Resource) })
}

/// What a mail needs: its sender's identity, its configuration set, its template.
pub fn sending<O: Operation>(ses: &Ses, cx: &Cx, action: &'static str, envelope: &Envelope) -> Permissions {
    let (scope, name) = ses.sender(cx, envelope);
    let arn = identities::arn_of(&scope, &name);
    let mut permission = Permission::action(action, arn.clone()).with_key("ses:ApiVersion", version::<O>());
    permission.keys.set("ses:FromAddress", envelope.from.address.clone());
    if let Some(name) = &envelope.from.name {
        permission.keys.set("ses:FromDisplayName", name.clone());
    }
    permission.keys.set_many("ses:Recipients", envelope.recipients().map(str::to_owned));
    permission.keys.set("ses:FeedbackAddress", envelope.feedback_address().to_owned());
    if let Some(tenant) = &envelope.tenant {
        permission.keys.set("ses:TenantName", tenant.clone());
    }
    if let Some(identity) = ses.identity(&scope, &name) {
        permission = permission.with_resource_tags(identity.tags.iter().map(|(key, value)| (key, value.clone())));
        permission = permission.with_policy(policy_of(&identity, &arn));
    }
    let further = |resource: String| Permission {
        resource: Arn::new("ses", &cx.scope, &resource),
        owner: Some(cx.scope.account),
        resource_policy: None,
        ..permission.clone()
    };
    let set = envelope.configuration_set.as_ref().map(|set| further(format!("configuration-set/{set}")));
    let template = envelope.template.as_ref().map(|template| further(format!("template/{template}")));
    std::iter::once(permission.clone()).chain(set).chain(template).collect()
}

impl Ses {
    /// The identity that sends: the one that `SourceArn` names, the one that the address belongs to, or the address itself.
    pub fn sender(&self, cx: &Cx, envelope: &Envelope) -> (Scope, String) {
        if let Some(named) = envelope.source_arn.as_deref().and_then(identities::of_arn) {
            return named;
        }
        let address = &envelope.from.address;
        let found = self.store.read(|state| state.identity_of(&cx.scope, address).map(|(name, _)| name));
        (cx.scope.clone(), found.unwrap_or_else(|| identities::name_of(address)))
    }
}
