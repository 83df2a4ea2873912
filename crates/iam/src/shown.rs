//! How rows look from outside: IAM's shapes, ARNs, documents in URL encoding.

use crate::Iam;
use cloudlet_api_iam as api;
use cloudlet_aws::{Account, Arn};
use cloudlet_engine::Cx;
use cloudlet_identity::{State, Tags, catalogue::AwsManaged, state};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 3986: everything but the unreserved characters.
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

/// How much of a role an answer tells. AWS: lists leave tags, boundary and last use out; CreateRole the session duration and last use.
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
        let whole = detail != Detail::Listed;
        api::User {
            path: user.path.clone(),
            user_name: user.name.clone(),
            user_id: user.id.to_string(),
            arn: self.arn(account, "user", &user.path, &user.name).to_string(),
            create_date: user.created.whole_secs(),
            password_last_used: user.password_used,
            permissions_boundary: boundary(user.boundary.as_ref().filter(|_| whole)),
            tags: tags(&user.tags).filter(|_| whole),
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
        let whole = detail != Detail::Listed;
        let used = || match role.used.get() {
            Some((at, place)) => api::RoleLastUsed { last_used_date: Some(at.whole_secs()), region: Some(place.region.to_string()) },
            None => api::RoleLastUsed::default(),
        };
        api::Role {
            path: role.path.clone(),
            role_name: role.name.clone(),
            role_id: role.id.to_string(),
            arn: self.arn(account, "role", &role.path, &role.name).to_string(),
            create_date: role.created.whole_secs(),
            assume_role_policy_document: Some(encoded(&role.trust.text)),
            description: role.description.clone(),
            max_session_duration: (detail != Detail::Created || role.max_session != 3600).then_some(role.max_session),
            permissions_boundary: boundary(role.boundary.as_ref().filter(|_| whole)),
            tags: tags(&role.tags).filter(|_| whole),
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

    pub(crate) fn shown_policy(&self, account: Account, policy: &state::Managed, uses: Uses, detail: Detail) -> api::Policy {
        let whole = detail != Detail::Listed;
        api::Policy {
            policy_name: Some(policy.name.clone()),
            policy_id: Some(policy.id.to_string()),
            arn: Some(self.arn(account, "policy", &policy.path, &policy.name).to_string()),
            path: Some(policy.path.clone()),
            default_version_id: Some(format!("v{}", policy.default)),
            attachment_count: Some(uses.attached),
            permissions_boundary_usage_count: Some(uses.boundary),
            is_attachable: Some(true),
            description: policy.description.clone().filter(|_| detail == Detail::Whole),
            create_date: Some(policy.created.whole_secs()),
            update_date: Some(policy.updated.whole_secs()),
            tags: tags(&policy.tags).filter(|_| whole),
        }
    }

    pub(crate) fn shown_aws_policy(&self, policy: &AwsManaged, uses: Uses, detail: Detail) -> api::Policy {
        let told =
            if policy.is_real() { "An AWS managed policy." } else { "Cloudlet knows this AWS managed policy by name only: it allows nothing." };
        api::Policy {
            policy_name: Some(policy.name.clone()),
            policy_id: Some(policy.id()),
            arn: Some(policy.arn(self.identity.partition()).to_string()),
            path: Some(policy.path.clone()),
            default_version_id: Some(format!("v{}", policy.version)),
            attachment_count: Some(uses.attached),
            permissions_boundary_usage_count: Some(uses.boundary),
            is_attachable: Some(true),
            description: (detail == Detail::Whole).then(|| told.to_owned()),
            create_date: Some(policy.created),
            update_date: Some(policy.updated),
            tags: None,
        }
    }
}

/// How often a policy is used in an account.
#[derive(Clone, Copy, Default)]
pub(crate) struct Uses {
    pub attached: i32,
    pub boundary: i32,
}

/// Counts the uses of every policy of an account at once.
pub(crate) fn uses(state: &State, account: Account) -> std::collections::HashMap<&str, Uses> {
    let mut uses: std::collections::HashMap<&str, Uses> = std::collections::HashMap::new();
    let mut all: Vec<(&Arn, bool)> = Vec::new();
    for user in state::of_account(&state.users, account) {
        all.extend(user.holds.attached.iter().map(|arn| (arn, false)).chain(user.boundary.iter().map(|arn| (arn, true))));
    }
    for role in state::of_account(&state.roles, account) {
        all.extend(role.holds.attached.iter().map(|arn| (arn, false)).chain(role.boundary.iter().map(|arn| (arn, true))));
    }
    for group in state::of_account(&state.groups, account) {
        all.extend(group.holds.attached.iter().map(|arn| (arn, false)));
    }
    for (arn, as_boundary) in all {
        let one = uses.entry(arn.as_str()).or_default();
        if as_boundary { one.boundary += 1 } else { one.attached += 1 }
    }
    uses
}

/// The user of a call that need not name one: the caller, if it is a user.
pub(crate) enum Whom {
    User(String),
    Root,
}

impl Whom {
    pub fn of(cx: &Cx, named: Option<&str>) -> Result<Whom, cloudlet_aws::Fault> {
        match (named, &cx.caller.identity) {
            (Some(name), _) => Ok(Whom::User(name.to_owned())),
            (None, cloudlet_aws::Identity::User { name }) => Ok(Whom::User(name.to_string())),
            (None, cloudlet_aws::Identity::Root) => Ok(Whom::Root),
            (None, _) => Err(crate::faults::invalid("Must specify userName when calling with non-User credentials")),
        }
    }

    /// The same, where root has no such thing.
    pub fn user(cx: &Cx, named: Option<&str>) -> Result<String, cloudlet_aws::Fault> {
        match Whom::of(cx, named)? {
            Whom::User(name) => Ok(name),
            Whom::Root => Err(crate::faults::invalid("Must specify userName when calling with non-User credentials")),
        }
    }
}
