//! Managed policies and their versions: customer managed ones from the table, AWS managed ones from the catalogue.

use crate::{
    Iam,
    documents::parse_managed_policy,
    faults::{already_exists, delete_conflict, limit_exceeded, no_policy, no_such, quota, validation_error},
    limits,
    operation::{RequiredPermission, operation},
    output::{Detail, PolicyUsage, encoded, policy_usage},
    paging::{named_rows, page},
    tags::new_tags,
    users::path_of,
};
use cloudlet_api_iam::{faults::DELETE_CONFLICT, *};
use cloudlet_aws::{Account, Arn, ArnParts, Fault, FaultKind};
use cloudlet_engine::Cx;
use cloudlet_identity::{
    State,
    catalogue::{self, AwsManagedPolicy},
    state::{self, EntityKey, entries_of_account},
};
use cloudlet_shape::Empty;
use std::{cmp::Reverse, collections::BTreeMap};

/// An AWS managed or a customer managed policy.
pub(crate) enum PolicyRef<'a> {
    Aws(&'static AwsManagedPolicy),
    Customer(&'a state::ManagedPolicy),
}

pub(crate) fn parse_arn(arn: &str) -> Result<(), Fault> {
    match ArnParts::parse(arn) {
        Some(_) => Ok(()),
        None => Err(validation_error("Invalid ARN:  Could not be parsed!")),
    }
}

pub(crate) fn find<'a>(state: &'a State, account: Account, arn: &str) -> Result<Option<PolicyRef<'a>>, Fault> {
    parse_arn(arn)?;
    if let Some(policy) = catalogue::by_arn(arn) {
        return Ok(Some(PolicyRef::Aws(policy)));
    }
    Ok(state.policy_by_arn(arn).filter(|(owner, _)| *owner == account).map(|(_, policy)| PolicyRef::Customer(policy)))
}

/// AWS: changes of `arn:aws:iam::aws:policy/*` are implicitly denied. Unverified: the message.
pub(crate) fn check_not_aws_managed(arn: &str) -> Result<(), Fault> {
    match catalogue::by_arn(arn) {
        Some(_) => {
            Err(FaultKind::sender("AccessDenied", 403).says("Access to the requested resource is denied: AWS managed policies cannot be changed."))
        }
        None => Ok(()),
    }
}

fn version_number(id: &str) -> Option<u32> {
    id.strip_prefix('v')?.parse().ok()
}

fn no_version(arn: &str, version: &str) -> impl FnOnce() -> Fault {
    move || no_such(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

impl Iam {
    pub(crate) fn on_policy(&self, cx: &Cx, arn: &str) -> RequiredPermission {
        let permission = self.on_arn(cx, arn).with_name(format!("policy {arn}"));
        self.identity.read(|state| match state.policy_by_arn(arn) {
            Some((_, policy)) => permission.with_resource_tags(&policy.tags),
            None => permission,
        })
    }

    /// On a resource that requests name by ARN.
    pub(crate) fn on_arn(&self, _: &Cx, arn: &str) -> RequiredPermission {
        RequiredPermission::on(Arn::parse(arn).unwrap_or_else(Arn::any))
    }

    fn customer_policy<'s>(&self, state: &'s mut State, account: Account, arn: &str) -> Result<&'s mut state::ManagedPolicy, Fault> {
        parse_arn(arn)?;
        check_not_aws_managed(arn)?;
        let name = state.policy_by_arn(arn).filter(|(owner, _)| *owner == account).map(|(_, policy)| policy.name.clone());
        let name = name.ok_or_else(no_policy(arn))?;
        state.policies.get_mut(&EntityKey::new(account, &name)).ok_or_else(no_policy(arn))
    }
}

