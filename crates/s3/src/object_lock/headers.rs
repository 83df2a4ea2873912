//! The headers of Object Lock of a request that makes an object.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-configure.html>

use super::{EventHold, Hold, LockMode, ObjectLock, Period, Retention, check_enabled};
use crate::{faults, state::Bucket};
use cloudlet_aws::{Fault, Timestamp, TimestampFormat};
use cloudlet_engine::{Keys, Permission};

/// The headers.
#[derive(Clone, Default)]
pub struct LockHeaders {
    pub mode: Option<String>,
    pub retain_until: Option<Timestamp>,
    pub legal_hold: Option<String>,
    pub event_hold: Option<String>,
    pub event_hold_days: Option<i32>,
    pub event_hold_years: Option<i32>,
}

/// Takes them from an input.
macro_rules! lock_headers {
    ($input:expr) => {
        $crate::object_lock::LockHeaders {
            mode: $input.object_lock_mode.clone(),
            retain_until: $input.object_lock_retain_until_date,
            legal_hold: $input.object_lock_legal_hold_status.clone(),
            event_hold: $input.object_lock_event_hold.clone(),
            event_hold_days: $input.object_lock_event_hold_duration_days,
            event_hold_years: $input.object_lock_event_hold_duration_years,
        }
    };
}
pub(crate) use lock_headers;

const MODE: &str = "x-amz-object-lock-mode";
const UNTIL: &str = "x-amz-object-lock-retain-until-date";
const EVENT_HOLD: &str = "x-amz-object-lock-event-hold";

impl LockHeaders {
    fn has_event_hold(&self) -> bool {
        self.event_hold.is_some() || self.event_hold_days.is_some() || self.event_hold_years.is_some()
    }

    pub fn has_retention(&self) -> bool {
        self.mode.is_some() || self.retain_until.is_some() || self.has_event_hold()
    }

    pub fn is_none(&self) -> bool {
        !self.has_retention() && self.legal_hold.is_none()
    }

    /// AWS: all about event holds is unverified.
    fn event_hold(&self) -> Result<Option<EventHold>, Fault> {
        if !self.has_event_hold() {
            return Ok(None);
        }
        let status = self.event_hold.as_deref().unwrap_or_default();
        let hold = Hold::named(status).ok_or_else(|| faults::invalid_argument("Event Hold must be either of 'ON' or 'OFF'", EVENT_HOLD, status))?;
        let duration = Period::of(self.event_hold_days, self.event_hold_years).map_err(|fault| {
            let text = "Exactly one of x-amz-object-lock-event-hold-duration-days and x-amz-object-lock-event-hold-duration-years must be supplied";
            fault.unwrap_or_else(|| faults::INVALID_ARGUMENT.says(text).with("ArgumentName", EVENT_HOLD))
        })?;
        Ok(Some(EventHold { hold, duration }))
    }

    fn retention(&self, now: Timestamp) -> Result<Option<Retention>, Fault> {
        let event_hold = self.event_hold()?;
        let is_held = event_hold.is_some_and(|event| event.hold == Hold::On);
        let mode = match (&self.mode, self.retain_until) {
            (None, None) if event_hold.is_none() => return Ok(None),
            (Some(mode), until) if until.is_some() || is_held => mode,
            (mode, _) => {
                let missing = if mode.is_some() { UNTIL } else { MODE };
                return Err(faults::INVALID_ARGUMENT
                    .says("x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")
                    .with("ArgumentName", missing));
            }
        };
        let mode = LockMode::named(mode).ok_or_else(|| faults::invalid_argument("Unknown wormMode directive.", MODE, mode))?;
        match self.retain_until {
            Some(until) if until <= now => {
                let until = until.text(TimestampFormat::DateTime);
                Err(faults::invalid_argument("The retain until date must be in the future!", UNTIL, &until))
            }
            until => Ok(Some(Retention { mode, until, event_hold })),
        }
    }

