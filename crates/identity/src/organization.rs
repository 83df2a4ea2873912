//! The organization: organizational units, accounts, and the policies that limit them. A server has one or none.
//! <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies.html>

use crate::StoredPolicy;
use cloudlet_aws::{Account, Arn, Timestamp};
use cloudlet_policy::{Kind, Policy};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Organization {
    /// `o-…`
    pub id: String,
    pub management: Account,
    pub created: Timestamp,
    /// `r-…`
    pub root: String,
    /// By id, `ou-…`.
    pub units: BTreeMap<String, OrganizationalUnit>,
    pub accounts: BTreeMap<Account, MemberAccount>,
    /// By id, `p-…`.
    pub policies: BTreeMap<String, OrganizationPolicy>,
    /// The ids of the policies that are attached to a target (root, unit, account).
    pub attached: BTreeMap<String, Vec<String>>,
    pub enabled_policy_types: Vec<PolicyKind>,
    /// CreateAccount requests by id (`car-…`). All have succeeded.
    #[serde(default)]
    pub create_account_requests: BTreeMap<String, (Account, Timestamp)>,
    /// IAM's centralized root access: `RootCredentialsManagement`, `RootSessions`.
    pub enabled_features: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrganizationalUnit {
    pub name: String,
    pub parent: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MemberAccount {
    pub name: String,
    pub email: String,
    pub parent: String,
    pub joined: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyKind {
    ServiceControl,
    ResourceControl,
}

impl PolicyKind {
    pub const ALL: [PolicyKind; 2] = [PolicyKind::ServiceControl, PolicyKind::ResourceControl];

    pub fn as_str(self) -> &'static str {
        match self {
            PolicyKind::ServiceControl => "SERVICE_CONTROL_POLICY",
            PolicyKind::ResourceControl => "RESOURCE_CONTROL_POLICY",
        }
    }

    pub fn document(self) -> Kind {
        match self {
            PolicyKind::ServiceControl => Kind::ServiceControl,
            PolicyKind::ResourceControl => Kind::ResourceControl,
        }
    }

    /// The id of the policy that AWS attaches to every target.
    pub fn full_access_id(self) -> &'static str {
        match self {
            PolicyKind::ServiceControl => "p-FullAWSAccess",
            PolicyKind::ResourceControl => "p-RCPFullAWSAccess",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrganizationPolicy {
    pub name: String,
    pub description: String,
    pub kind: PolicyKind,
    pub content: StoredPolicy,
    pub aws_managed: bool,
}

/// The membership of an account, as decisions need it.
#[derive(Debug)]
pub struct Membership {
    pub organization: Arc<str>,
    /// `o-x/r-y/ou-z/`: `aws:PrincipalOrgPaths`.
    pub path: Arc<str>,
    pub management: Account,
    /// By level, from the root down to the account. Empty for the management account, which SCPs and RCPs do not limit.
    pub service_control: Vec<Vec<Policy>>,
    pub resource_control: Vec<Vec<Policy>>,
}

impl Organization {
    pub fn new(id: String, root: String, management: Account, now: Timestamp) -> Organization {
        let full = |kind: PolicyKind, name: &str, description: &str, text: &str| {
            let content = StoredPolicy::parse(text, kind.document()).ok()?;
            let policy = OrganizationPolicy { name: name.into(), description: description.into(), kind, content, aws_managed: true };
            Some((kind.full_access_id().to_owned(), policy))
        };
        let policies = [
            full(
                PolicyKind::ServiceControl,
                "FullAWSAccess",
                "Allows access to every operation",
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
            ),
            full(
                PolicyKind::ResourceControl,
                "RCPFullAWSAccess",
                "Allows access to every resource",
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#,
            ),
        ];
        let member = MemberAccount { name: "management".into(), email: String::new(), parent: root.clone(), joined: now };
        let mut organization = Organization {
            id,
            management,
            created: now,
            root: root.clone(),
            units: BTreeMap::new(),
            accounts: BTreeMap::from([(management, member)]),
            policies: policies.into_iter().flatten().collect(),
            attached: BTreeMap::new(),
            enabled_policy_types: Vec::new(),
            create_account_requests: BTreeMap::new(),
            enabled_features: Vec::new(),
        };
        organization.attach_full_access(&root);
        organization.attach_full_access(management.as_str());
        organization
    }

    pub fn attach_full_access(&mut self, target: &str) {
        let ids = PolicyKind::ALL.map(|kind| kind.full_access_id().to_owned());
        self.attached.insert(target.to_owned(), ids.to_vec());
    }

    pub fn arn(&self, partition: &str, resource: &str) -> Arn {
        Arn::build(partition, "organizations", "", self.management.as_str(), resource)
    }

    pub fn policy_arn(&self, partition: &str, id: &str) -> String {
        match self.policies.get(id) {
            Some(policy) => {
                let (kind, owner) = match policy.kind {
                    PolicyKind::ServiceControl => ("service_control_policy", "service_control_policy/"),
                    PolicyKind::ResourceControl => ("resource_control_policy", "resource_control_policy/"),
                };
                if policy.aws_managed {
                    format!("arn:{partition}:organizations::aws:policy/{owner}{id}")
                } else {
                    self.arn(partition, &format!("policy/{}/{kind}/{id}", self.id)).to_string()
                }
            }
            None => id.to_owned(),
        }
    }

    /// The root, the units above an account, and the account. None for an account that is not a member.
    fn levels(&self, account: Account) -> Option<Vec<String>> {
        self.accounts.contains_key(&account).then(|| self.path_from_root(account.as_str()))?
    }

    /// The root, the units between it and a target (an account, a unit, the root itself), and the target.
    pub fn path_from_root(&self, target: &str) -> Option<Vec<String>> {
        let mut levels = vec![target.to_owned()];
        let mut at = target.to_owned();
        // Units are at most five levels deep; the bound guards against an endless loop.
        while at != self.root && levels.len() < 16 {
            let account = Account::parse(&at).and_then(|account| self.accounts.get(&account)).map(|member| &member.parent);
            let parent = account.or_else(|| self.units.get(&at).map(|unit| &unit.parent))?.clone();
            levels.push(parent.clone());
            at = parent;
        }
        levels.reverse();
        Some(levels)
    }

    pub fn membership(&self, account: Account, partition: &str) -> Option<Membership> {
        let levels = self.levels(account)?;
        let of = |kind: PolicyKind| -> Vec<Vec<Policy>> {
            if account == self.management || !self.enabled_policy_types.contains(&kind) {
                return Vec::new();
            }
            let named = |id: &String| {
                let policy = self.policies.get(id).filter(|policy| policy.kind == kind)?;
                Some(policy.content.named(self.policy_arn(partition, id)))
            };
            levels.iter().map(|target| self.attached.get(target).into_iter().flatten().filter_map(named).collect()).collect()
        };
        let above = levels.split_last().map(|(_, above)| above.join("/")).unwrap_or_default();
        Some(Membership {
            organization: self.id.as_str().into(),
            path: format!("{}/{above}/", self.id).into(),
            management: self.management,
            service_control: of(PolicyKind::ServiceControl),
            resource_control: of(PolicyKind::ResourceControl),
        })
    }
}