operation!(
    CreatePolicy,
    |iam, cx, input| {
        let arn = iam.arn(cx.scope.account, "policy", input.path.as_deref().unwrap_or("/"), &input.policy_name);
        RequiredPermission::on(arn).with_request_tags(input.tags.as_deref()).with_name(format!("policy {}", input.policy_name))
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let document = parse_managed_policy(&input.policy_document)?;
        let now = cx.now.whole_secs();
        let key = EntityKey::new(account, &input.policy_name);
        let policy = state::ManagedPolicy {
            name: input.policy_name,
            path: path_of(input.path),
            id: format!("ANPA{}", cx.ids().base32(17)).into(),
            created: now,
            updated: now,
            description: input.description.filter(|text| !text.is_empty()),
            default_version: 1,
            next_version: 2,
            versions: BTreeMap::from([(1, state::PolicyVersion { policy: document, created: now })]),
            tags: new_tags(input.tags.as_deref())?,
        };
        iam.identity.write(|state| {
            if state.policies.contains(&key) {
                return Err(already_exists(format!("A policy called {} already exists. Duplicate names are not allowed.", policy.name)));
            }
            if entries_of_account(&state.policies, account).count() >= limits::POLICIES {
                return Err(quota("PoliciesPerAccount", limits::POLICIES));
            }
            let shown = iam.shown_policy(account, &policy, PolicyUsage::default(), Detail::Created);
            state.policies.insert(key, policy);
            Ok(CreatePolicyResponse { policy: Some(shown) })
        })
    }
);

operation!(GetPolicy, |iam, cx, input| iam.on_policy(cx, &input.policy_arn), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.read(|state| {
        let usage = policy_usage(state, account).get(input.policy_arn.as_str()).copied().unwrap_or_default();
        let mut policy = match find(state, account, &input.policy_arn)?.ok_or_else(no_policy(&input.policy_arn))? {
            PolicyRef::Aws(policy) => iam.shown_aws_policy(policy, usage, Detail::Whole),
            PolicyRef::Customer(policy) => iam.shown_policy(account, policy, usage, Detail::Whole),
        };
        // AWS: an empty list here, and none where a policy was created. Recorded: moto's tests that are verified against AWS.
        policy.tags.get_or_insert_default();
        Ok(GetPolicyResponse { policy: Some(policy) })
    })
});

