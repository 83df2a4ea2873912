//! Rows as shapes of the API.

use crate::Iam;
use cloudlet_api_iam as api;
use cloudlet_aws::{Account, Arn};
use cloudlet_engine::Cx;
use cloudlet_identity::{State, Tags, catalogue::AwsManagedPolicy, state};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 3986: all but the unreserved characters.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) fn encoded(document: &str) -> String {
    utf8_percent_encode(document, &RESERVED).to_string()
}

pub(crate) fn tags(tags: &Tags) -> Option<Vec<api::Tag>> {
    (!tags.is_empty()).then(|| listed(tags))
}

pub(crate) fn listed(tags: &Tags) -> Vec<api::Tag> {
    tags.iter().map(|(key, value)| api::Tag { key: key.to_string(), value: value.to_string() }).collect()
}

pub(crate) fn boundary(arn: Option<&Arn>) -> Option<api::AttachedPermissionsBoundary> {
    arn.map(|arn| api::AttachedPermissionsBoundary {
        permissions_boundary_type: Some("Policy".into()),
        permissions_boundary_arn: Some(arn.to_string()),
    })
}

/// Which members an answer has. AWS: lists omit tags, boundary and last use; CreateRole omits session duration and last use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    Created,
    Whole,
    Listed,
}

impl Iam {
    pub(crate) fn arn(&self, account: Account, kind: &str, path: &str, name: &str) -> Arn {
        Arn::build(self.identity.partition(), "iam", "", account.as_str(), &format!("{kind}{path}{name}"))
    }

    pub(crate) fn shown_user(&self, account: Account, user: &state::User, detail: Detail) -> api::User {
        let complete = detail != Detail::Listed;
        api::User {
            path: user.path.clone(),
            user_name: user.name.clone(),
            user_id: user.id.to_string(),
            arn: self.arn(account, "user", &user.path, &user.name).to_string(),
            create_date: user.created.whole_secs(),
            password_last_used: user.password_last_used,
            permissions_boundary: boundary(user.permissions_boundary.as_ref().filter(|_| complete)),
            tags: tags(&user.tags).filter(|_| complete),
        }
    }

    pub(crate) fn shown_group(&self, account: Account, group: &state::Group) -> api::Group {
        api::Group {
            path: group.path.clone(),
            group_name: group.name.clone(),
            group_id: group.id.to_string(),
            arn: self.arn(account, "group", &group.path, &group.name).to_string(),
            create_date: group.created.whole_secs(),
        }
    }

    pub(crate) fn shown_role(&self, account: Account, role: &state::Role, detail: Detail) -> api::Role {
        let complete = detail != Detail::Listed;
        let used = || match role.last_used.get() {
            Some(usage) => api::RoleLastUsed { last_used_date: Some(usage.at.whole_secs()), region: Some(usage.region.to_string()) },
            None => api::RoleLastUsed::default(),
        };
        api::Role {
            path: role.path.clone(),
            role_name: role.name.clone(),
            role_id: role.id.to_string(),
            arn: self.arn(account, "role", &role.path, &role.name).to_string(),
            create_date: role.created.whole_secs(),
            assume_role_policy_document: Some(encoded(&role.trust_policy.text)),
            description: role.description.clone(),
            max_session_duration: (detail != Detail::Created || role.max_session_duration != 3600).then_some(role.max_session_duration),
            permissions_boundary: boundary(role.permissions_boundary.as_ref().filter(|_| complete)),
            tags: tags(&role.tags).filter(|_| complete),
            role_last_used: (detail == Detail::Whole).then(used),
            source_role_template: None,
        }
    }

    pub(crate) fn shown_profile(&self, state: &State, account: Account, profile: &state::InstanceProfile) -> api::InstanceProfile {
        let role = profile.role.as_deref().and_then(|name| state.role(account, name));
        api::InstanceProfile {
            path: profile.path.clone(),
            instance_profile_name: profile.name.clone(),
            instance_profile_id: profile.id.to_string(),
            arn: self.arn(account, "instance-profile", &profile.path, &profile.name).to_string(),
            create_date: profile.created.whole_secs(),
            roles: role.map(|role| self.shown_role(account, role, Detail::Created)).into_iter().collect(),
            tags: tags(&profile.tags),
        }
    }

