//! What lifecycle rules do with the versions of one key at an instant. Nothing is changed here.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html>

use super::{
    dates::{after_days, expires, subject},
    filter::{Subject, has_sizes, has_tags, is_enabled, matches, prefix_of},
};
use crate::{
    api,
    state::{Lifecycle, MinimumSize, Object, Version, Versioning},
    storage::StorageClass,
};
use cloudlet_aws::Timestamp;

/// What becomes of one version. Of what is due at one time, the first here wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is deleted for good.
    Delete,
    /// A colder class comes first.
    Move(Colder),
    /// A delete marker takes its place.
    Mark,
}

/// A storage class as the target of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colder(pub StorageClass);

impl PartialOrd for Colder {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Colder {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        rank(other.0).cmp(&rank(self.0))
    }
}

/// Objects move to a higher rank only.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>
const fn rank(class: StorageClass) -> u8 {
    match class {
        StorageClass::Standard | StorageClass::ReducedRedundancy => 0,
        StorageClass::StandardIa => 1,
        StorageClass::IntelligentTiering => 2,
        StorageClass::OnezoneIa => 3,
        StorageClass::GlacierIr => 4,
        StorageClass::Glacier => 5,
        StorageClass::DeepArchive => 6,
    }
}

pub fn may_move(from: StorageClass, to: StorageClass) -> bool {
    rank(to) > rank(from) && (from, to) != (StorageClass::OnezoneIa, StorageClass::GlacierIr)
}

/// What is due for one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    pub at: Timestamp,
    pub action: Action,
}

const SMALL: u64 = 128 * 1024;

/// What rules read of the bucket.
pub struct Plan<'a> {
    pub lifecycle: &'a Lifecycle,
    pub versioning: Versioning,
    pub now: Timestamp,
}

impl Plan<'_> {
    fn rules(&self) -> impl Iterator<Item = &api::LifecycleRule> {
        self.lifecycle.rules.iter().map(|rule| &**rule)
    }

    fn first(&self, due: impl Iterator<Item = Due>) -> Option<Due> {
        due.filter(|due| due.at <= self.now).min()
    }

    fn move_to(&self, rule: &api::LifecycleRule, object: &Object, class: Option<&str>, at: Timestamp) -> Option<Due> {
        let class = StorageClass::of(class).ok().filter(|class| may_move(object.storage_class, *class))?;
        let varies = self.lifecycle.minimum_size == MinimumSize::VariesByStorageClass && class.is_archive();
        if object.size() < SMALL && !varies && !has_sizes(rule) {
            return None;
        }
        Some(Due { at, action: Action::Move(Colder(class)) })
    }

    /// The next thing that becomes of the current version. `alone`: it is the only version of its key.
    pub fn current(&self, key: &str, version: &Version, alone: bool) -> Option<Due> {
        match version {
            Version::Object(object) => {
                let action = if self.versioning == Versioning::Unversioned { Action::Delete } else { Action::Mark };
                let created = object.last_modified;
                self.first(self.rules().filter(|rule| matches(rule, subject(key, object))).flat_map(|rule| {
                    let expiry = expires(rule, created).map(|at| Due { at: at.max(created), action });
                    let moves = rule.transitions.iter().flatten().filter_map(move |transition| {
                        let at = transition.date.or_else(|| Some(after_days(created, transition.days?)))?;
                        self.move_to(rule, object, transition.storage_class.as_deref(), at)
                    });
                    expiry.into_iter().chain(moves)
                }))
            }
            Version::DeleteMarker(marker) if alone => {
                let made = marker.last_modified;
                let applies =
                    |rule: &&api::LifecycleRule| is_enabled(rule) && key.starts_with(prefix_of(rule)) && !has_tags(rule) && !has_sizes(rule);
                self.first(self.rules().filter(applies).filter_map(|rule| {
                    let at_once = rule.expiration.as_ref().and_then(|expiration| expiration.expired_object_delete_marker) == Some(true);
                    let at = if at_once { Some(after_days(made, 0)) } else { expires(rule, made) };
                    at.map(|at| Due { at, action: Action::Delete })
                }))
            }
            Version::DeleteMarker(_) => None,
        }
    }

    /// The next thing that becomes of a noncurrent version, which became one at `since`. `newer`: the noncurrent versions newer than it.
    pub fn noncurrent(&self, key: &str, version: &Version, since: Timestamp, newer: usize) -> Option<Due> {
        let subject = match version {
            Version::Object(object) => subject(key, object),
            Version::DeleteMarker(_) => Subject { key, tags: &[], size: 0 },
        };
        let exceeds = |most: Option<i32>| most.is_none_or(|most| usize::try_from(most).is_ok_and(|most| newer >= most));
        self.first(self.rules().filter(|rule| matches(rule, subject)).flat_map(|rule| {
            let expiry = rule.noncurrent_version_expiration.as_ref().filter(|expiration| exceeds(expiration.newer_noncurrent_versions));
            let expiry = expiry.and_then(|expiration| expiration.noncurrent_days);
            let expiry = expiry.map(|days| Due { at: after_days(since, days), action: Action::Delete });
            let moves = version.object().into_iter().flat_map(move |object| {
                let transitions = rule.noncurrent_version_transitions.iter().flatten();
                transitions.filter(move |transition| exceeds(transition.newer_noncurrent_versions)).filter_map(move |transition| {
                    self.move_to(rule, object, transition.storage_class.as_deref(), after_days(since, transition.noncurrent_days?))
                })
            });
            expiry.into_iter().chain(moves)
        }))
    }

    /// Whether a multipart upload is aborted.
    pub fn aborts(&self, key: &str, initiated: Timestamp) -> bool {
        abort(self.lifecycle, key, initiated).is_some_and(|(at, _)| at <= self.now)
    }
}

/// When an unfinished multipart upload is aborted, and by which rule.
pub fn abort<'a>(lifecycle: &'a Lifecycle, key: &str, initiated: Timestamp) -> Option<(Timestamp, &'a str)> {
    let rules = lifecycle.rules.iter().filter(|rule| is_enabled(rule) && key.starts_with(prefix_of(rule)));
    let due = rules.filter_map(|rule| {
        let days = rule.abort_incomplete_multipart_upload.as_ref()?.days_after_initiation?;
        Some((after_days(initiated, days), rule.id.as_deref().unwrap_or_default()))
    });
    due.min_by_key(|(at, _)| *at)
}
