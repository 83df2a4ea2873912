//! Amazon Resource Names: `arn:partition:service:region:account:resource`.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use crate::{Account, Region, Scope};
use serde::{Deserialize, Serialize};
use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

/// An ARN as text, cheap to clone. Ordering, equality and hash are those of the text.
///
/// `*` (all resources) is the one value that has no six parts: IAM uses it for actions without a resource.
#[derive(Clone)]
pub struct Arn {
    text: Arc<str>,
    colons: Colons,
}

/// Where the first five colons are.
type Colons = [u16; 5];

/// Where the last of them may be in an ARN that is read. No partition, service, region or account has a long name.
const LONGEST_HEAD: u16 = 255;
/// IAM's limit for the ARNs in its requests; the longest ARN of an S3 object is shorter.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html>
const LONGEST: usize = 2048;

/// The parts of an ARN that is text and need not become an [`Arn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArnParts<'a> {
    pub partition: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    /// Everything after the fifth colon.
    pub resource: &'a str,
}

impl<'a> ArnParts<'a> {
    pub fn parse(text: &'a str) -> Option<ArnParts<'a>> {
        let parts = ArnParts::at(text, read(text)?);
        Some(parts)
    }

    fn at(text: &'a str, [first, second, third, fourth, fifth]: Colons) -> ArnParts<'a> {
        let part = |after: u16, before: u16| text.get(usize::from(after) + 1..usize::from(before)).unwrap_or_default();
        ArnParts {
            partition: part(first, second),
            service: part(second, third),
            region: part(third, fourth),
            account: part(fourth, fifth),
            resource: text.get(usize::from(fifth) + 1..).unwrap_or_default(),
        }
    }
}

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
        Arn { colons: colons(&text).unwrap_or_default(), text: text.into() }
    }

    /// `*`: the resource of an action that has no resource type.
    pub fn any() -> Arn {
        Arn { text: "*".into(), colons: Colons::default() }
    }

    /// Whether it is `*`.
    pub fn is_any(&self) -> bool {
        self.as_str() == "*"
    }

    pub fn parse(text: &str) -> Option<Arn> {
        read(text).map(|colons| Arn { text: text.into(), colons })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn parts(&self) -> ArnParts<'_> {
        ArnParts::at(&self.text, self.colons)
    }

    pub fn partition(&self) -> &str {
        self.parts().partition
    }

    pub fn service(&self) -> &str {
        self.parts().service
    }

    pub fn region(&self) -> &str {
        self.parts().region
    }

    pub fn account(&self) -> &str {
        self.parts().account
    }

    /// Everything after the fifth colon.
    pub fn resource(&self) -> &str {
        self.parts().resource
    }

    /// The account and region the ARN names, when it names both.
    pub fn scope(&self) -> Option<Scope> {
        let region = self.region();
        (!region.is_empty()).then(|| Account::parse(self.account()).map(|account| Scope::new(account, Region::new(region))))?
    }
}

/// The grammar of ARNs: six parts, of which partition, service and resource are not empty.
fn read(text: &str) -> Option<Colons> {
    if text.len() > LONGEST || !text.starts_with("arn:") {
        return None;
    }
    let colons = colons(text)?;
    let [first, second, third, _, fifth] = colons;
    let is_whole = second > first + 1 && third > second + 1 && fifth <= LONGEST_HEAD && text.len() > usize::from(fifth) + 1;
    is_whole.then_some(colons)
}

fn colons(text: &str) -> Option<Colons> {
    let mut colons = Colons::default();
    let mut rest = colons.iter_mut();
    let mut colon = rest.next()?;
    for (byte, at) in text.bytes().zip(0..=u16::MAX) {
        if byte == b':' {
            *colon = at;
            match rest.next() {
                Some(next) => colon = next,
                None => return Some(colons),
            }
        }
    }
    None
}

impl PartialEq for Arn {
    fn eq(&self, other: &Arn) -> bool {
        self.text == other.text
    }
}

impl Eq for Arn {}

impl PartialOrd for Arn {
    fn partial_cmp(&self, other: &Arn) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Arn {
    fn cmp(&self, other: &Arn) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Arn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Serialize for Arn {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
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

impl From<&Arn> for Arc<str> {
    fn from(arn: &Arn) -> Arc<str> {
        arn.text.clone()
    }
}

impl std::borrow::Borrow<str> for Arn {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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
    fn all_resources_have_no_parts() {
        let any = Arn::any();
        assert_eq!((any.partition(), any.service(), any.region(), any.account(), any.resource()), ("", "", "", "", ""));
    }

    #[test]
    fn a_bucket_arn_has_no_scope() {
        let arn = Arn::build("aws", "s3", "", "", "bucket/key");
        assert_eq!(arn.as_str(), "arn:aws:s3:::bucket/key");
        assert_eq!(arn.scope(), None);
    }

    #[test]
    fn an_arn_keeps_its_parts_in_a_region_of_any_length() {
        let region = "r".repeat(60_000);
        let arn = Arn::build("aws", "sqs", &region, "123456789012", "queue");
        assert_eq!((arn.service(), arn.region(), arn.account(), arn.resource()), ("sqs", region.as_str(), "123456789012", "queue"));
        assert!(!arn.is_any() && Arn::any().is_any());
    }

    #[test]
    fn text_that_is_no_arn_is_refused() {
        for text in ["", "arn", "arn:aws:s3", "arn::s3:::x", "arn:aws::::x", "arn:aws:s3:::", "urn:aws:s3:::x"] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
        assert_eq!(Arn::parse(&format!("arn:aws:sns:us-east-1:{}:topic", "1".repeat(300))), None);
        assert_eq!(Arn::parse(&format!("arn:aws:s3:::{}", "é".repeat(300))).unwrap().resource(), "é".repeat(300));
        assert_eq!(Arn::parse(&format!("arn:aws:s3:::{}", "x".repeat(2048))), None);
    }
}
