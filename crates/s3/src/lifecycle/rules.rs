//! What is refused of lifecycle rules, and what is filled in.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>

use super::filter::{filter_text, has_sizes, has_tags, tags_of};
use crate::{api, faults, limits::MAX_LIFECYCLE_RULES};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_aws::{Fault, Timestamp, TimestampFormat};
use cloudlet_engine::Ids;
use std::collections::BTreeSet;

const DAY: i64 = 86_400;

fn argument(text: impl Into<String>, name: &str, value: impl ToString) -> Fault {
    faults::invalid_argument(text, name, &value.to_string())
}

/// The rules as they are stored.
pub fn checked(mut rules: Vec<api::LifecycleRule>, ids: &Ids) -> Result<Vec<api::LifecycleRule>, Fault> {
    if rules.is_empty() || rules.len() > MAX_LIFECYCLE_RULES {
        return Err(faults::malformed_xml());
    }
    let mut names = BTreeSet::new();
    for rule in &mut rules {
        check_filter(rule)?;
        check(rule)?;
        match rule.id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) if id.len() > 255 => return Err(argument("ID length should not exceed allowed limit of 255", "ID", id)),
            Some(id) if !names.insert(id.to_owned()) => {
                return Err(argument("Rule ID must be unique. Found same ID for more than one rule", "ID", id));
            }
            Some(_) => {}
            None => rule.id = Some(STANDARD.encode(ids.uuid())),
        }
    }
    Ok(rules)
}

fn check_filter(rule: &api::LifecycleRule) -> Result<(), Fault> {
    let malformed = || Err(faults::malformed_xml());
    if !matches!(rule.status.as_str(), "Enabled" | "Disabled") || rule.prefix.is_some() == rule.filter.is_some() {
        return malformed();
    }
    let Some(filter) = &rule.filter else { return check_prefix(rule.prefix.as_deref()) };
    let alone = [
        filter.prefix.is_some(),
        filter.tag.is_some(),
        filter.object_size_greater_than.is_some(),
        filter.object_size_less_than.is_some(),
        filter.and.is_some(),
    ];
    if alone.into_iter().filter(|present| *present).count() > 1 {
        return malformed();
    }
    let and = filter.and.as_ref();
    if and.is_some_and(|and| {
        and.prefix.is_none()
            && and.tags.as_ref().is_none_or(Vec::is_empty)
            && and.object_size_greater_than.is_none()
            && and.object_size_less_than.is_none()
    }) {
        return malformed();
    }
    check_prefix(filter.prefix.as_deref().or_else(|| and?.prefix.as_deref()))?;
    crate::tags::check_filter(tags_of(rule))?;
    let greater = filter.object_size_greater_than.or_else(|| and?.object_size_greater_than);
    let less = filter.object_size_less_than.or_else(|| and?.object_size_less_than);
    // AWS: unverified texts.
    for (name, size) in [("ObjectSizeGreaterThan", greater), ("ObjectSizeLessThan", less)] {
        if let Some(size) = size.filter(|size| *size < 0) {
            return Err(argument(format!("'{name}' must be a nonnegative integer"), name, size));
        }
    }
    match (greater, less) {
        (Some(greater), Some(less)) if less <= greater => {
            Err(faults::INVALID_REQUEST.says("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'"))
        }
        _ => Ok(()),
    }
}

fn check_prefix(prefix: Option<&str>) -> Result<(), Fault> {
    match prefix {
        Some(prefix) if prefix.len() > 1024 => Err(faults::INVALID_REQUEST.says("The maximum size of a prefix is 1024.")),
        _ => Ok(()),
    }
}

