//! Instants, and the three ways AWS writes them.
//! <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#timestampformat-trait>

use jiff::{civil::Weekday, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampFormat {
    /// `2026-11-24T09:30:00Z`, with milliseconds when there are any.
    #[default]
    DateTime,
    /// `Tue, 24 Nov 2026 09:30:00 GMT`
    HttpDate,
    /// `1795512600.5`
    EpochSeconds,
}

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    pub const fn from_secs(secs: i64) -> Timestamp {
        Timestamp(secs.saturating_mul(1000))
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(millis))
    }

    #[must_use]
    pub const fn plus_secs(self, secs: i64) -> Timestamp {
        self.plus_millis(secs.saturating_mul(1000))
    }

    /// Whole seconds only: how S3 keeps `Last-Modified`.
    #[must_use]
    pub const fn whole_secs(self) -> Timestamp {
        Timestamp::from_secs(self.secs())
    }

    fn civil(self) -> jiff::civil::DateTime {
        let instant = jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX });
        TimeZone::UTC.to_datetime(instant)
    }

    pub fn write(self, format: TimestampFormat, out: &mut String) {
        // Writing into a String cannot fail.
        let _ = match format {
            TimestampFormat::DateTime => {
                self.civil_with(["-", "-", "T", ":", ":", ""], out);
                match self.0.rem_euclid(1000) {
                    0 => write!(out, "Z"),
                    millis => write!(out, ".{millis:03}Z"),
                }
            }
            TimestampFormat::HttpDate => {
                let t = self.civil();
                let day = match t.weekday() {
                    Weekday::Monday => "Mon",
                    Weekday::Tuesday => "Tue",
                    Weekday::Wednesday => "Wed",
                    Weekday::Thursday => "Thu",
                    Weekday::Friday => "Fri",
                    Weekday::Saturday => "Sat",
                    Weekday::Sunday => "Sun",
                };
                let month = MONTHS.get(usize::from(t.month().unsigned_abs()).saturating_sub(1)).copied().unwrap_or("Jan");
                out.extend([day, ", "]);
                two(t.day(), out);
                out.extend([" ", month, " "]);
                four(t.year(), out);
                for (before, number) in [(' ', t.hour()), (':', t.minute()), (':', t.second())] {
                    out.push(before);
                    two(number, out);
                }
                out.push_str(" GMT");
                Ok(())
            }
            TimestampFormat::EpochSeconds => match self.0.rem_euclid(1000) {
                0 => write!(out, "{}", self.secs()),
                _ => write!(out, "{}", self.0 as f64 / 1000.0),
            },
        };
    }

    pub fn text(self, format: TimestampFormat) -> String {
        let mut out = String::with_capacity(32);
        self.write(format, &mut out);
        out
    }

    /// `2026-11-24T09:30:00.000Z`: a date-time whose milliseconds are written though there are none, as notices of AWS have it.
    pub fn with_millis(self) -> String {
        let mut text = self.text(TimestampFormat::DateTime);
        if self.0.rem_euclid(1000) == 0 {
            text.truncate(text.len().saturating_sub(1));
            text.push_str(".000Z");
        }
        text
    }

    /// `20261124T093000Z`: how signatures write it.
    pub fn basic(self) -> String {
        let t = self.civil();
        let mut text = *b"00000000T000000Z";
        // No signature is older than the common era.
        let year = t.year().unsigned_abs();
        let pairs = [
            (0, u8::try_from(year / 100).unwrap_or_default()),
            (2, u8::try_from(year % 100).unwrap_or_default()),
            (4, t.month().unsigned_abs()),
            (6, t.day().unsigned_abs()),
            (9, t.hour().unsigned_abs()),
            (11, t.minute().unsigned_abs()),
            (13, t.second().unsigned_abs()),
        ];
        for (at, number) in pairs {
            if let Some([tens, ones]) = text.get_mut(at..at + 2) {
                (*tens, *ones) = (b'0' + number / 10 % 10, b'0' + number % 10);
            }
        }
        str::from_utf8(&text).unwrap_or_default().to_owned()
    }

    /// Reads `20261124T093000Z`.
    pub fn parse_basic(text: &str) -> Option<Timestamp> {
        let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
        let number = |at: std::ops::Range<usize>| {
            let digits = bytes.get(at)?;
            digits.iter().try_fold(0i16, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0')))
        };
        let small = |at| number(at).and_then(|number| i8::try_from(number).ok());
        let [.., b'Z'] = bytes else { return None };
        let civil = jiff::civil::DateTime::new(number(0..4)?, small(4..6)?, small(6..8)?, small(9..11)?, small(11..13)?, small(13..15)?, 0).ok()?;
        let instant = TimeZone::UTC.to_timestamp(civil).ok()?;
        (bytes.get(8) == Some(&b'T')).then(|| Timestamp(instant.as_millisecond()))
    }

    /// Year to second, each followed by the separator before the next.
    fn civil_with(self, between: [&str; 6], out: &mut String) {
        let t = self.civil();
        let [year, month, day, hour, minute, second] = between;
        four(t.year(), out);
        out.push_str(year);
        for (number, after) in [(t.month(), month), (t.day(), day), (t.hour(), hour), (t.minute(), minute), (t.second(), second)] {
            two(number, out);
            out.push_str(after);
        }
    }

    /// Reads one format, and no other.
    pub fn parse(text: &str, format: TimestampFormat) -> Option<Timestamp> {
        match format {
            TimestampFormat::DateTime => parse_date_time(text),
            TimestampFormat::HttpDate => parse_http_date(text),
            TimestampFormat::EpochSeconds => text.parse().ok().and_then(Timestamp::from_epoch),
        }
    }

    /// Seconds with a fraction, if they are a sane instant (years -9999 to 9999).
    pub fn from_epoch(seconds: f64) -> Option<Timestamp> {
        (seconds.is_finite() && seconds.abs() < 253_402_300_800.0).then(|| Timestamp((seconds * 1000.0).round() as i64))
    }

    /// Reads whichever of the three formats the text has: services are lenient about it where the model is vague.
    pub fn parse_any(text: &str) -> Option<Timestamp> {
        let text = text.trim();
        TimestampFormat::ALL.into_iter().find_map(|format| Timestamp::parse(text, format))
    }
}

