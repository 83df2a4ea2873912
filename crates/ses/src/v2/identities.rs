//! Identities.

use super::{PAGE, tags};
use crate::{
    Ses, access,
    identities::{IdentityKind, checked_address, checked_domain, dkim_tokens, name_of},
    refusal::Refusal,
    signing,
    state::{Dkim, Identity, Verification},
    status::Status,
};
use cloudlet_api_sesv2::*;
use cloudlet_engine::Cx;
use std::sync::Arc;

fn kind_text(name: &str) -> String {
    match IdentityKind::of(name) {
        IdentityKind::Address => "EMAIL_ADDRESS".into(),
        IdentityKind::Domain => "DOMAIN".into(),
    }
}

impl Ses {
    pub(super) fn dkim_shown(&self, cx: &Cx, name: &str, identity: &Arc<Identity>) -> DkimAttributes {
        let (name, identity) = &self.signing_identity(&cx.scope, name, identity);
        let is_domain = IdentityKind::of(name) == IdentityKind::Domain;
        let status = self.dkim_status(name, identity, cx.now);
        let dkim = &identity.dkim;
        let is_own = dkim.selector.is_some();
        let tokens = if is_own { dkim.selector.iter().cloned().collect() } else { dkim.tokens.clone() };
        // AWS: measured for addresses (<https://github.com/getmoto/moto/issues/9771>).
        let length = if is_domain { dkim.key_length().to_owned() } else { "RSA_1024_BIT".to_owned() };
        DkimAttributes {
            signing_enabled: Some(dkim.enabled),
            status: Some(status.v2()),
            signing_hosted_zone: (!is_own && !tokens.is_empty()).then(|| "dkim.amazonses.com".into()),
            tokens: (!tokens.is_empty()).then_some(tokens),
            signing_attributes_origin: Some(if is_own { "EXTERNAL".into() } else { "AWS_SES".into() }),
            next_signing_key_length: (!is_own).then(|| length.clone()),
            current_signing_key_length: (!is_own && is_domain && status == Status::Success).then_some(length),
            last_key_generation_timestamp: None,
        }
    }
}

/// How a domain is to sign: a key of its own, or one of Easy DKIM.
pub(super) fn set_signing(cx: &Cx, identity: &mut Identity, origin: &str, given: Option<DkimSigningAttributes>) -> Result<(), Refusal> {
    let given = given.unwrap_or_default();
    match (origin, given.domain_signing_selector, given.domain_signing_private_key) {
        ("EXTERNAL", Some(selector), Some(key)) => signing::set_own_key(&mut identity.dkim, selector, &key)?,
        // AWS: unverified message.
        ("EXTERNAL", ..) => return Err(Refusal::invalid("A selector and a private key must be specified.")),
        ("AWS_SES", ..) => {
            if identity.dkim.selector.is_some() {
                identity.dkim = Dkim { enabled: identity.dkim.enabled, ..Dkim::default() };
            }
            if identity.dkim.tokens.is_empty() {
                identity.dkim.tokens = dkim_tokens(cx);
            }
            if given.next_signing_key_length.as_deref().is_some_and(|length| length != identity.dkim.key_length()) {
                // Made when it is first needed. AWS: unverified. Its next key waits for the day of rotation.
                identity.dkim.key = None;
                identity.dkim.key_length = given.next_signing_key_length;
            }
        }
        _ => return Err(Refusal::NotBuilt("keys of Easy DKIM of another region")),
    }
    Ok(())
}

