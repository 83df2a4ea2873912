//! When an action of a rule is due.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html#intro-lifecycle-rules-number-of-days>

use super::filter::{Subject, matches};
use crate::{
    api,
    state::{Lifecycle, Object},
};
use cloudlet_aws::{Timestamp, TimestampFormat};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub const DAY: i64 = 86_400;
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*');

/// Midnight UTC after a number of days.
pub fn after_days(start: Timestamp, days: i32) -> Timestamp {
    let end = start.secs().saturating_add(i64::from(days).saturating_mul(DAY));
    let whole = end.div_euclid(DAY) + i64::from(end.rem_euclid(DAY) > 0);
    Timestamp::from_secs(whole.saturating_mul(DAY))
}

/// The next midnight UTC: when lifecycle rules are applied.
pub fn next_midnight(now: Timestamp) -> Timestamp {
    Timestamp::from_secs((now.secs().div_euclid(DAY) + 1).saturating_mul(DAY))
}

/// When the current version of an object expires by a rule.
pub fn expires(rule: &api::LifecycleRule, created: Timestamp) -> Option<Timestamp> {
    let expiration = rule.expiration.as_ref()?;
    expiration.date.or_else(|| Some(after_days(created, expiration.days?)))
}

pub fn subject<'a>(key: &'a str, object: &'a Object) -> Subject<'a> {
    Subject { key, tags: object.tags(), size: object.size() }
}

/// When the current version of an object expires, and by which rule: the first of those that are due at the same time.
pub fn expiration<'a>(lifecycle: &'a Lifecycle, key: &str, object: &Object) -> Option<(Timestamp, &'a str)> {
    let rules = lifecycle.rules.iter().filter(|rule| matches(rule, subject(key, object)));
    let due = rules.filter_map(|rule| Some((expires(rule, object.last_modified)?, rule.id.as_deref().unwrap_or_default())));
    due.reduce(|first, next| if next.0 < first.0 { next } else { first })
}

/// `x-amz-expiration`
pub fn expiration_header(lifecycle: &Lifecycle, key: &str, object: &Object) -> Option<String> {
    let (due, id) = expiration(lifecycle, key, object)?;
    let date = due.text(TimestampFormat::HttpDate);
    let id = utf8_percent_encode(id, ESCAPED);
    Some(format!("expiry-date=\"{date}\", rule-id=\"{id}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text, TimestampFormat::DateTime).unwrap()
    }

    #[test]
    fn days_are_rounded_up_to_midnight() {
        // AWS's own example: three days after 15 January 10:30 is 19 January 00:00.
        assert_eq!(after_days(at("2014-01-15T10:30:00Z"), 3), at("2014-01-19T00:00:00Z"));
        assert_eq!(after_days(at("2014-01-15T00:00:00Z"), 3), at("2014-01-18T00:00:00Z"));
        assert_eq!(after_days(at("2014-01-15T10:30:00Z"), 0), at("2014-01-16T00:00:00Z"));
        assert_eq!(next_midnight(at("2014-01-15T00:00:00Z")), at("2014-01-16T00:00:00Z"));
    }
}
