//! Aliases: names for keys.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html>

use crate::{
    Kms, faults,
    key_ids::Aliases,
    limits, managed,
    pages::page,
    permissions::{Reach, of_account, on_resource},
    state::{Alias, State},
};
use cloudlet_api_kms::*;
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Empty, Operation};
use std::ops::Bound;

const USUAL_PAGE: usize = 50;

fn check_name(name: &str) -> Result<(), Fault> {
    match name.strip_prefix("alias/") {
        None => Err(faults::validation(
            "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        )),
        // AWS: unverified message.
        Some("") => Err(faults::INVALID_ALIAS_NAME.says("An alias must have a name after the prefix \"alias/\".")),
        // AWS: recorded in https://github.com/hashicorp/terraform-provider-aws.
        Some(_) if managed::is_reserved(name) => Err(faults::validation("Alias must not begin with \"alias/aws/\".")),
        Some(_) => Ok(()),
    }
}

impl Kms {
    /// The permissions for an alias and for a key, with the operation's action.
    fn alias_permissions<O: Operation>(&self, cx: &Cx, alias: &str, keys: &[&str]) -> Result<Permissions, Fault> {
        let action = O::SCHEMA.access.first().map_or("", |access| access.action);
        let mut permissions = Permissions::new();
        permissions.push(on_resource(action, Arn::new("kms", &cx.scope, alias), cx.scope.account));
        for key in keys {
            let named = self.named(cx, key, Aliases::Refused)?;
            permissions.push(self.permission::<O>(cx, &named, Reach::OwnAccount));
        }
        Ok(permissions)
    }

    /// The key that an alias points to at present.
    fn target_of(&self, cx: &Cx, alias: &str) -> Result<Arn, Fault> {
        let arn = Arn::new("kms", &cx.scope, alias);
        self.store.read(|state| state.aliases.get(&arn).map(|alias| alias.target.clone())).ok_or_else(|| faults::no_such_alias(arn.as_str()))
    }
}

/// A key that an alias may be given to.
fn check_target(state: &State, cx: &Cx, target: &Arn) -> Result<(), Fault> {
    let key = state.keys.get(target).filter(|key| !key.is_gone(cx.now)).ok_or_else(|| faults::no_such_key(target.as_str()))?;
    key.check_not_deleted(cx.now)?;
    if state.aliases_of(target).len() >= limits::ALIASES_PER_KEY {
        // AWS: unverified message.
        return Err(faults::LIMIT_EXCEEDED.says(format!("The limit of {} aliases for the key was reached.", limits::ALIASES_PER_KEY)));
    }
    Ok(())
}

impl Handle<CreateAlias> for Kms {
    fn permissions(&self, cx: &Cx, input: &CreateAliasRequest) -> Result<Permissions, Fault> {
        check_name(&input.alias_name)?;
        self.alias_permissions::<CreateAlias>(cx, &input.alias_name, &[&input.target_key_id])
    }

    async fn handle(&self, cx: &Cx, input: CreateAliasRequest) -> Result<Empty, Fault> {
        let target = self.named(cx, &input.target_key_id, Aliases::Refused)?.key.arn.clone();
        let arn = Arn::new("kms", &cx.scope, &input.alias_name);
        self.store.write(|state| {
            if state.aliases.contains(&arn) {
                return Err(faults::ALREADY_EXISTS.says(format!("An alias with the name {arn} already exists")));
            }
            check_target(state, cx, &target)?;
            state.insert_alias(arn, Alias { target, created: cx.now, updated: cx.now });
            Ok(Empty {})
        })
    }
}

impl Handle<UpdateAlias> for Kms {
    fn permissions(&self, cx: &Cx, input: &UpdateAliasRequest) -> Result<Permissions, Fault> {
        check_name(&input.alias_name)?;
        let current = self.target_of(cx, &input.alias_name)?;
        self.alias_permissions::<UpdateAlias>(cx, &input.alias_name, &[current.as_str(), &input.target_key_id])
    }

    async fn handle(&self, cx: &Cx, input: UpdateAliasRequest) -> Result<Empty, Fault> {
        let target = self.named(cx, &input.target_key_id, Aliases::Refused)?.key;
        let arn = Arn::new("kms", &cx.scope, &input.alias_name);
        self.store.write(|state| {
            let alias = state.aliases.get(&arn).cloned().ok_or_else(|| faults::no_such_alias(arn.as_str()))?;
            let same_kind = state.keys.get(&alias.target).is_none_or(|key| {
                key.usage == target.usage
                    && (key.spec == target.spec
                        || (key.spec.is_asymmetric() == target.spec.is_asymmetric() && key.spec.is_hmac() == target.spec.is_hmac()))
            });
            if !same_kind {
                // AWS: unverified message.
                return Err(faults::validation("The current and new KMS key must be the same type and have the same key usage."));
            }
            if alias.target != target.arn {
                check_target(state, cx, &target.arn)?;
            }
            state.insert_alias(arn, Alias { target: target.arn.clone(), updated: cx.now, ..alias });
            Ok(Empty {})
        })
    }
}

impl Handle<DeleteAlias> for Kms {
    fn permissions(&self, cx: &Cx, input: &DeleteAliasRequest) -> Result<Permissions, Fault> {
        check_name(&input.alias_name)?;
        let current = self.target_of(cx, &input.alias_name)?;
        self.alias_permissions::<DeleteAlias>(cx, &input.alias_name, &[current.as_str()])
    }

    async fn handle(&self, cx: &Cx, input: DeleteAliasRequest) -> Result<Empty, Fault> {
        let arn = Arn::new("kms", &cx.scope, &input.alias_name);
        self.store.update(|state| state.remove_alias(&arn));
        Ok(Empty {})
    }
}

impl Handle<ListAliases> for Kms {
    fn permissions(&self, cx: &Cx, input: &ListAliasesRequest) -> Result<Permissions, Fault> {
        let mut permissions: Permissions = of_account::<ListAliases>(cx);
        if let Some(id) = &input.key_id {
            let named = self.named(cx, id, Aliases::Refused)?;
            if Account::parse(named.key.arn.account()) != Some(cx.scope.account) {
                permissions = Permission::of::<ListAliases>(named.key.arn.clone()).into();
            }
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: ListAliasesRequest) -> Result<ListAliasesResponse, Fault> {
        let target = input.key_id.as_deref().map(|id| self.named(cx, id, Aliases::Refused)).transpose()?.map(|named| named.key.arn.clone());
        let first = Arn::new("kms", &cx.scope, "alias/");
        let page = self.store.read(|state| {
            page::<ListAliases, _, _, _>(cx, &input, USUAL_PAGE, |after: Option<Arn>| {
                // Those that AWS has given, and that nothing has used yet, are in the list too.
                let after = after.unwrap_or_else(|| first.clone());
                let unused = managed::SERVICES.map(|service| Arn::new("kms", &cx.scope, &format!("alias/aws/{service}")));
                let unused = unused.into_iter().filter(|arn| target.is_none() && !state.aliases.contains(arn) && *arn > after);
                let unused = unused.map(|arn| (arn.clone(), entry(&arn, None))).collect::<Vec<_>>();
                let of_target = target.iter().flat_map(|target| state.aliases_of(target)).filter(|arn| *arn > after).collect::<Vec<_>>();
                let all = state.aliases.range((Bound::Excluded(after), Bound::Unbounded)).map(|(arn, _)| arn);
                let all = all.take_while(|arn| target.is_none() && arn.as_str().starts_with(first.as_str())).cloned();
                let own = of_target.into_iter().chain(all).filter_map(|arn| Some((arn.clone(), state.aliases.get(&arn)?)));
                let own = own.filter(|(_, alias)| state.keys.get(&alias.target).is_some_and(|key| !key.is_gone(cx.now)));
                merged(own.map(|(arn, alias)| (arn.clone(), entry(&arn, Some(alias)))), unused.into_iter())
            })
        })?;
        Ok(ListAliasesResponse { aliases: Some(page.items), next_marker: page.next_marker, truncated: page.truncated })
    }
}

fn entry(arn: &Arn, alias: Option<&Alias>) -> AliasListEntry {
    AliasListEntry {
        alias_name: Some(arn.resource().to_owned()),
        alias_arn: Some(arn.to_string()),
        target_key_id: alias.and_then(|alias| alias.target.resource().strip_prefix("key/")).map(str::to_owned),
        creation_date: alias.map(|alias| alias.created),
        last_updated_date: alias.map(|alias| alias.updated),
    }
}

/// Two lists in order as one.
fn merged<T>(one: impl Iterator<Item = (Arn, T)>, other: impl Iterator<Item = (Arn, T)>) -> impl Iterator<Item = (Arn, T)> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some((first, _)), Some((second, _))) if second < first => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    })
}
