//! The ARNs of Step Functions, read.

use crate::{faults, state::NamedKey};
use cloudlet_aws::{Account, Arn, Fault, Region};
use cloudlet_engine::Permission;
use cloudlet_shape::Operation;

/// `stateMachine:<name>`, with what may follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineArn {
    pub key: NamedKey,
    pub qualifier: Qualifier,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Qualifier {
    None,
    Version(u64),
    Alias(String),
    /// A distributed Map.
    Label(String),
}

fn parts(text: &str) -> Result<(Arn, Account, Region), Fault> {
    let arn = Arn::parse(text).filter(|arn| arn.service() == "states").ok_or_else(|| faults::wrong_arn(text))?;
    let account = Account::parse(arn.account()).ok_or_else(|| faults::wrong_arn(text))?;
    let region = Region::parse(arn.region()).ok_or_else(|| faults::wrong_arn(text))?;
    Ok((arn, account, region))
}

pub fn machine(text: &str) -> Result<MachineArn, Fault> {
    let (arn, account, region) = parts(text)?;
    let mut pieces = arn.resource().splitn(3, ':');
    let kind = pieces.next().unwrap_or_default();
    if kind != "stateMachine" {
        return Err(faults::wrong_resource(kind));
    }
    let name = pieces.next().filter(|name| !name.is_empty()).ok_or_else(|| faults::wrong_arn(text))?;
    let key = |name: &str| NamedKey { account, region: region.clone(), name: name.into() };
    let (key, qualifier) = match (name.split_once('/'), pieces.next()) {
        (Some((name, label)), _) => (key(name), Qualifier::Label(label.to_owned())),
        (None, None) => (key(name), Qualifier::None),
        (None, Some(rest)) => {
            let version = rest.parse().ok().map(Qualifier::Version);
            (key(name), version.unwrap_or_else(|| Qualifier::Alias(rest.to_owned())))
        }
    };
    Ok(MachineArn { key, qualifier })
}

/// The same without a label, and without a version or alias.
pub fn plain_machine(text: &str) -> Result<NamedKey, Fault> {
    let arn = machine(text)?;
    match arn.qualifier {
        Qualifier::Label(_) => Err(faults::labeled()),
        Qualifier::None => Ok(arn.key),
        _ => Err(faults::no_machine(text)),
    }
}

pub fn activity(text: &str) -> Result<NamedKey, Fault> {
    let (arn, account, region) = parts(text)?;
    match arn.resource().split_once(':') {
        Some(("activity", name)) if !name.is_empty() => Ok(NamedKey { account, region, name: name.into() }),
        Some((kind, _)) if kind != "activity" => Err(faults::wrong_resource(kind)),
        _ => Err(faults::wrong_arn(text)),
    }
}

/// The type of the resource: `execution`, `express`, `mapRun`.
pub fn kind(text: &str) -> Result<String, Fault> {
    let (arn, _, _) = parts(text)?;
    Ok(arn.resource().split(':').next().unwrap_or_default().to_owned())
}

pub fn execution(text: &str) -> Result<Arn, Fault> {
    let (arn, _, _) = parts(text)?;
    match arn.resource().split(':').next().unwrap_or_default() {
        "execution" => Ok(arn),
        kind => Err(faults::wrong_resource(kind)),
    }
}

pub fn map_run(text: &str) -> Result<Arn, Fault> {
    let (arn, _, _) = parts(text)?;
    match arn.resource().split(':').next().unwrap_or_default() {
        "mapRun" => Ok(arn),
        kind => Err(faults::wrong_resource(kind)),
    }
}

/// An operation on a machine, by the ARN in the request: the permission is on the machine, with the version or alias as a condition key.
pub fn on_machine<O: Operation>(arn: &str) -> Result<Permission, Fault> {
    // What follows the `#` is a test case of the mock configuration.
    let parsed = machine(arn.split('#').next().unwrap_or_default())?;
    let permission = Permission::of::<O>(parsed.key.machine_arn());
    Ok(match parsed.qualifier {
        Qualifier::Version(version) => permission.with_key("states:StateMachineQualifier", version.to_string()),
        Qualifier::Alias(alias) => permission.with_key("states:StateMachineQualifier", alias),
        Qualifier::None | Qualifier::Label(_) => permission,
    })
}
