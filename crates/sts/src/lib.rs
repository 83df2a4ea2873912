//! Security Token Service: who is calling, and credentials for a while. One of the two faces of `cloudlet-identity`.
//! Deliberately no store of its own but for two keys: sessions are identity's; and no decisions: those are the evaluator's.

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

/// The table of contents: what this service handles.
pub fn service(identity: Identity, provider_keys: ProviderKeys, journal: &Journal) -> Service {
    let signer = Arc::new(Signer::new(journal));
    let sts = Service::of(&SERVICE, Arc::new(Sts { identity, provider_keys, signer: signer.clone() })).store(signer.stores()).public_files(signer);
    let sts = sts.dialect(Dialect { scope_region: ScopeRegion::MayBeEmpty, ..Dialect::QUERY });
    let sts = sts.handles::<GetCallerIdentity>().handles::<GetAccessKeyInfo>().handles::<DecodeAuthorizationMessage>();
    let sts = sts.handles::<AssumeRole>().handles::<GetSessionToken>().handles::<GetFederationToken>().handles::<AssumeRoot>();
    let sts = sts.handles::<GetWebIdentityToken>().handles::<GetDelegatedAccessToken>();
    sts.handles::<AssumeRoleWithWebIdentity>().handles::<AssumeRoleWithSAML>().build()
}
