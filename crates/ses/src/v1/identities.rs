//! Identities: verification, lists, deletion.

use crate::{
    Ses, access,
    identities::{IdentityKind, checked_address, checked_domain, dkim_tokens, name_of},
    refusal::Refusal,
    state::State,
};
use cloudlet_api_ses::*;
use cloudlet_engine::{handler, paging::Paging};
use cloudlet_shape::Empty;

const LONGEST_PAGE: usize = 1_000;

handler!(Ses, VerifyEmailIdentity, |ses, cx, input| Ok(access::any::<VerifyEmailIdentity>(cx).into()), |ses, cx, input| {
    let address = checked_address(&input.email_address).map_err(Refusal::v1)?;
    ses.verify(cx, &address, |_| ()).map_err(Refusal::v1)?;
    Ok(VerifyEmailIdentityResponse {})
});

handler!(Ses, VerifyEmailAddress, |ses, cx, input| Ok(access::any::<VerifyEmailAddress>(cx).into()), |ses, cx, input| {
    let address = checked_address(&input.email_address).map_err(Refusal::v1)?;
    ses.verify(cx, &address, |_| ()).map_err(Refusal::v1)?;
    Ok(Empty {})
});

handler!(Ses, VerifyDomainIdentity, |ses, cx, input| Ok(access::any::<VerifyDomainIdentity>(cx).into()), |ses, cx, input| {
    let domain = checked_domain(&input.domain).map_err(Refusal::v1)?;
    let identity = ses.verify(cx, &domain, |_| ()).map_err(Refusal::v1)?;
    Ok(VerifyDomainIdentityResponse { verification_token: identity.token.clone() })
});

handler!(Ses, VerifyDomainDkim, |ses, cx, input| Ok(access::any::<VerifyDomainDkim>(cx).into()), |ses, cx, input| {
    let domain = checked_domain(&input.domain).map_err(Refusal::v1)?;
    let tokens = dkim_tokens(cx);
    let add = |identity: &mut crate::state::Identity| {
        identity.dkim.enabled = true;
        if identity.dkim.tokens.is_empty() {
            identity.dkim.tokens = tokens;
        }
    };
    let identity = ses.verify(cx, &domain, add).map_err(Refusal::v1)?;
    Ok(VerifyDomainDkimResponse { dkim_tokens: identity.dkim.tokens.clone() })
});

handler!(Ses, ListIdentities, |ses, cx, input| Ok(access::any::<ListIdentities>(cx).into()), |ses, cx, input| {
    let list = Paging::of::<ListIdentities>(cx, &input);
    let wanted = |name: &str| match input.identity_type.as_deref() {
        Some("EmailAddress") => IdentityKind::of(name) == IdentityKind::Address,
        Some("Domain") => IdentityKind::of(name) == IdentityKind::Domain,
        _ => true,
    };
    let page = ses.store.read(|state| {
        let rows = |after| State::rows(&state.identities, &cx.scope, after).filter(|(name, _)| wanted(name));
        list.page(list.length(LONGEST_PAGE, LONGEST_PAGE), |after| rows(after).map(|(name, _)| (name.to_owned(), name.to_owned())))
    });
    let page = page.map_err(|_| super::invalid_token())?;
    Ok(ListIdentitiesResponse { identities: page.items, next_token: page.next_token })
});

handler!(Ses, ListVerifiedEmailAddresses, |ses, cx, input| Ok(access::any::<ListVerifiedEmailAddresses>(cx).into()), |ses, cx, input| {
    let addresses = ses.store.read(|state| {
        let verified = State::rows(&state.identities, &cx.scope, None).filter(|(name, identity)| name.contains('@') && identity.is_verified());
        verified.map(|(name, _)| name.to_owned()).collect()
    });
    Ok(ListVerifiedEmailAddressesResponse { verified_email_addresses: Some(addresses) })
});

handler!(
    Ses,
    GetIdentityVerificationAttributes,
    |ses, cx, input| Ok(access::any::<GetIdentityVerificationAttributes>(cx).into()),
    |ses, cx, input| {
        let attributes = input.identities.into_iter().filter_map(|name| {
            let identity = ses.looked_up(&cx.scope, &name, cx.now)?;
            let status = ses.verification(&identity, cx.now).v1();
            let token = (IdentityKind::of(&name) == IdentityKind::Domain).then(|| identity.token.clone());
            Some((name, IdentityVerificationAttributes { verification_status: status, verification_token: token }))
        });
        Ok(GetIdentityVerificationAttributesResponse { verification_attributes: attributes.collect() })
    },
);

// AWS: to delete an identity that does not exist is no error.
handler!(Ses, DeleteIdentity, |ses, cx, input| Ok(access::any::<DeleteIdentity>(cx).into()), |ses, cx, input| {
    ses.delete_identity(&cx.scope, &input.identity);
    Ok(DeleteIdentityResponse {})
});

handler!(Ses, DeleteVerifiedEmailAddress, |ses, cx, input| Ok(access::any::<DeleteVerifiedEmailAddress>(cx).into()), |ses, cx, input| {
    ses.delete_identity(&cx.scope, &name_of(&input.email_address));
    Ok(Empty {})
});
