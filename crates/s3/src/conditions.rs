//! Conditional requests: reads, the source of a copy, and writes.

use crate::{etags::unquoted, faults, state::Object};
use cloudlet_aws::{Fault, Timestamp};

/// Whether a list of entity tags (`"a", "b"`, or `*`) contains this one.
fn contains(list: &str, etag: &str) -> bool {
    list.split(',').any(|one| matches!(unquoted(one.trim().trim_start_matches("W/")), one if one == etag || one == "*"))
}

/// The conditions of a read.
#[derive(Clone, Copy, Default)]
pub struct ReadConditions<'a> {
    pub if_match: Option<&'a str>,
    pub if_none_match: Option<&'a str>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

/// Why a condition of a read does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionFailure {
    /// Answered with 412 and the name of the condition.
    Failed(&'static str),
    /// Answered with 304.
    NotModified(&'static str),
}

impl ReadConditions<'_> {
    pub fn is_empty(&self) -> bool {
        matches!(self, ReadConditions { if_match: None, if_none_match: None, if_modified_since: None, if_unmodified_since: None })
    }

    /// If-Match takes precedence over If-Unmodified-Since, and If-None-Match over If-Modified-Since.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax>
    pub fn check(&self, etag: &str, modified: Timestamp, now: Timestamp) -> Result<(), ConditionFailure> {
        match (self.if_match, self.if_unmodified_since) {
            (Some(list), _) if !contains(list, etag) => return Err(ConditionFailure::Failed("If-Match")),
            (None, Some(since)) if modified.secs() > since.secs() => return Err(ConditionFailure::Failed("If-Unmodified-Since")),
            _ => {}
        }
        match (self.if_none_match, self.if_modified_since) {
            (Some(list), _) if contains(list, etag) => Err(ConditionFailure::NotModified("If-None-Match")),
            // AWS: a date in the future is ignored (recorded).
            (None, Some(since)) if modified.secs() <= since.secs() && since <= now => Err(ConditionFailure::NotModified("If-Modified-Since")),
            _ => Ok(()),
        }
    }
}

/// The same conditions on the source of a copy. All of them fail with 412.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
pub fn check_source(conditions: ReadConditions<'_>, etag: &str, modified: Timestamp, now: Timestamp) -> Result<(), Fault> {
    conditions.check(etag, modified, now).map_err(|failure| {
        let (ConditionFailure::Failed(condition) | ConditionFailure::NotModified(condition)) = failure;
        faults::precondition_failed(&format!("x-amz-copy-source-{condition}"))
    })
}

/// The `If-Match` of a deletion: an entity tag, or `*` for any object.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html>
pub fn check_delete(key: &str, expected: &str, object: Option<&Object>) -> Result<(), Fault> {
    match (unquoted(expected), object) {
        (_, None) => Err(faults::no_such_key(key)),
        ("*", Some(_)) => Ok(()),
        (etag, Some(object)) if object.etag.is(etag) => Ok(()),
        (_, Some(_)) => Err(faults::precondition_failed("If-Match")),
    }
}

/// The condition of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteCondition {
    None,
    /// `If-None-Match: *`: only if no object has the key.
    Absent,
    /// `If-Match`: only if the current object has this entity tag.
    Match(String),
}

impl WriteCondition {
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
    pub fn of(if_match: Option<&str>, if_none_match: Option<&str>) -> Result<WriteCondition, Fault> {
        let refused = |header: &str| {
            Err(faults::not_implemented_because(header, format!("We don't accept the provided value of {header} header for this API")))
        };
        match (if_match, if_none_match) {
            (None, None) => Ok(WriteCondition::None),
            (Some(_), Some(_)) => {
                Err(faults::not_implemented_because("If-Match,If-None-Match", "Multiple conditional request headers present in the request"))
            }
            (Some("*"), None) => refused("If-Match"),
            (Some(etag), None) => Ok(WriteCondition::Match(unquoted(etag).to_owned())),
            (None, Some("*")) => Ok(WriteCondition::Absent),
            (None, Some(_)) => refused("If-None-Match"),
        }
    }

    pub fn is_none(&self) -> bool {
        *self == WriteCondition::None
    }

