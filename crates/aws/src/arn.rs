//! Amazon Resource Names: `arn:partition:service:region:account:resource`.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use crate::{Account, Region, Scope, cut};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// An ARN as text, cheap to clone. Ordering and equality are those of the text.
///
/// `*` (all resources) is the one value that has no six parts: IAM uses it for actions without a resource.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Arn(Arc<str>);

impl Arn {
    /// An ARN in a scope: `Arn::new("sqs", &scope, "queue-name")`.
    pub fn new(service: &str, scope: &Scope, resource: &str) -> Arn {
        Arn::build(scope.partition(), service, scope.region.as_str(), scope.account.as_str(), resource)
    }

    /// An ARN from its parts, empty ones included (`arn:aws:s3:::bucket`).
    pub fn build(partition: &str, service: &str, region: &str, account: &str, resource: &str) -> Arn {
        let mut text = String::with_capacity(9 + partition.len() + service.len() + region.len() + account.len() + resource.len());
        for part in ["arn", partition, service, region, account] {
            text.push_str(part);
            text.push(':');
        }
        text.push_str(resource);
        Arn(text.into())
    }

    /// `*`: what an action asks on that has no resource of its own.
    pub fn any() -> Arn {
        Arn("*".into())
    }

    pub fn parse(text: &str) -> Option<Arn> {
        let part = |index| Some(part(text, index)).filter(|part| !part.is_empty());
        let whole = part(0)? == "arn" && part(1).is_some() && part(2).is_some() && part(5).is_some();
        whole.then(|| Arn(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn part(&self, index: usize) -> &str {
        part(&self.0, index)
    }

    pub fn partition(&self) -> &str {
        self.part(1)
    }

    pub fn service(&self) -> &str {
        self.part(2)
    }

    pub fn region(&self) -> &str {
        self.part(3)
    }

    pub fn account(&self) -> &str {
        self.part(4)
    }

    /// Everything after the fifth colon.
    pub fn resource(&self) -> &str {
        self.part(5)
    }

    /// The account and region the ARN names, when it names both.
    pub fn scope(&self) -> Option<Scope> {
        let region = self.region();
        (!region.is_empty()).then(|| Account::parse(self.account()).map(|account| Scope::new(account, Region::new(region))))?
    }
}

/// One of six parts between colons, the last of which may hold more of them; empty if there is none.
fn part(text: &str, index: usize) -> &str {
    if index == 5 {
        let mut rest = text;
        for _ in 0..index {
            match cut::split_once(rest, b':') {
                Some((_, later)) => rest = later,
                None => return "",
            }
        }
        return rest;
    }
    cut::split(text, b':').nth(index).unwrap_or_default()
}

impl FromStr for Arn {
    type Err = String;
    fn from_str(text: &str) -> Result<Arn, String> {
        Arn::parse(text).ok_or_else(|| format!("'{text}' is not an ARN"))
    }
}

impl<'de> Deserialize<'de> for Arn {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        if text == "*" { Ok(Arn::any()) } else { text.parse().map_err(serde::de::Error::custom) }
    }
}

impl std::borrow::Borrow<str> for Arn {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_keeps_its_six_parts_and_colons_in_the_resource() {
        let arn = Arn::parse("arn:aws:sns:eu-west-1:123456789012:topic:sub:1").unwrap();
        assert_eq!(
            (arn.partition(), arn.service(), arn.region(), arn.account(), arn.resource()),
            ("aws", "sns", "eu-west-1", "123456789012", "topic:sub:1")
        );
        assert_eq!(arn.scope().unwrap().account.as_str(), "123456789012");
    }

    #[test]
    fn a_bucket_arn_has_no_scope() {
        let arn = Arn::build("aws", "s3", "", "", "bucket/key");
        assert_eq!(arn.as_str(), "arn:aws:s3:::bucket/key");
        assert_eq!(arn.scope(), None);
    }

    #[test]
    fn text_that_is_no_arn_is_refused() {
        for text in ["", "arn", "arn:aws:s3", "arn::s3:::x", "arn:aws::::x", "arn:aws:s3:::", "urn:aws:s3:::x"] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }
}
