//! Users, and the groups they are in.

use crate::{
    Iam,
    documents::rename_principal,
    faults::{first, quota, taken, the},
    limits,
    operation::{Want, operation},
    paging::page,
    shown::{Detail, Whom},
    tags::new_tags,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Arn, Caller, Fault};
use cloudlet_engine::Cx;
use cloudlet_identity::{
    State,
    state::{self, KeyOwner, Of, of_account, rows_of},
};
use cloudlet_shape::Empty;

/// `/` unless said otherwise.
pub(crate) fn path_of(path: Option<String>) -> String {
    path.unwrap_or_else(|| "/".into())
}

impl Iam {
    /// A user, by name; who does not exist is asked about at the root path.
    pub(crate) fn want_user(&self, cx: &Cx, name: &str) -> Want {
        let account = cx.scope.account;
        let want = self.identity.read(|state| match state.user(account, name) {
            Some(user) => Want::on(self.arn(account, "user", &user.path, name)).tagged(&user.tags).bounded_by(user.boundary.as_ref()),
            None => Want::on(self.arn(account, "user", "/", name)),
        });
        want.shown(format!("user {name}"))
    }

    /// The named user, or the caller itself.
    pub(crate) fn want_whom(&self, cx: &Cx, named: Option<&str>) -> Result<Want, Fault> {
        Ok(match Whom::of(cx, named)? {
            Whom::User(name) => self.want_user(cx, &name),
            Whom::Root => Want::on(Arn::build(self.identity.partition(), "iam", "", cx.scope.account.as_str(), "root")),
        })
    }

    pub(crate) fn want_group(&self, cx: &Cx, name: &str) -> Want {
        let account = cx.scope.account;
        let path = self.identity.read(|state| state.group(account, name).map(|group| group.path.clone()));
        Want::on(self.arn(account, "group", path.as_deref().unwrap_or("/"), name)).shown(format!("group {name}"))
    }

    pub(crate) fn want_path(&self, cx: &Cx, kind: &str, prefix: Option<&str>) -> Want {
        let want = Want::on(self.arn(cx.scope.account, kind, prefix.unwrap_or("/"), ""));
        if kind == "policy" { want.shown(format!("policy path {}", prefix.unwrap_or("/"))) } else { want }
    }

    /// Root has no row: `arn:aws:iam::123456789012:root`.
    fn root_user(&self, account: Account) -> User {
        let root = Caller::root(account, self.identity.partition(), None);
        let alias = self.identity.read(|state| state.settings.get(&account).and_then(|settings| settings.alias.clone()));
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
        Want::on(arn).requests(input.tags.as_deref()).bringing_boundary(input.permissions_boundary.as_deref())
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let tags = new_tags(input.tags.as_deref())?;
        let key = Of::new(account, &input.user_name);
        let user = state::User {
            name: input.user_name,
            path: path_of(input.path),
            id: format!("AIDA{}", cx.ids().base32(17)).into(),
            created: cx.now.whole_secs(),
            tags,
            boundary: input.permissions_boundary.as_deref().and_then(Arn::parse),
            holds: Default::default(),
            groups: Vec::new(),
            login: None,
            mfa: Vec::new(),
            password_used: None,
        };
        iam.identity.write(|state| {
            if state.users.contains(&key) {
                return Err(taken("User", &user.name));
            }
            if rows_of(&state.users, account).count() >= limits::USERS {
                return Err(quota("UsersPerAccount", limits::USERS));
            }
            crate::boundaries::check(state, account, input.permissions_boundary.as_deref())?;
            let shown = iam.shown_user(account, &user, Detail::Created);
            state.users.insert(key, user);
            Ok(CreateUserResponse { user: Some(shown) })
        })
    }
);

operation!(GetUser, |iam, cx, input| iam.want_whom(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    match Whom::of(cx, input.user_name.as_deref())? {
        Whom::Root => Ok(GetUserResponse { user: iam.root_user(account) }),
        Whom::User(name) => iam.identity.read(|state| {
            let user = state.user(account, &name).ok_or_else(the("user", &name))?;
            Ok(GetUserResponse { user: iam.shown_user(account, user, Detail::Whole) })
        }),
    }
});

