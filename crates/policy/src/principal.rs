//! The caller, and the names of the Principal element that match it.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use cloudlet_aws::{Account, ArnParts, Caller, Identity};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    Root,
    User,
    RoleSession,
    /// A session of `GetFederationToken`.
    FederatedUser,
    /// A caller of STS with a token of an OIDC or SAML provider.
    Federated,
    Service,
    /// CloudFront's origin access identity, or another canonical user that is not of IAM.
    CanonicalUser,
    Anonymous,
}

/// The caller, with all names that a policy may use for it.
#[derive(Clone, Copy, Debug)]
pub struct Principal<'a> {
    pub kind: PrincipalKind,
    /// The caller's name in messages: the ARN of a user or session, a service's name, `anonymous`.
    pub arn: &'a str,
    /// The role behind a session; the user (or root) that issued a federated user's session.
    pub issuer: Option<&'a str>,
    pub account: Option<Account>,
    /// `aws:userid`
    pub unique_id: &'a str,
    /// S3's canonical user id, when the caller has one.
    pub canonical_user: Option<&'a str>,
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
        let base = Principal::named(kind, &caller.arn);
        Principal { issuer, account: caller.account, unique_id: &caller.unique_id, ..base }
    }

    /// A caller of AssumeRoleWithWebIdentity or AssumeRoleWithSAML with a token of `provider`.
    pub fn federated(provider: &'a str) -> Principal<'a> {
        Principal::named(PrincipalKind::Federated, provider)
    }

    /// A CloudFront origin access identity: `arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E…`.
    pub fn origin_access_identity(arn: &'a str, canonical_user: &'a str) -> Principal<'a> {
        Principal::named(PrincipalKind::CanonicalUser, arn).canonical_user(canonical_user)
    }

    fn named(kind: PrincipalKind, name: &'a str) -> Principal<'a> {
        Principal { kind, arn: name, issuer: None, account: None, unique_id: name, canonical_user: None, service_names: &[] }
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

    #[must_use]
    pub fn also_named(mut self, services: &'a [&'a str]) -> Principal<'a> {
        self.service_names = services;
        self
    }

    /// A principal whose account can have identity policies for it.
    pub(crate) fn is_of_an_account(&self) -> bool {
        match self.kind {
            PrincipalKind::Root | PrincipalKind::User | PrincipalKind::RoleSession | PrincipalKind::FederatedUser => true,
            PrincipalKind::Federated | PrincipalKind::Service | PrincipalKind::CanonicalUser | PrincipalKind::Anonymous => false,
        }
    }

    /// Whether identity policies apply. The root user needs none, nor a federated user whose session root created.
    pub(crate) fn needs_identity_policies(&self) -> bool {
        match self.kind {
            PrincipalKind::User | PrincipalKind::RoleSession => true,
            PrincipalKind::FederatedUser => !self.issuer.is_some_and(|arn| arn.ends_with(":root")),
            _ => false,
        }
    }

    /// AWS: SCPs and RCPs do not bind service-linked roles.
    pub(crate) fn is_service_linked(&self) -> bool {
        self.kind == PrincipalKind::RoleSession && self.issuer.is_some_and(|role| role.contains(":role/aws-service-role/"))
    }
}

/// How specifically an allow names the principal. It determines which other policies still limit it.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// By account: identity policies must allow too.
    Account,
    /// By role, or by the user behind a federated session: boundary and session policies still limit.
    Issuer,
    /// By the user or session itself, or by `*`: nothing else needs to allow.
    Direct,
}

/// One value of a Principal element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// `*`, `{"AWS": "*"}`
    Everyone,
    /// An account id, or the ARN of its root.
    Account(Account),
    /// A user, a role, a role session, a federated user.
    Arn(Box<str>),
    /// `AIDA…`, `AROA…`: what a saved ARN becomes, so that a later principal of the same name does not match.
    Id(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
    CanonicalUser(Box<str>),
}

impl Named {
    /// A value under the `AWS` key.
    pub(crate) fn aws(text: &str) -> Option<Named> {
        if text == "*" {
            return Some(Named::Everyone);
        }
        if let Some(account) = Account::parse(text) {
            return Some(Named::Account(account));
        }
        // AWS: wildcards match everyone or no one; a part of a name or ARN cannot be wild.
        if text.contains(['*', '?']) {
            return None;
        }
        if !text.starts_with("arn:") {
            let id = text.len() >= 16 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            return (id && text.starts_with('A')).then(|| Named::Id(text.into()));
        }
        let ArnParts { service, region, account, resource, .. } = ArnParts::parse(text)?;
        let owned = Account::parse(account);
        let known = match (service, resource.split_once('/')) {
            ("iam", None) if resource == "root" => return owned.filter(|_| region.is_empty()).map(Named::Account),
            ("iam", Some(("user", name))) => (owned.is_some() || account == "cloudfront") && !name.is_empty(),
            ("iam", Some(("role", name))) => owned.is_some() && !name.is_empty(),
            ("sts", Some(("assumed-role", name))) => owned.is_some() && name.contains('/'),
            ("sts", Some(("federated-user", name))) => owned.is_some() && !name.is_empty(),
            ("sts", None) => owned.is_some() && resource == "self",
            _ => false,
        };
        (known && region.is_empty()).then(|| Named::Arn(text.into()))
    }

