//! Which objects a lifecycle rule is about.

use crate::{api, state::Tag};

/// What of an object a filter reads.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub key: &'a str,
    pub tags: &'a [Tag],
    pub size: u64,
}

pub fn prefix_of(rule: &api::LifecycleRule) -> &str {
    let filter = rule.filter.as_ref();
    let of_filter = || filter.and_then(|filter| filter.prefix.as_deref().or_else(|| filter.and.as_ref()?.prefix.as_deref()));
    rule.prefix.as_deref().or_else(of_filter).unwrap_or_default()
}

pub fn tags_of(rule: &api::LifecycleRule) -> impl Iterator<Item = &api::Tag> {
    let filter = rule.filter.as_ref();
    let alone = filter.and_then(|filter| filter.tag.as_ref());
    let many = filter.and_then(|filter| filter.and.as_ref()).and_then(|and| and.tags.as_ref());
    alone.into_iter().chain(many.into_iter().flatten())
}

pub fn has_tags(rule: &api::LifecycleRule) -> bool {
    tags_of(rule).next().is_some()
}

/// The sizes between which an object is meant, exclusive.
fn sizes(rule: &api::LifecycleRule) -> (Option<u64>, Option<u64>) {
    let Some(filter) = &rule.filter else { return (None, None) };
    let and = filter.and.as_ref();
    let size = |size: Option<i64>| size.and_then(|size| u64::try_from(size).ok());
    (
        size(filter.object_size_greater_than.or_else(|| and?.object_size_greater_than)),
        size(filter.object_size_less_than.or_else(|| and?.object_size_less_than)),
    )
}

pub fn has_sizes(rule: &api::LifecycleRule) -> bool {
    sizes(rule) != (None, None)
}

pub fn is_enabled(rule: &api::LifecycleRule) -> bool {
    rule.status == "Enabled"
}

pub fn matches(rule: &api::LifecycleRule, subject: Subject<'_>) -> bool {
    let (greater, less) = sizes(rule);
    is_enabled(rule)
        && subject.key.starts_with(prefix_of(rule))
        && greater.is_none_or(|than| subject.size > than)
        && less.is_none_or(|than| subject.size < than)
        && tags_of(rule).all(|wanted| subject.tags.iter().any(|tag| tag.key == wanted.key && tag.value == wanted.value))
}

/// The filter as S3's faults show it: `(prefix=tax/)`.
pub fn filter_text(rule: &api::LifecycleRule) -> String {
    let mut text = format!("(prefix={}", prefix_of(rule));
    for tag in tags_of(rule) {
        text.push_str(&format!(", tag={}={}", tag.key, tag.value));
    }
    text.push(')');
    text
}
