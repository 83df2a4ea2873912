//! The dates of signed headers as S3 reads them: the basic form of ISO 8601 and the three of HTTP, each number and zone leniently.
//! AWS: measured on S3 in September 2026 (<https://github.com/brekkylab/backlot>).

use crate::faults;
use cloudlet_aws::{Fault, Timestamp};

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS: [&str; 12] = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];

/// Minutes east of UTC.
const ZONES: [(&str, i64); 46] = [
    ("gmt", 0),
    ("utc", 0),
    ("wet", 0),
    ("west", 60),
    ("bst", 60),
    ("cet", 60),
    ("wat", 60),
    ("cest", 120),
    ("eet", 120),
    ("sast", 120),
    ("cat", 120),
    ("ist", 120),
    ("eest", 180),
    ("msk", 180),
    ("eat", 180),
    ("pkt", 300),
    ("wib", 420),
    ("hkt", 480),
    ("awst", 480),
    ("jst", 540),
    ("kst", 540),
    ("wit", 540),
    ("acst", 570),
    ("acdt", 570),
    ("aest", 600),
    ("chst", 600),
    ("aedt", 660),
    ("nzst", 720),
    ("nzdt", 780),
    ("sst", -660),
    ("hst", -600),
    ("hdt", -600),
    ("akst", -540),
    ("akdt", -480),
    ("pst", -480),
    ("pdt", -420),
    ("mst", -420),
    ("mdt", -360),
    ("cst", -360),
    ("cdt", -300),
    ("est", -300),
    ("edt", -240),
    ("ast", -240),
    ("adt", -180),
    ("nst", -210),
    ("ndt", -150),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Weekday,
    Month,
    Day,
    Year,
    /// Two digits, of the century around now.
    ShortYear,
    Hour,
    Minute,
    Second,
    Zone,
    Text(&'static str),
}

use Part::{Day, Hour, Minute, Month, Second, ShortYear, Text, Weekday, Year, Zone};

/// RFC 1123, RFC 850, and that of C's `asctime`.
const FORMS: [&[Part]; 3] = [
    &[Weekday, Text(", "), Day, Text(" "), Month, Text(" "), Year, Text(" "), Hour, Text(":"), Minute, Text(":"), Second, Text(" "), Zone],
    &[Weekday, Text(", "), Day, Text("-"), Month, Text("-"), ShortYear, Text(" "), Hour, Text(":"), Minute, Text(":"), Second, Text(" "), Zone],
    &[Weekday, Text(" "), Month, Text(" "), Day, Text(" "), Hour, Text(":"), Minute, Text(":"), Second, Text(" "), Year],
];

/// The numbers of a date. Each may exceed its range: second 60 is the next minute.
#[derive(Default)]
struct Fields {
    year: i64,
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    zone: i64,
}

/// `Err`: no date, or one that S3 cannot handle.
pub(crate) fn read(text: &str) -> Result<Timestamp, Fault> {
    if let Some(time) = Timestamp::parse_basic(text) {
        return if time.millis() < 0 { Err(faults::no_date_at_s3()) } else { Ok(time) };
    }
    let fields = FORMS.iter().find_map(|form| fields(text, form)).ok_or_else(faults::no_date_at_s3)?;
    fields.moment()
}

impl Fields {
    fn moment(&self) -> Result<Timestamp, Fault> {
        // AWS: 500 for a year past 9999.
        let too_late = || Fault::internal("a date past the year 9999");
        if self.year > 9999 {
            return Err(too_late());
        }
        let first = Timestamp::parse_basic(&format!("{:04}{:02}01T000000Z", self.year, self.month)).ok_or_else(faults::no_date_at_s3)?;
        let minutes = self.hour.saturating_mul(60).saturating_add(self.minute).saturating_sub(self.zone);
        let days = self.day.saturating_sub(1).saturating_mul(86_400);
        let time = first.plus_secs(days.saturating_add(minutes.saturating_mul(60)).saturating_add(self.second));
        match time.millis() {
            ..0 => Err(faults::no_date_at_s3()),
            0..253_402_300_800_000 => Ok(time),
            _ => Err(too_late()),
        }
    }
}

fn fields(text: &str, form: &[Part]) -> Option<Fields> {
    let mut fields = Fields::default();
    let mut rest = text;
    for part in form {
        match part {
            Text(separator) => rest = rest.strip_prefix(separator)?,
            Weekday => rest = name(rest, &WEEKDAYS)?.1,
            Month => {
                let (index, after) = name(rest, &MONTHS)?;
                (fields.month, rest) = (index + 1, after);
            }
            Zone => {
                fields.zone = zone(rest.trim_start_matches([' ', '\t']))?;
                rest = "";
            }
            number => {
                let digits = rest.trim_start_matches([' ', '\t']);
                let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
                let (digits, after) = digits.split_at_checked(end)?;
                let value: i64 = digits.parse().ok()?;
                rest = after;
                match number {
                    Year => fields.year = value,
                    ShortYear => fields.year = if digits.len() == 2 { value + if value < 46 { 2000 } else { 1900 } } else { value },
                    Day => fields.day = value,
                    Hour => fields.hour = value,
                    Minute => fields.minute = value,
                    _ => fields.second = value,
                }
            }
        }
    }
    rest.is_empty().then_some(fields)
}

/// The longest of the names, or of their first three letters, that the text begins with.
fn name<'a>(text: &'a str, names: &[&str]) -> Option<(usize, &'a str)> {
    let begins = |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let (length, index) = names
        .iter()
        .enumerate()
        .flat_map(|(index, name)| [(name.len(), index, *name), (3, index, name.get(..3).unwrap_or(name))])
        .filter(|(_, _, name)| begins(name))
        .map(|(length, index, _)| (length, index))
        .max()?;
    Some((index, text.get(length..)?))
}