operation!(ListPolicies, |iam, cx, input| iam.on_path(cx, "policy", input.path_prefix.as_deref()), |iam, cx, input| {
    let account = cx.scope.account;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let scope = input.scope.as_deref().unwrap_or("All");
    iam.identity.read(|state| {
        let usage = policy_usage(state, account);
        let used = |arn: &str| usage.get(arn).copied().unwrap_or_default();
        let partition = iam.identity.partition();
        let aws = catalogue::all().filter(|policy| scope != "Local" && policy.path.starts_with(prefix)).map(|policy| {
            let used = used(policy.arn(partition).as_str());
            ((1, policy.name.clone()), (used, PolicyRef::Aws(policy)))
        });
        let customer =
            named_rows(&state.policies, account).filter(|(_, policy)| scope != "AWS" && policy.path.starts_with(prefix)).map(|(name, policy)| {
                let used = used(iam.arn(account, "policy", &policy.path, &policy.name).as_str());
                ((0, name), (used, PolicyRef::Customer(policy)))
            });
        // Customer managed policies first: most lists are read for them.
        let listed = customer.chain(aws).filter(|(_, (used, _))| {
            let attached = input.only_attached != Some(true) || used.attachments > 0;
            attached
                && match input.policy_usage_filter.as_deref() {
                    Some("PermissionsPolicy") => used.attachments > 0,
                    Some("PermissionsBoundary") => used.boundaries > 0,
                    _ => true,
                }
        });
        let page = page::<ListPolicies, _, _>(cx, &input, listed)?.map(|(used, policy)| match policy {
            PolicyRef::Aws(policy) => iam.shown_aws_policy(policy, used, Detail::Listed),
            PolicyRef::Customer(policy) => iam.shown_policy(account, policy, used, Detail::Listed),
        });
        Ok(ListPoliciesResponse { policies: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(DeletePolicy, |iam, cx, input| iam.on_policy(cx, &input.policy_arn), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        let policy = iam.customer_policy(state, account, &input.policy_arn)?;
        let (versions, name) = (policy.versions.len(), policy.name.clone());
        let used = policy_usage(state, account).get(input.policy_arn.as_str()).copied().unwrap_or_default();
        if used.attachments + used.boundaries > 0 {
            return Err(delete_conflict("Cannot delete a policy attached to entities."));
        }
        if versions > 1 {
            return Err(DELETE_CONFLICT.says(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
                 The default version is deleted with the policy.",
            ));
        }
        state.policies.remove(&EntityKey::new(account, &name));
        Ok(Empty {})
    })
});

fn shown_version(policy: &state::ManagedPolicy, number: u32, version: &state::PolicyVersion, text: Option<String>) -> PolicyVersion {
    PolicyVersion {
        document: text,
        version_id: Some(format!("v{number}")),
        is_default_version: Some(number == policy.default_version),
        create_date: Some(version.created),
    }
}

operation!(CreatePolicyVersion, |iam, cx, input| iam.on_policy(cx, &input.policy_arn), |iam, cx, input| {
    let account = cx.scope.account;
    let document = parse_managed_policy(&input.policy_document)?;
    iam.identity.write(|state| {
        let policy = iam.customer_policy(state, account, &input.policy_arn)?;
        if policy.versions.len() >= limits::VERSIONS {
            return Err(limit_exceeded(
                "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
            ));
        }
        let (number, now) = (policy.next_version, cx.now.whole_secs());
        let version = state::PolicyVersion { policy: document, created: now };
        policy.next_version += 1;
        policy.updated = now;
        if input.set_as_default == Some(true) {
            policy.default_version = number;
        }
        let shown = shown_version(policy, number, &version, None);
        policy.versions.insert(number, version);
        Ok(CreatePolicyVersionResponse { policy_version: Some(shown) })
    })
});

operation!(GetPolicyVersion, |iam, cx, input| iam.on_policy(cx, &input.policy_arn), |iam, cx, input| {
    let number = version_number(&input.version_id);
    iam.identity.read(|state| {
        let shown = match find(state, cx.scope.account, &input.policy_arn)?.ok_or_else(no_policy(&input.policy_arn))? {
            PolicyRef::Customer(policy) => {
                let found = number.and_then(|number| Some((number, policy.versions.get(&number)?)));
                let (number, version) = found.ok_or_else(no_version(&input.policy_arn, &input.version_id))?;
                shown_version(policy, number, version, Some(encoded(&version.policy.text)))
            }
            // Only the current version of an AWS managed policy is known.
            PolicyRef::Aws(policy) if number == Some(policy.version) => PolicyVersion {
                document: Some(encoded(policy.text())),
                version_id: Some(format!("v{}", policy.version)),
                is_default_version: Some(true),
                create_date: Some(policy.updated),
            },
            PolicyRef::Aws(_) => return Err(no_version(&input.policy_arn, &input.version_id)()),
        };
        Ok(GetPolicyVersionResponse { policy_version: Some(shown) })
    })
});

operation!(ListPolicyVersions, |iam, cx, input| iam.on_policy(cx, &input.policy_arn), |iam, cx, input| iam.identity.read(|state| {
    let versions: Vec<(Reverse<u32>, PolicyVersion)> =
        match find(state, cx.scope.account, &input.policy_arn)?.ok_or_else(no_policy(&input.policy_arn))? {
            // AWS: the newest first.
            PolicyRef::Customer(policy) => {
                policy.versions.iter().rev().map(|(number, version)| (Reverse(*number), shown_version(policy, *number, version, None))).collect()
            }
            PolicyRef::Aws(policy) => {
                let version = PolicyVersion {
                    version_id: Some(format!("v{}", policy.version)),
                    is_default_version: Some(true),
                    create_date: Some(policy.updated),
                    document: None,
                };
                vec![(Reverse(policy.version), version)]
            }
        };
    let page = page::<ListPolicyVersions, _, _>(cx, &input, versions)?;
    Ok(ListPolicyVersionsResponse { versions: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
}));

operation!(DeletePolicyVersion, |iam, cx, input| iam.on_policy(cx, &input.policy_arn), |iam, cx, input| {
    iam.identity.write(|state| {
        let policy = iam.customer_policy(state, cx.scope.account, &input.policy_arn)?;
        let number = version_number(&input.version_id).filter(|number| policy.versions.contains_key(number));
        let number = number.ok_or_else(no_version(&input.policy_arn, &input.version_id))?;
        if number == policy.default_version {
            return Err(delete_conflict("Cannot delete the default version of a policy."));
        }
        policy.versions.remove(&number);
        Ok(Empty {})
    })
});

operation!(SetDefaultPolicyVersion, |iam, cx, input| iam.on_policy(cx, &input.policy_arn), |iam, cx, input| {
    iam.identity.write(|state| {
        let policy = iam.customer_policy(state, cx.scope.account, &input.policy_arn)?;
        let number = version_number(&input.version_id).filter(|number| policy.versions.contains_key(number));
        policy.default_version = number.ok_or_else(no_version(&input.policy_arn, &input.version_id))?;
        policy.updated = cx.now.whole_secs();
        Ok(Empty {})
    })
});

operation!(ListEntitiesForPolicy, |iam, cx, input| iam.on_policy(cx, &input.policy_arn), |iam, cx, input| {
    let account = cx.scope.account;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let kind = input.entity_filter.as_deref();
    let usage = input.policy_usage_filter.as_deref();
    iam.identity.read(|state| {
        find(state, account, &input.policy_arn)?.ok_or_else(no_policy(&input.policy_arn))?;
        let uses = |attached: &[Arn], boundary: Option<&Arn>| {
            let is = |arn: &Arn| arn.as_str() == input.policy_arn;
            (usage != Some("PermissionsBoundary") && attached.iter().any(is)) || (usage != Some("PermissionsPolicy") && boundary.is_some_and(is))
        };
        enum Entity<'a> {
            Group(&'a state::Group),
            User(&'a state::User),
            Role(&'a state::Role),
        }
        let groups = named_rows(&state.groups, account)
            .filter(|(_, group)| matches!(kind, None | Some("Group")) && group.path.starts_with(prefix) && uses(&group.policies.attached, None))
            .map(|(name, row)| ((0, name), Entity::Group(row)));
        let users = named_rows(&state.users, account)
            .filter(|(_, user)| {
                matches!(kind, None | Some("User"))
                    && user.path.starts_with(prefix)
                    && uses(&user.policies.attached, user.permissions_boundary.as_ref())
            })
            .map(|(name, row)| ((1, name), Entity::User(row)));
        let roles = named_rows(&state.roles, account)
            .filter(|(_, role)| {
                matches!(kind, None | Some("Role"))
                    && role.path.starts_with(prefix)
                    && uses(&role.policies.attached, role.permissions_boundary.as_ref())
            })
            .map(|(name, row)| ((2, name), Entity::Role(row)));
        let page = page::<ListEntitiesForPolicy, _, _>(cx, &input, groups.chain(users).chain(roles))?;
        let (mut groups, mut users, mut roles) = (vec![], vec![], vec![]);
        for entity in page.items {
            match entity {
                Entity::Group(row) => groups.push(PolicyGroup { group_name: Some(row.name.clone()), group_id: Some(row.id.to_string()) }),
                Entity::User(row) => users.push(PolicyUser { user_name: Some(row.name.clone()), user_id: Some(row.id.to_string()) }),
                Entity::Role(row) => roles.push(PolicyRole { role_name: Some(row.name.clone()), role_id: Some(row.id.to_string()) }),
            }
        }
        Ok(ListEntitiesForPolicyResponse {
            policy_groups: Some(groups),
            policy_users: Some(users),
            policy_roles: Some(roles),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    })
});
