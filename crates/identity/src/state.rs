//! The tables of IAM: users, groups, roles, policies, credentials, providers. Every row belongs to an account, so the account leads every key.

use crate::{LastUsed, Partners, Secret, StoredPolicy, Tags, delegations::Delegation, mfa::MfaDevice, organization::Organization};
use cloudlet_aws::{Account, Arn, ArnParts, Timestamp};
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// The key of a row that has a name or an id within an account. IAM keeps the case of names, and no two names may differ by case alone:
/// the key is in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityKey(pub Account, pub String);

impl EntityKey {
    pub fn new(account: Account, name: &str) -> EntityKey {
        EntityKey(account, name.to_ascii_lowercase())
    }
}

/// The policies of a user, a group or a role.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct IdentityPolicies {
    /// By policy name.
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
    pub permissions_boundary: Option<Arn>,
    pub policies: IdentityPolicies,
    /// Names of groups, in the order in which the user was added.
    pub groups: Vec<String>,
    pub login_profile: Option<LoginProfile>,
    /// Serial numbers of enabled devices.
    pub mfa_devices: Vec<Arn>,
    pub password_last_used: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginProfile {
    pub created: Timestamp,
    pub password_changed: Timestamp,
    pub password_hash: Secret,
    /// Hashes of earlier passwords, newest first.
    pub previous_hashes: Vec<Secret>,
    pub password_reset_required: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub path: String,
    pub id: Arc<str>,
    pub created: Timestamp,
    pub policies: IdentityPolicies,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    pub path: String,
    pub id: Arc<str>,
    pub created: Timestamp,
    pub trust_policy: StoredPolicy,
    pub description: Option<String>,
    /// In seconds.
    pub max_session_duration: i32,
    pub tags: Tags,
    pub permissions_boundary: Option<Arn>,
    pub policies: IdentityPolicies,
    pub last_used: LastUsed,
    /// The service that owns a service-linked role.
    pub linked_service: Option<String>,
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
pub struct ManagedPolicy {
    pub name: String,
    pub path: String,
    pub id: Arc<str>,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub description: Option<String>,
    pub default_version: u32,
    /// The number of the next version. Numbers are never reused.
    pub next_version: u32,
    pub versions: BTreeMap<u32, PolicyVersion>,
    pub tags: Tags,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PolicyVersion {
    pub policy: StoredPolicy,
    pub created: Timestamp,
}

impl ManagedPolicy {
    pub fn current_version(&self) -> Option<&PolicyVersion> {
        self.versions.get(&self.default_version)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessKeyOwner {
    Root,
    User(String),
}

/// Of access keys, SSH keys, certificates and service-specific credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialStatus {
    Active,
    Inactive,
}

impl CredentialStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            CredentialStatus::Active => "Active",
            CredentialStatus::Inactive => "Inactive",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessKey {
    pub account: Account,
    pub owner: AccessKeyOwner,
    pub secret: Secret,
    pub status: CredentialStatus,
    pub created: Timestamp,
    pub last_used: LastUsed,
}

/// Settings of which an account has one each.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccountSettings {
    pub alias: Option<String>,
    pub password_policy: Option<PasswordPolicy>,
    /// The last credential report, and when it was generated.
    pub credential_report: Option<(Timestamp, String)>,
    /// `v1Token` or `v2Token`, as SetSecurityTokenServicePreferences has set it.
    pub global_endpoint_token_version: Option<String>,
    pub outbound_web_identity_federation: bool,
    pub properties: BTreeMap<String, String>,
    /// Serial numbers of the devices that are enabled for root.
    pub root_mfa_devices: Vec<Arn>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    pub minimum_length: i32,
    pub require_symbols: bool,
    pub require_numbers: bool,
    pub require_uppercase: bool,
    pub require_lowercase: bool,
    pub allow_users_to_change: bool,
    /// In days.
    pub max_age: Option<i32>,
    /// How many previous passwords may not be used again.
    pub reuse_prevention: Option<i32>,
    pub hard_expiry: Option<bool>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OidcProvider {
    /// Without `https://`.
    pub url: String,
    pub client_ids: Vec<String>,
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
    /// `Required` or `Allowed`, when the provider was given one.
    pub assertion_encryption_mode: Option<String>,
    pub private_keys: Vec<SamlPrivateKey>,
    pub tags: Tags,
}

/// A key that decrypts assertions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlPrivateKey {
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

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SshPublicKey {
    pub user: String,
    pub status: CredentialStatus,
    pub created: Timestamp,
    /// `ssh-rsa AAAA…`
    pub body: String,
    pub fingerprint: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SigningCertificate {
    pub user: String,
    pub status: CredentialStatus,
    pub created: Timestamp,
    pub body: String,
}

/// A password or an API key for one service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceSpecificCredential {
    pub user: String,
    pub status: CredentialStatus,
    pub created: Timestamp,
    pub service: String,
    /// The name that the service takes with the password.
    pub service_user_name: String,
    pub secret: Secret,
    pub expires: Option<Timestamp>,
}

/// An asynchronous operation of AWS. Here it is complete when it is created, and its result can be fetched.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    pub created: Timestamp,
    pub kind: JobKind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum JobKind {
    /// GenerateServiceLastAccessedDetails: the services that policies allow, and which entities used them.
    ServiceLastAccessed { actions: bool, entities: Vec<Entity>, services: Vec<ServiceAccess> },
    /// GenerateOrganizationsAccessReport: the services that the organization's policies allow, and which accounts used them.
    OrganizationsAccess { accounts: Vec<String>, services: Vec<ServiceAccess> },
    /// DeleteServiceLinkedRole
    ServiceLinkedRoleDeletion,
}

/// A user or a role, as it was when the job ran.
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

/// The use of one service, by entities of the job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceAccess {
    pub namespace: String,
    /// The latest call of each entity that used the service.
    pub entities: Vec<EntityAccess>,
    /// The latest call of each action, by the action's name. Empty if the job is not about actions.
    pub actions: Vec<(String, EntityAccess)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EntityAccess {
    /// The entity's index in the job's list.
    pub entity: usize,
    pub at: Timestamp,
    pub region: Arc<str>,
}

#[derive(Default)]
pub struct State {
    pub account_settings: Table<Account, AccountSettings>,
    pub users: Table<EntityKey, User>,
    pub groups: Table<EntityKey, Group>,
    pub roles: Table<EntityKey, Role>,
    pub instance_profiles: Table<EntityKey, InstanceProfile>,
    pub policies: Table<EntityKey, ManagedPolicy>,
    pub access_keys: Table<Arc<str>, AccessKey>,
    /// By serial number, which is an ARN.
    pub mfa_devices: Table<Arn, MfaDevice>,
    pub oidc_providers: Table<EntityKey, OidcProvider>,
    pub saml_providers: Table<EntityKey, SamlProvider>,
    pub server_certificates: Table<EntityKey, ServerCertificate>,
    /// By id, like the two tables that follow.
    pub ssh_public_keys: Table<EntityKey, SshPublicKey>,
    pub signing_certificates: Table<EntityKey, SigningCertificate>,
    pub service_specific_credentials: Table<EntityKey, ServiceSpecificCredential>,
    pub jobs: Table<EntityKey, Job>,
    /// The server has one organization or none.
    pub organization: Table<(), Organization>,
    /// By id alone: the account that owns a request changes.
    pub delegation_requests: Table<Arc<str>, Delegation>,
    pub partners: Arc<Partners>,
}

tables!(State {
    account_settings,
    users,
    groups,
    roles,
    instance_profiles,
    policies,
    access_keys,
    mfa_devices,
    oidc_providers,
    saml_providers,
    server_certificates,
    ssh_public_keys,
    signing_certificates,
    service_specific_credentials,
    jobs,
    organization,
    delegation_requests,
} transient { partners });

/// Rows of one account, in the order of their names.
pub fn rows_of_account<V>(table: &Table<EntityKey, V>, account: Account) -> impl Iterator<Item = &V> {
    entries_of_account(table, account).map(|(_, row)| row)
}

pub fn entries_of_account<V>(table: &Table<EntityKey, V>, account: Account) -> impl Iterator<Item = (&EntityKey, &V)> {
    table.range(EntityKey(account, String::new())..).take_while(move |(key, _)| key.0 == account)
}

impl State {
    pub fn user(&self, account: Account, name: &str) -> Option<&User> {
        self.users.get(&EntityKey::new(account, name)).filter(|user| user.name == name)
    }

    pub fn group(&self, account: Account, name: &str) -> Option<&Group> {
        self.groups.get(&EntityKey::new(account, name)).filter(|group| group.name == name)
    }

    pub fn role(&self, account: Account, name: &str) -> Option<&Role> {
        self.roles.get(&EntityKey::new(account, name)).filter(|role| role.name == name)
    }

    pub fn instance_profile(&self, account: Account, name: &str) -> Option<&InstanceProfile> {
        self.instance_profiles.get(&EntityKey::new(account, name)).filter(|profile| profile.name == name)
    }

    pub fn server_certificate(&self, account: Account, name: &str) -> Option<&ServerCertificate> {
        self.server_certificates.get(&EntityKey::new(account, name)).filter(|certificate| certificate.name == name)
    }

    /// The role of an ARN, path included.
    pub fn role_by_arn(&self, arn: &str) -> Option<(Account, &Role)> {
        let (account, path_and_name) = split_arn(arn, "role/")?;
        let name = path_and_name.rsplit('/').next()?;
        let role = self.role(account, name)?;
        (role.path.get(1..) == path_and_name.strip_suffix(name)).then_some((account, role))
    }

    pub fn user_by_arn(&self, arn: &str) -> Option<(Account, &User)> {
        let (account, path_and_name) = split_arn(arn, "user/")?;
        let name = path_and_name.rsplit('/').next()?;
        let user = self.user(account, name)?;
        (user.path.get(1..) == path_and_name.strip_suffix(name)).then_some((account, user))
    }

    pub fn group_by_arn(&self, arn: &str) -> Option<(Account, &Group)> {
        let (account, path_and_name) = split_arn(arn, "group/")?;
        let name = path_and_name.rsplit('/').next()?;
        let group = self.group(account, name)?;
        (group.path.get(1..) == path_and_name.strip_suffix(name)).then_some((account, group))
    }

    /// The customer managed policy of an ARN.
    pub fn policy_by_arn(&self, arn: &str) -> Option<(Account, &ManagedPolicy)> {
        let (account, path_and_name) = split_arn(arn, "policy/")?;
        let name = path_and_name.rsplit('/').next()?;
        let policy = self.policies.get(&EntityKey::new(account, name)).filter(|policy| policy.name == name)?;
        (policy.path.get(1..) == path_and_name.strip_suffix(name)).then_some((account, policy))
    }

    /// Whether the account has users or roles.
    pub fn has_principals(&self, account: Account) -> bool {
        entries_of_account(&self.users, account).next().is_some() || entries_of_account(&self.roles, account).next().is_some()
    }
}

/// The account of an IAM ARN, and what follows the kind of resource.
fn split_arn<'a>(arn: &'a str, kind: &str) -> Option<(Account, &'a str)> {
    let parts = ArnParts::parse(arn).filter(|parts| parts.service == "iam" && parts.region.is_empty())?;
    Some((Account::parse(parts.account)?, parts.resource.strip_prefix(kind)?))
}
