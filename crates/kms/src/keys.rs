//! Keys: created, described, listed.

use crate::{
    Kms, faults,
    key_ids::Aliases,
    key_policy, limits,
    new_keys::new_key_arn,
    on_key,
    pages::page,
    permissions::{Reach, of_account, on_resource},
    specs::{KeyOrigin, KeySpec, KeyUsage},
    state::{Key, ManagedBy, MultiRegion, State, Switch},
    tags,
};
use cloudlet_api_kms::*;
use cloudlet_aws::{Arn, Fault, Scope};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;
use std::{ops::Bound, sync::Arc};

/// The page size of lists, unless a request gives one.
pub const USUAL_PAGE: usize = 100;

/// The spec and usage of a new key.
fn spec_and_usage(input: &CreateKeyRequest) -> Result<(KeySpec, KeyUsage), Fault> {
    let spec = match (&input.key_spec, &input.customer_master_key_spec) {
        (Some(spec), Some(old)) if spec != old => {
            // AWS: unverified message.
            return Err(faults::validation(
                "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.",
            ));
        }
        (Some(spec), _) | (None, Some(spec)) => KeySpec::parse(spec).ok_or_else(faults::unsupported)?,
        (None, None) => KeySpec::SymmetricDefault,
    };
    let usage = match &input.key_usage {
        Some(usage) => KeyUsage::parse(usage).ok_or_else(faults::unsupported)?,
        None if spec.is_symmetric_encryption() => KeyUsage::EncryptDecrypt,
        None => return Err(faults::validation("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")),
    };
    if !spec.usages().contains(&usage) {
        return Err(faults::validation(format!("KeyUsage {} is not compatible with KeySpec {}", usage.as_str(), spec.as_str())));
    }
    // AWS: in the regions of China only.
    if spec == KeySpec::Sm2 {
        return Err(faults::unsupported());
    }
    Ok((spec, usage))
}

fn origin_of(input: &CreateKeyRequest) -> KeyOrigin {
    input.origin.as_deref().and_then(KeyOrigin::parse).unwrap_or(KeyOrigin::AwsKms)
}

impl Handle<CreateKey> for Kms {
    fn permissions(&self, cx: &Cx, input: &CreateKeyRequest) -> Result<Permissions, Fault> {
        let mut permissions = of_account::<CreateKey>(cx);
        for permission in &mut permissions {
            let keys = &mut permission.keys;
            keys.set("kms:BypassPolicyLockoutSafetyCheck", input.bypass_policy_lockout_safety_check == Some(true));
            keys.set("kms:KeyOrigin", origin_of(input).as_str());
            if let Ok((spec, usage)) = spec_and_usage(input) {
                keys.set("kms:KeySpec", spec.as_str());
                keys.set("kms:KeyUsage", usage.as_str());
            }
            keys.set("kms:MultiRegion", input.multi_region == Some(true));
            if input.multi_region == Some(true) {
                keys.set("kms:MultiRegionKeyType", "PRIMARY");
            }
        }
        if let Some(given) = input.tags.as_ref().filter(|tags| !tags.is_empty()) {
            let mut tagging = on_resource("kms:TagResource", Arn::new("kms", &cx.scope, "key/*"), cx.scope.account);
            for permission in permissions.iter_mut().chain([&mut tagging]) {
                permission.keys.set_request_tags(given.iter().map(|tag| (&tag.tag_key, tag.tag_value.clone())));
            }
            permissions.push(tagging);
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: CreateKeyRequest) -> Result<CreateKeyResponse, Fault> {
        let (spec, usage) = spec_and_usage(&input)?;
        let origin = origin_of(&input);
        let tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        self.check_custom_key_store(cx, &input, spec, origin)?;
        let multi_region = input.multi_region == Some(true);
        let arn = new_key_arn(cx, &cx.scope, multi_region);
        let policy = match &input.policy {
            Some(text) => self.checked_policy(cx, &arn, text, input.bypass_policy_lockout_safety_check)?,
            None => key_policy::of_account(&cx.scope),
        };
        self.store.read(|state| check_room(state, &cx.scope))?;
        let materials = match origin {
            KeyOrigin::AwsKms => vec![Arc::new(self.new_material(cx, spec).await?)],
            _ => vec![],
        };
        let key = Key {
            arn,
            created: cx.now,
            description: input.description.unwrap_or_default(),
            spec,
            usage,
            origin,
            manager: ManagedBy::Customer,
            switch: Switch::Enabled,
            deletion: None,
            policy,
            tags,
            multi_region: multi_region.then(|| MultiRegion { primary: cx.scope.region.clone(), replicas: vec![] }),
            rotation: None,
            materials,
        };
        let key = self.store.write(|state| {
            check_room(state, &cx.scope)?;
            Ok::<_, Fault>(state.insert_key(key))
        })?;
        Ok(CreateKeyResponse { key_metadata: Some(key.metadata(cx.now)) })
    }
}

fn prefix(scope: &Scope) -> Arn {
    Arn::new("kms", scope, "key/")
}

/// The keys of an account in a region, those after an ARN.
pub fn keys_of<'s>(state: &'s State, scope: &Scope, after: Option<Arn>) -> impl Iterator<Item = (&'s Arn, &'s Arc<Key>)> {
    let first = prefix(scope);
    let from = after.unwrap_or_else(|| first.clone());
    state.keys.range((Bound::Excluded(from), Bound::Unbounded)).take_while(move |(arn, _)| arn.as_str().starts_with(first.as_str()))
}

