//! Names of parameters: what a name may be, and how a request refers to a parameter, a version or a label.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html>

use crate::{faults, limits};
use cloudlet_aws::{Account, Arn, Fault, Scope};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where parameters are that AWS publishes.
pub const PUBLIC: &str = "aws/service";
/// Parameters below it are secrets of Secrets Manager.
pub const SECRETS: &str = "aws/reference/secretsmanager";

const BAD_NAME: &str = "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by \
     slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_";
const BAD_PATH: &str = "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\". It can't \
     be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ \
     (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: \
     /get/parameters2-/by1./path0_.";

/// A parameter's place. `/a/b/c` has the directory `a/b` and the leaf `c`.
///
/// AWS: unverified. `/name` and `name` have one ARN, and are one parameter here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ParameterKey {
    pub scope: Scope,
    pub directory: Arc<str>,
    pub leaf: Arc<str>,
}

impl ParameterKey {
    /// Of a name without the slash in front.
    pub fn of(scope: Scope, bare: &str) -> ParameterKey {
        let (directory, leaf) = bare.rsplit_once('/').unwrap_or(("", bare));
        ParameterKey { scope, directory: directory.into(), leaf: leaf.into() }
    }

    /// The name without the slash in front.
    pub fn bare(&self) -> String {
        if self.directory.is_empty() { self.leaf.to_string() } else { format!("{}/{}", self.directory, self.leaf) }
    }

    pub fn arn(&self) -> Arn {
        arn(&self.scope, &self.bare())
    }

    /// Whether AWS publishes what is there.
    pub fn is_public(&self) -> bool {
        is_below_or_at(&self.directory, PUBLIC)
    }

    /// Whether it stands for a secret of Secrets Manager.
    pub fn is_secret(&self) -> bool {
        is_below_or_at(&self.directory, SECRETS)
    }
}

/// Whether a directory is another or below it.
pub fn is_below_or_at(directory: &str, above: &str) -> bool {
    above.is_empty() || directory.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The ARN of a parameter or a path. What AWS publishes belongs to no account.
pub fn arn(scope: &Scope, bare: &str) -> Arn {
    let account = if is_below_or_at(bare, PUBLIC) { "" } else { scope.account.as_str() };
    let mut resource = String::with_capacity(10 + bare.len());
    resource.push_str("parameter/");
    resource.push_str(bare);
    Arn::build(scope.partition(), "ssm", scope.region.as_str(), account, &resource)
}

/// Which version of a parameter is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    Version(i64),
    Label(String),
}

impl Selector {
    /// As answers have it: `:3`.
    pub fn shown(&self) -> String {
        match self {
            Selector::Version(number) => format!(":{number}"),
            Selector::Label(label) => format!(":{label}"),
        }
    }
}

/// A parameter as a request names it to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Without selector.
    pub name: String,
    pub key: ParameterKey,
    pub arn: Arn,
    pub selector: Option<Selector>,
}

impl Reference {
    /// `name`, `name:version`, `name:label`, or the same with the parameter's ARN.
    pub fn parse(scope: &Scope, text: &str) -> Result<Reference, Fault> {
        // AWS: spaces at the beginning and the end are removed.
        let text = text.trim();
        let is_arn = text.starts_with("arn:");
        let (text, scope) = if is_arn { of_arn(scope, text)? } else { (text, scope.clone()) };
        let (name, selector) = match text.split_once(':') {
            None => (text, None),
            Some((name, selector)) if !selector.is_empty() && !selector.contains(':') => (name, Some(selector_of(selector))),
            Some(_) => {
                return Err(faults::validation(
                    "Invalid parameter name. Please use correct syntax for referencing a version/label  <name>:<version/label>",
                ));
            }
        };
        let bare = name.strip_prefix('/').unwrap_or(name);
        let key = ParameterKey::of(scope, bare);
        // The names of secrets have more characters.
        if !key.is_secret() {
            check_form(name)?;
            if !is_arn {
                check_qualified(name)?;
            }
        }
        Ok(Reference { name: name.to_owned(), arn: arn(&key.scope, bare), key, selector })
    }
}

