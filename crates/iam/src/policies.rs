//! Managed policies and their versions: the customer's in tables, AWS's from the catalogue.

use crate::{
    Iam,
    documents::managed_policy,
    faults::{conflict, exists, gone, invalid, limit, no_policy, quota},
    limits,
    operation::{Want, operation},
    paging::page,
    shown::{Detail, Uses, encoded, uses},
    tags::new_tags,
    users::path_of,
};
use cloudlet_api_iam::{faults::DELETE_CONFLICT, *};
use cloudlet_aws::{Account, Arn, Fault, FaultKind};
use cloudlet_engine::Cx;
use cloudlet_identity::{
    State,
    catalogue::{self, AwsManaged},
    state::{self, Of, of_account, rows_of},
};
use cloudlet_shape::Empty;
use std::collections::BTreeMap;

/// A managed policy of either owner.
pub(crate) enum Found<'a> {
    Aws(&'static AwsManaged),
    Own(&'a state::Managed),
}

pub(crate) fn parse_arn(arn: &str) -> Result<(), Fault> {
    match Arn::parse(arn) {
        Some(_) => Ok(()),
        None => Err(invalid("Invalid ARN:  Could not be parsed!")),
    }
}

pub(crate) fn find<'a>(state: &'a State, account: Account, arn: &str) -> Result<Option<Found<'a>>, Fault> {
    parse_arn(arn)?;
    if let Some(policy) = catalogue::by_arn(arn) {
        return Ok(Some(Found::Aws(policy)));
    }
    Ok(state.policy_by_arn(arn).filter(|(owner, _)| *owner == account).map(|(_, policy)| Found::Own(policy)))
}

fn version_number(id: &str) -> Option<u32> {
    id.strip_prefix('v')?.parse().ok()
}

fn no_version(arn: &str, version: &str) -> impl FnOnce() -> Fault {
    move || gone(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

impl Iam {
    pub(crate) fn want_policy(&self, _: &Cx, arn: &str) -> Want {
        let want = self.identity.read(|state| match state.policy_by_arn(arn) {
            Some((_, policy)) => self.want_arn_of(arn).tagged(&policy.tags),
            None => self.want_arn_of(arn),
        });
        want.shown(format!("policy {arn}"))
    }

    fn want_arn_of(&self, arn: &str) -> Want {
        Want::on(Arn::parse(arn).unwrap_or_else(Arn::any))
    }

    /// What is named by ARN only.
    pub(crate) fn want_arn(&self, _: &Cx, arn: &str) -> Want {
        self.want_arn_of(arn)
    }

    fn own_policy<'s>(&self, state: &'s mut State, account: Account, arn: &str) -> Result<&'s mut state::Managed, Fault> {
        parse_arn(arn)?;
        if catalogue::by_arn(arn).is_some() {
            // AWS: "writes on arn:aws:iam::aws:policy/* are implicitly denied".
            return Err(
                FaultKind::sender("AccessDenied", 403).says("Access to the requested resource is denied: AWS managed policies cannot be changed.")
            );
        }
        let name = state.policy_by_arn(arn).filter(|(owner, _)| *owner == account).map(|(_, policy)| policy.name.clone());
        let name = name.ok_or_else(no_policy(arn))?;
        state.policies.get_mut(&Of::new(account, &name)).ok_or_else(no_policy(arn))
    }
}

operation!(
    CreatePolicy,
    |iam, cx, input| {
        let arn = iam.arn(cx.scope.account, "policy", input.path.as_deref().unwrap_or("/"), &input.policy_name);
        Want::on(arn).requests(input.tags.as_deref()).shown(format!("policy {}", input.policy_name))
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let document = managed_policy(&input.policy_document)?;
        let now = cx.now.whole_secs();
        let key = Of::new(account, &input.policy_name);
        let policy = state::Managed {
            name: input.policy_name,
            path: path_of(input.path),
            id: format!("ANPA{}", cx.ids().base32(17)).into(),
            created: now,
            updated: now,
            description: input.description.filter(|text| !text.is_empty()),
            default: 1,
            next: 2,
            versions: BTreeMap::from([(1, state::Version { policy: document, created: now })]),
            tags: new_tags(input.tags.as_deref())?,
        };
        iam.identity.write(|state| {
            if state.policies.contains(&key) {
                return Err(exists(format!("A policy called {} already exists. Duplicate names are not allowed.", policy.name)));
            }
            if rows_of(&state.policies, account).count() >= limits::POLICIES {
                return Err(quota("PoliciesPerAccount", limits::POLICIES));
            }
            let shown = iam.shown_policy(account, &policy, Uses::default(), Detail::Created);
            state.policies.insert(key, policy);
            Ok(CreatePolicyResponse { policy: Some(shown) })
        })
    }
);

