//! EnableKey and DisableKey.

use crate::{key_ids::Aliases, on_key, permissions::Reach, state::Switch};
use cloudlet_api_kms::{DisableKey, EnableKey};
use cloudlet_shape::Empty;

on_key!(EnableKey, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    let enabled = kms.change(cx, &named.key.arn, |key| {
        key.check_not_pending(cx.now)?;
        key.switch = Switch::Enabled;
        Ok(key.clone())
    })?;
    // A rotation may have become due meanwhile.
    kms.schedule_rotation(cx, &enabled);
    Ok(Empty {})
});

on_key!(DisableKey, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    kms.change(cx, &named.key.arn, |key| {
        key.check_not_pending(cx.now)?;
        key.switch = Switch::Disabled;
        Ok(Empty {})
    })
});
