//! Callers of tests. Those of an account have the policies that the test gives them: without IAM, none.

use cloudlet_aws::{Account, Arn, Caller, Identity};

/// The account of `other_account`.
pub const OTHER_ACCOUNT: &str = "111111111111";

/// The account of tests about principals.
pub fn account() -> Account {
    Account::parse("123456789012").expect("an account")
}

/// A policy.
pub const ALLOW_ALL: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// The root user of an account.
pub fn root(account: Account) -> Caller {
    Caller::root(account, "aws", None)
}

/// An IAM user.
pub fn user(account: Account, name: &str) -> Caller {
    Caller {
        identity: Identity::User { name: name.into() },
        arn: format!("arn:aws:iam::{account}:user/{name}").into(),
        unique_id: format!("AIDA{}", name.to_ascii_uppercase()).into(),
        ..root(account)
    }
}

/// The root user of an account that is not the test's.
pub fn other_account() -> Caller {
    root(Account::parse(OTHER_ACCOUNT).expect("an account"))
}

/// A service principal (`s3.amazonaws.com`) that acts for a resource.
pub fn service(principal: &str, source: &str) -> Caller {
    Caller::service(principal, Some(Arn::parse(source).expect("an ARN")))
}