/// The name and selector in an ARN, and the account that it is of.
fn of_arn<'t>(scope: &Scope, text: &'t str) -> Result<(&'t str, Scope), Fault> {
    let invalid = || faults::validation("Invalid parameter ARN.");
    let arn = Arn::parse(text).filter(|arn| arn.service() == "ssm" && arn.partition() == scope.partition()).ok_or_else(invalid)?;
    // Parameters are shared within a region.
    if arn.region() != scope.region.as_str() {
        return Err(faults::no_such_parameter());
    }
    let name = text.splitn(6, ':').nth(5).and_then(|resource| resource.strip_prefix("parameter/")).ok_or_else(invalid)?;
    let account = match arn.account() {
        "" if is_below_or_at(name, PUBLIC) => scope.account,
        account => Account::parse(account).ok_or_else(invalid)?,
    };
    Ok((name, Scope::new(account, scope.region.clone())))
}

fn selector_of(text: &str) -> Selector {
    match text.parse() {
        Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit()) => Selector::Version(number),
        _ => Selector::Label(text.to_owned()),
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-/".contains(&byte)
}

/// What holds for every name, read or written.
fn check_form(name: &str) -> Result<(), Fault> {
    let bare = name.strip_prefix('/').unwrap_or(name);
    if bare.is_empty() || name.contains("//") || !name.bytes().all(is_name_byte) {
        return Err(faults::validation(BAD_NAME));
    }
    if name.ends_with('/') {
        return Err(faults::validation("Parameter name must not end with slash."));
    }
    Ok(())
}

/// A name in a hierarchy begins with a slash.
fn check_qualified(name: &str) -> Result<(), Fault> {
    if name.contains('/') && !name.starts_with('/') {
        return Err(faults::validation("Parameter name must be a fully qualified name."));
    }
    Ok(())
}

/// The name of a parameter that is to be created, changed or deleted: no ARN, no selector.
pub fn to_change(scope: &Scope, text: &str) -> Result<Reference, Fault> {
    let name = text.trim();
    check_reserved(name)?;
    check_form(name)?;
    check_qualified(name)?;
    if name.bytes().filter(|byte| *byte == b'/').count() > limits::LEVELS {
        return Err(faults::HIERARCHY_LEVEL_LIMIT_EXCEEDED.says(
            "A hierarchy can have a maximum of 15 levels. For more information, see Requirements and constraints for parameter names in the AWS Systems \
             Manager User Guide.",
        ));
    }
    let bare = name.strip_prefix('/').unwrap_or(name);
    let key = ParameterKey::of(scope.clone(), bare);
    let arn = arn(scope, bare);
    if arn.as_str().len() > limits::NAME_BYTES {
        // AWS: unverified message.
        return Err(faults::validation(format!(
            "The parameter name exceeds the maximum length of {} characters, the ARN that precedes it included.",
            limits::NAME_BYTES
        )));
    }
    Ok(Reference { name: name.to_owned(), key, arn, selector: None })
}

/// Names that begin with `aws` or `ssm` are AWS's own.
fn check_reserved(name: &str) -> Result<(), Fault> {
    let lower = name.to_ascii_lowercase();
    let bare = lower.trim_start_matches('/');
    if !bare.starts_with("aws") && !bare.starts_with("ssm") {
        return Ok(());
    }
    let is_path = name.bytes().filter(|byte| *byte == b'/').count() > 1;
    Err(match is_path {
        true if lower.starts_with("/aws") => faults::ACCESS_DENIED.says(format!("No access to reserved parameter name: {name}.")),
        true => faults::validation(BAD_NAME),
        false => faults::validation("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."),
    })
}

/// The directory that a path names. `/` is the root.
pub fn directory_of(path: &str) -> Result<Arc<str>, Fault> {
    let path = path.trim();
    let is_path = path.starts_with('/') && !path.contains("//") && path.bytes().all(is_name_byte);
    if is_path { Ok(path.trim_matches('/').into()) } else { Err(faults::validation(BAD_PATH)) }
}

/// The path of a filter, which is never one of AWS's own.
pub fn directory_of_filter(path: &str) -> Result<Arc<str>, Fault> {
    let lower = path.to_ascii_lowercase();
    if lower.starts_with("/aws") || lower.starts_with("/ssm") {
        return Err(faults::validation(
            "Filters for common parameters can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). When using global parameters, please specify \
             within a global namespace.",
        ));
    }
    directory_of(path)
}
