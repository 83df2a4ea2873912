//! Identities: verification, lists, deletion.

use crate::{
    access,
    identities::{IdentityKind, checked_address, checked_domain, dkim_tokens, name_of},
    lists::PageLength,
    state::State,
};
use cloudlet_api_ses::*;
use cloudlet_shape::Empty;

const PAGE: PageLength = PageLength { default: 1_000, most: 1_000 };

operation!(VerifyEmailIdentity, |ses, cx, input| Ok(access::any::<VerifyEmailIdentity>(cx).into()), |ses, cx, input| {
    let address = checked_address(&input.email_address)?;
    ses.verify(cx, &address, |_| ())?;
    Ok(VerifyEmailIdentityResponse {})
});

operation!(VerifyEmailAddress, |ses, cx, input| Ok(access::any::<VerifyEmailAddress>(cx).into()), |ses, cx, input| {
    let address = checked_address(&input.email_address)?;
    ses.verify(cx, &address, |_| ())?;
    Ok(Empty {})
});

operation!(VerifyDomainIdentity, |ses, cx, input| Ok(access::any::<VerifyDomainIdentity>(cx).into()), |ses, cx, input| {
    let domain = checked_domain(&input.domain)?;
    let identity = ses.verify(cx, &domain, |_| ())?;
    Ok(VerifyDomainIdentityResponse { verification_token: identity.token.clone() })
});

operation!(VerifyDomainDkim, |ses, cx, input| Ok(access::any::<VerifyDomainDkim>(cx).into()), |ses, cx, input| {
    let domain = checked_domain(&input.domain)?;
    let tokens = dkim_tokens(cx);
    let add = |identity: &mut crate::state::Identity| {
        identity.dkim.enabled = true;
        if identity.dkim.tokens.is_empty() {
            identity.dkim.tokens = tokens;
        }
    };
    let identity = ses.verify(cx, &domain, add)?;
    Ok(VerifyDomainDkimResponse { dkim_tokens: identity.dkim.tokens.clone() })
});

operation!(ListIdentities, |ses, cx, input| Ok(access::any::<ListIdentities>(cx).into()), |ses, cx, input| {
    let wanted = |name: &str| match input.identity_type.as_deref() {
        Some("EmailAddress") => IdentityKind::of(name) == IdentityKind::Address,
        Some("Domain") => IdentityKind::of(name) == IdentityKind::Domain,
        _ => true,
    };
    let page = ses.list::<ListIdentities, _, _>(cx, &input, PAGE, |state| &state.identities, |name, _| wanted(name).then(|| name.to_owned()))?;
    Ok(ListIdentitiesResponse { identities: page.items, next_token: page.next_token })
});

operation!(ListVerifiedEmailAddresses, |ses, cx, input| Ok(access::any::<ListVerifiedEmailAddresses>(cx).into()), |ses, cx, input| {
    let addresses = ses.store.read(|state| {
        let verified = State::rows(&state.identities, &cx.scope, None).filter(|(name, identity)| name.contains('@') && identity.is_verified());
        verified.map(|(name, _)| name.to_owned()).collect()
    });
    Ok(ListVerifiedEmailAddressesResponse { verified_email_addresses: Some(addresses) })
});

operation!(GetIdentityVerificationAttributes, |ses, cx, input| Ok(access::any::<GetIdentityVerificationAttributes>(cx).into()), |ses, cx, input| {
    let attributes = input.identities.into_iter().filter_map(|name| {
        let identity = ses.looked_up(&cx.scope, &name, cx.now)?;
        let status = ses.verification(&identity, cx.now).v1();
        let token = (IdentityKind::of(&name) == IdentityKind::Domain).then(|| identity.token.clone());
        Some((name, IdentityVerificationAttributes { verification_status: status, verification_token: token }))
    });
    Ok(GetIdentityVerificationAttributesResponse { verification_attributes: attributes.collect() })
},);

// AWS: to delete an identity that does not exist is no error.
operation!(DeleteIdentity, |ses, cx, input| Ok(access::any::<DeleteIdentity>(cx).into()), |ses, cx, input| {
    ses.delete_identity(&cx.scope, &input.identity);
    Ok(DeleteIdentityResponse {})
});

operation!(DeleteVerifiedEmailAddress, |ses, cx, input| Ok(access::any::<DeleteVerifiedEmailAddress>(cx).into()), |ses, cx, input| {
    ses.delete_identity(&cx.scope, &name_of(&input.email_address));
    Ok(Empty {})
});
