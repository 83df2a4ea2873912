//! GetKeyPolicy, PutKeyPolicy, ListKeyPolicies.

use crate::{
    Kms, faults,
    key_ids::Aliases,
    key_policy::{self, DEFAULT_NAME},
    on_key,
    permissions::Reach,
};
use cloudlet_api_kms::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Permission, StoredPolicy};
use cloudlet_shape::Empty;

impl Kms {
    /// A policy that its caller may change again, unless the check is bypassed.
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#prevent-unmanageable-key>
    pub fn checked_policy(&self, cx: &Cx, key: &Arn, text: &str, bypass: Option<bool>) -> Result<StoredPolicy, Fault> {
        let policy = key_policy::parse(text)?;
        if bypass != Some(true) {
            let permission = Permission::action("kms:PutKeyPolicy", key.clone()).with_policy(Some(policy.named(key)));
            cx.check::<PutKeyPolicy>(&permission).map_err(|_| {
                faults::MALFORMED_POLICY_DOCUMENT.says("The new key policy will not allow you to update the key policy in the future.")
            })?;
        }
        Ok(policy)
    }
}

fn check_name(name: Option<&str>) -> Result<(), Fault> {
    match name {
        None | Some(DEFAULT_NAME) => Ok(()),
        // AWS: unverified message.
        Some(_) => Err(faults::NOT_FOUND.says("No such policy exists")),
    }
}

on_key!(GetKeyPolicy, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    check_name(input.policy_name.as_deref())?;
    Ok(GetKeyPolicyResponse { policy: Some(named.key.policy.text.to_string()), policy_name: Some(DEFAULT_NAME.to_owned()) })
});

on_key!(
    PutKeyPolicy,
    Aliases::Refused,
    Reach::OwnAccount,
    |input, permission| permission.keys.set("kms:BypassPolicyLockoutSafetyCheck", input.bypass_policy_lockout_safety_check == Some(true)),
    |kms, cx, input, named| {
        check_name(input.policy_name.as_deref())?;
        let policy = kms.checked_policy(cx, &named.key.arn, &input.policy, input.bypass_policy_lockout_safety_check)?;
        kms.change(cx, &named.key.arn, |key| {
            key.policy = policy;
            Ok(Empty {})
        })
    }
);

on_key!(ListKeyPolicies, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    if input.marker.is_some() {
        return Err(faults::invalid_marker());
    }
    Ok(ListKeyPoliciesResponse { policy_names: Some(vec![DEFAULT_NAME.to_owned()]), next_marker: None, truncated: Some(false) })
});
