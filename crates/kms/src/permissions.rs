//! What a call on a key needs to be allowed: the operation's action on the key, with the key's policy, its grants, and KMS's condition keys.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html>

use crate::{
    Kms,
    grants::{GrantId, GrantOperation, GrantUse, names_of},
    key_ids::Named,
    state::Key,
};
use cloudlet_aws::{Account, Arn, Identity};
use cloudlet_engine::{Cx, DerivedKey, Grant as PolicyGrant, Permission, Permissions, Reach as GrantReach};
use cloudlet_shape::{Map, Operation};
use std::ops::Bound;

/// The keys that follow from the call alone.
const DERIVED: &[DerivedKey] = &[
    DerivedKey {
        name: "kms:CallerAccount",
        // A service that calls for itself is of no account of the customer's.
        value: |request, _| match request.caller.identity {
            Identity::Service { .. } | Identity::Anonymous => None,
            _ => request.caller.account.map(Into::into),
        },
    },
    DerivedKey { name: "kms:GrantIsForAWSResource", value: |request, _| Some((!request.origin.via.is_empty()).into()) },
    DerivedKey { name: "kms:ViaService", value: |request, _| via_service(request).map(Into::into) },
];

/// `sqs.us-east-1.amazonaws.com`: the service through which the caller uses the key.
pub fn via_service(request: &cloudlet_engine::RequestContext) -> Option<String> {
    let principal = request.origin.via.last()?;
    let service = principal.strip_suffix(".amazonaws.com")?;
    Some(format!("{service}.{}.amazonaws.com", request.scope.region))
}

/// Which callers an operation on a key may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Also those of other accounts, if the key lets them.
    AnyAccount,
    OwnAccount,
}

impl Kms {
    /// The permission for an action on a key.
    pub fn permission_on(&self, cx: &Cx, action: &'static str, named: &Named, reach: Reach, purpose: GrantUse<'_>) -> Permission {
        let key = &named.key;
        let mut permission = Permission::action(action, key.arn.clone());
        permission.derived = DERIVED;
        if reach == Reach::OwnAccount && cx.caller.account != permission.owner && !matches!(cx.caller.identity, Identity::Service { .. }) {
            // Without the key's policy, nothing lets another account in.
            return permission;
        }
        permission.resource_policy = Some(key.policy.named(&key.arn));
        set_key_conditions(&mut permission, key);
        if let Some(alias) = &named.alias {
            permission.keys.set("kms:RequestAlias", alias);
        }
        let aliases = self.store.read(|state| state.aliases_of(&key.arn));
        if !aliases.is_empty() {
            permission.keys.set_many("kms:ResourceAliases", aliases.iter().map(|alias| alias.resource().to_owned()));
        }
        if let GrantUse::Cryptographic(context) = purpose {
            set_encryption_context(&mut permission, context);
        }
        permission.grant = self.grant_for(cx, key, action, purpose);
        permission
    }

    /// The permission for the operation's own action on a key.
    pub fn permission<O: Operation>(&self, cx: &Cx, named: &Named, reach: Reach) -> Permission {
        self.permission_on(cx, O::SCHEMA.access.first().map_or("", |access| access.action), named, reach, GrantUse::Other)
    }
}

fn set_key_conditions(permission: &mut Permission, key: &Key) {
    let keys = &mut permission.keys;
    keys.set("kms:KeySpec", key.spec.as_str());
    keys.set("kms:KeyUsage", key.usage.as_str());
    keys.set("kms:KeyOrigin", key.origin.as_str());
    keys.set("kms:MultiRegion", key.multi_region.is_some());
    if key.multi_region.is_some() {
        keys.set("kms:MultiRegionKeyType", if key.is_primary() { "PRIMARY" } else { "REPLICA" });
    }
    keys.set_resource_tags(key.tags.iter().map(|(name, value)| (name, value.clone())));
}

fn set_encryption_context(permission: &mut Permission, context: Option<&Map<String>>) {
    let Some(context) = context.filter(|context| !context.is_empty()) else { return };
    permission.keys.set_many("kms:EncryptionContextKeys", context.keys().cloned());
    for (name, value) in context {
        permission.keys.set(format!("kms:EncryptionContext:{name}"), value.clone());
    }
}

impl Kms {
    /// The grant of a key, if there is one, that allows the caller an action.
    pub fn grant_for(&self, cx: &Cx, key: &Key, action: &str, purpose: GrantUse<'_>) -> Option<PolicyGrant<'static>> {
        let operation = action.strip_prefix("kms:").and_then(GrantOperation::parse)?;
        self.store.read(|state| {
            let first = (Bound::Included((key.arn.clone(), "".into(), GrantId::default())), Bound::Unbounded);
            // Most keys have none.
            state.grants_by_grantee.range(first).next().filter(|((of, ..), ())| *of == key.arn)?;
            let mut best: Option<GrantReach> = None;
            for (name, reach) in names_of(&cx.caller) {
                let allows = state.grants_to(&key.arn, &name).any(|grant| grant.allows(&cx.caller, operation, purpose));
                if allows && best.is_none_or(|known| known < reach) {
                    best = Some(reach);
                }
            }
            best.map(|reach| PolicyGrant { name: "KMS grant", reach })
        })
    }
}

/// The permission for an action that has no resource.
pub fn on_account(cx: &Cx, action: &'static str) -> Permission {
    on_resource(action, Arn::any(), cx.scope.account)
}

/// The permission for an action on a resource that has no policy: an alias.
pub fn on_resource(action: &'static str, resource: Arn, owner: Account) -> Permission {
    let mut permission = Permission::action(action, resource).owned_by(owner);
    permission.derived = DERIVED;
    permission
}

/// The operation's own action, without a resource.
pub fn of_account<O: Operation>(cx: &Cx) -> Permissions {
    on_account(cx, O::SCHEMA.access.first().map_or("", |access| access.action)).into()
}