operation!(
    CreateEmailIdentity,
    |ses, cx, input| {
        let permission = access::identity::<CreateEmailIdentity>(ses, cx, &input.email_identity);
        Ok(tags::requested(permission, input.tags.as_deref()))
    },
    |ses, cx, input| {
        let name = match IdentityKind::of(&input.email_identity) {
            IdentityKind::Address => checked_address(&input.email_identity),
            IdentityKind::Domain => checked_domain(&input.email_identity),
        };
        let name = name?;
        let origin = match &input.dkim_signing_attributes {
            Some(given) if given.domain_signing_private_key.is_some() || given.domain_signing_selector.is_some() => "EXTERNAL",
            Some(DkimSigningAttributes { domain_signing_attributes_origin: Some(origin), .. }) if origin != "EXTERNAL" => origin.as_str(),
            _ => "AWS_SES",
        };
        let mut template = Identity::unverified(cx.now);
        if IdentityKind::of(&name) == IdentityKind::Domain {
            set_signing(cx, &mut template, origin, input.dkim_signing_attributes.clone())?;
        }
        let given_tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        if let Some(set) = &input.configuration_set_name {
            ses.configuration_set(&cx.scope, set)?;
        }
        if ses.identity(&cx.scope, &name).is_some() {
            // AWS: unverified wording.
            return Err(Refusal::Exists(format!("Email identity {} already exist.", input.email_identity)));
        }
        let change = |identity: &mut Identity| {
            identity.tags = given_tags;
            identity.configuration_set = input.configuration_set_name;
            identity.dkim = template.dkim;
            identity.dkim.enabled = IdentityKind::of(&name) == IdentityKind::Domain;
        };
        ses.verify(cx, &name, change)?;
        let identity = ses.looked_up(&cx.scope, &name, cx.now).ok_or_else(|| Refusal::NoIdentity(name.clone()))?;
        Ok(CreateEmailIdentityResponse {
            identity_type: Some(kind_text(&name)),
            verified_for_sending_status: Some(identity.is_verified()),
            // AWS: measured, that the answer about an address has none.
            dkim_attributes: (IdentityKind::of(&name) == IdentityKind::Domain).then(|| ses.dkim_shown(cx, &name, &identity)),
        })
    },
);

operation!(GetEmailIdentity, |ses, cx, input| Ok(access::identity::<GetEmailIdentity>(ses, cx, &input.email_identity).into()), |ses, cx, input| {
    let name = name_of(&input.email_identity);
    let identity = ses.looked_up(&cx.scope, &name, cx.now).ok_or_else(|| Refusal::NoIdentity(input.email_identity.clone()))?;
    let mail_from = identity.mail_from.as_ref();
    let status = ses.verification(&identity, cx.now);
    Ok(GetEmailIdentityResponse {
        identity_type: Some(kind_text(&name)),
        feedback_forwarding_status: Some(identity.forwarding),
        verified_for_sending_status: Some(identity.is_verified()),
        dkim_attributes: Some(ses.dkim_shown(cx, &name, &identity)),
        mail_from_attributes: Some(MailFromAttributes {
            mail_from_domain: mail_from.map(|mail_from| mail_from.domain.clone()),
            mail_from_domain_status: ses.mail_from_status(&cx.scope, &identity, cx.now).map(Status::v2),
            behavior_on_mx_failure: match mail_from.map(|mail_from| mail_from.on_mx_failure.as_str()) {
                Some("RejectMessage") => "REJECT_MESSAGE".into(),
                _ => "USE_DEFAULT_VALUE".into(),
            },
        }),
        policies: Some(identity.policies.iter().map(|(name, policy)| (name.clone(), policy.text.to_string())).collect()),
        tags: Some(tags::shown(&identity.tags)),
        configuration_set_name: identity.configuration_set.clone(),
        verification_status: Some(status.v2()),
        verification_info: Some(match IdentityKind::of(&name) {
            IdentityKind::Address => VerificationInfo::default(),
            IdentityKind::Domain => VerificationInfo {
                last_checked_timestamp: Some(cx.now),
                last_success_timestamp: match identity.verification {
                    Verification::Verified { at } => Some(at),
                    Verification::Pending => None,
                },
                error_type: (status != Status::Success).then(|| "HOST_NOT_FOUND".into()),
                soa_record: None,
            },
        }),
    })
},);

operation!(ListEmailIdentities, |ses, cx, input| Ok(access::any::<ListEmailIdentities>(cx).into()), |ses, cx, input| {
    let shown = |name: &str, identity: &Arc<Identity>| {
        Some(IdentityInfo {
            identity_type: Some(kind_text(name)),
            identity_name: Some(name.to_owned()),
            sending_enabled: Some(identity.is_verified()),
            verification_status: Some(ses.verification(identity, cx.now).v2()),
        })
    };
    let page = ses.list::<ListEmailIdentities, _, _>(cx, &input, PAGE, |state| &state.identities, shown)?;
    Ok(ListEmailIdentitiesResponse { email_identities: Some(page.items), next_token: page.next_token })
});

operation!(
    DeleteEmailIdentity,
    |ses, cx, input| Ok(access::identity::<DeleteEmailIdentity>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        ses.delete_identity(&cx.scope, &input.email_identity).ok_or_else(|| Refusal::NoIdentity(input.email_identity.clone()))?;
        Ok(DeleteEmailIdentityResponse {})
    },
);
