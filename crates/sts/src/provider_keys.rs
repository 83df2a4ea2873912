//! The verification keys of OpenID Connect providers. AWS fetches them from the provider; here the server's configuration supplies them.

use std::{fmt, sync::Arc};

type Find = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Finds the set of keys of an issuer (without `https://`), as JSON.
#[derive(Clone, Default)]
pub struct ProviderKeys(Option<Arc<Find>>);

impl ProviderKeys {
    /// Without keys, no token can be verified.
    pub fn none() -> ProviderKeys {
        ProviderKeys::default()
    }

    pub fn found_by(find: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> ProviderKeys {
        ProviderKeys(Some(Arc::new(find)))
    }

    pub(crate) fn of(&self, issuer: &str) -> Option<String> {
        self.0.as_ref()?(issuer)
    }
}

impl fmt::Debug for ProviderKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "keys of providers" } else { "no keys of providers" })
    }
}
