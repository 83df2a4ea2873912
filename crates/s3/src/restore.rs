//! RestoreObject: a copy of an archived object that can be read for some days. Whether it is there follows from the time.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html>

use crate::{
    S3, api,
    changes::Update,
    faults::{self, INVALID_ARGUMENT},
    state::Object,
    storage::StorageClass,
    versions::VersionSelector,
};
use cloudlet_aws::{Fault, FaultKind, Timestamp, TimestampFormat};
use cloudlet_engine::{Cx, Handle, Permissions};
use serde::{Deserialize, Serialize};

/// The restore that was last requested of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    pub tier: Tier,
    /// When the copy is there.
    pub ready: Timestamp,
    /// When the copy goes.
    pub expires: Timestamp,
}

/// The slowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tier {
    Bulk,
    Standard,
    Expedited,
}

/// What can be seen of a restore at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    InProgress,
    Restored { until: Timestamp },
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Tier {
    fn of(name: Option<&str>) -> Result<Tier, Fault> {
        match name {
            None | Some("Standard") => Ok(Tier::Standard),
            Some("Bulk") => Ok(Tier::Bulk),
            Some("Expedited") => Ok(Tier::Expedited),
            Some(_) => Err(faults::malformed_xml()),
        }
    }

    /// The longest that AWS names, in seconds. `None`: the class does not have the tier.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html>
    fn duration(self, class: StorageClass) -> Option<i64> {
        match (class, self) {
            (StorageClass::DeepArchive, Tier::Expedited) => None,
            (StorageClass::DeepArchive, Tier::Standard) => Some(12 * HOUR),
            (StorageClass::DeepArchive, Tier::Bulk) => Some(48 * HOUR),
            (_, Tier::Expedited) => Some(5 * MINUTE),
            (_, Tier::Standard) => Some(5 * HOUR),
            (_, Tier::Bulk) => Some(12 * HOUR),
        }
    }
}

impl Restore {
    fn status(&self, now: Timestamp) -> Option<Status> {
        if now < self.ready {
            Some(Status::InProgress)
        } else if now < self.expires {
            Some(Status::Restored { until: self.expires })
        } else {
            None
        }
    }
}

/// AWS: the copy goes at the first midnight after the requested days.
fn expiry(ready: Timestamp, days: i32) -> Timestamp {
    let end = ready.millis().div_euclid(1000).saturating_add(i64::from(days).saturating_mul(DAY));
    Timestamp::from_secs(end.div_euclid(DAY).saturating_add(1).saturating_mul(DAY))
}

fn later(now: Timestamp, seconds: i64) -> Timestamp {
    Timestamp(now.millis().saturating_add(seconds.saturating_mul(1000)))
}

pub fn status(object: &Object, now: Timestamp) -> Option<Status> {
    object.properties.as_ref()?.restore.as_ref()?.status(now)
}

/// The value of `x-amz-restore`.
pub fn header(object: &Object, now: Timestamp) -> Option<String> {
    Some(match status(object, now)? {
        Status::InProgress => "ongoing-request=\"true\"".to_owned(),
        Status::Restored { until } => format!("ongoing-request=\"false\", expiry-date=\"{}\"", until.text(TimestampFormat::HttpDate)),
    })
}

/// The `RestoreStatus` of lists.
pub fn listed(object: &Object, now: Timestamp) -> Option<api::RestoreStatus> {
    Some(match status(object, now)? {
        Status::InProgress => api::RestoreStatus { is_restore_in_progress: Some(true), restore_expiry_date: None },
        Status::Restored { until } => api::RestoreStatus { is_restore_in_progress: Some(false), restore_expiry_date: Some(until) },
    })
}

/// An archived object can be read only while a copy of it is there.
pub fn check_readable(object: &Object, now: Timestamp) -> Result<(), Fault> {
    if !object.storage_class.is_archive() || matches!(status(object, now), Some(Status::Restored { .. })) {
        return Ok(());
    }
    Err(faults::invalid_object_state(object.storage_class.name()))
}

/// What a request makes of a restore.
struct Requested {
    restore: Restore,
    /// 202 where something is retrieved, 200 where only the copy stays longer.
    http_status: u16,
}

fn request(object: &Object, now: Timestamp, days: Option<i32>, tier: Tier) -> Result<Requested, Fault> {
    let class = object.storage_class;
    if !class.is_archive() {
        return Err(FaultKind::sender("InvalidObjectState", 403)
            .says("Restore is not allowed for the object's current storage class")
            .with("StorageClass", class.name()));
    }
    // AWS: unverified.
    let duration = tier.duration(class).ok_or_else(|| INVALID_ARGUMENT.says("Retrieval option is not supported by this storage class"))?;
    let current = object.properties.as_ref().and_then(|properties| properties.restore);
    match current.and_then(|restore| Some((restore, restore.status(now)?))) {
        Some((restore, Status::InProgress)) => {
            if tier <= restore.tier {
                return Err(FaultKind::sender("RestoreAlreadyInProgress", 409).says("Object restore is already in progress"));
            }
            // The days stay as they were first requested.
            let ready = later(now, duration).min(restore.ready);
            let gained = restore.ready.millis().saturating_sub(ready.millis());
            let expires = expiry(Timestamp(restore.expires.millis().saturating_sub(gained).saturating_sub(DAY * 1000)), 0);
            Ok(Requested { restore: Restore { tier, ready, expires: expires.max(ready) }, http_status: 202 })
        }
        Some((restore, Status::Restored { .. })) => {
            let days = days.ok_or_else(faults::malformed_xml)?;
            Ok(Requested { restore: Restore { expires: expiry(now, days), ..restore }, http_status: 200 })
        }
        None => {
            let days = days.ok_or_else(faults::malformed_xml)?;
            let ready = later(now, duration);
            Ok(Requested { restore: Restore { tier, ready, expires: expiry(ready, days) }, http_status: 202 })
        }
    }
}

impl Handle<api::RestoreObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::RestoreObjectRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.object_permission(cx, "s3:RestoreObject", &input.key).into())
    }

    async fn handle(&self, cx: &Cx, input: api::RestoreObjectRequest) -> Result<api::RestoreObjectOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let requested = input.restore_request.as_ref().ok_or_else(faults::malformed_xml)?;
        if requested.r#type.is_some() || requested.select_parameters.is_some() || requested.output_location.is_some() {
            return Err(faults::not_built("restores that select"));
        }
        if requested.days.is_some_and(|days| days < 1) {
            return Err(faults::malformed_xml());
        }
        let of_job = requested.glacier_job_parameters.as_ref().map(|parameters| parameters.tier.as_str());
        let tier = Tier::of(of_job.or(requested.tier.as_deref()))?;
        let mut http_status = 202;
        self.update_object::<api::RestoreObject>(cx, &found, &input.key, selector, "POST", Update::Restore, |object| {
            let requested = request(object, cx.now, requested.days, tier)?;
            http_status = requested.http_status;
            object.properties.get_or_insert_default().restore = Some(requested.restore);
            Ok(())
        })?;
        cx.reply.status(http_status);
        Ok(api::RestoreObjectOutput::default())
    }
}