impl TimestampFormat {
    const ALL: [TimestampFormat; 3] = [TimestampFormat::DateTime, TimestampFormat::EpochSeconds, TimestampFormat::HttpDate];
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `07`. Without the formatting machinery: every answer holds a date or three.
fn two(number: i8, out: &mut String) {
    let number = number.unsigned_abs();
    out.extend([char::from(b'0' + number / 10 % 10), char::from(b'0' + number % 10)]);
}

fn four(year: i16, out: &mut String) {
    if year < 0 {
        out.push('-');
    }
    let year = year.unsigned_abs();
    for place in [1000, 100, 10, 1] {
        out.extend(char::from_digit(u32::from(year / place % 10), 10));
    }
}

fn parse_date_time(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(instant.as_millisecond()));
    }
    // A date or a date-time without an offset is UTC.
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(Timestamp(TimeZone::UTC.to_timestamp(civil).ok()?.as_millisecond()))
}

fn parse_http_date(text: &str) -> Option<Timestamp> {
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let day: i8 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|m| *m == name)?;
    let year: i16 = words.next()?.parse().ok()?;
    let (clock, zone) = (words.next()?, words.next()?);
    if zone != "GMT" || words.next().is_some() {
        return None;
    }
    let mut parts = clock.split(':');
    let hour: i8 = parts.next()?.parse().ok()?;
    let minute: i8 = parts.next()?.parse().ok()?;
    let (second, fraction) = match parts.next()?.split_once('.') {
        Some((second, fraction)) => (second.to_owned(), format!("0.{fraction}").parse::<f64>().ok()?),
        None => (String::new(), 0.0),
    };
    let second: i8 = if second.is_empty() { clock.rsplit(':').next()?.parse().ok()? } else { second.parse().ok()? };
    let civil = jiff::civil::DateTime::new(year, i8::try_from(month).ok()? + 1, day, hour, minute, second, 0).ok()?;
    let whole = TimeZone::UTC.to_timestamp(civil).ok()?.as_millisecond();
    Some(Timestamp(whole + (fraction * 1000.0).round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_reads_what_it_writes() {
        let t = Timestamp(1_795_512_600_500);
        assert_eq!(t.text(TimestampFormat::DateTime), "2026-11-24T09:30:00.500Z");
        assert_eq!(t.text(TimestampFormat::HttpDate), "Tue, 24 Nov 2026 09:30:00 GMT");
        assert_eq!(t.text(TimestampFormat::EpochSeconds), "1795512600.5");
        assert_eq!(t.basic(), "20261124T093000Z");
        assert_eq!(t.whole_secs().with_millis(), "2026-11-24T09:30:00.000Z");
        assert_eq!(Timestamp(t.whole_secs().0 + 7).with_millis(), "2026-11-24T09:30:00.007Z");
        assert_eq!(Timestamp::parse_basic(&t.basic()), Some(t.whole_secs()));
        for format in TimestampFormat::ALL {
            let whole = t.whole_secs();
            assert_eq!(Timestamp::parse(&whole.text(format), format), Some(whole));
        }
    }

    #[test]
    fn offsets_and_fractions_are_understood() {
        assert_eq!(Timestamp::parse_any("2014-04-29T18:30:38+00:00"), Some(Timestamp(1_398_796_238_000)));
        assert_eq!(Timestamp::parse_any("Sun, 02 Jan 2000 20:34:56.456 GMT"), Some(Timestamp(946_845_296_456)));
        assert_eq!(Timestamp::parse_any("1422172800"), Some(Timestamp(1_422_172_800_000)));
        assert_eq!(Timestamp::parse_any("2026-11-24"), Some(Timestamp(1_795_478_400_000)));
    }

    #[test]
    fn nonsense_is_no_timestamp() {
        for text in ["", "soon", "NaN", "inf", "1e400", "2026-13-01T00:00:00Z", "Tue, 31 Feb 2026 00:00:00 GMT"] {
            assert_eq!(Timestamp::parse_any(text), None, "{text}");
        }
        for text in ["20261124T093000", "20261324T093000Z", "20261124 093000Z", "2026-124T09300Z0", "202611é4T09300Z"] {
            assert_eq!(Timestamp::parse_basic(text), None, "{text}");
        }
    }
}
