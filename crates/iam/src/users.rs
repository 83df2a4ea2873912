//! Users and groups.

use crate::{
    Iam,
    documents::rename_principal,
    faults::{entity_exists, must_first, no_profile, no_such_entity, quota},
    limits,
    operation::{RequiredPermission, operation},
    output::{Detail, UserOrRoot},
    paging::{named_rows, page},
    tags::new_tags,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Arn, Caller, Fault};
use cloudlet_engine::Cx;
use cloudlet_identity::{
    State,
    state::{self, AccessKeyOwner, EntityKey, entries_of_account, rows_of_account},
};
use cloudlet_shape::Empty;
use std::collections::BTreeMap;

/// The path of a request, which is `/` by default.
pub(crate) fn path_of(path: Option<String>) -> String {
    path.unwrap_or_else(|| "/".into())
}

impl Iam {
    /// On a user. One that does not exist has the path `/`.
    pub(crate) fn on_user(&self, cx: &Cx, name: &str) -> RequiredPermission {
        let account = cx.scope.account;
        let permission = self.identity.read(|state| match state.user(account, name) {
            Some(user) => RequiredPermission::on(self.arn(account, "user", &user.path, name))
                .with_resource_tags(&user.tags)
                .with_principal_boundary(user.permissions_boundary.as_ref()),
            None => RequiredPermission::on(self.arn(account, "user", "/", name)),
        });
        permission.with_name(format!("user {name}"))
    }

    /// On the user that the request names, or the caller.
    pub(crate) fn on_user_or_caller(&self, cx: &Cx, named: Option<&str>) -> Result<RequiredPermission, Fault> {
        Ok(match UserOrRoot::of(cx, named)? {
            UserOrRoot::User(name) => self.on_user(cx, &name),
            UserOrRoot::Root => RequiredPermission::on(Arn::build(self.identity.partition(), "iam", "", cx.scope.account.as_str(), "root")),
        })
    }

    pub(crate) fn on_group(&self, cx: &Cx, name: &str) -> RequiredPermission {
        let account = cx.scope.account;
        let path = self.identity.read(|state| state.group(account, name).map(|group| group.path.clone()));
        RequiredPermission::on(self.arn(account, "group", path.as_deref().unwrap_or("/"), name)).with_name(format!("group {name}"))
    }

    pub(crate) fn on_path(&self, cx: &Cx, kind: &str, prefix: Option<&str>) -> RequiredPermission {
        let permission = RequiredPermission::on(self.arn(cx.scope.account, kind, prefix.unwrap_or("/"), ""));
        if kind == "policy" { permission.with_name(format!("policy path {}", prefix.unwrap_or("/"))) } else { permission }
    }

    /// Root has no row in the table.
    fn root_user(&self, account: Account) -> User {
        let root = Caller::root(account, self.identity.partition(), None);
        let alias = self.identity.read(|state| state.account_settings.get(&account).and_then(|settings| settings.alias.clone()));
        User {
            path: "/".into(),
            // AWS: the account's alias, if it has one. Without one the answer has no name; the model wants a text.
            user_name: alias.unwrap_or_else(|| "root".into()),
            user_id: account.to_string(),
            arn: root.arn.to_string(),
            ..User::default()
        }
    }
}

operation!(
    CreateUser,
    |iam, cx, input| {
        let arn = iam.arn(cx.scope.account, "user", input.path.as_deref().unwrap_or("/"), &input.user_name);
        RequiredPermission::on(arn).with_request_tags(input.tags.as_deref()).with_request_boundary(input.permissions_boundary.as_deref())
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let tags = new_tags(input.tags.as_deref())?;
        let key = EntityKey::new(account, &input.user_name);
        let user = state::User {
            name: input.user_name,
            path: path_of(input.path),
            id: format!("AIDA{}", cx.ids().base32(17)).into(),
            created: cx.now.whole_secs(),
            tags,
            permissions_boundary: input.permissions_boundary.as_deref().and_then(Arn::parse),
            policies: Default::default(),
            groups: Vec::new(),
            login_profile: None,
            mfa_devices: Vec::new(),
            password_last_used: None,
        };
        iam.identity.write(|state| {
            if state.users.contains(&key) {
                return Err(entity_exists("User", &user.name));
            }
            if entries_of_account(&state.users, account).count() >= limits::USERS {
                return Err(quota("UsersPerAccount", limits::USERS));
            }
            crate::boundaries::check(state, account, input.permissions_boundary.as_deref())?;
            let shown = iam.shown_user(account, &user, Detail::Created);
            state.users.insert(key, user);
            Ok(CreateUserResponse { user: Some(shown) })
        })
    }
);

