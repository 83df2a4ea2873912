//! Who exists and what they may do. IAM and STS are its two faces; the doors ask it whose key signed.
//! Deliberately no HTTP, no signatures, no decisions.

mod credentials;
mod secret;

pub use credentials::{Credential, Root, Unknown};
pub use secret::Secret;

use cloudlet_aws::{Account, Caller};

/// Everybody the house knows.
pub struct Identity {
    root: Root,
}

impl Identity {
    pub fn new(root: Root) -> Identity {
        Identity { root }
    }

    /// The account of the root credentials the server was started with.
    pub fn account(&self) -> Account {
        self.root.account
    }

    /// Whose key it is, and what it must have been signed with.
    ///
    /// The server's root key belongs to the server's account. A 12-digit key with the root secret is the root of that account.
    /// Nothing else exists until it is created.
    pub fn credential(&self, access_key: &str, session_token: Option<&str>) -> Result<Credential, Unknown> {
        if session_token.is_some_and(|token| !token.is_empty()) {
            // No session has been handed out, so no token can be true.
            return Err(Unknown::Token);
        }
        let account = if access_key == &*self.root.access_key { Some(self.root.account) } else { Account::parse(access_key) };
        let account = account.ok_or(Unknown::Key)?;
        Ok(Credential { caller: Caller::root(account, self.root.partition, Some(access_key)), secret: self.root.secret.clone() })
    }

    /// Somebody whose key nobody checks: how `--auth off` sees an unknown key.
    pub fn unchecked(&self, access_key: &str) -> Caller {
        Caller::root(Account::parse(access_key).unwrap_or(self.root.account), self.root.partition, Some(access_key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        let account = Account::parse("111122223333").unwrap();
        Identity::new(Root { account, partition: "aws", access_key: "test".into(), secret: Secret::new("hush") })
    }

    #[test]
    fn the_root_key_and_twelve_digit_keys_are_roots_and_nobody_else_exists() {
        let identity = identity();
        let root = identity.credential("test", None).unwrap();
        assert_eq!((&*root.caller.arn, root.secret.reveal()), ("arn:aws:iam::111122223333:root", "hush"));
        let other = identity.credential("444455556666", None).unwrap();
        assert_eq!((&*other.caller.arn, other.secret.reveal()), ("arn:aws:iam::444455556666:root", "hush"));
        assert_eq!(identity.credential("AKIAIOSFODNN7EXAMPLE", None).unwrap_err(), Unknown::Key);
        assert_eq!(identity.credential("test", Some("a token")).unwrap_err(), Unknown::Token);
    }

    #[test]
    fn a_secret_never_shows_itself() {
        assert_eq!(format!("{:?}", identity().credential("test", None).unwrap().secret), "***");
    }
}
