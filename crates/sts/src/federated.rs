//! What the sessions of users that an identity provider vouches for have in common, whatever it writes its tokens in.

use crate::{
    Sts,
    roles::{Role, role_tag_keys, session_caller},
    sessions::{DENIED, Limits, tag_keys, with_key},
};
use cloudlet_api_sts::{AssumedRoleUser, Credentials};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission};
use cloudlet_identity::{Fresh, Origin, Session, Tags};
use cloudlet_policy::Keys;
use cloudlet_shape::Operation;
use std::sync::Arc;

/// Claims, under the names of condition keys.
pub(crate) type Claims = Vec<(Arc<str>, Vec<Arc<str>>)>;

/// A user, by the word of a provider that was verified.
pub(crate) struct Vouched {
    pub action: &'static str,
    /// As trust policies name it.
    pub provider: String,
    pub session_name: String,
    pub claims: Claims,
    pub tags: Tags,
    pub transitive: Vec<Arc<str>>,
    pub source_identity: Option<Arc<str>>,
}

/// What AWS says to whoever the trust policy does not let in, and of roles that are not there.
pub(crate) fn refused(action: &str) -> Fault {
    DENIED.says(format!("Not authorized to perform {action}"))
}

impl Vouched {
    /// Whether the role is for this user. Nobody signed the call: the trust policy has the say, within what the role's
    /// organization allows.
    pub fn admitted<O: Operation>(&self, cx: &Cx, role: &Role) -> Result<(), Fault> {
        let mut keys = Keys::new();
        for (name, values) in &self.claims {
            keys.set_many(name.to_string(), values);
        }
        keys.set("sts:RoleSessionName", self.session_name.clone());
        keys.set("aws:FederatedProvider", self.provider.clone());
        if let Some(source) = &self.source_identity {
            keys.set("sts:SourceIdentity", source);
        }
        tag_keys(&mut keys, &self.tags, &self.transitive);
        role_tag_keys(&mut keys, role);
        let mut actions = vec![self.action];
        actions.extend((!self.tags.is_empty()).then_some("sts:TagSession"));
        actions.extend(self.source_identity.is_some().then_some("sts:SetSourceIdentity"));
        for action in actions {
            let permission =
                Permission::action(action, role.arn.clone()).owned_by(role.account).with_policy(Some(role.trust.named(role.arn.as_str())));
            let permission = Permission { keys: keys.clone(), federated: Some(self.provider.as_str().into()), ..permission };
            cx.check::<O>(&permission).map_err(|_| refused(self.action))?;
        }
        Ok(())
    }
}

/// How a session is to be.
pub(crate) struct Terms {
    pub origin: Origin,
    pub seconds: i32,
    pub limits: Limits,
    /// The least length of its token.
    pub at_least: usize,
    /// The claims that later calls of the session can be told apart by.
    pub claims: Claims,
}

impl Sts {
    pub(crate) fn open_vouched(&self, cx: &Cx, role: &Role, user: Vouched, terms: Terms) -> (AssumedRoleUser, Credentials) {
        let fresh = Fresh::new(cx.ids(), role.account, terms.at_least);
        let caller = session_caller(self.identity.partition(), role, &user.session_name);
        let told = AssumedRoleUser { assumed_role_id: caller.unique_id.to_string(), arn: caller.arn.to_string() };
        let issued = cx.now.whole_secs();
        let session = Session {
            caller: with_key(caller, &fresh),
            issuer: None,
            secret: fresh.secret.clone(),
            token: fresh.token.clone(),
            origin: terms.origin,
            issued,
            expires: issued.plus_secs(i64::from(terms.seconds)),
            policies: terms.limits.policies,
            tags: user.tags,
            transitive: user.transitive,
            source_identity: user.source_identity,
            mfa: None,
            provider: Some(user.provider.as_str().into()),
            claims: terms.claims,
            within: Arc::default(),
            delegate: None,
        };
        (told, self.open(fresh, session))
    }
}
