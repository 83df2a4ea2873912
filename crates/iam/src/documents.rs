//! Policy documents on their way in: parsed, held to their quota, and in trust policies the principals looked up.

use crate::{Iam, faults::limit, limits};
use cloudlet_api_iam::faults::MALFORMED_POLICY_DOCUMENT;
use cloudlet_aws::{Account, Fault};
use cloudlet_identity::{State, StoredPolicy};
use cloudlet_policy::{Kind, Named};

pub(crate) fn malformed(message: impl Into<String>) -> Fault {
    MALFORMED_POLICY_DOCUMENT.says(message)
}

pub(crate) fn identity_policy(text: &str) -> Result<StoredPolicy, Fault> {
    StoredPolicy::parse(text, Kind::Identity).map_err(|error| malformed(error.message))
}

pub(crate) fn managed_policy(text: &str) -> Result<StoredPolicy, Fault> {
    let policy = identity_policy(text)?;
    if policy.size() > limits::MANAGED_POLICY {
        return Err(limit(format!("Cannot exceed quota for PolicySize: {}", limits::MANAGED_POLICY)));
    }
    Ok(policy)
}

impl Iam {
    pub(crate) fn trust_policy(&self, state: &State, home: Account, text: &str) -> Result<StoredPolicy, Fault> {
        let policy = StoredPolicy::parse(text, Kind::Trust).map_err(|error| malformed(error.message))?;
        if policy.size() > limits::TRUST_POLICY {
            return Err(limit(format!("Cannot exceed quota for ACLSizePerRole: {}", limits::TRUST_POLICY)));
        }
        for statement in policy.document.statements() {
            for named in statement.principals().into_iter().flat_map(|(_, named)| named) {
                if let Named::Arn(arn) = named
                    && !self.may_exist(state, home, arn)
                {
                    return Err(malformed(format!("Invalid principal in policy: \"AWS\":\"{arn}\"")));
                }
            }
        }
        Ok(policy)
    }

    /// A user or role that a trust policy names must exist. Of accounts that live elsewhere this server knows nothing, and believes it.
    fn may_exist(&self, state: &State, home: Account, arn: &str) -> bool {
        let account = arn.split(':').nth(4).and_then(Account::parse);
        let Some(account) = account else { return true };
        if account != home && account != self.identity.account() && !state.is_inhabited(account) {
            return true;
        }
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        match resource.split('/').next() {
            Some("user") => state.user_by_arn(arn).is_some(),
            // AWS makes the roles of its single sign-on by itself.
            Some("role") => state.role_by_arn(arn).is_some() || resource.starts_with("role/aws-reserved/"),
            Some("assumed-role") => resource.split('/').nth(1).is_some_and(|name| state.role(account, name).is_some()),
            _ => true,
        }
    }
}

/// AWS: a principal in a saved trust policy is its unique id in disguise. When it is deleted the id shows, and a namesake inherits nothing;
/// when it is renamed the new ARN shows. Here the text is changed at that moment.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
pub(crate) fn rename_principal(state: &mut State, old: &str, new: &str) {
    let (old, new) = (format!("\"{old}\""), format!("\"{new}\""));
    let naming: Vec<_> = state.roles.iter().filter(|(_, role)| role.trust.text.contains(&old)).map(|(key, _)| key.clone()).collect();
    for key in naming {
        if let Some(role) = state.roles.get_mut(&key)
            && let Ok(trust) = StoredPolicy::parse(&role.trust.text.replace(&old, &new), Kind::Trust)
        {
            role.trust = trust;
        }
    }
}
