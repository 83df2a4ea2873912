//! Access keys of users, and of root.

use crate::{
    Iam,
    faults::{no_such, no_such_entity, quota},
    limits,
    operation::{RequiredPermission, operation},
    output::UserOrRoot,
    paging::page,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_identity::{
    LastUsed, Secret, State,
    state::{self, AccessKeyOwner, CredentialStatus},
};
use cloudlet_shape::Empty;
use std::{collections::BTreeMap, sync::Arc};

pub(crate) fn no_key(id: &str) -> Fault {
    no_such(format!("The Access Key with id {id} cannot be found."))
}

pub(crate) fn status(text: &str) -> CredentialStatus {
    if text == "Inactive" { CredentialStatus::Inactive } else { CredentialStatus::Active }
}

fn owner(state: &State, account: Account, user: UserOrRoot) -> Result<AccessKeyOwner, Fault> {
    match user {
        UserOrRoot::Root => Ok(AccessKeyOwner::Root),
        UserOrRoot::User(name) => {
            state.user(account, &name).ok_or_else(no_such_entity("user", &name))?;
            Ok(AccessKeyOwner::User(name))
        }
    }
}

fn name_of(owner: &AccessKeyOwner) -> Option<String> {
    match owner {
        AccessKeyOwner::Root => None,
        AccessKeyOwner::User(name) => Some(name.clone()),
    }
}

pub(crate) fn keys_of<'s>(
    state: &'s State,
    account: Account,
    owner: &'s AccessKeyOwner,
) -> impl Iterator<Item = (&'s Arc<str>, &'s state::AccessKey)> {
    state.access_keys.iter().filter(move |(_, key)| key.account == account && key.owner == *owner)
}

impl Iam {
    fn key_mut<'s>(&self, state: &'s mut State, account: Account, user: UserOrRoot, id: &str) -> Result<&'s mut state::AccessKey, Fault> {
        let owner = owner(state, account, user)?;
        state.access_keys.get(id).filter(|key| key.account == account && key.owner == owner).ok_or_else(|| no_key(id))?;
        state.access_keys.get_mut(id).ok_or_else(|| no_key(id))
    }
}

operation!(CreateAccessKey, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    let user = UserOrRoot::of(cx, input.user_name.as_deref())?;
    let (id, secret, now) = (cx.ids().access_key("AKIA", account), cx.ids().secret_key(), cx.now.whole_secs());
    iam.identity.write(|state| {
        let owner = owner(state, account, user)?;
        if keys_of(state, account, &owner).count() >= limits::ACCESS_KEYS {
            return Err(quota("AccessKeysPerUser", limits::ACCESS_KEYS));
        }
        let shown = AccessKey {
            user_name: name_of(&owner).unwrap_or_default(),
            access_key_id: id.clone(),
            status: "Active".into(),
            secret_access_key: secret.clone(),
            create_date: Some(now),
        };
        let key = state::AccessKey {
            account,
            owner,
            secret: Secret::new(secret),
            status: CredentialStatus::Active,
            created: now,
            last_used: LastUsed::default(),
        };
        state.access_keys.insert(id.as_str().into(), key);
        Ok(CreateAccessKeyResponse { access_key: shown })
    })
});

operation!(ListAccessKeys, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    let user = UserOrRoot::of(cx, input.user_name.as_deref())?;
    iam.identity.read(|state| {
        let owner = owner(state, account, user)?;
        let keys: BTreeMap<_, _> = keys_of(state, account, &owner).map(|(id, key)| ((key.created, id.to_string()), (id, key))).collect();
        let page = page::<ListAccessKeys, _, _>(cx, &input, keys)?.map(|(id, key)| AccessKeyMetadata {
            user_name: name_of(&key.owner),
            access_key_id: Some(id.to_string()),
            status: Some(key.status.as_str().into()),
            create_date: Some(key.created),
        });
        Ok(ListAccessKeysResponse { access_key_metadata: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(UpdateAccessKey, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let user = UserOrRoot::of(cx, input.user_name.as_deref())?;
    iam.identity.write(|state| {
        iam.key_mut(state, cx.scope.account, user, &input.access_key_id)?.status = status(&input.status);
        Ok(Empty {})
    })
});

operation!(DeleteAccessKey, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let user = UserOrRoot::of(cx, input.user_name.as_deref())?;
    iam.identity.write(|state| {
        iam.key_mut(state, cx.scope.account, user, &input.access_key_id)?;
        state.access_keys.remove(&*input.access_key_id);
        Ok(Empty {})
    })
});

operation!(
    GetAccessKeyLastUsed,
    |iam, cx, input| {
        let owner = iam.identity.read(|state| state.access_keys.get(&*input.access_key_id).and_then(|key| name_of(&key.owner)));
        match owner {
            Some(name) => iam.on_user(cx, &name),
            None => RequiredPermission::on(Arn::any()),
        }
    },
    |iam, cx, input| iam.identity.read(|state| {
        let id = &*input.access_key_id;
        // A key of another account has the same answer as one that does not exist.
        let key = state.access_keys.get(id).filter(|key| key.account == cx.scope.account).ok_or_else(|| no_key(id))?;
        let used = match key.last_used.get() {
            Some(usage) => AccessKeyLastUsed {
                last_used_date: Some(usage.at.whole_secs()),
                service_name: usage.service.to_string(),
                region: usage.region.to_string(),
            },
            None => AccessKeyLastUsed { last_used_date: None, service_name: "N/A".into(), region: "N/A".into() },
        };
        Ok(GetAccessKeyLastUsedResponse { user_name: name_of(&key.owner), access_key_last_used: Some(used) })
    })
);
