//! Suppression lists: the account's, and those of tenants that have one of their own.
//! <https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html>

use crate::{
    addresses, limits,
    refusal::Refusal,
    state::{ConfigurationSet, State, Suppressed, Tenant},
};
use cloudlet_aws::Scope;

/// Whose list is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    Account,
    /// The id of the tenant.
    Tenant(String),
}

/// How an address is on a list: its domain without case, and what is before it as it is written.
/// AWS: measured (<https://github.com/floci-io/floci>, `SesSuppressionService.java`).
pub fn entry(address: &str) -> String {
    addresses::normalized(address.trim())
}

/// The list that decides about a mail: a configuration set may say another than the tenant that the mail is sent for.
pub fn list_for(set: Option<&ConfigurationSet>, tenant: Option<&Tenant>) -> List {
    let Some(tenant) = tenant else { return List::Account };
    let is_own = match set.and_then(|set| set.suppression_scope.as_deref()) {
        Some(scope) => scope == "TENANT",
        None => tenant.has_own_list,
    };
    if is_own { List::Tenant(tenant.id.clone()) } else { List::Account }
}

impl State {
    /// For which reasons a mail is not sent: those of the configuration set, of the tenant, or of the account.
    pub fn suppressed_reasons(&self, scope: &Scope, set: Option<&ConfigurationSet>, tenant: Option<&Tenant>) -> Vec<String> {
        let of_set = set.and_then(|set| set.suppressed_reasons.clone());
        let of_tenant = || tenant.filter(|tenant| tenant.has_own_list).and_then(|tenant| tenant.suppressed_reasons.clone());
        let of_account = || self.accounts.get(scope).and_then(|account| account.suppressed_reasons.clone());
        of_set.or_else(of_tenant).or_else(of_account).unwrap_or_else(|| vec!["BOUNCE".into(), "COMPLAINT".into()])
    }

    pub fn suppressed(&self, scope: &Scope, list: &List, address: &str) -> Option<&Suppressed> {
        match list {
            List::Account => self.suppressed.get(&(scope.clone(), entry(address))),
            List::Tenant(id) => self.tenant_suppressed.get(&(scope.clone(), id.clone(), entry(address))),
        }
    }

    pub fn suppress(&mut self, scope: &Scope, list: &List, address: &str, row: Suppressed) -> Result<(), Refusal> {
        // A list that is counted anew for each of a hundred thousand addresses would take its time.
        let is_full = match list {
            List::Account => self.suppressed.len() >= limits::SUPPRESSED,
            List::Tenant(_) => self.tenant_suppressed.len() >= limits::SUPPRESSED,
        };
        if is_full && self.suppressed(scope, list, address).is_none() {
            return Err(Refusal::Limit("The suppression list is full.".to_owned()));
        }
        match list {
            List::Account => self.suppressed.insert((scope.clone(), entry(address)), row),
            List::Tenant(id) => self.tenant_suppressed.insert((scope.clone(), id.clone(), entry(address)), row),
        }
        Ok(())
    }

    pub fn unsuppress(&mut self, scope: &Scope, list: &List, address: &str) -> Option<Suppressed> {
        match list {
            List::Account => self.suppressed.remove(&(scope.clone(), entry(address))),
            List::Tenant(id) => self.tenant_suppressed.remove(&(scope.clone(), id.clone(), entry(address))),
        }
    }

    /// The addresses of a list after one.
    pub fn suppressed_rows<'t>(
        &'t self,
        scope: &'t Scope,
        list: &'t List,
        after: Option<String>,
    ) -> Box<dyn Iterator<Item = (&'t str, &'t Suppressed)> + 't> {
        match list {
            List::Account => Box::new(State::rows(&self.suppressed, scope, after)),
            List::Tenant(id) => {
                let first = (scope.clone(), id.clone(), after.clone().unwrap_or_default());
                let rows = self.tenant_suppressed.range(first..).take_while(move |((of, tenant, _), _)| of == scope && tenant == id);
                Box::new(
                    rows.skip_while(move |((_, _, address), _)| after.as_ref() == Some(address))
                        .map(|((_, _, address), row)| (address.as_str(), row)),
                )
            }
        }
    }

    /// Forgets the list of a tenant that is deleted.
    pub fn forget_list(&mut self, scope: &Scope, id: &str) {
        let first = (scope.clone(), id.to_owned(), String::new());
        let keys: Vec<_> = self
            .tenant_suppressed
            .range(first..)
            .take_while(|((of, tenant, _), _)| of == scope && tenant == id)
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            self.tenant_suppressed.remove(&key);
        }
    }
}
