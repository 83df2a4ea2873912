//! Sessions of identities that come from an identity provider, by OpenID Connect or SAML.

use crate::{
    Sts,
    roles::{Role, role_tag_keys, session_caller},
    sessions::{DENIED, SessionPolicies, tag_keys},
};
use cloudlet_api_sts::{AssumedRoleUser, Credentials};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission};
use cloudlet_identity::{Session, SessionCredentials, SessionKind, Tags};
use cloudlet_policy::Keys;
use cloudlet_shape::Operation;
use std::sync::Arc;

/// Claims, under the names of condition keys.
pub(crate) type Claims = Vec<(Arc<str>, Vec<Arc<str>>)>;

/// An identity from a verified token or assertion.
pub(crate) struct FederatedIdentity {
    pub action: &'static str,
    /// As trust policies name the provider.
    pub provider: String,
    pub session_name: String,
    pub claims: Claims,
    pub tags: Tags,
    pub transitive_tag_keys: Vec<Arc<str>>,
    pub source_identity: Option<Arc<str>>,
}

/// For a trust policy that does not allow the call, and for a role that does not exist.
pub(crate) fn not_authorized(action: &str) -> Fault {
    DENIED.says(format!("Not authorized to perform {action}"))
}

impl FederatedIdentity {
    /// Whether the identity may assume the role. The call is not signed: the trust policy decides, and the policies of the role's
    /// organization.
    pub fn authorize<O: Operation>(&self, cx: &Cx, role: &Role) -> Result<(), Fault> {
        let mut keys = Keys::new();
        for (name, values) in &self.claims {
            keys.set_many(name.to_string(), values);
        }
        keys.set("sts:RoleSessionName", self.session_name.clone());
        keys.set("aws:FederatedProvider", self.provider.clone());
        if let Some(source) = &self.source_identity {
            keys.set("sts:SourceIdentity", source);
        }
        tag_keys(&mut keys, &self.tags, &self.transitive_tag_keys);
        role_tag_keys(&mut keys, role);
        let permission = Permission::action(self.action, role.arn.clone()).owned_by(role.account);
        let permission = permission.with_policy(Some(role.trust_policy.named(&role.arn)));
        let permission = Permission { keys, federated: Some(self.provider.as_str().into()), ..permission };
        let permissions =
            permission.and([(!self.tags.is_empty()).then_some("sts:TagSession"), self.source_identity.is_some().then_some("sts:SetSourceIdentity")]);
        permissions.iter().try_for_each(|permission| cx.check::<O>(permission).map_err(|_| not_authorized(self.action)))
    }
}

/// Parameters of a new session.
pub(crate) struct SessionParameters {
    pub kind: SessionKind,
    pub seconds: i32,
    pub session_policies: SessionPolicies,
    pub minimum_token_size: usize,
    /// The claims that are condition keys of the session's calls.
    pub claims: Claims,
}

impl Sts {
    pub(crate) fn start_federated_session(
        &self,
        cx: &Cx,
        role: &Role,
        identity: FederatedIdentity,
        parameters: SessionParameters,
    ) -> (AssumedRoleUser, Credentials) {
        let credentials = SessionCredentials::new(cx.ids(), role.account, parameters.minimum_token_size);
        let caller = session_caller(self.identity.partition(), role, &identity.session_name);
        let assumed = AssumedRoleUser { assumed_role_id: caller.unique_id.to_string(), arn: caller.arn.to_string() };
        let session = Session {
            policies: parameters.session_policies.policies,
            tags: identity.tags,
            transitive_tag_keys: identity.transitive_tag_keys,
            source_identity: identity.source_identity,
            federated_provider: Some(identity.provider.as_str().into()),
            claims: parameters.claims,
            ..Session::new(caller, &credentials, parameters.kind, cx.now, i64::from(parameters.seconds))
        };
        (assumed, self.start_session(credentials, session))
    }
}
