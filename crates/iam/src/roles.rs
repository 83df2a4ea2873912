//! Roles and instance profiles.

use crate::{
    Iam,
    documents::rename_principal,
    faults::{exists, first, invalid, no_profile, protected, quota, taken, the},
    limits,
    operation::{Want, operation},
    paging::page,
    shown::Detail,
    tags::new_tags,
    users::path_of,
};
use cloudlet_api_iam::{faults::LIMIT_EXCEEDED, *};
use cloudlet_aws::Arn;
use cloudlet_engine::{Cx, Permission};
use cloudlet_identity::{
    LastUsed,
    state::{self, Of, of_account, rows_of},
};
use cloudlet_shape::Empty;

impl Iam {
    pub(crate) fn role_arn(&self, cx: &Cx, name: &str) -> Arn {
        let account = cx.scope.account;
        let path = self.identity.read(|state| state.role(account, name).map(|role| role.path.clone()));
        self.arn(account, "role", path.as_deref().unwrap_or("/"), name)
    }

    pub(crate) fn want_role(&self, cx: &Cx, name: &str) -> Want {
        let account = cx.scope.account;
        let want = self.identity.read(|state| match state.role(account, name) {
            Some(role) => Want::on(self.arn(account, "role", &role.path, name)).tagged(&role.tags).bounded_by(role.boundary.as_ref()),
            None => Want::on(self.arn(account, "role", "/", name)),
        });
        want.shown(format!("role {name}"))
    }

    pub(crate) fn want_profile(&self, cx: &Cx, name: &str) -> Want {
        let account = cx.scope.account;
        let want = self.identity.read(|state| match state.profiles.get(&Of::new(account, name)) {
            Some(profile) => Want::on(self.arn(account, "instance-profile", &profile.path, name)).tagged(&profile.tags),
            None => Want::on(self.arn(account, "instance-profile", "/", name)),
        });
        want.shown(format!("instance profile {name}"))
    }
}

operation!(
    CreateRole,
    |iam, cx, input| {
        let arn = iam.arn(cx.scope.account, "role", input.path.as_deref().unwrap_or("/"), &input.role_name);
        Want::on(arn).requests(input.tags.as_deref()).bringing_boundary(input.permissions_boundary.as_deref())
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let path = path_of(input.path);
        if path.starts_with("/aws-service-role/") || path.starts_with("/aws-reserved/") {
            return Err(invalid(format!("Path {path} is reserved for the use of AWS.")));
        }
        let tags = new_tags(input.tags.as_deref())?;
        let key = Of::new(account, &input.role_name);
        iam.identity.write(|state| {
            let trust = iam.trust_policy(state, account, &input.assume_role_policy_document)?;
            if state.roles.contains(&key) {
                return Err(taken("Role", &input.role_name));
            }
            if rows_of(&state.roles, account).count() >= limits::ROLES {
                return Err(quota("RolesPerAccount", limits::ROLES));
            }
            crate::boundaries::check(state, account, input.permissions_boundary.as_deref())?;
            let role = state::Role {
                name: input.role_name,
                path,
                id: format!("AROA{}", cx.ids().base32(17)).into(),
                created: cx.now.whole_secs(),
                trust,
                description: input.description.filter(|text| !text.is_empty()),
                max_session: input.max_session_duration.unwrap_or(3600),
                tags,
                boundary: input.permissions_boundary.as_deref().and_then(Arn::parse),
                holds: Default::default(),
                used: LastUsed::default(),
                linked_to: None,
            };
            let shown = iam.shown_role(account, &role, Detail::Created);
            state.roles.insert(key, role);
            Ok(CreateRoleResponse { role: shown })
        })
    }
);

operation!(GetRole, |iam, cx, input| iam.want_role(cx, &input.role_name), |iam, cx, input| iam.identity.read(|state| {
    let role = state.role(cx.scope.account, &input.role_name).ok_or_else(the("role", &input.role_name))?;
    Ok(GetRoleResponse { role: iam.shown_role(cx.scope.account, role, Detail::Whole) })
}));