    /// What protects the new object.
    pub fn lock(&self, bucket: &Bucket, now: Timestamp) -> Result<Option<Box<ObjectLock>>, Fault> {
        let retention = self.retention(now)?;
        let legal_hold = match self.legal_hold.as_deref() {
            None => None,
            // AWS: unverified.
            Some(status) => Some(
                Hold::named(status)
                    .ok_or_else(|| faults::invalid_argument("Legal Hold must be either of 'ON' or 'OFF'", "x-amz-object-lock-legal-hold", status))?,
            ),
        };
        if retention.is_none() && legal_hold.is_none() {
            return Ok(None);
        }
        check_enabled(bucket)?;
        Ok(Some(Box::new(ObjectLock { retention, legal_hold })))
    }

    /// AWS: an object that is to be retained must come with a digest of its body.
    pub fn check_digest(&self, bucket: &Bucket, has_digest: bool) -> Result<(), Fault> {
        check_digest(bucket, !self.is_none(), has_digest, "Put Object")
    }

    /// What a caller needs beside the permission for the new object.
    pub fn actions(&self) -> impl Iterator<Item = &'static str> + use<> {
        let retention = self.has_retention().then_some("s3:PutObjectRetention");
        let legal_hold = self.legal_hold.is_some().then_some("s3:PutObjectLegalHold");
        retention.into_iter().chain(legal_hold)
    }
}

/// The same for a part of an upload.
pub fn check_part_digest(bucket: &Bucket, lock: Option<&ObjectLock>, has_digest: bool) -> Result<(), Fault> {
    check_digest(bucket, lock.is_some(), has_digest, "Put Part")
}

fn check_digest(bucket: &Bucket, is_locked: bool, has_digest: bool, what: &str) -> Result<(), Fault> {
    let is_retained = bucket.object_lock.as_ref().is_some_and(|lock| lock.default_retention.is_some());
    if has_digest || !(is_locked || is_retained) {
        return Ok(());
    }
    Err(faults::INVALID_REQUEST
        .says(format!("Content-MD5 OR x-amz-checksum- HTTP header is required for {what} requests with Object Lock parameters")))
}

const DAY: i64 = 24 * 60 * 60;

/// Sets the condition keys of the headers, or of the retention that an operation puts.
pub fn set_lock_keys(keys: &mut Keys, headers: &LockHeaders, now: Timestamp) {
    for (key, value) in [
        ("s3:object-lock-mode", &headers.mode),
        ("s3:object-lock-legal-hold", &headers.legal_hold),
        ("s3:object-lock-event-hold", &headers.event_hold),
    ] {
        if let Some(value) = value {
            keys.set(key, value.clone());
        }
    }
    if let Some(until) = headers.retain_until {
        keys.set("s3:object-lock-retain-until-date", until.text(TimestampFormat::DateTime));
        let days = until.secs().saturating_sub(now.secs()).max(0) / DAY;
        keys.set("s3:object-lock-remaining-retention-days", days.to_string());
    }
    if let Some(days) = headers.event_hold_days {
        keys.set("s3:object-lock-event-hold-duration-days", days.to_string());
    }
}

/// Adds the permissions for the headers, whose condition keys all permissions of the call have.
macro_rules! lock_keys {
    ($cx:expr, $found:expr, $permissions:expr, $input:expr) => {{
        let headers = $crate::object_lock::lock_headers!($input);
        if !headers.is_none() {
            $permissions.extend(headers.actions().map(|action| $found.object_permission($cx, action, &$input.key)));
            let writes = $permissions.iter_mut().filter(|permission| permission.action.starts_with("s3:PutObject"));
            writes.for_each(|permission| $crate::object_lock::set_lock_keys(&mut permission.keys, &headers, $cx.now));
        }
    }};
}
pub(crate) use lock_keys;

/// A permission with the condition keys of a retention that is put.
pub fn with_lock_keys(mut permission: Permission, headers: &LockHeaders, now: Timestamp) -> Permission {
    set_lock_keys(&mut permission.keys, headers, now);
    permission
}
