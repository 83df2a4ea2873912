//! The rules for one value of a message.

use serde_json::Value;
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    Text(String),
    Number(Number),
    /// `true`, `false` or `null`.
    Literal(Value),
    Prefix(String),
    Suffix(String),
    EqualsIgnoreCase(String),
    Wildcard(Vec<WildcardToken>),
    Numeric(Range),
    Cidr(Network),
    AnythingBut(Vec<Rule>),
    Exists,
    Absent,
}

/// A number as it is written, and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    pub text: String,
    pub value: f64,
}

impl Number {
    pub fn parse(text: &str) -> Number {
        Number { text: text.to_owned(), value: text.parse().unwrap_or(f64::NAN) }
    }

    /// AWS: equal as written, or as a value; beyond what a double holds exactly, only as written.
    fn equals(&self, other: &serde_json::Number) -> bool {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let written = other.to_string();
        written == self.text || (self.value.abs() <= EXACT && other.as_f64() == Some(self.value))
    }
}

/// Between two numbers, or on one side of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub lower: Option<(f64, Bound)>,
    pub upper: Option<(f64, Bound)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    Exclusive,
    Inclusive,
}

impl Range {
    pub fn contains(&self, number: f64) -> bool {
        let above = self.lower.is_none_or(|(lower, bound)| number > lower || (bound == Bound::Inclusive && number == lower));
        let below = self.upper.is_none_or(|(upper, bound)| number < upper || (bound == Bound::Inclusive && number == upper));
        above && below
    }
}

/// A piece of a wildcard pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WildcardToken {
    AnyText,
    Char(char),
}

/// `*` matches any text; `\*` and `\\` match themselves.
pub fn wildcard(text: &str) -> Result<Vec<WildcardToken>, String> {
    let mut tokens = Vec::new();
    // AWS counts from the quote that it puts before the text.
    let mut characters = text.char_indices().map(|(at, character)| (at + 1, character)).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '*' if characters.peek().is_some_and(|(_, next)| *next == '*') => return Err(format!("Consecutive wildcard characters at pos {at}")),
            '*' => tokens.push(WildcardToken::AnyText),
            '\\' => match characters.next_if(|(_, next)| matches!(next, '*' | '\\')) {
                Some((_, next)) => tokens.push(WildcardToken::Char(next)),
                None => return Err(format!("Invalid escape character at pos {at}")),
            },
            character => tokens.push(WildcardToken::Char(character)),
        }
    }
    Ok(tokens)
}

/// Goes back at most to the last wildcard: the time is at most the product of both lengths.
fn matches_wildcard(pattern: &[WildcardToken], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut token, mut position) = (0, 0);
    let mut last_wildcard: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(token) {
            Some(WildcardToken::AnyText) => {
                last_wildcard = Some((token, position));
                token += 1;
            }
            Some(WildcardToken::Char(wanted)) if Some(wanted) == text.get(position) => {
                token += 1;
                position += 1;
            }
            _ => match last_wildcard {
                Some((wildcard, from)) => {
                    last_wildcard = Some((wildcard, from + 1));
                    token = wildcard + 1;
                    position = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(token..).is_some_and(|rest| rest.iter().all(|token| *token == WildcardToken::AnyText))
}

/// A block of addresses: those whose first `bits` are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// AWS: these messages have no location.
    pub fn parse(text: &str) -> Result<Network, String> {
        let parts: Vec<&str> = text.trim_end_matches('/').split('/').collect();
        let [address, bits] = parts.as_slice() else { return Err("Malformed CIDR, one '/' required".to_owned()) };
        let bits: i32 = bits.parse().map_err(|_| "Malformed CIDR, mask bits must be an integer".to_owned())?;
        let bits = u32::try_from(bits).map_err(|_| "Malformed CIDR, mask bits must not be negative".to_owned())?;
        let address: IpAddr = address.parse().map_err(|_| format!("Nonstandard IP address: {address}"))?;
        match address {
            IpAddr::V4(_) if bits > 31 => Err("IPv4 mask bits must be < 32".to_owned()),
            IpAddr::V6(_) if bits > 127 => Err("IPv6 mask bits must be < 128".to_owned()),
            _ => Ok(Network { address, bits }),
        }
    }

    fn contains(&self, text: &str) -> bool {
        match (self.address, text.parse()) {
            (IpAddr::V4(ours), Ok(IpAddr::V4(theirs))) => {
                let shift = 32 - self.bits.min(32);
                ours.to_bits().checked_shr(shift) == theirs.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(ours), Ok(IpAddr::V6(theirs))) => {
                let shift = 128 - self.bits.min(128);
                ours.to_bits().checked_shr(shift) == theirs.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl Rule {
    /// Whether a value, which is no array and no object, satisfies the rule.
    pub fn matches(&self, value: &Value) -> bool {
        match (self, value) {
            (Rule::Exists, _) => true,
            (Rule::Absent, _) => false,
            (Rule::AnythingBut(rules), value) => !rules.iter().any(|rule| rule.matches(value)),
            (Rule::Literal(wanted), value) => wanted == value,
            (Rule::Number(wanted), Value::Number(number)) => wanted.equals(number),
            (Rule::Numeric(range), Value::Number(number)) => number.as_f64().is_some_and(|number| range.contains(number)),
            (Rule::Text(wanted), Value::String(text)) => wanted == text || same_address(wanted, text),
            (Rule::Prefix(wanted), Value::String(text)) => text.starts_with(wanted.as_str()),
            (Rule::Suffix(wanted), Value::String(text)) => text.ends_with(wanted.as_str()),
            (Rule::EqualsIgnoreCase(wanted), Value::String(text)) => {
                wanted.chars().flat_map(char::to_lowercase).eq(text.chars().flat_map(char::to_lowercase))
            }
            (Rule::Wildcard(pattern), Value::String(text)) => matches_wildcard(pattern, text),
            (Rule::Cidr(network), Value::String(text)) => network.contains(text),
            _ => false,
        }
    }
}

/// AWS: an IP address equals every way to write it.
fn same_address(one: &str, other: &str) -> bool {
    let looks_like_address = |text: &str| text.len() <= 45 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'));
    looks_like_address(one)
        && looks_like_address(other)
        && matches!((one.parse::<IpAddr>(), other.parse::<IpAddr>()), (Ok(one), Ok(other)) if one == other)
}
