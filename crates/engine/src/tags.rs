//! The rules that tags of all services share. What is wrong is a value; each engine has AWS's message for it.
//! <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>

use std::{borrow::Cow, collections::BTreeSet, ops::RangeInclusive};

/// Lengths of keys and values, in UTF-16 units.
const KEY: RangeInclusive<usize> = 1..=128;
const VALUE: RangeInclusive<usize> = 0..=256;

/// What differs between services.
#[derive(Clone, Copy, Debug)]
pub struct TagRules {
    /// How many tags one request may have.
    pub most: usize,
    pub keys: KeyCase,
    pub characters: TagCharacters,
}

/// Whether two keys that differ in case alone are the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCase {
    Sensitive,
    Insensitive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagCharacters {
    Any,
    /// Letters, digits, white space and `_.:/=+-@`.
    Usual,
}

/// The first mistake in the tags of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidTag<'t> {
    TooMany,
    /// A key that begins with `aws:`, in any case.
    Reserved {
        key: &'t str,
    },
    Key {
        key: &'t str,
    },
    Value {
        key: &'t str,
        value: &'t str,
    },
    /// A key that was given before.
    Duplicate {
        key: &'t str,
    },
}

impl TagRules {
    pub fn check<'t>(&self, tags: impl IntoIterator<Item = (&'t str, &'t str)>) -> Result<(), InvalidTag<'t>> {
        let mut keys = BTreeSet::new();
        for (key, value) in tags {
            if keys.len() >= self.most {
                return Err(InvalidTag::TooMany);
            }
            if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
                return Err(InvalidTag::Reserved { key });
            }
            if !self.is_valid(key, &KEY) {
                return Err(InvalidTag::Key { key });
            }
            if !self.is_valid(value, &VALUE) {
                return Err(InvalidTag::Value { key, value });
            }
            let is_new = keys.insert(match self.keys {
                KeyCase::Sensitive => Cow::Borrowed(key),
                KeyCase::Insensitive => Cow::Owned(key.to_ascii_lowercase()),
            });
            if !is_new {
                return Err(InvalidTag::Duplicate { key });
            }
        }
        Ok(())
    }

    fn is_valid(&self, text: &str, length: &RangeInclusive<usize>) -> bool {
        let usual = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
        length.contains(&text.encode_utf16().count()) && (self.characters == TagCharacters::Any || text.chars().all(usual))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: TagRules = TagRules { most: 3, keys: KeyCase::Sensitive, characters: TagCharacters::Usual };

    #[test]
    fn a_mistake_is_named() {
        let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
        for (tags, mistake) in [
            (vec![("a", ""), ("b", ""), ("c", ""), ("d", "")], InvalidTag::TooMany),
            (vec![("Aws:x", "")], InvalidTag::Reserved { key: "Aws:x" }),
            (vec![("", "")], InvalidTag::Key { key: "" }),
            (vec![("a,b", "")], InvalidTag::Key { key: "a,b" }),
            (vec![(&*long_key, "")], InvalidTag::Key { key: &long_key }),
            (vec![("a", &*long_value)], InvalidTag::Value { key: "a", value: &long_value }),
            (vec![("a", "1"), ("b", ""), ("a", "2")], InvalidTag::Duplicate { key: "a" }),
        ] {
            assert_eq!(RULES.check(tags), Err(mistake));
        }
    }

    #[test]
    fn services_differ_in_case_and_characters() {
        let tags = [("a", "1"), ("A", "é +-=._:/@")];
        assert_eq!(RULES.check(tags), Ok(()));
        assert_eq!(TagRules { keys: KeyCase::Insensitive, ..RULES }.check(tags), Err(InvalidTag::Duplicate { key: "A" }));
        assert_eq!(TagRules { characters: TagCharacters::Any, ..RULES }.check([("a,b", "")]), Ok(()));
    }
}
