//! How requests name functions and layers: a name, a partial ARN, an ARN, each with or without a version or alias.
//! The gateway has checked them against the patterns of the model.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html#API_GetFunction_RequestParameters>

use crate::{faults, state::FunctionKey};
use cloudlet_aws::{Account, Arn, Fault, Region};
use cloudlet_engine::Cx;

pub const LATEST: &str = "$LATEST";

/// A function as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub key: FunctionKey,
    /// A version, an alias, `$LATEST`; none where neither the name nor the request has one.
    pub qualifier: Option<String>,
}

impl Named {
    /// The ARN that the request means.
    pub fn arn(&self) -> Arn {
        match &self.qualifier {
            Some(qualifier) => self.key.qualified_arn(qualifier),
            None => self.key.arn(),
        }
    }

    /// For what changes a function: `$LATEST` is it. AWS: unverified.
    pub fn changeable(self) -> Result<FunctionKey, Fault> {
        if self.qualifier.as_deref() == Some(LATEST) { Ok(self.key) } else { self.whole() }
    }

    /// For operations on functions as a whole.
    pub fn whole(self) -> Result<FunctionKey, Fault> {
        if self.qualifier.is_some() { Err(faults::function_only()) } else { Ok(self.key) }
    }
}

/// Reads a function's name, and the qualifier beside it.
pub fn function(cx: &Cx, name: &str, qualifier: Option<&str>) -> Result<Named, Fault> {
    let (mut account, mut region) = (cx.scope.account, cx.scope.region.clone());
    let mut parts: Vec<&str> = name.split(':').collect();
    if parts.first() == Some(&"arn") && parts.len() > 3 {
        parts.drain(..3);
    }
    if parts.len() > 1
        && let Some(named) =
            parts.first().filter(|part| part.contains('-') && Region::is_valid(part) && part.ends_with(|last: char| last.is_ascii_digit()))
    {
        region = Region::new(*named);
        parts.remove(0);
    }
    if parts.len() > 1
        && let Some(named) = parts.first().and_then(|part| Account::parse(part))
    {
        account = named;
        parts.remove(0);
    }
    if parts.len() > 1 && parts.first() == Some(&"function") {
        parts.remove(0);
    }
    if region != cx.scope.region {
        let text = format!("Functions from '{region}' are not reachable in this region ('{}')", cx.scope.region);
        return Err(faults::not_found(text));
    }
    let key = FunctionKey { account, region, name: parts.first().copied().unwrap_or_default().into() };
    let derived = parts.get(1).copied();
    match (derived, qualifier) {
        (Some(derived), Some(qualifier)) if derived != qualifier => {
            Err(faults::invalid("The derived qualifier from the function name does not match the specified qualifier."))
        }
        (derived, qualifier) => Ok(Named { key, qualifier: derived.or(qualifier).map(str::to_owned) }),
    }
}

/// The number of a version; `$LATEST` is 0.
pub fn version(qualifier: &str) -> Option<u64> {
    // None begins with a zero.
    let is_number = qualifier.bytes().all(|byte| byte.is_ascii_digit()) && !qualifier.starts_with('0');
    if qualifier == LATEST { Some(0) } else { qualifier.parse().ok().filter(|_| is_number) }
}

/// A layer as a request names it: by its name, or its ARN.
pub fn layer(cx: &Cx, name: &str) -> FunctionKey {
    let own = || FunctionKey { account: cx.scope.account, region: cx.scope.region.clone(), name: name.into() };
    let Some(arn) = Arn::parse(name) else { return own() };
    match (arn.scope(), arn.resource().strip_prefix("layer:")) {
        (Some(scope), Some(name)) => FunctionKey { account: scope.account, region: scope.region, name: name.into() },
        _ => own(),
    }
}

/// A version of a layer by its ARN.
pub fn layer_version(arn: &str) -> Option<(FunctionKey, u64)> {
    let arn = Arn::parse(arn).filter(|arn| arn.service() == "lambda")?;
    let scope = arn.scope()?;
    let (name, version) = arn.resource().strip_prefix("layer:")?.split_once(':')?;
    Some((FunctionKey { account: scope.account, region: scope.region, name: name.into() }, version.parse().ok()?))
}

/// The address of a queue, as SQS reads it.
pub fn queue_url(cx: &Cx, queue: &Arn) -> String {
    format!("{}/{}/{}", cx.endpoint(), queue.account(), queue.resource())
}
