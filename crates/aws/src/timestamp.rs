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
        let t = self.civil();
        // Writing into a String cannot fail.
        let _ = match format {
            TimestampFormat::DateTime => {
                let _ = write!(out, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", t.year(), t.month(), t.day(), t.hour(), t.minute(), t.second());
                match self.0.rem_euclid(1000) {
                    0 => write!(out, "Z"),
                    millis => write!(out, ".{millis:03}Z"),
                }
            }
            TimestampFormat::HttpDate => {
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
                write!(out, "{day}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT", t.day(), t.year(), t.hour(), t.minute(), t.second())
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

    /// `20261124T093000Z`: how signatures write it.
    pub fn basic(self) -> String {
        let t = self.civil();
        format!("{:04}{:02}{:02}T{:02}{:02}{:02}Z", t.year(), t.month(), t.day(), t.hour(), t.minute(), t.second())
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
    }
}
