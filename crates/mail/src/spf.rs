//! SPF: whether an address may send for a domain.
//! <https://www.rfc-editor.org/rfc/rfc7208>

use crate::{Data, Resolver, normalized};
use std::net::IpAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    None,
    Neutral,
    Pass,
    Fail,
    SoftFail,
    /// The record is wrong.
    Permanent,
}

impl Outcome {
    /// As headers write it.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::None => "none",
            Outcome::Neutral => "neutral",
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::SoftFail => "softfail",
            Outcome::Permanent => "permerror",
        }
    }
}

/// Who connects and what it says of itself.
pub struct Sender<'a> {
    pub ip: IpAddr,
    /// Of the envelope; `postmaster@` of the greeting's name where it is empty.
    pub address: &'a str,
    pub helo: &'a str,
}

/// <https://www.rfc-editor.org/rfc/rfc7208#section-4.6.4>
const LOOKUPS: usize = 10;

struct Check<'a> {
    sender: &'a Sender<'a>,
    resolver: &'a dyn Resolver,
    lookups: usize,
}

/// What the domain of the sender says.
pub fn check(sender: &Sender<'_>, resolver: &dyn Resolver) -> Outcome {
    let domain = sender.address.rsplit_once('@').map_or(sender.helo, |(_, domain)| domain);
    let mut check = Check { sender, resolver, lookups: 0 };
    check.host(&normalized(domain), 0).unwrap_or(Outcome::Permanent)
}

/// The record is wrong, or asks too much.
struct Wrong;

