//! PutObjectRetention and GetObjectRetention.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectRetention.html>

use super::{
    Bypass, EventHold, Hold, LockHeaders, LockMode, ObjectLock, Period, Retention, check_enabled, headers::with_lock_keys, no_configuration, pacific,
    protected,
};
use crate::{S3, api, changes::Update, faults, versions::VersionSelector};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};

/// What a request says.
struct Requested {
    /// `None`: as it is.
    mode: Option<LockMode>,
    until: Option<Timestamp>,
    event_hold: Option<(Hold, Option<Period>)>,
}

/// `None`: the retention is removed.
fn parse(retention: Option<&api::ObjectLockRetention>, now: Timestamp) -> Result<Option<Requested>, Fault> {
    let Some(retention) = retention else { return Ok(None) };
    let malformed = faults::malformed_xml;
    let duration = retention.event_hold_duration.as_ref().map(|duration| Period::of(duration.days, duration.years));
    let duration = duration.transpose().map_err(|fault| fault.unwrap_or_else(malformed))?;
    let event_hold = match (retention.event_hold.as_deref(), duration) {
        (None, None) => None,
        (None, Some(_)) => return Err(malformed()),
        (Some(status), duration) => Some((Hold::named(status).ok_or_else(malformed)?, duration)),
    };
    let mode = match (retention.mode.as_deref(), retention.retain_until_date, event_hold) {
        (None, None, None) => return Ok(None),
        (Some(mode), Some(_), _) | (Some(mode), None, Some(_)) => Some(LockMode::named(mode).ok_or_else(malformed)?),
        // AWS: unverified. A hold can be released without saying the mode again.
        (None, None, Some((Hold::Off, None))) => None,
        _ => return Err(malformed()),
    };
    if let Some(until) = retention.retain_until_date.filter(|until| *until <= now) {
        return Err(faults::invalid_argument("The retain until date must be in the future!", "RetainUntilDate", &pacific::text(until)));
    }
    Ok(Some(Requested { mode, until: retention.retain_until_date, event_hold }))
}

impl Requested {
    /// The retention that results. Releasing an event hold begins its duration.
    fn after(self, old: Option<&Retention>, now: Timestamp) -> Result<Retention, Fault> {
        let mode = self.mode.or(old.map(|old| old.mode)).ok_or_else(faults::malformed_xml)?;
        let Some((hold, duration)) = self.event_hold else { return Ok(Retention { mode, until: self.until, event_hold: None }) };
        let duration = duration.or(old.and_then(|old| old.event_hold).map(|event| event.duration)).ok_or_else(faults::malformed_xml)?;
        let released = hold == Hold::Off && old.is_some_and(Retention::is_held);
        let old_until = old.and_then(|old| old.until);
        let until = if released { Some(duration.after(now)).max(self.until).max(old_until) } else { self.until.or(old_until) };
        Ok(Retention { mode, until, event_hold: Some(EventHold { hold, duration }) })
    }
}

/// Whether a retention protects less than another that is active.
fn weakens(old: &Retention, new: &Retention, now: Timestamp) -> bool {
    let keeps_hold = match (old.event_hold.filter(|event| event.hold == Hold::On), new.event_hold) {
        (None, _) => true,
        (Some(old), Some(new)) => new.duration.after(now) >= old.duration.after(now),
        (Some(_), None) => false,
    };
    // Another mode is refused in both directions (ceph/s3-tests).
    old.mode != new.mode || !keeps_hold || (new.until < old.until && !new.is_held())
}

/// Whether a retention may take the place of another.
fn check_change(old: Option<&Retention>, new: Option<&Retention>, now: Timestamp, bypass: Bypass) -> Result<(), Fault> {
    let Some(old) = old.filter(|old| old.is_active(now)) else { return Ok(()) };
    let may_weaken = match old.mode {
        LockMode::Governance => bypass == Bypass::Governance,
        LockMode::Compliance => false,
    };
    if may_weaken || new.is_some_and(|new| !weakens(old, new, now)) { Ok(()) } else { Err(protected()) }
}

/// What the condition keys are made of.
fn keys_of(retention: Option<&api::ObjectLockRetention>) -> LockHeaders {
    let Some(retention) = retention else { return LockHeaders::default() };
    LockHeaders {
        mode: retention.mode.clone(),
        retain_until: retention.retain_until_date,
        event_hold: retention.event_hold.clone(),
        event_hold_days: retention.event_hold_duration.as_ref().and_then(|duration| duration.days),
        ..LockHeaders::default()
    }
}

pub(super) fn with_version(permission: Permission, version_id: Option<&String>) -> Permission {
    match version_id {
        Some(version_id) => permission.with_key("s3:VersionId", version_id.clone()),
        None => permission,
    }
}

impl Handle<api::PutObjectRetention> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutObjectRetentionRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        let permission = with_version(found.object_permission(cx, "s3:PutObjectRetention", &input.key), input.version_id.as_ref());
        Ok(with_lock_keys(permission, &keys_of(input.retention.as_ref()), cx.now).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutObjectRetentionRequest) -> Result<api::PutObjectRetentionOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        check_enabled(&found.bucket)?;
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let parsed = parse(input.retention.as_ref(), cx.now);
        let bypass = S3::bypass::<api::PutObjectRetention>(cx, &found, &input.key, input.bypass_governance_retention);
        self.update_object::<api::PutObjectRetention>(cx, &found, &input.key, selector, "PUT", Update::Protection, |object| {
            let lock = object.lock().cloned().unwrap_or_default();
            let old = lock.retention.as_ref();
            let new = parsed?.map(|requested| requested.after(old, cx.now)).transpose()?;
            check_change(old, new.as_ref(), cx.now, bypass)?;
            object.set_lock(ObjectLock { retention: new, ..lock });
            Ok(())
        })?;
        Ok(api::PutObjectRetentionOutput::default())
    }
}

impl Handle<api::GetObjectRetention> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetObjectRetentionRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(with_version(found.object_permission(cx, "s3:GetObjectRetention", &input.key), input.version_id.as_ref()).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetObjectRetentionRequest) -> Result<api::GetObjectRetentionOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        check_enabled(&found.bucket)?;
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let object = found.object::<api::GetObjectRetention>(cx, &input.key, selector, "GET")?;
        let retention = object.lock().and_then(|lock| lock.retention.as_ref()).ok_or_else(no_configuration)?;
        Ok(api::GetObjectRetentionOutput {
            retention: Some(api::ObjectLockRetention {
                mode: Some(retention.mode.name().to_owned()),
                retain_until_date: retention.until,
                event_hold: retention.event_hold.map(|event| event.hold.name().to_owned()),
                event_hold_duration: retention.event_hold.map(|event| event.duration.into()),
            }),
        })
    }
}
