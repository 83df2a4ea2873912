//! Who asks, in all the names that a policy may call them by.

use cloudlet_aws::{Account, Caller, Identity};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    Root,
    User,
    RoleSession,
    /// A session of `GetFederationToken`.
    FederatedUser,
    /// Someone with a token of an OIDC or SAML provider, at the door of STS.
    Federated,
    Service,
    /// CloudFront's origin access identity, or another canonical user that is not of IAM.
    CanonicalUser,
    Anonymous,
}

#[derive(Clone, Copy, Debug)]
pub struct Principal<'a> {
    pub kind: PrincipalKind,
    /// How messages call the caller: the ARN of a user or session, a service's name, `anonymous`.
    pub arn: &'a str,
    /// The role behind a session; the user (or root) that issued a federated user's session.
    pub issuer: Option<&'a str>,
    pub account: Option<Account>,
    /// `aws:userid`
    pub unique_id: &'a str,
    /// S3's canonical user id, when the caller has one.
    pub canonical_user: Option<&'a str>,
    /// The identity provider that vouches, as trust policies name it.
    pub provider: Option<&'a str>,
    /// Further names of a service: `aws:PrincipalServiceNamesList`.
    pub service_names: &'a [&'a str],
}

impl<'a> Principal<'a> {
    pub fn of(caller: &'a Caller) -> Principal<'a> {
        let (kind, issuer) = match &caller.identity {
            Identity::Root => (PrincipalKind::Root, None),
            Identity::User { .. } => (PrincipalKind::User, None),
            Identity::AssumedRole { role, .. } => (PrincipalKind::RoleSession, Some(role.as_str())),
            Identity::FederatedUser { .. } => (PrincipalKind::FederatedUser, None),
            Identity::Service { .. } => (PrincipalKind::Service, None),
            Identity::Anonymous => (PrincipalKind::Anonymous, None),
        };
        Principal {
            kind,
            arn: &caller.arn,
            issuer,
            account: caller.account,
            unique_id: &caller.unique_id,
            canonical_user: None,
            provider: None,
            service_names: &[],
        }
    }

    /// Someone who brings a token of `provider` to AssumeRoleWithWebIdentity or AssumeRoleWithSAML.
    pub fn federated(provider: &'a str) -> Principal<'a> {
        Principal {
            kind: PrincipalKind::Federated,
            arn: provider,
            issuer: None,
            account: None,
            unique_id: provider,
            canonical_user: None,
            provider: Some(provider),
            service_names: &[],
        }
    }

    /// The user, or root, whose `GetFederationToken` made this session.
    #[must_use]
    pub fn issued_by(mut self, arn: &'a str) -> Principal<'a> {
        self.issuer = Some(arn);
        self
    }

    #[must_use]
    pub fn canonical_user(mut self, id: &'a str) -> Principal<'a> {
        self.canonical_user = Some(id);
        self
    }
}
