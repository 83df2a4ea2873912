//! Policy documents in requests: parsing, quotas, and the principals of trust policies.

use crate::{Iam, faults::limit_exceeded, limits};
use cloudlet_api_iam::faults::MALFORMED_POLICY_DOCUMENT;
use cloudlet_aws::{Account, ArnParts, Fault};
use cloudlet_identity::{State, StoredPolicy, policy_size};
use cloudlet_policy::{Kind, Named};

pub(crate) fn malformed(message: impl Into<String>) -> Fault {
    MALFORMED_POLICY_DOCUMENT.says(message)
}

pub(crate) fn parse_identity_policy(text: &str) -> Result<StoredPolicy, Fault> {
    StoredPolicy::parse(text, Kind::Identity).map_err(|error| malformed(error.message))
}

pub(crate) fn parse_managed_policy(text: &str) -> Result<StoredPolicy, Fault> {
    let policy = parse_identity_policy(text)?;
    if policy_size(&policy.text) > limits::MANAGED_POLICY {
        return Err(limit_exceeded(format!("Cannot exceed quota for PolicySize: {}", limits::MANAGED_POLICY)));
    }
    Ok(policy)
}

impl Iam {
    pub(crate) fn parse_trust_policy(&self, state: &State, account_of_role: Account, text: &str) -> Result<StoredPolicy, Fault> {
        let policy = StoredPolicy::parse(text, Kind::Trust).map_err(|error| malformed(error.message))?;
        if policy_size(&policy.text) > limits::TRUST_POLICY {
            return Err(limit_exceeded(format!("Cannot exceed quota for ACLSizePerRole: {}", limits::TRUST_POLICY)));
        }
        for statement in policy.document.statements() {
            for named in statement.principals().into_iter().flat_map(|(_, named)| named) {
                if let Named::Arn(arn) = named
                    && !self.principal_may_exist(state, account_of_role, arn)
                {
                    return Err(malformed(format!("Invalid principal in policy: \"AWS\":\"{arn}\"")));
                }
            }
        }
        Ok(policy)
    }

    /// A user or role in a trust policy must exist. Accounts in which this server has no principals are not checked.
    fn principal_may_exist(&self, state: &State, account_of_role: Account, arn: &str) -> bool {
        let Some(parts) = ArnParts::parse(arn) else { return true };
        let Some(account) = Account::parse(parts.account) else { return true };
        if account != account_of_role && account != self.identity.account() && !state.has_principals(account) {
            return true;
        }
        let resource = parts.resource;
        match resource.split('/').next() {
            Some("user") => state.user_by_arn(arn).is_some(),
            // IAM Identity Center creates these roles.
            Some("role") => state.role_by_arn(arn).is_some() || resource.starts_with("role/aws-reserved/"),
            Some("assumed-role") => resource.split('/').nth(1).is_some_and(|name| state.role(account, name).is_some()),
            _ => true,
        }
    }
}

/// AWS stores the principals of a trust policy by unique id. After the principal is deleted, the policy shows the id, and a new principal of
/// the same name is not trusted; after it is renamed, the policy shows the new ARN. Here the stored text is changed.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
pub(crate) fn rename_principal(state: &mut State, old: &str, new: &str) {
    let (old, new) = (format!("\"{old}\""), format!("\"{new}\""));
    let naming: Vec<_> = state.roles.iter().filter(|(_, role)| role.trust_policy.text.contains(&old)).map(|(key, _)| key.clone()).collect();
    for key in naming {
        if let Some(role) = state.roles.get_mut(&key)
            && let Ok(trust_policy) = StoredPolicy::parse(&role.trust_policy.text.replace(&old, &new), Kind::Trust)
        {
            role.trust_policy = trust_policy;
        }
    }
}