operation!(ListRoles, |iam, cx, input| iam.want_path(cx, "role", input.path_prefix.as_deref()), |iam, cx, input| {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    iam.identity.read(|state| {
        let roles = of_account(&state.roles, cx.scope.account).filter(|role| role.path.starts_with(prefix));
        let page = page(roles, input.marker.as_deref(), input.max_items)?.map(|role| iam.shown_role(cx.scope.account, role, Detail::Listed));
        Ok(ListRolesResponse { roles: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(UpdateRole, |iam, cx, input| iam.want_role(cx, &input.role_name), |iam, cx, input| iam.identity.write(|state| {
    let role = iam.role_mut(state, cx.scope.account, &input.role_name)?;
    // AWS: leaving the description out removes it not; an empty one does.
    if let Some(text) = input.description {
        role.description = Some(text).filter(|text| !text.is_empty());
    }
    if let Some(seconds) = input.max_session_duration {
        role.max_session = seconds;
    }
    Ok(UpdateRoleResponse {})
}));

operation!(UpdateRoleDescription, |iam, cx, input| iam.want_role(cx, &input.role_name), |iam, cx, input| iam.identity.write(|state| {
    let account = cx.scope.account;
    let role = iam.role_mut(state, account, &input.role_name)?;
    role.description = Some(input.description).filter(|text| !text.is_empty());
    Ok(UpdateRoleDescriptionResponse { role: Some(iam.shown_role(account, role, Detail::Created)) })
}));

operation!(UpdateAssumeRolePolicy, |iam, cx, input| iam.want_role(cx, &input.role_name), |iam, cx, input| iam.identity.write(|state| {
    let account = cx.scope.account;
    state.role(account, &input.role_name).ok_or_else(the("role", &input.role_name))?;
    let trust = iam.trust_policy(state, account, &input.policy_document)?;
    iam.role_mut(state, account, &input.role_name)?.trust = trust;
    Ok(Empty {})
}));

operation!(DeleteRole, |iam, cx, input| iam.want_role(cx, &input.role_name), |iam, cx, input| iam.identity.write(|state| {
    let account = cx.scope.account;
    let role = state.role(account, &input.role_name).ok_or_else(the("role", &input.role_name))?;
    if role.linked_to.is_some() {
        return Err(protected(&input.role_name));
    }
    let obstacles = [
        (of_account(&state.profiles, account).any(|profile| profile.role.as_deref() == Some(&role.name)), "remove roles from instance profile"),
        (!role.holds.attached.is_empty(), "detach all policies"),
        (!role.holds.inline.is_empty(), "delete policies"),
    ];
    if let Some((_, what)) = obstacles.into_iter().find(|(stands, _)| *stands) {
        return Err(first(what));
    }
    let (arn, id) = (iam.arn(account, "role", &role.path, &role.name), role.id.clone());
    rename_principal(state, arn.as_str(), &id);
    state.roles.remove(&Of::new(account, &input.role_name));
    Ok(Empty {})
}));

operation!(
    CreateInstanceProfile,
    |iam, cx, input| {
        let arn = iam.arn(cx.scope.account, "instance-profile", input.path.as_deref().unwrap_or("/"), &input.instance_profile_name);
        Want::on(arn).requests(input.tags.as_deref())
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let key = Of::new(account, &input.instance_profile_name);
        let profile = state::InstanceProfile {
            name: input.instance_profile_name,
            path: path_of(input.path),
            id: format!("AIPA{}", cx.ids().base32(17)).into(),
            created: cx.now.whole_secs(),
            role: None,
            tags: new_tags(input.tags.as_deref())?,
        };
        iam.identity.write(|state| {
            if state.profiles.contains(&key) {
                return Err(exists(format!("Instance Profile {} already exists.", profile.name)));
            }
            if rows_of(&state.profiles, account).count() >= limits::INSTANCE_PROFILES {
                return Err(quota("InstanceProfilesPerAccount", limits::INSTANCE_PROFILES));
            }
            let shown = iam.shown_profile(state, account, &profile);
            state.profiles.insert(key, profile);
            Ok(CreateInstanceProfileResponse { instance_profile: shown })
        })
    }
);

operation!(GetInstanceProfile, |iam, cx, input| iam.want_profile(cx, &input.instance_profile_name), |iam, cx, input| {
    let account = cx.scope.account;
    let name = &input.instance_profile_name;
    iam.identity.read(|state| {
        let profile = state.profiles.get(&Of::new(account, name)).filter(|row| row.name == *name).ok_or_else(no_profile(name))?;
        let mut shown = iam.shown_profile(state, account, profile);
        // AWS: an empty list, as of policies.
        shown.tags.get_or_insert_default();
        Ok(GetInstanceProfileResponse { instance_profile: shown })
    })
});

operation!(ListInstanceProfiles, |iam, cx, input| iam.want_path(cx, "instance-profile", input.path_prefix.as_deref()), |iam, cx, input| {
    let account = cx.scope.account;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    iam.identity.read(|state| {
        let profiles = of_account(&state.profiles, account).filter(|profile| profile.path.starts_with(prefix));
        let page = page(profiles, input.marker.as_deref(), input.max_items)?.map(|profile| iam.shown_profile(state, account, profile));
        Ok(ListInstanceProfilesResponse { instance_profiles: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(ListInstanceProfilesForRole, |iam, cx, input| iam.want_role(cx, &input.role_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.read(|state| {
        state.role(account, &input.role_name).ok_or_else(the("role", &input.role_name))?;
        let profiles = of_account(&state.profiles, account).filter(|profile| profile.role.as_deref() == Some(&input.role_name));
        let page = page(profiles, input.marker.as_deref(), input.max_items)?.map(|profile| iam.shown_profile(state, account, profile));
        Ok(ListInstanceProfilesForRoleResponse { instance_profiles: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(DeleteInstanceProfile, |iam, cx, input| iam.want_profile(cx, &input.instance_profile_name), |iam, cx, input| {
    let name = &input.instance_profile_name;
    let key = Of::new(cx.scope.account, name);
    iam.identity.write(|state| {
        let profile = state.profiles.get(&key).filter(|row| row.name == *name).ok_or_else(no_profile(name))?;
        if profile.role.is_some() {
            return Err(first("remove roles from instance profile"));
        }
        state.profiles.remove(&key);
        Ok(Empty {})
    })
});

operation!(
    AddRoleToInstanceProfile,
    |iam, cx, input| {
        let pass = Permission::action("iam:PassRole", iam.role_arn(cx, &input.role_name)).with_key("iam:PassedToService", "ec2.amazonaws.com");
        iam.want_profile(cx, &input.instance_profile_name).also(pass)
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let name = &input.instance_profile_name;
        iam.identity.write(|state| {
            let role = state.role(account, &input.role_name).ok_or_else(the("role", &input.role_name))?;
            if role.linked_to.is_some() {
                return Err(protected(&input.role_name));
            }
            let profile = state.profiles.get_mut(&Of::new(account, name)).ok_or_else(no_profile(name))?;
            if profile.role.is_some() {
                return Err(LIMIT_EXCEEDED.says("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
            }
            profile.role = Some(input.role_name);
            Ok(Empty {})
        })
    }
);

operation!(RemoveRoleFromInstanceProfile, |iam, cx, input| iam.want_profile(cx, &input.instance_profile_name), |iam, cx, input| {
    let account = cx.scope.account;
    let name = &input.instance_profile_name;
    iam.identity.write(|state| {
        state.role(account, &input.role_name).ok_or_else(the("role", &input.role_name))?;
        let profile = state.profiles.get_mut(&Of::new(account, name)).ok_or_else(no_profile(name))?;
        if profile.role.as_deref() != Some(&input.role_name) {
            return Err(the("role", &input.role_name)());
        }
        profile.role = None;
        Ok(Empty {})
    })
});

impl Iam {
    pub(crate) fn want_certificate(&self, cx: &Cx, name: &str) -> Want {
        let account = cx.scope.account;
        self.identity.read(|state| match state.server_certificates.get(&Of::new(account, name)) {
            Some(row) => Want::on(self.arn(account, "server-certificate", &row.path, name)).tagged(&row.tags),
            None => Want::on(self.arn(account, "server-certificate", "/", name)),
        })
    }
}
