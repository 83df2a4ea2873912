//! Identities.

use super::tags;
use crate::{
    Ses, access,
    identities::{IdentityKind, checked_address, checked_domain, dkim_tokens, name_of},
    refusal::Refusal,
    state::{Identity, State},
};
use cloudlet_api_sesv2::*;
use cloudlet_engine::{handler, paging::Paging};

fn kind_text(name: &str) -> String {
    match IdentityKind::of(name) {
        IdentityKind::Address => "EMAIL_ADDRESS".into(),
        IdentityKind::Domain => "DOMAIN".into(),
    }
}

fn status(identity: &Identity) -> String {
    if identity.is_verified() { "SUCCESS".into() } else { "PENDING".into() }
}

fn dkim(name: &str, identity: &Identity) -> DkimAttributes {
    let is_domain = IdentityKind::of(name) == IdentityKind::Domain;
    DkimAttributes {
        signing_enabled: Some(identity.dkim.enabled),
        status: Some(if identity.dkim.tokens.is_empty() { "NOT_STARTED".into() } else { status(identity) }),
        tokens: (!identity.dkim.tokens.is_empty()).then(|| identity.dkim.tokens.clone()),
        signing_attributes_origin: Some("AWS_SES".into()),
        next_signing_key_length: Some("RSA_2048_BIT".into()),
        current_signing_key_length: (is_domain && identity.is_verified()).then(|| "RSA_2048_BIT".into()),
        ..DkimAttributes::default()
    }
}

handler!(
    Ses,
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
        let name = name.map_err(Refusal::v2)?;
        if input.dkim_signing_attributes.as_ref().is_some_and(|given| given.domain_signing_private_key.is_some()) {
            return Err(Refusal::NotBuilt("keys of one's own for DKIM").v2());
        }
        let given_tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        if let Some(set) = &input.configuration_set_name {
            ses.configuration_set(&cx.scope, set).map_err(Refusal::v2)?;
        }
        if ses.identity(&cx.scope, &name).is_some() {
            // AWS: unverified wording.
            return Err(Refusal::Exists(format!("Email identity {} already exist.", input.email_identity)).v2());
        }
        let tokens = dkim_tokens(cx);
        let change = |identity: &mut Identity| {
            identity.tags = given_tags;
            identity.configuration_set = input.configuration_set_name;
            identity.dkim.enabled = IdentityKind::of(&name) == IdentityKind::Domain;
            if identity.dkim.enabled {
                identity.dkim.tokens = tokens;
            }
        };
        let identity = ses.verify(cx, &name, change).map_err(Refusal::v2)?;
        Ok(CreateEmailIdentityResponse {
            identity_type: Some(kind_text(&name)),
            verified_for_sending_status: Some(identity.is_verified()),
            dkim_attributes: Some(dkim(&name, &identity)),
        })
    },
);

handler!(
    Ses,
    GetEmailIdentity,
    |ses, cx, input| Ok(access::identity::<GetEmailIdentity>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        let name = name_of(&input.email_identity);
        let identity = ses.identity(&cx.scope, &name).ok_or_else(|| Refusal::NoIdentity(input.email_identity.clone()).v2())?;
        let mail_from = identity.mail_from.as_ref();
        let is_checked = ses.options.auto_verify != crate::AutoVerify::Off;
        Ok(GetEmailIdentityResponse {
            identity_type: Some(kind_text(&name)),
            feedback_forwarding_status: Some(identity.forwarding),
            verified_for_sending_status: Some(identity.is_verified()),
            dkim_attributes: Some(dkim(&name, &identity)),
            mail_from_attributes: Some(MailFromAttributes {
                mail_from_domain: mail_from.map(|mail_from| mail_from.domain.clone()).unwrap_or_default(),
                mail_from_domain_status: mail_from.map(|_| if is_checked { "SUCCESS".into() } else { "PENDING".into() }).unwrap_or_default(),
                behavior_on_mx_failure: match mail_from.map(|mail_from| mail_from.on_mx_failure.as_str()) {
                    Some("RejectMessage") => "REJECT_MESSAGE".into(),
                    _ => "USE_DEFAULT_VALUE".into(),
                },
            }),
            policies: Some(identity.policies.iter().map(|(name, policy)| (name.clone(), policy.text.to_string())).collect()),
            tags: Some(tags::shown(&identity.tags)),
            configuration_set_name: identity.configuration_set.clone(),
            verification_status: Some(status(&identity)),
            verification_info: None,
        })
    },
);

handler!(Ses, ListEmailIdentities, |ses, cx, input| Ok(access::any::<ListEmailIdentities>(cx).into()), |ses, cx, input| {
    let list = Paging::of::<ListEmailIdentities>(cx, &input);
    let page = ses.store.read(|state| {
        list.page(list.length(100, 1_000), |after| {
            State::rows(&state.identities, &cx.scope, after).map(|(name, identity)| {
                let info = IdentityInfo {
                    identity_type: Some(kind_text(name)),
                    identity_name: Some(name.to_owned()),
                    sending_enabled: Some(identity.is_verified()),
                    verification_status: Some(status(identity)),
                };
                (name.to_owned(), info)
            })
        })
    });
    let page = page.map_err(|_| super::invalid_token())?;
    Ok(ListEmailIdentitiesResponse { email_identities: Some(page.items), next_token: page.next_token })
});

handler!(
    Ses,
    DeleteEmailIdentity,
    |ses, cx, input| Ok(access::identity::<DeleteEmailIdentity>(ses, cx, &input.email_identity).into()),
    |ses, cx, input| {
        ses.delete_identity(&cx.scope, &input.email_identity).ok_or_else(|| Refusal::NoIdentity(input.email_identity.clone()).v2())?;
        Ok(DeleteEmailIdentityResponse {})
    },
);
