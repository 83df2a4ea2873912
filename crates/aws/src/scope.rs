//! Where a call happens: partition, account, region.

use serde::{Deserialize, Serialize};
use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

/// A 12-digit AWS account id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account([u8; 12]);

impl Account {
    pub fn parse(text: &str) -> Option<Account> {
        let digits: [u8; 12] = text.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Account(digits))
    }

    pub fn as_str(&self) -> &str {
        // INVARIANT: only ASCII digits are ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Default for Account {
    fn default() -> Self {
        Account([b'0'; 12])
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Account {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Account::parse(text).ok_or_else(|| format!("'{text}' is not an AWS account id: it has 12 digits"))
    }
}

impl Serialize for Account {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A region name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Region(Arc<str>);

/// No region's name is longer: `ap-southeast-1` has 14 characters.
const LONGEST_REGION: usize = 32;

impl Region {
    /// A name of AWS's form: a prefix of letters, one or two words, and a number (`us-east-1`, `us-gov-west-1`, `eusc-de-east-1`).
    /// The region that the server was started with is valid whatever it looks like, and made with `new`.
    /// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
    pub fn parse(name: &str) -> Option<Region> {
        Region::is_valid(name).then(|| Region::new(name))
    }

    /// Whether a name has the form of AWS's regions.
    pub fn is_valid(name: &str) -> bool {
        let is_word = |word: &str| word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_number = |text: &str| !text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let Some((words, number)) = name.rsplit_once('-') else { return false };
        let (mut words, count) = (words.split('-'), words.split('-').count());
        let prefix = words.clone().next().unwrap_or_default();
        name.len() <= LONGEST_REGION && is_number(number) && (2..=3).contains(&count) && (2..=4).contains(&prefix.len()) && words.all(is_word)
    }

    pub fn new(name: impl Into<Arc<str>>) -> Region {
        Region(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition a region belongs to, by its name.
    /// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
    pub fn partition(&self) -> &'static str {
        const PREFIXES: [(&str, &str); 5] =
            [("cn-", "aws-cn"), ("eusc-", "aws-eusc"), ("us-gov-", "aws-us-gov"), ("us-isob-", "aws-iso-b"), ("us-iso-", "aws-iso")];
        PREFIXES.iter().find(|(prefix, _)| self.0.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
    }
}

impl Borrow<str> for Region {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The account and region a call works in; the partition follows from the region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    pub account: Account,
    pub region: Region,
}

impl Scope {
    pub fn new(account: Account, region: Region) -> Scope {
        Scope { account, region }
    }

    pub fn partition(&self) -> &'static str {
        self.region.partition()
    }
}

#[cfg(test)]
mod tests {
    use super::Region;

    #[test]
    fn a_region_has_aws_form() {
        for name in
            ["us-east-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1", "mx-central-1", "ap-southeast-7"]
        {
            assert_eq!(Region::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn other_names_are_no_regions() {
        let long = format!("us-{}-1", "a".repeat(300));
        for name in [
            "",
            "US",
            "local",
            "us-east",
            "us-1",
            "us-east-1a",
            "US-EAST-1",
            "us-east-100",
            "us--1",
            "us-east-1:x",
            "us-a-b-c-1",
            "us-e-1",
            "us-east-1\n",
            &long,
        ] {
            assert_eq!(Region::parse(name), None, "{name}");
        }
    }
}
