//! Parsing of condition values: numbers, dates, networks.

use std::net::IpAddr;

/// A decimal number without unit.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    if plain { text.parse().ok() } else { None }
}

pub(crate) fn truth(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Milliseconds since the epoch, from epoch seconds or one of the W3C's forms of ISO 8601 (`2026-11`, `2026-11-24T09:30Z`).
/// As lenient as IAM is when it stores a policy: day 31 of any month, `t` for `T`, a time that stops after the hour.
pub(crate) fn instant(text: &str) -> Option<i64> {
    if !text.contains(['-', 't', 'T']) {
        return text.parse::<i64>().ok().filter(|seconds| *seconds >= 0).map(|seconds| seconds.saturating_mul(1000));
    }
    let (date, time) = text.split_once(['t', 'T']).unwrap_or((text, ""));
    let (sign, date) = date.strip_prefix('-').map_or((1, date), |date| (-1, date));
    let mut parts = date.split('-');
    let year = sign * digits(parts.next()?, 1..=9)?;
    let month = part(parts.next(), 1, 1, 12)?;
    let day = part(parts.next(), 1, 1, 31)?;
    if parts.next().is_some() || !(-292_275_054..=292_278_993).contains(&year) {
        return None;
    }
    let millis = i128::from(days(year, month, day)) * 86_400_000 + i128::from(time_of_day(time)?);
    Some(i64::try_from(millis).unwrap_or(if millis < 0 { i64::MIN } else { i64::MAX }))
}

/// Milliseconds since midnight UTC; `h:m:s.f` and an offset, all of which may be missing.
fn time_of_day(text: &str) -> Option<i64> {
    let (clock, offset) = match text.find(['z', 'Z', '+', '-']) {
        Some(at) => text.split_at_checked(at)?,
        None => (text, ""),
    };
    let offset = match offset {
        "" | "z" | "Z" => 0,
        _ => {
            let (hours, minutes) = offset.get(1..)?.split_once(':').unwrap_or((offset.get(1..)?, "00"));
            let minutes = bounded(digits(hours, 2..=2)?, 0, 23)? * 60 + bounded(digits(minutes, 2..=2)?, 0, 59)?;
            if offset.starts_with('-') { -minutes } else { minutes }
        }
    };
    if clock.is_empty() {
        return Some(-offset * 60_000);
    }
    let mut parts = clock.split(':');
    let hours = part(parts.next(), 0, 0, 23)?;
    let minutes = part(parts.next(), 0, 0, 59)?;
    let seconds = parts.next().unwrap_or("0");
    if parts.next().is_some() {
        return None;
    }
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let seconds = bounded(digits(seconds, 1..=2)?, 0, 59)?;
    digits(fraction, 1..=9)?;
    let millis = digits(format!("{fraction:0<3}").get(..3)?, 3..=3)?;
    Some(((hours * 60 + minutes - offset) * 60 + seconds) * 1000 + millis)
}

fn part(text: Option<&str>, default: i64, least: i64, most: i64) -> Option<i64> {
    text.map_or(Some(default), |text| bounded(digits(text, 1..=2)?, least, most))
}

fn bounded(value: i64, least: i64, most: i64) -> Option<i64> {
    (least..=most).contains(&value).then_some(value)
}

fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<i64> {
    (lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, with March as the first month of a year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day - 719_469
}

/// `203.0.113.0/24`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Network {
    base: u128,
    mask: u128,
    v4: bool,
}

impl Network {
    pub fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let (base, v4, width) = number_of(address)?;
        let bits = match bits {
            Some(bits) => u32::try_from(digits(bits, 1..=3)?).ok().filter(|bits| *bits <= width)?,
            None => width,
        };
        let mask = if bits == 0 { 0 } else { u128::MAX << (width - bits) };
        Some(Network { base: base & mask, mask, v4 })
    }

    pub fn contains(&self, address: &str) -> bool {
        number_of(address).is_some_and(|(number, v4, _)| v4 == self.v4 && number & self.mask == self.base)
    }
}

fn number_of(address: &str) -> Option<(u128, bool, u32)> {
    match address.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(address) => Some((u128::from(address.to_bits()), true, 32)),
        IpAddr::V6(address) => Some((address.to_bits(), false, 128)),
    }
}

#[cfg(test)]
mod tests;