fn check(rule: &api::LifecycleRule) -> Result<(), Fault> {
    let filter = filter_text(rule);
    let transitions = rule.transitions.as_deref().unwrap_or_default();
    let noncurrent = rule.noncurrent_version_transitions.as_deref().unwrap_or_default();
    if rule.expiration.is_none()
        && transitions.is_empty()
        && noncurrent.is_empty()
        && rule.noncurrent_version_expiration.is_none()
        && rule.abort_incomplete_multipart_upload.is_none()
    {
        return Err(faults::INVALID_REQUEST.says("At least one action needs to be specified in a rule"));
    }
    if let Some(expiration) = &rule.expiration {
        check_expiration(rule, expiration)?;
    }
    check_transitions(rule, transitions, &filter)?;
    check_noncurrent(rule, noncurrent, &filter)?;
    match &rule.abort_incomplete_multipart_upload {
        None => Ok(()),
        Some(abort) => match abort.days_after_initiation {
            None => Err(faults::malformed_xml()),
            Some(days) if days <= 0 => {
                let text = "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer";
                Err(argument(text, "DaysAfterInitiation", days))
            }
            Some(_) if has_tags(rule) => Err(faults::INVALID_REQUEST.says("AbortIncompleteMultipartUpload cannot be specified with Tags.")),
            Some(_) if has_sizes(rule) => Err(faults::INVALID_REQUEST.says("AbortIncompleteMultipartUpload cannot be specified with ObjectSize.")),
            Some(_) => Ok(()),
        },
    }
}

fn check_date(date: Timestamp) -> Result<(), Fault> {
    if date.millis().rem_euclid(DAY * 1000) == 0 {
        return Ok(());
    }
    Err(argument("'Date' must be at midnight GMT", "Date", date.text(TimestampFormat::DateTime)))
}

fn check_expiration(rule: &api::LifecycleRule, expiration: &api::LifecycleExpiration) -> Result<(), Fault> {
    match (expiration.days, expiration.date, expiration.expired_object_delete_marker) {
        (Some(days), None, None) if days <= 0 => Err(argument("'Days' for Expiration action must be a positive integer", "Days", days)),
        (Some(_), None, None) => Ok(()),
        (None, Some(date), None) => check_date(date),
        (None, None, Some(_)) if has_tags(rule) => Err(faults::INVALID_REQUEST.says("ExpiredObjectDeleteMarker cannot be specified with Tags.")),
        (None, None, Some(_)) if has_sizes(rule) => {
            Err(faults::INVALID_REQUEST.says("ExpiredObjectDeleteMarker cannot be specified with ObjectSize."))
        }
        (None, None, Some(_)) => Ok(()),
        _ => Err(faults::malformed_xml()),
    }
}

/// The classes that a rule may move objects to, from the warmest: S3 moves them down only.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>
pub const CLASSES: [&str; 6] = ["STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"];

fn check_class(class: Option<&str>) -> Result<&str, Fault> {
    class.filter(|class| CLASSES.contains(class)).ok_or_else(faults::malformed_xml)
}

/// Objects stay this long before they can be moved to the class.
fn least_days(class: &str) -> i32 {
    if matches!(class, "STANDARD_IA" | "ONEZONE_IA") { 30 } else { 0 }
}

fn check_transitions(rule: &api::LifecycleRule, transitions: &[api::Transition], filter: &str) -> Result<(), Fault> {
    let mut classes = BTreeSet::new();
    let expiration = rule.expiration.as_ref();
    let (mut by_days, mut by_date) = (expiration.is_some_and(|it| it.days.is_some()), expiration.is_some_and(|it| it.date.is_some()));
    for transition in transitions {
        let class = check_class(transition.storage_class.as_deref())?;
        match (transition.days, transition.date) {
            (Some(days), None) if days < 0 => return Err(argument("'Days' for Transition action must be nonnegative", "Days", days)),
            (Some(days), None) if days < least_days(class) => {
                let least = least_days(class);
                let text = format!("'Days' in Transition action must be greater than or equal to {least} for storageClass '{class}'");
                return Err(argument(text, "Days", days));
            }
            (Some(_), None) => by_days = true,
            (None, Some(date)) => {
                check_date(date)?;
                by_date = true;
            }
            _ => return Err(faults::malformed_xml()),
        }
        if !classes.insert(class) {
            let text = format!("'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '{filter}'");
            return Err(faults::INVALID_REQUEST.says(text));
        }
    }
    if by_days && by_date {
        let text = format!("Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter '{filter}'");
        return Err(faults::INVALID_REQUEST.says(text));
    }
    let days: Vec<(i32, &str)> = transitions.iter().filter_map(|it| Some((it.days?, it.storage_class.as_deref()?))).collect();
    if let Some(expiration) = expiration.and_then(|expiration| expiration.days)
        && let Some((latest, _)) = days.iter().find(|(days, _)| *days >= expiration)
    {
        let text = format!("'Days' in the Expiration action for filter '{filter}' must be greater than 'Days' in the Transition action");
        return Err(argument(text, "Days", latest));
    }
    let dates = || transitions.iter().filter_map(|transition| transition.date);
    if let Some(expiration) = expiration.and_then(|expiration| expiration.date)
        && let Some(date) = dates().find(|date| *date >= expiration)
    {
        let text = format!("'Date' in the Expiration action for filter '{filter}' must be later than 'Date' in the Transition action");
        return Err(argument(text, "Date", date.text(TimestampFormat::DateTime)));
    }
    check_order(&days, filter, "Days", "Transition")
}