    /// Compares with the entity tag of the current object, if there is one.
    pub fn check(&self, key: &str, current: Option<&str>) -> Result<(), Fault> {
        match (self, current) {
            (WriteCondition::Absent, Some(_)) => Err(faults::precondition_failed("If-None-Match")),
            (WriteCondition::Match(_), None) => Err(faults::no_such_key(key)),
            (WriteCondition::Match(expected), Some(etag)) if expected != etag => Err(faults::precondition_failed("If-Match")),
            _ => Ok(()),
        }
    }

    /// The name of the header, for a fault.
    pub fn header(&self) -> &'static str {
        match self {
            WriteCondition::Match(_) => "If-Match",
            WriteCondition::Absent | WriteCondition::None => "If-None-Match",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(10_000_000);
    const MODIFIED: Timestamp = Timestamp(5_000_400);

    fn check(conditions: ReadConditions<'_>) -> Result<(), ConditionFailure> {
        conditions.check("abc", MODIFIED, NOW)
    }

    #[test]
    fn if_match_takes_precedence_over_if_unmodified_since() {
        let stale = Some(Timestamp(1_000_000));
        assert_eq!(check(ReadConditions { if_match: Some("\"abc\""), if_unmodified_since: stale, ..Default::default() }), Ok(()));
        assert_eq!(check(ReadConditions { if_unmodified_since: stale, ..Default::default() }), Err(ConditionFailure::Failed("If-Unmodified-Since")));
        assert_eq!(check(ReadConditions { if_match: Some("x"), ..Default::default() }), Err(ConditionFailure::Failed("If-Match")));
        assert_eq!(check(ReadConditions { if_match: Some("*"), ..Default::default() }), Ok(()));
    }

    #[test]
    fn if_none_match_takes_precedence_over_if_modified_since() {
        let since = Some(Timestamp(6_000_000));
        assert_eq!(check(ReadConditions { if_none_match: Some("other"), if_modified_since: since, ..Default::default() }), Ok(()));
        assert_eq!(
            check(ReadConditions { if_none_match: Some("\"x\", \"abc\""), ..Default::default() }),
            Err(ConditionFailure::NotModified("If-None-Match"))
        );
        assert_eq!(check(ReadConditions { if_modified_since: since, ..Default::default() }), Err(ConditionFailure::NotModified("If-Modified-Since")));
    }

    #[test]
    fn dates_are_compared_in_whole_seconds_and_future_dates_are_ignored() {
        let same = Some(Timestamp(5_000_000));
        assert_eq!(check(ReadConditions { if_unmodified_since: same, ..Default::default() }), Ok(()));
        assert_eq!(check(ReadConditions { if_modified_since: same, ..Default::default() }), Err(ConditionFailure::NotModified("If-Modified-Since")));
        assert_eq!(check(ReadConditions { if_modified_since: Some(Timestamp(11_000_000)), ..Default::default() }), Ok(()));
    }

    #[test]
    fn other_conditions_of_writes_are_not_implemented() {
        assert_eq!(WriteCondition::of(None, Some("*")).unwrap(), WriteCondition::Absent);
        assert_eq!(WriteCondition::of(Some("\"abc\""), None).unwrap(), WriteCondition::Match("abc".into()));
        for (if_match, if_none_match) in [(Some("*"), None), (None, Some("abc")), (Some("abc"), Some("*"))] {
            assert_eq!(WriteCondition::of(if_match, if_none_match).unwrap_err().status(), 501);
        }
    }

    #[test]
    fn a_write_condition_is_compared_with_the_current_object() {
        assert!(WriteCondition::Absent.check("k", None).is_ok());
        assert_eq!(WriteCondition::Absent.check("k", Some("abc")).unwrap_err().status(), 412);
        assert!(WriteCondition::Match("abc".into()).check("k", Some("abc")).is_ok());
        assert_eq!(WriteCondition::Match("abc".into()).check("k", Some("x")).unwrap_err().status(), 412);
        assert_eq!(WriteCondition::Match("abc".into()).check("k", None).unwrap_err().code(), "NoSuchKey");
    }
}