operation!(GetUser, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    match UserOrRoot::of(cx, input.user_name.as_deref())? {
        UserOrRoot::Root => Ok(GetUserResponse { user: iam.root_user(account) }),
        UserOrRoot::User(name) => iam.identity.read(|state| {
            let user = state.user(account, &name).ok_or_else(no_such_entity("user", &name))?;
            Ok(GetUserResponse { user: iam.shown_user(account, user, Detail::Whole) })
        }),
    }
});

operation!(ListUsers, |iam, cx, input| iam.on_path(cx, "user", input.path_prefix.as_deref()), |iam, cx, input| {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    iam.identity.read(|state| {
        let users = named_rows(&state.users, cx.scope.account).filter(|(_, user)| user.path.starts_with(prefix));
        let page = page::<ListUsers, _, _>(cx, &input, users)?.map(|user| iam.shown_user(cx.scope.account, user, Detail::Listed));
        Ok(ListUsersResponse { users: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(UpdateUser, |iam, cx, input| iam.on_user(cx, &input.user_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        let mut user = state.user(account, &input.user_name).cloned().ok_or_else(no_such_entity("user", &input.user_name))?;
        let old = iam.arn(account, "user", &user.path, &user.name);
        let old_key = EntityKey::new(account, &user.name);
        if let Some(path) = input.new_path {
            user.path = path;
        }
        if let Some(name) = input.new_user_name.filter(|name| *name != user.name) {
            let key = EntityKey::new(account, &name);
            if key != old_key && state.users.contains(&key) {
                return Err(entity_exists("User", &name));
            }
            rename_everywhere(state, account, &user, &name);
            user.name = name;
        }
        let new = iam.arn(account, "user", &user.path, &user.name);
        if new != old {
            rename_principal(state, old.as_str(), new.as_str());
        }
        state.users.remove(&old_key);
        state.users.insert(EntityKey::new(account, &user.name), user);
        Ok(Empty {})
    })
});

/// Changes the user's name in its credentials.
fn rename_everywhere(state: &mut State, account: Account, user: &state::User, name: &str) {
    let keys: Vec<_> = state.access_keys.iter().filter(|(_, key)| owns(account, user, key)).map(|(id, _)| id.clone()).collect();
    for id in keys {
        if let Some(key) = state.access_keys.get_mut(&*id) {
            key.owner = AccessKeyOwner::User(name.to_owned());
        }
    }
    let keys: Vec<_> =
        entries_of_account(&state.ssh_public_keys, account).filter(|(_, row)| row.user == user.name).map(|(key, _)| key.clone()).collect();
    for key in keys {
        if let Some(row) = state.ssh_public_keys.get_mut(&key) {
            row.user = name.to_owned();
        }
    }
    let keys: Vec<_> =
        entries_of_account(&state.signing_certificates, account).filter(|(_, row)| row.user == user.name).map(|(key, _)| key.clone()).collect();
    for key in keys {
        if let Some(row) = state.signing_certificates.get_mut(&key) {
            row.user = name.to_owned();
        }
    }
    let credentials = entries_of_account(&state.service_specific_credentials, account).filter(|(_, row)| row.user == user.name);
    let keys: Vec<_> = credentials.map(|(key, _)| key.clone()).collect();
    for key in keys {
        if let Some(row) = state.service_specific_credentials.get_mut(&key) {
            row.user = name.to_owned();
        }
    }
    for serial in &user.mfa_devices {
        if let Some(owner) = state.mfa_devices.get_mut(serial).and_then(|device| device.owner.as_mut()) {
            owner.user = Some(name.to_owned());
        }
    }
}

pub(crate) fn owns(account: Account, user: &state::User, key: &state::AccessKey) -> bool {
    key.account == account && matches!(&key.owner, AccessKeyOwner::User(owner) if *owner == user.name)
}

operation!(DeleteUser, |iam, cx, input| iam.on_user(cx, &input.user_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        let user = state.user(account, &input.user_name).ok_or_else(no_such_entity("user", &input.user_name))?;
        let has_certificates = rows_of_account(&state.signing_certificates, account).any(|row| row.user == user.name);
        let has_ssh_keys = rows_of_account(&state.ssh_public_keys, account).any(|row| row.user == user.name);
        let has_service_credentials = rows_of_account(&state.service_specific_credentials, account).any(|row| row.user == user.name);
        let references = [
            (!user.groups.is_empty(), "remove users from group"),
            (!user.policies.attached.is_empty(), "detach all policies"),
            (!user.policies.inline.is_empty(), "delete policies"),
            (user.login_profile.is_some(), "delete login profile"),
            (state.access_keys.values().any(|key| owns(account, user, key)), "delete access keys"),
            (!user.mfa_devices.is_empty(), "delete MFA device"),
            (has_certificates, "delete certificates"),
            (has_ssh_keys || has_service_credentials, "remove referenced objects"),
        ];
        if let Some((_, what)) = references.into_iter().find(|(exists, _)| *exists) {
            return Err(must_first(what));
        }
        let (arn, id) = (iam.arn(account, "user", &user.path, &user.name), user.id.clone());
        rename_principal(state, arn.as_str(), &id);
        state.users.remove(&EntityKey::new(account, &input.user_name));
        Ok(Empty {})
    })
});

operation!(
    CreateGroup,
    |iam, cx, input| RequiredPermission::on(iam.arn(cx.scope.account, "group", input.path.as_deref().unwrap_or("/"), &input.group_name)),
    |iam, cx, input| {
        let account = cx.scope.account;
        let key = EntityKey::new(account, &input.group_name);
        let group = state::Group {
            name: input.group_name,
            path: path_of(input.path),
            id: format!("AGPA{}", cx.ids().base32(17)).into(),
            created: cx.now.whole_secs(),
            policies: Default::default(),
        };
        iam.identity.write(|state| {
            if state.groups.contains(&key) {
                return Err(entity_exists("Group", &group.name));
            }
            if entries_of_account(&state.groups, account).count() >= limits::GROUPS {
                return Err(quota("GroupsPerAccount", limits::GROUPS));
            }
            let shown = iam.shown_group(account, &group);
            state.groups.insert(key, group);
            Ok(CreateGroupResponse { group: shown })
        })
    }
);

operation!(GetGroup, |iam, cx, input| iam.on_group(cx, &input.group_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.read(|state| {
        let group = state.group(account, &input.group_name).ok_or_else(no_such_entity("group", &input.group_name))?;
        let members = named_rows(&state.users, account).filter(|(_, user)| user.groups.contains(&group.name));
        let page = page::<GetGroup, _, _>(cx, &input, members)?.map(|user| iam.shown_user(account, user, Detail::Listed));
        Ok(GetGroupResponse { group: iam.shown_group(account, group), users: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(ListGroups, |iam, cx, input| iam.on_path(cx, "group", input.path_prefix.as_deref()), |iam, cx, input| {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    iam.identity.read(|state| {
        let groups = named_rows(&state.groups, cx.scope.account).filter(|(_, group)| group.path.starts_with(prefix));
        let page = page::<ListGroups, _, _>(cx, &input, groups)?.map(|group| iam.shown_group(cx.scope.account, group));
        Ok(ListGroupsResponse { groups: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(UpdateGroup, |iam, cx, input| iam.on_group(cx, &input.group_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        let mut group = state.group(account, &input.group_name).cloned().ok_or_else(no_such_entity("group", &input.group_name))?;
        let old_key = EntityKey::new(account, &group.name);
        if let Some(path) = input.new_path {
            group.path = path;
        }
        if let Some(name) = input.new_group_name.filter(|name| *name != group.name) {
            let key = EntityKey::new(account, &name);
            if key != old_key && state.groups.contains(&key) {
                return Err(entity_exists("Group", &name));
            }
            let members: Vec<_> =
                entries_of_account(&state.users, account).filter(|(_, user)| user.groups.contains(&group.name)).map(|(key, _)| key.clone()).collect();
            for member in members {
                if let Some(known) = state.users.get_mut(&member).and_then(|user| user.groups.iter_mut().find(|known| **known == group.name)) {
                    known.clone_from(&name);
                }
            }
            group.name = name;
        }
        state.groups.remove(&old_key);
        state.groups.insert(EntityKey::new(account, &group.name), group);
        Ok(Empty {})
    })
});

operation!(DeleteGroup, |iam, cx, input| iam.on_group(cx, &input.group_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        let group = state.group(account, &input.group_name).ok_or_else(no_such_entity("group", &input.group_name))?;
        let references = [
            (rows_of_account(&state.users, account).any(|user| user.groups.contains(&group.name)), "remove users from group"),
            (!group.policies.attached.is_empty(), "detach all policies"),
            (!group.policies.inline.is_empty(), "delete policies"),
        ];
        if let Some((_, what)) = references.into_iter().find(|(exists, _)| *exists) {
            return Err(must_first(what));
        }
        state.groups.remove(&EntityKey::new(account, &input.group_name));
        Ok(Empty {})
    })
});

operation!(AddUserToGroup, |iam, cx, input| iam.on_group(cx, &input.group_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        state.group(account, &input.group_name).ok_or_else(no_such_entity("group", &input.group_name))?;
        let user = iam.user_mut(state, account, &input.user_name)?;
        if user.groups.contains(&input.group_name) {
            return Ok(Empty {});
        }
        if user.groups.len() >= limits::GROUPS_PER_USER {
            return Err(quota("GroupsPerUser", limits::GROUPS_PER_USER));
        }
        user.groups.push(input.group_name);
        Ok(Empty {})
    })
});

operation!(RemoveUserFromGroup, |iam, cx, input| iam.on_group(cx, &input.group_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        state.group(account, &input.group_name).ok_or_else(no_such_entity("group", &input.group_name))?;
        iam.user_mut(state, account, &input.user_name)?.groups.retain(|group| *group != input.group_name);
        Ok(Empty {})
    })
});

operation!(ListGroupsForUser, |iam, cx, input| iam.on_user(cx, &input.user_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.read(|state| {
        let user = state.user(account, &input.user_name).ok_or_else(no_such_entity("user", &input.user_name))?;
        let groups: BTreeMap<_, _> = user.groups.iter().filter_map(|name| Some((name.to_ascii_lowercase(), state.group(account, name)?))).collect();
        let page = page::<ListGroupsForUser, _, _>(cx, &input, groups)?.map(|group| iam.shown_group(account, group));
        Ok(ListGroupsForUserResponse { groups: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

impl Iam {
    pub(crate) fn user_mut<'s>(&self, state: &'s mut State, account: Account, name: &str) -> Result<&'s mut state::User, Fault> {
        state.user(account, name).ok_or_else(no_such_entity("user", name))?;
        state.users.get_mut(&EntityKey::new(account, name)).ok_or_else(no_such_entity("user", name))
    }

    pub(crate) fn group_mut<'s>(&self, state: &'s mut State, account: Account, name: &str) -> Result<&'s mut state::Group, Fault> {
        state.group(account, name).ok_or_else(no_such_entity("group", name))?;
        state.groups.get_mut(&EntityKey::new(account, name)).ok_or_else(no_such_entity("group", name))
    }

    pub(crate) fn instance_profile_mut<'s>(
        &self,
        state: &'s mut State,
        account: Account,
        name: &str,
    ) -> Result<&'s mut state::InstanceProfile, Fault> {
        state.instance_profile(account, name).ok_or_else(no_profile(name))?;
        state.instance_profiles.get_mut(&EntityKey::new(account, name)).ok_or_else(no_profile(name))
    }

    /// A role that customers may change.
    pub(crate) fn role_mut<'s>(&self, state: &'s mut State, account: Account, name: &str) -> Result<&'s mut state::Role, Fault> {
        let role = state.role(account, name).ok_or_else(no_such_entity("role", name))?;
        if role.linked_service.is_some() {
            return Err(crate::faults::protected(name));
        }
        state.roles.get_mut(&EntityKey::new(account, name)).ok_or_else(no_such_entity("role", name))
    }
}
