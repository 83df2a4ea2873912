//! How documents and their versions are named.

use super::rows::DocumentKey;
use crate::faults;
use cloudlet_aws::{Account, Arn, Fault, Scope};
use cloudlet_engine::Cx;
use std::sync::Arc;

/// Whose a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Amazon,
    Account(Account),
}

impl Owner {
    pub fn shown(self) -> String {
        match self {
            Owner::Amazon => "Amazon".to_owned(),
            Owner::Account(account) => account.as_str().to_owned(),
        }
    }
}

/// A document as a request names it: its name, or its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// With the scope that its ARN names.
    pub key: DocumentKey,
    /// Its ARN has no account.
    pub of_amazon: bool,
    pub is_arn: bool,
}

impl Name {
    /// `None`: an ARN of something else, or of another region.
    pub fn parse(scope: &Scope, text: &str) -> Option<Name> {
        if !text.starts_with("arn:") {
            return Some(Name { key: DocumentKey::new(scope.clone(), text), of_amazon: false, is_arn: false });
        }
        let arn = Arn::parse(text).filter(|arn| arn.service() == "ssm" && arn.region() == scope.region.as_str())?;
        let resource = arn.resource();
        // A runbook has an ARN of its own kind too, with a version.
        let name = match resource.strip_prefix("document/") {
            Some(name) => name,
            None => resource.strip_prefix("automation-definition/").map(|rest| rest.split(':').next().unwrap_or(rest))?,
        };
        let of_amazon = arn.account().is_empty();
        let scope = if of_amazon { scope.clone() } else { Scope::new(Account::parse(arn.account())?, scope.region.clone()) };
        Some(Name { key: DocumentKey::new(scope, name), of_amazon, is_arn: true })
    }
}

/// The version that a request wants: by number, `$DEFAULT`, `$LATEST`, or by name.
#[derive(Clone, Copy, Debug, Default)]
pub struct VersionSelector<'r> {
    pub version: Option<&'r str>,
    pub version_name: Option<&'r str>,
}

impl<'r> VersionSelector<'r> {
    pub fn version(version: Option<&'r str>) -> VersionSelector<'r> {
        VersionSelector { version, version_name: None }
    }
}

/// AWS: no message.
pub fn no_such_document() -> Fault {
    faults::INVALID_DOCUMENT.says("")
}

pub fn no_document_of(name: &str) -> Fault {
    faults::INVALID_DOCUMENT.says(format!("Document with name {name} does not exist."))
}

pub fn no_such_version() -> Fault {
    faults::INVALID_DOCUMENT_VERSION.says("The document version isn't valid or doesn't exist.")
}

/// Names that AWS keeps for its own.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html>
const RESERVED: [&str; 6] = ["aws-", "amazon", "amzn", "awsec2", "awsconfigremediation", "awssupport"];

pub fn check_new(name: &str) -> Result<(), Fault> {
    let lower = name.to_ascii_lowercase();
    if RESERVED.iter().any(|reserved| lower.starts_with(reserved)) {
        // AWS: unverified message.
        return Err(faults::validation(format!("Document name {name} is invalid: names that begin with aws-, amazon or amzn are reserved.")));
    }
    Ok(())
}

/// Who makes a version, as reviews name people: the name of the user, or of the role's session.
pub fn person(cx: &Cx) -> Arc<str> {
    let arn: &str = &cx.caller.arn;
    arn.rsplit([':', '/']).next().unwrap_or(arn).into()
}
