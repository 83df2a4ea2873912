//! Security Token Service: temporary credentials, and the identity of callers. Sessions are rows of `cloudlet-identity`; the only state here
//! are the keys that sign web identity tokens. Deliberately no decisions: `cloudlet-policy` makes them.

mod callers;
mod delegated;
mod federated;
mod messages;
mod outbound;
mod provider_keys;
mod roles;
mod saml;
mod sessions;
mod signer;
#[cfg(test)]
mod tests;
mod tokens;
mod web_identity;

pub use provider_keys::ProviderKeys;

use cloudlet_api_sts::*;
use cloudlet_engine::{Dialect, ScopeRegion, Service};
use cloudlet_identity::Identity;
use cloudlet_store::Journal;
use signer::Signer;
use std::sync::Arc;

pub struct Sts {
    identity: Identity,
    provider_keys: ProviderKeys,
    signer: Arc<Signer>,
}

/// The service, with its handlers.
pub fn service(identity: Identity, provider_keys: ProviderKeys, journal: &Journal) -> Service {
    let signer = Arc::new(Signer::new(journal));
    let sts = Service::of(&SERVICE, Arc::new(Sts { identity, provider_keys, signer: signer.clone() })).store(signer.stores()).public_files(signer);
    let sts = sts.dialect(Dialect { scope_region: ScopeRegion::MayBeEmpty, ..Dialect::QUERY });
    let sts = sts.handles::<GetCallerIdentity>().handles::<GetAccessKeyInfo>().handles::<DecodeAuthorizationMessage>();
    let sts = sts.handles::<AssumeRole>().handles::<GetSessionToken>().handles::<GetFederationToken>().handles::<AssumeRoot>();
    let sts = sts.handles::<GetWebIdentityToken>().handles::<GetDelegatedAccessToken>();
    sts.handles::<AssumeRoleWithWebIdentity>().handles::<AssumeRoleWithSAML>().build()
}