pub fn check_room(state: &State, scope: &Scope) -> Result<(), Fault> {
    // Counted only when there are as many in all.
    if state.keys.len() < limits::KEYS || keys_of(state, scope, None).count() < limits::KEYS {
        return Ok(());
    }
    // AWS: unverified message.
    Err(faults::LIMIT_EXCEEDED.says("The request was rejected because the limit of KMS keys in this account and Region was reached."))
}

on_key!(DescribeKey, Aliases::Taken, Reach::AnyAccount, |kms, cx, input, named| {
    kms.check_grant_tokens(input.grant_tokens.as_deref())?;
    Ok(DescribeKeyResponse { key_metadata: Some(named.key.metadata(cx.now)) })
});

impl Handle<ListKeys> for Kms {
    fn permissions(&self, cx: &Cx, _: &ListKeysRequest) -> Result<Permissions, Fault> {
        Ok(of_account::<ListKeys>(cx))
    }

    async fn handle(&self, cx: &Cx, input: ListKeysRequest) -> Result<ListKeysResponse, Fault> {
        // Nothing shares keys with other accounts.
        let own = input.resource_owners.as_ref().is_none_or(|owners| owners.iter().any(|owner| owner == "SELF"));
        let page = self.store.read(|state| {
            page::<ListKeys, _, _, _>(cx, &input, USUAL_PAGE, |after| {
                keys_of(state, &cx.scope, after).filter(|(_, key)| own && !key.is_gone(cx.now)).map(|(arn, key)| {
                    let entry = KeyListEntry { key_id: Some(key.id().to_owned()), key_arn: Some(arn.to_string()) };
                    (arn.clone(), entry)
                })
            })
        })?;
        Ok(ListKeysResponse { keys: Some(page.items), next_marker: page.next_marker, truncated: page.truncated })
    }
}

on_key!(UpdateKeyDescription, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    kms.change(cx, &named.key.arn, |key| {
        key.check_not_deleted(cx.now)?;
        key.description = input.description;
        Ok(())
    })?;
    Ok(Empty {})
});

impl Kms {
    /// A key in a custom key store needs one that is connected, and none is.
    fn check_custom_key_store(&self, cx: &Cx, input: &CreateKeyRequest, spec: KeySpec, origin: KeyOrigin) -> Result<(), Fault> {
        match (origin, &input.custom_key_store_id) {
            (KeyOrigin::AwsKms | KeyOrigin::External, None) => Ok(()),
            (KeyOrigin::AwsKms | KeyOrigin::External, Some(_)) => Err(faults::unsupported()),
            // AWS: unverified message.
            (_, None) => Err(faults::validation(format!("CustomKeyStoreId is required when Origin is {}.", origin.as_str()))),
            _ if !spec.is_symmetric_encryption() || input.multi_region == Some(true) => Err(faults::unsupported()),
            (_, Some(store)) => self.check_connected(cx, store),
        }
    }

    /// Changes a key that was found. A fault undoes the change.
    pub fn change<R>(&self, cx: &Cx, arn: &Arn, change: impl FnOnce(&mut Key) -> Result<R, Fault>) -> Result<R, Fault> {
        self.store.write(|state| {
            let key = state.keys.get_mut(arn).filter(|key| !key.is_gone(cx.now)).ok_or_else(|| faults::no_such_key(arn.as_str()))?;
            change(Arc::make_mut(key))
        })
    }
}
