//! A small organization: units, accounts, and the policies that limit what they may do. One for each server, or none.
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
    pub units: BTreeMap<String, Unit>,
    pub accounts: BTreeMap<Account, Member>,
    /// By id, `p-…`.
    pub policies: BTreeMap<String, OrganizationPolicy>,
    /// Targets (root, unit, account) and the ids of what is attached to them.
    pub attached: BTreeMap<String, Vec<String>>,
    /// The kinds of policy that are in force.
    pub enabled: Vec<PolicyKind>,
    /// Requests to create accounts (`car-…`), all of which have been fulfilled.
    #[serde(default)]
    pub requests: BTreeMap<String, (Account, Timestamp)>,
    /// IAM's central management of root: `RootCredentialsManagement`, `RootSessions`.
    pub features: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unit {
    pub name: String,
    pub parent: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
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

    /// The policy that AWS attaches to everything.
    pub fn full_access(self) -> &'static str {
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

/// What an account's place in the organization means for a decision.
#[derive(Debug)]
pub struct Membership {
    pub organization: Arc<str>,
    /// `o-x/r-y/ou-z/`: `aws:PrincipalOrgPaths`.
    pub path: Arc<str>,
    pub management: Account,
    /// From the root down to the account, empty for the management account, which no such policy binds.
    pub service_control: Vec<Vec<Policy>>,
    pub resource_control: Vec<Vec<Policy>>,
}

impl Organization {
    pub fn new(id: String, root: String, management: Account, now: Timestamp) -> Organization {
        let full = |kind: PolicyKind, name: &str, description: &str, text: &str| {
            let content = StoredPolicy::parse(text, kind.document()).ok()?;
            let policy = OrganizationPolicy { name: name.into(), description: description.into(), kind, content, aws_managed: true };
            Some((kind.full_access().to_owned(), policy))
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
        let member = Member { name: "management".into(), email: String::new(), parent: root.clone(), joined: now };
        let mut organization = Organization {
            id,
            management,
            created: now,
            root: root.clone(),
            units: BTreeMap::new(),
            accounts: BTreeMap::from([(management, member)]),
            policies: policies.into_iter().flatten().collect(),
            attached: BTreeMap::new(),
            enabled: Vec::new(),
            requests: BTreeMap::new(),
            features: Vec::new(),
        };
        organization.attach_full_access(&root);
        organization.attach_full_access(management.as_str());
        organization
    }

    pub fn attach_full_access(&mut self, target: &str) {
        let ids = PolicyKind::ALL.map(|kind| kind.full_access().to_owned());
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

    /// The parents of an account from the root down, and the account itself. None for strangers.
    fn levels(&self, account: Account) -> Option<Vec<String>> {
        self.accounts.contains_key(&account).then(|| self.lineage(account.as_str()))?
    }

    /// The root, and all between it and a target (an account, a unit, the root itself), and the target.
    pub fn lineage(&self, target: &str) -> Option<Vec<String>> {
        let mut levels = vec![target.to_owned()];
        let mut at = target.to_owned();
        // A tree of AWS is five units deep; a ring cannot be made, but a loop here would be a hang.
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
            if account == self.management || !self.enabled.contains(&kind) {
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
