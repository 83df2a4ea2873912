//! Durations and dates of `aws:sleep`, and the dates of system variables.

use cloudlet_asl::time;

/// AWS: seven days less a second.
pub const LONGEST_SLEEP: i64 = 604_799_000;

/// The milliseconds of an ISO 8601 duration: `PT10M`, `P1DT2H`, `P1W`. Months and years have no fixed length and are refused.
pub fn duration(text: &str) -> Option<i64> {
    let rest = text.strip_prefix('P')?;
    let (date, clock) = rest.split_once('T').map_or((rest, None), |(date, clock)| (date, Some(clock)));
    if date.is_empty() && clock.is_none_or(str::is_empty) || clock == Some("") {
        return None;
    }
    let days = parts(date, &[('W', 7 * 86_400_000), ('D', 86_400_000)])?;
    let clock = parts(clock.unwrap_or_default(), &[('H', 3_600_000), ('M', 60_000), ('S', 1_000)])?;
    days.checked_add(clock)
}

/// Numbers with their units, the units in this order.
fn parts(text: &str, units: &[(char, i64)]) -> Option<i64> {
    let (mut rest, mut units, mut total) = (text, units.iter(), 0_i64);
    while !rest.is_empty() {
        let at = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at_checked(at)?;
        let unit = after.chars().next()?;
        let (_, millis) = units.by_ref().find(|(known, _)| *known == unit)?;
        let amount = match number.split_once('.') {
            None => number.parse::<i64>().ok()?.checked_mul(*millis)?,
            // Fractions are those of seconds.
            Some((whole, fraction)) if unit == 'S' && (1..=9).contains(&fraction.len()) => {
                let fraction = fraction.get(..3.min(fraction.len()))?;
                let scale = 10_i64.pow(3 - u32::try_from(fraction.len()).ok()?);
                whole.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(fraction.parse::<i64>().ok()? * scale)?
            }
            Some(_) => return None,
        };
        total = total.checked_add(amount)?;
        rest = after.get(unit.len_utf8()..)?;
    }
    Some(total)
}

/// The instant of a timestamp; one without a zone is in UTC.
pub fn instant(text: &str) -> Option<i64> {
    time::parse(text).or_else(|| time::parse(&format!("{text}Z")))
}

/// `2026-11-29` of `global:DATE`.
pub fn date(now: i64) -> String {
    time::instant(now).get(..10).unwrap_or_default().to_owned()
}

/// `2026-11-29_14.05.00` of `global:DATE_TIME`.
pub fn date_time(now: i64) -> String {
    let text = time::instant(now);
    let clock = text.get(11..19).unwrap_or_default().replace(':', ".");
    format!("{}_{clock}", text.get(..10).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_iso_8601() {
        assert_eq!(duration("PT10M"), Some(600_000));
        assert_eq!(duration("P1DT2H3M4.5S"), Some(86_400_000 + 7_200_000 + 180_000 + 4_500));
        assert_eq!(duration("P1W"), Some(604_800_000));
        for wrong in ["", "P", "PT", "10M", "P1Y", "PT1S1M", "-PT1S", "PT-1S", "P1DT", "PT1.5M", "PT99999999999999999999S"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn dates_of_system_variables() {
        let now = instant("2026-11-29T14:05:00Z").unwrap();
        assert_eq!((date(now), date_time(now)), ("2026-11-29".to_owned(), "2026-11-29_14.05.00".to_owned()));
        assert_eq!(instant("2026-11-29T14:05:00"), Some(now));
    }
}