operation!(ListUsers, |iam, cx, input| iam.want_path(cx, "user", input.path_prefix.as_deref()), |iam, cx, input| {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    iam.identity.read(|state| {
        let users = of_account(&state.users, cx.scope.account).filter(|user| user.path.starts_with(prefix));
        let page = page(users, input.marker.as_deref(), input.max_items)?.map(|user| iam.shown_user(cx.scope.account, user, Detail::Listed));
        Ok(ListUsersResponse { users: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(UpdateUser, |iam, cx, input| iam.want_user(cx, &input.user_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        let mut user = state.user(account, &input.user_name).cloned().ok_or_else(the("user", &input.user_name))?;
        let old = iam.arn(account, "user", &user.path, &user.name);
        let old_key = Of::new(account, &user.name);
        if let Some(path) = input.new_path {
            user.path = path;
        }
        if let Some(name) = input.new_user_name.filter(|name| *name != user.name) {
            let key = Of::new(account, &name);
            if key != old_key && state.users.contains(&key) {
                return Err(taken("User", &name));
            }
            rename_everywhere(state, account, &user, &name);
            user.name = name;
        }
        let new = iam.arn(account, "user", &user.path, &user.name);
        if new != old {
            rename_principal(state, old.as_str(), new.as_str());
        }
        state.users.remove(&old_key);
        state.users.insert(Of::new(account, &user.name), user);
        Ok(Empty {})
    })
});

/// What belongs to a user knows it by name.
fn rename_everywhere(state: &mut State, account: Account, user: &state::User, name: &str) {
    let keys: Vec<_> = state.access_keys.iter().filter(|(_, key)| owns(account, user, key)).map(|(id, _)| id.clone()).collect();
    for id in keys {
        if let Some(key) = state.access_keys.get_mut(&*id) {
            key.owner = KeyOwner::User(name.to_owned());
        }
    }
    let extras: Vec<_> = rows_of(&state.extras, account).filter(|(_, extra)| extra.user == user.name).map(|(key, _)| key.clone()).collect();
    for key in extras {
        if let Some(extra) = state.extras.get_mut(&key) {
            extra.user = name.to_owned();
        }
    }
    for serial in &user.mfa {
        if let Some(owner) = state.mfa_devices.get_mut(serial).and_then(|device| device.owner.as_mut()) {
            owner.user = Some(name.to_owned());
        }
    }
}

pub(crate) fn owns(account: Account, user: &state::User, key: &state::AccessKey) -> bool {
    key.account == account && matches!(&key.owner, KeyOwner::User(owner) if *owner == user.name)
}

operation!(DeleteUser, |iam, cx, input| iam.want_user(cx, &input.user_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        let user = state.user(account, &input.user_name).ok_or_else(the("user", &input.user_name))?;
        let has = |what: fn(&state::What) -> bool| of_account(&state.extras, account).any(|extra| extra.user == user.name && what(&extra.what));
        let obstacles = [
            (!user.groups.is_empty(), "remove users from group"),
            (!user.holds.attached.is_empty(), "detach all policies"),
            (!user.holds.inline.is_empty(), "delete policies"),
            (user.login.is_some(), "delete login profile"),
            (state.access_keys.values().any(|key| owns(account, user, key)), "delete access keys"),
            (!user.mfa.is_empty(), "delete MFA device"),
            (has(|what| matches!(what, state::What::Certificate { .. })), "delete signing certificate"),
            (has(|what| matches!(what, state::What::SshKey { .. })), "delete SSH public keys"),
            (has(|what| matches!(what, state::What::ServicePassword { .. })), "delete service specific credentials"),
        ];
        if let Some((_, what)) = obstacles.into_iter().find(|(stands, _)| *stands) {
            return Err(first(what));
        }
        let (arn, id) = (iam.arn(account, "user", &user.path, &user.name), user.id.clone());
        rename_principal(state, arn.as_str(), &id);
        state.users.remove(&Of::new(account, &input.user_name));
        Ok(Empty {})
    })
});

operation!(
    CreateGroup,
    |iam, cx, input| Want::on(iam.arn(cx.scope.account, "group", input.path.as_deref().unwrap_or("/"), &input.group_name)),
    |iam, cx, input| {
        let account = cx.scope.account;
        let key = Of::new(account, &input.group_name);
        let group = state::Group {
            name: input.group_name,
            path: path_of(input.path),
            id: format!("AGPA{}", cx.ids().base32(17)).into(),
            created: cx.now.whole_secs(),
            holds: Default::default(),
        };
        iam.identity.write(|state| {
            if state.groups.contains(&key) {
                return Err(taken("Group", &group.name));
            }
            if rows_of(&state.groups, account).count() >= limits::GROUPS {
                return Err(quota("GroupsPerAccount", limits::GROUPS));
            }
            let shown = iam.shown_group(account, &group);
            state.groups.insert(key, group);
            Ok(CreateGroupResponse { group: shown })
        })
    }
);

operation!(GetGroup, |iam, cx, input| iam.want_group(cx, &input.group_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.read(|state| {
        let group = state.group(account, &input.group_name).ok_or_else(the("group", &input.group_name))?;
        let members = of_account(&state.users, account).filter(|user| user.groups.contains(&group.name));
        let page = page(members, input.marker.as_deref(), input.max_items)?.map(|user| iam.shown_user(account, user, Detail::Listed));
        Ok(GetGroupResponse { group: iam.shown_group(account, group), users: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(ListGroups, |iam, cx, input| iam.want_path(cx, "group", input.path_prefix.as_deref()), |iam, cx, input| {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    iam.identity.read(|state| {
        let groups = of_account(&state.groups, cx.scope.account).filter(|group| group.path.starts_with(prefix));
        let page = page(groups, input.marker.as_deref(), input.max_items)?.map(|group| iam.shown_group(cx.scope.account, group));
        Ok(ListGroupsResponse { groups: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(UpdateGroup, |iam, cx, input| iam.want_group(cx, &input.group_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        let mut group = state.group(account, &input.group_name).cloned().ok_or_else(the("group", &input.group_name))?;
        let old_key = Of::new(account, &group.name);
        if let Some(path) = input.new_path {
            group.path = path;
        }
        if let Some(name) = input.new_group_name.filter(|name| *name != group.name) {
            let key = Of::new(account, &name);
            if key != old_key && state.groups.contains(&key) {
                return Err(taken("Group", &name));
            }
            let members: Vec<_> =
                rows_of(&state.users, account).filter(|(_, user)| user.groups.contains(&group.name)).map(|(key, _)| key.clone()).collect();
            for member in members {
                if let Some(known) = state.users.get_mut(&member).and_then(|user| user.groups.iter_mut().find(|known| **known == group.name)) {
                    known.clone_from(&name);
                }
            }
            group.name = name;
        }
        state.groups.remove(&old_key);
        state.groups.insert(Of::new(account, &group.name), group);
        Ok(Empty {})
    })
});

operation!(DeleteGroup, |iam, cx, input| iam.want_group(cx, &input.group_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        let group = state.group(account, &input.group_name).ok_or_else(the("group", &input.group_name))?;
        let obstacles = [
            (of_account(&state.users, account).any(|user| user.groups.contains(&group.name)), "remove users from group"),
            (!group.holds.attached.is_empty(), "detach all policies"),
            (!group.holds.inline.is_empty(), "delete policies"),
        ];
        if let Some((_, what)) = obstacles.into_iter().find(|(stands, _)| *stands) {
            return Err(first(what));
        }
        state.groups.remove(&Of::new(account, &input.group_name));
        Ok(Empty {})
    })
});

operation!(AddUserToGroup, |iam, cx, input| iam.want_group(cx, &input.group_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        state.group(account, &input.group_name).ok_or_else(the("group", &input.group_name))?;
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

operation!(RemoveUserFromGroup, |iam, cx, input| iam.want_group(cx, &input.group_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        state.group(account, &input.group_name).ok_or_else(the("group", &input.group_name))?;
        iam.user_mut(state, account, &input.user_name)?.groups.retain(|group| *group != input.group_name);
        Ok(Empty {})
    })
});

operation!(ListGroupsForUser, |iam, cx, input| iam.want_user(cx, &input.user_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.read(|state| {
        let user = state.user(account, &input.user_name).ok_or_else(the("user", &input.user_name))?;
        let groups = user.groups.iter().filter_map(|name| state.group(account, name));
        let page = page(groups, input.marker.as_deref(), input.max_items)?.map(|group| iam.shown_group(account, group));
        Ok(ListGroupsForUserResponse { groups: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

impl Iam {
    pub(crate) fn user_mut<'s>(&self, state: &'s mut State, account: Account, name: &str) -> Result<&'s mut state::User, Fault> {
        state.user(account, name).ok_or_else(the("user", name))?;
        state.users.get_mut(&Of::new(account, name)).ok_or_else(the("user", name))
    }

    pub(crate) fn group_mut<'s>(&self, state: &'s mut State, account: Account, name: &str) -> Result<&'s mut state::Group, Fault> {
        state.group(account, name).ok_or_else(the("group", name))?;
        state.groups.get_mut(&Of::new(account, name)).ok_or_else(the("group", name))
    }

    /// A role that customers may change.
    pub(crate) fn role_mut<'s>(&self, state: &'s mut State, account: Account, name: &str) -> Result<&'s mut state::Role, Fault> {
        let role = state.role(account, name).ok_or_else(the("role", name))?;
        if role.linked_to.is_some() {
            return Err(crate::faults::protected(name));
        }
        state.roles.get_mut(&Of::new(account, name)).ok_or_else(the("role", name))
    }
}
