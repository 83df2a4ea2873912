//! Roles and instance profiles.

use crate::{
    Iam,
    documents::rename_principal,
    faults::{already_exists, entity_exists, must_first, no_profile, no_such_entity, protected, quota, validation_error},
    limits,
    operation::{RequiredPermission, operation},
    output::Detail,
    paging::{named_rows, page},
    tags::new_tags,
    users::path_of,
};
use cloudlet_api_iam::{faults::LIMIT_EXCEEDED, *};
use cloudlet_aws::Arn;
use cloudlet_engine::{Cx, Permission};
use cloudlet_identity::{
    LastUsed,
    state::{self, EntityKey, entries_of_account, rows_of_account},
};
use cloudlet_shape::Empty;

impl Iam {
    pub(crate) fn role_arn(&self, cx: &Cx, name: &str) -> Arn {
        let account = cx.scope.account;
        let path = self.identity.read(|state| state.role(account, name).map(|role| role.path.clone()));
        self.arn(account, "role", path.as_deref().unwrap_or("/"), name)
    }

    pub(crate) fn on_role(&self, cx: &Cx, name: &str) -> RequiredPermission {
        let account = cx.scope.account;
        let permission = self.identity.read(|state| match state.role(account, name) {
            Some(role) => RequiredPermission::on(self.arn(account, "role", &role.path, name))
                .with_resource_tags(&role.tags)
                .with_principal_boundary(role.permissions_boundary.as_ref()),
            None => RequiredPermission::on(self.arn(account, "role", "/", name)),
        });
        permission.with_name(format!("role {name}"))
    }

    pub(crate) fn on_instance_profile(&self, cx: &Cx, name: &str) -> RequiredPermission {
        let account = cx.scope.account;
        let permission = self.identity.read(|state| match state.instance_profile(account, name) {
            Some(profile) => RequiredPermission::on(self.arn(account, "instance-profile", &profile.path, name)).with_resource_tags(&profile.tags),
            None => RequiredPermission::on(self.arn(account, "instance-profile", "/", name)),
        });
        permission.with_name(format!("instance profile {name}"))
    }
}

operation!(
    CreateRole,
    |iam, cx, input| {
        let arn = iam.arn(cx.scope.account, "role", input.path.as_deref().unwrap_or("/"), &input.role_name);
        RequiredPermission::on(arn).with_request_tags(input.tags.as_deref()).with_request_boundary(input.permissions_boundary.as_deref())
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let path = path_of(input.path);
        if path.starts_with("/aws-service-role/") || path.starts_with("/aws-reserved/") {
            return Err(validation_error(format!("Path {path} is reserved for the use of AWS.")));
        }
        let tags = new_tags(input.tags.as_deref())?;
        let key = EntityKey::new(account, &input.role_name);
        iam.identity.write(|state| {
            let trust = iam.parse_trust_policy(state, account, &input.assume_role_policy_document)?;
            if state.roles.contains(&key) {
                return Err(entity_exists("Role", &input.role_name));
            }
            if entries_of_account(&state.roles, account).count() >= limits::ROLES {
                return Err(quota("RolesPerAccount", limits::ROLES));
            }
            crate::boundaries::check(state, account, input.permissions_boundary.as_deref())?;
            let role = state::Role {
                name: input.role_name,
                path,
                id: format!("AROA{}", cx.ids().base32(17)).into(),
                created: cx.now.whole_secs(),
                trust_policy: trust,
                description: input.description.filter(|text| !text.is_empty()),
                max_session_duration: input.max_session_duration.unwrap_or(3600),
                tags,
                permissions_boundary: input.permissions_boundary.as_deref().and_then(Arn::parse),
                policies: Default::default(),
                last_used: LastUsed::default(),
                linked_service: None,
            };
            let shown = iam.shown_role(account, &role, Detail::Created);
            state.roles.insert(key, role);
            Ok(CreateRoleResponse { role: shown })
        })
    }
);

operation!(GetRole, |iam, cx, input| iam.on_role(cx, &input.role_name), |iam, cx, input| iam.identity.read(|state| {
    let role = state.role(cx.scope.account, &input.role_name).ok_or_else(no_such_entity("role", &input.role_name))?;
    Ok(GetRoleResponse { role: iam.shown_role(cx.scope.account, role, Detail::Whole) })
}));