impl Check<'_> {
    fn host(&mut self, domain: &str, depth: usize) -> Result<Outcome, Wrong> {
        if depth > LOOKUPS {
            return Err(Wrong);
        }
        let texts = self.resolver.texts(domain);
        let is_spf = |text: &&String| {
            let rest = text.get(..6).filter(|start| start.eq_ignore_ascii_case("v=spf1"));
            rest.is_some() && text.as_bytes().get(6).is_none_or(|byte| *byte == b' ')
        };
        let mut records = texts.iter().filter(is_spf);
        let Some(record) = records.next() else { return Ok(Outcome::None) };
        if records.next().is_some() {
            return Err(Wrong);
        }
        let mut redirect = None;
        for term in record.split_ascii_whitespace().skip(1) {
            if let Some((name, value)) = term.split_once('=')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
            {
                if name.eq_ignore_ascii_case("redirect") {
                    redirect = Some(value.to_owned());
                }
                continue;
            }
            let (outcome, mechanism) = match term.as_bytes().first() {
                Some(b'-') => (Outcome::Fail, term.get(1..)),
                Some(b'~') => (Outcome::SoftFail, term.get(1..)),
                Some(b'?') => (Outcome::Neutral, term.get(1..)),
                Some(b'+') => (Outcome::Pass, term.get(1..)),
                _ => (Outcome::Pass, Some(term)),
            };
            if self.matches(mechanism.unwrap_or_default(), domain, depth)? {
                return Ok(outcome);
            }
        }
        match redirect {
            Some(to) => {
                self.count()?;
                let to = self.expanded(&to, domain)?;
                match self.host(&normalized(&to), depth + 1)? {
                    Outcome::None => Err(Wrong),
                    outcome => Ok(outcome),
                }
            }
            None => Ok(Outcome::Neutral),
        }
    }

    fn count(&mut self) -> Result<(), Wrong> {
        self.lookups += 1;
        if self.lookups > LOOKUPS { Err(Wrong) } else { Ok(()) }
    }

    fn matches(&mut self, mechanism: &str, domain: &str, depth: usize) -> Result<bool, Wrong> {
        let at = mechanism.find([':', '/']).unwrap_or(mechanism.len());
        let (name, rest) = mechanism.split_at(at);
        let (target, prefix) = match rest.strip_prefix(':') {
            Some(rest) if !name.to_ascii_lowercase().starts_with("ip") => match rest.split_once('/') {
                Some((target, prefix)) => (Some(target), Some(prefix)),
                None => (Some(rest), None),
            },
            Some(rest) => (Some(rest), None),
            None => (None, rest.strip_prefix('/')),
        };
        let lengths = |prefix: Option<&str>| -> Result<(u8, u8), Wrong> {
            let Some(prefix) = prefix else { return Ok((32, 128)) };
            let (four, six) = prefix.split_once("//").or_else(|| prefix.strip_prefix('/').map(|six| ("32", six))).unwrap_or((prefix, "128"));
            Ok((four.parse().map_err(|_| Wrong)?, six.parse().map_err(|_| Wrong)?))
        };
        match name.to_ascii_lowercase().as_str() {
            "all" => Ok(true),
            "include" => {
                self.count()?;
                let to = self.expanded(target.ok_or(Wrong)?, domain)?;
                match self.host(&normalized(&to), depth + 1)? {
                    Outcome::Pass => Ok(true),
                    Outcome::None => Err(Wrong),
                    _ => Ok(false),
                }
            }
            "ip4" | "ip6" => {
                let text = target.ok_or(Wrong)?;
                let (address, length) = match text.split_once('/') {
                    Some((address, length)) => (address, Some(length.parse().map_err(|_| Wrong)?)),
                    None => (text, None),
                };
                let network: IpAddr = address.parse().map_err(|_| Wrong)?;
                Ok(is_in(self.sender.ip, network, length.unwrap_or(if network.is_ipv4() { 32 } else { 128 })))
            }
            "a" => {
                self.count()?;
                let host = self.expanded(target.unwrap_or(domain), domain)?;
                let lengths = lengths(prefix)?;
                Ok(self.has_address(&host, lengths))
            }
            "mx" => {
                self.count()?;
                let host = self.expanded(target.unwrap_or(domain), domain)?;
                let lengths = lengths(prefix)?;
                let servers = self.resolver.resolved(&host).into_iter();
                let mut servers = servers.filter_map(|data| if let Data::Mx { host, .. } = data { Some(host) } else { None }).take(LOOKUPS);
                Ok(servers.any(|server| self.has_address(&server, lengths)))
            }
            "exists" => {
                self.count()?;
                let host = self.expanded(target.ok_or(Wrong)?, domain)?;
                Ok(self.resolver.resolved(&host).iter().any(|data| matches!(data, Data::A(_))))
            }
            // Nobody should publish it, and nothing here knows names of addresses.
            "ptr" => self.count().map(|()| false),
            _ => Err(Wrong),
        }
    }

    fn has_address(&self, host: &str, (four, six): (u8, u8)) -> bool {
        self.resolver.resolved(host).into_iter().any(|data| match data {
            Data::A(address) => is_in(self.sender.ip, address.into(), four),
            Data::Aaaa(address) => is_in(self.sender.ip, address.into(), six),
            _ => false,
        })
    }

    /// <https://www.rfc-editor.org/rfc/rfc7208#section-7>
    fn expanded(&self, text: &str, domain: &str) -> Result<String, Wrong> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            out.push_str(before);
            let mut letters = after.chars();
            match letters.next() {
                Some('%') => out.push('%'),
                Some('_') => out.push(' '),
                Some('-') => out.push_str("%20"),
                Some('{') => {
                    let (of_macro, after) = letters.as_str().split_once('}').ok_or(Wrong)?;
                    out.push_str(&self.value(of_macro, domain)?);
                    rest = after;
                    continue;
                }
                _ => return Err(Wrong),
            }
            rest = letters.as_str();
        }
        out.push_str(rest);
        if out.len() > 253 { Err(Wrong) } else { Ok(out) }
    }

    fn value(&self, of_macro: &str, domain: &str) -> Result<String, Wrong> {
        let mut letters = of_macro.chars();
        let kind = letters.next().ok_or(Wrong)?;
        let (local, sender_domain) = self.sender.address.rsplit_once('@').unwrap_or(("postmaster", self.sender.helo));
        let value = match kind.to_ascii_lowercase() {
            's' => format!("{local}@{sender_domain}"),
            'l' => local.to_owned(),
            'o' => sender_domain.to_owned(),
            'd' => domain.to_owned(),
            'i' => match self.sender.ip {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => address.octets().iter().map(|byte| format!("{:x}.{:x}", byte >> 4, byte & 15)).collect::<Vec<_>>().join("."),
            },
            'h' => self.sender.helo.to_owned(),
            'v' => if self.sender.ip.is_ipv4() { "in-addr" } else { "ip6" }.to_owned(),
            'p' => "unknown".to_owned(),
            _ => return Err(Wrong),
        };
        let rest = letters.as_str();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let rest = rest.get(digits.len()..).unwrap_or_default();
        let reversed = rest.starts_with(['r', 'R']);
        let delimiters = if reversed { rest.get(1..).unwrap_or_default() } else { rest };
        let is_delimiter = |c: char| if delimiters.is_empty() { c == '.' } else { delimiters.contains(c) };
        let mut parts: Vec<&str> = value.split(is_delimiter).collect();
        if reversed {
            parts.reverse();
        }
        if !digits.is_empty() {
            let keep: usize = digits.parse().map_err(|_| Wrong)?;
            if keep == 0 {
                return Err(Wrong);
            }
            parts.drain(..parts.len().saturating_sub(keep));
        }
        Ok(parts.join("."))
    }
}

