//! What identities have beside their verification.

use super::identities::set_signing;
use crate::{
    Ses, access,
    identities::{self, checked_domain},
    policies,
    refusal::Refusal,
    state::{Identity, MailFrom},
};
use cloudlet_api_sesv2::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, handler};

impl Ses {
    fn change_v2<R>(&self, cx: &Cx, name: &str, change: impl FnOnce(&mut Identity) -> Result<R, Refusal>) -> Result<R, Fault> {
        self.store.write(|state| state.change_identity(&cx.scope, name, change)?).map_err(Refusal::v2)
    }
}

handler!(
    Ses,
    PutEmailIdentityDkimAttributes,
    |ses, cx, input| Ok(access::identity::<PutEmailIdentityDkimAttributes>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        ses.change_v2(cx, &input.email_identity, |identity| {
            identity.dkim.enabled = input.signing_enabled.unwrap_or(false);
            Ok(())
        })?;
        Ok(PutEmailIdentityDkimAttributesResponse {})
    },
);

handler!(
    Ses,
    PutEmailIdentityDkimSigningAttributes,
    |ses, cx, input| Ok(access::identity::<PutEmailIdentityDkimSigningAttributes>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        let (origin, given) = (input.signing_attributes_origin, input.signing_attributes);
        ses.change_v2(cx, &input.email_identity, |identity| set_signing(cx, identity, &origin, given))?;
        let identity =
            ses.looked_up(&cx.scope, &input.email_identity, cx.now).ok_or_else(|| Refusal::NoIdentity(input.email_identity.clone()).v2())?;
        let shown = ses.dkim_shown(cx, &input.email_identity, &identity);
        Ok(PutEmailIdentityDkimSigningAttributesResponse {
            dkim_status: shown.status,
            dkim_tokens: shown.tokens,
            signing_hosted_zone: shown.signing_hosted_zone,
        })
    },
);

handler!(
    Ses,
    PutEmailIdentityMailFromAttributes,
    |ses, cx, input| Ok(access::identity::<PutEmailIdentityMailFromAttributes>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        let domain = input.mail_from_domain.filter(|domain| !domain.is_empty());
        let domain = domain.as_deref().map(checked_domain).transpose().map_err(Refusal::v2)?;
        ses.change_v2(cx, &input.email_identity, |identity| {
            if let Some(domain) = &domain {
                identities::check_mail_from(&input.email_identity, domain)?;
            }
            let rejects = input.behavior_on_mx_failure.as_deref() == Some("REJECT_MESSAGE");
            let on_mx_failure: String = if rejects { "RejectMessage".into() } else { "UseDefaultValue".into() };
            identity.mail_from = domain.map(|domain| MailFrom { domain, on_mx_failure });
            Ok(())
        })?;
        Ok(PutEmailIdentityMailFromAttributesResponse {})
    },
);

handler!(
    Ses,
    PutEmailIdentityFeedbackAttributes,
    |ses, cx, input| Ok(access::identity::<PutEmailIdentityFeedbackAttributes>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        ses.change_v2(cx, &input.email_identity, |identity| {
            identity.forwarding = input.email_forwarding_enabled.unwrap_or(false);
            Ok(())
        })?;
        Ok(PutEmailIdentityFeedbackAttributesResponse {})
    },
);

handler!(
    Ses,
    PutEmailIdentityConfigurationSetAttributes,
    |ses, cx, input| Ok(access::identity::<PutEmailIdentityConfigurationSetAttributes>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        if let Some(set) = &input.configuration_set_name {
            ses.configuration_set(&cx.scope, set).map_err(Refusal::v2)?;
        }
        ses.change_v2(cx, &input.email_identity, |identity| {
            identity.configuration_set = input.configuration_set_name;
            Ok(())
        })?;
        Ok(PutEmailIdentityConfigurationSetAttributesResponse {})
    },
);

handler!(
    Ses,
    CreateEmailIdentityPolicy,
    |ses, cx, input| Ok(access::identity::<CreateEmailIdentityPolicy>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        let policy = policies::parse(cx, &input.email_identity, &input.policy).map_err(Refusal::v2)?;
        ses.change_v2(cx, &input.email_identity, |identity| {
            if identity.policies.contains_key(&input.policy_name) {
                // AWS: unverified message.
                return Err(Refusal::Exists(format!("Policy {} already exists.", input.policy_name)));
            }
            policies::put(identity, input.policy_name, policy)
        })?;
        Ok(CreateEmailIdentityPolicyResponse {})
    },
);

handler!(
    Ses,
    UpdateEmailIdentityPolicy,
    |ses, cx, input| Ok(access::identity::<UpdateEmailIdentityPolicy>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        let policy = policies::parse(cx, &input.email_identity, &input.policy).map_err(Refusal::v2)?;
        let replaced =
            ses.change_v2(cx, &input.email_identity, |identity| Ok(identity.policies.get_mut(&input.policy_name).map(|known| *known = policy)))?;
        // AWS: unverified message.
        replaced.ok_or_else(|| faults::NOT_FOUND.says(format!("Policy {} does not exist.", input.policy_name)))?;
        Ok(UpdateEmailIdentityPolicyResponse {})
    },
);

handler!(
    Ses,
    GetEmailIdentityPolicies,
    |ses, cx, input| Ok(access::identity::<GetEmailIdentityPolicies>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        let identity = ses.identity(&cx.scope, &input.email_identity).ok_or_else(|| Refusal::NoIdentity(input.email_identity).v2())?;
        let policies = identity.policies.iter().map(|(name, policy)| (name.clone(), policy.text.to_string()));
        Ok(GetEmailIdentityPoliciesResponse { policies: Some(policies.collect()) })
    },
);

handler!(
    Ses,
    DeleteEmailIdentityPolicy,
    |ses, cx, input| Ok(access::identity::<DeleteEmailIdentityPolicy>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        ses.change_v2(cx, &input.email_identity, |identity| {
            identity.policies.remove(&input.policy_name);
            Ok(())
        })?;
        Ok(DeleteEmailIdentityPolicyResponse {})
    },
);
