//! The tables: who exists, and what belongs to them. Everything is of an account, so the account leads every key.

use crate::{LastUsed, Partners, Secret, StoredPolicy, delegations::Delegation, mfa::Device, organization::Organization};
use cloudlet_aws::{Account, Arn, Timestamp};
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// The key of what has a name. IAM keeps the case of a name, and lets no two names differ by case only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Of(pub Account, pub String);

impl Of {
    pub fn new(account: Account, name: &str) -> Of {
        Of(account, name.to_ascii_lowercase())
    }
}

/// In the order in which they were given.
pub type Tags = Vec<(Arc<str>, Arc<str>)>;

/// What users, groups and roles have in common: policies.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Holdings {
    /// By name.
    pub inline: BTreeMap<String, StoredPolicy>,
    /// In the order in which they were attached.
    pub attached: Vec<Arn>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    pub name: String,
    pub path: String,
    pub id: Arc<str>,
    pub created: Timestamp,
    pub tags: Tags,
    pub boundary: Option<Arn>,
    pub holds: Holdings,
    /// Names of groups, in the order of joining.
    pub groups: Vec<String>,
    pub login: Option<Login>,
    pub mfa: Vec<Arn>,
    pub password_used: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    pub created: Timestamp,
    pub changed: Timestamp,
    pub hash: Secret,
    /// Hashes of former passwords, newest first.
    pub former: Vec<Secret>,
    pub must_change: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub path: String,
    pub id: Arc<str>,
    pub created: Timestamp,
    pub holds: Holdings,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    pub path: String,
    pub id: Arc<str>,
    pub created: Timestamp,
    pub trust: StoredPolicy,
    pub description: Option<String>,
    pub max_session: i32,
    pub tags: Tags,
    pub boundary: Option<Arn>,
    pub holds: Holdings,
    pub used: LastUsed,
    /// The service that owns a service-linked role.
    pub linked_to: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceProfile {
    pub name: String,
    pub path: String,
    pub id: Arc<str>,
    pub created: Timestamp,
    pub role: Option<String>,
    pub tags: Tags,
}

/// A customer managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Managed {
    pub name: String,
    pub path: String,
    pub id: Arc<str>,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub description: Option<String>,
    pub default: u32,
    /// The number of the next version; numbers are never used again.
    pub next: u32,
    pub versions: BTreeMap<u32, Version>,
    pub tags: Tags,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    pub policy: StoredPolicy,
    pub created: Timestamp,
}

