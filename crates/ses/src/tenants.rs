//! Tenants: identities, configuration sets and templates that send together, and can be stopped together.
//! <https://docs.aws.amazon.com/ses/latest/dg/tenants.html>

use crate::{
    Ses,
    envelope::Envelope,
    identities,
    refusal::Refusal,
    state::{State, Tenant},
    suppression::List,
};
use cloudlet_aws::{Arn, Scope};
use std::sync::Arc;

/// AWS: unverified message.
pub fn no_tenant(name: &str) -> Refusal {
    Refusal::NotFound(format!("Tenant {name} does not exist."))
}

pub fn arn_of(scope: &Scope, name: &str, id: &str) -> Arn {
    Arn::new("ses", scope, &format!("tenant/{name}/{id}"))
}

/// Letters, digits, hyphens and underscores, at most 64.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(usual) {
        return Ok(());
    }
    // AWS: unverified message.
    Err(Refusal::invalid(format!("Tenant name {name} must only contain alphanumeric characters, hyphens and underscores, at most 64.")))
}

/// The kind of a resource that a tenant can have, as the API names it.
pub fn kind_of(arn: &Arn) -> Option<&'static str> {
    match arn.resource().split_once('/')?.0 {
        "identity" => Some("EMAIL_IDENTITY"),
        "configuration-set" => Some("CONFIGURATION_SET"),
        "template" => Some("EMAIL_TEMPLATE"),
        _ => None,
    }
}

impl State {
    pub fn tenant(&self, scope: &Scope, name: &str) -> Option<&Arc<Tenant>> {
        self.tenants.get(&(scope.clone(), name.to_owned()))
    }

    /// Whether a resource of the account is there.
    pub fn has_resource(&self, scope: &Scope, arn: &Arn) -> bool {
        let Some((kind, name)) = arn.resource().split_once('/') else { return false };
        let key = (scope.clone(), name.to_owned());
        match kind {
            "identity" => self.identity(scope, &identities::name_of(name)).is_some(),
            "configuration-set" => self.configuration_sets.contains(&key),
            "template" => self.templates.contains(&key),
            _ => false,
        }
    }

    /// What a tenant lets be sent for it: with its own resources, while it may send.
    /// AWS: unverified messages.
    pub fn check_tenant(&self, scope: &Scope, envelope: &Envelope) -> Result<(), Refusal> {
        let Some(name) = &envelope.tenant else { return Ok(()) };
        let tenant = self.tenant(scope, name).ok_or_else(|| no_tenant(name))?;
        if tenant.sending_status() == "DISABLED" {
            return Err(Refusal::TenantPaused(name.clone()));
        }
        let names = identities::candidates(&envelope.from.address);
        let is_associated = |resource: String| tenant.resources.contains_key(Arn::new("ses", scope, &resource).as_str());
        let sends = match envelope.source_arn.as_deref() {
            Some(arn) => tenant.resources.contains_key(arn),
            None => names.iter().any(|name| is_associated(format!("identity/{name}"))),
        };
        let missing = |what: String| Refusal::invalid(format!("{what} is not associated with tenant {name}."));
        if !sends {
            return Err(missing(format!("Email identity {}", envelope.from.address)));
        }
        if let Some(set) = envelope.configuration_set.as_ref().filter(|set| !is_associated(format!("configuration-set/{set}"))) {
            return Err(missing(format!("Configuration set {set}")));
        }
        if let Some(template) = envelope.template.as_ref().filter(|template| !is_associated(format!("template/{template}"))) {
            return Err(missing(format!("Template {template}")));
        }
        Ok(())
    }
}

impl Ses {
    pub fn tenant(&self, scope: &Scope, name: &str) -> Result<Arc<Tenant>, Refusal> {
        self.store.read(|state| state.tenant(scope, name).cloned()).ok_or_else(|| no_tenant(name))
    }

    pub fn change_tenant<R>(&self, scope: &Scope, name: &str, change: impl FnOnce(&mut Tenant) -> Result<R, Refusal>) -> Result<R, Refusal> {
        self.store.write(|state| {
            let tenant = state.tenants.get_mut(&(scope.clone(), name.to_owned()));
            change(Arc::make_mut(tenant.ok_or_else(|| no_tenant(name))?))
        })
    }

    /// The list that a call names: that of a tenant, or the account's.
    pub fn list_named(&self, scope: &Scope, tenant: Option<&str>) -> Result<List, Refusal> {
        tenant.map_or(Ok(List::Account), |name| Ok(List::Tenant(self.tenant(scope, name)?.id.clone())))
    }

    /// The ARN of a tenant, for permissions; one that is not there yet has no id.
    pub fn tenant_resource(&self, scope: &Scope, name: &str) -> String {
        let found = self.store.read(|state| state.tenant(scope, name).map(|tenant| tenant.id.clone()));
        format!("tenant/{name}/{}", found.as_deref().unwrap_or("*"))
    }
}