/// `GMT`, `GMT+9:30`, `+0930`, or a name.
fn zone(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    if let Some((_, minutes)) = ZONES.iter().find(|(name, _)| *name == lower) {
        return Some(*minutes);
    }
    let (sign, hours, minutes) = match lower.strip_prefix("gmt") {
        Some(offset) => {
            let (sign, offset) = offset.split_at_checked(1)?;
            let (hours, minutes) = offset.split_once(':').filter(|(hours, _)| matches!(hours.len(), 1 | 2))?;
            (sign, hours, minutes)
        }
        None => {
            let (sign, offset) = lower.split_at_checked(1)?;
            let (hours, minutes) = offset.split_at_checked(2)?;
            (sign, hours, minutes)
        }
    };
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    let (hours, whole) = (number(hours).filter(|hours| *hours < 24)?, number(minutes).filter(|minutes| minutes < &60)?);
    let east = hours * 60 + whole;
    match sign {
        "+" if minutes.len() == 2 => Some(east),
        "-" if minutes.len() == 2 => Some(-east),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_s3_reads_them() {
        let nine_thirty = Timestamp::from_secs(1_795_512_600);
        for text in [
            "20261124T093000Z",
            "Tue, 24 Nov 2026 09:30:00 GMT",
            "tuesday, 24 november 2026 9:30:00 gmt",
            "Mon, 24 Nov 2026 09:30:00 UTC",
            "Tue,  24 Nov 2026 09:30:00  GMT",
            "Tue, 24 Nov 02026 09:29:60 +0000",
            "Tue, 24 Nov 2026 10:30:00 CET",
            "Tue, 24 Nov 2026 01:30:00 -0800",
            "Tue, 24 Nov 2026 19:00:00 GMT+9:30",
            "Tuesday, 24-Nov-26 09:30:00 GMT",
            "Tue Nov 24 09:30:00 2026",
            "Tue Nov  24 09:30:00  2026",
        ] {
            assert_eq!(read(text).unwrap(), nine_thirty, "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2026-11-24T09:30:00Z",
            "Tue,24 Nov 2026 09:30:00 GMT",
            "Tue, 24  Nov 2026 09:30:00 GMT",
            "Tue, 24 Nov 2026 09:30:00 GMT xyz",
            "Tue, 24 Nov 2026 09:30:00 Z",
            "Tue, 24 Nov 2026 09:30:00 +09:00",
            "Tue, 24 Nov 2026 09:30:00 GMT+0900",
            "Tue, 24 Nov 2026 09:30:00 +2400",
            "Tue Nov 24 09:30:00 2026 GMT",
            "Wed, 24 Dec 1969 09:30:00 GMT",
            "Tue, 24 Nov 2026 09:30:00 \u{e9}",
        ] {
            assert_eq!(read(text).unwrap_err().code(), "AccessDenied", "{text}");
        }
        assert_eq!(read("Tue, 24 Nov 12026 09:30:00 GMT").unwrap_err().status(), 500);
    }
}