impl Managed {
    pub fn current(&self) -> Option<&Version> {
        self.versions.get(&self.default)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyOwner {
    Root,
    User(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Active,
    Inactive,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Active => "Active",
            Status::Inactive => "Inactive",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessKey {
    pub account: Account,
    pub owner: KeyOwner,
    pub secret: Secret,
    pub status: Status,
    pub created: Timestamp,
    pub used: LastUsed,
}

/// What an account has one of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Settings {
    pub alias: Option<String>,
    pub password_policy: Option<PasswordPolicy>,
    pub report: Option<(Timestamp, String)>,
    /// `v2Token`, when somebody asked for it.
    pub token_version: Option<String>,
    pub outbound_federation: bool,
    pub properties: BTreeMap<String, String>,
    pub root_mfa: Vec<Arn>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    pub minimum_length: i32,
    pub symbols: bool,
    pub numbers: bool,
    pub uppercase: bool,
    pub lowercase: bool,
    pub users_may_change: bool,
    pub max_age: Option<i32>,
    pub reuse_prevention: Option<i32>,
    pub hard_expiry: Option<bool>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OidcProvider {
    /// Without `https://`.
    pub url: String,
    pub clients: Vec<String>,
    pub thumbprints: Vec<String>,
    pub created: Timestamp,
    pub tags: Tags,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlProvider {
    pub name: String,
    pub uuid: String,
    pub metadata: Arc<str>,
    pub created: Timestamp,
    pub valid_until: Timestamp,
    /// `Required` or `Allowed`, where somebody said so.
    pub encryption: Option<String>,
    pub private_keys: Vec<SamlKey>,
    pub tags: Tags,
}

/// What opens encrypted assertions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlKey {
    pub id: String,
    pub added: Timestamp,
    pub pem: Secret,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerCertificate {
    pub name: String,
    pub path: String,
    pub id: Arc<str>,
    pub body: String,
    pub chain: Option<String>,
    pub uploaded: Timestamp,
    pub expires: Timestamp,
    pub tags: Tags,
}

/// An SSH key, a signing certificate, a password for one service: what a user has beside access keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Extra {
    pub user: String,
    pub status: Status,
    pub created: Timestamp,
    pub what: What,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum What {
    SshKey { body: String, fingerprint: String },
    Certificate { body: String },
    ServicePassword { service: String, user_name: String, password: Secret, expires: Option<Timestamp> },
}

/// What was asked to be done and is long done: a job whose answer can be fetched.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    pub created: Timestamp,
    pub kind: JobKind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum JobKind {
    /// GenerateServiceLastAccessedDetails: who could have used what is granted, and who did.
    LastAccessed { actions: bool, entities: Vec<Entity>, services: Vec<ServiceUses> },
    /// GenerateOrganizationsAccessReport: what the policies of the organization leave open, and which accounts used it.
    OrganizationsAccess { accounts: Vec<String>, services: Vec<ServiceUses> },
    /// DeleteServiceLinkedRole.
    RoleDeletion,
}

/// A user or a role, as it was when the job was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entity {
    pub arn: Arn,
    pub name: String,
    pub kind: EntityKind,
    pub id: Arc<str>,
    pub path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntityKind {
    User,
    Role,
}

/// What was used of a service. Those who did are told by their place in the job's list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceUses {
    pub namespace: String,
    pub uses: Vec<Use>,
    /// By name of the action; empty where nobody asked for actions.
    pub actions: Vec<(String, Use)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Use {
    pub by: usize,
    pub at: Timestamp,
    pub region: Arc<str>,
}

#[derive(Default)]
pub struct State {
    pub settings: Table<Account, Settings>,
    pub users: Table<Of, User>,
    pub groups: Table<Of, Group>,
    pub roles: Table<Of, Role>,
    pub profiles: Table<Of, InstanceProfile>,
    pub policies: Table<Of, Managed>,
    pub access_keys: Table<Arc<str>, AccessKey>,
    /// By serial number, which is an ARN.
    pub mfa_devices: Table<Arn, Device>,
    pub oidc_providers: Table<Of, OidcProvider>,
    pub saml_providers: Table<Of, SamlProvider>,
    pub server_certificates: Table<Of, ServerCertificate>,
    /// By id.
    pub extras: Table<Of, Extra>,
    pub jobs: Table<Of, Job>,
    /// The server has one organization, or none.
    pub organization: Table<(), Organization>,
    /// By id: whose they are changes.
    pub delegations: Table<Arc<str>, Delegation>,
    pub partners: Arc<Partners>,
}

tables!(State {
    settings,
    users,
    groups,
    roles,
    profiles,
    policies,
    access_keys,
    mfa_devices,
    oidc_providers,
    saml_providers,
    server_certificates,
    extras,
    jobs,
    organization,
    delegations,
} beside { partners });

/// Rows of one account, in the order of their names.
pub fn of_account<V>(table: &Table<Of, V>, account: Account) -> impl Iterator<Item = &V> {
    rows_of(table, account).map(|(_, row)| row)
}

pub fn rows_of<V>(table: &Table<Of, V>, account: Account) -> impl Iterator<Item = (&Of, &V)> {
    table.range(Of(account, String::new())..).take_while(move |(key, _)| key.0 == account)
}

impl State {
    pub fn user(&self, account: Account, name: &str) -> Option<&User> {
        self.users.get(&Of::new(account, name)).filter(|user| user.name == name)
    }

    pub fn group(&self, account: Account, name: &str) -> Option<&Group> {
        self.groups.get(&Of::new(account, name)).filter(|group| group.name == name)
    }

    pub fn role(&self, account: Account, name: &str) -> Option<&Role> {
        self.roles.get(&Of::new(account, name)).filter(|role| role.name == name)
    }

    /// The role an ARN names, path included.
    pub fn role_by_arn(&self, arn: &str) -> Option<(Account, &Role)> {
        let (account, path_and_name) = parts(arn, "role/")?;
        let name = path_and_name.rsplit('/').next()?;
        let role = self.role(account, name)?;
        (role.path.get(1..) == path_and_name.strip_suffix(name)).then_some((account, role))
    }

    pub fn user_by_arn(&self, arn: &str) -> Option<(Account, &User)> {
        let (account, path_and_name) = parts(arn, "user/")?;
        let name = path_and_name.rsplit('/').next()?;
        let user = self.user(account, name)?;
        (user.path.get(1..) == path_and_name.strip_suffix(name)).then_some((account, user))
    }

    pub fn group_by_arn(&self, arn: &str) -> Option<(Account, &Group)> {
        let (account, path_and_name) = parts(arn, "group/")?;
        let name = path_and_name.rsplit('/').next()?;
        let group = self.group(account, name)?;
        (group.path.get(1..) == path_and_name.strip_suffix(name)).then_some((account, group))
    }

    /// The customer managed policy an ARN names.
    pub fn policy_by_arn(&self, arn: &str) -> Option<(Account, &Managed)> {
        let (account, path_and_name) = parts(arn, "policy/")?;
        let name = path_and_name.rsplit('/').next()?;
        let policy = self.policies.get(&Of::new(account, name)).filter(|policy| policy.name == name)?;
        (policy.path.get(1..) == path_and_name.strip_suffix(name)).then_some((account, policy))
    }

    /// Whether anything of IAM lives in the account.
    pub fn is_inhabited(&self, account: Account) -> bool {
        rows_of(&self.users, account).next().is_some() || rows_of(&self.roles, account).next().is_some()
    }
}

/// The account of an IAM ARN, and what follows the kind of resource.
fn parts<'a>(arn: &'a str, kind: &str) -> Option<(Account, &'a str)> {
    let mut parts = arn.splitn(6, ':');
    (parts.next() == Some("arn") && parts.next().is_some() && parts.next() == Some("iam") && parts.next() == Some("")).then_some(())?;
    Some((Account::parse(parts.next()?)?, parts.next()?.strip_prefix(kind)?))
}
