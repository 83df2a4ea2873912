//! Dates as one message of S3 has them: `Tue Dec 31 16:00:00 PST 2019`, in the time of Los Angeles, wherever the bucket is (recorded).

use cloudlet_aws::{Timestamp, TimestampFormat};

const HOUR: i64 = 60 * 60;

pub fn text(at: Timestamp) -> String {
    let (offset, zone) = if is_summer(at) { (-7, "PDT") } else { (-8, "PST") };
    let local = at.plus_secs(offset * HOUR).whole_secs().text(TimestampFormat::HttpDate);
    // `Tue, 31 Dec 2019 16:00:00 GMT`
    let mut words = local.split([',', ' ']).filter(|word| !word.is_empty());
    let (day_name, day, month, year, time) = (words.next(), words.next(), words.next(), words.next(), words.next());
    [day_name, month, day, time, Some(zone), year].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// From the second Sunday of March to the first one of November, at two o'clock.
fn is_summer(at: Timestamp) -> bool {
    let date = at.text(TimestampFormat::DateTime);
    let year = date.get(..4).and_then(|year| year.parse::<i64>().ok()).unwrap_or_default();
    let begins = sunday(year, 3, 8).plus_secs(10 * HOUR);
    let ends = sunday(year, 11, 1).plus_secs(9 * HOUR);
    begins <= at && at < ends
}

/// The first Sunday on or after a day, at midnight UTC.
fn sunday(year: i64, month: u32, day: u32) -> Timestamp {
    let first = Timestamp::parse_any(&format!("{year:04}-{month:02}-{day:02}T00:00:00Z")).unwrap_or_default();
    // 1970 began on a Thursday.
    let days = first.secs().div_euclid(24 * HOUR);
    let weekday = (days + 4).rem_euclid(7);
    first.plus_secs((7 - weekday).rem_euclid(7) * 24 * HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_in_the_time_of_los_angeles() {
        let shown = |date: &str| text(Timestamp::parse_any(date).unwrap());
        assert_eq!(shown("2020-01-01T00:00:00Z"), "Tue Dec 31 16:00:00 PST 2019");
        assert_eq!(shown("2026-07-04T12:00:00Z"), "Sat Jul 04 05:00:00 PDT 2026");
        assert_eq!(shown("2026-03-08T09:59:59Z"), "Sun Mar 08 01:59:59 PST 2026");
        assert_eq!(shown("2026-03-08T10:00:00Z"), "Sun Mar 08 03:00:00 PDT 2026");
        assert_eq!(shown("2026-11-01T08:59:59Z"), "Sun Nov 01 01:59:59 PDT 2026");
        assert_eq!(shown("2026-11-01T09:00:00Z"), "Sun Nov 01 01:00:00 PST 2026");
    }
}
