//! Where the verification keys of OpenID Connect providers come from: files. AWS fetches them from the provider; this server
//! reaches nobody, so the keys are put into a folder, one JWKS for each provider.

use std::path::PathBuf;

/// `token.actions.githubusercontent.com` is looked for in `token.actions.githubusercontent.com.json`, and a path in the
/// issuer, `oidc.eks.eu-west-1.amazonaws.com/id/ABC`, with its slashes as underscores.
#[derive(Clone, Debug, Default)]
pub struct ProviderKeys {
    folder: Option<PathBuf>,
}

/// A set of keys is small; what is larger is something else.
const LARGEST: u64 = 1 << 20;

impl ProviderKeys {
    /// No provider's token can be verified.
    pub fn none() -> ProviderKeys {
        ProviderKeys::default()
    }

    pub fn in_folder(folder: PathBuf) -> ProviderKeys {
        ProviderKeys { folder: Some(folder) }
    }

    /// The set of keys of an issuer (without `https://`), as JSON.
    pub(crate) fn of(&self, issuer: &str) -> Option<String> {
        let name: String = issuer.chars().map(|c| if c == '/' { '_' } else { c }).collect();
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) && !name.starts_with('.');
        let path = self.folder.as_ref().filter(|_| plain)?.join(format!("{name}.json"));
        let size = std::fs::metadata(&path).ok()?.len();
        if size > LARGEST { None } else { std::fs::read_to_string(path).ok() }
    }
}
