//! What one value of a message is held against.

use serde_json::Value;
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    Text(String),
    Number(Number),
    Truth(serde_json::Value),
    Prefix(String),
    Suffix(String),
    EqualsIgnoreCase(String),
    Wildcard(Vec<Glyph>),
    Numeric(Range),
    Cidr(Network),
    AnythingBut(Vec<Rule>),
    Exists,
    Absent,
}

/// A number as it is written, and its worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    pub text: String,
    pub worth: f64,
}

impl Number {
    pub fn read(text: &str) -> Number {
        Number { text: text.to_owned(), worth: text.parse().unwrap_or(f64::NAN) }
    }

    /// AWS: exact in writing, or equal in worth; beyond what a double holds, only in writing.
    fn is(&self, other: &serde_json::Number) -> bool {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let written = other.to_string();
        written == self.text || (self.worth.abs() <= EXACT && other.as_f64() == Some(self.worth))
    }
}

/// Between two numbers, or beyond one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub bottom: Option<(f64, Edge)>,
    pub top: Option<(f64, Edge)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Open,
    Closed,
}

impl Range {
    pub fn holds(&self, number: f64) -> bool {
        let above = self.bottom.is_none_or(|(bottom, edge)| number > bottom || (edge == Edge::Closed && number == bottom));
        let below = self.top.is_none_or(|(top, edge)| number < top || (edge == Edge::Closed && number == top));
        above && below
    }
}

/// A letter, or what stands for any letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    Any,
    HttpRequest(char),
}

/// `*` stands for any letters, `\*` and `\\` for themselves.
pub fn wildcard(text: &str) -> Result<Vec<Glyph>, String> {
    let mut glyphs = Vec::new();
    // AWS counts from the quote that it puts before the text.
    let mut letters = text.char_indices().map(|(at, letter)| (at + 1, letter)).peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '*' if letters.peek().is_some_and(|(_, next)| *next == '*') => return Err(format!("Consecutive wildcard characters at pos {at}")),
            '*' => glyphs.push(Glyph::Any),
            '\\' => match letters.next_if(|(_, next)| matches!(next, '*' | '\\')) {
                Some((_, next)) => glyphs.push(Glyph::HttpRequest(next)),
                None => return Err(format!("Invalid escape character at pos {at}")),
            },
            letter => glyphs.push(Glyph::HttpRequest(letter)),
        }
    }
    Ok(glyphs)
}

/// Goes back at most to the latest wildcard: never worse than both lengths multiplied.
fn fits(glyphs: &[Glyph], text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let (mut glyph, mut letter) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while letter < letters.len() {
        match glyphs.get(glyph) {
            Some(Glyph::Any) => {
                back = Some((glyph, letter));
                glyph += 1;
            }
            Some(Glyph::HttpRequest(wanted)) if Some(wanted) == letters.get(letter) => {
                glyph += 1;
                letter += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    back = Some((star, from + 1));
                    glyph = star + 1;
                    letter = from + 1;
                }
                None => return false,
            },
        }
    }
    glyphs.get(glyph..).is_some_and(|rest| rest.iter().all(|glyph| *glyph == Glyph::Any))
}

/// A block of addresses: those whose first `bits` are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// AWS: these words, and none about where.
    pub fn read(text: &str) -> Result<Network, String> {
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

    fn holds(&self, text: &str) -> bool {
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
    /// Whether a value that is there, and is no list and no object, satisfies the rule.
    pub fn takes(&self, value: &Value) -> bool {
        match (self, value) {
            (Rule::Exists, _) => true,
            (Rule::Absent, _) => false,
            (Rule::AnythingBut(rules), value) => !rules.iter().any(|rule| rule.takes(value)),
            (Rule::Truth(wanted), value) => wanted == value,
            (Rule::Number(wanted), Value::Number(number)) => wanted.is(number),
            (Rule::Numeric(range), Value::Number(number)) => number.as_f64().is_some_and(|number| range.holds(number)),
            (Rule::Text(wanted), Value::String(text)) => wanted == text || same_address(wanted, text),
            (Rule::Prefix(wanted), Value::String(text)) => text.starts_with(wanted.as_str()),
            (Rule::Suffix(wanted), Value::String(text)) => text.ends_with(wanted.as_str()),
            (Rule::EqualsIgnoreCase(wanted), Value::String(text)) => {
                wanted.chars().flat_map(char::to_lowercase).eq(text.chars().flat_map(char::to_lowercase))
            }
            (Rule::Wildcard(glyphs), Value::String(text)) => fits(glyphs, text),
            (Rule::Cidr(network), Value::String(text)) => network.holds(text),
            _ => false,
        }
    }
}

/// AWS: a text that is an address is equal to every spelling of it.
fn same_address(one: &str, other: &str) -> bool {
    let looks = |text: &str| text.len() <= 45 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'));
    looks(one) && looks(other) && matches!((one.parse::<IpAddr>(), other.parse::<IpAddr>()), (Ok(one), Ok(other)) if one == other)
}