    /// The key of the Principal element, and the value as IAM keeps it.
    pub fn written(&self) -> (&'static str, &str) {
        match self {
            Named::Everyone => ("AWS", "*"),
            Named::Account(account) => ("AWS", account.as_str()),
            Named::Arn(text) | Named::Id(text) => ("AWS", text),
            Named::Service(text) => ("Service", text),
            Named::Federated(text) => ("Federated", text),
            Named::CanonicalUser(text) => ("CanonicalUser", text),
        }
    }

    /// Whether this names the principal, and how closely. `region` is the resource's, for services with regional names.
    pub(crate) fn reaches(&self, principal: &Principal<'_>, region: &str) -> Option<Reach> {
        use PrincipalKind as Kind;
        match self {
            // A caller with a token is matched by its provider only. AWS: unverified
            Named::Everyone => (principal.kind != Kind::Federated).then_some(Reach::Direct),
            Named::Account(account) => (principal.is_of_an_account() && principal.account == Some(*account)).then_some(Reach::Account),
            Named::Arn(arn) => match principal.kind {
                Kind::User | Kind::CanonicalUser => (**arn == *principal.arn).then_some(Reach::Direct),
                Kind::RoleSession | Kind::FederatedUser if **arn == *principal.arn => Some(Reach::Direct),
                Kind::RoleSession | Kind::FederatedUser => (Some(&**arn) == principal.issuer).then_some(Reach::Issuer),
                _ => None,
            },
            Named::Id(id) => match principal.kind {
                Kind::User => (**id == *principal.unique_id).then_some(Reach::Direct),
                Kind::RoleSession => {
                    let role = principal.unique_id.split(':').next().unwrap_or_default();
                    (**id == *role).then_some(Reach::Issuer)
                }
                _ => None,
            },
            Named::Service(name) => {
                let called = |own: &str| &**name == "*" || name.eq_ignore_ascii_case(own) || is_regional_form(name, own, region);
                let found =
                    principal.kind == Kind::Service && std::iter::once(principal.arn).chain(principal.service_names.iter().copied()).any(called);
                found.then_some(Reach::Direct)
            }
            Named::Federated(provider) => {
                (principal.kind == Kind::Federated && (&**provider == "*" || **provider == *principal.arn)).then_some(Reach::Direct)
            }
            Named::CanonicalUser(id) => match principal.kind {
                _ if principal.canonical_user != Some(id) => None,
                Kind::CanonicalUser => Some(Reach::Direct),
                // An account's canonical user is the account.
                _ => Some(Reach::Account),
            },
        }
    }
}

/// `logs.eu-west-1.amazonaws.com` for `logs.amazonaws.com`, on a resource of that region or of none.
fn is_regional_form(name: &str, own: &str, region: &str) -> bool {
    let Some((service, domain)) = own.split_once('.') else { return false };
    let Some(middle) = name.strip_prefix(service).and_then(|rest| rest.strip_prefix('.')).and_then(|rest| rest.strip_suffix(domain)) else {
        return false;
    };
    let named = middle.strip_suffix('.').unwrap_or_default();
    named.split('-').count() >= 3 && !named.contains('.') && (region.is_empty() || named == region)
}

/// Whether a NotPrincipal list spares the principal from a Deny.
///
/// AWS: a user is spared when it and its account are listed, a session when its account, its role and the session itself are;
/// "must also specify the account ARN", and for assumed roles "both the assumed-role user ARN and the role ARN".
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>
pub(crate) fn spares(listed: &[Named], principal: &Principal<'_>, region: &str) -> bool {
    let mut seen = [false; 3];
    for named in listed {
        match (named, named.reaches(principal, region)) {
            (_, None) => {}
            (Named::Everyone, Some(_)) => return true,
            (_, Some(Reach::Account)) => seen[0] = true,
            (_, Some(Reach::Issuer)) => seen[1] = true,
            (_, Some(Reach::Direct)) => seen[2] = true,
        }
    }
    let [account, issuer, direct] = seen;
    match principal.kind {
        PrincipalKind::Root => account,
        PrincipalKind::User => account && direct,
        PrincipalKind::RoleSession => account && issuer && direct,
        PrincipalKind::FederatedUser => account && direct,
        PrincipalKind::Federated | PrincipalKind::Service | PrincipalKind::CanonicalUser => direct,
        PrincipalKind::Anonymous => false,
    }
}

#[cfg(test)]
mod tests;
