//! What identities have beside their verification.

use super::identities::set_signing;
use crate::{
    access,
    identity_settings::{PolicyChange, no_owner},
    refusal::Refusal,
};
use cloudlet_api_sesv2::*;

operation!(
    PutEmailIdentityDkimAttributes,
    |ses, cx, input| Ok(access::identity::<PutEmailIdentityDkimAttributes>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        ses.set_dkim_enabled(cx, &input.email_identity, input.signing_enabled.unwrap_or(false))?;
        Ok(PutEmailIdentityDkimAttributesResponse {})
    },
);

operation!(
    PutEmailIdentityDkimSigningAttributes,
    |ses, cx, input| Ok(access::identity::<PutEmailIdentityDkimSigningAttributes>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        let (origin, given) = (input.signing_attributes_origin, input.signing_attributes);
        if input.email_identity.contains('@') {
            // AWS: measured.
            return Err(Refusal::invalid("The EmailIdentity value must be a valid domain."));
        }
        let missing = || Refusal::NoIdentity(input.email_identity.clone());
        ses.change_identity(cx, &input.email_identity, missing, |identity| set_signing(cx, identity, &origin, given))?;
        let identity = ses.looked_up(&cx.scope, &input.email_identity, cx.now).ok_or_else(|| Refusal::NoIdentity(input.email_identity.clone()))?;
        let shown = ses.dkim_shown(cx, &input.email_identity, &identity);
        Ok(PutEmailIdentityDkimSigningAttributesResponse {
            dkim_status: shown.status,
            dkim_tokens: shown.tokens,
            signing_hosted_zone: shown.signing_hosted_zone,
        })
    },
);

operation!(
    PutEmailIdentityMailFromAttributes,
    |ses, cx, input| Ok(access::identity::<PutEmailIdentityMailFromAttributes>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        let rejects = input.behavior_on_mx_failure.as_deref() == Some("REJECT_MESSAGE");
        ses.set_mail_from(cx, &input.email_identity, input.mail_from_domain, rejects)?;
        Ok(PutEmailIdentityMailFromAttributesResponse {})
    },
);

operation!(
    PutEmailIdentityFeedbackAttributes,
    |ses, cx, input| Ok(access::identity::<PutEmailIdentityFeedbackAttributes>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        ses.set_forwarding(cx, &input.email_identity, |_| Ok(()), input.email_forwarding_enabled.unwrap_or(false))?;
        Ok(PutEmailIdentityFeedbackAttributesResponse {})
    },
);

operation!(
    PutEmailIdentityConfigurationSetAttributes,
    |ses, cx, input| Ok(access::identity::<PutEmailIdentityConfigurationSetAttributes>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        // AWS: measured, and that the identity is looked for first.
        let missing = || Refusal::NotFound(format!("Identity <{}> does not exist.", input.email_identity));
        ses.identity(&cx.scope, &input.email_identity).ok_or_else(missing)?;
        let set = input.configuration_set_name.filter(|set| !set.is_empty());
        if let Some(set) = &set {
            ses.configuration_set(&cx.scope, set)?;
        }
        ses.change_identity(cx, &input.email_identity, missing, |identity| {
            identity.configuration_set = set;
            Ok(())
        })?;
        Ok(PutEmailIdentityConfigurationSetAttributesResponse {})
    },
);

operation!(
    CreateEmailIdentityPolicy,
    |ses, cx, input| Ok(access::identity::<CreateEmailIdentityPolicy>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        ses.put_policy(cx, &input.email_identity, &input.policy_name, &input.policy, PolicyChange::Create)?;
        Ok(CreateEmailIdentityPolicyResponse {})
    },
);

operation!(
    UpdateEmailIdentityPolicy,
    |ses, cx, input| Ok(access::identity::<UpdateEmailIdentityPolicy>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        ses.put_policy(cx, &input.email_identity, &input.policy_name, &input.policy, PolicyChange::Update)?;
        Ok(UpdateEmailIdentityPolicyResponse {})
    },
);

operation!(
    GetEmailIdentityPolicies,
    |ses, cx, input| Ok(access::identity::<GetEmailIdentityPolicies>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        let identity = ses.identity(&cx.scope, &input.email_identity).ok_or_else(|| no_owner(&input.email_identity))?;
        let policies = identity.policies.iter().map(|(name, policy)| (name.clone(), policy.text.to_string()));
        Ok(GetEmailIdentityPoliciesResponse { policies: Some(policies.collect()) })
    },
);

operation!(
    DeleteEmailIdentityPolicy,
    |ses, cx, input| Ok(access::identity::<DeleteEmailIdentityPolicy>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        ses.delete_policy(cx, &input.email_identity, &input.policy_name)?;
        Ok(DeleteEmailIdentityPolicyResponse {})
    },
);
