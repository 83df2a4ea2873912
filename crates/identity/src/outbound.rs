//! The issuer of an account's outbound web identity federation: IAM answers with it, STS writes it into tokens.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html>

use aws_lc_rs::digest::{SHA256, digest};
use cloudlet_aws::Account;

const HOST: &str = ".tokens.sts.global.api.aws";

/// The part of the issuer that is unique to the account. AWS generates it once and keeps it when the feature is disabled and enabled
/// again; here it is derived from the account.
fn name(account: Account) -> String {
    let hash = digest(&SHA256, format!("outbound web identity federation of {account}").as_bytes());
    let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// `https://….tokens.sts.global.api.aws`
pub fn issuer(account: Account) -> String {
    format!("https://{}{HOST}", name(account))
}

/// Whether a URL, without its scheme, has the form of an issuer.
pub fn is_issuer(url: &str) -> bool {
    url.strip_suffix(HOST).is_some_and(|name| name.len() == 36 && name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_has_an_issuer_of_its_own() {
        let (one, two) = (issuer(Account::parse("000000000001").unwrap()), issuer(Account::parse("000000000002").unwrap()));
        assert_ne!(one, two);
        assert!([&one, &two].iter().all(|url| is_issuer(url.strip_prefix("https://").unwrap())));
        assert!(!is_issuer("tokens.sts.global.api.aws") && !is_issuer("example.com"));
    }
}
