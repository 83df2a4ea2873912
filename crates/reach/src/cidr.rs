//! Blocks of addresses. An address is 128 bits wide whatever its family (IPv4 as `::ffff:a.b.c.d`), so that one mask decides.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    V4,
    V6,
}

/// A block without the bits of its hosts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    family: Family,
    base: u128,
    /// 0 to 32, or 0 to 128.
    length: u8,
}

/// The 128 bits of an address.
pub fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

pub fn family(address: IpAddr) -> Family {
    if address.is_ipv4() { Family::V4 } else { Family::V6 }
}

fn address(family: Family, bits: u128) -> IpAddr {
    match family {
        // The low 32 bits.
        Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(bits & u128::from(u32::MAX)).unwrap_or_default())),
        Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(bits)),
    }
}

impl Cidr {
    pub const ALL_V4: Cidr = Cidr { family: Family::V4, base: 0xffff_0000_0000, length: 0 };
    pub const ALL_V6: Cidr = Cidr { family: Family::V6, base: 0, length: 0 };

    pub fn new(of: IpAddr, length: u8) -> Option<Cidr> {
        let family = family(of);
        if length > family.width() {
            return None;
        }
        let mut block = Cidr { family, base: 0, length };
        block.base = bits(of) & block.mask();
        Some(block)
    }

    /// One address.
    pub fn host(of: IpAddr) -> Cidr {
        let family = family(of);
        Cidr { family, base: bits(of), length: family.width() }
    }

    /// `10.1.2.3/8` is `10.0.0.0/8`. The length has digits only.
    pub fn parse(text: &str, family: Family) -> Option<Cidr> {
        let block: Cidr = text.parse().ok()?;
        (block.family == family).then_some(block)
    }

    fn mask(self) -> u128 {
        let shift = u32::from(self.family.width() - self.length);
        u128::MAX.checked_shl(shift).unwrap_or(0)
    }

    /// As it is shown, in one piece of memory: lists of groups have thousands.
    pub fn text(self) -> String {
        let IpAddr::V4(first) = self.first() else { return self.to_string() };
        let mut text = String::with_capacity(24);
        for (octet, end) in first.octets().into_iter().zip(['.', '.', '.', '/']) {
            push_number(&mut text, octet);
            text.push(end);
        }
        push_number(&mut text, self.length);
        text
    }

    pub fn family(self) -> Family {
        self.family
    }

    pub fn length(self) -> u8 {
        self.length
    }

    pub fn first(self) -> IpAddr {
        address(self.family, self.base)
    }

    pub fn last(self) -> IpAddr {
        address(self.family, self.base | !self.mask())
    }

    /// The address that is so many after the first, if it is of the block.
    pub fn nth(self, index: u128) -> Option<IpAddr> {
        let bits = self.base.checked_add(index)?;
        (bits & self.mask() == self.base).then(|| address(self.family, bits))
    }

    /// How many addresses it has; `u128::MAX` for all of IPv6.
    pub fn size(self) -> u128 {
        (!self.mask()).saturating_add(1)
    }

    pub fn contains(self, address: IpAddr) -> bool {
        family(address) == self.family && self.contains_bits(bits(address))
    }

    /// The same for an address whose family is the block's or whose bits tell it.
    pub fn contains_bits(self, bits: u128) -> bool {
        bits & self.mask() == self.base
    }

    pub fn covers(self, other: Cidr) -> bool {
        self.family == other.family && self.length <= other.length && self.contains_bits(other.base)
    }

    pub fn overlaps(self, other: Cidr) -> bool {
        self.covers(other) || other.covers(self)
    }
}

/// A number without the ways of a formatter, which take longer than all else that is done to a rule.
fn push_number(text: &mut String, number: u8) {
    let mut digit = |digit: u8| text.push(char::from(b'0' + digit));
    if number >= 100 {
        digit(number / 100);
    }
    if number >= 10 {
        digit(number / 10 % 10);
    }
    digit(number % 10);
}

impl Family {
    pub fn width(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first() {
            IpAddr::V4(first) => {
                let [a, b, c, d] = first.octets();
                write!(f, "{a}.{b}.{c}.{d}/{}", self.length)
            }
            IpAddr::V6(first) => write!(f, "{first}/{}", self.length),
        }
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Cidr, String> {
        let read = || {
            let (address, length) = text.split_once('/')?;
            let is_number = !length.is_empty() && length.len() <= 3 && length.bytes().all(|byte| byte.is_ascii_digit());
            Cidr::new(address.parse().ok()?, if is_number { length.parse().ok()? } else { return None })
        };
        read().ok_or_else(|| format!("'{text}' is no block of addresses"))
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Cidr, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cidr, Family};
    use std::net::IpAddr;

    fn block(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn host_bits_are_masked_and_the_rest_is_no_block() {
        for (text, normal) in [
            ("100.68.0.18/18", "100.68.0.0/18"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("10.1.2.3/32", "10.1.2.3/32"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("::1/0", "::/0"),
        ] {
            assert_eq!(block(text).to_string(), normal);
            assert_eq!(block(text).text(), normal);
        }
        for bad in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0/8", "::/129", "/8", "10.0.0.0/", "01.2.3.4/8", "10.0.0.0/0008"] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
        assert_eq!(Cidr::parse("::/0", Family::V4), None);
    }

    #[test]
    fn a_block_has_its_addresses() {
        let small: Cidr = block("10.0.1.0/28");
        assert_eq!((small.size(), small.first(), small.last()), (16, "10.0.1.0".parse::<IpAddr>().unwrap(), "10.0.1.15".parse::<IpAddr>().unwrap()));
        assert_eq!((small.nth(15), small.nth(16)), (Some("10.0.1.15".parse().unwrap()), None));
        assert!(Cidr::ALL_V4.contains("255.1.1.1".parse().unwrap()) && !Cidr::ALL_V4.contains("::1".parse().unwrap()));
        assert!(Cidr::ALL_V6.contains("::1".parse().unwrap()) && !Cidr::ALL_V6.contains("1.1.1.1".parse().unwrap()));
        assert!(block("10.0.0.0/8").covers(small) && small.overlaps(block("10.0.0.0/8")) && !small.overlaps(block("10.0.1.16/28")));
        assert_eq!(Cidr::ALL_V6.size(), u128::MAX);
    }
}
