//! What applies to a caller: the policies of a user or role and of its groups, its permissions boundary, its tags and its membership in
//! the organization. Derived once, then borrowed by every decision until IAM changes.

use crate::{Membership, Session, State, Tags, catalogue, state::IdentityPolicies};
use cloudlet_aws::{Account, Caller, Identity as Who};
use cloudlet_policy::Policy;
use std::sync::Arc;

#[derive(Debug, Default)]
pub struct EffectivePolicies {
    pub identity: Vec<Policy>,
    pub groups: Vec<Policy>,
    pub permissions_boundary: Option<Policy>,
    pub tags: Tags,
    pub membership: Option<Arc<Membership>>,
    /// For a service: the membership of the account for which it calls.
    pub source_membership: Option<Arc<Membership>>,
    /// The condition keys that these policies read: only those need to be computed.
    pub condition_keys: Vec<Box<str>>,
}

impl EffectivePolicies {
    /// A user or role that was deleted, or deleted and created again, has no policies.
    pub(crate) fn of(state: &State, caller: &Caller, session: Option<&Session>, membership: Option<Arc<Membership>>) -> EffectivePolicies {
        let mut effective_policies = EffectivePolicies::default();
        if let Some(account) = caller.account {
            match &caller.identity {
                Who::User { name } => effective_policies.user(state, account, name, &caller.unique_id),
                Who::AssumedRole { role, .. } => effective_policies.role(state, role.as_str(), &caller.unique_id),
                Who::FederatedUser { .. } => {
                    if let Some(Who::User { name }) = session.and_then(|session| session.issuer.as_ref()).map(|issuer| &issuer.identity) {
                        let id = session.and_then(|session| session.issuer.as_ref()).map(|issuer| issuer.unique_id.clone()).unwrap_or_default();
                        effective_policies.user(state, account, name, &id);
                        // A federated user has the tags of its session, not those of the user behind it.
                        effective_policies.tags.clear();
                    }
                }
                Who::Root | Who::Service { .. } | Who::Anonymous => {}
            }
        }
        effective_policies.membership = membership;
        let mut keys: Vec<Box<str>> = effective_policies.all().flat_map(|policy| policy.document.keys()).cloned().collect();
        keys.sort_by_key(|key| key.to_ascii_lowercase());
        keys.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        effective_policies.condition_keys = keys;
        effective_policies
    }

    fn all(&self) -> impl Iterator<Item = &Policy> {
        let levels = self.membership.iter().flat_map(|membership| membership.service_control.iter().flatten());
        self.identity.iter().chain(&self.groups).chain(&self.permissions_boundary).chain(levels)
    }

    fn user(&mut self, state: &State, account: Account, name: &str, id: &str) {
        let Some(user) = state.user(account, name).filter(|user| *user.id == *id) else { return };
        self.identity = identity_policies(state, &user.policies);
        self.groups =
            user.groups.iter().filter_map(|group| state.group(account, group)).flat_map(|group| identity_policies(state, &group.policies)).collect();
        self.permissions_boundary = user.permissions_boundary.as_ref().map(|arn| boundary(state, arn.as_str()));
        self.tags.clone_from(&user.tags);
    }

    fn role(&mut self, state: &State, arn: &str, unique_id: &str) {
        let id = unique_id.split(':').next().unwrap_or_default();
        let Some((_, role)) = state.role_by_arn(arn).filter(|(_, role)| *role.id == *id) else { return };
        self.identity = identity_policies(state, &role.policies);
        self.permissions_boundary = role.permissions_boundary.as_ref().map(|arn| boundary(state, arn.as_str()));
        self.tags.clone_from(&role.tags);
    }
}

/// Inline policies by name, then the attached ones.
pub fn identity_policies(state: &State, policies: &IdentityPolicies) -> Vec<Policy> {
    let inline = policies.inline.iter().map(|(name, policy)| policy.named(name.as_str()));
    inline.chain(policies.attached.iter().filter_map(|arn| managed_policy(state, arn.as_str()))).collect()
}

/// The current version of a managed policy: AWS's, a partner's or the customer's.
pub fn managed_policy(state: &State, arn: &str) -> Option<Policy> {
    match catalogue::by_arn(arn) {
        Some(policy) => policy.policy(arn),
        None => match state.partners.boundary(arn) {
            Some(policy) => Some(policy.clone()),
            None => Some(state.policy_by_arn(arn)?.1.current_version()?.policy.named(arn)),
        },
    }
}

/// AWS: a boundary whose policy was deleted allows nothing. "If you delete a policy used as a boundary, the entity has no permissions."
fn boundary(state: &State, arn: &str) -> Policy {
    managed_policy(state, arn).unwrap_or_else(|| Policy { name: arn.into(), document: nothing() })
}

/// A document that allows nothing.
fn nothing() -> cloudlet_policy::Document {
    use std::sync::LazyLock;
    static NOTHING: LazyLock<Option<cloudlet_policy::Document>> = LazyLock::new(|| {
        let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"none:none","Resource":"*"}]}"#;
        cloudlet_policy::Document::parse(text, cloudlet_policy::Kind::Identity).ok()
    });
    #[expect(clippy::expect_used, reason = "a constant that a test parses")]
    NOTHING.clone().expect("the text above is a policy")
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_is_a_policy() {
        assert_eq!(super::nothing().statements().len(), 1);
    }
}
