//! Object Lock: versions that cannot be deleted, for a time or until somebody says so.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>

mod configuration;
mod headers;
mod legal_hold;
mod pacific;
mod retention;

pub use configuration::LockConfiguration;
pub use headers::{LockHeaders, check_part_digest, set_lock_keys};
pub(crate) use headers::{lock_headers, lock_keys};

use crate::{
    S3,
    access::BucketHandle,
    api, faults,
    state::{Bucket, Object, ObjectProperties, Version},
};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_shape::Operation;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LockMode {
    /// Who has s3:BypassGovernanceRetention may end it.
    Governance,
    /// Nobody can end it.
    Compliance,
}

impl LockMode {
    pub fn named(name: &str) -> Option<LockMode> {
        [LockMode::Governance, LockMode::Compliance].into_iter().find(|mode| mode.name() == name)
    }

    pub const fn name(self) -> &'static str {
        match self {
            LockMode::Governance => "GOVERNANCE",
            LockMode::Compliance => "COMPLIANCE",
        }
    }
}

/// How long something is retained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    Days(i32),
    Years(i32),
}

const DAY: i64 = 24 * 60 * 60;
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html>
const MAX_DAYS: i32 = 36_500;
const MAX_YEARS: i32 = 100;

impl Period {
    /// Exactly one of the two. `Err(None)`: both or none.
    fn of(days: Option<i32>, years: Option<i32>) -> Result<Period, Option<Fault>> {
        let (period, number, max) = match (days, years) {
            (Some(days), None) => (Period::Days(days), days, MAX_DAYS),
            (None, Some(years)) => (Period::Years(years), years, MAX_YEARS),
            _ => return Err(None),
        };
        let refused = |text: &str| Err(Some(cloudlet_aws::FaultKind::sender("InvalidRetentionPeriod", 400).says(text)));
        match number {
            // AWS: both messages are unverified.
            ..=0 => refused("Default retention period must be a positive integer value."),
            number if number > max => refused("Default retention period is too large."),
            _ => Ok(period),
        }
    }

    fn after(self, now: Timestamp) -> Timestamp {
        let days = match self {
            Period::Days(days) => i64::from(days),
            Period::Years(years) => i64::from(years).saturating_mul(365),
        };
        now.plus_secs(days.saturating_mul(DAY))
    }

    const fn days(self) -> Option<i32> {
        match self {
            Period::Days(days) => Some(days),
            Period::Years(_) => None,
        }
    }

    const fn years(self) -> Option<i32> {
        match self {
            Period::Years(years) => Some(years),
            Period::Days(_) => None,
        }
    }
}

impl From<Period> for api::EventHoldDuration {
    fn from(period: Period) -> api::EventHoldDuration {
        api::EventHoldDuration { days: period.days(), years: period.years() }
    }
}

/// `ON` or `OFF`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Hold {
    On,
    Off,
}

impl Hold {
    pub fn named(name: &str) -> Option<Hold> {
        [Hold::On, Hold::Off].into_iter().find(|hold| hold.name() == name)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Hold::On => "ON",
            Hold::Off => "OFF",
        }
    }
}

/// A hold until an event: from its release on, the version is retained for the duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventHold {
    pub hold: Hold,
    pub duration: Period,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retention {
    pub mode: LockMode,
    /// `None` while an event hold is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_hold: Option<EventHold>,
}

impl Retention {
    fn is_held(&self) -> bool {
        self.event_hold.is_some_and(|event| event.hold == Hold::On)
    }

    /// Whether it protects now.
    fn is_active(&self, now: Timestamp) -> bool {
        self.is_held() || self.until.is_some_and(|until| until > now)
    }
}

/// What protects one version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ObjectLock {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_hold: Option<Hold>,
}

/// Whether a request may end what governance mode protects: it says so, and its caller has the permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bypass {
    Governance,
    Nothing,
}

/// AWS: recorded.
pub fn protected() -> Fault {
    faults::ACCESS_DENIED.says("Access Denied because object protected by object lock.")
}