/// Whether an address is in a network.
pub fn is_in(address: IpAddr, network: IpAddr, length: u8) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let address = match address {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
        four => four,
    };
    let ((one, size), (other, other_size)) = (bits(address), bits(network));
    if size != other_size || length > size {
        return false;
    }
    length == 0 || (one ^ other) >> (128 - u32::from(length)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone;

    struct Zone(Vec<zone::Record>);

    impl Resolver for Zone {
        fn records(&self, name: &str) -> Vec<Data> {
            self.0.iter().filter(|record| record.name == name).map(|record| record.data.clone()).collect()
        }
    }

    #[test]
    fn records_decide() {
        let zone = Zone(
            zone::parse(
                "a.com TXT \"v=spf1 ip4:192.0.2.0/24 mx a:h.com/30 include:b.com ?exists:%{l}.e.com ~all\"\na.com MX 1 m.a.com\nm.a.com A 198.51.100.1\n\
                 h.com A 203.0.113.4\nb.com TXT \"v=spf1 ip6:2001:db8::/32 -all\"\nann.e.com A 127.0.0.2\nr.com TXT \"v=spf1 redirect=b.com\"\n\
                 w.com TXT \"v=spf1 what:x\"\nl.com TXT \"v=spf1 include:l.com -all\"\ntwo.com TXT \"v=spf1 -all\"\ntwo.com TXT \"v=spf1 +all\"",
            )
            .unwrap(),
        );
        for (ip, address, outcome) in [
            ("192.0.2.7", "x@a.com", Outcome::Pass),
            ("198.51.100.1", "x@a.com", Outcome::Pass),
            ("203.0.113.7", "x@a.com", Outcome::Pass),
            ("203.0.113.8", "x@a.com", Outcome::SoftFail),
            ("2001:db8::1", "x@a.com", Outcome::Pass),
            ("9.9.9.9", "ann@a.com", Outcome::Neutral),
            ("9.9.9.9", "x@r.com", Outcome::Fail),
            ("9.9.9.9", "x@none.com", Outcome::None),
            ("9.9.9.9", "x@w.com", Outcome::Permanent),
            ("9.9.9.9", "x@l.com", Outcome::Permanent),
            ("9.9.9.9", "x@two.com", Outcome::Permanent),
        ] {
            let sender = Sender { ip: ip.parse().unwrap(), address, helo: "h" };
            assert_eq!(check(&sender, &zone), outcome, "{ip} {address}");
        }
    }

    #[test]
    fn networks_hold_their_addresses() {
        let is_in = |address: &str, network: &str, length| super::is_in(address.parse().unwrap(), network.parse().unwrap(), length);
        assert!(is_in("10.1.2.3", "10.0.0.0", 8) && is_in("1.2.3.4", "0.0.0.0", 0) && is_in("::ffff:10.0.0.1", "10.0.0.1", 32));
        assert!(!is_in("11.1.2.3", "10.0.0.0", 8) && !is_in("::1", "0.0.0.0", 0) && !is_in("10.0.0.1", "10.0.0.1", 33));
    }
}
