//! A folder of OpenID Connect providers' keys: one JWKS for each provider, read when a token of the provider is verified.

use std::path::{Path, PathBuf};

/// A set of keys is small; a larger file is something else.
const MAX_SIZE: u64 = 1 << 20;

pub fn finder(folder: PathBuf) -> impl Fn(&str) -> Option<String> + Send + Sync + 'static {
    move |issuer| find(&folder, issuer)
}

/// `token.actions.githubusercontent.com` is looked for in `token.actions.githubusercontent.com.json`, and a path in the
/// issuer, `oidc.eks.eu-west-1.amazonaws.com/id/ABC`, with its slashes as underscores.
fn find(folder: &Path, issuer: &str) -> Option<String> {
    let name: String = issuer.chars().map(|c| if c == '/' { '_' } else { c }).collect();
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) && !name.starts_with('.');
    let path = plain.then(|| folder.join(format!("{name}.json")))?;
    let size = std::fs::metadata(&path).ok()?.len();
    if size > MAX_SIZE { None } else { std::fs::read_to_string(path).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_an_issuer_are_found_by_its_name_and_only_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("oidc.example.com_id_A.json"), "{}").unwrap();
        std::fs::write(folder.path().join(".hidden.json"), "{}").unwrap();
        let keys = finder(folder.path().join("."));
        assert_eq!(keys("oidc.example.com/id/A").as_deref(), Some("{}"));
        assert_eq!(keys("oidc.example.com"), None);
        assert_eq!(keys("../oidc.example.com_id_A"), None);
        assert_eq!(keys(".hidden"), None);
    }
}