    pub(crate) fn shown_policy(&self, account: Account, policy: &state::ManagedPolicy, usage: PolicyUsage, detail: Detail) -> api::Policy {
        let complete = detail != Detail::Listed;
        api::Policy {
            policy_name: Some(policy.name.clone()),
            policy_id: Some(policy.id.to_string()),
            arn: Some(self.arn(account, "policy", &policy.path, &policy.name).to_string()),
            path: Some(policy.path.clone()),
            default_version_id: Some(format!("v{}", policy.default_version)),
            attachment_count: Some(usage.attachments),
            permissions_boundary_usage_count: Some(usage.boundaries),
            is_attachable: Some(true),
            description: policy.description.clone().filter(|_| detail == Detail::Whole),
            create_date: Some(policy.created.whole_secs()),
            update_date: Some(policy.updated.whole_secs()),
            tags: tags(&policy.tags).filter(|_| complete),
        }
    }

    pub(crate) fn shown_aws_policy(&self, policy: &AwsManagedPolicy, usage: PolicyUsage, detail: Detail) -> api::Policy {
        let description = if policy.has_document() {
            "An AWS managed policy."
        } else {
            "Cloudlet does not have the document of this AWS managed policy: it allows nothing."
        };
        api::Policy {
            policy_name: Some(policy.name.clone()),
            policy_id: Some(policy.id()),
            arn: Some(policy.arn(self.identity.partition()).to_string()),
            path: Some(policy.path.clone()),
            default_version_id: Some(format!("v{}", policy.version)),
            attachment_count: Some(usage.attachments),
            permissions_boundary_usage_count: Some(usage.boundaries),
            is_attachable: Some(true),
            description: (detail == Detail::Whole).then(|| description.to_owned()),
            create_date: Some(policy.created),
            update_date: Some(policy.updated),
            tags: None,
        }
    }
}

/// How often a policy is used in an account.
#[derive(Clone, Copy, Default)]
pub(crate) struct PolicyUsage {
    pub attachments: i32,
    pub boundaries: i32,
}

/// Counts the uses of every policy of an account.
pub(crate) fn policy_usage(state: &State, account: Account) -> std::collections::HashMap<&str, PolicyUsage> {
    let mut usage: std::collections::HashMap<&str, PolicyUsage> = std::collections::HashMap::new();
    let mut all: Vec<(&Arn, bool)> = Vec::new();
    for user in state::rows_of_account(&state.users, account) {
        all.extend(user.policies.attached.iter().map(|arn| (arn, false)).chain(user.permissions_boundary.iter().map(|arn| (arn, true))));
    }
    for role in state::rows_of_account(&state.roles, account) {
        all.extend(role.policies.attached.iter().map(|arn| (arn, false)).chain(role.permissions_boundary.iter().map(|arn| (arn, true))));
    }
    for group in state::rows_of_account(&state.groups, account) {
        all.extend(group.policies.attached.iter().map(|arn| (arn, false)));
    }
    for (arn, as_boundary) in all {
        let one = usage.entry(arn.as_str()).or_default();
        if as_boundary { one.boundaries += 1 } else { one.attachments += 1 }
    }
    usage
}

/// The user of a request: the one it names, or the caller.
pub(crate) enum UserOrRoot {
    User(String),
    Root,
}

impl UserOrRoot {
    pub fn of(cx: &Cx, named: Option<&str>) -> Result<UserOrRoot, cloudlet_aws::Fault> {
        match (named, &cx.caller.identity) {
            (Some(name), _) => Ok(UserOrRoot::User(name.to_owned())),
            (None, cloudlet_aws::Identity::User { name }) => Ok(UserOrRoot::User(name.to_string())),
            (None, cloudlet_aws::Identity::Root) => Ok(UserOrRoot::Root),
            (None, _) => Err(crate::faults::validation_error("Must specify userName when calling with non-User credentials")),
        }
    }

    /// For operations that do not work on root.
    pub fn user(cx: &Cx, named: Option<&str>) -> Result<String, cloudlet_aws::Fault> {
        match UserOrRoot::of(cx, named)? {
            UserOrRoot::User(name) => Ok(name),
            UserOrRoot::Root => Err(crate::faults::validation_error("Must specify userName when calling with non-User credentials")),
        }
    }
}