operation!(GetPolicy, |iam, cx, input| iam.want_policy(cx, &input.policy_arn), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.read(|state| {
        let uses = uses(state, account).get(input.policy_arn.as_str()).copied().unwrap_or_default();
        let mut policy = match find(state, account, &input.policy_arn)?.ok_or_else(no_policy(&input.policy_arn))? {
            Found::Aws(policy) => iam.shown_aws_policy(policy, uses, Detail::Whole),
            Found::Own(policy) => iam.shown_policy(account, policy, uses, Detail::Whole),
        };
        // AWS: an empty list here, and none where a policy was created. Recorded: moto's tests that are verified against AWS.
        policy.tags.get_or_insert_default();
        Ok(GetPolicyResponse { policy: Some(policy) })
    })
});

operation!(ListPolicies, |iam, cx, input| iam.want_path(cx, "policy", input.path_prefix.as_deref()), |iam, cx, input| {
    let account = cx.scope.account;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let scope = input.scope.as_deref().unwrap_or("All");
    iam.identity.read(|state| {
        let uses = uses(state, account);
        let used = |arn: &str| uses.get(arn).copied().unwrap_or_default();
        let partition = iam.identity.partition();
        let aws = catalogue::all().filter(|policy| scope != "Local" && policy.path.starts_with(prefix)).map(|policy| {
            let used = used(policy.arn(partition).as_str());
            (used, Found::Aws(policy))
        });
        let own = of_account(&state.policies, account).filter(|policy| scope != "AWS" && policy.path.starts_with(prefix)).map(|policy| {
            let used = used(iam.arn(account, "policy", &policy.path, &policy.name).as_str());
            (used, Found::Own(policy))
        });
        // The customer's own first: they are what most lists are read for.
        let wanted = own.chain(aws).filter(|(used, _)| {
            let attached = input.only_attached != Some(true) || used.attached > 0;
            attached
                && match input.policy_usage_filter.as_deref() {
                    Some("PermissionsPolicy") => used.attached > 0,
                    Some("PermissionsBoundary") => used.boundary > 0,
                    _ => true,
                }
        });
        let page = page(wanted, input.marker.as_deref(), input.max_items)?.map(|(used, policy)| match policy {
            Found::Aws(policy) => iam.shown_aws_policy(policy, used, Detail::Listed),
            Found::Own(policy) => iam.shown_policy(account, policy, used, Detail::Listed),
        });
        Ok(ListPoliciesResponse { policies: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(DeletePolicy, |iam, cx, input| iam.want_policy(cx, &input.policy_arn), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        let policy = iam.own_policy(state, account, &input.policy_arn)?;
        let (versions, name) = (policy.versions.len(), policy.name.clone());
        let used = uses(state, account).get(input.policy_arn.as_str()).copied().unwrap_or_default();
        if used.attached + used.boundary > 0 {
            return Err(conflict("Cannot delete a policy attached to entities."));
        }
        if versions > 1 {
            return Err(DELETE_CONFLICT.says(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
                 The default version is deleted with the policy.",
            ));
        }
        state.policies.remove(&Of::new(account, &name));
        Ok(Empty {})
    })
});

fn shown_version(policy: &state::Managed, number: u32, version: &state::Version, text: Option<String>) -> PolicyVersion {
    PolicyVersion {
        document: text,
        version_id: Some(format!("v{number}")),
        is_default_version: Some(number == policy.default),
        create_date: Some(version.created),
    }
}

operation!(CreatePolicyVersion, |iam, cx, input| iam.want_policy(cx, &input.policy_arn), |iam, cx, input| {
    let account = cx.scope.account;
    let document = managed_policy(&input.policy_document)?;
    iam.identity.write(|state| {
        let policy = iam.own_policy(state, account, &input.policy_arn)?;
        if policy.versions.len() >= limits::VERSIONS {
            return Err(limit("A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."));
        }
        let (number, now) = (policy.next, cx.now.whole_secs());
        let version = state::Version { policy: document, created: now };
        policy.next += 1;
        policy.updated = now;
        if input.set_as_default == Some(true) {
            policy.default = number;
        }
        let shown = shown_version(policy, number, &version, None);
        policy.versions.insert(number, version);
        Ok(CreatePolicyVersionResponse { policy_version: Some(shown) })
    })
});

operation!(GetPolicyVersion, |iam, cx, input| iam.want_policy(cx, &input.policy_arn), |iam, cx, input| {
    let number = version_number(&input.version_id);
    iam.identity.read(|state| {
        let shown = match find(state, cx.scope.account, &input.policy_arn)?.ok_or_else(no_policy(&input.policy_arn))? {
            Found::Own(policy) => {
                let found = number.and_then(|number| Some((number, policy.versions.get(&number)?)));
                let (number, version) = found.ok_or_else(no_version(&input.policy_arn, &input.version_id))?;
                shown_version(policy, number, version, Some(encoded(&version.policy.text)))
            }
            // Of AWS's policies only the current version is known.
            Found::Aws(policy) if number == Some(policy.version) => PolicyVersion {
                document: Some(encoded(policy.text())),
                version_id: Some(format!("v{}", policy.version)),
                is_default_version: Some(true),
                create_date: Some(policy.updated),
            },
            Found::Aws(_) => return Err(no_version(&input.policy_arn, &input.version_id)()),
        };
        Ok(GetPolicyVersionResponse { policy_version: Some(shown) })
    })
});

operation!(ListPolicyVersions, |iam, cx, input| iam.want_policy(cx, &input.policy_arn), |iam, cx, input| iam.identity.read(|state| {
    let versions: Vec<PolicyVersion> = match find(state, cx.scope.account, &input.policy_arn)?.ok_or_else(no_policy(&input.policy_arn))? {
        // AWS: the newest first.
        Found::Own(policy) => policy.versions.iter().rev().map(|(number, version)| shown_version(policy, *number, version, None)).collect(),
        Found::Aws(policy) => vec![PolicyVersion {
            version_id: Some(format!("v{}", policy.version)),
            is_default_version: Some(true),
            create_date: Some(policy.updated),
            document: None,
        }],
    };
    let page = page(versions.into_iter(), input.marker.as_deref(), input.max_items)?;
    Ok(ListPolicyVersionsResponse { versions: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
}));

operation!(DeletePolicyVersion, |iam, cx, input| iam.want_policy(cx, &input.policy_arn), |iam, cx, input| {
    iam.identity.write(|state| {
        let policy = iam.own_policy(state, cx.scope.account, &input.policy_arn)?;
        let number = version_number(&input.version_id).filter(|number| policy.versions.contains_key(number));
        let number = number.ok_or_else(no_version(&input.policy_arn, &input.version_id))?;
        if number == policy.default {
            return Err(conflict("Cannot delete the default version of a policy."));
        }
        policy.versions.remove(&number);
        Ok(Empty {})
    })
});

operation!(SetDefaultPolicyVersion, |iam, cx, input| iam.want_policy(cx, &input.policy_arn), |iam, cx, input| {
    iam.identity.write(|state| {
        let policy = iam.own_policy(state, cx.scope.account, &input.policy_arn)?;
        let number = version_number(&input.version_id).filter(|number| policy.versions.contains_key(number));
        policy.default = number.ok_or_else(no_version(&input.policy_arn, &input.version_id))?;
        policy.updated = cx.now.whole_secs();
        Ok(Empty {})
    })
});

operation!(ListEntitiesForPolicy, |iam, cx, input| iam.want_policy(cx, &input.policy_arn), |iam, cx, input| {
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
        let groups = of_account(&state.groups, account)
            .filter(|group| matches!(kind, None | Some("Group")) && group.path.starts_with(prefix) && uses(&group.holds.attached, None))
            .map(Entity::Group);
        let users = of_account(&state.users, account)
            .filter(|user| matches!(kind, None | Some("User")) && user.path.starts_with(prefix) && uses(&user.holds.attached, user.boundary.as_ref()))
            .map(Entity::User);
        let roles = of_account(&state.roles, account)
            .filter(|role| matches!(kind, None | Some("Role")) && role.path.starts_with(prefix) && uses(&role.holds.attached, role.boundary.as_ref()))
            .map(Entity::Role);
        let page = page(groups.chain(users).chain(roles), input.marker.as_deref(), input.max_items)?;
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