impl ObjectLock {
    /// Whether the version can be deleted.
    pub fn check_delete(&self, now: Timestamp, bypass: Bypass) -> Result<(), Fault> {
        let retained = self.retention.as_ref().filter(|retention| retention.is_active(now));
        let bypassed = |retention: &Retention| retention.mode == LockMode::Governance && bypass == Bypass::Governance;
        if self.legal_hold == Some(Hold::On) || retained.is_some_and(|retention| !bypassed(retention)) { Err(protected()) } else { Ok(()) }
    }
}

/// Whether a version can be deleted for good.
pub fn check_delete(version: &Version, now: Timestamp, bypass: Bypass) -> Result<(), Fault> {
    version.object().and_then(|object| object.lock()).map_or(Ok(()), |lock| lock.check_delete(now, bypass))
}

impl Object {
    pub fn lock(&self) -> Option<&ObjectLock> {
        self.properties.as_ref()?.lock.as_deref()
    }

    fn set_lock(&mut self, lock: ObjectLock) {
        let lock = (lock != ObjectLock::default()).then(|| Box::new(lock));
        let properties = self.properties.take().map(|properties| *properties).unwrap_or_default();
        self.properties = ObjectProperties { lock, ..properties }.boxed();
    }

    /// Gives a new object the default retention of its bucket, unless its request says something else.
    pub fn retain_by_default(&mut self, bucket: &Bucket, now: Timestamp) {
        let Some(default) = bucket.object_lock.as_ref().and_then(|lock| lock.default_retention.as_ref()) else { return };
        let lock = self.lock().cloned().unwrap_or_default();
        if lock.retention.is_none() {
            self.set_lock(ObjectLock { retention: Some(default.of_new_object(now)), ..lock });
        }
    }
}

/// The fault for an operation of Object Lock in a bucket without it.
fn check_enabled(bucket: &Bucket) -> Result<(), Fault> {
    match bucket.object_lock {
        Some(_) => Ok(()),
        None => Err(faults::INVALID_REQUEST.says("Bucket is missing Object Lock Configuration")),
    }
}

fn no_configuration() -> Fault {
    cloudlet_aws::FaultKind::sender("NoSuchObjectLockConfiguration", 404).says("The specified object does not have a ObjectLock configuration")
}

impl S3 {
    /// What `x-amz-bypass-governance-retention` of a request allows for one key.
    pub(crate) fn bypass<O: Operation>(cx: &Cx, found: &BucketHandle, key: &str, header: Option<bool>) -> Bypass {
        let permission = || found.object_permission(cx, "s3:BypassGovernanceRetention", key);
        if header == Some(true) && cx.check::<O>(&permission()).is_ok() { Bypass::Governance } else { Bypass::Nothing }
    }
}

/// What a read shows of the lock of an object, of what its caller may see.
#[derive(Default)]
pub struct ShownLock {
    pub retention: Option<Retention>,
    pub legal_hold: Option<Hold>,
}

impl ShownLock {
    pub fn of<O: Operation>(cx: &Cx, found: &BucketHandle, key: &str, object: &Object) -> ShownLock {
        let Some(lock) = object.lock() else { return ShownLock::default() };
        let may = |action| cx.check::<O>(&found.object_permission(cx, action, key)).is_ok();
        ShownLock {
            retention: lock.retention.clone().filter(|_| may("s3:GetObjectRetention")),
            legal_hold: lock.legal_hold.filter(|_| may("s3:GetObjectLegalHold")),
        }
    }
}

/// Sets the members that GetObject and HeadObject have.
macro_rules! describe_lock {
    ($output:expr, $shown:expr) => {{
        let $crate::object_lock::ShownLock { retention, legal_hold } = $shown;
        $output.object_lock_legal_hold_status = legal_hold.map(|hold| hold.name().to_owned());
        if let Some(retention) = retention {
            $output.object_lock_mode = Some(retention.mode.name().to_owned());
            $output.object_lock_retain_until_date = retention.until;
            $output.object_lock_event_hold = retention.event_hold.map(|event| event.hold.name().to_owned());
            let duration = retention.event_hold.map(|event| $crate::api::EventHoldDuration::from(event.duration));
            $output.object_lock_event_hold_duration_days = duration.as_ref().and_then(|duration| duration.days);
            $output.object_lock_event_hold_duration_years = duration.and_then(|duration| duration.years);
        }
    }};
}
pub(crate) use describe_lock;