operation!(ListRoles, |iam, cx, input| iam.on_path(cx, "role", input.path_prefix.as_deref()), |iam, cx, input| {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    iam.identity.read(|state| {
        let roles = named_rows(&state.roles, cx.scope.account).filter(|(_, role)| role.path.starts_with(prefix));
        let page = page::<ListRoles, _, _>(cx, &input, roles)?.map(|role| iam.shown_role(cx.scope.account, role, Detail::Listed));
        Ok(ListRolesResponse { roles: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(UpdateRole, |iam, cx, input| iam.on_role(cx, &input.role_name), |iam, cx, input| iam.identity.write(|state| {
    let role = iam.role_mut(state, cx.scope.account, &input.role_name)?;
    // AWS: an empty description removes it.
    if let Some(text) = input.description {
        role.description = Some(text).filter(|text| !text.is_empty());
    }
    if let Some(seconds) = input.max_session_duration {
        role.max_session_duration = seconds;
    }
    Ok(UpdateRoleResponse {})
}));

operation!(UpdateRoleDescription, |iam, cx, input| iam.on_role(cx, &input.role_name), |iam, cx, input| iam.identity.write(|state| {
    let account = cx.scope.account;
    let role = iam.role_mut(state, account, &input.role_name)?;
    role.description = Some(input.description).filter(|text| !text.is_empty());
    Ok(UpdateRoleDescriptionResponse { role: Some(iam.shown_role(account, role, Detail::Created)) })
}));

operation!(UpdateAssumeRolePolicy, |iam, cx, input| iam.on_role(cx, &input.role_name), |iam, cx, input| iam.identity.write(|state| {
    let account = cx.scope.account;
    state.role(account, &input.role_name).ok_or_else(no_such_entity("role", &input.role_name))?;
    let trust = iam.parse_trust_policy(state, account, &input.policy_document)?;
    iam.role_mut(state, account, &input.role_name)?.trust_policy = trust;
    Ok(Empty {})
}));

operation!(DeleteRole, |iam, cx, input| iam.on_role(cx, &input.role_name), |iam, cx, input| iam.identity.write(|state| {
    let account = cx.scope.account;
    let role = state.role(account, &input.role_name).ok_or_else(no_such_entity("role", &input.role_name))?;
    if role.linked_service.is_some() {
        return Err(protected(&input.role_name));
    }
    let references = [
        (
            rows_of_account(&state.instance_profiles, account).any(|profile| profile.role.as_deref() == Some(&role.name)),
            "remove roles from instance profile",
        ),
        (!role.policies.attached.is_empty(), "detach all policies"),
        (!role.policies.inline.is_empty(), "delete policies"),
    ];
    if let Some((_, what)) = references.into_iter().find(|(exists, _)| *exists) {
        return Err(must_first(what));
    }
    let (arn, id) = (iam.arn(account, "role", &role.path, &role.name), role.id.clone());
    rename_principal(state, arn.as_str(), &id);
    state.roles.remove(&EntityKey::new(account, &input.role_name));
    Ok(Empty {})
}));

operation!(
    CreateInstanceProfile,
    |iam, cx, input| {
        let arn = iam.arn(cx.scope.account, "instance-profile", input.path.as_deref().unwrap_or("/"), &input.instance_profile_name);
        RequiredPermission::on(arn).with_request_tags(input.tags.as_deref())
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let key = EntityKey::new(account, &input.instance_profile_name);
        let profile = state::InstanceProfile {
            name: input.instance_profile_name,
            path: path_of(input.path),
            id: format!("AIPA{}", cx.ids().base32(17)).into(),
            created: cx.now.whole_secs(),
            role: None,
            tags: new_tags(input.tags.as_deref())?,
        };
        iam.identity.write(|state| {
            if state.instance_profiles.contains(&key) {
                return Err(already_exists(format!("Instance Profile {} already exists.", profile.name)));
            }
            if entries_of_account(&state.instance_profiles, account).count() >= limits::INSTANCE_PROFILES {
                return Err(quota("InstanceProfilesPerAccount", limits::INSTANCE_PROFILES));
            }
            let shown = iam.shown_profile(state, account, &profile);
            state.instance_profiles.insert(key, profile);
            Ok(CreateInstanceProfileResponse { instance_profile: shown })
        })
    }
);

operation!(GetInstanceProfile, |iam, cx, input| iam.on_instance_profile(cx, &input.instance_profile_name), |iam, cx, input| {
    let account = cx.scope.account;
    let name = &input.instance_profile_name;
    iam.identity.read(|state| {
        let profile = state.instance_profile(account, name).ok_or_else(no_profile(name))?;
        let mut shown = iam.shown_profile(state, account, profile);
        // AWS: an empty list, as in GetPolicy.
        shown.tags.get_or_insert_default();
        Ok(GetInstanceProfileResponse { instance_profile: shown })
    })
});

operation!(ListInstanceProfiles, |iam, cx, input| iam.on_path(cx, "instance-profile", input.path_prefix.as_deref()), |iam, cx, input| {
    let account = cx.scope.account;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    iam.identity.read(|state| {
        let profiles = named_rows(&state.instance_profiles, account).filter(|(_, profile)| profile.path.starts_with(prefix));
        let page = page::<ListInstanceProfiles, _, _>(cx, &input, profiles)?.map(|profile| iam.shown_profile(state, account, profile));
        Ok(ListInstanceProfilesResponse { instance_profiles: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(ListInstanceProfilesForRole, |iam, cx, input| iam.on_role(cx, &input.role_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.read(|state| {
        state.role(account, &input.role_name).ok_or_else(no_such_entity("role", &input.role_name))?;
        let profiles = named_rows(&state.instance_profiles, account).filter(|(_, profile)| profile.role.as_deref() == Some(&input.role_name));
        let page = page::<ListInstanceProfilesForRole, _, _>(cx, &input, profiles)?.map(|profile| iam.shown_profile(state, account, profile));
        Ok(ListInstanceProfilesForRoleResponse { instance_profiles: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(DeleteInstanceProfile, |iam, cx, input| iam.on_instance_profile(cx, &input.instance_profile_name), |iam, cx, input| {
    let name = &input.instance_profile_name;
    let key = EntityKey::new(cx.scope.account, name);
    iam.identity.write(|state| {
        let profile = state.instance_profile(cx.scope.account, name).ok_or_else(no_profile(name))?;
        if profile.role.is_some() {
            return Err(must_first("remove roles from instance profile"));
        }
        state.instance_profiles.remove(&key);
        Ok(Empty {})
    })
});

operation!(
    AddRoleToInstanceProfile,
    |iam, cx, input| {
        let pass = Permission::action("iam:PassRole", iam.role_arn(cx, &input.role_name)).with_key("iam:PassedToService", "ec2.amazonaws.com");
        iam.on_instance_profile(cx, &input.instance_profile_name).and(pass)
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let name = &input.instance_profile_name;
        iam.identity.write(|state| {
            let role = state.role(account, &input.role_name).ok_or_else(no_such_entity("role", &input.role_name))?;
            if role.linked_service.is_some() {
                return Err(protected(&input.role_name));
            }
            let profile = iam.instance_profile_mut(state, account, name)?;
            if profile.role.is_some() {
                return Err(LIMIT_EXCEEDED.says("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
            }
            profile.role = Some(input.role_name);
            Ok(Empty {})
        })
    }
);

operation!(RemoveRoleFromInstanceProfile, |iam, cx, input| iam.on_instance_profile(cx, &input.instance_profile_name), |iam, cx, input| {
    let account = cx.scope.account;
    let name = &input.instance_profile_name;
    iam.identity.write(|state| {
        state.role(account, &input.role_name).ok_or_else(no_such_entity("role", &input.role_name))?;
        let profile = iam.instance_profile_mut(state, account, name)?;
        if profile.role.as_deref() != Some(&input.role_name) {
            return Err(no_such_entity("role", &input.role_name)());
        }
        profile.role = None;
        Ok(Empty {})
    })
});

impl Iam {
    pub(crate) fn on_server_certificate(&self, cx: &Cx, name: &str) -> RequiredPermission {
        let account = cx.scope.account;
        self.identity.read(|state| match state.server_certificate(account, name) {
            Some(row) => RequiredPermission::on(self.arn(account, "server-certificate", &row.path, name)).with_resource_tags(&row.tags),
            None => RequiredPermission::on(self.arn(account, "server-certificate", "/", name)),
        })
    }
}