/// A colder class comes later; infrequent access lasts thirty days.
fn check_order(days: &[(i32, &str)], filter: &str, member: &str, action: &str) -> Result<(), Fault> {
    let rank = |class: &str| CLASSES.iter().position(|known| *known == class);
    for (early, warm) in days {
        for (late, cold) in days.iter().filter(|(_, cold)| rank(cold) > rank(warm)) {
            let least = early.saturating_add(least_days(warm));
            if *late < least || (*late <= *early && least_days(warm) == 0) {
                let text = format!(
                    "'{member}' in the '{cold}' {action} action for filter '{filter}' must be {} days more than '{member}' in the '{warm}' {action} action",
                    least_days(warm).max(1)
                );
                return Err(argument(text, member, late));
            }
        }
    }
    Ok(())
}

fn check_noncurrent(rule: &api::LifecycleRule, transitions: &[api::NoncurrentVersionTransition], filter: &str) -> Result<(), Fault> {
    let check_newer = |action: &str, newer: Option<i32>| match newer {
        Some(_) if rule.filter.is_none() => {
            Err(faults::INVALID_REQUEST.says(format!("NewerNoncurrentVersions for {action} action requires a Filter element.")))
        }
        Some(newer) if !(1..=100).contains(&newer) => {
            let text = format!("'NewerNoncurrentVersions' for {action} action must be an integer between 1 and 100");
            Err(argument(text, "NewerNoncurrentVersions", newer))
        }
        _ => Ok(()),
    };
    let mut classes = BTreeSet::new();
    for transition in transitions {
        let class = check_class(transition.storage_class.as_deref())?;
        let days = transition.noncurrent_days.ok_or_else(faults::malformed_xml)?;
        if days < 0 {
            return Err(argument("'NoncurrentDays' for NoncurrentVersionTransition action must be nonnegative", "NoncurrentDays", days));
        }
        if days < least_days(class) {
            let least = least_days(class);
            let text =
                format!("'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal to {least} for storageClass '{class}'");
            return Err(argument(text, "NoncurrentDays", days));
        }
        check_newer("NoncurrentVersionTransition", transition.newer_noncurrent_versions)?;
        if !classes.insert(class) {
            let text = format!("'StorageClass' must be different for 'NoncurrentVersionTransition' actions in same 'Rule' with filter '{filter}'");
            return Err(faults::INVALID_REQUEST.says(text));
        }
    }
    let days: Vec<(i32, &str)> = transitions.iter().filter_map(|it| Some((it.noncurrent_days?, it.storage_class.as_deref()?))).collect();
    if let Some(expiration) = &rule.noncurrent_version_expiration {
        let expires = expiration.noncurrent_days.ok_or_else(faults::malformed_xml)?;
        if expires <= 0 {
            let text = "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer";
            return Err(argument(text, "NoncurrentDays", expires));
        }
        check_newer("NoncurrentVersionExpiration", expiration.newer_noncurrent_versions)?;
        if let Some((latest, _)) = days.iter().find(|(days, _)| *days >= expires) {
            let text = format!(
                "'NoncurrentDays' in the NoncurrentVersionExpiration action for filter '{filter}' must be greater than 'NoncurrentDays' in the NoncurrentVersionTransition action"
            );
            return Err(argument(text, "NoncurrentDays", latest));
        }
    }
    check_order(&days, filter, "NoncurrentDays", "NoncurrentVersionTransition")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> api::LifecycleRule {
        api::LifecycleRule { status: "Enabled".into(), filter: Some(api::LifecycleRuleFilter::default()), ..Default::default() }
    }

    fn expiring(days: i32) -> api::LifecycleRule {
        let expiration = api::LifecycleExpiration { days: Some(days), ..Default::default() };
        api::LifecycleRule { expiration: Some(expiration), ..rule() }
    }

    fn moving(days: i32, class: &str) -> api::Transition {
        api::Transition { days: Some(days), storage_class: Some(class.into()), date: None }
    }

    fn refusal(rule: api::LifecycleRule) -> String {
        let fault = checked(vec![rule], &Ids::seeded(1)).unwrap_err();
        if fault.code() == "MalformedXML" { "MalformedXML".into() } else { fault.message().to_owned() }
    }

    #[test]
    fn rules_without_an_id_get_one() {
        let made = checked(vec![expiring(1), expiring(2)], &Ids::seeded(1)).unwrap();
        assert_eq!(made.iter().map(|rule| rule.id.as_ref().unwrap().len()).collect::<Vec<_>>(), [48, 48]);
        assert_ne!(made[0].id, made[1].id);
    }

    #[test]
    fn wrong_rules_are_refused_in_s3s_words() {
        assert_eq!(refusal(api::LifecycleRule { filter: None, ..expiring(1) }), "MalformedXML");
        assert_eq!(refusal(api::LifecycleRule { prefix: Some(String::new()), ..expiring(1) }), "MalformedXML");
        assert_eq!(refusal(rule()), "At least one action needs to be specified in a rule");
        assert_eq!(refusal(expiring(0)), "'Days' for Expiration action must be a positive integer");
        let both = api::LifecycleExpiration { days: Some(1), expired_object_delete_marker: Some(true), date: None };
        assert_eq!(refusal(api::LifecycleRule { expiration: Some(both), ..rule() }), "MalformedXML");
        let noon = api::LifecycleExpiration { date: Some(Timestamp::from_secs(1_800_000_001)), ..Default::default() };
        assert_eq!(refusal(api::LifecycleRule { expiration: Some(noon), ..rule() }), "'Date' must be at midnight GMT");
        let with = |transitions: Vec<api::Transition>| api::LifecycleRule { transitions: Some(transitions), ..expiring(90) };
        assert_eq!(
            refusal(with(vec![moving(29, "STANDARD_IA")])),
            "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'"
        );
        assert_eq!(
            refusal(with(vec![moving(90, "GLACIER")])),
            "'Days' in the Expiration action for filter '(prefix=)' must be greater than 'Days' in the Transition action"
        );
        assert_eq!(
            refusal(with(vec![moving(30, "STANDARD_IA"), moving(40, "GLACIER")])),
            "'Days' in the 'GLACIER' Transition action for filter '(prefix=)' must be 30 days more than 'Days' in the 'STANDARD_IA' Transition action"
        );
        assert_eq!(refusal(with(vec![moving(30, "STANDARD")])), "MalformedXML");
        checked(vec![with(vec![moving(30, "STANDARD_IA"), moving(60, "GLACIER")])], &Ids::seeded(1)).unwrap();
        let none = api::NoncurrentVersionExpiration::default();
        assert_eq!(refusal(api::LifecycleRule { noncurrent_version_expiration: Some(none), ..expiring(1) }), "MalformedXML");
        let tag = |key: &str| api::Tag { key: key.into(), value: String::new() };
        let and = api::LifecycleRuleAndOperator { tags: Some(vec![tag("a"), tag("a")]), ..Default::default() };
        let filter = api::LifecycleRuleFilter { and: Some(and), ..Default::default() };
        assert_eq!(refusal(api::LifecycleRule { filter: Some(filter), ..expiring(1) }), "Duplicate Tag Keys are not allowed.");
    }
}
